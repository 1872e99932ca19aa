"""Tells systemd that the pages are up and go on answering (sd_notify(3)); without systemd nothing happens."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_TRIES = 4  # in the time that systemd waits for a sign of life: one slow answer is no reason to end


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
async def supervised(answers: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
    """While the pages are served: a sign of life whenever they have answered a real request.

    A process whose loop or whose threads hang gives none, and is started anew.
    """
    notify("READY=1")
    wanted = float(os.environ.get("WATCHDOG_USEC") or 0) / 1e6 / _TRIES
    beats = asyncio.create_task(_beat(wanted, answers)) if wanted else None
    try:
        yield
    finally:
        if beats is not None:
            beats.cancel()
        notify("STOPPING=1")


async def _beat(seconds: float, answers: Callable[[], Awaitable[bool]]) -> None:
    while True:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                if await answers():
                    notify("WATCHDOG=1")
        await asyncio.sleep(seconds)


async def is_answered(host: str, port: int, *, https: bool, path: str = "/suc-khoe") -> bool:
    """Whether the server at this address answers as a browser would be answered. Raises OSError."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if https else None
    if trust is not None:  # it is this very process, whatever its certificate says
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    nearest = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    reader, writer = await asyncio.open_connection(nearest, port, ssl=trust)
    try:
        named = f"[{nearest}]" if ":" in nearest else nearest
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {named}:{port}\r\nConnection: close\r\n\r\n".encode())
        return (await reader.readline()).split()[1:2] == [b"200"]
    finally:
        writer.close()
