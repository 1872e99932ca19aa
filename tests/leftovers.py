"""A person who tells the pages a made-up name and numbers, and what is left of that when they have gone.

Run as `leftovers.py visit ADDRESS` by test_privacy.py: a process of its own, so that nothing it knows is in
that of the test. `leftovers.py count` serves the pages, has ten people visit them, and counts what is left in
the server's files and memory, raw copies in freed memory among it.
"""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from assistant.config import CHECKOUT

_BACKWARDS = ("niruhkrayz bujivok", "543290581970", "836047")  # so that nothing here holds what is looked for


def planted() -> tuple[str, str, str]:
    """A name, an ID number and a code that stand nowhere else."""
    name, number, code = (text[::-1] for text in _BACKWARDS)
    return name, number, code


# The person


def visit(address: str) -> None:
    """Ask at the kiosk, search at the volunteers' page, write in the class; leave when told to on stdin."""
    name, number, code = planted()
    said = f"tôi là {name}, căn cước {number}, mã OTP là {code}, quên mật khẩu VNeID thì làm sao"
    with httpx.Client(base_url=address, timeout=60) as client:
        sessions = [_Session(client, path) for path in ("", "/tra-cuu", "/lop-hoc")]
        kiosk, desk, lesson = sessions
        answer = kiosk.tell("box", "submit", [said])
        assert name.split()[0] in answer, "the kiosk shows what was asked"
        kiosk.tell("box", "submit", [f"{name} hỏi lệ phí bao nhiêu"])
        desk.tell("finder", "find", [], {"text": f"{name} {number}", "seq": 1})
        lesson.tell("request", "change", [f"Viết thư cho ông {name}, căn cước {number}"])
        _say("answered")
        sys.stdin.readline()
        for session in sessions:
            session.leave()
    _say("left")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class _Session:
    """One page that is open."""

    def __init__(self, client: httpx.Client, path: str) -> None:
        self.client, self.path = client, path
        self.hash = os.urandom(6).hex()
        self.config = client.get(f"{path}/config").raise_for_status().json()
        self._leaving = threading.Event()
        self._open = threading.Event()
        self._heart = threading.Thread(target=self._beat)
        self._heart.start()
        self._open.wait(10)

    def _beat(self) -> None:
        address = f"{self.client.base_url}{self.path}/gradio_api/heartbeat/{self.hash}".replace("//", "/")
        with httpx.stream("GET", address.replace(":/", "://"), timeout=60) as stream:
            lines = stream.iter_lines()  # kept: without it the connection is closed
            next(lines)
            self._open.set()
            self._leaving.wait(60)

    def tell(
        self, element: str, event: str, data: Sequence[str], told: Mapping[str, Any] | None = None
    ) -> str:
        """Do something at a component; everything that comes of it."""
        id_ = next(c["id"] for c in self.config["components"] if c["props"].get("elem_id") == element)
        does = next(d for d in self.config["dependencies"] if [id_, event] in d["targets"])
        body = {
            "data": data,
            "event_data": told,
            "fn_index": does["id"],
            "trigger_id": id_,
            "session_hash": self.hash,
        }
        joined = self.client.post(f"{self.path}/gradio_api/queue/join", json=body)
        joined.raise_for_status()
        lines = []
        path = f"{self.path}/gradio_api/queue/data"
        with self.client.stream("GET", path, params={"session_hash": self.hash}) as stream:
            for line in stream.iter_lines():
                lines.append(line)
                if '"process_completed"' in line:
                    assert '"success":true' in line, line
        return "\n".join(lines)

    def leave(self) -> None:
        """Close the tab."""
        self._leaving.set()
        self._heart.join(10)


@contextmanager
def visiting(address: str) -> Iterator[None]:
    """While a person is there; afterwards they have left."""
    program = [sys.executable, __file__, "visit", address]
    with subprocess.Popen(
        program, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as person:
        assert person.stdin is not None
        assert person.stdout is not None
        assert person.stdout.readline() == "answered\n"
        yield
        person.stdin.write("\n")
        person.stdin.flush()
        assert person.stdout.readline() == "left\n"


# What is left of it


def holders() -> list[str]:
    """The live objects of this process that hold what was planted: their types, and what they hold of it."""
    needles = planted()
    raw = [text.encode() for text in needles]
    found: list[str] = []
    gc.collect()
    for tracked in gc.get_objects():
        waiting = [tracked]
        while waiting:
            for held in gc.get_referents(waiting.pop()):
                if isinstance(held, str):
                    if held not in needles and any(text in held for text in needles):
                        found.append(f"{type(tracked)}: {_hidden(held)}")
                elif isinstance(held, (bytes, bytearray)):
                    if held not in raw and any(text in held for text in raw):
                        found.append(f"{type(tracked)}: {_hidden(held.decode(errors='replace'))}")
                elif isinstance(held, (tuple, dict)) and not gc.is_tracked(held):
                    waiting.append(held)  # a container of mere values
    return found


def _hidden(text: str) -> str:
    """Without what was planted: the next look would find it here."""
    for planted_text in planted():
        text = text.replace(planted_text, "▮")
    return text[:200]


def in_files(*folders: Path) -> list[str]:
    """The files that hold what was planted, in their name or in what they hold."""
    needles = [form for text in planted() for form in (text.encode(), text.encode("utf-16-le"))]
    found = []
    for path in (path for folder in folders for path in folder.rglob("*")):
        held = os.fsencode(path) + (path.read_bytes() if path.is_file() else b"")
        if any(needle in held for needle in needles):
            found.append(str(path))
    return found


def in_memory(pid: int) -> dict[str, int]:
    """How many raw copies of each the memory of a process holds, in use or freed."""
    counts = dict.fromkeys(("name", "number", "code"), 0)
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="ascii").splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in area.split("-"))
            try:
                memory.seek(start)
                held = memory.read(end - start)
            except (OSError, ValueError, OverflowError):  # of the kernel, or gone meanwhile
                continue
            for kind, text in zip(counts, planted(), strict=True):
                counts[kind] += held.count(text.encode()) + held.count(text.encode("utf-16-le"))
    return counts


@contextmanager
def serving(home: Path, index: Path, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The program itself on a free port, with everything it writes in a folder, until the end."""
    places = {name: folder / name for name in ("data", "home", "tmp")}
    for place in places.values():
        place.mkdir(parents=True)
    (places["data"] / "index").symlink_to(index)
    environment = {name: text for name, text in os.environ.items() if not name.startswith("ASSISTANT_")}
    environment |= {
        "ASSISTANT_HOME": str(home),
        "ASSISTANT_DATA": str(places["data"]),
        "ASSISTANT_PORT": "0",
        "HOME": str(places["home"]),
        "TMPDIR": str(places["tmp"]),
        "GRADIO_TEMP_DIR": str(places["tmp"] / "gradio"),
    }
    log = folder / "log"
    program = [sys.executable, "-m", "assistant", "serve"]
    with (
        log.open("wb") as out,
        subprocess.Popen(program, cwd=CHECKOUT, env=environment, stdout=out, stderr=out) as server,
    ):
        try:
            found = None
            while found is None:
                assert server.poll() is None, log.read_text(encoding="utf-8")
                found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text(encoding="utf-8"))
                time.sleep(0.05)
            yield found[0], server
        finally:
            server.terminate()


def until_nobody_is_there(address: str, seconds: float = 20) -> None:
    """Wait until the server has noticed that everybody has left."""
    until = time.monotonic() + seconds
    while httpx.get(f"{address}/suc-khoe").json()["visits"] and time.monotonic() < until:
        time.sleep(0.05)


def count() -> None:
    """Print how much is left of ten visits."""
    from assistant.config import load_settings

    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        with serving(settings.home, settings.data / "index", Path(folder) / "s") as (address, server):
            with visiting(address):
                during = in_memory(server.pid)
            for _ in range(9):
                with visiting(address):
                    pass
            until_nobody_is_there(address)
            after = in_memory(server.pid)
        told = {"during": during, "after": after, "files": len(in_files(Path(folder)))}
    _say(json.dumps(told))


if __name__ == "__main__":
    visit(sys.argv[2]) if sys.argv[1] == "visit" else count()
