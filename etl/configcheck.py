"""What ``hma config`` says: every setting, its value and where it comes from; and the reference of them all.

Both are made from the models in :mod:`etl.config`, so that a setting can be neither forgotten here nor
described otherwise than it is.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from etl.alerts import AlertError, checked
from etl.archive import ArchiveError
from etl.config import (
    PREFIX,
    AlertsConfig,
    Config,
    ConfigError,
    SourceConfig,
    config,
    config_file,
    secret_variable,
)
from etl.due import fires_after
from etl.health import AskedHealth, Health, Held, RunHealth, SourceHealth
from etl.homes import address, archive_of
from etl.lake import require_files
from etl.logs import BLOT
from etl.object_archive import ObjectArchive
from etl.settings import StoreError, folders, lake_of
from etl.sources import all_sources

DEFAULT: Final = "default"
# Set in the environment only, and read elsewhere than in etl.config.
ELSEWHERE: Final[Mapping[str, str]] = {
    "HMA_DATA": "the data folder; otherwise `data` beside the code, or `data` in the current folder",
    "HMA_ARCHIVE": "`s3://BUCKET/PREFIX`: the archive in object storage, in place of the data folder's `archive` (needs "
    "`make lake`); endpoint, region and credentials come from `AWS_ENDPOINT_URL`, `AWS_REGION`, "
    "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` or what else obstore knows. The first refresh writes it into "
    "`archive/HOME`; `hma migrate-archive` moves an archive",
    "HMA_STORE": "the home of the ledger: `file` (the default), or `ducklake:postgres:` and the words of a "
    "PostgreSQL connection, without a password (needs `make lake`). The first refresh with a lake writes it into `ledger/HOME`, and no "
    "refresh writes files there any more; `hma migrate` moves a ledger",
    "HMA_STORE_DATA": "the folder of a lake's rows, when it is made; otherwise `lake` in the data folder",
    "HMA_CONFIG": "the settings file; otherwise `hma.toml` in the current folder, if there is one",
    "HMA_LOG": "`json` or `text`: the form of the log; otherwise JSON where standard error is no terminal",
}


@dataclass(frozen=True)
class Setting:
    """One setting of this installation; a secret's value is blotted out."""

    name: str
    value: str
    comes_from: str


@dataclass(frozen=True)
class Found:
    """What a check of the settings found."""

    settings: list[Setting]
    problems: list[str]


def check() -> Found:
    """Every setting and what is wrong with them; no secret is shown, and secret files are tried."""
    try:
        settings = config()
    except ConfigError as error:
        return Found([], [str(error)])
    in_file = _file()
    found = [
        Setting(name, _said(name, os.environ[name]), "environment")
        for name in ELSEWHERE
        if name in os.environ
    ]
    for table in Config.model_fields:
        value = getattr(settings, table)
        if table == "sources":
            for source_id, one in sorted(value.items()):
                found += _of_table(one, (table, source_id), in_file)
        else:
            found += _of_table(value, (table,), in_file)
    return Found(found, list(_problems(settings)))


def _said(name: str, value: str) -> str:
    """A value as it may be shown: a password may stand by mistake in what should name a home."""
    try:
        if name == "HMA_ARCHIVE" and value:
            address(value)
        if name == "HMA_STORE":
            lake_of(value, Path())
    except (ArchiveError, StoreError):
        return BLOT
    return value


def _file() -> dict[str, Any]:
    try:
        return tomllib.loads(config_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _of_table(table: BaseModel, path: tuple[str, ...], in_file: Any) -> Iterator[Setting]:  # noqa: ANN401 - TOML
    for part in path:
        in_file = in_file.get(part, {}) if isinstance(in_file, dict) else {}
    for name, info in type(table).model_fields.items():
        value = getattr(table, name)
        if isinstance(value, dict):
            for key, each in sorted(value.items()):
                yield Setting(
                    ".".join((*path, name, key)),
                    _shown(each),
                    _from((*path, name, key), in_file, name),
                )
            continue
        if value == info.get_default() and path[0] == "sources":
            continue  # what is not set for a source is as its source.yml says
        yield Setting(".".join((*path, name)), _shown(value), _from((*path, name), in_file, name))


def _from(path: tuple[str, ...], in_file: Mapping[str, Any], name: str) -> str:
    variable = f"{PREFIX}{'__'.join(path)}".upper()
    for there in os.environ:
        if there.upper() == variable:
            return f"environment, {there}"
    # a whole table may stand in one variable, as JSON
    for depth in range(1, len(path)):
        outer = f"{PREFIX}{'__'.join(path[:depth])}".upper()
        if any(there.upper() == outer for there in os.environ):
            return f"environment, {outer}"
    return str(config_file()) if name in in_file else DEFAULT


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, SecretStr):
        return BLOT
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "–"
    return str(value)


def _problems(settings: Config) -> Iterator[str]:
    """What the models cannot see: secrets that are missing or cannot be read, and folders that are not there."""
    yield from _of_alerts(settings.alerts, allow_loopback=settings.fetch.allow_loopback)
    try:
        fires_after(settings.schedule.cron, datetime.now(UTC))
    except ValueError as error:
        yield f"schedule.cron: {error}"
    for source_id, spec in all_sources().items():
        if not (spec.fetch and settings.is_on(spec)):
            continue
        for name in spec.fetch.secrets:
            try:
                if settings.secret(source_id, name) is None:
                    yield f"{source_id} is on, and {secret_variable(source_id, name)} is not set"
            except ConfigError as error:
                yield str(error)
    yield from _of_archive()
    data = os.environ.get("HMA_DATA")
    if data and not Path(data).is_dir():
        yield f"HMA_DATA names {data}, which is no folder"
    if "HMA_CONFIG" in os.environ and not config_file().is_file():
        yield f"HMA_CONFIG names {config_file()}, which is no file"
    try:
        require_files(folders())
    except StoreError as error:
        yield str(error)
    if os.environ.get("HMA_LOG", "json") not in {"json", "text"}:
        yield "HMA_LOG takes json or text"


def _of_archive() -> Iterator[str]:
    """A bucket is asked for its list of vintages, as every command would."""
    try:
        archive = archive_of(folders())
        if isinstance(archive, ObjectArchive):
            archive.listing()
    except StoreError:
        return  # said by itself
    except ArchiveError as error:
        yield str(error)


def _of_alerts(alerts: AlertsConfig, *, allow_loopback: bool) -> Iterator[str]:
    for name in ("webhook", "smtp_password"):
        try:
            alerts.secret(name)
        except ConfigError as error:
            yield str(error)
    webhook = _quietly(alerts.secret, "webhook")
    if webhook:
        try:
            checked(webhook, allow_loopback=allow_loopback)
        except AlertError as error:
            yield f"alerts: {error}"
    if alerts.smtp_user and not _quietly(alerts.secret, "smtp_password"):
        yield "alerts.smtp_user is set, and no smtp_password"


def _quietly(secret: Any, name: str) -> str | None:  # noqa: ANN401 - a method with literal names
    try:
        found: str | None = secret(name)
    except ConfigError:
        return None
    return found


# ---- the reference


def reference() -> str:
    """Every setting, and every field of ``hma status --json``, as Markdown."""
    parts = [
        "# Settings", "", Config.__doc__ or "", "",
        "| setting | in the environment | default | meaning |", "|---|---|---|---|",
        *_settings(), "", "In the environment only:", "", "| setting | meaning |", "|---|---|",
        *(f"| `{name}` | {said} |" for name, said in ELSEWHERE.items()), "",
        "# `hma status --json`", "", *_fields(Health, "", "the whole"),
        *_fields(SourceHealth, "sources[].", "a source"),
        *_fields(AskedHealth, "sources[].asked[].", "what is asked for"), *_fields(Held, "sources[].hold.", "a hold"),
        *_fields(RunHealth, "last_run.", "a run"),
    ]  # fmt: skip
    return "\n".join(parts).rstrip() + "\n"


def _settings() -> Iterator[str]:
    for table, info in Config.model_fields.items():
        model = info.annotation
        if table == "sources":
            yield from _rows(SourceConfig, "sources.<source>")
        elif isinstance(model, type) and issubclass(model, BaseModel):
            yield from _rows(model, table)


def _rows(model: type[BaseModel], path: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        more = ".<name>" if isinstance(info.get_default(), dict) else ""
        setting = f"{path}.{name}{more}"
        variable = f"{PREFIX}{setting.replace('.', '__')}".upper()
        shown = "a secret: not in the file" if _is_secret(info) else f"`{setting}`"
        yield f"| {shown} | `{variable}` | {_default(info)} | {info.description} |"


def _is_secret(info: FieldInfo) -> bool:
    return "SecretStr" in str(info.annotation) or SecretStr in get_args(info.annotation)


def _default(info: FieldInfo) -> str:
    value = info.get_default()
    return "" if value in (None, PydanticUndefined, {}, ()) else f"`{_shown(value)}`"


def _fields(model: type[BaseModel], path: str, title: str) -> Iterator[str]:
    yield from (f"| field of {title} | meaning |", "|---|---|")
    for name, info in model.model_fields.items():
        yield f"| `{path}{name}` | {info.description} |"
    yield ""
