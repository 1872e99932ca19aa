"""A person at the kiosk's page without a browser: asks over HTTP and reads what the page would show."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from assistant.config import CHECKOUT
from assistant.errors import EvaluationError

_PATIENCE = 180.0  # seconds for a server to come up, or to answer, on a machine that is busy
_MODEL = "assistant.models.worker"


def free_port() -> int:
    """A port on which nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
        return port


class Server:
    """The pages in a process of their own."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, *, port: int, before: str = "", wrapped: str = ""
    ) -> None:
        """`before` is Python that runs first, `wrapped` a library that is loaded first."""
        self.port = port
        self.log = log
        told = ["serve", "--port", str(port), "--host", "127.0.0.1"]
        code = f"import sys\n{before}\nfrom assistant.__main__ import main\nmain({told!r})"
        more = {"PYTHONPATH": str(CHECKOUT)} | ({"LD_PRELOAD": wrapped} if wrapped else {})
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                env=os.environ | dict(environment) | more,
            )

    @property
    def address(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    def wait_until_up(self) -> None:
        """Raises EvaluationError when it does not come up."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{self.address}/suc-khoe", timeout=5):
                return
            time.sleep(0.05)
        raise EvaluationError(f"the pages do not come up: {self.log.read_text('utf-8', 'replace')[-500:]}")

    def child_of_model(self) -> int | None:
        """The process of its model, when there is one."""
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) == self.process.pid and _MODEL in (folder / "cmdline").read_text():
                    return int(folder.name)
        return None

    def stop(self, how: int = signal.SIGTERM, seconds: float = 20) -> tuple[int, float]:
        """Send a signal: the exit code, and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(how)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return code, time.monotonic() - began


@contextmanager
def served(server: Server) -> Iterator[Server]:
    """A server that is up, until the end."""
    try:
        server.wait_until_up()
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


class Visitor:
    """One person, with one connection that stays open for asking."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session = f"visitor{time.monotonic_ns()}"
        self._asking = self._connection()
        config = self._get("/config")
        box = _component(config, "box")
        send = _component(config, "send")
        self._number = next(
            number
            for number, dependency in enumerate(config["dependencies"])
            if dependency["inputs"] == [box] and [send, "click"] in dependency["targets"]
        )

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=_PATIENCE)

    def _get(self, path: str) -> Any:  # noqa: ANN401 (JSON)
        self._asking.request("GET", path)
        return json.loads(self._asking.getresponse().read())

    def ask(self, question: str) -> Iterator[str]:
        """What the page is told, piece by piece, as JSON: the first one that brings something is the card.

        Ends with the answer, or with the server.
        """
        body = {
            "data": [question],
            "event_data": None,
            "fn_index": self._number,
            "trigger_id": None,
            "session_hash": self._session,
        }
        asked = json.dumps(body)
        self._asking.request("POST", "/gradio_api/queue/join", asked, {"Content-Type": "application/json"})
        self._asking.getresponse().read()
        # The same connection: a server that has no handles left can still answer on it.
        self._asking.request("GET", f"/gradio_api/queue/data?session_hash={self._session}")
        stream = self._asking.getresponse()
        for line in stream:
            if not line.startswith(b"data:"):
                continue
            told = json.loads(line[5:])
            if told["msg"] in ("process_generating", "process_completed") and told.get("output"):
                yield json.dumps(told["output"], ensure_ascii=False)
            if told["msg"] in ("process_completed", "close_stream"):
                self._asking.close()
                return

    def is_answered(self, question: str, document: str) -> bool:
        """Whether the answer shows the card of a guide, read to its end."""
        try:
            return any([document in piece for piece in self.ask(question)])
        except (OSError, http.client.HTTPException):
            self._asking.close()
            return False

    def close(self) -> None:
        """Leave."""
        self._asking.close()


def _component(config: Mapping[str, Any], name: str) -> int:
    return int(next(part["id"] for part in config["components"] if part["props"].get("elem_id") == name))
