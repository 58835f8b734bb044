"""Finding the FTS files on HDX, whose addresses change, through its catalogue (CKAN).

The files of flows hold one year, which only the description of each names; with the new year the
same address gives another year. So a file is kept under a name with its year, and last year's stays
as it last was.

The catalogue's own answer changes daily with dates and counters. It is archived for the licence it
states, and anew only when the licence or the list of files is another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from etl.asking import address_of, shown, wrong
from etl.fetch import FetchError
from etl.session import Session, parsed

PACKAGE: Final = "package.json"
ACTION: Final = "api/3/action/package_show"


def fetch(session: Session) -> None:
    """Bring everything up to date.

    Raises:
        FetchError: the catalogue does not answer, or lacks a file that must be there.
    """
    options = session.options
    answer = session.ask_bytes("GET", ACTION, params={"id": options["dataset"]})
    package = _package(answer)
    found = {_name(resource): resource for resource in package["resources"]}
    missing = [name for name in options["required"] if name not in found]
    if missing:
        raise FetchError(
            f"the data set {options['dataset']} lacks {', '.join(missing)}; it has {shown(', '.join(sorted(found)))}. "
            "See whether it was renamed, and set dataset or the file names in source.yml",
            "wrong content",
        )
    wanted = [name for name in (*options["required"], *options["optional"]) if name in found]
    for done, name in enumerate(wanted):
        session.progress(done, len(wanted))
        address = address_of(session, found[name]["url"], f"{ACTION} (url of {name})")
        session.download(_file(session, name, found[name]), address)
    _keep_package(session, answer, package)


def _package(answer: bytes) -> dict[str, Any]:
    """What the catalogue says of the data set."""
    said = parsed(answer, ACTION)
    result = said.get("result") if isinstance(said, dict) and said.get("success") is True else None
    resources = result.get("resources") if isinstance(result, dict) else None
    if (
        not isinstance(result, dict)
        or not isinstance(resources, list)
        or not all(
            isinstance(resource, dict)
            and all(
                isinstance(resource.get(name), str) and resource[name] for name in ("name", "url")
            )
            for resource in resources
        )
    ):
        raise wrong(ACTION, "without a list of files, each with name and url", answer)
    return result


def _name(resource: Mapping[str, Any]) -> str:
    """A file's name, in lower case and with its ending."""
    name = resource["name"].strip().casefold()
    return name if name.endswith(".csv") else f"{name}.csv"


def _file(session: Session, name: str, resource: Mapping[str, Any]) -> str:
    """The name under which a file is kept; flows get the year that the description names."""
    if name not in session.options["of_one_year"]:
        return name
    pattern = session.options["year_in_description"]
    year = re.search(pattern, str(resource.get("description") or "").strip())
    if not year:
        raise FetchError(
            f"{name}: the description names no year: {shown(resource.get('description'))}. Look at it, and set "
            "year_in_description in source.yml",
            "wrong content",
        )
    return f"{name.removesuffix('.csv')}_{year[1]}.csv"


def _keep_package(session: Session, answer: bytes, package: Mapping[str, Any]) -> None:
    held = session.latest(PACKAGE)
    if held is not None and _lasting_of(held) == _lasting(package):
        return
    with session.collect(PACKAGE, f"{session.base_url}{ACTION}") as add:
        add(answer)


def _lasting_of(held: bytes) -> str | None:
    try:
        return _lasting(_package(held))
    except FetchError:
        return None  # what cannot be read is no reason to keep it


def _lasting(package: Mapping[str, Any]) -> str:
    """What does not change from day to day: the licence, and which files there are."""
    files = sorted((_name(each), _path(each["url"])) for each in package["resources"])
    return json.dumps([package.get("license_id"), package.get("license_title"), files])


def _path(address: str) -> str:
    """The path of an address; of one that cannot be taken apart all of it."""
    try:
        return urlsplit(address).path
    except ValueError:
        return address
