"""``hma config``: every setting and where it came from, no secret shown, and a reference that leaves none out."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from etl.cli import app
from etl.config import Config, SourceConfig
from etl.configcheck import check, reference
from etl.health import Health

SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HMA_CONFIG", str(tmp_path / "hma.toml"))
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "hma.toml").write_text(
        '[fetch]\ncontact = "in the file"\n\n[sources.hdx]\nenabled = false\n'
    )


def hma(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def sources_of_settings() -> dict[str, tuple[str, str]]:
    found = check()
    assert found.problems == []
    return {one.name: (one.value, one.comes_from) for one in found.settings}


def test_each_setting_is_said_with_its_value_and_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_SCHEDULE__JITTER_SECONDS", "7")
    found = sources_of_settings()
    assert found["fetch.contact"] == ("in the file", str(tmp_path / "hma.toml"))
    assert found["schedule.jitter_seconds"] == ("7", "environment, HMA_SCHEDULE__JITTER_SECONDS")
    assert found["schedule.cron"] == ("7 * * * *", "default")
    assert found["sources.hdx.enabled"] == ("false", str(tmp_path / "hma.toml"))
    monkeypatch.setenv("HMA_FETCH__CONTACT", "from outside")
    assert sources_of_settings()["fetch.contact"] == (
        "from outside", "environment, HMA_FETCH__CONTACT",
    )  # fmt: skip
    assert hma("config", "check").exit_code == 0


def test_secrets_are_shown_as_asterisks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HMA_ALERTS__WEBHOOK", f"https://hook.example/{SECRET}")
    monkeypatch.setenv("HMA_SOURCES__ACLED__SECRETS__PASSWORD", SECRET)
    result = hma("config", "check")
    assert result.exit_code == 0, result.output
    words = [
        line.split() for line in result.stdout.splitlines()
    ]  # a long cell goes on below itself
    lines = {line[0]: line[1] for line in words if len(line) > 1}
    assert lines["alerts.webhook"] == lines["sources.acled.secrets.password"] == "***"
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("HMA_FETCH__NONSENSE", "1", "nonsense"),
        ("HMA_NONSENSE__A", "1", "HMA_NONSENSE__A is no setting"),
        ("HMA_SCHEDULE__CRON", "0 4 * * 1", "schedule.cron"),
        ("HMA_SOURCES__NOSUCH__ENABLED", "true", "there is no source nosuch"),
        ("HMA_SOURCES__ACLED__ENABLED", "true", "acled is on, and HMA_SOURCES__ACLED__SECRETS"),
        ("HMA_ALERTS__WEBHOOK_FILE", "/no/such/file", "the file of webhook, cannot be read"),
        ("HMA_ALERTS__WEBHOOK", "hooks.example/abc", "webhook must be an https address"),
        ("HMA_SCHEDULE__CRON", "0 0 31 2 *", "schedule.cron: there is no time"),
        ("HMA_ALERTS__SMTP_HOST", "mail.example", "smtp_host needs mail_from"),
        ("HMA_CONFIG", "/no/such/file", "HMA_CONFIG names /no/such/file, which is no file"),
        ("HMA_DATA", "/no/such/folder", "HMA_DATA names /no/such/folder, which is no folder"),
        ("HMA_LOG", "xml", "HMA_LOG takes json or text"),
    ],
)
def test_what_is_wrong_is_named_and_the_exit_code_is_2(
    setting: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(setting, value)
    result = hma("config", "check")
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_unknown_name_in_the_file_is_named_and_its_value_is_not(tmp_path: Path) -> None:
    (tmp_path / "hma.toml").write_text(f'[fetch]\npasword = "{SECRET}"\n')
    result = hma("config", "check")
    assert (result.exit_code, "fetch.pasword" in result.stderr) == (2, True)
    assert SECRET not in result.output


def test_the_reference_holds_every_setting_and_every_field_of_the_status() -> None:
    text = hma("config", "reference").stdout
    assert text == reference()
    for table, info in Config.model_fields.items():
        model = SourceConfig if table == "sources" else info.annotation
        assert model is not None
        for name, field in model.model_fields.items():
            assert field.description
            (line,) = [one for one in text.splitlines()
                       if one.startswith("|") and one.endswith(f"| {field.description} |")]  # fmt: skip
            assert f"{table}__".upper() in line
            assert name.upper() in line
    assert all(f"| `{name}` |" in text for name in Health.model_fields)
    assert "| `schedule.cron` | `HMA_SCHEDULE__CRON` | `7 * * * *` |" in text
    assert "| a secret: not in the file | `HMA_ALERTS__WEBHOOK` |  |" in text
