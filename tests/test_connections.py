from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from conftest import served
from fastapi import FastAPI

from assistant.web import connections
from assistant.web.connections import Connection


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = FastAPI()
    app.get("/")(lambda: "ok")
    with served(app) as address:
        yield urlsplit(address).port or 0


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_WITHIN", 0.3)


def said(connection: socket.socket) -> bytes:
    """All until the other side closes; that it was reset says as much."""
    heard = b""
    try:
        while more := connection.recv(4096):
            heard += more
    except ConnectionResetError:
        pass
    return heard


def answered(connection: socket.socket) -> bool:
    """Whether it says what there is to say."""
    heard = b""
    while not heard.endswith(b'"ok"') and (more := connection.recv(4096)):
        heard += more
    return heard.startswith(b"HTTP/1.1 200 ")


def dialled(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5)


WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX-Y: "])
def test_who_does_not_say_what_he_wants_is_not_waited_for(port: int, begun: bytes) -> None:
    with dialled(port) as connection:
        connection.sendall(begun)
        assert said(connection) == b""


def test_who_says_it_letter_by_letter_neither(port: int) -> None:
    sent = 0
    with dialled(port) as connection, suppress(OSError):
        for letter in b"GET / HTTP/1.1\r\nX: " + b"y" * 100:
            connection.sendall(bytes([letter]))
            sent += 1
            time.sleep(0.02)
    assert sent < 50


def test_nor_who_goes_on_so_after_an_answer(port: int) -> None:
    with dialled(port) as connection:
        connection.sendall(WHOLE)
        assert answered(connection)
        connection.sendall(b"GET /")
        heard = said(connection)
        assert heard.count(b"HTTP/1.1") == 0


def test_one_who_asks_is_answered_however_long_he_stays(port: int) -> None:
    with dialled(port) as connection:
        for _ in range(3):
            connection.sendall(WHOLE)
            assert answered(connection)
            time.sleep(0.2)


def test_there_are_not_too_many(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_WITHIN", 5)
    monkeypatch.setattr(connections, "MOST", 3)
    waiting = [dialled(port) for _ in range(3)]
    time.sleep(0.2)
    with dialled(port) as connection:
        assert said(connection) == b""
    for each in waiting:
        each.close()
    time.sleep(0.2)
    with dialled(port) as connection:
        connection.sendall(WHOLE)
        assert answered(connection)


def test_a_device_of_the_network_gets_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    class One:
        client = ("192.168.1.7", 1)

    me = Connection.__new__(Connection)
    me.client = ("192.168.1.7", 2)
    others = [One(), One()]
    assert me._from_one(others) == 2  # type: ignore[arg-type]
    me.client = ("127.0.0.1", 2)
    assert me._from_one(others) == 0  # type: ignore[arg-type]


def test_a_head_that_is_too_long_is_refused(port: int) -> None:
    with dialled(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
