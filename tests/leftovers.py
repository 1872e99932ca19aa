"""A person who tells the pages a made-up name and numbers, and what is left of that when they have gone.

Run as `leftovers.py visit ADDRESS` by test_privacy.py: a process of its own, so that nothing it knows is in
that of the test. `leftovers.py count` serves the pages, has ten people visit them, and counts what is left in
the server's files and memory, raw copies in freed memory among it.
"""

from __future__ import annotations

import gc
import json
import os
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
from assistant.evaluation.server import Server, served
from assistant.web.password import hashed

_BACKWARDS = ("niruhkrayz bujivok", "543290581970", "836047")  # so that nothing here holds what is looked for
PASSWORD = "one for the tests only"
PASSWORD_HASH = hashed(PASSWORD, cost=2**10)


def planted() -> tuple[str, str, str]:
    """A name, an ID number and a code that stand nowhere else."""
    name, number, code = (text[::-1] for text in _BACKWARDS)
    return name, number, code


# The person


def visit(address: str) -> None:
    """Tell every page, the maintainers' from before its login on; leave when told to on stdin."""
    name, number, code = planted()
    said = f"tôi là {name}, căn cước {number}, mã OTP là {code}, quên mật khẩu VNeID thì làm sao"
    with httpx.Client(base_url=address, timeout=60) as client:
        for word, came in ((said, 401), (PASSWORD, 303)):
            assert client.post("/quan-tri", data={"password": word}).status_code == came
        sessions = [_Session(client, path) for path in ("", "/tra-cuu", "/lop-hoc", "/tap", "/quan-tri")]
        kiosk, desk, lesson, practice, office = sessions
        answer = kiosk.tell("box", "submit", [said])
        assert name.split()[0] in answer, "the kiosk shows what was asked"
        kiosk.tell("box", "submit", [f"{name} hỏi lệ phí bao nhiêu"])
        desk.tell("finder", "find", [], {"text": f"{name} {number}", "seq": 1})
        lesson.tell("request", "change", [f"Viết thư cho ông {name}, căn cước {number}"])
        practice.tell("", "load", [], query={"bai": f"{name} {number}"})
        practice.tell("code", "submit", [f"{name} {code}"])
        office.tell("go-contacts", "click", [])
        office.tell("contact-save", "click", ["", name, f"gọi {number}", "phone", code, said])  # no phone
        office.tell("forget", "click", [name])
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
        with self.client.stream("GET", f"{self.path}/gradio_api/heartbeat/{self.hash}") as stream:
            lines = stream.iter_lines()  # kept: without it the connection is closed
            next(lines)
            self._open.set()
            self._leaving.wait(60)

    def tell(
        self,
        element: str,
        event: str,
        data: Sequence[str],
        told: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> str:
        """Do something at a component, or at the page itself; everything that comes of it."""
        named = {c["props"].get("elem_id"): c["id"] for c in self.config["components"]}
        id_ = named[element] if element else None
        does = next(
            does
            for does in self.config["dependencies"]
            for target, on in does["targets"]
            if on == event and id_ in (None, target)
        )
        body = {
            "data": data,
            "event_data": told,
            "fn_index": does["id"],
            "trigger_id": id_,
            "session_hash": self.hash,
        }
        joined = self.client.post(f"{self.path}/gradio_api/queue/join", json=body, params=query)
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
    program, env = [sys.executable, __file__, "visit", address], os.environ | {"PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(
        program, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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


def serving(home: Path, index: Path, folder: Path) -> Server:
    """The program itself on a free port, with everything it writes in a folder."""
    places = {name: folder / name for name in ("data", "home", "tmp")}
    for place in places.values():
        place.mkdir(parents=True)
    (places["data"] / "index").symlink_to(index)
    environment = {
        "ASSISTANT_HOME": home,
        "ASSISTANT_DATA": places["data"],
        "ASSISTANT_ADMIN_PASSWORD_HASH": PASSWORD_HASH,
        "HOME": places["home"],
        "TMPDIR": places["tmp"],
        "GRADIO_TEMP_DIR": places["tmp"] / "gradio",
    }
    return Server(environment, folder / "log")


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
        with served(serving(settings.home, settings.data / "index", Path(folder) / "s")) as server:
            with visiting(server.address):
                during = in_memory(server.process.pid)
            for _ in range(9):
                with visiting(server.address):
                    pass
            until_nobody_is_there(server.address)
            after = in_memory(server.process.pid)
        told = {"during": during, "after": after, "files": len(in_files(Path(folder)))}
    _say(json.dumps(told))


if __name__ == "__main__":
    visit(sys.argv[2]) if sys.argv[1] == "visit" else count()
