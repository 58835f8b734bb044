"""Telling a person: a source on hold, gone dark or not to be had, a page to be read, a run that failed.

Each state is told once when it begins and once when it is over, not at every run. What is to be told goes
into an outbox first (``state/alerts.json``), one for each way to tell it, and leaves it when it was taken:
a message that could not be sent goes with the next run. A message that cannot be sent never stops a
refresh.

The web address goes over the same checked connections as all else that leaves this machine, by https
and without following redirects. It and the password of the mail server are secrets: no message and no
line of the log shows them.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import httpcore
import httpx
import tenacity
from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from etl import __version__, addresses, magic
from etl.archive import write_safely
from etl.config import AlertsConfig, Config, ConfigError
from etl.diary import SourceDiary
from etl.logs import blotted, logger
from etl.settings import Folders

FILE: Final = "alerts.json"
LOCK: Final = ".alerts.lock"
RUN: Final = "the refresh as a whole"
BAD: Final = (
    "hold",
    "stale",
    "dark",
)  # of one source; a run that fails is one message, not one a source
SECONDS: Final = 30.0  # one attempt
ALL_SECONDS: Final = 120.0
ATTEMPTS: Final = 4
MOST_LINES: Final = 200  # in an outbox that nobody takes
REASON: Final = 500  # characters
_PASSING: Final = {408, 425, 429, 500, 502, 503, 504}
_LOG: Final = logger("hma.alerts")


Way = Callable[[list[str]], None]  # sends lines, or raises AlertError


class AlertError(Exception):
    """A message was not taken; the text holds no secret."""


@dataclass(frozen=True)
class State:
    """How it stands with a source or a run; ``word`` is empty when all is well."""

    word: str = ""
    reason: str | None = None


class _Told(BaseModel):
    """What was told last, and what is still to be sent, by way."""

    model_config = ConfigDict(extra="forbid")

    told: dict[str, str] = {}
    outbox: dict[str, list[str]] = {}

    @classmethod
    def of(cls, path: Path) -> _Told:
        """What is written down; nothing if there is nothing that can be read."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return cls()


@dataclass(frozen=True)
class Outside:
    """What the sending asks of its machine; tests put their own in its place."""

    resolve: addresses.Resolve = addresses.resolve
    sleep: Callable[[float], None] = tenacity.nap.sleep
    tls: Callable[[], ssl.SSLContext] = field(default=ssl.create_default_context)


def states_of(sources: Mapping[str, SourceDiary]) -> dict[str, State]:
    """How it stands with each source by the diary; what a failing run left aside says nothing new."""
    found = {}
    for source_id, said in sources.items():
        if said.state in BAD:
            found[source_id] = State(said.state, said.reason)
        elif said.state == "good":
            found[source_id] = State()
    return found


def tell(
    folders: Folders,
    settings: Config,
    states: Mapping[str, State],
    outside: Outside = Outside(),
) -> None:
    """Tell what is new of these states, by every way that is set; then try again what was not taken."""
    folders.state.mkdir(parents=True, exist_ok=True)
    with FileLock(folders.state / LOCK):
        _tell(folders.state / FILE, _ways(settings, outside), states)


def _tell(path: Path, ways: Mapping[str, Way], states: Mapping[str, State]) -> None:
    said = _Told.of(path)
    lines = list(_news(said.told, states))
    if not lines and not any(said.outbox.values()):
        return
    for name, state in states.items():
        if state.word:
            said.told[name] = state.word
        else:
            said.told.pop(name, None)
    boxes = {way: [*said.outbox.get(way, []), *lines][-MOST_LINES:] for way in ways}
    said.outbox = {way: box for way, box in boxes.items() if box}
    _keep(path, said)
    for way, box in boxes.items():
        try:
            if box:
                ways[way](box)
        except AlertError as error:
            _LOG.warning("alert not sent", way=way, why=str(error), waiting=len(box))
        else:
            _LOG.info("alert sent", way=way, lines=box)
            said.outbox.pop(way, None)
            _keep(path, said)


def _keep(path: Path, said: _Told) -> None:
    write_safely(path, said.model_dump_json(indent=1).encode())


def _news(told: Mapping[str, str], states: Mapping[str, State]) -> Iterable[str]:
    for name, state in sorted(states.items()):
        before = told.get(name, "")
        if state.word == before:
            continue
        if state.word:
            reason = f": {state.reason}" if state.reason else ""
            yield blotted(magic.legible(f"{name}: {state.word}{reason}", REASON))
        else:
            yield f"{name}: over ({before})"


def _ways(settings: Config, outside: Outside) -> dict[str, Way]:
    """The ways that this installation has set; one whose secret cannot be read is said in the log."""
    alerts, ways = settings.alerts, dict[str, Way]()
    try:
        url, password = alerts.secret("webhook"), alerts.secret("smtp_password")
    except ConfigError as error:
        _LOG.warning("alerts are not set up", why=str(error))
        return ways
    if url:
        loopback = settings.fetch.allow_loopback
        ways["webhook"] = lambda lines: _post(url, lines, outside, allow_loopback=loopback)
    if alerts.smtp_host:
        ways["mail"] = lambda lines: _mail(alerts, password, lines, outside)
    return ways


def _subject(lines: list[str]) -> str:
    return f"HMA Ledger: {lines[0][:80]}" + (f" and {len(lines) - 1} more" if lines[1:] else "")


class _PassingError(AlertError):
    """Sending it again may help."""


def _patiently(send: Callable[[], None], outside: Outside) -> None:
    tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential_jitter(initial=1, max=30),
        retry=tenacity.retry_if_exception_type(_PassingError),
        sleep=outside.sleep,
        reraise=True,
    )(send)


def _post(url: str, lines: list[str], outside: Outside, *, allow_loopback: bool) -> None:
    address = checked(url, allow_loopback=allow_loopback)
    deadline = addresses.Deadline()
    backend = addresses.CheckedBackend(
        deadline, allow_loopback=allow_loopback, resolve=outside.resolve
    )
    transport = addresses.CheckedTransport(backend, outside.tls())
    deadline.start(ALL_SECONDS)
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)

    def send() -> None:
        request = httpx.Request(
            "POST", address, json={"text": "\n".join([_subject(lines), *lines]), "lines": lines},
            headers={"User-Agent": f"hma-ledger/{__version__}"}, extensions={"timeout": timeouts},
        )  # fmt: skip
        try:
            answer = transport.handle_request(request)
            answer.close()
        except addresses.AddressError as error:
            raise AlertError(str(error)) from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise _PassingError(f"{address.host}: {type(error).__name__}") from None
        if answer.status_code in _PASSING:
            raise _PassingError(f"{address.host} answered {answer.status_code}")
        if not answer.is_success:
            raise AlertError(f"{address.host} answered {answer.status_code}")

    try:
        _patiently(send, outside)
    finally:
        transport.close()


def checked(url: str, *, allow_loopback: bool) -> httpx.URL:
    """The address of a webhook; raises AlertError if nothing would be sent there."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        raise AlertError("webhook is no address") from None
    plain = address.scheme == "http" and allow_loopback and addresses.is_loopback(address.host)
    if (address.scheme != "https" and not plain) or not address.host or address.userinfo:
        raise AlertError("webhook must be an https address without a user name")
    return address


def _mail(alerts: AlertsConfig, password: str | None, lines: list[str], outside: Outside) -> None:
    message = EmailMessage()
    message["Subject"], message["From"] = _subject(lines), alerts.mail_from
    message["To"] = ", ".join(alerts.mail_to)
    message.set_content("\n".join([*lines, "", "hma status says how it stands now."]))
    host = alerts.smtp_host or ""

    def send() -> None:
        try:
            with smtplib.SMTP(host, alerts.smtp_port, timeout=SECONDS) as server:
                if not addresses.is_loopback(host):
                    server.starttls(context=outside.tls())
                if alerts.smtp_user and password:
                    server.login(alerts.smtp_user, password)
                server.send_message(message)
        except smtplib.SMTPResponseException as error:  # its text may repeat what was sent
            kind = _PassingError if 400 <= error.smtp_code < 500 else AlertError  # noqa: PLR2004
            raise kind(f"{host} answered {error.smtp_code}") from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            kind = _PassingError if isinstance(error, OSError) else AlertError
            raise kind(f"{host}: {type(error).__name__}") from None

    with suppress(tenacity.RetryError):
        _patiently(send, outside)
