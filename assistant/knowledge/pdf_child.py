"""Reads one PDF in a child process with limits, so that no file can harm the program that reads it.

`read_pdf` starts `python -m assistant.knowledge.pdf_child`: once for all pages without OCR, then once for
each page that needs it. A child that crashes, hangs or grows is the file's fault: it is quarantined.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from assistant.config import CHECKOUT
from assistant.errors import DocumentError
from assistant.knowledge.pages import GOOD, Page, Reading, best, letters, without_running_lines
from assistant.knowledge.pdf import Parsed, parse, recognise

Progress = Callable[[str], None]

_READABLE = 0.5  # below it a page is noise


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost. Seconds are those of the clock on the wall."""

    seconds: float = 28  # all pages without OCR; with starting and ending a child below 30
    page_seconds: float = 60  # one page by OCR
    ocr_seconds: float = 1800  # all pages by OCR
    memory: int = 1 << 30  # bytes of each process
    file: int = 1 << 28  # bytes of each file a child writes


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Task:
    """What a child is asked: all pages without OCR (`page` 0), or one page by OCR."""

    page: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a child answers: what it read, or why the file is refused."""

    parsed: Parsed | None = None
    page: Page | None = None
    refused: str | None = None


def read_pdf(path: Path, limits: Limits = LIMITS, progress: Progress = lambda _: None) -> Reading:
    """What can be taken from a PDF; one that is broken, locked or hostile is quarantined with a reason.

    Raises DocumentError only if there is no such file.
    """
    start = time.monotonic()
    if not path.is_file():
        raise DocumentError(f"{path}: there is no such file")
    progress(path.name)
    outcome = _in_child(path, Task(0, limits), limits.seconds)
    reason = outcome.refused
    pages: tuple[Page, ...] = ()
    if outcome.parsed is not None:
        pages, failed = _with_ocr(path, outcome.parsed, limits, progress)
        pages = without_running_lines(pages)
        reason = _remarks(pages, failed)
        if not any(page.quality >= _READABLE for page in pages):
            pages, reason = (), reason or "no page holds readable Vietnamese text"
    seconds = round(time.monotonic() - start, 2)
    return Reading(str(path), pages, reason, seconds, quarantined=not pages)


def _with_ocr(
    path: Path, parsed: Parsed, limits: Limits, progress: Progress
) -> tuple[tuple[Page, ...], dict[int, str]]:
    """The pages with those that need it read by OCR, and why that failed, by page."""
    pages = {page.number: page for page in parsed.pages}
    failed: dict[int, str] = {}
    end = time.monotonic() + limits.ocr_seconds
    for number in parsed.for_ocr:
        if time.monotonic() > end:
            failed[number] = f"not read by OCR: the document took longer than {limits.ocr_seconds:.0f} s"
            continue
        progress(f"{path.name}: OCR of page {number} of {len(pages)}")
        outcome = _in_child(path, Task(number, limits), limits.page_seconds)
        if outcome.page is None:
            failed[number] = outcome.refused or "OCR gave nothing"
        elif letters(outcome.page.text) and outcome.page.quality >= min(GOOD, pages[number].quality):
            pages[number] = best((pages[number], outcome.page))
    return tuple(pages.values()), failed


def _remarks(pages: Sequence[Page], failed: dict[int, str]) -> str | None:
    """What a person should look at, said once for all pages that share it."""
    doubtful = [page.number for page in pages if page.text and page.quality < _READABLE]
    remarks = [
        f"page{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}: {reason}"
        for reason in dict.fromkeys(failed.values())
        if (numbers := [number for number, why in failed.items() if why == reason])
    ]
    if rest := [number for number in doubtful if number not in failed]:
        remarks.append(f"page{'s' if len(rest) > 1 else ''} {', '.join(map(str, rest))}: hardly readable")
    return "; ".join(remarks) or None


def _in_child(path: Path, task: Task, seconds: float) -> Outcome:
    """Let a child do the task; whatever happens to it becomes a reason."""
    with tempfile.TemporaryDirectory(prefix="assistant-pdf-") as name:
        folder = Path(name)
        (folder / "task.json").write_bytes(msgspec.json.encode(task))
        environment = os.environ | {
            "PYTHONPATH": str(CHECKOUT),
            "TMPDIR": name,
            "OMP_THREAD_LIMIT": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        with (folder / "errors.txt").open("wb") as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", "assistant.knowledge.pdf_child", name, path.resolve()],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,  # what it starts is ended with it
            )
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            return Outcome(refused=_too_long(seconds))
        finally:
            _end(child)
        if code == 0 and (folder / "outcome.json").exists():
            return msgspec.json.decode((folder / "outcome.json").read_bytes(), type=Outcome)
        if -code == signal.SIGXCPU:
            return Outcome(refused=_too_long(seconds))
        return Outcome(refused=_crash(code, folder / "errors.txt"))


def _too_long(seconds: float) -> str:
    return f"reading it takes longer than {seconds:.0f} s; if it is merely long, split it"


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # it and all it started have ended
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _crash(code: int, errors: Path) -> str:
    with errors.open("rb") as file:
        file.seek(max(0, errors.stat().st_size - 2000))
        last = file.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
    how = signal.Signals(-code).name if code < 0 else last or f"exit code {code}"
    return f"reading it crashed ({how})"


def main(folder: Path, path: Path) -> None:
    """The child: takes task.json, leaves outcome.json. Inverse of _in_child."""
    task = msgspec.json.decode((folder / "task.json").read_bytes(), type=Task)
    _limit(task)
    try:
        if task.page:
            seconds = task.limits.page_seconds
            outcome = Outcome(page=recognise(path, task.page, folder, seconds=seconds))
        else:
            outcome = Outcome(parsed=parse(path, seconds=task.limits.seconds / 2))
    except DocumentError as error:
        outcome = Outcome(refused=str(error))
    # Written last and renamed: what is there is whole.
    (folder / "outcome.part").write_bytes(msgspec.json.encode(outcome))
    (folder / "outcome.part").rename(folder / "outcome.json")


def _limit(task: Task) -> None:
    limits = task.limits
    seconds = int(limits.page_seconds if task.page else limits.seconds) + 1
    for what, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
