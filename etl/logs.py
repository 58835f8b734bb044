"""The log: what runs unattended says on standard error, in words for people or as JSON for programs.

JSON, a line an event, where standard error is no terminal or ``HMA_LOG`` is ``json``; ``HMA_LOG=text``
keeps words. Warnings are always said; ``-v`` says what is done, too. Within a refresh every line carries
its id. Values of secrets are blotted out wherever they turn up.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

BLOT: Final = "***"
LEAST_SECRET: Final = 4  # shorter texts are found everywhere
OURS: Final = ("hma", "etl", "dashboard")
_SECRETS: Final[set[str]] = set()


def keep_secret(values: Iterable[str]) -> None:
    """Blot these values out of everything that is logged from now on."""
    _SECRETS.update(value for value in values if len(value) >= LEAST_SECRET)


def blotted(text: str) -> str:
    """A text without the secrets that this process knows of."""
    for value in sorted(_SECRETS, key=len, reverse=True):
        text = text.replace(value, BLOT)
    return text


def _blot(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: _blotted(value) for name, value in event.items()}


def _blotted(value: Any) -> Any:  # noqa: ANN401 - whatever is logged
    if isinstance(value, str):
        return blotted(value)
    if isinstance(value, list | tuple):
        return [_blotted(each) for each in value]
    if isinstance(value, dict):
        return {name: _blotted(each) for name, each in value.items()}
    return value


_SHARED: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
]
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a part of the program."""
    found: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return found


class _OnStderr(logging.StreamHandler[Any]):
    """Writes to what standard error is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self.stream = sys.stderr
        super().emit(record)


def is_json() -> bool:
    """Whether the log is for programs."""
    wish = os.environ.get("HMA_LOG", "")
    return wish == "json" or (wish != "text" and not sys.stderr.isatty())


def set_up(*, verbose: bool) -> None:
    """Let the log be written: warnings, and with ``verbose`` also what is done."""
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if is_json()
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = _OnStderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _blot,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    for before in [each for each in root.handlers if isinstance(each, _OnStderr)]:
        root.removeHandler(before)
    root.addHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.WARNING)
