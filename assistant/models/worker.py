"""The local model in a process of its own, so that whatever happens to it costs only its own words.

`WorkerModel` starts `python -m assistant.models.worker` and talks to it over two pipes: frames of a length
and a msgpack message. A child that crashes or is killed is started again; until then the guides answer alone.
When the parent ends, however it ends, the pipe closes and the child is gone.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

import msgspec

from assistant.answering.prompts import Prompt
from assistant.config import CHECKOUT
from assistant.errors import ModelBusyError, ModelError, place_of
from assistant.models.llama import LlamaModel, LlamaOptions
from assistant.models.prefix import refuse_others
from assistant.models.turns import Turn, Turns

LOG = logging.getLogger("assistant")

_BEAT = 0.25  # seconds between signs of life, and of noticing that a person has left
_QUEUE = 8  # people who may wait beside those who are answered
_LOADING = 600  # seconds after which a child that loads is taken for hung
_HUNG = 20  # seconds after the time limit of an answer when the child is taken for hung
_PAUSES = (0.0, 1.0, 5.0, 10.0, 30.0)  # seconds before each try to start it again; the last one repeats


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What the child is told at its start."""

    path: str
    model: LlamaOptions
    states: str | None = None  # the folder of prepared states
    budget: int = 0  # bytes of them
    quiet: float = 20  # seconds without a question before guides are read beforehand
    memory: int | None = None  # bytes the child may take


class _Ask(msgspec.Struct, tag=True):
    number: int
    prompt: Prompt


class _Cancel(msgspec.Struct, tag=True):
    number: int


class _Prepare(msgspec.Struct, tag=True):
    prompts: list[Prompt]
    now: bool


class _Loaded(msgspec.Struct, tag=True):
    pass


class _Failed(msgspec.Struct, tag=True):
    reason: str


class _Piece(msgspec.Struct, tag=True):
    number: int
    text: str


class _Ended(msgspec.Struct, tag=True):
    number: int
    error: str | None


class _Prepared(msgspec.Struct, tag=True):
    guides: int
    done: bool


_Order = _Ask | _Cancel | _Prepare
_Report = _Loaded | _Failed | _Piece | _Ended | _Prepared


def _send(pipe: IO[bytes], message: object) -> None:
    data = msgspec.msgpack.encode(message)
    pipe.write(len(data).to_bytes(4, "little") + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes | None:
    """The next frame; None when the other side has gone."""
    head = pipe.read(4)
    size = int.from_bytes(head, "little")
    data = pipe.read(size) if len(head) == 4 else b""
    return data if data and len(data) == size else None


# The parent's side


class _Child:
    """A child process and what has been asked of it."""

    def __init__(self, options: WorkerOptions) -> None:
        """Raises ModelError where the machine has no handle, process or memory left for it."""
        self.options = options
        try:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (needed as long as the child)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "assistant.models.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
                start_new_session=True,  # Ctrl+C is for the parent to act on
            )
        except OSError as error:
            raise ModelError(f"no process can be started for the model {options.path}: {error}") from error
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._orders, self._reports = self.process.stdin, self.process.stdout
        self._writing = threading.Lock()
        self.replies: dict[int, SimpleQueue[_Piece | _Ended]] = {}
        self.prepared: SimpleQueue[_Prepared] = SimpleQueue()

    def send(self, message: object) -> None:
        """Give an order; a child that has gone is noticed by listen()."""
        with self._writing, suppress(OSError, ValueError):
            _send(self._orders, message)

    def wait_until_loaded(self) -> None:
        """Raises ModelError when the model cannot be loaded."""
        hung = threading.Timer(_LOADING, self.process.kill)
        hung.daemon = True
        hung.start()
        self.send(self.options)
        report = self._next()
        hung.cancel()
        if isinstance(report, _Loaded):
            return
        self.end()
        reason = report.reason if isinstance(report, _Failed) else self.last_words()
        self.release()
        raise ModelError(reason)

    def _next(self) -> _Report | None:
        frame = _receive(self._reports)
        try:
            return None if frame is None else msgspec.msgpack.decode(frame, type=_Report)
        except ValueError:  # out of its mind; the one who listens ends it
            return None

    def listen(self) -> None:
        """Hand out what the child reports, until it has gone."""
        while (report := self._next()) is not None:
            if isinstance(report, _Prepared):
                self.prepared.put(report)
            elif isinstance(report, _Piece | _Ended) and (queue := self.replies.get(report.number)):
                queue.put(report)

    def abandon(self, reason: str) -> None:
        """Tell all who still wait for it that it has gone."""
        for number, queue in list(self.replies.items()):
            queue.put(_Ended(number, reason))
        self.prepared.put(_Prepared(0, done=True))

    def last_words(self) -> str:
        """How it ended."""
        code = self.process.wait()
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 2000))
        last = self._errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"the process of the model {self.options.path} has ended ({how}{': ' if last else ''}{last})"

    def end(self) -> None:
        """Let it go, gently first; it ends when nobody can give it orders any more."""
        with suppress(OSError):
            self._orders.close()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def release(self) -> None:
        """Close what is left of one that has ended, when nobody listens to it any more."""
        self._reports.close()
        self._errors.close()


class WorkerModel:
    """A LanguageModel whose weights live in a child process."""

    def __init__(self, options: WorkerOptions) -> None:
        """Start the child and wait until the weights are loaded. Raises ModelError."""
        self.name = Path(options.path).name
        self._options = options
        self._lock = threading.Lock()
        self._last_number = 0
        self._wanted: _Prepare | None = None
        self._closed = threading.Event()
        self._child: _Child | None = _Child(options)
        self._child.wait_until_loaded()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def ready(self) -> bool:
        """Whether it can be asked now."""
        return self._child is not None

    @property
    def pid(self) -> int | None:
        """The process of the child, while there is one."""
        child = self._child
        return child.process.pid if child else None

    @property
    def waiting(self) -> int:
        """How many answers must end before that of the one who asked last begins."""
        child = self._child
        return max(0, len(child.replies) - self._options.model.people) if child else 0

    def stream(self, prompt: Prompt, *, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Pieces of the answer, empty ones while it is awaited. Raises ModelError."""
        child, number, replies = self._ask(prompt)
        ended = False
        hung = time.monotonic() + self._options.model.seconds + _HUNG
        try:
            while not stop():
                try:
                    reply = replies.get(timeout=_BEAT)
                except Empty:
                    if time.monotonic() > hung:
                        child.process.kill()  # _watch starts another one
                    yield ""
                    continue
                if isinstance(reply, _Piece):
                    yield reply.text
                    continue
                ended = True
                if reply.error is not None:
                    raise ModelError(reply.error)
                return
        finally:
            child.replies.pop(number, None)
            if not ended:
                child.send(_Cancel(number))

    def _ask(self, prompt: Prompt) -> tuple[_Child, int, SimpleQueue[_Piece | _Ended]]:
        with self._lock:
            child = self._child
            if child is None:
                raise ModelError(f"the process of the model {self.name} is being started again")
            if len(child.replies) >= self._options.model.people + _QUEUE:
                raise ModelBusyError(f"{len(child.replies)} people wait for the model {self.name} already")
            self._last_number += 1
            number = self._last_number
            replies = child.replies[number] = SimpleQueue()
        child.send(_Ask(number, prompt))
        return child, number, replies

    def prepare_when_idle(self, prompts: Sequence[Prompt]) -> None:
        """Have guides read while nobody asks, the most important first."""
        self._prepare(_Prepare(list(prompts), now=False))

    def prepare(self, prompts: Sequence[Prompt], progress: Callable[[str], None] = lambda _: None) -> int:
        """Have guides read now; how many are in the store afterwards. Raises ModelError."""
        child = self._prepare(_Prepare(list(prompts), now=True))
        while not (report := child.prepared.get()).done:
            progress(f"the model reads the guides: {report.guides} of {len(prompts)}")
        if self._child is not child:
            raise ModelError(f"the process of the model {self.name} ended while reading the guides")
        return report.guides

    def _prepare(self, order: _Prepare) -> _Child:
        self._wanted = order
        child = self._child
        if child is None:
            raise ModelError(f"the process of the model {self.name} is being started again")
        child.send(order)
        return child

    def _watch(self) -> None:
        """Listen to the child; when it has gone, start another one."""
        while child := self._child:
            child.listen()
            with self._lock:
                self._child = None
            child.end()
            reason = child.last_words()
            child.abandon(reason)
            child.release()
            if not self._closed.is_set():
                LOG.warning("%s; it is started again", reason)
                self._restart()

    def _restart(self) -> None:
        for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
            if self._closed.wait(pause):
                return
            try:
                child = _Child(self._options)
                child.wait_until_loaded()
            except ModelError as error:
                LOG.warning("the model cannot be started again: %s", error)
                continue
            if self._wanted:
                child.send(_Prepare(self._wanted.prompts, now=False))
            self._child = child
            if self._closed.is_set():
                child.end()
            return

    def close(self) -> None:
        """End the child."""
        self._closed.set()
        if child := self._child:
            child.end()
        self._watcher.join(5)


def memory_of(*pids: int) -> tuple[int, int]:
    """Bytes of memory that processes hold now, and at most since they began; 0 for those that have ended."""
    now = peak = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
                name, _, value = line.partition(":")
                now += int(value.split()[0]) << 10 if name == "VmRSS" else 0
                peak += int(value.split()[0]) << 10 if name == "VmHWM" else 0
    return now, peak


# The child's side


def main() -> None:
    """The child: loads the model, then does what it is ordered to until the parent has gone."""
    sys.excepthook = lambda _, error, __: sys.stderr.write(f"{place_of(error)}\n")  # the parent logs it
    threading.excepthook = lambda args: sys.stderr.write(f"{args.exc_value and place_of(args.exc_value)}\n")
    orders, reports = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the frames
    first = _receive(orders)
    if first is None:
        return
    options = msgspec.msgpack.decode(first, type=WorkerOptions)
    _limit(options.memory)
    try:
        folder = Path(options.states) if options.states else None
        if folder is not None:
            refuse_others(Path(options.path), folder)  # before llama.cpp reads a byte of it
        model = LlamaModel(Path(options.path), options.model)
        turns = Turns(model, folder, options.budget)
    except (ModelError, OSError, MemoryError) as error:
        _send(reports, _Failed(str(error) or f"{options.path}: not enough memory"))
        return
    _send(reports, _Loaded())
    _Desk(turns, reports, options.quiet).serve(orders)


def _limit(memory: int | None) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with suppress(OSError):  # when memory runs out, it is the model that goes, not the pages
        Path("/proc/self/oom_score_adj").write_text("900", encoding="ascii")


class _Desk:
    """Takes orders, lets the answers go on, and reports."""

    def __init__(self, turns: Turns, reports: IO[bytes], quiet: float) -> None:
        self._turns = turns
        self._reports = reports
        self._quiet = quiet
        self._inbox: SimpleQueue[_Order] = SimpleQueue()
        self._cancelled: set[int] = set()
        self._numbers: dict[Turn, int] = {}
        self._hurry = False  # the guides are to be read now
        self._last_asked = time.monotonic()

    def serve(self, orders: IO[bytes]) -> None:
        """Never returns: the process ends with the parent."""
        threading.Thread(target=self._listen, args=(orders,), daemon=True).start()
        more = True  # that could be done while nobody asks
        while True:
            wait: float | None = None
            if self._turns.busy:
                self._report(self._turns.step())
                wait = 0.0
            elif more:
                wait = self._until_quiet()
                if not wait:
                    more = self._read_beforehand()
            more = self._take(wait) or more

    def _read_beforehand(self) -> bool:
        more = self._turns.idle(lambda: not self._inbox.empty())
        if self._hurry:
            _send(self._reports, _Prepared(self._turns.prepared, done=not more))
            self._hurry = more
        return more

    def _until_quiet(self) -> float:
        return 0.0 if self._hurry else max(0.0, self._last_asked + self._quiet - time.monotonic())

    def _listen(self, orders: IO[bytes]) -> None:
        while (frame := _receive(orders)) is not None:
            order = msgspec.msgpack.decode(frame, type=_Order)
            if isinstance(order, _Cancel):  # at once, in the middle of a step
                self._cancelled.add(order.number)
            self._inbox.put(order)
            del frame, order  # what somebody asked does not stay until the next one asks
        os._exit(0)

    def _take(self, wait: float | None) -> bool:
        """Take the orders that have come, waiting for one so long; whether there were any."""
        taken = False
        with suppress(Empty):
            while True:
                idle = not taken and wait != 0.0
                order = self._inbox.get(block=idle, timeout=wait if idle else None)
                taken = True
                self._follow(order)
        return taken

    def _follow(self, order: _Order) -> None:
        if isinstance(order, _Prepare):
            self._turns.prepare(order.prompts)
            self._hurry = order.now
        elif isinstance(order, _Ask):
            self._last_asked = time.monotonic()
            number = order.number
            try:
                turn = self._turns.ask(order.prompt, lambda: number in self._cancelled)
            except ModelError as error:
                _send(self._reports, _Ended(number, str(error)))
            else:
                self._numbers[turn] = number

    def _report(self, pieces: list[tuple[Turn, str]]) -> None:
        for turn, piece in pieces:
            number = self._numbers[turn]
            if piece:
                _send(self._reports, _Piece(number, piece))
            if turn.ended:
                self._last_asked = time.monotonic()
                self._cancelled.discard(number)
                del self._numbers[turn]
                _send(self._reports, _Ended(number, turn.error))


if __name__ == "__main__":
    main()
