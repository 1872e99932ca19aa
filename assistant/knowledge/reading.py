"""Reads one document in a child process with limits, so that no file can harm the program that reads it.

`read_document` starts `python -m assistant.knowledge.reading`: once for all pages without OCR, once for each
page that needs it, and once for the pictures. A child that crashes, hangs or grows is the file's fault: it is
quarantined.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from assistant.errors import DocumentError
from assistant.knowledge import markup, pdf
from assistant.knowledge.facsimile import draw_page
from assistant.knowledge.images import parse_picture, picture_alone, save_picture
from assistant.knowledge.kinds import Kind, kind_of
from assistant.knowledge.ocr import recognise
from assistant.knowledge.outline import with_numbered_headings
from assistant.knowledge.pages import GOOD, Page, Parsed, Reading, best, letters, without_running_lines
from assistant.knowledge.slides import parse_slides
from assistant.knowledge.word import parse_word

if TYPE_CHECKING:
    from PIL.Image import Image

Progress = Callable[[str], None]

_ROOT = Path(__file__).resolve().parents[2]  # not that of config, which takes a child as long as all the rest
_READABLE = 0.5  # below it a page is noise
_PRINTED = {Kind.PDF, Kind.PICTURE}  # their pages have headers and footers as text
_EVERYWHERE = 0.5  # of the pages, and at least three: a picture on so many is a letterhead or a background
_NO_TEXT = "no page holds readable Vietnamese text"
_DRAWN = "page.png"
_ONLY_PICTURES = "it holds pictures instead of text; save it as PDF, then they are recognised"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost. Seconds are those of the clock on the wall."""

    seconds: float = 28  # all pages without OCR; with starting and ending a child below 30
    page_seconds: float = 60  # one page by OCR
    ocr_seconds: float = 1800  # all pages by OCR
    picture_seconds: float = 120  # all pictures
    memory: int = 1 << 30  # bytes of each process
    file: int = 1 << 28  # bytes of each file a child writes


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Task:
    """What a child is asked: all pages without OCR, one page by OCR, pictures at some places, a drawing."""

    limits: Limits
    page: int = 0
    places: tuple[str, ...] = ()
    drawn: int | None = None  # a page to draw, with `passage` marked; 0 is the one that says it
    passage: str = ""

    @property
    def seconds(self) -> float:
        """How long the child may take."""
        if self.page:
            return self.limits.page_seconds
        return self.limits.picture_seconds if self.places else self.limits.seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a child answers: what it read, or why the file is refused."""

    kind: Kind | None = None
    parsed: Parsed | None = None
    page: Page | None = None
    names: dict[str, str] = field(default_factory=dict)  # place of a picture → name of its file
    refused: str | None = None


def read_document(
    path: Path,
    limits: Limits = LIMITS,
    progress: Progress = lambda _: None,
    *,
    pictures: Path | None = None,
) -> Reading:
    """What can be taken from a document of any kind; a broken, locked or hostile one is quarantined.

    Where a folder for `pictures` is given, those of the pages are saved there, each once, and named in the
    pages on which they stand. Raises DocumentError only if there is no such file.
    """
    start = time.monotonic()
    if not path.is_file():
        raise DocumentError(f"{path}: there is no such file")
    progress(path.name)
    outcome = _in_child(path, Task(limits))
    reason = outcome.refused
    pages: tuple[Page, ...] = ()
    if outcome.parsed is not None:
        pages, remarks = _with_ocr(path, outcome.parsed, limits, progress)
        if not any(page.quality >= _READABLE for page in pages):
            empty = (
                _ONLY_PICTURES if outcome.parsed.drawn and not any(page.text for page in pages) else _NO_TEXT
            )
            pages, reason = (), "; ".join(remarks) or empty
        else:
            if pictures is not None:
                pages, more = _with_pictures(path, outcome.parsed, pages, limits, pictures)
                remarks += more
            if outcome.kind in _PRINTED:
                pages = without_running_lines(pages)
            pages, reason = with_numbered_headings(pages), "; ".join(remarks) or None
    seconds = round(time.monotonic() - start, 2)
    return Reading(str(path), pages, reason, seconds, quarantined=not pages)


def picture_of_page(path: Path, number: int, passage: str, limits: Limits = LIMITS) -> bytes:
    """A page of a PDF as PNG, the passage marked; page 0 is the one that says it.

    Raises DocumentError where it cannot be drawn.
    """
    with tempfile.TemporaryDirectory(prefix="assistant-page-") as name:
        outcome = _in_child(path, Task(limits, drawn=number, passage=passage), Path(name))
        if outcome.refused is not None:
            raise DocumentError(f"page {number} of {path} is not shown: {outcome.refused}")
        return (Path(name) / _DRAWN).read_bytes()


def _with_ocr(
    path: Path, parsed: Parsed, limits: Limits, progress: Progress
) -> tuple[tuple[Page, ...], list[str]]:
    """The pages with those that need it read by OCR, and what a person should look at."""
    pages = {page.number: page for page in parsed.pages}
    failed: dict[int, str] = {}
    end = time.monotonic() + limits.ocr_seconds
    for number in parsed.for_ocr:
        if time.monotonic() > end:
            failed[number] = f"not read by OCR: the document took longer than {limits.ocr_seconds:.0f} s"
            continue
        progress(f"{path.name}: OCR of page {number} of {len(pages)}")
        outcome = _in_child(path, Task(limits, number))
        if outcome.page is None:
            failed[number] = outcome.refused or "OCR gave nothing"
        elif letters(outcome.page.text) and outcome.page.quality >= min(GOOD, pages[number].quality):
            pages[number] = best((pages[number], outcome.page))
    remarks = _remarks(tuple(pages.values()), failed)
    if parsed.unseen:
        remarks.append(f"{_pages(parsed.unseen)}: text that no reader sees was left out")
    return tuple(pages.values()), remarks


def _remarks(pages: Sequence[Page], failed: Mapping[int, str]) -> list[str]:
    """What a person should look at, said once for all pages that share it."""
    doubtful = [page.number for page in pages if page.text and page.quality < _READABLE]
    remarks = [
        f"{_pages(numbers)}: {reason}"
        for reason in dict.fromkeys(failed.values())
        if (numbers := [number for number, why in failed.items() if why == reason])
    ]
    if rest := [number for number in doubtful if number not in failed]:
        remarks.append(f"{_pages(rest)}: hardly readable")
    return remarks


def _pages(numbers: Sequence[int]) -> str:
    return f"page{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _with_pictures(
    path: Path, parsed: Parsed, pages: Sequence[Page], limits: Limits, folder: Path
) -> tuple[tuple[Page, ...], list[str]]:
    """The pages with the names of the pictures that were saved, and why others were not."""
    counts = Counter(place for place, _ in {(drawn.place, drawn.page) for drawn in parsed.drawn})
    most = max(2, _EVERYWHERE * len(pages))
    wanted = [drawn for drawn in parsed.drawn if counts[drawn.place] <= most]
    if not wanted:
        return tuple(pages), []
    places = tuple(dict.fromkeys(drawn.place for drawn in wanted))
    outcome = _in_child(path, Task(limits, places=places), folder)
    found: dict[int, dict[str, int]] = {}
    for drawn in wanted:
        if drawn.place in outcome.names:
            found.setdefault(drawn.page, {}).setdefault(outcome.names[drawn.place], drawn.line)
    named = (
        replace(page, images=tuple(names), image_lines=tuple(names.values()))
        for page in pages
        for names in [found.get(page.number, {})]
    )
    return tuple(named), [f"its pictures were not saved: {outcome.refused}"] if outcome.refused else []


def _in_child(path: Path, task: Task, pictures: Path | None = None) -> Outcome:
    """Let a child do the task; whatever happens to it becomes a reason."""
    with tempfile.TemporaryDirectory(prefix="assistant-document-") as name:
        folder = Path(name)
        (folder / "task.json").write_bytes(msgspec.json.encode(task))
        environment = os.environ | {
            "PYTHONPATH": str(_ROOT),
            "TMPDIR": name,
            "OMP_THREAD_LIMIT": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        with (folder / "errors.txt").open("wb") as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", "assistant.knowledge.reading", name, path.resolve()],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,  # what it starts is ended with it
            )
        try:
            code = child.wait(task.seconds)
        except subprocess.TimeoutExpired:
            return Outcome(refused=_too_long(task.seconds))
        finally:
            _end(child)
        if code == 0 and (folder / "outcome.json").exists():
            outcome = msgspec.json.decode((folder / "outcome.json").read_bytes(), type=Outcome)
            if pictures is not None and outcome.names:
                pictures.mkdir(parents=True, exist_ok=True)
                for saved in set(outcome.names.values()):
                    shutil.move(folder / "pictures" / saved, pictures / saved)
            return outcome
        if -code == signal.SIGXCPU:
            return Outcome(refused=_too_long(task.seconds))
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
        outcome = _done(task, folder, path)
    except DocumentError as error:
        outcome = Outcome(refused=str(error))
    except MemoryError:
        outcome = Outcome(refused="it needs more memory than is allowed")
    except RecursionError:
        outcome = Outcome(refused="it is nested deeper than any ordinary document")
    # Written last and renamed: what is there is whole.
    (folder / "outcome.part").write_bytes(msgspec.json.encode(outcome))
    (folder / "outcome.part").rename(folder / "outcome.json")


def _done(task: Task, folder: Path, path: Path) -> Outcome:
    kind = kind_of(path)
    if task.page:
        alone = folder / ("page.pdf" if kind is Kind.PDF else "page.png")
        (pdf.page_alone if kind is Kind.PDF else picture_alone)(path, task.page, alone)
        return Outcome(kind, page=recognise(alone, task.page, seconds=task.seconds))
    if task.drawn is not None:
        if kind is not Kind.PDF:
            raise DocumentError(f"{path} is no PDF: it has no pages to draw")
        (folder / "pictures").mkdir()
        draw_page(path, task.drawn, task.passage).save(folder / "pictures" / _DRAWN)
        return Outcome(kind, names={_DRAWN: _DRAWN})
    if task.places:
        (folder / "pictures").mkdir()
        return Outcome(kind, names=dict(_saved(_pictures(kind, path, task.places), folder / "pictures")))
    return Outcome(kind, parsed=_parsed(kind, path, task.limits))


def _parsed(kind: Kind, path: Path, limits: Limits) -> Parsed:
    if kind is Kind.PDF:
        return pdf.parse(path, seconds=limits.seconds / 2)
    parsers: dict[Kind, Callable[[Path], Parsed]] = {
        Kind.DOCX: parse_word,
        Kind.PPTX: parse_slides,
        Kind.HTML: markup.parse_html,
        Kind.MARKDOWN: markup.parse_markdown,
        Kind.TEXT: markup.parse_text,
        Kind.PICTURE: parse_picture,
    }
    return parsers[kind](path)


def _pictures(kind: Kind, path: Path, places: Sequence[str]) -> Iterator[tuple[str, Image | bytes]]:
    if kind is Kind.PDF:
        yield from pdf.pictures(path, places)
    elif kind in {Kind.HTML, Kind.MARKDOWN}:
        yield from markup.pictures(path, places, markdown=kind is Kind.MARKDOWN)
    else:
        with zipfile.ZipFile(path) as archive:
            yield from ((place, archive.read(place)) for place in places)


def _saved(found: Iterator[tuple[str, Image | bytes]], folder: Path) -> Iterator[tuple[str, str]]:
    """The names under which pictures were saved, by their places; what is no picture, or small, is not."""
    for place, picture in found:
        with suppress(DocumentError):
            if name := save_picture(picture, folder):
                yield place, name


def _limit(task: Task) -> None:
    limits = task.limits
    seconds = int(task.seconds) + 1
    for what, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
