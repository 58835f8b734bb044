"""How long the server waits for a request to come: whoever sends a letter a minute is not waited for.

Uvicorn ends a connection that says nothing after an answer, but not one whose first request never comes
to its end, and so a few hundred of these would leave no room for readers.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_SECONDS: Final = 15


class Patient(H11Protocol):
    """A connection that is ended when a request has not come in full after ``HEAD_SECONDS``."""

    _waits: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as it is declared there
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what comes; wait for the rest of a request."""
        super().data_received(data)
        if self._is_answering():
            self._stop_waiting()
        elif self._waits is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._waits = self.loop.call_later(HEAD_SECONDS, self._end)

    def _stop_waiting(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _end(self) -> None:
        """Hang up, unless a request came after all, or the connection became a WebSocket."""
        self._waits = None
        if self.transport.get_protocol() is self and not self._is_answering():
            self.transport.close()
