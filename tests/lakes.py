"""A PostgreSQL server of the tests' own, and lakes in it: one database and one folder each.

The server is Debian's. It listens on a socket in its own folder and nowhere else, asks for a password,
and runs as ``postgres`` where the tests run as root, because it refuses to be root.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from etl.settings import Lake

USER: Final = "hma"
OWNER: Final = "postgres"  # the account that Debian makes for the server


def binaries() -> Path | None:
    """Where the newest server here is; None where there is none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    return found[-1].parent if found else None


def why_not() -> str | None:
    """Why there can be no lake here; None if there can."""
    if binaries() is None:
        return "PostgreSQL is not installed (Debian: postgresql)"
    if find_spec("duckdb_extension_ducklake") is None:
        return "the extra lake is not installed"
    return None


def require() -> None:
    """Skip the test where there can be no lake; on a machine of CI that runs Debian there has to be one."""
    reason = why_not()
    if reason and os.environ.get("CI") and Path("/etc/debian_version").exists():
        pytest.fail(f"{reason}; .ci/run installs it")
    if reason:
        pytest.skip(reason)


@dataclass(frozen=True)
class Server:
    """A running server: its folder, and the file that holds the password."""

    folder: Path
    passfile: Path
    password: str

    def words(self, database: str, *, passfile: bool = True) -> str:
        """How to connect to a database."""
        where = f"host={self.folder} user={USER} dbname={database}"
        return f"{where} passfile={self.passfile}" if passfile else where

    def lake(self, data: Path) -> Lake:
        """A new and empty lake that keeps its rows below ``data``."""
        name = f"lake_{secrets.token_hex(4)}"
        self.run("createdb", name)
        return Lake(self.words(name), str(data))

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of PostgreSQL's against the server; what it printed."""
        found = binaries()
        assert found
        done = subprocess.run(
            [found / program, "-h", self.folder, "-U", USER, *arguments],
            env={**os.environ, "PGPASSFILE": str(self.passfile)},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout


@contextmanager
def bucket() -> Iterator[tuple[str, str]]:
    """An object store on this machine until the block ends: its address, and an empty bucket in it."""
    from moto.server import ThreadedMotoServer  # seconds, which only who needs it waits for

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        httpx.put(f"{address}/rows").raise_for_status()
        yield address, "s3://rows/"
    finally:
        server.stop()


def objects(address: str) -> list[str]:
    """The names of everything in the bucket."""
    listed = httpx.get(f"{address}/rows", params={"list-type": "2"}).raise_for_status().text
    return re.findall(r"<Key>([^<]+)</Key>", listed)


@contextmanager
def serving() -> Iterator[Server]:
    """A server until the block ends."""
    found = binaries()
    assert found
    folder = Path(tempfile.mkdtemp(prefix="hma-postgres-"))
    own = Path(tempfile.mkdtemp(prefix="hma-passfile-"))
    server = Server(folder, own / "passfile", secrets.token_hex(12))
    who: dict[str, Any] = {"cwd": "/", "stdout": subprocess.DEVNULL}
    (folder / "password").write_text(server.password, encoding="utf-8")
    if os.geteuid() == 0:
        for path in (folder, folder / "password"):
            shutil.chown(path, OWNER, OWNER)
        who |= {"user": OWNER, "group": OWNER, "extra_groups": []}
    server.passfile.touch(0o600)
    server.passfile.write_text(f"*:*:*:{USER}:{server.password}\n", encoding="utf-8")
    control = [str(found / "pg_ctl"), "-D", str(folder / "data"), "-w", "-s"]
    options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=100"
    try:
        subprocess.run(
            [
                found / "initdb", "-D", folder / "data", "-U", USER, "--auth=scram-sha-256",
                f"--pwfile={folder / 'password'}", "--encoding=UTF8", "--locale=C", "--no-sync",
            ],
            check=True, **who,
        )  # fmt: skip
        subprocess.run(
            [*control, "-l", str(folder / "log"), "-o", options, "start"], check=True, **who
        )
        try:
            yield server
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, **who)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(own, ignore_errors=True)
