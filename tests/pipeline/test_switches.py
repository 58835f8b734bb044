"""Sources that are off until they are turned on, and secrets that no message shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner, Result

from etl.cli import app
from etl.config import Config, ConfigError, config
from etl.settings import Folders
from etl.sources import SourceSpec, all_sources
from tests.helpers import ask, csv_text
from tests.sources.test_ucdp_ged import FINAL, HEADER, LANDMINE

OFF = ("acled", "ucdp_ged")


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HMA_CONFIG", str(tmp_path / "hma.toml"))
    monkeypatch.setenv("COLUMNS", "300")


def hma(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def said(result: Result) -> str:
    return " ".join((result.stdout + " " + result.stderr).split())


def test_these_sources_are_off_and_say_in_a_line_how_to_turn_them_on() -> None:
    off = [spec for spec in all_sources().values() if not spec.enabled]
    assert sorted(spec.source_id for spec in off) == sorted(OFF)
    for spec in off:
        assert f"HMA_SOURCES__{spec.source_id.upper()}__ENABLED=true" in str(spec.enable)
        assert not config().is_on(spec)


def test_the_environment_and_the_file_turn_a_source_on_and_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = all_sources()["ucdp_ged"]
    (tmp_path / "hma.toml").write_text("[sources.ucdp_ged]\nenabled = true\n")
    assert config().is_on(spec)
    monkeypatch.setenv("HMA_SOURCES__UCDP_GED__ENABLED", "false")
    assert not config().is_on(spec)
    monkeypatch.setenv("HMA_SOURCES__ACLED__ENABLED", "true")
    assert config().is_on(all_sources()["acled"])
    monkeypatch.setenv("HMA_SOURCES__IATI__ENABLED", "false")
    assert not config().is_on(all_sources()["iati"])


@pytest.mark.parametrize("source_id", OFF)
def test_a_source_that_is_off_is_refused_by_name_with_its_own_exit_code(
    workspace: Folders, source_id: str
) -> None:
    answer = hma("refresh", source_id)
    assert answer.exit_code == 7
    assert f"hma: {source_id} is not fetched. Off until it is asked for" in said(answer)
    assert f"HMA_SOURCES__{source_id.upper()}__ENABLED=true" in said(answer)
    assert not workspace.ledger.exists()


def test_a_source_turned_off_by_this_installation_says_what_to_undo(
    workspace: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_SOURCES__IATI__ENABLED", "false")
    answer = hma("refresh", "iati")
    assert answer.exit_code == 7
    assert "iati is not fetched. Turned off in this installation: remove enabled for iati" in said(
        answer
    )


def test_sources_and_status_say_what_is_off(published: Folders) -> None:
    for command in ("sources", "status"):
        answer = hma(command)
        assert answer.exit_code == 0
        for source_id in OFF:
            assert f"{source_id} is not fetched. Off until it is asked for" in said(answer)
    assert "kept here: its terms forbid passing rows on" in said(hma("sources"))


def test_a_copy_is_read_without_turning_anything_on_and_read_again_later(
    workspace: Folders, tmp_path: Path
) -> None:
    copy = tmp_path / FINAL
    copy.write_text(csv_text(HEADER, [LANDMINE]), encoding="utf-8")
    answer = hma("refresh", "ucdp_ged", "--from", str(copy), "--origin", "a rescued copy")
    assert answer.exit_code == 0, said(answer)
    assert ask(workspace, "SELECT killed FROM casualty_events") == [(3,)]
    assert hma("refresh", "ucdp_ged").exit_code == 7, "it is still not fetched"
    assert hma("refresh", "ucdp_ged", "--offline").exit_code == 0
    assert ask(workspace, "SELECT count(*) FROM casualty_events") == [(1,)]


def test_a_source_that_is_off_must_say_how_to_turn_it_on() -> None:
    values = all_sources()["ucdp_ged"].model_dump()
    for wrong in ({"enable": None}, {"enabled": True}):
        with pytest.raises(ValidationError, match="enable says how to turn on a source"):
            SourceSpec.model_validate(values | wrong)


# Secrets

PASSWORD = "HMA_SOURCES__ACLED__SECRETS__PASSWORD"
VALUES = ["hush-42", "12345", "0012", "1e5", "true", "null", '{"a": 1}', "a b;ä#"]


@pytest.mark.parametrize("value", VALUES)
def test_a_secret_comes_as_it_stands_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(PASSWORD, value)
    secret = config().secret("acled", "password")
    assert secret
    assert secret.get_secret_value() == value
    assert "**" in str(secret)
    assert value not in f"{secret!r} {config()!r}" or value in {"true", "null"}
    assert config().secret("acled", "username") is None


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "hma.toml").write_text(
        f'[sources.acled.secret_files]\npassword = "{tmp_path / "secret"}"\n'
    )
    with pytest.raises(ConfigError, match="the file of acled's password, cannot be read"):
        config().secret("acled", "password")
    (tmp_path / "secret").write_text("hush-42\n")
    secret = config().secret("acled", "password")
    assert secret
    assert secret.get_secret_value() == "hush-42"
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        config().secret("acled", "password")


def test_a_secret_in_the_settings_file_is_refused_without_being_shown(tmp_path: Path) -> None:
    (tmp_path / "hma.toml").write_text('[sources.acled.secrets]\npassword = "hush-42"\n')
    with pytest.raises(
        ConfigError, match="does not belong into this file; set HMA_SOURCES__ACLED"
    ) as error:
        config()
    assert "hush-42" not in str(error.value)


@pytest.mark.parametrize(
    "name",
    ["HMA_SOURCES__ACLED__PASSWORD", "HMA_SOURCES__ACLED__SECRETS__PASWORD",
     "HMA_SOURCES__IATI__SECRETS__TOKEN", "HMA_SOURCES__ACLED__SECRETS", "HMA_PASSWORD__ACLED"],
)  # fmt: skip
def test_a_misspelt_setting_is_an_error_that_does_not_show_what_it_was_set_to(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "hush-42")
    with pytest.raises(ConfigError) as error:
        config()
    assert "hush-42" not in str(error.value)


def test_settings_made_by_code_hold_no_secret_either() -> None:
    made = Config.model_validate({"sources": {"acled": {"secrets": {"password": "hush-42"}}}})
    assert "hush-42" not in f"{made!r} {made.model_dump()} {made.model_dump_json()}"
