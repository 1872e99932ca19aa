from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import served as served_app
from fastapi import FastAPI

from assistant.web.supervised import is_answered, notify, supervised


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What systemd would hear with; a sign of life is wanted every 400 ms."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        yield heard


async def alive() -> bool:
    return True


def told(manager: socket.socket) -> list[str]:
    """Everything until the end."""
    found = [manager.recv(100).decode()]
    while found[-1] != "STOPPING=1":
        found.append(manager.recv(100).decode())
    return found


async def served(seconds: float) -> None:
    async with supervised(alive):
        await asyncio.sleep(seconds)


def test_systemd_is_told_of_the_start_of_life_and_of_the_end(manager: socket.socket) -> None:
    asyncio.run(served(0.25))
    start, *beats, _ = told(manager)
    assert start == "READY=1"
    assert beats.count("WATCHDOG=1") == len(beats) >= 2


def test_pages_that_do_not_answer_give_no_sign_of_life(manager: socket.socket) -> None:
    """The loop goes on and accepts, but the threads that answer people all hang."""
    app, go_on = FastAPI(), threading.Event()
    app.get("/suc-khoe")(lambda: go_on.wait(10))

    async def watched(port: int) -> None:
        async with supervised(lambda: is_answered("127.0.0.1", port, https=False)):
            await asyncio.sleep(0.35)

    with served_app(app) as address:
        port = int(address.rpartition(":")[2])
        asyncio.run(watched(port))
        assert told(manager) == ["READY=1", "STOPPING=1"]
        go_on.set()
        asyncio.run(watched(port))
        assert "WATCHDOG=1" in told(manager)


def test_a_refusal_or_nobody_is_no_answer() -> None:
    with served_app(FastAPI(openapi_url=None)) as address:
        port = int(address.rpartition(":")[2])
        assert not asyncio.run(is_answered("0.0.0.0", port, https=False))
    with pytest.raises(OSError, match=str(port)):
        asyncio.run(is_answered("127.0.0.1", port, https=False))


def test_without_systemd_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    asyncio.run(served(0))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")
