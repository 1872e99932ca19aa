"""The pages in a process of their own, for benches and tests; it ends when whoever started it has ended.

Its standard input is a socket to the other side. When that is closed, the other side was killed, say, the
server ends itself; what comes over it are names of classes, of which it tells how many objects it holds.
"""

from __future__ import annotations

import gc
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from assistant.config import CHECKOUT, Settings
from assistant.errors import EvaluationError
from assistant.models.worker import memory_of

_PATIENCE = 180.0  # seconds for a server to come up, or to answer, on a machine that is busy
_MODEL = "assistant.models.worker"
_ADDRESS = re.compile(r"https?://127\.0\.0\.1:(\d+)")
_MOST = 65_536  # bytes of a message


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server's process takes."""

    rss_mb: int
    threads: int
    files: int


class Server:
    """The pages in a process of their own, without the settings of this one's environment."""

    def __init__(
        self,
        environment: Mapping[str, object],
        log: Path,
        *,
        port: int = 0,
        before: str = "",
        wrapped: str = "",
    ) -> None:
        """`before` is Python that runs first, `wrapped` a library that is loaded first; port 0 is any."""
        self.port = port
        self.log = log
        told = ["serve", "--port", str(port), "--host", "127.0.0.1"]
        code = (
            f"{before}\nfrom assistant.evaluation.server import listen\nlisten()\n"
            f"from assistant.__main__ import main\nmain({told!r})"
        )
        kept = {name: text for name, text in os.environ.items() if not name.startswith("ASSISTANT_")}
        more = {"PYTHONPATH": str(CHECKOUT)} | ({"LD_PRELOAD": wrapped} if wrapped else {})
        self._line, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its, log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdout=out,
                stderr=out,
                stdin=its.fileno(),
                env=kept | {name: str(value) for name, value in environment.items()} | more,
            )

    @property
    def address(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    def told(self) -> str:
        """Its log."""
        return self.log.read_text("utf-8", "replace")

    def get(self, path: str) -> bytes:
        """What a page holds. Raises OSError or HTTPException."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read()

    def wait_until_up(self) -> None:
        """Until the guides are loaded. Raises EvaluationError when it does not come up."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            if found := _ADDRESS.search(self.told()):
                self.port = int(found[1])
                with suppress(OSError, http.client.HTTPException):
                    if json.loads(self.get("/suc-khoe"))["state"] != "starting":
                        return
            time.sleep(0.05)
        raise EvaluationError(f"the pages do not come up: {self.told()[-500:]}")

    def children(self) -> list[int]:
        """The processes that it has started."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(child) for task in tasks for child in task.read_text("ascii").split()]

    def child_of_model(self) -> int | None:
        """The process of its model, when there is one."""
        for child in self.children():
            with suppress(OSError):
                if _MODEL in Path(f"/proc/{child}/cmdline").read_text("utf-8", "replace"):
                    return child
        return None

    def usage(self) -> Usage:
        """What it takes now, without what it has started."""
        proc = Path(f"/proc/{self.process.pid}")
        threads, files = (sum(1 for _ in (proc / name).iterdir()) for name in ("task", "fd"))
        return Usage(memory_of(self.process.pid)[0] >> 20, threads, files)

    def objects(self, names: Sequence[str]) -> dict[str, int]:
        """How many objects it holds of each of these classes. Raises EvaluationError when it has ended."""
        try:
            self._line.send(json.dumps(names).encode())
            counts: dict[str, int] = json.loads(self._line.recv(_MOST))
        except (OSError, ValueError) as error:
            raise EvaluationError(f"the server has ended: {self.told()[-500:]}") from error
        return counts

    def stop(self, how: int = signal.SIGTERM, seconds: float = 20) -> tuple[int, float]:
        """Send a signal: the exit code, and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(how)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._line.close()
        return code, time.monotonic() - began


@contextmanager
def served(server: Server) -> Iterator[Server]:
    """A server that is up, until the end."""
    try:
        server.wait_until_up()
        yield server
    finally:
        server.stop()


@contextmanager
def over_a_copy(settings: Settings, environment: Mapping[str, object]) -> Iterator[Server]:
    """A server over a copy of what was built: nothing of this machine's own is written to."""
    with TemporaryDirectory(prefix="assistant-server-") as folder:
        data = Path(folder)
        for name in ("index", "documents"):
            if (settings.data / name).is_dir():
                shutil.copytree(settings.data / name, data / name)
        places = {"ASSISTANT_HOME": settings.home.resolve(), "ASSISTANT_DATA": data}
        with served(Server(places | dict(environment), data / "log")) as server:
            yield server


# The server's side


def listen() -> None:
    """Answer the other side, until it has gone: then end."""
    threading.Thread(target=_answer, daemon=True).start()


def _answer() -> None:
    with suppress(OSError):  # the other side was killed before it took the last answer
        while asked := os.read(0, _MOST):
            gc.collect()
            kinds = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
            os.write(0, json.dumps({name: kinds[name] for name in json.loads(asked)}).encode())
    os.kill(os.getpid(), signal.SIGTERM)
