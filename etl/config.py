"""Settings of one installation: ``hma.toml``, and the environment, which goes before it.

``hma.toml`` lies in the working folder, or where ``HMA_CONFIG`` says. A setting of a table is named
in the environment by joining the names with two underscores: ``[fetch] contact`` is
``HMA_FETCH__CONTACT``, and ``[sources.usaspending] base_url`` is
``HMA_SOURCES__USASPENDING__BASE_URL``. A name that is no setting, and a source that there is not,
is an error. Where the data lies is not set here but by ``HMA_DATA`` (see :mod:`etl.settings`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from etl.sources import all_sources

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


class SourceConfig(BaseModel):
    """What is set otherwise for one source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str | None = Field(
        default=None, description="fetch from this mirror; its host is allowed with it"
    )

    @field_validator("base_url")
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
    max_rows_xlsx: int = Field(
        default=250_000,
        ge=1,
        le=EXCEL_ROWS,
        description="rows of the largest Excel workbook; a sheet holds 1,048,575, and takes its time",
    )

    @field_validator("public_url")
    @classmethod
    def _ends_with_slash(cls, url: str | None) -> str | None:
        return url if url is None or url.endswith("/") else f"{url}/"


class Config(BaseSettings):
    """All settings; see the module docstring for where they come from."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    fetch: FetchConfig = FetchConfig()
    api: ApiConfig = ApiConfig()
    sources: dict[str, SourceConfig] = {}

    @field_validator("sources")
    @classmethod
    def _are_there(cls, sources: dict[str, SourceConfig]) -> dict[str, SourceConfig]:
        unknown = ", ".join(sorted(set(sources) - set(all_sources())))
        if unknown:
            raise ValueError(f"there is no source {unknown}; there are {', '.join(all_sources())}")
        return sources

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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


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
