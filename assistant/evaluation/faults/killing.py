"""Killed at every write: strace(1) sends SIGKILL at the n-th system call of a kind, for every n.

A first run, of which only the calls are listed, tells which of them change the folder; a process that is
killed at a call has not made it. Afterwards what is on the disk must be the old state or the new one, and the
same chore done again must bring the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from assistant.errors import AssistantError, EvaluationError
from assistant.evaluation.faults.chores import Chore, get_weights, keep_state, note, state, weights_of
from assistant.evaluation.faults.ground import Ground, Row, copied, serving, strays
from assistant.knowledge.facts import load_shared_facts
from assistant.knowledge.official import Side, add_official, keep_reading, read_officials, write_side
from assistant.knowledge.pages import Method, Page, Reading
from assistant.models.catalogue import is_complete, verify
from assistant.models.prefix import StateStore, times_asked

_CALLS = (
    "openat,write,pwrite64,writev,sendfile,copy_file_range,rename,renameat,renameat2,link,linkat,unlink,"
    "unlinkat,rmdir,mkdir,mkdirat,fsync,fdatasync,ftruncate,fallocate,utimensat"
)
_CALL = re.compile(r"^(?:(?P<thread>\d+)\s+)?(?P<name>\w+)\((?P<told>.*)")
_WRITES = ("O_WRONLY", "O_RDWR", "O_CREAT")
_FEW = 3  # kill points of each chore in a short run
AGAIN = 8  # of the kill points, every so many-th, after which the chore is done again

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Killing:
    """A chore that is killed: what it does to a folder, and what the folder then holds."""

    fault: str
    before: Path  # the folder as it was
    chore: Callable[[Path], Chore]
    held: Callable[[Path], str]  # "old" or "new"; anything else tells what is torn
    threads: bool = False  # whether more than one thread writes
    passed_over: str = ""  # calls that name it are those of another fault


@dataclass(slots=True)
class Found:
    """What a folder held after each strike."""

    held: Counter[str] = field(default_factory=Counter)
    left: int = 0  # the most files that a strike left over
    worst: float = 0.0  # seconds until all was new, at most

    def look(self, ground: Ground, killing: Killing, folder: Path, *, again: bool) -> None:
        """Take what a folder holds into account; what is torn, and `again` what is old, is done again."""
        found = held_by(killing, folder)
        self.held[found] += 1
        self.left = max(self.left, len(strays(folder)))
        if found != "new" and (again or found != "old"):
            ended = ground.nursery.run(killing.chore(folder))
            self.worst = max(self.worst, ended.seconds)
            if ended.status or (now := held_by(killing, folder)) != "new":
                self.held[f"done again: {ended.last_words or now}"] += 1

    def row(self, fault: str) -> Row:
        """Nothing may be torn, and something must have been struck."""
        torn = [what for what in self.held if what not in ("old", "new", "not hit")]
        seen = f"the old state {self.held['old']} times, the new one {self.held['new']} times"
        on_disk = f"{self.left} hidden files at most, never read" if self.left else "nothing"
        runs = self.held.total() - self.held["not hit"]
        well = not torn and runs > 0
        return Row(fault, runs, "; ".join([seen, *torn]), on_disk, round(self.worst, 1), well)


def rows(ground: Ground, progress: Progress) -> Iterator[Row]:
    """Every chore, killed at every write."""
    if shutil.which("strace") is None:
        yield Row("killed at every write", 0, "strace is not installed", "", None, None)
        return
    with hub() as address:
        for killing in killings(ground, address):
            yield _swept(ground, killing, progress)


def _swept(ground: Ground, killing: Killing, progress: Progress) -> Row:
    folder = ground.folder / "run"
    points = points_of(ground, killing, folder)
    if ground.short:
        points = points[:: max(1, len(points) // _FEW)]
    found = Found()
    for number, (name, count) in enumerate(points):
        progress(f"{killing.fault}: {name} {count} ({number + 1} of {len(points)})")
        copied(killing.before, folder)
        if killed_at(ground, killing.chore(folder), name, count, threads=killing.threads) == -signal.SIGKILL:
            found.look(ground, killing, folder, again=number % AGAIN == 0)
        else:
            found.held["not hit"] += 1
    return found.row(f"killed: {killing.fault}")


def held_by(killing: Killing, folder: Path) -> str:
    """What a folder holds: "old", "new", or what is torn."""
    try:
        return killing.held(folder)
    except (AssistantError, OSError, ValueError, sqlite3.Error) as error:
        return f"torn: {type(error).__name__}: {error}"


def points_of(ground: Ground, killing: Killing, folder: Path) -> list[tuple[str, int]]:
    """The calls that change the folder: their names, and which of their name they are."""
    copied(killing.before, folder)
    log = ground.folder / "calls"
    pid = ground.nursery.start(killing.chore(folder), stopped=True)
    with _traced(pid, ["-y", "-o", str(log), "-e", f"trace={_CALLS}"], threads=killing.threads):
        ended = ground.nursery.wait(pid)
    if ended.status:
        raise EvaluationError(f"{killing.fault} fails without a fault, too: {ended.errors}")
    if held_by(killing, folder) != "new":
        raise EvaluationError(f"{killing.fault} does not what it should: {held_by(killing, folder)}")
    counts: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, int], None] = {}
    for line in log.read_text("utf-8", "replace").splitlines():
        if not (call := _CALL.match(line)):
            continue
        name, told = call["name"], call["told"]
        counts[call["thread"] or "", name] += 1
        changes = name != "openat" or any(flag in told for flag in _WRITES)
        named = str(folder) in told and not (killing.passed_over and killing.passed_over in told)
        if changes and named:
            found[name, counts[call["thread"] or "", name]] = None
    return list(found)


def killed_at(ground: Ground, chore: Chore, name: str, count: int, *, threads: bool) -> int:
    """The status of a chore that is killed at the call of that name and number."""
    pid = ground.nursery.start(chore, stopped=True)
    inject = ["-o", os.devnull, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={count}"]
    with _traced(pid, inject, threads=threads):
        return ground.nursery.wait(pid).status


@contextmanager
def _traced(pid: int, options: Sequence[str], *, threads: bool) -> Iterator[None]:
    """Let a stopped process go on, traced from its first step."""
    command = ["strace", *(["-f"] if threads else []), *options, "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    attached = tracer.stderr.readline()  # "strace: Process 1 attached"
    if "attached" not in attached:
        os.kill(pid, signal.SIGKILL)
        raise EvaluationError(f"strace cannot trace a process: {attached}{tracer.stderr.read()}")
    os.kill(pid, signal.SIGCONT)
    try:
        yield
    finally:
        tracer.stderr.close()
        tracer.wait(10)


# The chores


def killings(ground: Ground, hub: str) -> Iterator[Killing]:
    """The chores, where the files of models come from the hub of this address."""
    for make in (_build, _contact, _journal):
        yield make(ground)
    if not ground.short:
        yield from (make(ground) for make in (_add, _approve, _notice, _states, _asked))
    yield _pull(ground, hub)


def _build(ground: Ground) -> Killing:
    old = serving(ground.data)

    def held(folder: Path) -> str:
        return "old" if serving(folder) == old else "new"

    def chore(folder: Path) -> Chore:
        return ground.command(folder, "index", "build", home=ground.changed)

    return Killing("index build", ground.data, chore, held)


def _documents(folder: Path) -> dict[str, str]:
    """The title of each document that takes part, and what it says."""
    found = read_officials([folder / "local" / "official"], folder / "documents", read_new=False)
    if found.problems:
        return {str(problem): "" for problem in found.problems}
    return {file.side.title: "".join(page.text for page in file.reading.pages) for file in found.files}


def _add(ground: Ground) -> Killing:
    after = copied(ground.data, ground.folder / "after")
    side = Side("N", "A")
    add_official(
        ground.texts[1], side, after / "local" / "official", after / "documents", progress=lambda _: None
    )
    old, new = _documents(ground.data), _documents(after)

    def held(folder: Path) -> str:
        serving(folder)
        found = _documents(folder)
        return "old" if found == old else "new" if found == new else f"torn: {found}"

    def chore(folder: Path) -> Chore:
        named = ("--title", side.title, "--agency", side.agency)
        return ground.command(folder, "knowledge", "add", str(ground.texts[1]), *named)

    return Killing("knowledge add", ground.data, chore, held, passed_over="/index/")


def _approve(ground: Ground) -> Killing:
    before = copied(ground.data, ground.folder / "before-approval")
    scan = before / "local" / "official" / "ban-chup.txt"
    scan.write_text("a scan", "utf-8")
    write_side(scan, Side("S", "A"))
    page = Page(1, ground.texts[0].read_text("utf-8"), Method.OCR, 0.97)
    key = hashlib.sha256(scan.read_bytes()).hexdigest()
    keep_reading(before / "documents", key, Reading("x", (page,), None, 1.0))

    def held(folder: Path) -> str:
        serving(folder)
        found = read_officials([folder / "local" / "official"], folder / "documents", read_new=False)
        if found.problems:
            return f"torn: {found.problems}"
        return "old" if any(file.held for file in found.files) else "new"

    def chore(folder: Path) -> Chore:
        return ground.command(folder, "knowledge", "approve", "ban-chup", "--yes")

    return Killing("knowledge approve", before, chore, held, passed_over="/index/")


def _contact(ground: Ground) -> Killing:
    before = ground.folder / "before-contact"
    before.mkdir()
    (before / "contacts.toml").write_text(
        '[cong-an]\nname = "A"\nvalue = "0900 000 000"\nkind = "phone"\nsource = {title = "B"}\n', "utf-8"
    )

    def held(folder: Path) -> str:
        contacts = load_shared_facts(ground.home / "knowledge", folder).contacts
        if "cong-an" not in contacts:
            return "torn: the other contact is gone"
        return "new" if "muc" in contacts else "old"

    def chore(folder: Path) -> Chore:
        return Chore("change_contact", [str(folder / "contacts.toml"), "0911 111 111"])

    return Killing("contact saved", before, chore, held)


def _notice(ground: Ground) -> Killing:
    before = ground.folder / "before-notice"
    before.mkdir()
    (before / "notice.txt").write_text("old", "utf-8")

    def held(folder: Path) -> str:
        return (folder / "notice.txt").read_text("utf-8")

    def chore(folder: Path) -> Chore:
        return Chore("switch_off", [str(folder / "notice.txt"), "new"])

    return Killing("notice saved", before, chore, held)


_STATE, _KEY = 3_000_000, "ab" * 32


def _states(ground: Ground) -> Killing:
    before = ground.folder / "before-state"
    before.mkdir()

    def held(folder: Path) -> str:
        found = StateStore(folder, 1 << 40).find(_KEY)
        if found is None:
            return "old"
        return "new" if bytes(found) == bytes(state(_STATE)) else "torn: other bytes"

    return Killing("prepared state saved", before, lambda folder: _kept(folder), held)


def _asked(ground: Ground) -> Killing:
    before = ground.folder / "before-asked"
    before.mkdir()
    keep_state(str(before), _KEY, _STATE)

    def held(folder: Path) -> str:
        return {1: "old", 2: "new"}.get(times_asked(folder).get("guide", 0), "torn: the count is lost")

    return Killing("guide counted", before, lambda folder: _kept(folder), held)


def _kept(folder: Path) -> Chore:
    return Chore(keep_state.__name__, [str(folder), _KEY, _STATE])


def _journal(ground: Ground) -> Killing:
    before = ground.folder / "before-journal"
    note(str(before / "journal.sqlite"), "a", "b")

    def held(folder: Path) -> str:
        with closing(sqlite3.connect(folder / "journal.sqlite")) as file:
            whole = file.execute("PRAGMA integrity_check").fetchone()[0]
            found = sorted(text for (text,) in file.execute("SELECT question FROM entry"))
        if whole != "ok" or found[:2] != ["a", "b"] or not set(found) <= {"a", "b", "c", "d"}:
            return f"torn: {whole}, {found}"
        return "new" if {"c", "d"} <= set(found) else "old"

    def chore(folder: Path) -> Chore:
        return Chore(note.__name__, [str(folder / "journal.sqlite"), "c", "d"])

    return Killing("journal written", before, chore, held, threads=True)


_FILES = {"a.gguf": b"GGUF" + bytes(range(256)) * 4000, "b/config.json": b'{"a": 1}\n'}


def _pull(ground: Ground, hub: str) -> Killing:
    before = ground.folder / "before-pull"
    before.mkdir()
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in _FILES.items()}
    sizes = {name: len(data) for name, data in _FILES.items()}
    weights = weights_of(digests, sizes)

    def held(folder: Path) -> str:
        for name, data in _FILES.items():
            if (folder / name).exists() and (folder / name).read_bytes() != data:
                return f"torn: {name} has its name, but not its bytes"
        if not is_complete(folder):
            return "old"
        return f"torn: {reason}" if (reason := verify(weights, folder).reason) else "new"

    def chore(folder: Path) -> Chore:
        arguments = [str(folder), hub, json.loads(json.dumps(digests)), sizes]
        return Chore(get_weights.__name__, arguments, {"NO_PROXY": "127.0.0.1"})

    return Killing("models pull", before, chore, held)


class _Files(BaseHTTPRequestHandler):
    """Serves the files of a model from the byte that is asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One file."""
        data = _FILES["a.gguf" if self.path.endswith("a.gguf") else "b/config.json"]
        start = int(re.sub(r"\D", "", self.headers["Range"] or "0"))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start:])

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is to be seen of it."""


class _Hub(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked was killed: that is what it is for."""


@contextmanager
def hub() -> Iterator[str]:
    """The address of a hub on this machine."""
    with _Hub(("127.0.0.1", 0), _Files) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
