"""What the program is made to do while a fault strikes it, each in a process of its own that starts at once.

`Nursery` is a process that has everything imported; it forks a child for each chore. A child that must be
looked at from its first step on stops itself before it.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from assistant.answering.prompts import Prompt
from assistant.config import CHECKOUT
from assistant.datatypes import Answer, Contact, Source, Status
from assistant.errors import AssistantError
from assistant.journal import Journal
from assistant.knowledge.overlay import with_contact, write
from assistant.models.catalogue import Weights, WeightsFile, pull
from assistant.models.llama import LlamaOptions
from assistant.models.prefix import StateStore, count_asked
from assistant.models.worker import WorkerModel, WorkerOptions
from assistant.retrieval.embedder import RememberingEmbedder, Vectors

CRASHED = 70  # exit code of a chore that ended with what nobody foresaw
HUNG = -signal.SIGALRM  # status of one that did not end in time
_RULES, _GUIDE = "Answer in one short sentence.", "The sky is blue. Grass is green."
PROMPT = Prompt(_RULES, _GUIDE, "What colour is the sky?", "guide")
_SECONDS = 120
_HEAVY = ("httpx2", "huggingface_hub", "sklearn.linear_model", "sqlalchemy", "tomlkit", "assistant.loading")
_PAGES = ("assistant.web.pause",)
_TICK = 0.002


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done, by the name of a function of this module."""

    does: str
    arguments: list[Any]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a chore ended: its exit code, or minus the signal that ended it."""

    status: int
    out: str
    errors: str
    seconds: float
    peak_mb: int  # of it and of what it started

    @property
    def crashed(self) -> bool:
        """Whether a person would have seen a traceback, or nothing at all."""
        return self.status not in (0, 1, 2) or "Traceback" in self.errors

    @property
    def last_words(self) -> str:
        """The last line of what it complained of."""
        return self.errors.strip().rpartition("\n")[2]


class Nursery:
    """The process that forks, and the children it has forked."""

    def __init__(self, folder: Path, *, pages: bool = True) -> None:
        """Without `pages` it has not imported Gradio, which takes longest."""
        self._folder = folder
        self._count = 0
        self._started: dict[int, tuple[Path, float]] = {}
        alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # threads do not survive fork
        self.process = subprocess.Popen(
            [sys.executable, "-m", "assistant.evaluation.faults.chores", *(_PAGES if pages else ())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | alone | {"PYTHONPATH": str(CHECKOUT)},
        )

    def _told(self, order: Mapping[str, Any]) -> list[int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        return [int(number) for number in self.process.stdout.readline().split()]

    def start(self, chore: Chore, *, stopped: bool = False) -> int:
        """The process of a chore that has begun, or that waits for SIGCONT before its first step."""
        self._count += 1
        out = self._folder / f"{self._count}.out"
        began = time.monotonic()
        (pid,) = self._told({"start": asdict(chore), "out": str(out), "stopped": stopped})
        self._started[pid] = out, began
        while stopped and state_of(pid) != "T":
            time.sleep(_TICK)
        return pid

    def wait(self, pid: int, seconds: float = _SECONDS) -> Ended:
        """How it ended; it is killed when it takes longer."""
        out, began = self._started.pop(pid)
        status, peak = self._told({"wait": pid, "seconds": seconds})
        errors = out.with_suffix(".err")
        texts = [path.read_text("utf-8", "replace") if path.exists() else "" for path in (out, errors)]
        for path in (out, errors):
            path.unlink(missing_ok=True)
        return Ended(status, texts[0], texts[1], time.monotonic() - began, peak)

    def run(self, chore: Chore, seconds: float = _SECONDS) -> Ended:
        """Do it, and how it ended."""
        return self.wait(self.start(chore), seconds)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def state_of(pid: int) -> str:
    """One letter of proc(5): T is stopped, Z dead; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


# What is done


def cli(*arguments: str) -> None:
    """A command of the program; it prints by itself."""
    sys.argv[1:] = arguments
    runpy.run_module("assistant", run_name="__main__")


def change_contact(path: str, value: str) -> None:
    """What the maintainers' page does when a contact is saved."""
    contact = Contact("muc", "A", value, "phone", Source(1, "B", None, None))
    write(Path(path), with_contact(Path(path), contact))


def overwrite(path: str, text: str) -> None:
    """A file written in place and never synced, as this program writes none."""
    Path(path).write_text(text, "utf-8")


def switch_off(path: str, notice: str) -> None:
    """What the maintainers' page does when the assistant is switched off."""
    from assistant.web.pause import Pause

    Pause(Path(path)).begin(notice)


def read_notice(path: str) -> str:
    """Whether the assistant is switched off, and what people are told."""
    from assistant.web.pause import Pause

    notice = Pause(Path(path)).notice
    return "on" if notice is None else f"off: {notice}"


class _OneVector:
    """An embedder for which all texts are alike."""

    name = "one"

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), 4), 0.5, np.float32)


def embed(folder: str) -> None:
    """Texts embedded, and their vectors kept."""
    remembering = RememberingEmbedder(_OneVector(), Path(folder))
    remembering.embed_passages([f"text {number}" for number in range(200)])
    remembering.keep()


def note(path: str, *questions: str) -> str:
    """Questions written into the journal; why it could not be done."""
    journal = Journal(Path(path), str, days=90)
    for question in questions:
        journal.asked(Answer(question, Status.ANSWERED, ""))
    journal.flush()
    journal.close()
    return journal.trouble


def read_journal(path: str) -> str:
    """The questions of the journal, as JSON."""
    journal = Journal(Path(path), str, days=90)
    found = sorted(entry.question for entry in journal.read())
    journal.close()
    return json.dumps(found)


def keep_state(folder: str, key: str, size: int) -> None:
    """A guide's prepared state put into its store, and the guide counted."""
    StateStore(Path(folder), 1 << 40).save(key, state(size))
    count_asked(Path(folder), "guide")


def state(size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The same bytes every time."""
    return np.random.default_rng(7).integers(0, 256, size, np.uint8)


def weights_of(files: Mapping[str, str], sizes: Mapping[str, int]) -> Weights:
    """A model made of files with these digests."""
    listed = tuple(WeightsFile(name, sizes[name], digest) for name, digest in files.items())
    return Weights("m", "answers", "", "a/b", "0" * 40, "MIT", 1, listed)


def get_weights(folder: str, hub: str, files: dict[str, str], sizes: dict[str, int]) -> None:
    """`assistant models pull` of a model that is in no catalogue."""
    pull(weights_of(files, sizes), Path(folder), hub)


def write_words(path: str, states: str, megabytes: int | None = None) -> str:
    """One answer of a local model in its own process."""
    options = LlamaOptions(context=1024, answer=24, seconds=60, threads=1)
    memory = None if megabytes is None else megabytes << 20
    model = WorkerModel(WorkerOptions(path, options, states=states, budget=1 << 40, memory=memory))
    try:
        return "".join(model.stream(PROMPT))
    finally:
        model.close()


_CHORES: Mapping[str, Callable[..., str | None]] = {
    chore.__name__: chore
    for chore in (
        cli,
        change_contact,
        overwrite,
        switch_off,
        read_notice,
        embed,
        note,
        read_journal,
        keep_state,
        get_weights,
        write_words,
    )
}


# The nursery's side


def main() -> None:
    """Fork a child for each chore that is ordered, until the other side has gone."""
    for name in (*_HEAVY, *sys.argv[1:]):  # once, and not by every child
        import_module(name)

    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _tell(*_ended(order["wait"], order["seconds"]))
            continue
        pid = os.fork()
        if pid == 0:
            _do(Chore(**order["start"]), Path(order["out"]), order["stopped"])
        _tell(pid)


def _tell(*numbers: int) -> None:
    sys.stdout.write(" ".join(map(str, numbers)) + "\n")
    sys.stdout.flush()


def _ended(pid: int, seconds: float) -> tuple[int, int]:
    """The exit code, or minus the signal, and the peak of its memory in MB."""
    until = time.monotonic() + seconds
    while True:
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), used.ru_maxrss >> 10
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return HUNG, 0
        time.sleep(_TICK)


def _do(chore: Chore, out: Path, stopped: bool) -> None:
    """Never returns."""
    for number, path in ((1, out), (2, out.with_suffix(".err"))):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(chore.environment)
    if stopped:
        os.kill(os.getpid(), signal.SIGSTOP)
    code = 0
    try:
        sys.stdout.write(_CHORES[chore.does](*chore.arguments) or "")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except AssistantError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        code = 1
    except BaseException:  # noqa: B036 (it is what the bench looks for)
        traceback.print_exc()
        code = CRASHED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
