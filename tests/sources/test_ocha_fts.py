"""OCHA's Financial Tracking Service: what is asked, what is refused, and what each flow becomes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.archive import Archive
from etl.areas import Resolver, load_areas
from etl.check import Checked, check
from etl.config import Config
from etl.fetch import FetchError
from etl.guard import before_comparing, together
from etl.locate import find
from etl.pages import as_line
from etl.reading import Reading, SourceError
from etl.refresh import Outcome, refresh
from etl.retrieve import Given
from etl.settings import Folders
from etl.sources import all_sources
from etl.sources.ocha_fts import read as reader
from etl.sources.ocha_fts.fetch import fetch
from etl.sources.ocha_fts.flat import flows
from etl.tables import NATURAL_KEYS
from etl.verify import verify
from tests.helpers import DATA, SCRATCH, TRANSCRIBED, ask, contents, only
from tests.replay import (
    Computed,
    File,
    Replay,
    Route,
    Seen,
    Status,
    answer_json,
    html,
    rate_limited,
    serving,
)
from tests.sources.fts_api import (
    CLUSTER_15,
    HEALTH,
    PATH,
    PROTECTION,
    Record,
    Service,
    flow,
    line,
    organisation,
    page,
    places,
    session_to,
    shared,
    spec_of,
    to,
    years,
)

SOURCE = "ocha_fts"
SAMPLES = TRANSCRIBED.parents[2] / "shared" / "samples" / "fts"
AREAS = Resolver(load_areas(DATA / "reference"))
KEY = list(NATURAL_KEYS["funding"])
F2020 = "flows_cluster_2020.json"
ALL2020 = "flows_all_2020.json"
FLAT = "flows_flat_fts_2020.csv"


def read_files(files: Mapping[str, bytes]) -> tuple[Reading, Checked]:
    reading = Reading()
    reader.read(contents(files), reading, AREAS)
    checked = check(all_sources()[SOURCE], reading) if reading.tables else Checked({}, {}, 0)
    rejected = len({reject.locator for reject in reading.rejects})
    left = sum(reading.deselected.values())
    assert sum(reading.rows_read.values()) == checked.entries + rejected + left
    return reading, checked


def funding(files: Mapping[str, bytes]) -> tuple[Reading, pl.DataFrame]:
    reading, checked = read_files(files)
    return reading, checked.tables["funding"]


def read_flows(*flows: Record, file: str = F2020) -> tuple[Reading, pl.DataFrame]:
    return funding({file: line(*flows)})


def series_of(frame: pl.DataFrame) -> dict[str, str]:
    """The series of each flow, by its number."""
    return {
        place.removeprefix("flow "): series.removeprefix("fts_")
        for place, series in frame.select("place", "series").iter_rows()
    }


def rules(findings: list[Any]) -> list[str]:
    return [finding.rule for finding in findings]


def test_a_text_that_no_page_and_no_workbook_can_hold_is_a_reject_and_the_others_stay() -> None:
    longest = flow(id="2", description="é" * 32_767)
    reading, frame = read_flows(flow(description="x" * 10_000_000), longest)
    assert [(one.column, one.rule) for one in reading.rejects] == [
        ("title", "text too long in funding")
    ]
    assert "10,000,000 letters" in reading.rejects[0].fix
    assert len(str(reading.rejects[0])) < 1000
    only(frame, title="é" * 32_767)


# What a flow becomes


def test_a_flow_is_one_entry_with_its_own_currency_beside_the_dollars() -> None:
    reading, frame = read_flows(flow())
    assert (reading.issues, reading.rejects, reading.doubts) == ([], [], [])
    only(
        frame, series="fts_incoming", flow="commitment", status="actual", year=2020,
        year_basis="calendar", date="2019-07-02", place="flow 194878", donor="Germany, Government of",
        donor_area="DEU", area="AFG", area_as_printed="Afghanistan", account="Not stated",
        implementer="Geneva International Centre for Humanitarian Demining",
        award_id="AA-S09 440.70 ALL 01/19", amount=Decimal("95672.00"), currency="EUR",
        amount_usd=Decimal("106420.00"), amount_as_printed="106420", sector_as_printed="Mine Action",
        selection_rule="destination global cluster 15",
        note="version 1; incoming for global cluster 15 in 2020; part of flow 194866; 0.899 EUR a dollar",
        source_url="https://fts.unocha.org/flows/194878", is_cumulative=False,
        is_printed_total=False, locator=f"{F2020} line 1 /data/flows/0",
    )  # fmt: skip


@pytest.mark.parametrize("currency", [None, "USD"])
def test_a_flow_reported_in_dollars_has_the_same_amount_twice(currency: str | None) -> None:
    record = flow(originalCurrency=currency)
    del record["originalAmount"], record["refCode"]
    _, frame = read_flows(record)
    only(frame, amount=Decimal("106420.00"), currency="USD", award_id=None)


def test_an_original_amount_that_is_not_told_is_missing_and_not_the_dollars() -> None:
    record = flow(originalCurrency="JPY")
    del record["originalAmount"]
    only(read_flows(record)[1], amount=None, currency="JPY", amount_usd=Decimal("106420.00"))


def test_an_amount_of_nought_stays_nought() -> None:
    only(read_flows(flow(amountUSD=0, originalAmount=0))[1], amount_usd=Decimal(0))


def test_more_than_two_decimals_are_rounded_to_cents_and_said_so() -> None:
    reading, frame = read_flows(flow(originalAmount=95672.125))
    only(frame, amount=Decimal("95672.12"))
    assert rules(reading.issues) == ["more than two decimals"]


def test_in_kind_and_what_is_passed_through_say_so() -> None:
    _, frame = read_flows(flow(contributionType="in kind", flowType="Pass through"))
    assert "; pass through; in kind; " in frame["note"][0]


def test_a_donor_that_is_kept_secret_is_not_stated() -> None:
    only(read_flows(flow(sourceObjects=years(2020)))[1], donor="Not stated", donor_area=None)


def test_only_a_government_gives_its_country_to_the_donor() -> None:
    fund = organisation("Afghanistan Humanitarian Fund", "Pooled fund")
    _, frame = read_flows(flow(sourceObjects=[fund, *places("Afghanistan")]))
    only(frame, donor="Afghanistan Humanitarian Fund", donor_area=None)


def test_a_flow_without_a_country_goes_to_no_country_and_not_to_the_world_total() -> None:
    record = flow(destinationObjects=[each for each in to() if each["type"] != "Location"])
    only(read_flows(record)[1], area="QRG", area_as_printed="World")


def test_an_unknown_country_is_an_issue_and_no_guess() -> None:
    reading, frame = read_flows(flow(destinationObjects=to(*places("Ruritania"))))
    only(frame, area=None, area_as_printed="Ruritania")
    assert rules(reading.issues) == ["unknown area"]


def test_a_flow_to_several_countries_is_kept_whole_and_named_in_an_order_of_ours() -> None:
    record = flow(destinationObjects=to(*places("Jordan", "Iraq")))
    _, frame = read_flows(record)
    only(frame, area="QRG", area_as_printed="Iraq; Jordan", amount_usd=Decimal("106420.00"))
    assert "countries not split: Iraq, Jordan" in frame["note"][0]


def test_a_flow_over_several_years_is_a_sum_and_no_yearly_figure() -> None:
    record = flow(destinationObjects=to(*years(2021, 2019, 2020)), onBoundary="shared")
    _, frame = read_flows(record)
    only(
        frame, series="fts_shared", year=None, period_start=2019, period_end=2021,
        is_cumulative=True, amount_usd=Decimal("106420.00"),
    )  # fmt: skip
    assert "usage years not split: 2019, 2020, 2021" in frame["note"][0]


def test_the_full_sum_set_aside_is_a_split_and_no_amount() -> None:
    record = flow(
        flowType="Parked", amountUSD=0, fullParkedAmountUSD=3938730, childFlowIds=[1, 2],
        originalAmount=0,
    )  # fmt: skip
    reading, checked = read_files({F2020: line(record)})
    frame = checked.tables["funding"]
    only(frame, series="fts_parked", amount_usd=Decimal(0))
    assert "has 2 child flows" in frame["note"][0]
    assert checked.splits["funding"].rows() == [
        (frame["locator"][0], "parked", "full amount set aside", 3938730.0, "US dollars", "3938730")
    ]
    assert reading.issues == []


# What may be added


def test_only_the_series_of_money_that_comes_in_are_additive() -> None:
    declared = all_sources()[SOURCE].series
    additive = {name for name, spec in declared.items() if spec.is_additive}
    assert additive == {"fts_incoming", "fts_projects", "fts_named"}


KINDS: dict[str, tuple[Record, str]] = {
    "committed": ({}, "incoming"),
    "paid": ({"status": "paid"}, "incoming"),
    "a pledge": ({"status": "pledge"}, "pledges"),
    "a pledge inside": ({"status": "pledge", "boundary": "internal"}, "pledges"),
    "inside": ({"boundary": "internal"}, "internal"),
    "leaving": ({"boundary": "outgoing"}, "outgoing"),
    "of last year": ({"flowType": "Carryover"}, "carryover"),
    "set aside": ({"flowType": "Parked"}, "parked"),
    "passed through": ({"flowType": "Pass through"}, "incoming"),
    "beyond the question": ({"onBoundary": "shared"}, "shared"),
    "two sectors": ({"destinationObjects": to(*shared(CLUSTER_15, HEALTH))}, "shared"),
    "two years": ({"destinationObjects": to(*years(2020, 2021))}, "shared"),
    "two countries": ({"destinationObjects": to(*places("Iraq", "Jordan"))}, "incoming"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "kind"), KINDS.values(), ids=KINDS)
def test_each_kind_of_flow_has_a_series_of_its_own(fields: Record, kind: str) -> None:
    _, frame = read_flows(flow(**fields))
    assert series_of(frame) == {"194878": kind}
    expected = {"paid": "disbursement", "pledge": "pledge"}.get(fields.get("status", ""))
    assert frame["flow"][0] == (expected or "commitment")


def test_a_pledge_is_announced_and_never_among_what_may_be_added() -> None:
    _, frame = read_flows(flow(id="1", amountUSD=5), flow(id="2", status="pledge", amountUSD=7))
    assert dict(frame.select("place", "status").iter_rows()) == {
        "flow 1": "actual", "flow 2": "announced"
    }  # fmt: skip
    assert frame.filter(pl.col("series") == "fts_incoming")["amount_usd"].sum() == 5


def test_a_parent_counts_and_its_children_do_not() -> None:
    _, frame = read_flows(
        flow(id="1", parentFlowId=None, childFlowIds=[2], amountUSD=374000),
        flow(id="2", parentFlowId=1, childFlowIds=[3], amountUSD=374000),
        flow(id="3", parentFlowId=2, amountUSD=100),
    )
    assert series_of(frame) == {"1": "incoming", "2": "children", "3": "children"}


def test_the_children_of_a_sum_set_aside_or_pledged_or_shared_count_for_it() -> None:
    _, frame = read_flows(
        flow(id="1", parentFlowId=None, flowType="Parked", amountUSD=0),
        flow(id="2", parentFlowId=1),
        flow(id="3", parentFlowId=None, status="pledge"),
        flow(id="4", parentFlowId=3),
        flow(id="5", parentFlowId=None, onBoundary="shared", destinationObjects=to(*years(2020, 2021))),
        flow(id="6", parentFlowId=5),
    )  # fmt: skip
    assert series_of(frame) == {
        "1": "parked", "2": "incoming", "3": "pledges", "4": "incoming", "5": "shared",
        "6": "incoming",
    }  # fmt: skip


def test_a_child_of_a_flow_that_another_rule_took_is_not_counted_again() -> None:
    """The parent bears no mark of the sector, the child does; both would be in additive series."""
    record = flow(id="1", parentFlowId=None, destinationObjects=to(PROTECTION))
    _, frame = read_flows(record, flow(id="2", parentFlowId=1), file=ALL2020)
    assert series_of(frame) == {"1": "named", "2": "children"}


def test_a_child_whose_parent_is_not_at_hand_counts() -> None:
    assert series_of(read_flows(flow(parentFlowId=99))[1]) == {"194878": "incoming"}


def test_flows_that_are_parents_of_one_another_do_not_hang_the_reader() -> None:
    _, frame = read_flows(flow(id="1", parentFlowId=2), flow(id="2", parentFlowId=1))
    assert Counter(series_of(frame).values()) == {"incoming": 1, "children": 1}


# Which flows are about mine action

RULES: dict[str, tuple[Record, str]] = {
    "the sector": ({}, "destination global cluster 15"),
    "the sector under its later name": (
        {"destinationObjects": to(CLUSTER_15 | {"name": "Protection - Mine Action"})},
        "destination global cluster 15",
    ),
    "a project": (
        {"destinationObjects": to(PROTECTION, {
            "type": "Project", "id": "1", "code": "AFG-03", "behavior": "single",
            "name": "Mine And UXO Clearance In Afghanistan"})},
        "project named for mine action",
    ),
    "a field cluster": (
        {"destinationObjects": to(PROTECTION, {
            "type": "Cluster", "id": "1", "name": "Protection: Mine Action AOR", "behavior": "single"})},
        "field cluster named for mine action",
    ),
    "a keyword": ({"destinationObjects": to(HEALTH)}, "keyword Mine action"),
    "a description": (
        {"destinationObjects": to(HEALTH), "keywords": None, "description": "Care for mine victims"},
        "description names mine action",
    ),
    "French": (
        {"destinationObjects": to(HEALTH), "keywords": None, "description": "Projet de déminage"},
        "description names mine action",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "rule"), RULES.values(), ids=RULES)
def test_the_first_rule_that_fits_takes_a_flow_and_stands_in_its_row(
    fields: Record, rule: str
) -> None:
    only(read_flows(flow(**fields), file=ALL2020)[1], selection_rule=rule)


@pytest.mark.parametrize(
    "words",
    ["A mine of information", "gold mining", "to determine action", "Undermined health services"],
)
def test_other_mines_are_not_mine_action(words: str) -> None:
    record = flow(destinationObjects=to(HEALTH), keywords=None, description=words)
    reading, checked = read_files({ALL2020: line(record)})
    assert (checked.entries, reading.deselected) == (0, {ALL2020: 1})


def test_what_leaves_the_sector_is_taken_from_its_source() -> None:
    record = flow(
        boundary="outgoing", sourceObjects=[organisation("UNMAS"), CLUSTER_15],
        destinationObjects=to(HEALTH), keywords=None, description="Vehicles",
    )  # fmt: skip
    reading, frame = read_flows(record)
    only(frame, series="fts_outgoing", selection_rule="source global cluster 15")
    assert reading.doubts == []


def test_an_answer_that_holds_other_sectors_is_looked_at_by_a_person() -> None:
    reading, frame = read_flows(flow(id="1"), flow(id="2", destinationObjects=to(HEALTH)))
    assert series_of(frame) == {"1": "incoming"}
    assert rules(reading.doubts) == ["1 flows are not of global cluster 15"]


# Several answers


def test_a_flow_of_several_years_comes_with_each_and_is_read_once_in_its_newest_version() -> None:
    several: Record = {
        "destinationObjects": to(*years(2020, 2021)), "onBoundary": "shared", "id": "7"
    }  # fmt: skip
    reading, frame = funding(
        {
            F2020: line(flow(**several, amountUSD=10), flow(id="8")),
            "flows_cluster_2021.json": line(flow(**several, amountUSD=12, versionId=2)),
        }
    )
    assert frame.filter(pl.col("place") == "flow 7")["amount_usd"].to_list() == [12]
    assert reading.deselected == {F2020: 1, "flows_cluster_2021.json": 0}
    assert reading.issues == []


def test_a_carry_over_is_that_of_the_year_in_which_it_is_used() -> None:
    carried: Record = {"flowType": "Carryover", "sourceObjects": years(2020)}
    later = {"destinationObjects": to(*years(2021))}
    _, frame = funding(
        {
            F2020: line(flow(**carried, **later, boundary="outgoing")),
            "flows_cluster_2021.json": line(flow(**carried, **later)),
        }
    )
    only(frame, series="fts_carryover", year=2021)


def test_one_flow_twice_in_one_answer_is_read_once_and_an_issue_if_the_two_differ() -> None:
    reading, frame = read_flows(flow(), flow())
    assert (frame.height, reading.issues) == (1, [])
    reading, frame = read_flows(flow(), flow(amountUSD=1))
    assert rules(reading.issues) == ["a flow comes twice and differs"]
    only(frame, amount_usd=Decimal(106420))


def test_the_sectors_flows_are_read_from_the_question_about_it_and_the_others_beside_it() -> None:
    other = flow(id="2", destinationObjects=to(HEALTH))
    reading, frame = funding({F2020: line(flow(id="1")), ALL2020: line(flow(id="1"), other)})
    assert series_of(frame) == {"1": "incoming", "2": "named"}
    assert reading.deselected == {F2020: 0, ALL2020: 1}
    assert frame.filter(pl.col("place") == "flow 1")["locator"][0].startswith(F2020)


# Rescued copies

FLAT_KINDS = {
    "source": ("Organization", "Location", "UsageYear", "GlobalCluster"),
    "destination": ("Organization", "Location", "UsageYear", "GlobalCluster", "Project"),
}
FLAT_FIELDS = ("id", "name", "behavior", "organizationTypes")


def flattened(record: Record) -> dict[str, str]:
    """A record as the holders of copies flatten it."""
    row = {
        name: "NA" if value is None else "TRUE" if value is True else str(value)
        for name, value in record.items()
        if not isinstance(value, list)
    }
    for name in ("childFlowIds", "keywords"):
        row[name] = "|".join(str(each) for each in record[name] or ())
    for end, kinds in FLAT_KINDS.items():
        for kind in kinds:
            objects = [each for each in record[f"{end}Objects"] if each["type"] == kind]
            for name in FLAT_FIELDS:
                cells = [each.get(name, "NULL") for each in objects]
                row[f"{end}Objects_{kind}.{name}"] = "; ".join(
                    cell if isinstance(cell, str) else "; ".join(cell) for cell in cells
                )
    return row


def flat(*records: Record, **cells: str) -> bytes:
    rows = [{**flattened(record), **cells} for record in records]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def test_a_copy_gives_the_very_entry_that_the_interface_gives() -> None:
    _, asked = read_flows(flow(), file=ALL2020)
    reading, copied = funding({FLAT: flat(flow())})
    assert (reading.issues, reading.doubts) == ([], [])
    assert copied["locator"].to_list() == [f"{FLAT} row 2"]
    assert copied.drop("locator", "file").equals(asked.drop("locator", "file"))


def test_a_copy_in_latin_1_is_read_and_said_to_be_and_its_row_is_found() -> None:
    content = flat(flow(description="Déminage")).decode().encode("latin-1")
    reading, frame = funding({FLAT: content})
    only(frame, title="Déminage")
    assert rules(reading.issues) == ["not UTF-8, read as Latin-1"]
    archive = Archive(SCRATCH / "fts-latin")
    found = find(archive, archive.put(SOURCE, FLAT, content, "").sha256, frame["locator"][0])
    assert "id: 194878" in found[1]


def test_an_amount_in_scientific_notation_is_the_number_it_means() -> None:
    _, frame = funding({FLAT: flat(flow(), originalAmount="1.65e+09")})
    only(frame, amount=Decimal(1650000000))


def test_a_name_that_holds_the_joint_is_one_name_and_two_names_are_two() -> None:
    mixed = organisation("NGOs; Red Cross/Red Crescent (details not yet provided)")
    _, frame = funding({FLAT: flat(flow(destinationObjects=to(mixed)))})
    only(frame, implementer=mixed["name"])
    _, frame = funding({FLAT: flat(flow(destinationObjects=to(*places("Iraq", "Jordan"))))})
    only(frame, area_as_printed="Iraq; Jordan")


def test_objects_that_do_not_pair_make_the_row_a_reject() -> None:
    column = "destinationObjects_Location.name"
    content = flat(flow(destinationObjects=to(*places("Iraq", "Jordan"))), **{column: "A; B; C"})
    reading, checked = read_files({FLAT: content})
    assert checked.entries == 0
    assert [(reject.rule, reject.column) for reject in reading.rejects] == [
        ("objects not told apart", column)
    ]


def test_an_empty_line_in_a_copy_has_no_number_and_the_rows_below_are_found_again(
    tmp_path: Path,
) -> None:
    header, first, second, *_ = flat(flow(id="1"), flow(id="2")).splitlines(keepends=True)
    archive = Archive(tmp_path)
    vintage = archive.put(SOURCE, FLAT, header + first + b"\n" + second, "")
    reading = Reading()
    places = [found.locator for found in flows(reading, FLAT, archive.get(vintage.sha256), 2020)]
    assert (reading.rejects, reading.rows_read) == ([], {FLAT: 2})
    shown = [find(archive, vintage.sha256, place)[1] for place in places]
    assert ["id: 1" in text.splitlines() for text in shown] == [True, False]
    assert ["id: 2" in text.splitlines() for text in shown] == [False, True]


def test_a_copy_with_a_broken_row_or_a_cut_end_says_so() -> None:
    content = flat(flow(id="1"), flow(id="2"))
    reading, frame = funding({FLAT: content + b"3,4\n"})
    assert (frame.height, rules(reading.rejects)) == (2, ["wrong number of cells"])
    reading, _ = funding({FLAT: content[:-1]})
    assert rules(reading.doubts) == ["the file does not end with a line break"]


def test_a_copy_without_a_column_is_refused_with_its_name() -> None:
    content = flat(flow()).replace(b"onBoundary", b"on_boundary", 1)
    with pytest.raises(SourceError, match="lacks the column onBoundary"):
        read_files({FLAT: content})


def test_a_column_that_is_new_in_a_copy_is_an_issue() -> None:
    assert rules(funding({FLAT: flat(flow(), novelty="x")})[0].issues) == ["unknown column"]


def test_a_copy_steps_in_only_where_it_is_newer_than_the_answer() -> None:
    answer = line(flow(amountUSD=5, updatedAt="2020-06-01T00:00:00Z"))
    for updated, dollars, used in (("2020-05-01", 5, F2020), ("2020-07-01", 7, FLAT)):
        copy = flat(flow(amountUSD=7, updatedAt=f"{updated}T00:00:00Z", versionId=1))
        reading, frame = funding({F2020: answer, FLAT: copy})
        only(frame, amount_usd=Decimal(dollars))
        assert rules(reading.issues) == [f"1 flows of 2020 are read from {used}"]


def test_a_file_of_another_name_is_refused_with_the_names_that_are_known() -> None:
    with pytest.raises(SourceError, match=r"name it flows_flat_fts_<year>\.csv"):
        read_files({"flows_of_mine.csv": flat(flow())})


# Two vintages


def changed(before: list[Record], after: list[Record]) -> dict[str, set[str]]:
    """What the second vintage adds, revises and withdraws, by place."""
    frames = [read_flows(*flows)[1].drop("locator", "file") for flows in (before, after)]
    rows = [
        {tuple(str(row[name]) for name in KEY): row for row in frame.iter_rows(named=True)}
        for frame in frames
    ]
    first, second = rows
    return {
        "added": {second[key]["place"] for key in second.keys() - first.keys()},
        "withdrawn": {first[key]["place"] for key in first.keys() - second.keys()},
        "revised": {
            first[key]["place"] for key in first.keys() & second.keys() if first[key] != second[key]
        },
    }


NOTHING: dict[str, set[str]] = {"added": set(), "withdrawn": set(), "revised": set()}
THREE = [flow(id=str(number), parentFlowId=None) for number in (1, 2, 3)]


def test_a_changed_amount_a_payment_and_a_new_version_are_revisions_of_the_same_entry() -> None:
    paid = flow(id="1", parentFlowId=None, status="paid", versionId=2)
    dearer = flow(id="2", parentFlowId=None, amountUSD=1)
    assert changed(THREE, [paid, dearer, THREE[2]]) == NOTHING | {"revised": {"flow 1", "flow 2"}}


def test_a_flow_more_is_added_and_a_flow_less_withdrawn() -> None:
    assert changed(THREE[:2], THREE) == NOTHING | {"added": {"flow 3"}}
    assert changed(THREE, THREE[:2]) == NOTHING | {"withdrawn": {"flow 3"}}


@given(st.randoms(use_true_random=False))
@settings(max_examples=6)
def test_the_order_of_flows_and_of_their_objects_changes_nothing(shuffled: random.Random) -> None:
    records = [
        *THREE,
        flow(id="4", parentFlowId=3),
        flow(id="5", destinationObjects=to(*places("Jordan", "Iraq"), *years(2020, 2021))),
    ]
    again = [
        {
            **record,
            **{
                end: shuffled.sample(record[end], len(record[end]))
                for end in ("sourceObjects", "destinationObjects")
            },
        }
        for record in shuffled.sample(records, len(records))
    ]
    assert changed(records, again) == NOTHING


# What is refused


@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ({"status": "promised"}, "status"),
        ({"flowType": "Loan"}, "flowType"),
        ({"boundary": "sideways"}, "boundary"),
        ({"onBoundary": "maybe"}, "onBoundary"),
        ({"destinationObjects": to(CLUSTER_15 | {"behavior": "odd"})}, "behavior"),
        ({"amountUSD": "a lot"}, "amountUSD"),
        ({"amountUSD": None}, "amountUSD"),
        ({"originalAmount": "x"}, "originalAmount"),
        ({"fullParkedAmountUSD": "x"}, "fullParkedAmountUSD"),
        ({"date": "02/07/2019"}, "date"),
        ({"id": "x1"}, "id"),
        ({"destinationObjects": to({"type": "UsageYear", "id": "1", "name": "soon", "behavior": "single"})},
         "UsageYear"),
    ],
)  # fmt: skip
def test_a_flow_that_cannot_be_read_is_a_reject_with_its_column(
    fields: Record, column: str
) -> None:
    content = {**page(flow(id="1")), "meta": {"count": 2}}
    content["data"]["flows"].append(flow(**{"id": "2", **fields}))
    reading, frame = funding({F2020: json.dumps(content).encode() + b"\n"})
    assert [(reject.locator, reject.column) for reject in reading.rejects] == [
        (f"{F2020} line 1 /data/flows/1", column)
    ]
    only(frame, place="flow 1")


def test_a_field_that_is_gone_stops_the_source_and_a_new_one_is_an_issue() -> None:
    record = flow()
    del record["boundary"]
    content = line(flow()).replace(b'"boundary"', b'"limits"')
    with pytest.raises(SourceError, match=r"lacks the field boundary; it has id, amountUSD"):
        read_files({F2020: content})
    reading, frame = read_flows(flow(id="1", novelty=1), flow(id="2", novelty=1))
    assert (frame.height, rules(reading.issues)) == (2, ["unknown field novelty"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"status": "ok"\n', "is no JSON"),
        (b'{"status": "ok", "data": {}, "meta": {"count": 0}}\n', "no list of flows"),
        (b'{"status": "ok", "data": {"flows": []}, "meta": {}}\n', "no list of flows"),
        (b"[1]\n", "no list of flows"),
        (b'{"data": {"flows": [7]}, "meta": {"count": 1}}\n', "is no record"),
        (b"", "holds no page"),
    ],
)
def test_a_page_that_is_none_stops_the_source(content: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_files({F2020: content})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", {"a": 1}), ("boundary", ["incoming"]), ("updatedAt", {}), ("description", ["a"]),
        ("keywords", 5), ("keywords", "Mine action"), ("childFlowIds", [[1]]), ("refCode", {}),
        ("sourceObjects", "all"), ("destinationObjects", [{"type": [], "id": 1, "name": "a"}]),
        ("sourceObjects", [{"type": "a", "id": 1, "name": "a", "organizationTypes": 7}]),
    ],
)  # fmt: skip
def test_a_field_of_another_kind_stops_the_source(field: str, value: object) -> None:
    with pytest.raises(SourceError, match=rf"{F2020} line 1 /data/flows/1 "):
        read_flows(flow(id="1"), flow(**{"id": "2", field: value}))


@pytest.mark.parametrize("total", ["many", [1], {}, None, True, "1e999999999"])
def test_a_total_that_is_no_number_is_an_issue(total: object) -> None:
    answer = page(flow())
    answer["data"]["incoming"] = {"fundingTotal": total}
    reading, frame = funding({F2020: as_line(json.dumps(answer).encode())})
    assert (frame.height, len(reading.issues)) == (1, 1)


@pytest.mark.parametrize("amount", ["1e999999999", "1e-999999999", [5], {"a": 5}, "9" * 4000])
def test_an_amount_beyond_reason_is_a_reject(amount: object) -> None:
    reading, frame = read_flows(flow(id="1"), flow(id="2", status="pledge", amountUSD=amount))
    assert (frame.height, len(reading.rejects)) == (1, 1)


def test_a_version_of_very_many_digits_is_none() -> None:
    _, frame = read_flows(flow(id="1", versionId="9" * 5000))
    assert frame.height == 1


def test_fewer_flows_than_the_service_counts_hold_the_vintage() -> None:
    reading, checked = read_files({F2020: line(flow(), count=2)})
    assert rules(reading.doubts) == ["1 flows are at hand, the service counts 2"]
    hold = together(list(before_comparing(all_sources()[SOURCE], reading, checked)))
    assert hold
    assert hold.rule == "doubt"


def test_a_total_that_the_flows_do_not_add_up_to_is_said() -> None:
    content = page(flow())
    content["data"]["incoming"]["fundingTotal"] = 106421
    reading, _ = funding({F2020: json.dumps(content).encode() + b"\n"})
    assert rules(reading.issues) == [
        "what comes in adds up to 106,420 dollars, the service prints 106421"
    ]


# The real samples


def sample_pages(location: int) -> bytes:
    paths = sorted(SAMPLES.glob(f"custom-search-locationid-{location}-*.json"))
    if not paths:
        pytest.skip(f"{SAMPLES} is not here")
    paths.sort(key=lambda path: (len(path.name), path.name))  # the first page has no number
    return b"".join(as_line(path.read_bytes()) for path in paths)


def test_the_real_pages_of_afghanistan_2020_give_their_flows_and_the_printed_total() -> None:
    content = sample_pages(1)
    reading, checked = read_files({ALL2020: content})
    assert (reading.issues, reading.rejects, reading.doubts) == ([], [], [])
    assert (reading.rows_read, reading.deselected) == ({ALL2020: 484}, {ALL2020: 468})
    frame = checked.tables["funding"]
    found = {
        series: (part.height, int(part["amount_usd"].sum()))
        for (series,), part in frame.partition_by("series", as_dict=True).items()
    }
    assert found == {
        "fts_incoming": (9, 19_803_405), "fts_shared": (3, 6_654_813), "fts_named": (2, 2_640_893),
        "fts_parked": (1, 0), "fts_internal": (1, 599_997),
    }  # fmt: skip
    archive = Archive(SCRATCH / "fts-sample")
    sha256 = archive.put(SOURCE, ALL2020, content, "").sha256
    for place, where, dollars in frame.select("place", "locator", "amount_usd").iter_rows():
        record = json.loads(find(archive, sha256, where)[1])
        assert (f"flow {record['id']}", record["amountUSD"]) == (place, dollars)


def test_the_real_pages_of_palestine_lack_one_and_are_held() -> None:
    reading, _ = read_files({ALL2020: sample_pages(171)})
    assert rules(reading.doubts) == ["400 flows are at hand, the service counts 424"]


# Rows and flows of global cluster 15, as the notes beside the copies say; dollars of that year that may be added.
COPIES = {
    2000: (2_846, 43, 16_849_311),
    2001: (5_057, 81, 28_665_511),
    2002: (6_245, 85, 80_835_448),
    2003: (6_118, 110, 69_691_983),
    2026: (1_219, 31, 44_803_203),
    2027: (262, 6, 26_641_102),
}


def real_copy(year: int) -> tuple[str, bytes]:
    path = SAMPLES / f"flows_flat_fts_{year}.csv.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    return path.name.removesuffix(".gz"), gzip.decompress(path.read_bytes())


@pytest.mark.parametrize("year", COPIES)
def test_a_real_copy_gives_its_flows_and_accounts_for_the_others(year: int) -> None:
    rows, flows, dollars = COPIES[year]
    file, content = real_copy(year)
    reading, frame = funding({file: content})
    assert (reading.rejects, reading.doubts) == ([], [])
    assert set(rules(reading.issues)) <= {"not UTF-8, read as Latin-1"}
    assert reading.rows_read == {file: rows}
    by_cluster = frame.filter(pl.col("selection_rule") == "destination global cluster 15")
    assert by_cluster.height == flows
    text = content.decode("utf-8" if year not in {2002, 2003} else "latin-1")
    printed = {
        (f"flow {row['id']}", Decimal(row["amountUSD"]))
        for row in csv.DictReader(io.StringIO(text, newline=""))
        if "15" in row["destinationObjects_GlobalCluster.id"].split("; ")
    }
    assert set(by_cluster.select("place", "amount_usd").iter_rows()) == printed
    counted = frame.filter((pl.col("series") == "fts_incoming") & (pl.col("year") == year))
    assert counted["amount_usd"].sum() == dollars


def test_the_real_copies_together_count_a_flow_of_two_years_once() -> None:
    chosen = (2001, 2002, 2026, 2027)
    reading, frame = funding(dict(real_copy(year) for year in chosen))
    assert sum(reading.rows_read.values()) == sum(COPIES[year][0] for year in chosen)
    assert not frame.select(KEY).is_duplicated().any()
    assert not frame["place"].is_duplicated().any()
    americans = frame.filter(
        (pl.col("donor_area") == "USA")
        & (pl.col("selection_rule") == "destination global cluster 15")
    )
    # a sixth in the copy of 2001 is to be used in 2002: it leaves the one year and comes into the other
    assert dict(americans.group_by("year").len().iter_rows()) == {2001: 5, 2002: 6}
    only(
        americans.filter(pl.col("place") == "flow 5871"), series="fts_incoming", year=2002,
        amount_usd=Decimal(1_100_000), area="AFG",
    )  # fmt: skip


# Asking


@pytest.fixture
def replay() -> Iterator[Replay]:
    with serving() as served:
        yield served


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


THIS_YEAR = date.today().year  # noqa: DTZ011
ONE_YEAR: dict[str, object] = {"first_year": THIS_YEAR, "years_ahead": 0, "whole_years": 0}
THIS_FILE = f"flows_cluster_{THIS_YEAR}.json"


def of_year(*ids: int, **fields: Any) -> list[Record]:
    return [flow(id=str(number), amountUSD=number, **fields) for number in ids]


def fetched(replay: Replay, archive: Archive, **options: object) -> dict[str, bytes]:
    """What a fetch brings."""
    with session_to(replay, archive, spec_of(SOURCE, **options)) as session:
        fetch(session)
        return {file: archive.get(each.sha256) for file, each in session.fetched.items()}


def test_every_page_is_asked_for_at_the_address_at_hand_and_kept_as_it_came(
    replay: Replay, archive: Archive
) -> None:
    service = Service({THIS_YEAR: of_year(1, 2, 3, 4, 5)}, largest=2)
    service.on(replay)
    files = fetched(replay, archive, **ONE_YEAR)
    assert [len(json.loads(each)["data"]["flows"]) for each in files[THIS_FILE].splitlines()] == [
        2, 2, 1
    ]  # fmt: skip
    common = {"year": str(THIS_YEAR), "globalclusterid": "15", "limit": "1000"}
    assert [seen.query for seen in replay.requests(PATH)] == [
        common | {"page": page} for page in "123"
    ]
    reading, frame = funding(files)
    assert (frame.height, reading.issues, reading.doubts) == (5, [], [])


@pytest.mark.parametrize("what", ["inserted", "deleted", "both", "changed"])
def test_flows_that_move_between_pages_are_noticed_and_asked_for_again(
    replay: Replay, archive: Archive, what: str
) -> None:
    """One more and one less leave the count as it was; the totals are others."""
    service = Service({THIS_YEAR: of_year(1, 2, 3, 4, 5)}, largest=2)

    def moving(answers: int) -> None:
        flows = service.flows[THIS_YEAR]
        if answers != 1:
            return
        if what in {"deleted", "both"}:
            flows.pop(0)
        if what in {"inserted", "both"}:
            flows.insert(0 if what == "inserted" else len(flows), of_year(60)[0])
        if what == "changed":
            flows[4]["amountUSD"] += 1

    service.moving = moving
    service.on(replay)
    files = fetched(replay, archive, **ONE_YEAR)
    reading, frame = funding(files)
    expected = {f"flow {each['id']}" for each in service.flows[THIS_YEAR]}
    assert (set(frame["place"]), reading.doubts) == (expected, [])
    assert replay.count(PATH) == 2 + -(-len(expected) // 2), "asked again from the first page"


def test_flows_that_never_come_to_rest_are_not_archived(replay: Replay, archive: Archive) -> None:
    service = Service({THIS_YEAR: of_year(1, 2, 3, 4)}, largest=2)
    service.moving = lambda answers: service.flows[THIS_YEAR].append(of_year(100 + answers)[0])
    service.on(replay)
    with pytest.raises(FetchError, match="page 1 prints the count and totals") as error:
        fetched(replay, archive, **ONE_YEAR)
    assert error.value.rule == "cut short"
    assert list(archive.vintages()) == []


def test_a_flow_that_comes_twice_is_not_taken_for_two(replay: Replay, archive: Archive) -> None:
    service = Service({THIS_YEAR: of_year(1, 1)})
    service.on(replay)
    with pytest.raises(FetchError, match="2 flows came, 1 of them different, 2 are counted"):
        fetched(replay, archive, **ONE_YEAR)


def first(answer: object) -> Route:
    return answer_json(answer)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": "error", "message": "no"}, "answers with status 'error'"),
        ({"status": "ok", "data": {}, "meta": {}}, "answers without flows"),
        ({"status": "ok", "data": {"flows": []}, "meta": {}}, "answers without a count"),
        ({"status": "ok", "data": {"flows": [1]}, "meta": {"count": 1}}, "answers without flows"),
        ({"status": ["ok"]}, "answers with status"),
        ([], "answers with status"),
        (page(flow(id={"a": 1})), "each with its id"),
        ({"status": "ok", "data": {"flows": []}, "meta": {"count": True}}, "without a count"),
        ({"status": "ok", "data": {"flows": []}, "meta": {"count": -1}}, "without a count"),
        (page(flow(), nextLink={"page": 2}), "nextLink that is no text"),
        (page(flow(), nextLink="//["), "link to the next page"),
        (page(flow(), nextLink=f"https://api.hpc.tools{PATH}?year=1999&page=2"), "asks another question"),
        (page(flow(), nextLink=f"https://api.hpc.tools{PATH}?year={THIS_YEAR}&globalClusterId=15&limit=1000"
                               "&page=1"), "does not end with page|leads back"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(
    replay: Replay, archive: Archive, answer: object, said: str
) -> None:
    replay.on(PATH, answer_json(answer))
    with pytest.raises(FetchError, match=said):
        fetched(replay, archive, **ONE_YEAR, max_pages=3)
    assert list(archive.vintages()) == []


def test_more_bytes_than_one_question_may_have_are_refused(
    replay: Replay, archive: Archive
) -> None:
    Service({THIS_YEAR: of_year(1, 2, 3)}, largest=1).on(replay)
    with pytest.raises(FetchError, match="max_question_bytes"):
        fetched(replay, archive, **ONE_YEAR, max_question_bytes=3000)
    assert list(archive.vintages()) == []


def test_years_long_over_are_asked_for_now_and_then_and_whole_years_too(
    replay: Replay, archive: Archive
) -> None:
    Service().on(replay)
    spec = spec_of(SOURCE, first_year=2021, years_ahead=1, settled_years=4, whole_years=2)
    with session_to(replay, archive, spec) as session:
        session.today = date(2026, 6, 1)
        fetch(session)
        files = {file: replace(each, retrieved_at="2026-06-01T10:00:00+00:00")
                 for file, each in session.fetched.items()}  # fmt: skip
    running = {f"flows_cluster_{year}.json" for year in range(2023, 2028)}
    settled = {"flows_cluster_2021.json", "flows_cluster_2022.json"}
    whole = {"flows_all_2025.json", "flows_all_2026.json"}
    assert files.keys() == running | settled | whole
    for days, asked in ((0, running), (30, running | whole), (60, running | whole | settled)):
        with session_to(replay, archive, spec, list(files.values())) as session:
            session.today = date(2026, 6, 1) + timedelta(days=days)
            fetch(session)
            assert session.fetched.keys() == asked


def test_a_year_to_come_of_which_nothing_is_known_is_left_and_one_that_was_is_missed(
    replay: Replay, archive: Archive
) -> None:
    service = Service(knows=lambda year: year <= THIS_YEAR)
    service.on(replay)
    spec = spec_of(SOURCE, **ONE_YEAR | {"years_ahead": 1})
    with session_to(replay, archive, spec) as session:
        fetch(session)
        assert list(session.fetched) == [THIS_FILE]
    known = archive.put(SOURCE, f"flows_cluster_{THIS_YEAR + 1}.json", line(flow()), "")
    with (
        session_to(replay, archive, spec, [known]) as session,
        pytest.raises(FetchError, match="404"),
    ):
        fetch(session)
    service.knows = lambda year: year != THIS_YEAR
    with session_to(replay, archive, spec) as session, pytest.raises(FetchError, match="404"):
        fetch(session)


# The pipeline


def run(folders: Folders, replay: Replay, **options: object) -> Outcome:
    found = Config.model_validate(
        {
            "fetch": {"allow_loopback": True, "contact": "tests@example.org"},
            "sources": {SOURCE: {"base_url": replay.url("/")}},
        }
    )
    return refresh(folders, [spec_of(SOURCE, **ONE_YEAR | options)], settings=found)


def dollars(folders: Folders) -> list[tuple[str, int]]:
    rows = ask(folders, "SELECT place, amount_usd FROM funding ORDER BY place")
    return [(place, int(amount)) for place, amount in rows]


def cut(seen: Seen) -> Route:
    """The answer, ending early."""
    content = json.dumps(page(*of_year(1))).encode()
    return File(content, etag=None, cut=len(content) // 2, has_ranges=False)


GONE: dict[str, tuple[Route, str]] = {
    "a sign-in page": (html(), "HTML page"),
    "always cut": (Computed(cut), "ended too early"),
    "another header": (
        answer_json(json.loads(json.dumps(page(*of_year(1, 2))).replace("amountUSD", "usd"))),
        "lacks the field amountUSD",
    ),
}


def test_a_refresh_fetches_leaves_unread_what_is_unchanged_and_bears_what_passes(
    workspace: Folders, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    service = Service({THIS_YEAR: of_year(1, 2, 3)}, largest=2)
    service.on(replay)
    assert run(workspace, replay).failed == []
    assert dollars(workspace) == [("flow 1", 1), ("flow 2", 2), ("flow 3", 3)]
    unchanged = run(workspace, replay)
    assert (unchanged.sources[0].is_unread, unchanged.published) == (True, None)
    service.flows[THIS_YEAR] = of_year(1, 2, 4)
    service.flows[THIS_YEAR][0]["amountUSD"] = 10
    replay.on(PATH, Status(500), rate_limited(0), Computed(cut), Computed(service.answer))
    outcome = refresh(
        workspace,
        [spec.model_copy(update={"fetch": spec.fetch.model_copy(update={"attempts": 5})})
         for spec in [spec_of(SOURCE, **ONE_YEAR)] if spec.fetch],
        settings=Config.model_validate(
            {"fetch": {"allow_loopback": True}, "sources": {SOURCE: {"base_url": replay.url("/")}}}
        ),
    )  # fmt: skip
    assert outcome.failed == []
    assert outcome.sources[0].changes == {"added": 1, "revised": 1, "withdrawn": 1}
    assert dollars(workspace) == [("flow 1", 10), ("flow 2", 2), ("flow 4", 4)]
    for route, said in GONE.values():
        replay.on(PATH, route)
        failed = run(workspace, replay)
        assert said in str(failed.sources[0].failure)
        assert dollars(workspace) == [("flow 1", 10), ("flow 2", 2), ("flow 4", 4)]
    service.on(replay)
    assert run(workspace, replay).failed == []
    assert verify(workspace).differences == []


def test_when_the_interface_is_away_a_rescued_copy_is_handed_over(
    workspace: Folders, tmp_path: Path
) -> None:
    file, content = real_copy(2001)
    (tmp_path / f"{file}.gz").write_bytes(gzip.compress(content))
    given_ = {SOURCE: [Given(str(tmp_path / f"{file}.gz"), "ALNAP, gha_2025 at 3a0a15c")]}
    outcome = refresh(workspace, [all_sources()[SOURCE]], given=given_)
    assert outcome.failed == []
    query = "SELECT count(*), sum(amount_usd) FROM funding WHERE donor_area = 'USA' AND series = 'fts_incoming'"
    [(count, total)] = ask(workspace, query)
    assert count > 0
    assert total > 0
    assert verify(workspace).differences == []
