"""Connections that say in time what they want, and are not too many; uvicorn alone waits for ever."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 512  # at once; a browser keeps two or three open, and a process has 1,024 files
MOST_OF_ONE = 64  # from one address of the network; this machine itself may take all
REQUEST_WITHIN = 10  # seconds from the first byte, or from connecting, until the request has begun
LARGEST_HEAD = 16_384  # bytes of a request before its body


class Connection(H11Protocol):
    """One connection; closed without a word if there are too many or nothing is asked."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(transport)
        others = [each for each in self.connections if isinstance(each, Connection) and each is not self]
        if len(others) >= MOST or self._from_one(others) >= MOST_OF_ONE:
            transport.abort()
            return
        self._expect()

    def _from_one(self, others: list[Connection]) -> int:
        """How many of the others are of the same device of the network."""
        if self.client is None or ip_address(self.client[0]).is_loopback:
            return 0
        return sum(each.client is not None and each.client[0] == self.client[0] for each in others)

    def data_received(self, data: bytes) -> None:
        """Go on waiting until all is said."""
        super().data_received(data)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._expect_no_more()

    def _expect(self) -> None:
        """Wait so long for the request, if none is being answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._expect_no_more()
        elif self._late is None:
            self._late = self.loop.call_later(REQUEST_WITHIN, self.transport.abort)

    def _expect_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
