"""Settings of one installation: ``hma.toml``, and the environment, which goes before it.

``hma.toml`` lies in the working folder, or where ``HMA_CONFIG`` says. A setting of a table is named
in the environment by joining the names with two underscores: ``[fetch] contact`` is
``HMA_FETCH__CONTACT``, and ``[sources.usaspending] base_url`` is
``HMA_SOURCES__USASPENDING__BASE_URL``. A name that is no setting, and a source that there is not,
is an error. Where the data lies is not set here but by ``HMA_DATA`` (see :mod:`etl.settings`).

What a source needs an account for (a token, a password) is a secret. It comes from the environment,
``HMA_SOURCES__ACLED__SECRETS__PASSWORD``, or from a file of its own that
``HMA_SOURCES__ACLED__SECRET_FILES__PASSWORD`` names; in ``hma.toml`` itself it is an error, since that
file is shown and copied. No message shows a value.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from etl.logs import keep_secret
from etl.sources import CRON, SourceSpec, all_sources

PREFIX: Final = "HMA_"


class ConfigError(Exception):
    """The file or the environment holds something that is no setting; the message says what."""


class FetchConfig(BaseModel):
    """How sources are fetched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contact: str = Field(
        default="no contact given",
        description="an address at which publishers reach whoever runs this, sent as User-Agent",
        pattern=r"^[\x20-\x7e]{1,200}$",
    )
    allow_loopback: bool = Field(
        default=False,
        description="also fetch from this machine, without encryption: for tests and local mirrors",
    )
    watch: bool = Field(
        default=True,
        description="look at the watched pages of transcribed sources at every refresh with the network",
    )


def _hidden(_: object) -> SecretStr:
    """In place of a secret, whatever kind of text it is taken for; :meth:`Config.secret` reads it."""
    return SecretStr("set")


class SourceConfig(BaseModel):
    """What is set otherwise for one source."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    enabled: bool | None = Field(
        default=None,
        description="fetch it, or not; without this, as its source.yml says",
    )
    secrets: dict[str, Annotated[SecretStr, BeforeValidator(_hidden)]] = Field(
        default={}, description="a token or password, by its name; in the environment only"
    )
    secret_files: dict[str, Path] = Field(
        default={}, description="a file that holds the token or password of that name"
    )

    base_url: str | None = Field(
        default=None, description="fetch from this mirror; its host is allowed with it"
    )

    watch_base_url: str | None = Field(
        default=None,
        description="look at its watched pages at this mirror; its host is allowed with it",
    )

    @field_validator("base_url", "watch_base_url")
    @classmethod
    def _ends_with_slash(cls, url: str | None) -> str | None:
        return url if url is None or url.endswith("/") else f"{url}/"


EXCEL_ROWS: Final = 1_048_575  # a sheet's 1,048,576 rows, less its heading


class ApiConfig(BaseModel):
    """What the server gives away at once, and under which address it is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    public_url: str | None = Field(
        default=None,
        description="the server's address as readers know it, such as https://ledger.example/; otherwise that of "
        "each request",
        pattern=r"^https?://[^\s\"'<>?#]+$",
    )
    statement_seconds: float = Field(
        default=30, gt=0, description="how long the ledger may look for the next rows of an answer"
    )
    stream_seconds: float = Field(
        default=1800,
        gt=0,
        description="how long one answer may take to be sent; then it breaks off",
    )
    streams: int = Field(
        default=8, ge=1, description="answers with rows that may be under way at once"
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        description="further names by which readers reach the server; this machine's own and that of public_url are "
        "known",
    )
    sessions: int = Field(default=200, ge=1, description="pages that may be open at once")
    connections: int = Field(
        default=500, ge=10, description="connections that may be open at once; one more is refused"
    )
    questions: int = Field(
        default=16,
        ge=1,
        description="counts, heads, cards and lists that may be looked for at once, beside the answers with rows",
    )
    workbooks: int = Field(
        default=2,
        ge=1,
        description="Excel workbooks that may be written at once; each is written whole before its first byte",
    )
    max_rows_xlsx: int = Field(
        default=25_000,
        ge=1,
        le=EXCEL_ROWS,
        description="rows of the largest Excel workbook, about 8 s of one processor's time; a sheet holds 1,048,575",
    )

    @field_validator("public_url")
    @classmethod
    def _ends_with_slash(cls, url: str | None) -> str | None:
        return url if url is None or url.endswith("/") else f"{url}/"


MOST_LIMIT: Final = 10**7  # MB or seconds; more than this no system takes, or nobody waits for


class ReadingConfig(BaseModel):
    """What reading one source's files may cost; a file that costs more is not read, and its source fails.

    Not for the figures that come with the project, which are read as they are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory_mb: int = Field(
        default=4096,
        ge=256,
        le=MOST_LIMIT,
        description="memory of the process that reads a source's files, in MB",
    )
    cpu_seconds: int = Field(
        default=1800, ge=1, le=MOST_LIMIT, description="processor time of that process"
    )
    wall_seconds: float = Field(
        default=3600, gt=0, le=MOST_LIMIT, description="how long it may take"
    )


class ScheduleConfig(BaseModel):
    """When ``hma schedule`` looks for what is due; how often a source is, its source.yml says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: str = Field(
        default="7 * * * *",
        description="when it looks: five fields of cron, in UTC, days of the week as names; the times of a "
        "source's own cron are added",
        pattern=CRON,
    )
    jitter_seconds: int = Field(
        default=300, ge=0, le=3600, description="each time is put off at random by at most so much"
    )
    grace_seconds: float = Field(
        default=60, ge=0, description="how long a run may go on after the order to stop"
    )


class AlertsConfig(BaseModel):
    """Whom to tell of a source on hold, gone dark or not to be had, and of a run that failed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    webhook: Annotated[SecretStr, BeforeValidator(_hidden)] | None = Field(
        default=None,
        description="an https address that takes JSON with the message under text; a secret, in the environment only",
    )
    webhook_file: Path | None = Field(default=None, description="a file that holds that address")
    smtp_host: str | None = Field(
        default=None, description="a mail server; by TLS, unless it is an address of this machine"
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="its port")
    smtp_user: str | None = Field(default=None, description="the account to send from")
    smtp_password: Annotated[SecretStr, BeforeValidator(_hidden)] | None = Field(
        default=None, description="its password; a secret, in the environment only"
    )
    smtp_password_file: Path | None = Field(
        default=None, description="a file that holds the password"
    )
    mail_from: str | None = Field(default=None, description="the sender's address")
    mail_to: tuple[str, ...] = Field(default=(), description="the addresses to write to")

    @model_validator(mode="after")
    def _says_from_whom_to_whom(self) -> Self:
        if self.smtp_host and not (self.mail_from and self.mail_to):
            raise ValueError("smtp_host needs mail_from and mail_to beside it")
        return self

    def secret(self, name: Literal["webhook", "smtp_password"]) -> str | None:
        """One of the two secrets; None if it is not set.

        Raises:
            ConfigError: the file that should hold it cannot be read, or holds nothing.
        """
        path = self.webhook_file if name == "webhook" else self.smtp_password_file
        return _from_outside(f"{PREFIX}ALERTS__{name}".upper(), path, f"the file of {name}")


ALERT_SECRETS: Final = ("webhook", "smtp_password")


class Config(BaseSettings):
    """All settings; see the module docstring for where they come from."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True,
        hide_input_in_errors=True,
    )  # fmt: skip

    fetch: FetchConfig = FetchConfig()
    api: ApiConfig = ApiConfig()
    reading: ReadingConfig = ReadingConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    alerts: AlertsConfig = AlertsConfig()
    sources: dict[str, SourceConfig] = {}

    @field_validator("sources")
    @classmethod
    def _are_there(cls, sources: dict[str, SourceConfig]) -> dict[str, SourceConfig]:
        unknown = ", ".join(sorted(set(sources) - set(all_sources())))
        if unknown:
            raise ValueError(f"there is no source {unknown}; there are {', '.join(all_sources())}")
        for source_id, setting in sources.items():
            fetch = all_sources()[source_id].fetch
            wanted = fetch.secrets if fetch else ()
            odd = sorted((setting.secrets.keys() | setting.secret_files.keys()) - set(wanted))
            if odd:
                raise ValueError(
                    f"{source_id} has no secret {', '.join(odd)}; it has {', '.join(wanted) or 'none'}"
                )
        return sources

    def is_on(self, spec: SourceSpec) -> bool:
        """Whether a source is fetched by this installation."""
        chosen = self.sources.get(spec.source_id, SourceConfig()).enabled
        return spec.enabled if chosen is None else chosen

    def secret(self, source_id: str, name: str) -> SecretStr | None:
        """A secret of a source as this installation sets it; None if it sets none.

        Raises:
            ConfigError: the file that should hold it cannot be read, or holds nothing.
        """
        path = self.sources.get(source_id, SourceConfig()).secret_files.get(name)
        value = _from_outside(
            secret_variable(source_id, name), path, f"the file of {source_id}'s {name}"
        )
        return None if value is None else SecretStr(value)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What code hands over, then the environment, then the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _WithoutSecrets(settings_cls, config_file())


class _WithoutSecrets(TomlConfigSettingsSource):
    """``hma.toml``, in which no secret may stand."""

    def __call__(self) -> dict[str, Any]:
        """What the file sets; raises ValueError if a secret is among it."""
        found = super().__call__()
        alerts = found.get("alerts")
        for name in ALERT_SECRETS:
            if isinstance(alerts, dict) and name in alerts:
                raise ValueError(
                    f"{name} of [alerts] does not belong into this file; set {PREFIX}ALERTS__{name.upper()} in "
                    f"the environment, or let {name}_file name a file"
                )
        sources = found.get("sources")
        for source_id, setting in (sources if isinstance(sources, dict) else {}).items():
            if isinstance(setting, dict) and "secrets" in setting:
                raise ValueError(
                    f"[sources.{source_id}.secrets] does not belong into this file; set "
                    f"{secret_variable(source_id, 'NAME')} in the environment, or name a file under "
                    f"[sources.{source_id}.secret_files]"
                )
        return found


def _from_outside(variable: str, path: Path | None, what: str) -> str | None:
    """A secret from the environment, or else from its file; None if neither is set. No log shows it."""
    # as it stands there: pydantic would take a password of digits for a number
    value = {key.upper(): text for key, text in os.environ.items()}.get(variable)
    if not value and path is not None:
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}, {what}, cannot be read") from error
        if not value:
            raise ConfigError(f"{path}, {what}, is empty")
    keep_secret([value] if value else [])
    return value or None


def secret_variable(source_id: str, name: str) -> str:
    """The name in the environment of a source's secret."""
    return f"{PREFIX}SOURCES__{source_id}__SECRETS__{name}".upper()


def config_file() -> Path:
    """Where the settings file lies, or would lie."""
    return Path(os.environ.get("HMA_CONFIG", "hma.toml"))


def config() -> Config:
    """The settings of this installation.

    Raises:
        ConfigError: the file or the environment holds something that is no setting.
    """
    for name in os.environ:
        table, nested, _ = name.removeprefix(PREFIX).partition("__")
        if name.startswith(PREFIX) and nested and table.lower() not in Config.model_fields:
            raise ConfigError(f"{name} is no setting; there are {', '.join(Config.model_fields)}")
    try:
        return Config()
    except (ValidationError, OSError, ValueError) as error:
        raise ConfigError(f"{config_file()} or the environment: {error}") from error
