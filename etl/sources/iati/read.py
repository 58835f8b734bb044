"""IATI: the transactions of activities about mines, from files of any size and of every version.

An entry is one transaction with its whole amount in its own currency. How much of it falls to mine
action, and to which country, stands beside it in ``splits`` as the publisher prints it.

The same money stands here several times by design: each link of a chain publishes it. What the file
says about that is kept in ``is_secondary`` and the note, and no series of this source may be added.

IATI gives a transaction no lasting name. It is known by its activity, its type, the publisher's
reference if there is one, and its day; where these agree, by a number of ours, counted in the order
of the amounts. So a corrected amount is a revision, and the order of the file does not matter.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import polars as pl
import yaml
from lxml import etree

from etl.archive import Contents
from etl.areas import Resolver
from etl.elements import XmlError, elements, refuse_declarations
from etl.locate import element_of
from etl.reading import Finding, Reading, SourceError
from etl.sources.iati.activity import (
    FLOWS,
    INCOMING,
    Activity,
    Organisation,
    Shares,
    Transaction,
    parse,
)
from etl.tables import Funding, polars_schema

HERE: Final = Path(__file__).parent
SECTORS: Final = tuple(
    yaml.safe_load((HERE / "source.yml").read_text(encoding="utf-8"))["fetch"]["options"]["sectors"]
)
REGIONS: Final = {
    row["code"]: row["name"]
    for row in csv.DictReader((HERE / "regions.csv").read_text(encoding="utf-8").splitlines())
}
# Codes of IATI's list of countries that ISO 3166 gives to nobody, or took back.
COUNTRIES: Final = {"XK": "XKX", "AN": "ANT", "CS": "SCG", "YU": "YUG", "TP": "TLS", "ZR": "COD"}
NOWHERE: Final = "QRG"  # no country is named; not the code of world totals

REPORT: Final = "International Aid Transparency Initiative"
EDITION: Final = "activities as published"
ADDRESS: Final = "https://datastore.codeforiati.org/api/1/access/activity.xml?iati-identifier="
NAME: Final = "iati-activity"
_HOLDS: Final = " or ".join(f"contains(@code, '{code}')" for code in SECTORS)
_IS_CANDIDATE: Final = etree.XPath(f"boolean(sector[{_HOLDS}] | transaction/sector[{_HOLDS}])")
_COUNT: Final = etree.XPath("count(transaction)")
# Characters that would end the identifier in an address.
_ESCAPED: Final = str.maketrans({" ": "%20", "#": "%23", "&": "%26", "+": "%2B", "%": "%25"})

Row = dict[str, Any]
Places = Mapping[tuple[str, str], str]


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row a transaction of sector 15250, with the shares of sectors and recipients."""
    try:
        found = [each for file in sorted(files) for each in _activities(files, reading, file)]
    except XmlError as error:
        raise SourceError(str(error), error.rule) from error
    places = _places(resolver)
    rows: list[Row] = []
    splits: list[Row] = []
    for activity in _newest(reading, found):
        reading.rejects += activity.rejects
        reading.issues += activity.issues
        for transaction, place in _named(activity):
            row = _row(activity, transaction, place)
            row |= _area(reading, places, row["locator"], transaction.recipients)
            rows.append(row)
            splits += _splits(row["locator"], transaction)
    types = {**polars_schema(Funding), "file": pl.String(), "_donor_alpha2": pl.String()}
    frame = pl.DataFrame(rows, schema={name: types[name] for name in _COLUMNS}, orient="row")
    frame = resolver.resolve(reading, frame, "donor", "_by_name", quiet=True).with_columns(
        donor_area=pl.coalesce(
            "_by_name", pl.col("_donor_alpha2").replace_strict(resolver.by_alpha2, default=None)
        )
    )
    parts = pl.DataFrame(splits, schema=_SPLITS, orient="row")
    reading.add("funding", frame.drop("_by_name", "_donor_alpha2"), parts)


# Files and activities


def _activities(files: Contents, reading: Reading, file: str) -> Iterator[Activity]:
    """The activities of one file that hold a transaction to be read; all transactions are counted."""
    with files.open(file) as stream:
        refuse_declarations(file, stream)
    reading.rows_read.setdefault(file, 0)
    count, expected, updated = 0, None, ""
    with files.open(file) as stream:
        for number, element in elements(file, stream, NAME):
            if number == 1:
                updated, expected = _about(file, element)
            count = number
            transactions = int(cast("float", _COUNT(element)))
            reading.rows_read[file] += transactions
            place = element_of(file, NAME, number)
            activity = (
                parse(file, place, element, updated, SECTORS) if _IS_CANDIDATE(element) else None
            )
            reading.leave(file, transactions - (activity.count if activity else 0))
            if activity:
                yield activity
    if not count:
        raise SourceError(
            f"{file} holds no element {NAME}; it is no file of IATI activities. Fetch it again"
        )
    if expected is not None and expected != count:
        reading.doubt(
            Finding(
                element_of(file, NAME, count), "total-count",
                f"{count:,} activities came, the datastore counts {expected:,}", str(expected),
                "the copy is one page, or was cut short; fetch the whole",
            )
        )  # fmt: skip


def _about(file: str, first: etree._Element) -> tuple[str, int | None]:
    """When the file was made, and how many activities the datastore says that it holds."""
    parent = first.getparent()
    if parent is None or parent.tag != "iati-activities":
        found = "nothing" if parent is None else str(parent.tag)
        raise SourceError(
            f"{file} has its activities in {found} and not in iati-activities; has the format changed?"
        )
    total = (parent.findtext("query/total-count") or "").strip()
    return parent.get("generated-datetime") or "", int(total) if total.isdecimal() else None


def _newest(reading: Reading, found: Iterable[Activity]) -> Iterator[Activity]:
    """Each activity once: as it was updated last, of several the one that stands last."""
    by_name: defaultdict[str, list[Activity]] = defaultdict(list)
    for number, activity in enumerate(found):
        by_name[activity.identifier or f"\0{number}"].append(activity)
    for name, copies in by_name.items():
        newest = max(reversed(copies), key=lambda each: each.updated)
        for copy in copies:
            if copy is not newest:
                reading.leave(copy.file, copy.count)
        if len(copies) > 1:
            newest.issues.append(
                Finding(
                    newest.place, "iati-identifier", f"an activity that stands {len(copies)} times", name,
                    "the one that was updated last is read, the others are left",
                )
            )  # fmt: skip
        yield newest


def _named(activity: Activity) -> Iterator[tuple[Transaction, str]]:
    """Each transaction with the name by which it is known again."""
    groups: defaultdict[str, list[Transaction]] = defaultdict(list)
    for transaction in activity.transactions:
        kind = FLOWS[transaction.type][2]
        parts = (activity.identifier, kind, transaction.ref, transaction.date.isoformat())
        groups[", ".join(part for part in parts if part)].append(transaction)
    for name, alike in groups.items():
        for number, transaction in enumerate(sorted(alike, key=_order), 1):
            yield transaction, name if len(alike) == 1 or number == 1 else f"{name}, {number}"


def _order(transaction: Transaction) -> tuple[Any, ...]:
    return (
        transaction.amount, transaction.currency or "", transaction.value_date or "",
        transaction.recipients.codes, transaction.receiver.said or "",
        transaction.provider.said or "", transaction.description or "",
    )  # fmt: skip


# Rows


def _row(activity: Activity, transaction: Transaction, place: str) -> Row:
    flow, series, _ = FLOWS[transaction.type]
    funders = activity.having("1")
    donors = _donors(activity, transaction, funders)
    printed = transaction.amount_as_printed
    in_dollars = transaction.currency == "USD"
    doubles = _doubles(activity, transaction, funders)
    countries = {each.country for each in donors}
    return {
        "file": activity.file,
        "locator": f"{activity.place} /transaction/{transaction.number}",
        "series": series,
        "report": REPORT,
        "edition": EDITION,
        "place": place,
        "source_url": f"{ADDRESS}{activity.identifier.translate(_ESCAPED)}",
        "note": "; ".join(_notes(activity, transaction, doubles)) or None,
        "donor": _listed(donors) or "not named",
        "_donor_alpha2": countries.pop() if len(countries) == 1 else None,
        "agency": transaction.provider.said
        or (None if transaction.type in INCOMING else activity.reporter.said),
        "account": "Not stated",
        "implementer": transaction.receiver.said or _listed(activity.having("4")),
        "reported_by": _reporter(activity),
        "award_id": activity.identifier,
        "title": activity.title,
        "selection_rule": "sector 15250 of the "
        + ("transaction" if transaction.is_own_sector else "activity"),
        "purpose_code": "15250",
        "sector": "unspecified",
        "sector_as_printed": _printed(transaction.sectors),
        "flow": flow,
        "status": "actual",
        "date": transaction.date.isoformat(),
        "value_date": transaction.value_date,
        "year": transaction.date.year,
        "year_basis": "calendar",
        "is_printed_total": activity.has_children,
        "is_cumulative": False,
        "is_secondary": bool(doubles),
        "amount": transaction.amount,
        "currency": transaction.currency,
        "amount_usd": transaction.amount if in_dollars else None,
        "amount_as_printed": printed,
        "unit_as_printed": transaction.currency,
        "precision": "exact" if len(printed.partition(".")[2]) <= 2 else "rounded",  # noqa: PLR2004
        "sum_check": f"{transaction.sectors.check}; {transaction.recipients.check}",
    }


def _donors(
    activity: Activity, transaction: Transaction, funders: list[Organisation]
) -> list[Organisation]:
    """Who pays: of money received the provider, else whoever funds the activity, else who reports it."""
    if transaction.type in INCOMING and transaction.provider.said:
        return [transaction.provider]
    return [each for each in funders if each.said] or (
        [] if transaction.type in INCOMING else [activity.reporter]
    )


def _doubles(
    activity: Activity, transaction: Transaction, funders: list[Organisation]
) -> list[str]:
    """Why another than this publisher may report the same money; nothing if the file gives no reason."""
    found = []
    if activity.is_secondary_reporter:
        found.append("reported by a secondary publisher")
    if transaction.type in INCOMING:
        found.append("money received: the giver reports it too")
    elif transaction.provider.said and not transaction.provider.is_same(activity.reporter):
        found.append(f"the provider is {transaction.provider.said}, not the publisher")
    if funders and not any(each.is_same(activity.reporter) for each in funders):
        found.append(f"the activity is funded by {_listed(funders)}, not by the publisher")
    return found


def _notes(activity: Activity, transaction: Transaction, doubles: list[str]) -> Iterator[str]:
    if transaction.description:
        yield transaction.description
    if FLOWS[transaction.type][0] == "other financing":
        yield FLOWS[transaction.type][2]
    yield from doubles
    if activity.has_children:
        yield "the activity has child activities, which may report the same money"
    if activity.is_cancelled:
        yield "the activity is cancelled"
    if transaction.treasury:
        yield f"U.S. Treasury account {transaction.treasury}"


def _reporter(activity: Activity) -> str | None:
    """The publisher's name and code, which tells it from others of the same name."""
    name, ref = activity.reporter.name, activity.reporter.ref
    return f"{name} ({ref})" if name and ref else name or ref


def _listed(organisations: Iterable[Organisation]) -> str | None:
    return "; ".join(sorted({each.said for each in organisations if each.said})) or None


def _printed(shares: Shares) -> str | None:
    """Codes and percentages as the file has them."""
    return "; ".join(
        f"{part.code} ({part.printed} %)" if part.printed else part.code for part in shares.parts
    ) or None  # fmt: skip


def _splits(locator: str, transaction: Transaction) -> Iterator[Row]:
    """The shares that are known; one that is not printed is the only one of its kind."""
    for part in (*transaction.sectors.parts, *transaction.recipients.parts):
        if part.percent is not None:
            yield {
                "locator": locator,
                "dimension": part.dimension,
                "category": part.code,
                "value": float(part.percent),
                "unit": "percent",
                "value_as_printed": part.printed or "not printed; no other is named",
            }


def _area(reading: Reading, places: Places, locator: str, shares: Shares) -> Row:
    """The recipient if there is one; several have no code together and stand in the splits."""
    if not shares.parts:
        return {"area_as_printed": "World", "area": NOWHERE}
    if len({(part.dimension, part.code) for part in shares.parts}) > 1:
        return {"area_as_printed": "several recipients", "area": None}
    dimension, code = shares.parts[0].dimension, shares.parts[0].code
    printed = code if dimension == "recipient country" else f"{dimension.split()[1]} {code}"
    if (dimension, code) not in places:
        reading.issue(
            Finding(
                locator, dimension, "unknown area", printed,
                "add the code to COUNTRIES in read.py or to regions.csv",
            )
        )  # fmt: skip
    return {"area_as_printed": printed, "area": places.get((dimension, code))}


def _places(resolver: Resolver) -> Places:
    """The areas of IATI's codes of countries and of the DAC's regions."""
    names = dict(resolver.names.select("folded", "area").iter_rows())
    countries = {**resolver.by_alpha2, **COUNTRIES}
    return {
        **{("recipient country", code): area for code, area in countries.items()},
        **{("recipient region", code): names[name.lower()] for code, name in REGIONS.items()},
    }


_SPLITS: Final = {
    "locator": pl.String, "dimension": pl.String, "category": pl.String, "value": pl.Float64,
    "unit": pl.String, "value_as_printed": pl.String,
}  # fmt: skip
_COLUMNS: Final = (
    "file", "locator", "series", "report", "edition", "place", "source_url", "note", "donor",
    "_donor_alpha2", "agency", "account", "area", "area_as_printed", "implementer", "reported_by",
    "award_id", "title", "selection_rule", "purpose_code", "sector", "sector_as_printed", "flow",
    "status", "date", "value_date", "year", "year_basis", "is_printed_total", "is_cumulative",
    "is_secondary", "amount", "currency", "amount_usd", "amount_as_printed", "unit_as_printed",
    "precision", "sum_check",
)  # fmt: skip
