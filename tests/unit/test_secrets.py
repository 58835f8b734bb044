"""A secret that a publisher sends back stands in no finding, hold or message."""

from __future__ import annotations

import pytest

from etl import console, logs
from etl.guard import Hold
from etl.reading import Finding, tame, unforeseen

SECRET = "hunter2-and-more"


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_SECRETS", set())
    logs.keep_secret([SECRET])


def test_a_hold_and_a_finding_blot_it_out() -> None:
    hold = Hold("HTML page", f"login.csv is an HTML page: '<p>{SECRET} is wrong'")
    finding = Finding("a.json line 1", "token", "unknown column", f"x{SECRET}", f"not {SECRET}")
    assert SECRET not in hold.message + str(finding)
    assert hold.message.count(logs.BLOT) == 1
    assert (finding.raw_value, finding.fix) == ("x***", "not ***")


def test_it_is_blotted_out_before_a_long_text_is_cut() -> None:
    assert "hunter2" not in tame("a" * 1990 + SECRET + "a" * 100)


def test_what_ends_a_command_blots_it_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="2"):
        raise console.fail(f"https://publisher.example/?key={SECRET} was refused", 2)
    said = capsys.readouterr().err
    assert (SECRET in said, logs.BLOT in said) == (False, True)


def test_an_error_that_nobody_foresaw_blots_it_out_before_it_is_cut() -> None:
    with pytest.raises(KeyError) as raised:
        dict[str, str]()["a" * 190 + SECRET]
    assert "hunter2" not in unforeseen(raised.value)
