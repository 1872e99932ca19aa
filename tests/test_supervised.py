from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from assistant.web.supervised import notify, supervised


async def served(seconds: float) -> None:
    async with supervised():
        await asyncio.sleep(seconds)


def test_systemd_is_told_of_the_start_of_life_and_of_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "40000")
        asyncio.run(served(0.1))
        told = [manager.recv(100).decode()]
        while told[-1] != "STOPPING=1":
            told.append(manager.recv(100).decode())
    assert told[0] == "READY=1"
    assert told[1:-1].count("WATCHDOG=1") == len(told) - 2 >= 2


def test_without_systemd_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    asyncio.run(served(0))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")
