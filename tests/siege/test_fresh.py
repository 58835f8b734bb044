"""The unit's command line and the server, as a user without rights; in full: ``tests/tools/fresh.py``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from etl.settings import Folders
from etl.sources import all_sources
from etl.timer import Installation, own_command, unit
from tests.dashboard.serving import REPOSITORY, free_port
from tests.tools.fresh import Unit, parsed, ready

NOBODY = 65534
MAIN = "from etl.cli import main; main()"


def can_run(*words: str) -> bool:
    """Whether nobody in particular can start this program and load the ledger's code."""
    done = subprocess.run(
        [*words], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", capture_output=True, check=False,
        env={"PYTHONPATH": paths()},
    )  # fmt: skip
    return done.returncode == 0


def paths() -> str:
    return os.pathsep.join((str(REPOSITORY), sysconfig.get_path("purelib")))


def command() -> list[str]:
    """``hma`` as installed; where only root may read its Python, the system's own of the same version."""
    try:
        if can_run(str(own_command()), "--help"):
            return [str(own_command())]
    except PermissionError:
        pass  # the next one may do
    system = shutil.which(
        f"python{sys.version_info.major}.{sys.version_info.minor}", path="/usr/bin"
    )
    if system and can_run(system, "-c", "import etl.cli, etl.operate, dashboard.app"):
        return [system, "-c", MAIN]
    pytest.skip("this Python lies where only root may read, and the system has none of its version")


@pytest.fixture
def installed(built_folders: Folders) -> Iterator[Unit]:
    """The unit of an installation whose data belong to nobody in particular."""
    folder = Path(tempfile.mkdtemp(prefix="hma-fresh-"))
    folder.chmod(0o755)
    data, config = folder / "data", folder / "hma.toml"
    shutil.copytree(built_folders.data, data)
    for path in [data, *data.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    asked = [name for name, spec in all_sources().items() if spec.fetch]
    config.write_text(
        "".join(f"[sources.{name}]\nenabled = false\n" for name in asked)
        + "[fetch]\nwatch = false\n"
    )
    yield parsed(unit("hma-refresh.service", Installation(own_command(), data, config, "ledger")))
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_units_line_and_the_server_run_as_a_user_without_rights(installed: Unit) -> None:
    hma = command()
    environment = {**installed.environment, "PYTHONPATH": paths(), "PATH": "/usr/bin:/bin"}
    as_nobody = {
        "user": NOBODY,
        "group": NOBODY,
        "extra_groups": [],
        "cwd": installed.folder,
        "env": environment,
    }
    assert installed.command[1:] == ("refresh", "--due")
    done = subprocess.run(
        [*hma, *installed.command[1:]], **as_nobody, capture_output=True, text=True, check=False  # type: ignore[call-overload]
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"event": "nothing is due"' in done.stderr
    port = free_port()
    server = subprocess.Popen(  # type: ignore[call-overload]
        [*hma, "serve", "--port", str(port)],
        **as_nobody,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert ready(port, server)["ready"]
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/coverage/count", trust_env=False)
        assert answer.json()["row_count"] > 100
    finally:
        server.kill()
        server.communicate()


def test_what_a_unit_says_is_read_as_systemd_reads_it(tmp_path: Path) -> None:
    hma, data = tmp_path / "hma", tmp_path / "data"
    installation = Installation(hma, data, data / "hma.toml", "ledger")
    found = parsed(unit("hma-refresh.service", installation))
    assert found.command == (str(hma), "refresh", "--due")
    assert (found.user, found.folder) == ("ledger", str(data))
    assert found.environment["HMA_LOG"] == "json"
    with pytest.raises(LookupError):
        parsed("# ExecStart=/bin/true\n")
