"""A virtual environment of their own for those whom the ledger is compared with: the extra ``bench``, pinned.

Kept in the folder for temporary files under the hash of its pins, so that it is made once. Nothing of it
comes into the environment that the ledger runs in.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from functools import cache
from pathlib import Path

from tests.bench.measuring import REPOSITORY


def pins() -> list[str]:
    """What pyproject.toml names under ``bench``, each with its version."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    named: list[str] = project["project"]["optional-dependencies"]["bench"]
    return named


def _folder() -> Path:
    wanted = "\n".join([sys.version, *pins()])
    name = f"hma-bench-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    return Path(tempfile.gettempdir()) / name


def is_made() -> bool:
    """Whether the environment is there, complete."""
    return (_folder() / "complete").exists()


@cache
def python() -> Path:
    """The Python of that environment; makes it if it isn't there.

    Raises:
        RuntimeError: the packages cannot be installed; pip says why.
    """
    folder = _folder()
    made = folder / "bin" / "python"
    if is_made():
        return made
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    pip = [str(made), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *pins()]
    ran = subprocess.run(pip, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"pip cannot install {', '.join(pins())}: {ran.stderr}")
    (folder / "complete").touch()
    return made
