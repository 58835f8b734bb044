"""Find a Chromium that starts, and print its path.

The pages are tested in a real browser, and machines have theirs in different places. In order:

1. the one that `HMA_CHROMIUM` names, and no other if it is set;
2. Debian's, at /usr/bin/chromium;
3. Debian's package, installed now, if this is Debian and we are root;
4. Playwright's own, downloaded if need be.

Whichever it is must really start. The path is the only thing on standard output; all else goes to
standard error. Without a browser the script fails, because a test run that quietly left the
browser out would look like one that passed. `HMA_NO_BROWSER=1` leaves it out, and says so.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

DEBIAN_CHROMIUM = Path("/usr/bin/chromium")


class NoBrowserError(Exception):
    """There is no browser that starts; the message says what to do."""


def main() -> int:
    """Print the browser's path, or say on standard error why there is none."""
    if os.environ.get("HMA_NO_BROWSER") == "1":
        say("HMA_NO_BROWSER=1: THE BROWSER TESTS ARE LEFT OUT. What readers see is not tested.")
        return 0
    try:
        print(find())
    except NoBrowserError as error:
        say(f"No browser for the tests. {error}")
        say("Or leave the browser tests out: HMA_NO_BROWSER=1 make test")
        return 1
    return 0


def find() -> Path:
    """Return the first browser in the order above, once it has been started."""
    named = os.environ.get("HMA_CHROMIUM")
    if named:
        return started(Path(named), "HMA_CHROMIUM names it; set it to another, or unset it.")
    if DEBIAN_CHROMIUM.exists() or installed_from_debian():
        return started(DEBIAN_CHROMIUM, "Reinstall it: apt-get install --reinstall chromium")
    return started(
        downloaded_by_playwright(),
        "Its system libraries may be missing: sudo .venv/bin/playwright install-deps chromium",
    )


def installed_from_debian() -> bool:
    """Install Debian's package where that is possible, and tell whether it is there now."""
    if not is_debian() or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    say("Installing Debian's chromium (about 100 MB) ...")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    ran(install) or (ran(["apt-get", "update", "-qq"]) and ran(install))
    return DEBIAN_CHROMIUM.exists()


def is_debian() -> bool:
    """Tell Debian from its kin: Ubuntu's `chromium` package is only a pointer to a snap."""
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


def downloaded_by_playwright() -> Path:
    """Return Playwright's own browser, downloaded if it isn't here yet."""
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    if not path.exists():
        say("Downloading Playwright's own Chromium (about 150 MB) ...")
        if not ran([sys.executable, "-m", "playwright", "install", "chromium"]):
            raise NoBrowserError(
                "Playwright could not download one (see above). Install Chromium with the "
                "system's packages and name it: HMA_CHROMIUM=/path/to/chromium make test"
            )
    return path


def started(path: Path, advice: str) -> Path:
    """Return `path` if the browser there starts and opens a page."""
    if not path.is_file():
        message = f"There is none at {path}. {advice}"
        raise NoBrowserError(message)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, timeout=60_000)
            browser.new_page().close()
            browser.close()
    except Error as error:
        message = f"{path} does not start. {advice}\n{error}"
        raise NoBrowserError(message) from error
    return path


def ran(command: list[str]) -> bool:
    """Run a command with its output on standard error, and tell whether it succeeded."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    finished = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=environment, check=False
    )
    return finished.returncode == 0


def say(message: str) -> None:
    """Print a message on standard error, at once."""
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
