"""ACLED's sign-in and its pages of events, in the shape its documents give, on the replay server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from etl.config import Config
from etl.settings import Folders
from etl.sources import SourceSpec, all_sources
from tests.helpers import NO_LIMITS
from tests.replay import Computed, Replay, Route, Seen, Status, answer_json

SOURCE: Final = "acled"
USER, PASSWORD, PASS = "someone@example.org", "hush-42", "pass-of-the-day-777"
# Words that must never leave the machine, in every text field.
MARK: Final = "Zanzibarrow"
Event = dict[str, Any]
MINE: Final[Event] = {
    "event_id_cnty": "IRQ101", "event_date": "2024-03-01", "year": 2024, "time_precision": 1,
    "sub_event_type": "Remote explosive/landmine/IED", "country": "Iraq", "admin1": f"{MARK} One",
    "admin2": f"{MARK} Two", "location": f"{MARK} town", "latitude": "36.32090001", "longitude": "41.86560002",
    "geo_precision": 2, "notes": f"On 1 March 2024, a landmine exploded near {MARK}; 3 killed.",
    "fatalities": 3,
}  # fmt: skip


@dataclass
class Acled:
    """Events by their names, behind a sign-in."""

    events: list[Event]
    between: Callable[[int], None] = lambda _: None
    odd: list[Route] = field(default_factory=list)  # instead of the next pages
    may_read: bool = True
    echoes: bool = True  # a server that repeats what was sent, which no message may

    def serve(self, replay: Replay) -> None:
        replay.on("/oauth/token", Computed(self._sign_in))
        replay.on("/api/acled/read", Computed(self._page))

    def _sign_in(self, seen: Seen) -> Route:
        sent: Mapping[str, str] = dict(parse_qsl(seen.body.decode()))
        assert (seen.method, sent["grant_type"], sent["client_id"]) == ("POST", "password", "acled")
        assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
        if (sent["username"], sent["password"]) != (USER, PASSWORD):
            return Status(401, f"invalid_grant {sent['username']} {sent['password']}".encode())
        return answer_json(
            {
                "access_token": PASS,
                "token_type": "Bearer",
                "expires_in": 86400,
                "refresh_token": "r",
            }
        )

    def _page(self, seen: Seen) -> Route:
        if self.odd:
            return self.odd.pop(0)
        sent = seen.headers.get("authorization")
        if sent != f"Bearer {PASS}" or not self.may_read:
            return Status(403, f"Access denied to {sent}".encode())
        asked = seen.query
        assert asked["sub_event_type"] == MINE["sub_event_type"]
        assert set(asked["fields"].split("|")) == set(MINE), "no more is asked for than is read"
        size, number = int(asked["limit"]), int(asked["page"])
        of_year = [event for event in self.events if str(event["year"]) == asked["year"]]
        page = of_year[(number - 1) * size : number * size]
        self.between(number)
        return answer_json({"status": 200, "success": True, "count": len(page), "data": page})


def spec(**options: object) -> SourceSpec:
    """The source, two events a page and from 2023 on, without waiting and without limits."""
    declared = all_sources()[SOURCE]
    assert declared.fetch
    changed = {**declared.fetch.options, "page_size": 2, "first_year": 2023, **options}
    rules = declared.fetch.model_copy(
        update={"min_interval_seconds": 0, "attempts": 2, "options": changed}
    )
    return declared.model_copy(update={"fetch": rules, "min_entries": 0, "guard": NO_LIMITS})


def settings(replay: Replay, *, enabled: bool = True) -> Config:
    """An installation that fetches from the replay server."""
    return Config.model_validate(
        {
            "fetch": {"allow_loopback": True},
            "sources": {SOURCE: {"base_url": replay.url("/"), "enabled": enabled}},
        }
    )


def everything_below(folders: Folders) -> bytes:
    """All bytes of a data folder."""
    return b"".join(path.read_bytes() for path in folders.data.rglob("*") if path.is_file())
