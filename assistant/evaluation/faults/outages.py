"""What is around the program fails: the disk, the clock, handles, the model beside it; and its own end."""

from __future__ import annotations

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from assistant.config import Settings, load_settings
from assistant.datatypes import Answer
from assistant.errors import EvaluationError, ModelError
from assistant.evaluation.faults.chores import Chore, Ended, change_contact, note, state_of, switch_off
from assistant.evaluation.faults.ground import Ground, Row, is_root, serving, strays
from assistant.evaluation.faults.visitor import Visitor
from assistant.evaluation.server import Server, served
from assistant.knowledge.reading import read_document
from assistant.loading import assistant_of, llama_options
from assistant.models.worker import WorkerModel, WorkerOptions
from assistant.pipeline import Assistant
from assistant.retrieval.index import load

Progress = Callable[[str], None]

_FAKETIME = "libfaketime.so.1"
_YEAR = 365 * 86_400
_CONTEXT = 6144  # tokens: a small model spells Vietnamese in many
_PAGES = 10_000
_KILLS = 20
_SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS)
_BACK = 30.0  # seconds in which a model that was killed must be there again
_END = 5.0  # seconds in which the program must end when it is told to
_SPARE_HANDLES = 8
_BUILDS = 3  # at once


def _asked(ground: Ground, data: Path, home: Path | None = None) -> tuple[str, Ended]:
    """Whether the question was answered with its card, or what a person sees instead."""
    ended = ground.nursery.run(ground.ask(data, home))
    if ended.crashed:
        return f"crashed: {ended.last_words}", ended
    if ended.status:
        return ended.errors.strip().partition("\n")[0], ended
    answer = json.loads(ended.out)
    return ("card" if answer["card"] else f"no card: {answer['status']}"), ended


def _row(fault: str, seen: Sequence[str], wrong: Sequence[str], left: str, seconds: float | None) -> Row:
    counts = Counter(seen)
    told = ", ".join(f"{text} ({count})" if count > 1 else text for text, count in counts.items())
    return Row(
        fault,
        len(seen),
        "; ".join(filter(None, (told, *wrong))),
        left,
        None if seconds is None else round(seconds, 1),
        not wrong,
    )


# The disk


@contextmanager
def _small_disk(ground: Ground, name: str, megabytes: int) -> Iterator[Path]:
    """A file system of its own with the data on it."""
    place = ground.folder / name
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], check=True)
    try:
        yield shutil.copytree(ground.data, place / "data")
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def disk_full(ground: Ground, progress: Progress) -> Iterator[Row]:
    """A disk with no byte left, while everything that writes is tried."""
    fault = "disk full"
    if not is_root():
        yield Row(fault, 0, "needs root, for a file system of its own", "", None, None)
        return
    size = sum(path.stat().st_size for path in ground.data.rglob("*") if path.is_file())
    with _small_disk(ground, "full", 2 * size // 1_000_000 + 4) as data:
        note(str(data / "journal" / "journal.sqlite"), "a")
        change_contact(str(data / "local" / "contacts.toml"), "0900 000 000")
        ground.nursery.run(ground.command(data, "index", "build"))
        before = {path: path.read_bytes() for path in _files(data) if "journal" not in path.parts}
        _fill(data)
        yield _cannot_write(ground, fault, data, before, progress)
        (data.parent / "ballast").unlink()
        yield _writes_again(ground, fault, data)


def _fill(data: Path) -> None:
    with (data.parent / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\1" * 4096)


def _files(data: Path) -> list[Path]:
    return [path for path in data.rglob("*") if path.is_file()]


def _cannot_write(
    ground: Ground, fault: str, data: Path, before: Mapping[Path, bytes], progress: Progress
) -> Row:
    """Every chore that writes fails with a sentence, leaves what was there, and people are answered."""
    wrong = []
    chores = {
        "index build": ground.command(data, "index", "build", home=ground.changed),
        "knowledge add": ground.command(
            data, "knowledge", "add", str(ground.texts[1]), "--title", "N", "--agency", "A"
        ),
        "contact saved": Chore(change_contact.__name__, [str(data / "local" / "contacts.toml"), "1"]),
        "notice saved": Chore(switch_off.__name__, [str(data / "notice.txt"), "x"]),
    }
    told = []
    for name, chore in chores.items():
        progress(f"{fault}: {name}")
        ended = ground.nursery.run(chore)
        is_edit = chore.does != "cli"  # the page turns the OSError into its sentence
        if ended.status == 0 or (ended.crashed and not (is_edit and "OSError" in ended.last_words)):
            wrong.append(f"{name}: exit code {ended.status}, {ended.last_words}")
        elif not is_edit:
            told.append(ended.errors.strip().partition("\n")[0])
    noted = ground.nursery.run(Chore(note.__name__, [str(data / "journal" / "journal.sqlite"), "b"]))
    if noted.crashed or noted.status:
        wrong.append(f"journal: {noted.last_words}")
    seen = []
    for home in (ground.home, ground.changed):  # knowledge that has changed meanwhile, too
        found, ended = _asked(ground, data, home)
        seen.append(found)
        if found != "card":
            wrong.append(f"asked: {ended.last_words}")
    now = {path: path.read_bytes() for path in _files(data) if "journal" not in path.parts}
    if changed := {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}:
        wrong.append(f"changed on the disk: {sorted(str(path.relative_to(data)) for path in changed)}")
    row = _row(fault, [*seen, *told], wrong, "what was there", None)
    return replace(row, runs=len(chores) + len(seen) + 1)


def _writes_again(ground: Ground, fault: str, data: Path) -> Row:
    began = time.monotonic()
    built = ground.nursery.run(ground.command(data, "index", "build", home=ground.changed))
    found, _ = _asked(ground, data, ground.changed)
    wrong = [] if built.status == 0 and found == "card" else [f"{built.last_words}, {found}"]
    left = f"{len(strays(data))} hidden files" if strays(data) else "nothing"
    return _row(f"{fault}, then room again", [found], wrong, left, time.monotonic() - began)


def disk_read_only(ground: Ground, progress: Progress) -> Iterator[Row]:
    """A disk that the kernel has made read-only, as it does after errors."""
    fault = "disk read-only"
    if not is_root():
        yield Row(fault, 0, "needs root, for a file system of its own", "", None, None)
        return
    with _small_disk(ground, "read-only", 64) as data:
        note(str(data / "journal" / "journal.sqlite"), "a")
        change_contact(str(data / "local" / "contacts.toml"), "0900 000 000")
        ground.nursery.run(ground.command(data, "index", "build"))
        before = {path: path.read_bytes() for path in _files(data) if "journal" not in path.parts}
        subprocess.run(["mount", "-o", "remount,ro", data.parent], check=True)
        yield _cannot_write(ground, fault, data, before, progress)
        environment = ground.environment(data) | {"ASSISTANT_JOURNAL_ON": "true"}
        server = Server(environment, ground.folder / "ro.log")
        with served(server), closing(Visitor(server)) as visitor:
            card = visitor.is_answered(ground.question, ground.document)
        yield _row(
            f"{fault}, the pages", ["card" if card else "no card"], [] if card else ["no card"], "", None
        )


# Two at once


def two_builds(ground: Ground, progress: Progress) -> Iterator[Row]:
    """Index builds of one folder at the same time."""
    rounds, wrong, left, worst = 2 if ground.short else 8, [], 0, 0.0
    new = None
    for number in range(rounds):
        progress(f"builds at once: {number + 1} of {rounds}")
        data = ground.fresh()
        chore = ground.command(data, "index", "build", home=ground.changed)
        ended = [ground.nursery.wait(pid) for pid in [ground.nursery.start(chore) for _ in range(_BUILDS)]]
        wrong += [one.last_words for one in ended if one.status]
        worst = max(worst, *(one.seconds for one in ended))
        now = serving(data)
        new = new or now
        if now != new or now == serving(ground.data):
            wrong.append("the old index serves")
        left = max(left, len(strays(data)))
    return_left = f"{left} hidden files at most" if left else "nothing"
    yield _row(f"{_BUILDS} builds at once", ["the new index"] * rounds, wrong, return_left, worst)


def two_servers(ground: Ground, progress: Progress) -> Iterator[Row]:
    """A second program on the same port and data."""
    progress("two servers on one port")
    data = ground.fresh()
    with served(Server(ground.environment(data), ground.folder / "1.log")) as first:
        began = time.monotonic()
        second = Server(ground.environment(data), ground.folder / "2.log", port=first.port)
        code = second.process.wait(60)
        took = time.monotonic() - began
        told = second.told().strip().splitlines()
        with closing(Visitor(first)) as visitor:
            card = visitor.is_answered(ground.question, ground.document)
    wrong = [] if code == 1 and card and "Traceback" not in "".join(told) else [f"exit code {code}, {told}"]
    seen = ["the first goes on", f"the second: {told[-1] if told else ''}"]
    yield _row("two servers on one port", seen, wrong, "nothing", took)


# Handles


def no_handles(ground: Ground, progress: Progress) -> Iterator[Row]:
    """People who hold every handle the server may have, while one asks."""
    progress("out of file handles")
    server = Server(
        ground.environment(ground.fresh()),
        ground.folder / "handles.log",
        before="import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))",
    )
    wrong, seen = [], []
    with served(server), ExitStack() as crowd:
        with closing(Visitor(server)) as visitor:
            if not visitor.is_answered(ground.question, ground.document):
                wrong.append("no card before")
        visitor = crowd.enter_context(closing(Visitor(server)))
        held = [crowd.enter_context(_knocking(server)) for _ in range(160)]
        handles = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
        card = visitor.is_answered(ground.question, ground.document)
        seen.append("card for one who was there" if card else "no card")
        if not card or handles < 120:
            wrong.append(f"{handles} handles were held")
        began = time.monotonic()
        for one in held:
            one.close()
        with closing(Visitor(server)) as late:
            card = late.is_answered(ground.question, ground.document)
        seen.append("others wait" if card else "others are not answered afterwards")
        wrong += [] if card else ["not back"]
        took = time.monotonic() - began
    yield _row("out of file handles", seen, wrong, "nothing", took)


def _knocking(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


# The clock


def clock(ground: Ground, progress: Progress) -> Iterator[Row]:
    """A year ahead, a year behind, and both while the pages are served."""
    fault = "clock one year off"
    library = next(Path("/usr/lib").glob(f"*/faketime/{_FAKETIME}"), None)
    if library is None:
        yield Row(fault, 0, "libfaketime is not installed", "", None, None)
        return
    seen, wrong = [], []
    for shift in ("+365d", "-365d"):
        progress(f"{fault}: {shift}")
        data = ground.fresh()
        more = {"LD_PRELOAD": str(library), "FAKETIME": shift}
        for name, home in (("ask", ground.home), ("build and ask", ground.changed)):
            found = _asked_at(ground, data, home, more)
            seen.append(f"{shift} {name}: {found}")
            wrong += [] if found == "card" else [f"{shift} {name}"]
        if (back := _asked(ground, data, ground.changed)[0]) != "card":
            wrong.append(f"{shift}, then right again: {back}")
    yield _row(fault, seen, wrong, "nothing", None)
    yield _clock_jumps(ground, library, progress)


def _asked_at(ground: Ground, data: Path, home: Path, more: Mapping[str, str]) -> str:
    """The question, asked of a program that believes it is another day."""
    command = [sys.executable, "-m", "assistant", "ask", ground.question, "--json", "--no-model"]
    environment = os.environ | ground.environment(data, home) | dict(more)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        return done.stderr.strip().rpartition("\n")[2]
    return "card" if json.loads(done.stdout)["card"] else "no card"


def _clock_jumps(ground: Ground, library: Path, progress: Progress) -> Row:
    progress("the clock jumps")
    shift = ground.folder / "faketimerc"
    shift.write_text("+0", "ascii")
    environment = ground.environment(ground.fresh()) | {
        "FAKETIME_TIMESTAMP_FILE": str(shift),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    server = Server(environment, ground.folder / "clock.log", wrapped=str(library))
    seen, wrong = [], []
    with served(server):
        for told in ("+0", f"+{_YEAR}", f"-{_YEAR}", "+0"):
            with closing(Visitor(server)) as visitor:
                before = visitor.is_answered(ground.question, ground.document)
                shift.write_text(told, "ascii")  # between two questions of one person
                after = visitor.is_answered(ground.question, ground.document)
            seen.append("card")
            wrong += [] if before and after else [f"{told}: {before}, {after}"]
    return _row("clock jumps one year while the pages are open", seen, wrong, "nothing", None)


# The program's own end


def sigterm(ground: Ground, progress: Progress) -> Iterator[Row]:
    """Told to end while somebody is answered."""
    for writes in (False, True):
        if writes and ground.model is None:
            yield Row("SIGTERM while the model writes", 0, "no model is here", "", None, None)
            return
        name = "SIGTERM while the model writes" if writes else "SIGTERM right after a question"
        seen, wrong, worst = [], [], 0.0
        for number in range(5):
            progress(f"{name}: {number + 1}")
            card, code, took, orphan = _ended_in_mid_answer(ground, writes=writes)
            seen.append("card" if card else "no card yet; the page says that the machine is away")
            worst = max(worst, took)
            if took > _END or code not in (0, -signal.SIGTERM) or orphan or (writes and not card):
                wrong.append(f"{took:.1f} s, exit code {code}, model left: {orphan}, card: {card}")
        yield _row(name, seen, wrong, "nothing", worst)


def _ended_in_mid_answer(ground: Ground, *, writes: bool) -> tuple[bool, int, float, bool]:
    """Whether the card was there, the exit code, the seconds, and whether the model's process is left."""
    environment = ground.environment(ground.fresh())
    if writes:
        assert ground.model is not None
        environment |= {
            "ASSISTANT_MODELS_PATH": str(ground.model),
            "ASSISTANT_MODELS_THREADS": "1",
            "ASSISTANT_MODELS_CONTEXT": str(_CONTEXT),
            "ASSISTANT_MODELS_STATES": "0",
        }
    server = Server(environment, ground.folder / "end.log")
    with served(server), ExitStack() as leaving:
        if writes:
            _until_model_answers(ground, server)
        else:  # until the index is loaded
            with closing(Visitor(server)) as first:
                first.is_answered(ground.question, ground.document)
        visitor = leaving.enter_context(closing(Visitor(server)))
        child = server.child_of_model()
        pieces: list[str] = []
        enough = threading.Event()

        def read() -> None:
            with suppress(OSError, ValueError, http.client.HTTPException):
                for piece in visitor.ask(ground.question):
                    pieces.append(piece)
                    if len(pieces) >= 2 or not writes:
                        enough.set()
            enough.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        if writes:
            enough.wait(60)
        code, took = server.stop()
        reader.join(10)
        until = time.monotonic() + _END
        while child is not None and state_of(child) not in ("", "Z") and time.monotonic() < until:
            time.sleep(0.02)
        left = child is not None and state_of(child) not in ("", "Z")
    return any(ground.document in piece for piece in pieces), code, took, left


def _until_model_answers(ground: Ground, server: Server) -> None:
    """Wait until an answer has more than its card. Raises EvaluationError."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with closing(Visitor(server)) as visitor:
            if server.child_of_model() and len(list(visitor.ask(ground.question))) > 2:
                return
        time.sleep(0.2)
    raise EvaluationError(f"the model does not answer: {server.told()[-500:]}")


# The model beside the program


def model(ground: Ground, progress: Progress) -> Iterator[Row]:
    """Its process is killed in mid-answer, its file cut short, its memory taken away."""
    if ground.model is None:
        yield Row("model killed in mid-answer", 0, "no model is here", "", None, None)
        return
    data = ground.fresh()
    path = data / "model.gguf"
    shutil.copy(ground.model, path)
    settings = load_settings({"home": ground.home, "data": data, "local": data / "local"})
    options = _options(settings, path)
    with closing(WorkerModel(options)) as worker:
        assistant = assistant_of(settings, load(data / "index"), None, worker)
        yield _killed(ground, assistant, worker, progress)
        os.truncate(path, 5_000_000)
        progress("model file truncated while it runs")
        found, _ = _answered(ground, assistant)
        yield _row("model file truncated while it runs", [found], [] if found == "words" else [found], "", 0)
        shutil.copy(ground.model, path)
        yield _starved(ground, assistant, worker, options, progress)


def _options(settings: Settings, path: Path) -> WorkerOptions:
    wanted = settings.models.model_copy(update={"threads": 1, "context": _CONTEXT, "answer": 48})
    options = llama_options(settings.model_copy(update={"models": wanted}))
    return WorkerOptions(str(path), options)


def _answered(ground: Ground, assistant: Assistant) -> tuple[str, list[Answer]]:
    """Whether the card came, and the model was at work after it."""
    answers = list(assistant.stream(ground.question))
    whole = all(answer.card is not None for answer in answers)
    if not whole:
        return "no card", answers
    return ("words" if len(answers) > 1 else "card alone"), answers


def _killed(ground: Ground, assistant: Assistant, worker: WorkerModel, progress: Progress) -> Row:
    seen, wrong, worst = [], [], 0.0
    kills = 2 if ground.short else _KILLS
    for number in range(kills):
        progress(f"model killed in mid-answer: {number + 1} of {kills}")
        pid, how = worker.pid, _SIGNALS[number % len(_SIGNALS)]
        answers = assistant.stream(ground.question)
        card = next(answers).card
        next(answers, None)  # the model is at work
        if pid is None:
            wrong.append("there was no process to kill")
            continue
        os.kill(pid, how)
        began = time.monotonic()
        rest = list(answers)
        took = time.monotonic() - began
        seen.append("card" if card and all(one.card for one in rest) else "no card")
        if seen[-1] != "card" or took > 2:
            wrong.append(f"{how.name}: {seen[-1]} after {took:.1f} s")
        back = _until_back(worker, pid, began)
        worst = max(worst, back)
        if back > _BACK:
            wrong.append(f"{how.name}: back after {back:.0f} s")
    return _row("model killed in mid-answer", seen, wrong, "nothing", worst)


def _until_back(worker: WorkerModel, before: int, began: float) -> float:
    """Wait until there is another process than before: seconds since it began."""
    while worker.pid in (before, None) and time.monotonic() - began < 2 * _BACK:
        time.sleep(0.02)
    return time.monotonic() - began


def _starved(
    ground: Ground, assistant: Assistant, worker: WorkerModel, options: WorkerOptions, progress: Progress
) -> Row:
    """The process may take no more memory than it has, and then only less than it has."""
    progress("model out of memory")
    seen, wrong, worst = [], [], 0.0
    for _ in range(1 if ground.short else 5):
        pid = worker.pid
        if pid is None:
            wrong.append("there is no process")
            break
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize(),) * 2)
        found, _ = _answered(ground, assistant)
        seen.append(found)
        wrong += [found] if found == "no card" else []
        began = time.monotonic()
        if worker.pid == pid:  # it has managed with what it has
            os.kill(pid, signal.SIGKILL)
        worst = max(worst, _until_back(worker, pid, began))
    for memory in (150, 250):
        try:
            WorkerModel(replace(options, memory=memory << 20)).close()
            seen.append(f"{memory} MB are enough")
        except ModelError as error:
            seen.append(f"ModelError at {memory} MB")
            wrong += [] if str(error) else ["an error without words"]
    return _row("model out of memory", seen, wrong, "nothing", worst)


# A document that never ends


def long_document(ground: Ground, progress: Progress) -> Iterator[Row]:
    """A PDF of ten thousand pages."""
    pages = _PAGES // 20 if ground.short else _PAGES
    progress(f"a PDF of {pages} pages")
    path = ground.folder / "long.pdf"
    _print(ground, path, pages)
    began = time.monotonic()
    reading = read_document(path)
    took = time.monotonic() - began
    data = ground.fresh()
    added = ground.nursery.run(
        ground.command(data, "knowledge", "add", str(path), "--title", "L", "--agency", "A"), 600
    )
    found, _ = _asked(ground, data)
    what = f"{len(reading.pages)} pages read" if reading.pages else f"quarantined: {reading.reason}"
    wrong = [f"{found} afterwards"] if found != "card" else []
    wrong += [added.last_words] if added.crashed else []
    wrong += [f"{took:.0f} s"] if took > 30 else []
    seen = [
        f"{what} in {took:.0f} s",
        f"added in {added.seconds:.0f} s",
        f"{added.peak_mb} MB at most",
        found,
    ]
    yield _row(f"PDF of {pages} pages", seen, wrong, "nothing" if added.status else "the document", took)


def _print(ground: Ground, path: Path, pages: int) -> None:
    """The same two guides again and again, each page with its number."""
    from fpdf import FPDF

    fonts = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    if not fonts.is_file():
        raise EvaluationError(f"{fonts} is not there; install the Debian package fonts-dejavu-core")
    pdf = FPDF()
    pdf.set_auto_page_break(False)
    pdf.add_font("DejaVu", fname=fonts)
    pdf.set_font("DejaVu", size=11)
    lines = [line for text in ground.texts for line in text.read_text("utf-8").splitlines() if line.strip()]
    for number in range(pages):
        pdf.add_page()
        pdf.text(20, 20, f"{number + 1}.")
        for row in range(8):
            pdf.text(20, 30 + 7 * row, lines[(8 * number + row) % len(lines)][:80])
    pdf.output(str(path))


# All of it


OUTAGES: Mapping[str, Callable[[Ground, Progress], Iterator[Row]]] = {
    "disk-full": disk_full,
    "read-only": disk_read_only,
    "two-builds": two_builds,
    "two-servers": two_servers,
    "handles": no_handles,
    "clock": clock,
    "sigterm": sigterm,
    "model": model,
    "long-document": long_document,
}
