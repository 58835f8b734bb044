"""Install into a Debian that holds nothing, and run the unit's own command line as a user without rights.

    python -m tests.tools.fresh [--debian FOLDER]

As root. debootstrap makes the Debian (or takes the one in FOLDER); the locked packages are downloaded here
and installed there without a network; `hma install-timer` writes the units there. Then the line that
systemd would run is run as the unit says: by its user, with its environment and in its folder, with nothing
else handed over. After it `hma serve` runs as the same user until /readyz says that a ledger is served.
At the end no file outside the data folder and those for temporary files may belong to that user, and none of
the program be writable.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from etl.sources import all_sources
from tests.dashboard.serving import free_port
from tests.helpers import DATA

ROOT: Final = DATA.parent
SUITE: Final = "bookworm"
PACKAGES: Final = "python3,python3-venv,ca-certificates"
USER: Final = "hma"
HMA, LEDGER, CONFIG, UNITS = (
    "/opt/hma",
    "/var/lib/hma",
    "/etc/hma-ledger/hma.toml",
    "/etc/systemd/system",
)
READY_SECONDS: Final = 120
TOOLS: Final = ("debootstrap", "chroot")


class NotHereError(Exception):
    """It cannot be tried on this machine; the message says why."""


@dataclass(frozen=True)
class Unit:
    """What a unit says of how its command is run."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    user: str


def parsed(text: str) -> Unit:
    """The lines of a service that matter here; raises LookupError for one that lacks them."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return Unit(
        tuple(shlex.split(found["ExecStart"][0])),
        dict(pair.split("=", 1) for pair in found["Environment"]),
        found["WorkingDirectory"][0],
        found["User"][0],
    )


def why_not() -> str | None:
    """Why it cannot be tried here; None if it can."""
    if os.geteuid() != 0:
        return "only root can make a Debian and be somebody else in it"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"{' and '.join(missing)} not installed" if missing else None


def run(*words: str | Path, **options: object) -> str:
    """Run a command; what it said, first on standard output.

    Raises:
        subprocess.CalledProcessError: it failed; what it said is in the message on standard error.
    """
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, **options
    )  # type: ignore[call-overload]
    if done.returncode:
        sys.stderr.write(done.stdout[-2000:] + done.stderr[-2000:])
        raise subprocess.CalledProcessError(done.returncode, [str(word) for word in words])
    return str(done.stdout + done.stderr)


class Debian:
    """A Debian in a folder, in which commands are run as if there were nothing else."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, inside: str) -> Path:
        """Where a path in it lies."""
        return self.root / inside.lstrip("/")

    def words(
        self, words: Sequence[str], user: str, environment: Mapping[str, str], folder: str
    ) -> list[str]:
        """The command that runs ``words`` inside, as ``user``."""
        pairs = [
            f"{name}={value}"
            for name, value in {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **environment}.items()
        ]
        return ["chroot", f"--userspec={user}:{user}", f"--groups={user}", str(self.root),
                "env", "-i", "-C", folder, *pairs, *words]  # fmt: skip

    def run(
        self,
        *words: str,
        user: str = "root",
        environment: Mapping[str, str] | None = None,
        folder: str = "/",
    ) -> str:
        """Run a command inside; raises CalledProcessError if it fails."""
        return run(*self.words(words, user, environment or {}, folder))

    def install(self, wheels: Path) -> None:
        """The user, the program, its data and its settings, as the README tells it."""
        shutil.copytree(wheels, self.path("/wheels"), dirs_exist_ok=True)
        shutil.copy(ROOT / "requirements.lock", self.path("/wheels"))
        self.run("python3", "-m", "venv", HMA)
        pip = (
            f"{HMA}/bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-index",
            "--find-links",
            "/wheels",
        )
        self.run(*pip, "--require-hashes", "-r", "/wheels/requirements.lock")
        (own,) = self.path("/wheels").glob("hma_ledger-*.whl")
        self.run(*pip, "--no-deps", f"/wheels/{own.name}")
        if not self.run("sh", "-c", f"id -u {USER} || true").strip():
            self.run("/usr/sbin/useradd", "--system", "--user-group", "--home-dir", LEDGER, USER)
        for name in ("transcribed", "reference"):
            shutil.copytree(DATA / name, self.path(LEDGER) / name, dirs_exist_ok=True)
        self.run("chown", "-R", f"{USER}:{USER}", LEDGER)
        config = self.path(CONFIG)
        config.parent.mkdir(parents=True, exist_ok=True)
        asked = [name for name, spec in all_sources().items() if spec.fetch]
        config.write_text(
            "".join(f"[sources.{name}]\nenabled = false\n" for name in asked)
            + "[fetch]\nwatch = false\n"
        )
        self.run(f"{HMA}/bin/hma", "install-timer", UNITS, "--user", USER,
                 environment={"HMA_DATA": LEDGER, "HMA_CONFIG": CONFIG})  # fmt: skip

    def unit(self) -> Unit:
        """The service that was written."""
        return parsed(self.path(f"{UNITS}/hma-refresh.service").read_text(encoding="utf-8"))

    @contextmanager
    def running(self, words: Sequence[str], unit: Unit) -> Iterator[subprocess.Popen[bytes]]:
        """A command that goes on, as the unit's user."""
        whole = self.words(words, unit.user, unit.environment, unit.folder)
        process = subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)

    def belongings(self, user: str) -> list[str]:
        """The files outside the data folder that belong to a user, and what of the program it may write.

        The unit has temporary folders of its own (PrivateTmp): those are passed over.
        """
        skipped = [word for path in (LEDGER, "/proc", "/tmp", "/var/tmp")  # noqa: S108
                   for word in ("-path", path, "-prune", "-o")]  # fmt: skip
        own = self.run("find", "/", "-xdev", *skipped, "-user", user, "-print").split()
        open_to_all = self.run("find", HMA, "-not", "-type", "l", "-perm", "/022", "-print").split()
        return [*own, *open_to_all]


def wheels_of(folder: Path) -> Path:
    """The locked packages and our own, as wheels in ``folder``."""
    pip = (sys.executable, "-m", "pip")
    run(*pip, "download", "--quiet", "--only-binary", ":all:", "--require-hashes", "--no-deps",
        "-r", ROOT / "requirements.lock", "-d", folder)  # fmt: skip
    source = folder / "source"
    shutil.copytree(
        ROOT,
        source,
        ignore=shutil.ignore_patterns(".git", ".venv", "data", "tests", "build", "*.egg-info"),
    )
    run(*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, source)
    shutil.rmtree(source)
    return folder


def ready(port: int, process: subprocess.Popen[bytes]) -> dict[str, str]:
    """What /readyz says once a ledger is served.

    Raises:
        RuntimeError: the server ended, or was not ready in time.
    """
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5, trust_env=False)
            if answer.status_code == 200:
                found: dict[str, str] = answer.json()
                return found
        except httpx.TransportError:
            pass  # it is still starting; the deadline says how long that may take
        time.sleep(0.5)
    process.kill()
    said = process.stdout.read().decode(errors="replace") if process.stdout else ""
    raise RuntimeError(f"the server was not ready: {said[-2000:]}")


def tried(debian: Debian) -> dict[str, object]:
    """Run the unit's line twice and the server once, as the unit's user; what came of it."""
    unit = debian.unit()
    began = time.perf_counter()
    first = debian.run(
        *unit.command, user=unit.user, environment=unit.environment, folder=unit.folder
    )
    seconds = time.perf_counter() - began
    debian.run(*unit.command, user=unit.user, environment=unit.environment, folder=unit.folder)
    port = free_port()
    with debian.running((f"{HMA}/bin/hma", "serve", "--port", str(port)), unit) as process:
        said = ready(port, process)
        page = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=30)
    return {
        "command": " ".join(unit.command), "user": unit.user, "seconds": round(seconds, 1),
        "said": first.strip()[-300:], "readyz": said, "page": page.status_code,
        "python": debian.run(f"{HMA}/bin/python", "--version").strip(),
        "debian": debian.path("/etc/debian_version").read_text().strip(),
        "left outside the data folder": debian.belongings(unit.user),
    }  # fmt: skip


def whole(given: Path | None = None) -> dict[str, object]:
    """Make a Debian, install, and try it.

    Raises:
        NotHereError: this machine lacks what it takes.
    """
    if reason := why_not():
        raise NotHereError(reason)
    with tempfile.TemporaryDirectory(prefix="hma-fresh-") as made:
        root = given or Path(made) / "debian"
        if given is None:
            run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, root)
        debian = Debian(root)
        (Path(made) / "wheels").mkdir()
        debian.install(wheels_of(Path(made) / "wheels"))
        return tried(debian)


def main() -> None:
    """Try it, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--debian", type=Path, help="a Debian that is there already; it is changed")
    found = whole(parser.parse_args().debian)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    sys.exit(bool(found["left outside the data folder"]))


if __name__ == "__main__":
    main()
