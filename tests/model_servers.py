"""Servers of models on 127.0.0.1: the real llama_cpp.server, and one that behaves as badly as it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

KEY = "sk-bi-mat-8f3a"


@dataclass
class RealServer:
    """A llama_cpp.server and how to reach it."""

    process: subprocess.Popen[bytes]
    url: str

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def real_server(weights: Path, log: Path, key: str = KEY) -> Iterator[RealServer]:
    """llama_cpp.server over the weights, answering when this returns."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as free:
        port = free.server_port
    options = {"model": weights, "host": "127.0.0.1", "port": port, "n_ctx": 2048, "n_threads": 1}
    options |= {"api_key": key, "verbose": False, "interrupt_requests": False}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "llama_cpp.server", *arguments],
            stdout=output,
            stderr=output,
            env={name: value for name, value in os.environ.items() if name not in ("MODEL", "HOST", "PORT")},
        )
    server = RealServer(process, f"http://127.0.0.1:{port}/v1")
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{server.url}/models", timeout=5).close()
            except urllib.error.HTTPError:  # asks for the key: it is there
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        yield server
    finally:
        server.kill()


def chunk(text: str | None = None, finish: str | None = None) -> bytes:
    """A piece of a stream as OpenAI's servers send it."""
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "1", "choices": [choice]}).encode() + b"\n\n"


def answer(*texts: str) -> bytes:
    """A whole stream."""
    return b"".join(map(chunk, texts)) + chunk(finish="stop") + b"data: [DONE]\n\n"


@dataclass
class Server:
    """What it says to a question, and what it was asked. `status` of the health check is 200."""

    url: str
    body: bytes = field(default_factory=lambda: answer("Một ", "hai. "))
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pauses: Sequence[bytes] = ()  # sent after the body, each when `go` is set anew
    silent: bool = False  # takes the question and says nothing
    cut: bool = False  # the connection breaks after the body
    health: int = 200
    go: Event = field(default_factory=Event)
    closing: Event = field(default_factory=Event)
    asked: list[tuple[str, Message, Any]] = field(default_factory=list)

    @property
    def questions(self) -> list[Any]:
        return [body for path, _, body in self.asked if path.endswith("/chat/completions")]


def _answering(server: Callable[[], Server]) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server().asked.append((self.path, self.headers, None))
            self.send_response(server().health)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_POST(self) -> None:
            mine = server()
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            mine.asked.append((self.path, self.headers, question))
            if mine.silent:
                mine.closing.wait(20)
                return
            self.send_response(mine.status)
            for name, value in ({"Content-Type": "text/event-stream"} | mine.headers).items():
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._send(mine.body)
            for more in mine.pauses:
                mine.go.wait(20)
                mine.go.clear()
                self._send(more)
            if not mine.cut:
                self._send(b"")
            self.close_connection = True

        def _send(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Answering


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked went away: that is what many tests are about."""


@contextmanager
def bad_server(port: int = 0) -> Iterator[Server]:
    """A server of a model that does what its fields say."""
    with _Quiet(("127.0.0.1", port), _answering(lambda: server)) as listening:
        server = Server(f"http://127.0.0.1:{listening.server_port}/v1")
        Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.closing.set()
        server.go.set()
        listening.shutdown()
