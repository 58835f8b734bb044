"""What is handed over for running it elsewhere: units, a cron line, containers, a proxy, a workflow.

No container engine runs here: Containerfile and compose.yaml are read as text. The units are checked by
systemd's own tools, and the proxy by nginx, where they are installed.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from etl.cli import app
from etl.config import ScheduleConfig
from etl.settings import Folders
from etl.sources import all_sources
from etl.timer import (
    DEPLOY,
    UNITS,
    Installation,
    TimerError,
    cron_line,
    own_command,
    unit,
)

ROOT = DEPLOY.parents[1]
NOBODY = 65534
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
FILES = [ROOT / "Containerfile", ROOT / "compose.yaml", ROOT / ".dockerignore", *DEPLOY.iterdir()]


def hma(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def installation(tmp_path: Path, user: str = "ledger") -> Installation:
    return Installation(own_command(), tmp_path, tmp_path / "hma.toml", user)


def lines(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


# ---- systemd and cron


def test_the_units_are_written_to_the_folder_named_and_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "units"
    assert hma("install-timer", str(folder), "--user", "ledger").exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == list(UNITS)
    assert hma("install-timer", str(folder), "--user", "ledger").exit_code == 0
    (folder / UNITS[0]).write_text("mine")
    assert hma("install-timer", str(folder), "--user", "ledger").exit_code == 2
    assert (folder / UNITS[0]).read_text() == "mine"
    assert hma("install-timer").exit_code == 2


def test_the_service_may_write_into_the_data_folder_only(tmp_path: Path) -> None:
    said = lines(unit(UNITS[0], installation(tmp_path)))
    assert said["ReadWritePaths"] == said["WorkingDirectory"] == [str(tmp_path)]
    assert said["ExecStart"] == [f"{own_command()} refresh --due"]
    assert (said["User"], said["ProtectSystem"]) == (["ledger"], ["strict"])
    assert said["NoNewPrivileges"] == said["PrivateTmp"] == said["RestrictNamespaces"] == ["yes"]
    assert said["CapabilityBoundingSet"] == [""]
    assert said["Environment"][0] == f"HMA_DATA={tmp_path}"
    assert lines(unit(UNITS[1], installation(tmp_path)))["Persistent"] == ["true"]


def test_a_program_in_a_home_can_be_read_there() -> None:
    there = Installation(Path("/home/me/hma"), Path("/var/lib/hma"), Path("/etc/hma.toml"), "me")
    assert lines(unit(UNITS[0], there))["ProtectHome"] == ["read-only"]


@pytest.mark.parametrize("path", ["/a b", "/a%h", "/a$b", "/a'b", "relative", "/a\nExecStart=/x"])
def test_a_path_that_would_be_read_otherwise_is_refused(path: str) -> None:
    odd = Installation(Path("/usr/bin/hma"), Path(path), Path("/etc/hma.toml"), "ledger")
    with pytest.raises(TimerError, match="need a whole path"):
        unit(UNITS[0], odd)


@pytest.mark.parametrize("user", ["root", "a b", "A", "x;y"])
def test_it_does_not_run_as_root(user: str, tmp_path: Path) -> None:
    result = hma("install-timer", str(tmp_path / "units"), "--user", user)
    assert (result.exit_code, (tmp_path / "units").exists()) == (2, False)


def test_the_cron_line_runs_the_same_command_hourly_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMA_DATA", str(tmp_path))
    monkeypatch.setenv("HMA_CONFIG", "/etc/hma.toml")
    result = hma("install-timer", "--cron", "--user", "ledger")
    fields = result.stdout.split()
    assert fields[:5] == ["7", "*", "*", "*", "*"] == ScheduleConfig().cron.split()
    assert shlex.split(result.stdout)[5:] == [
        f"HMA_DATA={tmp_path}", "HMA_CONFIG=/etc/hma.toml", "HMA_LOG=json", str(own_command()),
        "refresh", "--due",
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


LAKE = {
    "HMA_STORE": "ducklake:postgres:host=/run/postgresql user=hma dbname=ledger",
    "HMA_STORE_DATA": "/srv/rows",
}


@pytest.mark.parametrize(
    ("homes", "rows"), [(LAKE, " /srv/rows"), ({"HMA_ARCHIVE": "s3://bucket/archive"}, "")]
)
def test_a_timer_goes_on_in_the_homes_that_are_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, homes: dict[str, str], rows: str
) -> None:
    monkeypatch.setenv("HMA_DATA", str(tmp_path))
    for name, value in homes.items():
        monkeypatch.setenv(name, value)
    words = shlex.split(hma("install-timer", "--cron", "--user", "ledger").stdout)
    assert {f"{name}={value}" for name, value in homes.items()} <= set(words)
    assert hma("install-timer", str(tmp_path / "units"), "--user", "ledger").exit_code == 0
    said = lines((tmp_path / "units" / UNITS[0]).read_text())
    assert {f'"{name}={value}"' for name, value in homes.items()} <= set(said["Environment"])
    assert said["ReadWritePaths"] == [f"{tmp_path}{rows}"]
    assert said["ProtectHome"] == ["yes"]


@pytest.mark.parametrize(
    ("homes", "paths", "home"),
    [
        ({"HMA_STORE_DATA": "s3://rows/lake"}, "/data", "yes"),
        ({"HMA_STORE_DATA": "/data/lake"}, "/data", "yes"),
        ({"HMA_STORE": "ducklake:postgres:passfile=/home/me/pass"}, "/data", "read-only"),
    ],
)
def test_nothing_else_may_be_written_and_a_file_in_a_home_be_read(
    homes: dict[str, str], paths: str, home: str
) -> None:
    at = Installation(Path("/usr/bin/hma"), Path("/data"), Path("/etc/hma.toml"), "ledger", homes)
    said = lines(unit(UNITS[0], at))
    assert (said["ReadWritePaths"], said["ProtectHome"]) == ([paths], [home])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HMA_STORE", "ducklake:postgres:host=db password=hunter2"),
        ("HMA_STORE", "ducklake:postgres:host=db user='hunter2'"),
        ("HMA_STORE", "ducklake:postgres:postgresql://hunter2%40x@db/lake"),
        ("HMA_ARCHIVE", "s3://me:hunter2@bucket"),
        ("HMA_STORE_DATA", "rows"),
    ],
)
def test_a_home_with_a_secret_or_a_sign_of_systemds_is_refused(name: str, value: str) -> None:
    at = Installation(Path("/hma"), Path("/data"), Path("/etc/hma.toml"), "ledger", {name: value})
    with pytest.raises(TimerError) as refused:
        unit(UNITS[0], at)
    assert "hunter2" not in str(refused.value)
    with pytest.raises(TimerError) as refused:
        cron_line(at)
    assert "hunter2" not in str(refused.value)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for name in UNITS:
        there = replace(installation(tmp_path, "daemon"), homes=LAKE)
        (tmp_path / name).write_text(unit(name, there))
    paths = [str(tmp_path / name) for name in UNITS]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", paths[0]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert rated.returncode == 0, rated.stdout[-300:]  # an exposure of 2.0 of 10 at most


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that another user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="hma-other-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_command_line_of_the_unit_runs_as_another_user(
    built_folders: Folders, elsewhere: Path
) -> None:
    config = elsewhere / "hma.toml"
    config.write_text(
        "".join(f"[sources.{name}]\nenabled = false\n"
                for name, spec in all_sources().items() if spec.fetch)
    )  # fmt: skip
    data = elsewhere / "data"
    shutil.copytree(built_folders.data, data)
    for path in [data, *data.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    said = lines(unit(UNITS[0], Installation(own_command(), data, config, "ledger")))
    environment = dict(word.split("=", 1) for word in said["Environment"])
    try:
        done = subprocess.run(
            shlex.split(said["ExecStart"][0]), env=environment, cwd=said["WorkingDirectory"][0],
            user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True, check=False,
        )  # fmt: skip
    except PermissionError:
        pytest.skip("this Python lies where only root may read")
    assert done.returncode == 0, done.stderr
    assert '"event": "nothing is due"' in done.stderr


# ---- containers, read as text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_names_the_host_of_a_registry(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(docker|ghcr|quay|gcr|pypi|mcr)\.\w+|\bregistry[.:]\w", text)


def instructions() -> Iterator[tuple[str, str]]:
    joined = re.sub(r"\\\n", " ", CONTAINERFILE)
    for line in joined.splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.strip().partition(" ")
            yield word, " ".join(rest.split())


def test_the_containerfile_builds_on_the_base_that_is_handed_to_it() -> None:
    found = list(instructions())
    assert [rest for word, rest in found if word == "FROM"] == ["${BASE} AS build", "${BASE}"]
    base, lock, again = [rest for word, rest in found if word == "ARG"]
    assert (lock, again) == ("LOCK=requirements.lock", "LOCK")  # an ARG ends with FROM
    name, _, tag = base.partition("=")[2].partition(":")
    assert "/" not in name
    assert tag not in {"", "latest"}


def test_the_image_runs_as_nobody_in_particular_and_copies_what_there_is() -> None:
    found = list(instructions())
    words = [word for word, _ in found]
    assert [rest for word, rest in found if word == "USER"] == ["10001:10001"]
    assert words.index("USER") > words.index("COPY")
    assert not {"ADD", "MAINTAINER", "VOLUME"} & set(words)
    for word, rest in found:
        if word == "COPY" and not rest.startswith("--from"):
            for lock in ("requirements.lock", "etl/deploy/lake.lock"):
                copied = rest.replace("${LOCK}", lock).split()[:-1]
                assert all((ROOT / each).exists() for each in copied)
        if word in {"CMD", "ENTRYPOINT"}:
            assert rest.startswith("[")  # no shell in between: signals reach hma itself
        if word == "RUN" and "pip install" in rest:
            assert "--require-hashes" in rest or "--no-deps" in rest
    assert "sudo" not in CONTAINERFILE
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"  # nothing goes in that is not named
    assert ".streamlit/secrets.toml" in ignored


def commands() -> set[str]:
    group = typer.main.get_command(app)
    return set(getattr(group, "commands", {}))


@pytest.mark.parametrize("name", ["dashboard", "scheduler"])
def test_a_container_has_a_root_that_is_only_read_no_rights_and_the_shared_volumes(
    name: str,
) -> None:
    service = COMPOSE["services"][name]
    assert (service["read_only"], service["user"], service["init"]) == (True, "10001:10001", True)
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    mounted = dict(volume.split(":") for volume in service["volumes"])
    assert set(mounted) == set(COMPOSE["volumes"])
    data = Folders(Path("/app/data"))
    written = {data.archive, data.ledger, data.state, data.registers}
    assert {Path(place) for place in mounted.values()} == written
    assert set(service.get("command", ["serve"])) <= commands()


def test_the_dashboard_is_open_to_this_machine_only_and_is_asked_whether_it_is_ready() -> None:
    assert COMPOSE["services"]["dashboard"]["ports"] == ["127.0.0.1:8501:8501"]
    health = next(rest for word, rest in instructions() if word == "HEALTHCHECK")
    assert "http://127.0.0.1:8501/readyz" in health
    scheduler = COMPOSE["services"]["scheduler"]
    assert float(scheduler["stop_grace_period"].removesuffix("s")) > ScheduleConfig().grace_seconds
    assert scheduler["depends_on"] == {"dashboard": {"condition": "service_healthy"}}


# ---- workflow and proxy


def test_the_workflow_runs_commands_that_there_are_with_no_more_rights_than_it_needs() -> None:
    text = (DEPLOY / "workflow.yaml").read_text(encoding="utf-8")
    flow = yaml.safe_load(text)
    assert flow["permissions"] == {"contents": "read"}
    assert flow["concurrency"] == {"group": "refresh", "cancel-in-progress": False}
    used = set(re.findall(r"\.venv/bin/hma (\S+)", text))
    assert used >= {"refresh", "backup", "restore", "verify", "status"}
    assert used <= commands()
    assert "heartbeat" in text
    assert not re.search(
        r"secrets\.\w+ *\}\}.*run:", text
    )  # secrets come by env, not by a line of shell


NGINX = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")


def test_the_proxy_hands_on_one_name_and_keeps_the_figures_to_itself() -> None:
    assert "$host" not in NGINX
    assert "$http_host" not in NGINX
    assert NGINX.count("return 444;") == 1
    assert "location = /metrics { return 404; }" in NGINX
    assert "limit_req_status 429;" in NGINX
    assert NGINX.count("{") == NGINX.count("}")


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_nginx_takes_the_example(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key,
         "-out", certificate, "-subj", "/CN=ledger.example"], check=True, capture_output=True,
    )  # fmt: skip
    text = NGINX.replace("/etc/ssl/certs/ledger.example.pem", str(certificate))
    text = text.replace("/etc/ssl/private/ledger.example.key", str(key))
    (tmp_path / "site.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{ include {tmp_path}/site.conf; }}\n"
    )
    done = subprocess.run(
        ["nginx", "-t", "-c", tmp_path / "nginx.conf", "-p", tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
