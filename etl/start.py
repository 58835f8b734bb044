"""The start of the ``hma`` command: what may begin before the rest of it is imported."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from etl import spare
from etl.settings import StoreError, folders


def main() -> None:
    """Run the command; a copy that is given will have to be read, so what reads it starts now."""
    try:
        if "refresh" in sys.argv and any(argument.startswith("--from") for argument in sys.argv):
            with suppress(StoreError):  # the command itself will say it
                spare.start_early(folders().archive)
        if (
            "serve" in sys.argv
        ):  # pages shape small tables, for which a second thread costs more than it does
            os.environ.setdefault("POLARS_MAX_THREADS", "1")
        from etl.cli import main as run  # noqa: PLC0415 - half a second, in which the other starts too

        run()
    finally:
        spare.dismiss()


if __name__ == "__main__":
    main()
