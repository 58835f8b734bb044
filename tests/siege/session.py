"""A reader's session without a browser: the websocket of Streamlit's pages, in its own messages.

What a browser sends is sent here (:mod:`streamlit.proto`): that a page is wanted, with its address. What
comes back is counted until the script has finished; an exception on the page is an error here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

# Of a script that was stopped for a newer question another end follows.
ENDS: Final = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR}
MOST_BYTES: Final = 200_000_000


class PageError(Exception):
    """A page ended in an exception, or did not end."""


@dataclass
class Seen:
    """One page: how long until its script had finished, what came, and the hash of messages that may be kept."""

    seconds: float
    messages: int = 0
    bytes: int = 0
    errors: list[str] = field(default_factory=list)
    texts: str = ""


class Session:
    """One open page of a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def open(self, page: str, query: str = "") -> Seen:
        """Ask for a page, such as ``country``, and take all that comes until its script has finished.

        Raises:
            PageError: it ended in an exception, or the connection was closed.
        """
        began = perf_counter()
        asked = BackMsg()
        asked.rerun_script.page_name = page
        asked.rerun_script.query_string = query
        asked.rerun_script.context_info.timezone = "UTC"
        asked.rerun_script.context_info.locale = "en-GB"
        asked.rerun_script.context_info.url = f"http://localhost/{page}?{query}"
        await self.socket.send(asked.SerializeToString())
        seen = Seen(0.0)
        texts: list[str] = []
        async for message in self.socket:
            if isinstance(message, str):
                raise PageError(f"text instead of a message: {message[:80]!r}")
            came = ForwardMsg.FromString(message)
            seen.messages += 1
            seen.bytes += len(message)
            kind = came.WhichOneof("type")
            if kind == "delta" and came.delta.WhichOneof("type") == "new_element":
                element = came.delta.new_element
                if element.WhichOneof("type") == "exception":
                    seen.errors.append(
                        f"{element.exception.type}: {element.exception.message[:200]}"
                    )
                elif element.WhichOneof("type") in {"markdown", "heading", "alert"}:
                    texts.append(
                        str(getattr(getattr(element, str(element.WhichOneof("type"))), "body", ""))
                    )
            elif kind == "script_finished" and came.script_finished in ENDS:
                break
        else:
            raise PageError(f"the connection ended before the page {page!r} did")
        seen.seconds = perf_counter() - began
        seen.texts = "\n".join(texts)
        if seen.errors:
            raise PageError(f"/{page}?{query}: {seen.errors[0]}")
        return seen


@asynccontextmanager
async def session(site: str, **options: Any) -> AsyncIterator[Session]:
    """A session with the pages at ``site``; ``options`` go to the websocket."""
    parts = urlsplit(site)
    scheme = "wss" if parts.scheme == "https" else "ws"
    address = f"{scheme}://{parts.netloc}/_stcore/stream"
    settings = {
        "subprotocols": ["streamlit", "PLACEHOLDER_AUTH_TOKEN"], "origin": f"{parts.scheme}://{parts.netloc}",
        "max_size": MOST_BYTES, "open_timeout": 60, "ping_interval": None, "compression": "deflate", **options,
    }  # fmt: skip
    async with connect(address, **settings) as socket:
        yield Session(socket)
