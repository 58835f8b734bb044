"""Telling a person: once for each new state, by web and by mail, with nothing secret in it."""

from __future__ import annotations

import json
import logging
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from etl import alerts, logs
from etl.alerts import Outside, State, tell
from etl.config import Config, ConfigError, config
from etl.settings import Folders
from tests.replay import File, Replay, Status, redirect, serving

TOKEN = "T0ps3cretToken"
PATH = f"/hooks/{TOKEN}"
AT_ONCE = Outside(sleep=lambda _: None)
HELD = {"hdx": State("hold", "3 of 900 rows are gone")}


@pytest.fixture
def replay() -> Iterator[Replay]:
    with serving() as served:
        yield served


@pytest.fixture
def hooked(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("HMA_ALERTS__WEBHOOK", replay.url(PATH))
    monkeypatch.setenv("HMA_FETCH__ALLOW_LOOPBACK", "true")
    return config()


def sent(replay: Replay) -> list[list[str]]:
    return [json.loads(seen.body)["lines"] for seen in replay.requests(PATH)]


def test_a_state_is_told_when_it_begins_and_when_it_is_over_and_not_at_every_run(
    tmp_path: Path, replay: Replay, hooked: Config
) -> None:
    replay.on(PATH, Status(204))
    for states in (HELD, HELD, {"iati": State()}, HELD, {"hdx": State("dark", "gone")}):
        tell(Folders(tmp_path), hooked, states, AT_ONCE)
    tell(Folders(tmp_path), hooked, {"hdx": State()}, AT_ONCE)
    tell(Folders(tmp_path), hooked, {"hdx": State()}, AT_ONCE)
    assert sent(replay) == [
        ["hdx: hold: 3 of 900 rows are gone"],
        ["hdx: dark: gone"],
        ["hdx: over (dark)"],
    ]


def test_what_could_not_be_sent_goes_with_the_next_run(
    tmp_path: Path, replay: Replay, hooked: Config
) -> None:
    replay.on(PATH, Status(503))
    tell(Folders(tmp_path), hooked, HELD, AT_ONCE)
    assert len(sent(replay)) == alerts.ATTEMPTS
    replay.on(PATH, Status(503), File(b"ok"))
    tell(Folders(tmp_path), hooked, {}, AT_ONCE)
    assert len(sent(replay)) == alerts.ATTEMPTS + 2
    tell(Folders(tmp_path), hooked, HELD, AT_ONCE)
    assert len(sent(replay)) == alerts.ATTEMPTS + 2


@pytest.mark.parametrize("route", [Status(404), redirect("https://elsewhere.example/")])
def test_a_refusal_is_not_repeated_and_no_redirect_followed(
    route: Status, tmp_path: Path, replay: Replay, hooked: Config
) -> None:
    replay.on(PATH, route)
    tell(Folders(tmp_path), hooked, HELD, AT_ONCE)
    assert len(replay.seen) == 1


def test_no_log_and_no_file_shows_the_address(
    tmp_path: Path,
    replay: Replay,
    hooked: Config,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HMA_LOG", "json")
    logs.set_up(verbose=True)
    replay.on(PATH, Status(404))
    with caplog.at_level(logging.INFO):
        tell(Folders(tmp_path), hooked, {"hdx": State("stale", f"see {replay.url(PATH)}")}, AT_ONCE)
        logs.logger("hma").warning("about", said=f"x {replay.url(PATH)}", deep={"a": [TOKEN, 1]})
    said = capsys.readouterr().err
    assert '"event": "alert not sent"' in said
    assert replay.url(PATH) not in said
    assert replay.url(PATH) not in (tmp_path / "state" / alerts.FILE).read_text()
    assert replay.url(PATH).encode() not in replay.requests(PATH)[0].body


def test_no_log_shows_the_password_of_a_source(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HMA_SOURCES__ACLED__SECRETS__PASSWORD", TOKEN)
    monkeypatch.setenv("HMA_LOG", "json")
    assert config().secret("acled", "password")
    logs.set_up(verbose=False)
    logging.getLogger("etl.anything").error("it was %s", TOKEN)
    try:
        int(TOKEN)
    except ValueError:
        logs.logger("hma").exception("an error")
    said = capsys.readouterr().err
    assert "it was ***" in said
    assert "ValueError: invalid literal for int() with base 10: '***'" in said
    assert TOKEN not in said


def test_a_name_that_leads_into_the_network_is_not_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HMA_ALERTS__WEBHOOK", "https://hook.example/x")
    monkeypatch.setenv("HMA_LOG", "text")
    logs.set_up(verbose=False)
    inside = Outside(resolve=lambda *_: ["169.254.169.254"], sleep=lambda _: None)
    tell(Folders(tmp_path), config(), HELD, inside)
    assert "hook.example leads to 169.254.169.254, which is link-local" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["http://hook.example/x", "https://me:pw@hook.example/", "nonsense"]
)
def test_an_address_that_is_not_https_is_not_asked(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HMA_ALERTS__WEBHOOK", url)
    monkeypatch.setenv("HMA_LOG", "text")
    logs.set_up(verbose=False)
    tell(Folders(tmp_path), config(), HELD, AT_ONCE)
    said = capsys.readouterr().err
    assert "webhook must be an https address" in said
    assert url not in said


def test_without_a_way_nothing_is_kept_to_be_sent(tmp_path: Path) -> None:
    tell(Folders(tmp_path), Config(), HELD, AT_ONCE)
    said = json.loads((tmp_path / "state" / alerts.FILE).read_text())
    assert said == {"told": {"hdx": "hold"}, "outbox": {}}


# ---- mail


class MailServer(socketserver.StreamRequestHandler):
    """Says yes to everything; refuses the first so many messages for the moment."""

    taken: ClassVar[list[str]] = []
    refusals: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line.decode())
                if self.refusals:
                    self.wfile.write(self.refusals.pop())
                    continue
                self.taken.append("".join(lines))
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


@contextmanager
def mail_server() -> Iterator[int]:
    MailServer.taken.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_mail_is_sent_also_after_the_server_said_later(tmp_path: Path) -> None:
    with mail_server() as port:
        MailServer.refusals[:] = [b"451 later\r\n"]
        settings = Config.model_validate(
            {"alerts": {"smtp_host": "127.0.0.1", "smtp_port": port, "mail_from": "a@example.org",
                        "mail_to": ["b@example.org"]}}
        )  # fmt: skip
        tell(Folders(tmp_path), settings, {"hdx": State("hold", "a\nBcc: c@example.org")}, AT_ONCE)
    (mail,) = MailServer.taken
    head = mail.split("\r\n\r\n", 1)[0]
    assert "Subject: HMA Ledger: hdx: hold: a" in head
    assert "\nBcc:" not in head


# ---- settings


@pytest.mark.parametrize("name", ["webhook", "smtp_password"])
def test_a_secret_in_the_settings_file_is_an_error_that_does_not_show_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hma.toml"
    path.write_text(f'[alerts]\n{name} = "{TOKEN}"\n')
    monkeypatch.setenv("HMA_CONFIG", str(path))
    with pytest.raises(ConfigError, match=f"{name} of .alerts. does not belong") as error:
        config()
    assert TOKEN not in str(error.value)


def test_the_address_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("https://hook.example/x\n")
    settings = Config.model_validate({"alerts": {"webhook_file": tmp_path / "hook"}})
    assert settings.alerts.secret("webhook") == "https://hook.example/x"


def test_a_mail_server_without_addresses_is_an_error() -> None:
    with pytest.raises(ValueError, match="smtp_host needs mail_from and mail_to"):
        Config.model_validate({"alerts": {"smtp_host": "mail.example"}})
