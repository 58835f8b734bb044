"""The start of the ``hma`` command: what may begin before the rest of it is imported."""

from __future__ import annotations

import sys

from etl import spare


def main() -> None:
    """Run the command; a copy that is given will have to be read, so who reads it starts now."""
    if "refresh" in sys.argv and any(argument.startswith("--from") for argument in sys.argv):
        spare.prepare()
    try:
        from etl.cli import main as run  # noqa: PLC0415 - half a second, in which the other starts too

        run()
    finally:
        spare.dismiss()


if __name__ == "__main__":
    main()
