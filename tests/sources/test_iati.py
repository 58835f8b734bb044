"""IATI: one entry a transaction, whole; shares as published; nothing counted twice unmarked."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
import pytest

from etl.archive import Archive
from etl.areas import Resolver, load_areas
from etl.check import Checked, check
from etl.config import Config
from etl.fetch import Fetcher, Outside
from etl.locate import find
from etl.reading import Reading, SourceError
from etl.refresh import refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import FetchSpec, SourceSpec, all_sources
from etl.sources.iati.activity import FLOWS, TYPES
from etl.sources.iati.read import REGIONS
from etl.tables import FLOWS as DECLARED
from etl.tables import NATURAL_KEYS
from etl.verify import verify
from tests.helpers import DATA, NO_LIMITS, SCRATCH, TRANSCRIBED, ask, contents, only
from tests.replay import Chunked, File, Route, Status, html, rate_limited, serving

SAMPLES = TRANSCRIBED.parents[2] / "shared" / "samples" / "iati"
AREAS = Resolver(load_areas(DATA / "reference"))
FILE = "activities.xml"
NEEDS_SAMPLES = pytest.mark.skipif(not SAMPLES.exists(), reason="the shared samples are not here")

# The shape of USAID's file of 2025 with the sector that it lacks: two vocabularies side by side on the
# transaction, no currency on the value, numbers written as decimals.
PAID = """<transaction ref="A1B0">
  <transaction-type code="3"/><transaction-date iso-date="2015-09-30"/>
  <value value-date="2015-09-30">77000.00</value>
  <receiver-org type="22"><narrative>The HALO Trust</narrative></receiver-org>
  <disbursement-channel code="2"/>
  <sector code="15250" vocabulary="1"><narrative>Removal of land mines</narrative></sector>
  <sector code="8001" vocabulary="99"><narrative>Direct Administrative Costs</narrative></sector>
  <recipient-country code="AF"/>
  <usg:treasury-account><usg:regular-account code="11.0"/>
    <usg:main-account code="1075.0">Nonproliferation, Antiterrorism, Demining</usg:main-account>
  </usg:treasury-account>
</transaction>"""
HEAD = """<iati-identifier>{identifier}</iati-identifier>
<reporting-org ref="US-GOV-1" type="10"><narrative>U.S. Agency for International Development</narrative></reporting-org>
<participating-org ref="US-GOV-11" role="1" type="10"><narrative>Department of State</narrative></participating-org>
<title><narrative xml:lang="fr">Déminage</narrative><narrative xml:lang="en">Demining</narrative></title>"""
SECTOR = '<sector code="15250"/>'
COUNTRY = '<recipient-country code="AF"/>'


def document(
    *activities: str, root: str = 'version="2.03" generated-datetime="2025-04-03"'
) -> bytes:
    body = "\n".join(activities)
    return (
        f'<?xml version="1.0"?>\n<iati-activities {root} xmlns:usg="https://explorer.usaid.gov">'
        f"\n{body}\n</iati-activities>\n"
    ).encode()


def activity(*parts: str, identifier: str = "US-GOV-1-X", more: str = "", head: str = HEAD) -> str:
    body = "".join(parts)
    return (
        f'<iati-activity default-currency="USD" hierarchy="1" {more}>'
        f"{head.format(identifier=escape(identifier))}{body}</iati-activity>"
    )


def transaction(
    amount: str = "1000", kind: str = "3", day: str = "2013-04-08", *, ref: str = "",
    value: str = 'currency="GBP" value-date="2013-04-08"', more: str = "",
) -> str:  # fmt: skip
    return (
        f'<transaction ref="{ref}"><transaction-type code="{kind}"/><transaction-date iso-date="{day}"/>'
        f"<value {value}>{amount}</value>{more}</transaction>"
    )


def read_files(files: Mapping[str, bytes]) -> tuple[Reading, Checked]:
    spec = all_sources()["iati"]
    reading = Reading()
    spec.reader()(contents(files), reading, AREAS)
    checked = check(spec, reading)
    rejected = len({reject.locator for reject in reading.rejects})
    left = sum(reading.deselected.values())
    assert sum(reading.rows_read.values()) == checked.entries + rejected + left
    return reading, checked


def rows(*activities: str, **more: Any) -> tuple[Reading, pl.DataFrame]:
    reading, checked = read_files({FILE: document(*activities, **more)})
    return reading, checked.tables["funding"]


def shares(*activities: str) -> list[tuple[str, str, float, str]]:
    _, checked = read_files({FILE: document(*activities)})
    parts = checked.splits["funding"].select("dimension", "category", "value", "value_as_printed")
    return parts.rows()


def rules(reading: Reading) -> list[str]:
    return [issue.rule for issue in reading.issues]


# What a transaction becomes


def test_a_transaction_is_one_entry_of_its_whole_amount_with_publisher_funder_and_receiver() -> (
    None
):
    reading, frame = rows(activity(PAID))
    only(
        frame, series="iati_disbursements", flow="disbursement", date="2015-09-30", year=2015,
        year_basis="calendar", value_date="2015-09-30", amount=Decimal("77000.00"), currency="USD",
        amount_usd=Decimal("77000.00"), amount_as_printed="77000.00", area="AFG",
        area_as_printed="AF", donor="Department of State", donor_area="USA",
        agency="U.S. Agency for International Development", implementer="The HALO Trust",
        reported_by="U.S. Agency for International Development (US-GOV-1)", award_id="US-GOV-1-X",
        title="Demining", selection_rule="sector 15250 of the transaction", is_secondary=False,
        place="US-GOV-1-X, disbursement, A1B0, 2015-09-30", sector_as_printed="15250",
        note="U.S. Treasury account 11-1075 Nonproliferation, Antiterrorism, Demining",
        locator=f"{FILE} element iati-activity 1 /transaction/1", is_printed_total=False,
    )  # fmt: skip
    assert reading.issues == []


def test_two_sectors_in_two_vocabularies_are_the_same_money() -> None:
    assert shares(activity(PAID)) == [
        ("sector", "15250", 100.0, "not printed; no other is named"),
        ("recipient country", "AF", 100.0, "not printed; no other is named"),
    ]


def test_version_1_has_letters_and_plain_texts_and_gives_the_same_entry() -> None:
    old = activity(
        '<reporting-org ref="GB-1" type="10">Department for International Development</reporting-org>'
        '<participating-org ref="GB" type="10" role="Funding">UNITED KINGDOM</participating-org>'
        "<iati-identifier>GB-1-1</iati-identifier><title>Demining</title>"
        '<sector code="15250">Land mine clearance</sector><recipient-country code="AF">Afg</recipient-country>'
        '<transaction><value value-date="2007-04-01Z">10</value><transaction-type code="E"/>'
        '<transaction-date iso-date="2007-04-01Z">Budget for 2007</transaction-date></transaction>',
        head="",
    )  # fmt: skip
    new = activity(
        '<reporting-org ref="GB-1" type="10"><narrative>Department for International Development</narrative></reporting-org>'
        '<participating-org ref="GB" type="10" role="1"><narrative>UNITED KINGDOM</narrative></participating-org>'
        "<iati-identifier>GB-1-1</iati-identifier><title><narrative>Demining</narrative></title>"
        '<sector code="15250" vocabulary="1"/><recipient-country code="AF"/>'
        '<transaction><transaction-type code="4"/><transaction-date iso-date="2007-04-01"/>'
        '<value value-date="2007-04-01">10</value></transaction>',
        head="",
    )  # fmt: skip
    _, before = rows(old, root='version="1.01"')
    reading, after = rows(new)
    only(before, flow="expenditure", value_date="2007-04-01", donor="UNITED KINGDOM", area="AFG")
    assert before.drop("vintage_sha256").equals(after.drop("vintage_sha256"))
    assert reading.issues == []


@pytest.mark.parametrize("code", TYPES)
def test_every_type_of_both_code_lists_has_a_flow_and_a_series_of_its_own(code: str) -> None:
    reading, frame = rows(activity(SECTOR, COUNTRY, transaction(kind=code)))
    flow, series, word = FLOWS[TYPES[code]]
    only(frame, flow=flow, series=series)
    assert flow in DECLARED
    assert word in f"{frame['place'][0]} {frame['note'][0]}"
    assert reading.rejects == []


def test_stages_of_money_are_never_in_one_series() -> None:
    outgoing = {FLOWS[number][1] for number in ("2", "3", "4", "12")}
    assert len(outgoing) == 4
    assert "iati_incoming" not in outgoing
    assert not any(each.is_additive for each in all_sources()["iati"].series.values())


def test_a_sector_of_the_transaction_goes_before_that_of_the_activity() -> None:
    other = '<sector code="72010" vocabulary="1"/>'
    reading, frame = rows(
        activity(SECTOR, COUNTRY, transaction("1", more=other), transaction("2"),
                 transaction("3", more='<sector code="7001" vocabulary="99"/>'))
    )  # fmt: skip
    assert frame["amount"].to_list() == [2, 3], "a sector of another vocabulary overrides nothing"
    assert reading.deselected == {FILE: 1}


def test_activities_about_other_things_are_left_and_counted() -> None:
    other = activity('<sector code="15230"/>', transaction(), transaction(), identifier="Y")
    own = activity('<sector code="15250" vocabulary="99"/>', transaction(), identifier="Z")
    reading, frame = rows(other, own, activity(PAID))
    assert (frame.height, reading.rows_read, reading.deselected) == (1, {FILE: 4}, {FILE: 3})


def test_an_activity_about_mines_without_transactions_is_an_issue() -> None:
    reading, _ = rows(activity(SECTOR), activity(PAID, identifier="Y"))
    assert rules(reading) == ["an activity without transactions"]


# Shares


def test_percentages_stay_as_published_and_the_amount_whole() -> None:
    sectors = '<sector code="15250" percentage="30"/><sector code="15230" percentage="70"/>'
    places = '<recipient-country code="LA" percentage="14.29"/><recipient-country code="KH" percentage="85.71"/>'
    text = activity(sectors, places, transaction("1000"))
    assert shares(text) == [
        ("sector", "15250", 30.0, "30"), ("sector", "15230", 70.0, "70"),
        ("recipient country", "LA", 14.29, "14.29"), ("recipient country", "KH", 85.71, "85.71"),
    ]  # fmt: skip
    reading, frame = rows(text)
    only(
        frame, amount=Decimal("1000.00"), area=None, area_as_printed="several recipients",
        sector_as_printed="15250 (30 %); 15230 (70 %)",
        sum_check="sectors add to 100 %; recipients add to 100 %",
    )  # fmt: skip
    assert reading.issues == []


@pytest.mark.parametrize(("printed", "total"), [(("60", "30"), "90"), (("60", "60"), "120")])
def test_percentages_that_do_not_add_to_100_are_an_issue_and_stay(
    printed: tuple[str, str], total: str
) -> None:
    text = activity(
        f'<sector code="15250" percentage="{printed[0]}"/><sector code="15230" percentage="{printed[1]}"/>',
        COUNTRY, transaction(), transaction(day="2014-01-01"),
    )  # fmt: skip
    reading, frame = rows(text)
    assert [(i.rule, i.raw_value, i.locator) for i in reading.issues] == [
        ("percentages that do not add to 100", total, f"{FILE} element iati-activity 1")
    ]
    assert frame["sum_check"][0].startswith(f"sectors add to {total} %")
    assert shares(text)[0] == ("sector", "15250", float(printed[0]), printed[0])


@pytest.mark.parametrize("percentages", [("14.29",) * 4 + ("14.28",) * 3, ("33.33",) * 3])
def test_rounding_is_no_issue(percentages: tuple[str, ...]) -> None:
    codes = ("BF", "BO", "CI", "KH", "ML", "NI", "VN")
    places = "".join(
        f'<recipient-country code="{code}" percentage="{percent}"/>'
        for code, percent in zip(codes, percentages, strict=False)
    )
    reading, _ = rows(activity(SECTOR, places, transaction()))
    assert reading.issues == []


def test_several_sectors_without_percentages_are_not_split_by_a_guess() -> None:
    text = activity(SECTOR, '<sector code="15230"/>', COUNTRY, transaction())
    reading, frame = rows(text)
    assert rules(reading) == ["several without their percentages"]
    only(frame, amount=Decimal(1000), sector_as_printed="15250; 15230")
    assert [part[0] for part in shares(text)] == ["recipient country"]


@pytest.mark.parametrize("percent", ["sixty", "-1", "101", "NaN", "60%"])
def test_what_is_no_percentage_is_an_issue_and_not_a_share(percent: str) -> None:
    reading, frame = rows(
        activity(f'<sector code="15250" percentage="{percent}"/><sector code="1" percentage="40"/>',
                 COUNTRY, transaction())
    )  # fmt: skip
    assert rules(reading) == ["not a percentage", "several without their percentages"]
    only(frame, sector_as_printed=f"15250 ({percent} %); 1 (40 %)")


def test_a_recipient_region_is_kept_as_a_region() -> None:
    reading, frame = rows(activity(SECTOR, '<recipient-region code="798"/>', transaction()))
    only(frame, area_as_printed="region 798", area="QOC")
    assert reading.issues == []
    mixed = activity(
        SECTOR, '<recipient-country code="LA" percentage="40"/>',
        '<recipient-region code="798" percentage="60"/>'
        '<recipient-region code="X" vocabulary="99" percentage="100"/>', transaction(),
    )  # fmt: skip
    assert [part[:3] for part in shares(mixed)[1:]] == [
        ("recipient country", "LA", 40.0), ("recipient region", "798", 60.0)
    ]  # fmt: skip


def test_every_region_of_the_list_is_an_area() -> None:
    for code in REGIONS:
        reading, frame = rows(activity(SECTOR, f'<recipient-region code="{code}"/>', transaction()))
        assert reading.issues == []
        assert frame["area"][0].startswith("Q")


@pytest.mark.parametrize(
    ("places", "printed", "area", "issues"),
    [
        ("", "World", "QRG", []),
        ('<recipient-country code="XK"/>', "XK", "XKX", []),
        ('<recipient-country code="af"/>', "AF", "AFG", []),
        ('<recipient-country code="QQ"/>', "QQ", None, ["unknown area"]),
        ('<recipient-region code="7"/>', "region 7", None, ["unknown area"]),
        ('<recipient-region code="A" vocabulary="99"/>', "region A", None, ["unknown area"]),
    ],
)
def test_a_recipient_is_what_is_printed_and_never_a_guess(
    places: str, printed: str, area: str | None, issues: list[str]
) -> None:
    reading, frame = rows(activity(SECTOR, places, transaction()))
    only(frame, area_as_printed=printed, area=area)
    assert rules(reading) == issues


def test_a_recipient_of_the_transaction_goes_before_those_of_the_activity() -> None:
    _, frame = rows(
        activity(SECTOR, '<recipient-region code="798"/>',
                 transaction(more='<recipient-country code="LA"/>'))
    )  # fmt: skip
    only(frame, area="LAO")


# The same money


CHARITY = """<iati-identifier>{identifier}</iati-identifier>
<reporting-org ref="GB-CHC-1001813" type="21" secondary-reporter="{secondary}"><narrative>The HALO Trust</narrative></reporting-org>"""
FUNDED = '<participating-org ref="GB-GOV-1" role="1" type="10"><narrative>FCDO</narrative></participating-org>'


@pytest.mark.parametrize(
    ("secondary", "parts", "kind", "is_secondary", "said"),
    [
        ("0", "", "4", False, None),
        ("1", "", "4", True, "reported by a secondary publisher"),
        ("true", "", "4", True, "reported by a secondary publisher"),
        ("0", FUNDED, "4", True, "the activity is funded by FCDO, not by the publisher"),
        ("0", "", "1", True, "money received: the giver reports it too"),
        ("0", "", "11", True, "money received: the giver reports it too"),
    ],
)
def test_what_another_than_the_owner_of_the_money_reports_is_marked_with_the_reason(
    secondary: str, parts: str, kind: str, is_secondary: bool, said: str | None
) -> None:
    head = CHARITY.replace("{secondary}", secondary)
    _, frame = rows(activity(parts, SECTOR, COUNTRY, transaction(kind=kind), head=head))
    only(frame, is_secondary=is_secondary, note=said)


def test_a_provider_that_is_not_the_publisher_is_marked() -> None:
    provider = '<provider-org ref="{}"><narrative>{}</narrative></provider-org>'
    own = transaction("1", more=provider.format("GB-CHC-1001813", "Halo"))
    named = transaction("2", more=provider.format("", "the halo trust"))
    other = transaction("3", more=provider.format("XM-1", "UNMAS"))
    head = CHARITY.replace("{secondary}", "0")
    _, frame = rows(activity(SECTOR, COUNTRY, own, named, other, head=head))
    assert frame["is_secondary"].to_list() == [False, False, True]


def test_of_money_received_the_provider_is_the_donor() -> None:
    head = CHARITY.replace("{secondary}", "0")
    provider = '<provider-org ref="CA-3" type="10"><narrative>Canada</narrative></provider-org>'
    _, frame = rows(
        activity(FUNDED, SECTOR, COUNTRY, transaction(kind="1", more=provider), head=head)
    )
    only(frame, donor="Canada", donor_area="CAN", flow="incoming funds")


def test_a_parent_is_marked_for_its_figures_may_repeat_those_of_its_children() -> None:
    child = '<related-activity ref="Y" type="2"/>'
    _, frame = rows(activity(SECTOR, COUNTRY, child, transaction()))
    only(frame, is_printed_total=True)
    parent = '<related-activity ref="Y" type="1"/><related-activity ref="Z" type="3"/>'
    _, frame = rows(activity(SECTOR, COUNTRY, parent, transaction()))
    only(frame, is_printed_total=False)


def test_an_activity_in_several_files_counts_once_as_it_was_updated_last() -> None:
    def dated(day: str, amount: str) -> bytes:
        more = f'last-updated-datetime="{day}T00:00:00Z"'
        return document(activity(SECTOR, COUNTRY, transaction(amount), more=more))

    reading, checked = read_files(
        {"a.xml": dated("2024-02-01", "2"), "b.xml": dated("2023-01-01", "1")}
    )
    only(checked.tables["funding"], amount=Decimal(2))
    assert reading.deselected == {"a.xml": 0, "b.xml": 1}
    assert rules(reading) == ["an activity that stands 2 times"]


# What is broken


@pytest.mark.parametrize(
    ("broken", "column", "rule"),
    [
        (transaction("1,000"), "value", "not an amount of money"),
        (transaction(""), "value", "a value is missing"),
        (transaction("1e3"), "value", "not an amount of money"),
        (transaction(kind="99"), "transaction-type", "unknown category"),
        (transaction(kind=""), "transaction-type", "unknown category"),
        (transaction(day="2013-02-30"), "transaction-date", "not a date"),
        (transaction(day="April"), "transaction-date", "not a date"),
        (transaction(day=""), "transaction-date", "a value is missing"),
    ],
)
def test_a_transaction_that_cannot_be_read_is_a_reject_with_its_place(
    broken: str, column: str, rule: str
) -> None:
    reading, frame = rows(activity(SECTOR, COUNTRY, transaction(), broken))
    assert frame.height == 1
    assert [(r.locator, r.column, r.rule) for r in reading.rejects] == [
        (f"{FILE} element iati-activity 1 /transaction/2", column, rule)
    ]


def test_an_activity_without_an_identifier_is_rejected() -> None:
    reading, frame = rows(
        activity(SECTOR, transaction(), identifier=" "), activity(PAID, identifier="Y")
    )
    assert (frame.height, [reject.column for reject in reading.rejects]) == (1, ["iati-identifier"])


@pytest.mark.parametrize(
    ("value", "currency", "value_date", "issues"),
    [
        ('value-date="2013-04-08"', "USD", "2013-04-08", []),
        ('currency="EUR"', "EUR", None, ["no value date"]),
        ('currency="EUR" value-date="soon"', "EUR", None, ["the value date is none"]),
        ('currency="euros" value-date="2013-04-08"', None, "2013-04-08", ["not a currency"]),
        ('currency="gbp" value-date="2013-04-08T00:00:00Z"', "GBP", "2013-04-08", []),
    ],
)
def test_currency_and_value_date_are_those_printed_or_missing_with_an_issue(
    value: str, currency: str | None, value_date: str | None, issues: list[str]
) -> None:
    reading, frame = rows(activity(SECTOR, COUNTRY, transaction(value=value)))
    only(
        frame, currency=currency, value_date=value_date,
        amount_usd=Decimal(1000) if currency == "USD" else None,
    )  # fmt: skip
    assert rules(reading) == issues


def test_an_amount_keeps_its_sign_and_what_is_printed_below_the_cent() -> None:
    _, frame = rows(activity(SECTOR, COUNTRY, transaction("\n  -1234.5678\t")))
    only(frame, amount=Decimal("-1234.57"), amount_as_printed="-1234.5678", precision="rounded")


def test_what_is_not_known_is_an_issue() -> None:
    reading, frame = rows(
        activity('<participating-org role="9"/>', "<surprise/>", SECTOR, COUNTRY,
                 transaction(more="<other/><usg:more/>")),
        root='version="3.0"',
    )  # fmt: skip
    assert frame.height == 1
    assert sorted(rules(reading)) == [
        "a version of IATI that is not known", "unknown element", "unknown element", "unknown role",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><iati-activities/>",
         "has a document type declaration"),
        (b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><iati-activities/>", "document type"),
        (document(activity(PAID))[:-30], "is no well-formed XML"),
        (b'{"a": 1}', "is no well-formed XML"),
        (document(), "holds no element iati-activity"),
        (b"<iati-organisations><iati-organisation/></iati-organisations>", "holds no element"),
        (b"<a><iati-activity/></a>", "has its activities in a and not in iati-activities"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_it_should_be_stops_the_source(content: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_files({FILE: content})


def test_the_datastores_answer_is_read_and_a_single_page_of_it_is_doubted() -> None:
    inner = document(
        "<query><total-count>2</total-count><start>0</start><limit>50</limit></query>",
        activity(PAID).replace("<iati-activity", '<iati-activity iati-extra:version="2.02"'),
    ).partition(b"\n")[2].decode()  # fmt: skip
    answer = f'<result xmlns:iati-extra="https://datastore.codeforiati.org/ns"><ok>True</ok>{inner}</result>'
    reading, checked = read_files({FILE: answer.encode()})
    assert checked.entries == 1
    assert [doubt.rule for doubt in reading.doubts] == ["1 activities came, the datastore counts 2"]
    reading, _ = read_files({FILE: answer.replace(">2<", ">1<").encode()})
    assert (reading.doubts, reading.issues) == ([], [])


def test_an_entry_leads_back_to_its_transaction() -> None:
    content = document(activity(SECTOR, transaction()), activity(PAID, identifier="Y"))
    archive = Archive(SCRATCH / "iati")
    sha256 = archive.put("iati", FILE, content, "").sha256
    _, found = find(archive, sha256, f"{FILE} element iati-activity 2 /transaction/1")
    assert found.startswith("<transaction ")
    assert "77000.00" in found


# Vintages


def keys(frame: pl.DataFrame) -> dict[tuple[Any, ...], Decimal]:
    return {
        tuple(row[name] for name in NATURAL_KEYS["funding"]): row["amount"]
        for row in frame.iter_rows(named=True)
    }


MANY = [transaction(str(amount), day=f"2013-0{day}-01", ref=ref)
        for amount, day, ref in [(5, 1, ""), (-7, 1, ""), (9, 1, "r"), (5, 2, ""), (5, 2, "")]]  # fmt: skip


def vintage(transactions: list[str]) -> dict[tuple[Any, ...], Decimal]:
    return keys(rows(activity(SECTOR, COUNTRY, *transactions))[1])


def test_the_order_of_a_file_changes_nothing() -> None:
    for shuffled in (MANY[::-1], MANY[2:] + MANY[:2], MANY[::2] + MANY[1::2]):
        assert vintage(shuffled) == vintage(MANY)


def test_a_changed_amount_is_the_same_figure_and_added_and_removed_ones_touch_no_other() -> None:
    before = vintage(MANY)
    changed = vintage([*MANY[:2], transaction("10", day="2013-01-01", ref="r"), *MANY[3:]])
    assert changed.keys() == before.keys()
    assert sum(changed[key] != before[key] for key in before) == 1
    added = vintage([*MANY, transaction("1", day="2014-01-01")])
    assert {key: added[key] for key in before} == before
    assert len(added) == len(before) + 1
    removed = vintage(MANY[:2] + MANY[3:])
    assert removed == {key: before[key] for key in removed}


# Real files


@NEEDS_SAMPLES
def test_the_real_files_load_with_every_transaction_accounted_for() -> None:
    files = {
        path.name.removesuffix(".gz"): gzip.decompress(path.read_bytes())
        if path.suffix == ".gz"
        else path.read_bytes()
        for path in sorted(SAMPLES.glob("*.xml*"))
    }
    reading, checked = read_files(files)
    frame = checked.tables["funding"]
    assert (sum(reading.rows_read.values()), checked.entries) == (2334, 36)
    assert (reading.rejects, reading.issues, reading.doubts) == ([], [], [])
    counts = dict(frame.group_by("award_id").len().iter_rows())
    assert counts == {"GB-1-201745-103": 29, "GB-1-113644-101": 3, "GB-1-113644-102": 4}
    spent = frame.filter(pl.col("series") == "iati_expenditure")
    assert (spent.height, spent["amount"].sum()) == (28, Decimal("2068527"))
    assert spent.filter(pl.col("amount") < 0)["amount"].to_list() == [-120584, -29906, -32199]


@NEEDS_SAMPLES
@pytest.mark.parametrize(
    ("name", "was", "entries"),
    [("usg_usaid_798_v2.03_2025-04.xml.gz", '"91010" vocabulary="1"', 63),
     ("canada-activity.xml", '"15150"', 13), ("unops-at-activity.xml", '"15110"', 1),
     ("ec-intpa-activity.xml", '"31210"', 6), ("fcdo-activity.xml", '"15110"', 14)],
)  # fmt: skip
def test_real_files_of_version_2_load_when_one_of_their_sectors_is_made_15250(
    name: str, was: str, entries: int
) -> None:
    path = SAMPLES / name
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    now = was.replace(was.split('"')[1], "15250")
    reading, checked = read_files({name: content.replace(was.encode(), now.encode())})
    assert (checked.entries, reading.rejects, reading.issues) == (entries, [], [])


# The pipeline


POUNDS = "Date,Country,Exchange rate\n2013-04-01,United Kingdom,0.6535\n"
IMF = (
    "Date,Rate,Currency,Frequency,Source,Country code,Country\n"
    "2013-04-30,0.644,GBP,M,IMF,GB,UK\n2013-04-30,54.5,AFN,M,IMF,AF,Afghanistan\n"
    "2013-04-30,1,XCD,M,IMF,AG,A\n2013-04-30,2.7,XCD,M,IMF,DM,B\n"
)


def lenient(source: str) -> SourceSpec:
    return all_sources()[source].model_copy(update={"min_entries": 0, "guard": NO_LIMITS})


def test_the_view_converts_with_the_rate_of_the_value_date_and_says_why_it_does_not(
    workspace: Folders, tmp_path: Path
) -> None:
    half = '<sector code="15250" percentage="50"/><sector code="1" percentage="50"/>'
    values = {
        "USD": 'value-date="2013-04-08"', "GBP": 'currency="GBP" value-date="2013-04-08"',
        "AFN": 'currency="AFN" value-date="2013-04-30"', "old": 'currency="GBP" value-date="2012-04-08"',
        "CAD": 'currency="CAD" value-date="2013-04-08"', "XCD": 'currency="XCD" value-date="2013-04-08"',
        "EUR": 'currency="EUR"', "none": 'currency="?" value-date="2013-04-08"',
    }  # fmt: skip
    content = document(
        activity(
            half, COUNTRY, *(transaction(ref=name, value=value) for name, value in values.items())
        )
    )
    written = {
        FILE: content,
        "federal_reserve_monthly.csv": POUNDS.encode(),
        "imf_monthly.csv": IMF.encode(),
    }
    for name, each in written.items():
        (tmp_path / name).write_bytes(each)
    given = {
        "iati": [Given(str(tmp_path / FILE))],
        "exchange_rates": [Given(str(tmp_path / name)) for name in list(written)[1:]],
    }
    outcome = refresh(workspace, [lenient("iati"), lenient("exchange_rates")], given=given)
    assert outcome.failed == []
    found = ask(
        workspace,
        """SELECT split_part(funding.place, ', ', 3), conversion, rate, rate_period, rate_series,
            iati_usd.amount_usd, mine_action_usd
        FROM iati_usd JOIN funding USING (entry_id) ORDER BY ALL""",
    )
    nothing = (None,) * 5
    assert found == sorted(
        [
            ("USD", "in U.S. dollars", None, None, None, Decimal("1000.00"), Decimal("500.00")),
            ("GBP", "converted", 0.6535, "2013-04", "fed_monthly", Decimal("1530.22"), Decimal("765.11")),
            ("AFN", "converted", 54.5, "2013-04", "imf_monthly", Decimal("18.35"), Decimal("9.18")),
            ("old", "no rate", *nothing), ("CAD", "no rate", *nothing),
            ("XCD", "rates disagree", *nothing), ("EUR", "no value date", *nothing),
            ("none", "no currency", *nothing),
        ],
        key=lambda row: row[0],
    )  # fmt: skip
    usd = ask(workspace, "SELECT count(amount_usd), count(amount) FROM funding")
    assert usd == [(1, 8)], "an entry holds dollars only where dollars are printed"
    assert verify(workspace).differences == []


FIRST = document(activity(PAID))
SECOND = document(activity(PAID.replace("77000.00", "78000")), activity(PAID, identifier="Y"))
# One after the other on one ledger: what the datastore does, and what becomes of the source.
CASES: dict[str, tuple[list[Route], str]] = {
    "unchanged": ([File(FIRST)], "unread"),
    "a page": ([html()], "stale"),
    "cut for ever": ([Chunked([SECOND[:99]], is_cut=True)], "stale"),
    "cut without a word": ([File(SECOND[:-9], etag='"2"')], "held"),
    "another root": ([File(SECOND.replace(b"iati-activities", b"iati"), etag='"3"')], "held"),
    "429, 500, cut, and the rest": (
        [rate_limited(0), Status(500), File(SECOND, etag='"4"', cut=99), File(SECOND, etag='"4"')],
        "changed",
    ),
}


def test_what_the_datastore_does_is_borne(
    workspace: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = partial(Fetcher, outside=Outside(sleep=lambda _: None))
    monkeypatch.setattr("etl.retrieve.Fetcher", hurried)
    spec = lenient("iati")
    rules = FetchSpec.model_validate(
        dict(spec.fetch or {}) | {"min_interval_seconds": 0, "attempts": 4}
    )
    spec = spec.model_copy(update={"fetch": rules})
    path = "/api/1/access/activity.xml"
    held = [("US-GOV-1-X", Decimal(77000))]
    changed = [("US-GOV-1-X", Decimal(78000)), ("Y", Decimal(77000))]
    with serving() as replay:
        settings = Config.model_validate(
            {"fetch": {"allow_loopback": True}, "sources": {"iati": {"base_url": replay.url("/")}}}
        )
        replay.on(path, File(FIRST))
        assert refresh(workspace, [spec], settings=settings).failed == []
        assert replay.requests(path)[0].query == {"sector": "15250", "stream": "True"}
        for case, (routes, end) in CASES.items():
            replay.on(path, *routes)
            [source] = refresh(workspace, [spec], settings=settings).sources
            found = ask(
                workspace,
                "SELECT award_id, amount_usd FROM funding WHERE source_id = 'iati' ORDER BY ALL",
            )
            assert found == (changed if end == "changed" else held), case
            assert source.is_unread == (end in {"unread", "stale"}), case
            assert (source.failure is None) == (end in {"changed", "unread"}), case
    assert verify(workspace).differences == []
