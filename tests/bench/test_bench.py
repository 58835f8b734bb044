"""The measurements with small numbers: each really does the work that it times, and says so where it doesn't."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from etl import record
from tests.bench import growth, loading, measuring, onpaper, peers, recording, starting, streaming
from tests.bench.measuring import Cost, DifferentError, Ratio, as_table, same


def here(function: str, *arguments: object, **_options: object) -> Cost:
    """The same call in this process: importing everything anew takes longer than such small numbers do."""
    module, _, name = function.partition(":")
    made = [str(each) if isinstance(each, Path) else each for each in arguments]
    cost: Cost = getattr(importlib.import_module(module), name)(*made)
    return cost


@pytest.fixture(autouse=True)
def _the_environment_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured names its data folder in the environment; here that is undone."""
    monkeypatch.setenv("HMA_DATA", str(tmp_path))


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (recording, growth, streaming):
        monkeypatch.setattr(module, "apart", here)


def test_recording_finds_the_changes_that_a_bare_join_finds(
    tmp_path: Path, in_this_process: None
) -> None:
    found = recording.measure(tmp_path, **recording.SMALL)
    assert found["changes"]["added"] == found["changes"]["withdrawn"] == 100
    assert 0 < found["changes"]["revised"] < 400
    assert {ratio["unit"] for ratio in found["ratios"]} == {"s"}
    assert all(ratio["ours"] > 0 and ratio["other"] > 0 for ratio in found["ratios"])


def test_recording_that_writes_nothing_is_no_measurement(
    tmp_path: Path, in_this_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = record.record

    def only_says_so(con: Any, refresh: int, changes: dict[str, Counter[str]]) -> Counter[str]:  # noqa: ANN401
        return really(con, refresh, changes) if refresh < 3 else sum(changes.values(), Counter())

    monkeypatch.setattr(record, "record", only_says_so)
    with pytest.raises(DifferentError, match="rows in use afterwards"):
        recording.measure(tmp_path, **recording.SMALL)


def test_a_ledger_grows_by_what_its_refreshes_bring(tmp_path: Path, in_this_process: None) -> None:
    found = growth.measure(tmp_path, **growth.SMALL)
    small, large = found["sizes"]
    assert small["entries"] < large["entries"]
    assert large["revised"] > 0
    assert set(found["slopes"]) >= {
        "ledger_mb",
        "refresh_seconds",
        "refresh_peak_mb",
        "hash_seconds",
    }
    assert list(tmp_path.iterdir()) == []


def test_a_slope_is_what_a_million_more_cost() -> None:
    assert growth.line(1_000_000, 5.0, 11_000_000, 25.0) == {"per_million": 2.0, "without_any": 3.0}


def test_the_stream_holds_the_rows_that_copy_writes(tmp_path: Path, in_this_process: None) -> None:
    found = streaming.measure(tmp_path, **streaming.SMALL)
    assert found["bytes"] > 1_000_000
    assert [one["size"] for one in found["ours"]] == [found["bytes"]]
    assert 0 < found["ours"][0]["first"] < found["ours"][0]["seconds"]


def test_a_changed_file_gives_the_same_figures_refreshed_and_loaded_anew(tmp_path: Path) -> None:
    found = loading.measure(tmp_path, **loading.SMALL)
    cost = {name: each[0] for name, each in found["costs"].items()}
    assert (
        cost["first load"]["found"]["rows"] == found["rows"] == cost["bare scan"]["found"]["rows"]
    )
    assert cost["changed"]["found"]["digest"] != cost["first load"]["found"]["digest"]
    assert cost["first load"]["peak_bytes"] > 0


def test_starting_is_timed_of_commands_that_answer(tmp_path: Path) -> None:
    found = starting.measure(tmp_path, **starting.SMALL)
    assert [len(times) for times in found["times"].values()] == [starting.SMALL["rounds"]] * 3
    assert min(found["times"]["help"]) > min(found["times"]["pass"]) > 0
    assert min(found["processor"]["help"]) > min(found["processor"]["pass"])


@pytest.mark.skipif(not peers.is_made(), reason="make bench makes the peers' environment")
def test_the_peers_do_the_same_work(tmp_path: Path) -> None:
    for name in ("record", "stream"):
        (tmp_path / name).mkdir()
    found = recording.measure(tmp_path / "record", **recording.SMALL | {"with_peers": True})
    assert found["costs"]["dlt"]["found"] == {"now": found["costs"]["ours"]["found"]["now"]}
    found = streaming.measure(tmp_path / "stream", **streaming.SMALL | {"with_peers": True})
    assert {len(found["peers"]), len(found["ratios"])} == {2, 7}


def test_two_that_did_different_work_are_not_compared() -> None:
    same("rows", ours=[1, "a"], theirs=[1, "a"])
    with pytest.raises(DifferentError, match="rows differ"):
        same("rows", ours=[1, "a"], theirs=[2, "a"])


def test_a_process_that_fails_is_not_timed() -> None:
    with pytest.raises(RuntimeError, match="no_such_function"):
        measuring.apart("tests.bench.growth:no_such_function")


@pytest.mark.parametrize(
    ("ratio", "value", "is_met"),
    [
        (Ratio("load", "s", 3.0, "limit", 2.0, most=1.6), 1.5, True),
        (Ratio("load", "s", 4.0, "limit", 2.0, most=1.6), 2.0, False),
        (Ratio("load", "s", 2.0, "pandas", 12.0, is_faster=True, least=5), 6.0, True),
        (Ratio("CSV", "MB/s", 30.0, "limit", 100.0, is_rate=True, least=0.5), 0.3, False),
        (Ratio("load", "s", 2.0, "reload", 4.0), 0.5, None),
    ],
)
def test_a_ratio_says_whether_it_is_as_aimed_at(
    ratio: Ratio, value: float, is_met: bool | None
) -> None:
    assert ratio.ratio == value
    assert ratio.is_met is is_met


def test_the_table_says_what_is_not_met_and_how_busy_the_machine_was() -> None:
    missed = Ratio("load", "s", 4.0, "limit", 2.0, most=1.6).as_json()
    text = as_table({"loading": {"load_before": 0.5, "load_after": 7.25, "ratios": [missed]}})
    assert (
        text.splitlines()[2] == "| load | 4.00 s | limit | 2.00 s | 2.00 × | ≤ 1.6, not met | 7.2 |"
    )


def test_growth_is_written_from_the_figures_and_from_nothing_else(tmp_path: Path) -> None:
    sizes = [
        dict.fromkeys(growth.TITLES, float(n)) | {"entries": n * 1_000_000, "refreshes": 20}
        for n in (1, 11)
    ]
    slopes = {what: growth.line(1_000_000, 1.0, 11_000_000, 11.0) for what in growth.TITLES}
    page = tmp_path / "GROWTH.md"
    page.write_text(onpaper.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    about = {
        "measured_at": "2026-11-26T17:00:00+00:00", "machine": {"processors": 2, "memory_gb": 24.0},
        "load_before": 0.5, "load_after": 2.25,
    }  # fmt: skip
    onpaper.write({"growth": {"sizes": sizes, "slopes": slopes, **about}}, page)
    text = page.read_text(encoding="utf-8")
    assert "| ledger, MB | 1.00 | 11.0 | 1.00 | 1,000 |" in text
    assert "with a load of 0.5 before and 2.25 after; refreshes of each size: 20, 20." in text
    assert "| refresh of a tenth takes an hour | 3,600,000,000 |" in text
    assert "| sum over all rows takes a second | 1,000,000,000 |" in text


def test_a_line_that_does_not_rise_leads_nowhere() -> None:
    assert onpaper.entries({"per_million": -1.0, "without_any": 3.0}, 60) == "–"
    assert onpaper.entries({"per_million": 1.0, "without_any": 61.0}, 60) == "–"


def test_a_thousand_readers_need_the_processors_that_their_pages_use() -> None:
    pages = {str(n): {"cpu_p50_ms": cost} for n, cost in enumerate((20.0, 50.0, 200.0))}
    text = onpaper.readers({"entries": 10_000, "pages": pages})
    assert "| the middle one of the pages | 50.0 | 5.00 |" in text
    assert "| the slowest of the pages | 200 | 20.0 |" in text
