"""A file comes whole or not at all, and every way in which a publisher fails has its name."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from etl import __version__
from etl.fetch import (
    REPORT_BYTES,
    SHOWN_MESSAGE,
    Download,
    Fetcher,
    FetchError,
    Limits,
    Outside,
    Validators,
    shown,
)
from etl.partial import http_date, sweep
from tests.replay import (
    Call,
    Chunked,
    Dripping,
    File,
    Paged,
    Replay,
    Route,
    Silent,
    Status,
    answer_json,
    html,
    rate_limited,
    redirect,
    serving,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DATA = b"country,amount\nColombia,12\n" * 100
QUICK = Limits(
    max_bytes=1 << 26, max_seconds=1000, attempts=3, min_interval_seconds=0, idle_seconds=30
)
HERE = ["127.0.0.1"]
ROOT = Path(__file__).resolve().parents[2]
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and costs no time


@dataclass
class Clock:
    """Time that passes only when somebody sleeps, or by ``step`` at every look."""

    step: float = 0
    seconds: float = 0
    slept: list[float] = field(default_factory=list)

    def look(self) -> float:
        self.seconds += self.step
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def outside(self, **more: Any) -> Outside:
        more = {"tls": lambda: NO_TLS, **more}
        return Outside(clock=self.look, sleep=self.sleep, now=lambda: NOW, **more)


@pytest.fixture(scope="module")
def served() -> Iterator[Replay]:
    with serving() as replay:
        yield replay


@pytest.fixture
def replay(served: Replay) -> Replay:
    served.routes.clear()
    served.seen.clear()
    return served


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    return tmp_path / "incoming"


def fetcher_at(incoming: Path, clock: Clock, limits: Limits = QUICK, **more: Any) -> Fetcher:
    return Fetcher(
        incoming, contact="https://ledger.example/", allow_loopback=True, limits=limits,
        outside=clock.outside(), **more,
    )  # fmt: skip


@pytest.fixture
def fetcher(incoming: Path, clock: Clock) -> Iterator[Fetcher]:
    with fetcher_at(incoming, clock) as fetcher:
        yield fetcher


def content(download: Download | None) -> bytes:
    assert download
    found = download.path.read_bytes()
    assert download.size_bytes == len(found)
    return found


def fails(rule: str, says: str, call: Callable[[], object]) -> FetchError:
    with pytest.raises(FetchError, match=says) as failure:
        call()
    assert failure.value.rule == rule
    return failure.value


# What is asked, and what comes.


def test_a_file_comes_as_it_is_with_what_the_server_knows_it_by(
    replay: Replay, fetcher: Fetcher, incoming: Path
) -> None:
    date = "Sun, 01 Feb 2026 00:00:00 GMT"
    url = replay.on("/data.csv", File(DATA, etag='"7"', last_modified=date))
    download = fetcher.download(url, hosts=HERE)
    assert content(download) == DATA
    assert download
    assert (download.validators, download.url) == (Validators('"7"', date), url)
    assert download.path.parent == incoming


def test_a_request_says_who_asks_and_wants_the_bytes_unpacked(
    replay: Replay, fetcher: Fetcher
) -> None:
    fetcher.download(replay.on("/data.csv", File(DATA)), hosts=HERE)
    headers = replay.seen[0].headers
    assert headers["user-agent"] == f"hma-ledger/{__version__} (+https://ledger.example/)"
    assert headers["accept-encoding"] == "identity"


def test_an_unchanged_file_is_asked_for_once_and_not_sent(replay: Replay, fetcher: Fetcher) -> None:
    url = replay.on("/data.csv", File(DATA, etag='"7"'))
    assert fetcher.download(url, hosts=HERE, known=Validators('"7"', None)) is None
    assert (replay.count("/data.csv"), replay.conditional("/data.csv")) == (1, 1)


def test_a_date_serves_where_a_server_gives_no_tag(replay: Replay, fetcher: Fetcher) -> None:
    date = "Sun, 01 Feb 2026 00:00:00 GMT"
    url = replay.on("/data.csv", File(DATA, etag=None, last_modified=date))
    assert fetcher.download(url, hosts=HERE, known=Validators(None, date)) is None
    assert replay.seen[0].headers["if-modified-since"] == date


def test_a_changed_file_is_sent(replay: Replay, fetcher: Fetcher) -> None:
    url = replay.on("/data.csv", File(DATA, etag='"8"'))
    assert content(fetcher.download(url, hosts=HERE, known=Validators('"7"', None))) == DATA


def test_a_server_that_does_not_heed_validators_sends_the_file_again(
    replay: Replay, fetcher: Fetcher
) -> None:
    url = replay.on("/data.csv", Status(200, DATA))
    assert content(fetcher.download(url, hosts=HERE, known=Validators('"7"', None))) == DATA


def test_not_modified_is_no_answer_for_who_has_nothing(replay: Replay, fetcher: Fetcher) -> None:
    url = replay.on("/data.csv", Status(304))
    fails("wrong content", "answered 304", lambda: fetcher.download(url, hosts=HERE))


def test_a_body_of_unknown_length_comes_whole(replay: Replay, fetcher: Fetcher) -> None:
    url = replay.on("/data.csv", Chunked([DATA[:1000], DATA[1000:]]))
    assert content(fetcher.download(url, hosts=HERE)) == DATA


def test_progress_is_told_now_and_then_and_at_the_end(
    replay: Replay, incoming: Path, clock: Clock
) -> None:
    whole = b"x" * (3 * REPORT_BYTES + 5)
    told: list[tuple[int, int | None]] = []
    url = replay.on("/big", File(whole))
    with fetcher_at(incoming, clock, progress=lambda *now: told.append(now)) as fetcher:
        fetcher.download(url, hosts=HERE)
    assert told[-1] == (len(whole), len(whole))
    assert told == sorted(told)
    assert 2 <= len(told) <= 4


def test_a_question_carries_its_parameters_headers_and_json(
    replay: Replay, fetcher: Fetcher
) -> None:
    url = replay.on("/search?a=1", Status(200))
    replay.on("/search", answer_json({"results": []}))
    answer = fetcher.ask(
        "POST", url, hosts=HERE, params={"page": "2"}, json={"q": "mine"}, headers={"X-Key": "k"}
    )
    assert json.loads(answer) == {"results": []}
    seen = replay.seen[0]
    assert (seen.method, seen.query, json.loads(seen.body), seen.headers["x-key"]) == (
        "POST", {"a": "1", "page": "2"}, {"q": "mine"}, "k",
    )  # fmt: skip


def test_pages_are_asked_one_by_one(replay: Replay, fetcher: Fetcher) -> None:
    url = replay.on("/api", Paged([{"results": [1]}, {"results": [2]}]))
    pages = [fetcher.ask("GET", url, hosts=HERE, params={"page": page}) for page in "12"]
    assert [json.loads(page)["results"] for page in pages] == [[1], [2]]
    body = fetcher.ask("POST", url, hosts=HERE, json={"page": 2})
    assert json.loads(body)["results"] == [2]


def test_a_job_is_started_polled_and_its_file_downloaded(replay: Replay, fetcher: Fetcher) -> None:
    url = replay.job("/bulk", running=2, result=File(DATA))
    job = json.loads(fetcher.ask("POST", url, hosts=HERE, json={}))
    states: list[str] = []
    while states[-1:] != ["finished"]:
        states.append(json.loads(fetcher.ask("GET", job["status_url"], hosts=HERE))["status"])
    assert states == ["running", "running", "finished"]
    assert content(fetcher.download(job["file_url"], hosts=HERE)) == DATA


# Going on where it ended.


@given(st.binary(min_size=1, max_size=3000), st.data())
@settings(max_examples=60)
def test_a_file_that_is_cut_anywhere_comes_exactly(
    served: Replay, tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    whole = b"#" + whole  # neither a page nor empty
    cut = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    url = served.on("/cut", File(whole, cut=cut), File(whole))
    served.seen.clear()
    with fetcher_at(tmp_path_factory.mktemp("incoming"), Clock()) as fetcher:
        assert content(fetcher.download(url, hosts=HERE)) == whole
    asked = [seen.headers.get("range") for seen in served.requests("/cut")]
    assert asked == [None, f"bytes={cut}-" if cut else None]


@given(st.binary(min_size=1, max_size=3000), st.data())
@example(b"x", None)
@settings(max_examples=60)
def test_what_a_killed_run_left_is_gone_on_with_at_any_byte(
    served: Replay,
    tmp_path_factory: pytest.TempPathFactory,
    whole: bytes,
    data: st.DataObject | None,
) -> None:
    whole = b"#" + whole
    left = data.draw(st.integers(min_value=0, max_value=len(whole))) if data else len(whole)
    incoming = tmp_path_factory.mktemp("incoming")
    url = served.on("/left", File(whole))
    with fetcher_at(incoming, Clock()) as fetcher:
        download = fetcher.download(url, hosts=HERE)
        assert download
        download.path.write_bytes(whole[:left])
    served.seen.clear()
    with fetcher_at(incoming, Clock()) as fetcher:
        assert content(fetcher.download(url, hosts=HERE)) == whole
    start = min(left, len(whole) - 1)
    asked = served.requests("/left")[0].headers
    assert asked.get("range") == (f"bytes={start}-" if start else None)
    assert asked.get("if-range") == ('"1"' if start else None)


@given(st.lists(st.integers(min_value=0, max_value=900), min_size=1, max_size=6))
@settings(max_examples=30)
def test_a_file_may_be_cut_again_and_again(
    served: Replay, tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    url = served.on("/again", *(File(DATA, cut=cut) for cut in cuts), File(DATA))
    with fetcher_at(
        tmp_path_factory.mktemp("incoming"), Clock(), replace(QUICK, attempts=7)
    ) as fetcher:
        assert content(fetcher.download(url, hosts=HERE)) == DATA


def partly(incoming: Path, replay: Replay, url: str, route: File) -> None:
    """A run that is cut after 1000 bytes and gives up."""
    replay.on("/data.csv", replace(route, cut=1000))
    with fetcher_at(incoming, Clock(), replace(QUICK, attempts=1)) as fetcher:
        fails("cut short", "ended too early", lambda: fetcher.download(url, hosts=HERE))
    replay.seen.clear()


def test_a_file_that_changed_in_between_starts_over(
    replay: Replay, fetcher: Fetcher, incoming: Path
) -> None:
    url = replay.url("/data.csv")
    partly(incoming, replay, url, File(DATA, etag='"1"'))
    other = DATA.replace(b"12", b"13")
    replay.on("/data.csv", File(other, etag='"2"'))
    assert content(fetcher.download(url, hosts=HERE)) == other
    assert replay.seen[0].headers["if-range"] == '"1"'
    assert replay.count("/data.csv") == 1


@pytest.mark.parametrize(
    "route",
    [
        File(DATA, etag='W/"1"'),
        File(DATA, etag=None),
        File(DATA, has_ranges=False),
        File(DATA, etag=None, last_modified="Sun, 01 Mar 2026 11:59:30 GMT",
             lies={"Date": "Sun, 01 Mar 2026 12:00:00 GMT"}),
    ],
    ids=["weak tag", "no tag", "no ranges", "a date of this very minute"],
)  # fmt: skip
def test_without_a_strong_validator_a_cut_file_starts_over(
    replay: Replay, fetcher: Fetcher, route: File
) -> None:
    url = replay.on("/data.csv", replace(route, cut=1000), route)
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert ["range" in seen.headers for seen in replay.seen] == [False, False]


def test_an_old_date_is_as_good_as_a_tag(replay: Replay, fetcher: Fetcher) -> None:
    date = "Sun, 01 Feb 2026 00:00:00 GMT"
    route = File(
        DATA, etag=None, last_modified=date, lies={"Date": "Sun, 01 Mar 2026 00:00:00 GMT"}
    )
    url = replay.on("/data.csv", replace(route, cut=1000), route)
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert replay.seen[1].headers["if-range"] == date


SIDECARS: dict[str, bytes | dict[str, str]] = {
    "empty": b"", "torn": b'{"total": 27', "no object": b"[]", "not text": b"\xff\xfe",
    "other keys": b'{"size": 1}',
    "a tag that cannot be sent": {"strong": '"\xe9"'},
    "numbers for tags": b'{"total": "x", "validators": {}, "strong": 1, "boot": ""}',
    "of an earlier start of the machine": {"boot": "another"},
}  # fmt: skip


@pytest.mark.parametrize("sidecar", SIDECARS.values(), ids=SIDECARS)
def test_a_sidecar_that_cannot_be_trusted_means_starting_over(
    replay: Replay, fetcher: Fetcher, incoming: Path, sidecar: bytes | dict[str, str]
) -> None:
    url = replay.url("/data.csv")
    partly(incoming, replay, url, File(DATA))
    (path,) = incoming.glob("*.json")
    if not isinstance(sidecar, bytes):
        sidecar = json.dumps(json.loads(path.read_bytes()) | sidecar).encode()
    path.write_bytes(sidecar)
    replay.on("/data.csv", File(DATA))
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert "range" not in replay.seen[0].headers


def test_a_part_without_sidecar_means_starting_over(
    replay: Replay, fetcher: Fetcher, incoming: Path
) -> None:
    url = replay.url("/data.csv")
    partly(incoming, replay, url, File(DATA))
    next(incoming.glob("*.json")).unlink()
    replay.on("/data.csv", File(DATA))
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert "range" not in replay.seen[0].headers


@pytest.mark.parametrize(
    "lies",
    [
        {"Content-Range": f"bytes 999-{len(DATA) - 1}/{len(DATA)}"},
        {"Content-Range": f"bytes 1000-{len(DATA) - 1}/{len(DATA) + 1}"},
        {"Content-Range": "lines 1-2"},
        {"ETag": '"2"'},
    ],
    ids=["another start", "another total", "no range", "another tag"],
)
def test_another_part_than_was_asked_for_is_not_glued_on(
    replay: Replay, fetcher: Fetcher, incoming: Path, lies: dict[str, object]
) -> None:
    url = replay.url("/data.csv")
    partly(incoming, replay, url, File(DATA))
    replay.on("/data.csv", File(DATA, lies=lies), File(DATA))
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert ["range" in seen.headers for seen in replay.seen] == [True, False]


def test_a_server_that_gives_less_than_the_rest_is_asked_for_what_is_left(
    replay: Replay, fetcher: Fetcher, incoming: Path
) -> None:
    url = replay.url("/data.csv")
    partly(incoming, replay, url, File(DATA))
    replay.on("/data.csv", File(DATA, most=700))
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert [seen.headers["range"] for seen in replay.seen] == [
        "bytes=1000-", "bytes=1700-", "bytes=2400-",
    ]  # fmt: skip


def test_a_server_that_gives_more_than_the_rest_is_not_believed(
    replay: Replay, fetcher: Fetcher, incoming: Path
) -> None:
    url = replay.url("/data.csv")
    partly(incoming, replay, url, File(DATA))
    announced = {"Content-Range": f"bytes 1000-{len(DATA) - 1}/{len(DATA)}"}
    replay.on("/data.csv", Status(206, DATA, announced), File(DATA))
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert ["range" in seen.headers for seen in replay.seen] == [True, False]


def test_a_range_the_server_no_longer_has_means_starting_over(
    replay: Replay, fetcher: Fetcher, incoming: Path
) -> None:
    url = replay.url("/data.csv")
    partly(incoming, replay, url, File(DATA))
    shorter = DATA[:500]
    replay.on("/data.csv", File(shorter), File(shorter))
    assert content(fetcher.download(url, hosts=HERE)) == shorter


def test_a_file_in_chunks_that_is_cut_is_noticed(replay: Replay, fetcher: Fetcher) -> None:
    url = replay.on("/data.csv", Chunked([DATA], is_cut=True))
    fails("cut short", r"ended too early.*tried 3 times", lambda: fetcher.download(url, hosts=HERE))


def test_a_file_whose_size_nobody_named_starts_over(replay: Replay, fetcher: Fetcher) -> None:
    headers = {"ETag": '"1"', "Accept-Ranges": "bytes"}
    url = replay.on("/data.csv", Chunked([DATA[:9]], is_cut=True, headers=headers), File(DATA))
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert ["range" in seen.headers for seen in replay.seen] == [False, False]


KILLED = """
import sys
from pathlib import Path
from etl.fetch import Fetcher
with Fetcher(Path(sys.argv[1]), contact="x", allow_loopback=True) as fetcher:
    fetcher.download(sys.argv[2], hosts=["127.0.0.1"])
"""


def test_a_run_that_was_killed_is_gone_on_with_by_the_next(
    replay: Replay, fetcher: Fetcher, incoming: Path
) -> None:
    whole = DATA.ljust(1 << 20, b"#")
    url = replay.on("/data.csv", Silent(whole[:70_000], size=len(whole)), File(whole))
    child = subprocess.Popen([sys.executable, "-c", KILLED, incoming, url], cwd=ROOT)
    try:
        while (
            child.poll() is None
            and sum(path.stat().st_size for path in incoming.glob("*.part")) < 65_536
        ):
            time.sleep(0.01)
    finally:
        child.kill()
    assert child.wait() == -signal.SIGKILL, "it was still waiting for the rest"
    assert content(fetcher.download(url, hosts=HERE)) == whole
    assert int(replay.seen[1].headers["range"][6:-1]) >= 65_536


def test_a_question_whose_answer_was_cut_is_asked_again(replay: Replay, fetcher: Fetcher) -> None:
    url = replay.on("/api", File(b'{"results": []}', cut=5), answer_json({"results": []}))
    assert fetcher.ask("GET", url, hosts=HERE) == b'{"results": []}'


def test_other_files_in_the_folder_are_neither_read_nor_touched(
    replay: Replay, fetcher: Fetcher, incoming: Path
) -> None:
    incoming.mkdir()
    others = {"other.part": b"x", "other.json": b'{"total": 1}', "notes.txt": b"mine"}
    for name, what in others.items():
        (incoming / name).write_bytes(what)
    fetcher.download(replay.on("/data.csv", File(DATA)), hosts=HERE)
    assert {name: (incoming / name).read_bytes() for name in others} == others


def test_nothing_is_left_once_the_caller_has_taken_the_file(
    replay: Replay, incoming: Path, clock: Clock
) -> None:
    url = replay.on("/data.csv", File(DATA))
    with fetcher_at(incoming, clock) as fetcher:
        download = fetcher.download(url, hosts=HERE)
        assert download
        assert download.path.stem == hashlib.sha256(url.encode()).hexdigest()
        download.path.unlink()
    assert list(incoming.iterdir()) == []


ODD_DATES = [
    "Fri, 31 Dec 9999 23:59:59 -2359", "Sun, 01 Mar 99999 00:00:00 GMT",
    f"Sun, 01 Mar {10**30} 00:00:00 GMT", f"Sun, 01 Mar 2026 12:00:00 +{10**20}",
    f"Sun, 01 Mar 2026 {10**30}:00:00 GMT", "Sun, 01 Mar 2026 12:00:00 +9999", ",", "(",
]  # fmt: skip


@pytest.mark.parametrize("date", ODD_DATES)
@pytest.mark.parametrize("header", ["Date", "Last-Modified"])
def test_a_date_that_no_calendar_holds_is_no_proof(
    replay: Replay, fetcher: Fetcher, header: str, date: str
) -> None:
    dates = {
        "Date": "Sun, 01 Mar 2026 00:00:00 GMT",
        "Last-Modified": "Sun, 01 Feb 2026 00:00:00 GMT",
    }
    route = File(DATA, etag=None, lies={**dates, header: date})
    url = replay.on("/data.csv", replace(route, cut=1000), route)
    assert content(fetcher.download(url, hosts=HERE)) == DATA


@given(st.text(max_size=60) | st.from_regex(r"\A\w{3}, \d+ Mar \d+ \d+:\d\d:\d\d [-+]?\w+\Z"))
@settings(max_examples=300)
def test_any_text_is_a_date_in_utc_or_none(text: str) -> None:
    date = http_date(text)
    assert date is None or date.tzinfo is UTC


UNSENDABLE = {"not ASCII": "\xe9", "a control sign": "\x01", "a tab": "\t", "very long": "x" * 2000}


@pytest.mark.parametrize("what", UNSENDABLE.values(), ids=UNSENDABLE)
def test_what_cannot_be_sent_back_validates_nothing(
    replay: Replay, fetcher: Fetcher, what: str
) -> None:
    assert Validators(f'"{what}"', what) == Validators(None, None)
    lies: dict[str, object] = {} if what == "\x01" else {"ETag": f'"{what}"'}  # h11 lets none in
    route = File(DATA, etag=None, lies=lies)
    url = replay.on("/data.csv", replace(route, cut=1000), route)
    download = fetcher.download(url, hosts=HERE, known=Validators(f'"{what}"', what))
    assert content(download) == DATA
    assert download
    assert download.validators == Validators(None, None)
    for seen in replay.seen:
        assert not {"if-none-match", "if-modified-since", "if-range"} & set(seen.headers)


@pytest.mark.parametrize("said", [7, None, ["x"], ""])
def test_a_remembered_validator_that_is_no_text_is_none(said: object) -> None:
    assert Validators(said, said).conditions() == {}  # type: ignore[arg-type]


# What earlier runs left.


def left_by(incoming: Path, replay: Replay, **sidecar: object) -> list[Path]:
    url = replay.url("/data.csv")
    partly(incoming, replay, url, File(DATA))
    (path,) = incoming.glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_bytes()) | sidecar))
    return sorted(incoming.iterdir())


def test_what_the_next_run_can_take_up_is_not_swept(replay: Replay, incoming: Path) -> None:
    left = left_by(incoming, replay)
    (incoming / "notes.txt").write_bytes(b"mine")
    (incoming / "other.part").write_bytes(b"mine")
    (incoming / "folder.unpacked").mkdir()
    before = sorted(incoming.iterdir())
    assert (sweep(incoming), sorted(incoming.iterdir())) == (0, before)
    assert set(left) < set(before)


@pytest.mark.parametrize("sidecar", [{"boot": "another"}, {"total": None}, {"strong": None}])
def test_a_part_that_nobody_can_go_on_with_is_swept(
    replay: Replay, incoming: Path, sidecar: dict[str, object]
) -> None:
    left_by(incoming, replay, **sidecar)
    assert (sweep(incoming), list(incoming.iterdir())) == (2, [])


@pytest.mark.parametrize("lost", ["part", "json"])
def test_half_of_a_pair_is_swept(replay: Replay, incoming: Path, lost: str) -> None:
    left_by(incoming, replay)
    next(incoming.glob(f"*.{lost}")).unlink()
    assert (sweep(incoming), list(incoming.iterdir())) == (1, [])


def test_a_part_is_swept_after_a_week(replay: Replay, incoming: Path) -> None:
    part = next(path for path in left_by(incoming, replay) if path.suffix == ".part")
    for days, swept in ((6.9, 0), (7.1, 2)):
        then = time.time() - days * 86400
        os.utime(part, (then, then))
        assert sweep(incoming) == swept
    assert list(incoming.iterdir()) == []


def test_what_was_made_from_a_fetched_file_is_swept(incoming: Path) -> None:
    assert sweep(incoming) == 0, "there is no such folder yet"
    incoming.mkdir()
    for name in (f"{'0' * 64}.part.unpacked", "fts-flows.json.pages"):
        (incoming / name).write_bytes(b"x")
    assert (sweep(incoming), list(incoming.iterdir())) == (2, [])


# What cannot be data.


@pytest.mark.parametrize(
    ("route", "rule", "says"),
    [
        (html(), "HTML page", r"is an HTML page, not data: b'<!DOCTYPE html><title>Sign in"),
        (Status(200, b"\xef\xbb\xbf \n<HTML>"), "HTML page", "not data: b'<HTML>'"),
        (Status(200, b"a,b\n", {"Content-Type": "text/html"}), "HTML page", "not data: b'a,b"),
        (Status(200), "empty body", "with an empty body"),
        (Status(200, b" \n"), "empty body", "with an empty body"),
        (
            Status(200, b"x", {"Content-Encoding": "gzip"}),
            "wrong content",
            "content-encoding 'gzip'",
        ),
        (Status(204), "wrong content", "answered 204"),
        (Status(206, b"a"), "wrong content", "answered 206"),
    ],
)
def test_a_download_that_is_no_file_is_refused_and_not_kept(
    replay: Replay, fetcher: Fetcher, incoming: Path, route: Status, rule: str, says: str
) -> None:
    url = replay.on("/data.csv", route)
    fails(rule, says, lambda: fetcher.download(url, hosts=HERE))
    assert replay.count("/data.csv") == 1, "asking again wouldn't help"
    assert list(incoming.iterdir()) == []


@pytest.mark.parametrize(
    ("route", "rule"),
    [
        (html(), "HTML page"),
        (Status(200, b"<html>"), "HTML page"),
        (Status(200), "empty body"),
        (Status(204), "empty body"),
    ],
)
def test_an_answer_that_is_none_is_refused(
    replay: Replay, fetcher: Fetcher, route: Status, rule: str
) -> None:
    fails(
        rule, "answered|is an HTML", lambda: fetcher.ask("GET", replay.on("/a", route), hosts=HERE)
    )


def test_a_redirect_to_a_sign_in_page_is_an_html_page(replay: Replay, fetcher: Fetcher) -> None:
    replay.on("/login", html())
    url = replay.on("/data.csv", redirect("/login"))
    fails("HTML page", r"/login is an HTML page", lambda: fetcher.download(url, hosts=HERE))


@pytest.mark.parametrize("route", [File(DATA), Chunked([DATA])], ids=["announced", "not announced"])
def test_a_file_that_is_too_large_is_stopped_and_not_kept(
    replay: Replay, fetcher: Fetcher, incoming: Path, route: File | Chunked
) -> None:
    url, limits = replay.on("/data.csv", route), replace(QUICK, max_bytes=len(DATA) - 1)
    for call in (fetcher.download, lambda *_, **more: fetcher.ask("GET", url, **more)):
        fails(
            "too large",
            rf"larger than the {len(DATA) - 1:,} bytes allowed",
            lambda call=call: call(url, hosts=HERE, limits=limits),  # type: ignore[misc]
        )
    assert list(incoming.iterdir()) == []
    enough = replace(QUICK, max_bytes=len(DATA))
    assert content(fetcher.download(url, hosts=HERE, limits=enough)) == DATA


STATUSES = [
    (401, "forbidden", 1), (403, "forbidden", 1), (404, "not found", 1), (408, "timeout", 3),
    (410, "not found", 1), (418, "wrong content", 1), (422, "wrong content", 1),
    (429, "rate limited", 3), (451, "forbidden", 1), (500, "server error", 3),
    (503, "server error", 3), (599, "server error", 3), (600, "server error", 3), (999, "server error", 3),
]  # fmt: skip


@pytest.mark.parametrize(("status", "rule", "tries"), STATUSES)
def test_each_status_has_its_name_and_is_tried_again_only_if_that_may_help(
    replay: Replay, fetcher: Fetcher, status: int, rule: str, tries: int
) -> None:
    url = replay.on("/data.csv", Status(status, b"what the server says" * 10))
    error = fails(
        rule, rf"/data\.csv answered {status}: b'what", lambda: fetcher.download(url, hosts=HERE)
    )
    assert str(error).count("what the server says") == 4, "80 bytes are shown"
    assert replay.count("/data.csv") == tries


# Patience.


def test_two_faults_of_the_server_and_then_the_file(
    replay: Replay, fetcher: Fetcher, clock: Clock
) -> None:
    url = replay.on("/data.csv", Status(500), Status(502), File(DATA))
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    first, second = clock.slept
    assert 1 <= first <= 2 <= second <= 3, "it waits longer each time"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("wait", [7, "Sun, 01 Mar 2026 12:00:07 GMT"], ids=["seconds", "date"])
def test_the_server_says_how_long_to_wait(
    replay: Replay, fetcher: Fetcher, clock: Clock, status: int, wait: object
) -> None:
    url = replay.on("/data.csv", Status(status, headers={"Retry-After": wait}), File(DATA))
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert clock.slept == [7]


@pytest.mark.parametrize("wait", [121, "Sun, 01 Mar 2026 12:02:01 GMT"], ids=["seconds", "date"])
def test_a_wait_longer_than_allowed_ends_the_call_and_says_when_to_come_back(
    replay: Replay, fetcher: Fetcher, clock: Clock, wait: object
) -> None:
    url = replay.on("/data.csv", rate_limited(wait))
    error = fails(
        "rate limited",
        r"come back after 2026-03-01 12:02 UTC",
        lambda: fetcher.download(url, hosts=HERE),
    )
    assert (error.wait_seconds, clock.slept, replay.count("/data.csv")) == (121, [], 1)


@pytest.mark.parametrize(
    "wait", ["soon", "-5", "", "Sun, 99 Mar 2026 12:00:07 GMT", "1e9", *ODD_DATES]
)
def test_a_wait_that_is_none_is_waited_as_usual(
    replay: Replay, fetcher: Fetcher, clock: Clock, wait: str
) -> None:
    url = replay.on("/data.csv", rate_limited(wait), File(DATA))
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert 1 <= clock.slept[0] <= 2


def test_a_date_that_has_passed_is_no_wait(replay: Replay, fetcher: Fetcher, clock: Clock) -> None:
    url = replay.on("/data.csv", rate_limited("Sun, 01 Mar 2026 11:00:00 GMT"), File(DATA))
    assert content(fetcher.download(url, hosts=HERE)) == DATA
    assert clock.slept == [0]


def test_nobody_waits_past_the_end_of_the_time_allowed(
    replay: Replay, fetcher: Fetcher, clock: Clock
) -> None:
    url = replay.on("/data.csv", rate_limited(100))
    limits = replace(QUICK, max_seconds=50)
    fails("rate limited", "answered 429", lambda: fetcher.download(url, hosts=HERE, limits=limits))
    assert clock.slept == []


def test_requests_to_one_host_keep_their_distance(
    replay: Replay, fetcher: Fetcher, clock: Clock
) -> None:
    url, limits = replay.on("/api", answer_json([])), replace(QUICK, min_interval_seconds=5)
    for _ in range(3):
        fetcher.ask("GET", url, hosts=HERE, limits=limits)
    assert clock.slept == [5, 5]


def test_the_hops_of_a_redirect_keep_their_distance_too(
    replay: Replay, fetcher: Fetcher, clock: Clock
) -> None:
    replay.on("/new.csv", File(DATA))
    url, limits = (
        replay.on("/old.csv", redirect("/new.csv")),
        replace(QUICK, min_interval_seconds=5),
    )
    fetcher.download(url, hosts=HERE, limits=limits)
    assert clock.slept == [5]


@pytest.mark.parametrize("where", ["body", "headers"])
def test_a_server_that_drips_is_left_when_the_time_is_over(
    replay: Replay, incoming: Path, where: str
) -> None:
    url = replay.on("/data.csv", Dripping(where))
    limits = replace(QUICK, max_seconds=100)
    with fetcher_at(incoming, Clock(step=1), limits) as fetcher:  # a second at each look
        for call in (fetcher.download, lambda *_, **more: fetcher.ask("GET", url, **more)):
            fails(
                "timeout",
                r"was not done within 100 seconds",
                lambda call=call: call(url, hosts=HERE),  # type: ignore[misc]
            )
    assert replay.count("/data.csv") == 2, "nobody tries again when the time is over"


@pytest.mark.parametrize("first", [None, b"country,"])
def test_a_silent_server_is_asked_again_and_then_left(
    replay: Replay, fetcher: Fetcher, first: bytes | None
) -> None:
    url, limits = replay.on("/data.csv", Silent(first)), replace(QUICK, idle_seconds=0.05)
    fails(
        "timeout", r"did not answer, or stopped in between.*tried 3 times",
        lambda: fetcher.download(url, hosts=HERE, limits=limits),
    )  # fmt: skip
    asked = [seen.headers.get("range") for seen in replay.seen]
    assert asked == [None, *([f"bytes={len(first)}-"] * 2 if first else [None, None])]


def test_a_server_that_is_not_there_is_no_connection(fetcher: Fetcher) -> None:
    with serving() as gone:
        url = gone.url("/data.csv")
    fails(
        "no connection",
        r"cannot be reached.*tried 3 times",
        lambda: fetcher.download(url, hosts=HERE),
    )


def test_a_server_that_speaks_no_http_is_no_connection(replay: Replay, fetcher: Fetcher) -> None:
    @dataclass
    class Babble:
        def answer(self, call: Call) -> None:
            call.wire.write(b"220 mail.example ESMTP\r\n")
            call.wire.flush()
            call.is_last = True

    url = replay.on("/data.csv", Babble())
    fails("no connection", "cannot be reached", lambda: fetcher.download(url, hosts=HERE))


# Where it may go.


def test_a_redirect_is_followed_and_the_final_address_kept(
    replay: Replay, fetcher: Fetcher
) -> None:
    replay.on("/new.csv", File(DATA))
    url = replay.on("/old.csv", redirect("/new.csv?token=abc", 301))
    download = fetcher.download(url, hosts=HERE)
    assert content(download) == DATA
    assert download
    assert download.url == replay.url("/new.csv?token=***")
    assert replay.seen[1].query == {"token": "abc"}


ASTRAY = {
    "another host": ("https://other.example/data.csv", "host not allowed", "none of the hosts"),
    "the same host over http": ("http://data.example/data.csv", "not https", "is not https"),
    "a file": ("file:///etc/passwd", "not https", "is not https"),
    "a private address": ("https://10.0.0.7/", "host not allowed", "none of the hosts"),
    "a name that leads to one": ("https://inner.example/", "address refused", r"10\.0\.0\.7, which is private"),
    "the cloud's own address": ("https://meta.example/", "address refused", r"169\.254\.169\.254, which is link-local"),
    "a user name": ("https://me:pw@data.example/", "address refused", "comes with a user name"),
    "nowhere": ("", "redirect refused", "leads nowhere"),
    "no address": ("https://[::/", "redirect refused", "redirects to no address"),
}  # fmt: skip


@pytest.mark.parametrize(("to", "rule", "says"), ASTRAY.values(), ids=ASTRAY)
@pytest.mark.parametrize("how", ["at once", "after a hop", "in the second run"])
def test_a_redirect_astray_is_refused(
    replay: Replay, incoming: Path, clock: Clock, to: str, rule: str, says: str, how: str
) -> None:
    names = {
        "inner.example": "10.0.0.7",
        "meta.example": "169.254.169.254",
        "127.0.0.1": "127.0.0.1",
    }
    outside = clock.outside(resolve=lambda host, _: [names[host]])
    hosts = [*HERE, "data.example", "inner.example", "meta.example"]
    replay.on("/astray", redirect(to))
    first: dict[str, Route] = {
        "at once": redirect(to),
        "after a hop": redirect("/astray"),
        "in the second run": File(DATA),
    }
    url = replay.on("/data.csv", first[how], redirect(to))
    with Fetcher(
        incoming, contact="x", allow_loopback=True, limits=QUICK, outside=outside
    ) as fetcher:
        if how == "in the second run":
            fetcher.download(url, hosts=hosts)
        error = fails(rule, says, lambda: fetcher.download(url, hosts=hosts))
    assert "pw" not in str(error)


def test_a_redirect_without_end_is_refused(replay: Replay, fetcher: Fetcher) -> None:
    url = replay.on("/round", redirect("/round"))
    fails(
        "redirect refused", "redirects more than 5 times", lambda: fetcher.download(url, hosts=HERE)
    )
    assert replay.count("/round") == 6


def test_a_question_is_not_turned_into_another_by_a_redirect(
    replay: Replay, fetcher: Fetcher
) -> None:
    url = replay.on("/api", redirect("/new", 302))
    fails(
        "redirect refused",
        "sends a question on",
        lambda: fetcher.ask("POST", url, hosts=HERE, json={}),
    )
    replay.on("/new", answer_json([]))
    url = replay.on("/api", redirect("/new", 307))
    fetcher.ask("POST", url, hosts=HERE, json={"q": 1})
    assert (replay.seen[-1].method, replay.seen[-1].body) == ("POST", b'{"q":1}')


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://data.example/", "not https"), ("http://127.0.0.1/", "not https"),
        ("ftp://data.example/", "not https"), ("data.csv", "not https"), ("", "not https"),
        ("https://other.example/", "host not allowed"),
        ("https://data.example.other.example/", "host not allowed"),
        ("https://data.example@other.example/", "host not allowed"),
        ("https://data.example./", "host not allowed"),
        ("https://data.example/", "address refused"), ("https://DATA.example/", "address refused"),
        ("https://127.0.0.1/", "address refused"), ("https://[::1]/", "address refused"),
        ("https://data.example:99999999/", "address refused"), ("HTTPS://Other.example/", "host not allowed"),
        ("https://xn--a.example/", "host not allowed"), ("HTTPS://DATA.EXAMPLE/", "address refused"),
        ("https://bücher.example/", "address refused"), ("https://xn--BCHER-kva.example/", "address refused"),
        ("https://BÜCHER.example/", "address refused"), ("https://xn--maana-pta.example/", "address refused"),
        ("https://mañana.example/", "address refused"),
        ("https://[", "host not allowed"), ("https://[::/", "address refused"),
    ],
)  # fmt: skip
def test_an_address_that_may_not_be_fetched_is_refused_before_anything_is_sent(
    incoming: Path, clock: Clock, url: str, rule: str
) -> None:
    outside = clock.outside(resolve=lambda *_: ["127.0.0.1"])
    with Fetcher(incoming, contact="x", limits=QUICK, outside=outside) as fetcher:
        fails(
            rule, "is not https|none of the hosts|which is loopback|user name|no address|a port that cannot be",
            lambda: fetcher.download(url, hosts=[
                "Data.example", "127.0.0.1", "::1", "Bücher.example", "XN--maana-pta.example", "ü" * 99,
            ]),
        )  # fmt: skip


def test_http_to_this_machine_needs_its_address_not_a_name(
    replay: Replay, fetcher: Fetcher
) -> None:
    url = replay.url("/data.csv").replace("127.0.0.1", "localhost")
    fails("not https", "is not https", lambda: fetcher.download(url, hosts=["localhost"]))
    assert replay.seen == []


def test_a_proxy_in_the_environment_is_not_used(
    replay: Replay, incoming: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with fetcher_at(incoming, clock) as fetcher:
        assert content(fetcher.download(replay.on("/data.csv", File(DATA)), hosts=HERE)) == DATA


# What messages show.


@pytest.mark.parametrize(
    "name", ["api_key", "apikey", "key", "token", "access_token", "password", "sig", "X-Amz-Signature",
             "subscription-key", "client_secret"],
)  # fmt: skip
def test_no_message_shows_a_secret_of_the_query(
    replay: Replay, fetcher: Fetcher, name: str
) -> None:
    replay.on("/data.csv", Status(403, b"no"))
    url = replay.url(f"/data.csv?year=2026&{name}=s3cr3t")
    error = fails("forbidden", "year=2026", lambda: fetcher.download(url, hosts=HERE))
    assert f"{name}=***" in str(error)
    assert "s3cr3t" not in str(error)


def test_what_is_no_secret_is_shown() -> None:
    url = "https://data.example/a%20b?keyword=mine&country=Colombia"
    assert shown(url) == url
    assert shown("https://me:pw@data.example/#part") == "https://data.example/"


def test_an_address_is_shown_whatever_its_query_grows_to() -> None:
    assert shown("https://data.example/?" + "&sig=" * 12_000).endswith("&sig=***")


LOUD = "\x1b[2J\x9b\u202e\r\n"


@pytest.mark.parametrize("part", ["reason", "body", "redirect", "encoding", "page", "long"])
def test_no_message_lets_a_server_speak_long_or_to_the_terminal(
    replay: Replay, fetcher: Fetcher, part: str
) -> None:
    loud = LOUD.encode() * 1000
    routes: dict[str, Route] = {
        "reason": Status(500, loud),
        "body": Status(404, loud),
        "redirect": redirect(f"https://other.example/{'x' * 5000}?{'%1b' * 5000}"),
        "encoding": Status(200, b"x", {"Content-Encoding": "x\xe9\x9b" * 2000}),
        "page": Status(200, b"<html>" + loud),
        "long": redirect("/long/" + "y" * 5000),
    }
    url = replay.on("/data.csv", routes[part])
    with pytest.raises(FetchError) as failed:
        fetcher.download(url, hosts=HERE)
    assert str(failed.value).isprintable()
    assert len(str(failed.value)) < 300 + 200, "our own words are less than 200"


def test_the_message_of_a_source_is_shortened_in_the_middle() -> None:
    error = str(FetchError(f"the job failed: {LOUD}{'x' * 10**6}; fetch again later", "job failed"))
    assert error.isprintable()
    assert error.startswith(r"the job failed: \x1b[2J\x9b\u202e\r\nxxx")
    assert error.endswith("x; fetch again later")
    assert len(error) == SHOWN_MESSAGE


# Over TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for data.example and other.example, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=data.example", "-addext", "subjectAltName=DNS:data.example,DNS:other.example", "-days", "2",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@dataclass
class Tls:
    replay: Replay
    names: list[str | None]
    url: str


@pytest.fixture
def tls(certificate: tuple[Path, Path]) -> Iterator[Tls]:
    """A server over TLS that notes which name each client asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    names: list[str | None] = []

    def note(_: object, name: str | None, __: object) -> None:
        names.append(name)

    context.sni_callback = note
    with serving(tls=context) as replay:
        replay.on("/data.csv", File(DATA))
        yield Tls(replay, names, replay.url("/data.csv").replace("127.0.0.1", "data.example"))


@pytest.fixture
def trusting(
    certificate: tuple[Path, Path], incoming: Path, clock: Clock
) -> Callable[..., Fetcher]:
    """Makes a fetcher that trusts this certificate and finds every name at the addresses given."""

    def make(*answers: list[str]) -> Fetcher:
        turn = iter(answers)
        outside = clock.outside(
            resolve=lambda *_: next(turn, ["127.0.0.1"]),
            tls=lambda: ssl.create_default_context(cafile=str(certificate[0])),
        )
        return Fetcher(incoming, contact="x", allow_loopback=True, limits=QUICK, outside=outside)

    return make


def test_tls_and_host_name_the_host_though_the_connection_goes_to_an_address(
    tls: Tls, trusting: Callable[..., Fetcher]
) -> None:
    with trusting() as fetcher:
        assert content(fetcher.download(tls.url, hosts=["data.example"])) == DATA
    assert tls.names == ["data.example"]
    assert tls.replay.seen[0].headers["host"].startswith("data.example:")


def test_headers_of_the_caller_do_not_go_to_another_host(
    tls: Tls, trusting: Callable[..., Fetcher]
) -> None:
    other = tls.url.replace("data.example", "other.example")
    tls.replay.on("/moved", redirect("/on"))
    tls.replay.on("/on", redirect(other))
    tls.replay.on("/data.csv", answer_json([]))
    moved = tls.url.replace("/data.csv", "/moved")
    with trusting() as fetcher:
        fetcher.ask(
            "GET", moved, hosts=["data.example", "other.example"], headers={"X-Key": "secret"}
        )
    assert ["x-key" in seen.headers for seen in tls.replay.seen] == [True, True, False]
    assert tls.names == ["data.example", "data.example", "other.example"]


def test_a_certificate_that_nobody_vouches_for_is_refused_once_and_for_all(
    tls: Tls, incoming: Path, clock: Clock
) -> None:
    outside = clock.outside(resolve=lambda *_: ["127.0.0.1"], tls=Outside().tls)
    with Fetcher(
        incoming, contact="x", allow_loopback=True, limits=QUICK, outside=outside
    ) as fetcher:
        fails(
            "no connection", "certificate is not trusted",
            lambda: fetcher.download(tls.url, hosts=["data.example"]),
        )  # fmt: skip
    assert (len(tls.names), tls.replay.seen) == (1, [])


def test_a_name_that_is_bound_anew_between_two_requests_is_refused(
    tls: Tls, trusting: Callable[..., Fetcher]
) -> None:
    tls.replay.on("/last", Status(200, b"[]", {"Connection": "close"}))
    last = tls.url.replace("/data.csv", "/last")
    with trusting(["127.0.0.1"], ["127.0.0.1", "10.0.0.7"]) as fetcher:
        assert fetcher.ask("GET", last, hosts=["data.example"]) == b"[]"
        fails(
            "address refused", r"10\.0\.0\.7, which is private",
            lambda: fetcher.ask("GET", last, hosts=["data.example"]),
        )  # fmt: skip
    assert tls.replay.count("/last") == 1
