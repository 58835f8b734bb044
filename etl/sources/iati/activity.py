"""One IATI activity: from its XML, of version 1.0x or 2.0x, to what is read of it.

The versions differ in their words and hardly in their sense: types of transaction and roles are words
or letters in 1.0x and numbers in 2.0x, a text stands in the element itself or in ``narrative``. One
table maps both, so a publisher who moves to the newer version does not make new figures.

Whatever a percentage, a code or a date says that it should not is an issue or a reject of its
place; nothing is divided, filled up or guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from lxml import etree

from etl.reading import Finding

Element = etree._Element

LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
EXTRA_VERSION: Final = "{https://datastore.codeforiati.org/ns}version"
DPORTAL_VERSION: Final = "{http://d-portal.org/xmlns/iati-activities}version"
USG: Final = "{https://explorer.usaid.gov}"
VERSIONS: Final = ("1.01", "1.02", "1.03", "1.04", "1.05", "2.01", "2.02", "2.03")

# Transaction types of both code lists, complete: 1.0x letters, 2.0x numbers; the number is the name.
TYPES: Final = {
    "IF": "1", "C": "2", "D": "3", "E": "4", "IR": "5", "LR": "6", "R": "7", "QP": "8", "QS": "9",
    "CG": "10", **{str(number): str(number) for number in range(1, 14)},
}  # fmt: skip
FLOWS: Final = {
    "1": ("incoming funds", "iati_incoming", "incoming funds"),
    "2": ("commitment", "iati_commitments", "commitment"),
    "3": ("disbursement", "iati_disbursements", "disbursement"),
    "4": ("expenditure", "iati_expenditure", "expenditure"),
    "5": ("other financing", "iati_other", "interest payment"),
    "6": ("other financing", "iati_other", "loan repayment"),
    "7": ("reimbursement", "iati_other", "reimbursement"),
    "8": ("other financing", "iati_other", "purchase of equity"),
    "9": ("other financing", "iati_other", "sale of equity"),
    "10": ("other financing", "iati_other", "credit guarantee"),
    "11": ("incoming commitment", "iati_incoming", "incoming commitment"),
    "12": ("pledge", "iati_pledges", "outgoing pledge"),
    "13": ("incoming pledge", "iati_incoming", "incoming pledge"),
}
INCOMING: Final = ("1", "11", "13")
ROLES: Final = {
    "funding": "1", "accountable": "2", "extending": "3", "implementing": "4",
    "1": "1", "2": "2", "3": "3", "4": "4",
}  # fmt: skip
DAC: Final = (None, "1", "DAC")  # the DAC's five digits; a vocabulary left out means it
DAC_REGIONS: Final = (None, "1", "DAC")
GOVERNMENT: Final = "10"
CHILD: Final = "2"
CANCELLED: Final = "5"
YES: Final = ("1", "true")

ACTIVITY_PARTS: Final = frozenset(
    ["reporting-org", "iati-identifier", "other-identifier", "title", "description", "participating-org", "activity-status", "activity-date", "contact-info", "activity-scope", "recipient-country", "recipient-region", "location", "sector", "tag", "country-budget-items", "humanitarian-scope", "policy-marker", "collaboration-type", "default-flow-type", "default-finance-type", "default-aid-type", "default-tied-status", "budget", "planned-disbursement", "capital-spend", "transaction", "document-link", "related-activity", "legacy-data", "conditions", "result", "crs-add", "fss", "activity-website"]
)  # fmt: skip
TRANSACTION_PARTS: Final = frozenset(
    ["transaction-type", "transaction-date", "value", "description", "provider-org", "receiver-org", "disbursement-channel", "sector", "recipient-country", "recipient-region", "flow-type", "finance-type", "aid-type", "tied-status"]
)  # fmt: skip

_MONEY: Final = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,10})?")
_CENTS: Final = Decimal("0.01")
_DATE: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2}|T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_ROUNDING: Final = Decimal("0.05")


class Organisation(NamedTuple):
    """An organisation as a file names it."""

    ref: str | None
    type: str | None
    name: str | None

    @property
    def said(self) -> str | None:
        """Its name, or else its code."""
        return self.name or self.ref

    @property
    def country(self) -> str | None:
        """The country of a government, as ISO 3166 alpha-2, from its code."""
        found = re.fullmatch(r"([A-Z]{2})(-.*)?", self.ref or "")
        return found[1] if found and self.type == GOVERNMENT else None

    def is_same(self, other: Organisation) -> bool:
        """Both are one organisation, or departments of one government."""
        if self.ref and self.ref == other.ref:
            return True
        if self.country and self.country == other.country:
            return True
        return bool(self.name and other.name and self.name.casefold() == other.name.casefold())


class Share(NamedTuple):
    """One sector or recipient: the dimension, its code, and its percentage as printed."""

    dimension: str
    code: str
    printed: str | None
    percent: Decimal | None


@dataclass
class Shares:
    """The sectors, or the recipients, of one activity or transaction."""

    parts: list[Share]
    check: str = ""

    @property
    def codes(self) -> list[str]:
        """The codes, each once, in the order of the alphabet."""
        return sorted({part.code for part in self.parts})


@dataclass
class Transaction:
    """One transaction that is read, with what its activity gives it."""

    number: int
    type: str
    ref: str | None
    date: date
    amount_as_printed: str
    currency: str | None
    value_date: str | None
    provider: Organisation
    receiver: Organisation
    description: str | None
    sectors: Shares
    recipients: Shares
    is_own_sector: bool
    treasury: str | None

    @property
    def amount(self) -> Decimal:
        """The amount to the cent; what is printed stands beside it."""
        return Decimal(self.amount_as_printed).quantize(_CENTS)


@dataclass
class Activity:
    """One activity with a transaction that is read, and what was odd about it."""

    file: str
    place: str
    identifier: str
    updated: str
    version: str | None
    title: str | None
    reporter: Organisation
    is_secondary_reporter: bool
    has_children: bool
    is_cancelled: bool
    participants: list[tuple[str, Organisation]]
    count: int = 0  # of the transactions that the selection takes, rejects among them
    transactions: list[Transaction] = field(default_factory=list)
    rejects: list[Finding] = field(default_factory=list)
    issues: list[Finding] = field(default_factory=list)

    def having(self, role: str) -> list[Organisation]:
        """The participating organisations with this role."""
        return [each for found, each in self.participants if found == role]


class _Odd(Exception):  # noqa: N818 - becomes a reject
    def __init__(self, column: str, rule: str, raw: str | None, fix: str) -> None:
        super().__init__(rule)
        self.finding = (column, rule, raw, fix)


def parse(
    file: str, place: str, element: Element, updated: str, wanted: Sequence[str]
) -> Activity | None:
    """What is read of an activity; None if neither it nor a transaction has a ``wanted`` sector.

    ``updated`` is when the file was made, for activities that do not say it of themselves.
    """
    own = _five_digits(element)
    taken = [
        (number, each, sectors)
        for number, each in enumerate(element.findall("transaction"), 1)
        for sectors in [_five_digits(each) or own]
        if any(_code(sector) in wanted for sector in sectors)
    ]
    if not taken and not any(_code(sector) in wanted for sector in own):
        return None
    activity = _head(file, place, element, updated)
    _look(activity, place, element, ACTIVITY_PARTS)
    _look_at_version(activity)
    if not taken:
        activity.issues.append(
            Finding(
                place, "transaction", "an activity without transactions", activity.identifier or None,
                "budgets are not read; look at what the publisher says of it",
            )
        )  # fmt: skip
    default = Shares([]), Shares([])
    if taken:
        default = _sectors(activity, place, own), _recipients(activity, place, element)
    for number, each, sectors in taken:
        where = f"{place} /transaction/{number}"
        activity.count += 1
        _look(activity, where, each, TRANSACTION_PARTS)
        try:
            found = _transaction(activity, where, number, each, element.get("default-currency"))
        except _Odd as odd:
            activity.rejects.append(Finding(where, *odd.finding))
            continue
        is_own = sectors is not own
        found.sectors = _sectors(activity, where, sectors) if is_own else default[0]
        has_place = each.find("recipient-country") is not None or (
            each.find("recipient-region") is not None
        )
        found.recipients = _recipients(activity, where, each) if has_place else default[1]
        found.is_own_sector = is_own
        activity.transactions.append(found)
    return activity


def _head(file: str, place: str, element: Element, updated: str) -> Activity:
    reporter = element.find("reporting-org")
    status = element.find("activity-status")
    activity = Activity(
        file=file,
        place=place,
        identifier=_text(element.find("iati-identifier")) or "",
        updated=(element.get("last-updated-datetime") or updated).strip(),
        version=_version(element),
        title=_text(element.find("title")),
        reporter=_organisation(reporter),
        is_secondary_reporter=(
            reporter is not None and (reporter.get("secondary-reporter") or "").lower() in YES
        ),
        has_children=any(each.get("type") == CHILD for each in element.findall("related-activity")),
        is_cancelled=status is not None and status.get("code") == CANCELLED,
        participants=[],
    )
    for each in element.findall("participating-org"):
        role = ROLES.get((each.get("role") or "").strip().lower())
        if role is None:
            activity.issues.append(
                Finding(
                    place, "participating-org", "unknown role", each.get("role"),
                    "the organisation is not read; add the role to ROLES in activity.py",
                )
            )  # fmt: skip
        else:
            activity.participants.append((role, _organisation(each)))
    return activity


def _version(element: Element) -> str | None:
    parent = element.getparent()
    printed = (
        element.get(EXTRA_VERSION)
        or element.get(DPORTAL_VERSION)
        or (parent.get("version") if parent is not None else None)
    )
    return printed.strip() if printed else None


def _look_at_version(activity: Activity) -> None:
    if activity.version and activity.version not in VERSIONS:
        activity.issues.append(
            Finding(
                activity.place, "version", "a version of IATI that is not known", activity.version,
                "the activity is read as the known ones are; look at what the new version changed",
            )
        )  # fmt: skip


def _look(activity: Activity, place: str, element: Element, known: frozenset[str]) -> None:
    """Name each part that is not known; parts of extensions, in namespaces, are left by rule."""
    for name in sorted({each.tag for each in element} - known):
        if not name.startswith("{"):
            activity.issues.append(
                Finding(
                    place, name, "unknown element", name,
                    "look at what it holds, and name it in activity.py",
                )
            )  # fmt: skip


# Transactions


def _transaction(
    activity: Activity, place: str, number: int, element: Element, default_currency: str | None
) -> Transaction:
    if not activity.identifier:
        raise _Odd("iati-identifier", "a value is missing", None, "nothing names the activity")
    printed = _attribute(element.find("transaction-type"), "code")
    kind = TYPES.get(printed or "")
    if kind is None:
        raise _Odd(
            "transaction-type", "unknown category", printed,
            "use a code of IATI's list, or add it to TYPES in activity.py",
        )  # fmt: skip
    value = element.find("value")
    amount = (value.text or "").strip() if value is not None else ""
    if not _MONEY.fullmatch(amount):
        raise _Odd(
            "value", "not an amount of money" if amount else "a value is missing", amount or None,
            "IATI asks for digits with a point for decimals and no separators",
        )  # fmt: skip
    when = element.find("transaction-date")
    day = _attribute(when, "iso-date")
    return Transaction(
        number=number,
        type=kind,
        ref=(element.get("ref") or "").strip() or None,
        date=_day("transaction-date", day),
        amount_as_printed=amount,
        currency=_currency(activity, place, _attribute(value, "currency") or default_currency),
        value_date=_value_date(activity, place, _attribute(value, "value-date")),
        provider=_organisation(element.find("provider-org")),
        receiver=_organisation(element.find("receiver-org")),
        description=_text(element.find("description")),
        sectors=Shares([]),
        recipients=Shares([]),
        is_own_sector=False,
        treasury=_treasury(element.find(f"{USG}treasury-account")),
    )


def _day(column: str, printed: str | None) -> date:
    if not printed:
        raise _Odd(column, "a value is missing", None, "IATI asks for iso-date")
    found = _DATE.fullmatch(printed)
    try:
        return date.fromisoformat(found[1] if found else printed[:0])
    except ValueError as error:
        raise _Odd(column, "not a date", printed, "IATI asks for YYYY-MM-DD") from error


def _value_date(activity: Activity, place: str, printed: str | None) -> str | None:
    try:
        return _day("value", printed).isoformat()
    except _Odd as odd:
        fix = "without it nothing says which exchange rate applies"
        rule = "no value date" if not printed else "the value date is none"
        activity.issues.append(Finding(place, "value", rule, odd.finding[2], fix))
    return None


def _currency(activity: Activity, place: str, printed: str | None) -> str | None:
    code = (printed or "").strip().upper()
    if _CURRENCY.fullmatch(code):
        return code
    activity.issues.append(
        Finding(
            place, "value", "not a currency" if code else "no currency", printed or None,
            "the amount is kept; nothing can be converted",
        )
    )  # fmt: skip
    return None


def _treasury(element: Element | None) -> str | None:
    """The U.S. Treasury account of a transaction, whose numbers are written as decimals."""
    if element is None:
        return None
    agency = _attribute(element.find(f"{USG}regular-account"), "code")
    main = element.find(f"{USG}main-account")
    code = _attribute(main, "code")
    if not agency or not code:
        return None
    name = f" {_squeezed(main.text)}" if main is not None and _squeezed(main.text) else ""
    return f"{agency.removesuffix('.0')}-{code.removesuffix('.0')}{name}"


# Shares


def _five_digits(element: Element) -> list[Element]:
    """The sectors in the DAC's five-digit vocabulary."""
    return [each for each in element.findall("sector") if each.get("vocabulary") in DAC]


def _sectors(activity: Activity, place: str, found: Iterable[Element]) -> Shares:
    shares = Shares([_share(activity, place, "sector", each) for each in found])
    return _checked(activity, place, shares, "sectors")


def _recipients(activity: Activity, place: str, element: Element) -> Shares:
    """Countries and the DAC's regions; other regions only where nothing else is named.

    Regions of two vocabularies are the same money, and so is a country beside the region of another
    vocabulary that it lies in.
    """
    countries = element.findall("recipient-country")
    regions = element.findall("recipient-region")
    of_dac = [each for each in regions if each.get("vocabulary") in DAC_REGIONS]
    others = [] if countries or of_dac else regions
    shares = Shares(
        [
            *(_share(activity, place, "recipient country", each) for each in countries),
            *(_share(activity, place, "recipient region", each) for each in of_dac),
            *(_share(activity, place, "other region", each) for each in others),
        ]
    )
    return _checked(activity, place, shares, "recipients")


def _share(activity: Activity, place: str, dimension: str, element: Element) -> Share:
    code = _code(element)
    printed = (element.get("percentage") or "").strip() or None
    try:
        percent = Decimal(printed) if printed else None
    except InvalidOperation:
        percent = None
    good = percent is None or (percent.is_finite() and 0 <= percent <= 100)  # noqa: PLR2004
    if printed and (percent is None or not good):
        activity.issues.append(
            Finding(
                place, dimension, "not a percentage", printed, "the share is taken as not printed"
            )
        )  # fmt: skip
        percent = None
    if code and dimension == "recipient country":
        code = code.upper()
    return Share(dimension, code or "not named", printed, percent)


def _checked(activity: Activity, place: str, shares: Shares, what: str) -> Shares:
    """Give the only part its hundred per cent, and say how the parts add up."""
    parts = shares.parts
    if not parts:
        return Shares([], f"no {what} named")
    if len(parts) == 1 and parts[0].percent is None:
        return Shares([parts[0]._replace(percent=Decimal(100))], f"one of {what} named")
    known = [part.percent for part in parts if part.percent is not None]
    if len(known) < len(parts):
        activity.issues.append(
            Finding(
                place, what, "several without their percentages", ", ".join(shares.codes),
                "their shares are not known; an equal split would be a guess",
            )
        )  # fmt: skip
        return Shares(parts, f"{what} lack percentages")
    total = sum(known, Decimal(0))
    if abs(total - 100) > _ROUNDING:
        activity.issues.append(
            Finding(
                place, what, "percentages that do not add to 100", f"{total:f}",
                "they are kept as published; the publisher should mend them",
            )
        )  # fmt: skip
    return Shares(parts, f"{what} add to {total.normalize():f} %")


# Texts


def _code(element: Element) -> str:
    return (element.get("code") or "").strip()


def _attribute(element: Element | None, name: str) -> str | None:
    return ((element.get(name) or "").strip() or None) if element is not None else None


def _organisation(element: Element | None) -> Organisation:
    if element is None:
        return Organisation(None, None, None)
    return Organisation(_attribute(element, "ref"), _attribute(element, "type"), _text(element))


def _text(element: Element | None) -> str | None:
    """The text of an element: in English if there are several languages, else the first."""
    if element is None:
        return None
    narratives = element.findall("narrative")
    if not narratives:
        return _squeezed(element.text)
    said = [(_language(each), _squeezed(each.text)) for each in narratives]
    texts = [(language, text) for language, text in said if text]
    english = (text for language, text in texts if language.startswith("en"))
    return next(english, None) or next(_unmarked(texts), None) or (texts[0][1] if texts else None)


def _unmarked(texts: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (text for language, text in texts if not language)


def _language(element: Element) -> str:
    return (element.get(LANGUAGE) or "").strip().lower()


def _squeezed(text: str | None) -> str | None:
    return " ".join((text or "").split()) or None
