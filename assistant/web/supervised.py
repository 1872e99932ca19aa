"""Tells systemd that the pages are up and go on answering (sd_notify(3)); without systemd nothing happens."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


def notify(state: str) -> None:
    """Send a state to whoever started this process with NOTIFY_SOCKET; nobody listening is no error."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.setblocking(False)  # people must not wait for one who does not listen
        out.connect("\0" + address[1:] if address.startswith("@") else address)
        out.send(state.encode())


@asynccontextmanager
async def supervised() -> AsyncIterator[None]:
    """While the pages are served: a sign of life in half the time that systemd waits for one.

    It comes from the loop that answers people, so that one that hangs is started anew.
    """
    notify("READY=1")
    wanted = float(os.environ.get("WATCHDOG_USEC") or 0) / 2e6
    beats = asyncio.create_task(_beat(wanted)) if wanted else None
    try:
        yield
    finally:
        if beats is not None:
            beats.cancel()
        notify("STOPPING=1")


async def _beat(seconds: float) -> None:
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(seconds)
