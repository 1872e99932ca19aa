"""Official documents that an operator brings in: a file, and beside it what it is → Document and Sections.

Shipped ones lie in `knowledge/official/`, the ward's own in `official/` of the overlay. Beside `X.pdf` stands
`X.pdf.toml` with title, agency, date, url and what it supersedes. What was read is kept by the file's sha256,
so that a file is read once; text from OCR is held back until a person has approved it.

A document and its side file change together: both are laid beside the old ones as `.new-…`, the side file
last, and then take their names; whoever looks in between finishes that.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import date as Day
from pathlib import Path
from typing import Any

import msgspec

from assistant.datatypes import Document, OfficialText, Period, Source
from assistant.errors import DocumentError, KnowledgeError, Problem
from assistant.files import sha256_of, write_whole
from assistant.knowledge.outline import document_sections
from assistant.knowledge.pages import Method, Page, Reading
from assistant.knowledge.reading import read_document
from assistant.text.normalize import fold
from assistant.toml import read_toml

READER = 3  # raise when documents are read in another way: all are read anew
SIDE = ".toml"
_NEW = ".new-"
_UNREAD = "is not read yet; run `assistant index build`"
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Side:
    """What a document is, told by whoever brought it in. `approved` are the digests of read pages."""

    title: str
    agency: str
    date: str | None = None  # ISO 8601, perhaps reduced
    url: str | None = None
    supersedes: tuple[str, ...] = ()
    superseded_by: tuple[str, ...] = ()
    starts: Day | None = None
    ends: Day | None = None
    approved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """A document brought in: the file, what it is, what was read of it."""

    path: Path
    side: Side
    reading: Reading

    @property
    def id(self) -> str:
        """What citations call it: the file's name without its ending, in a–z, 0–9 and -."""
        return document_id(self.path)

    @property
    def held(self) -> tuple[Page, ...]:
        """Pages read by OCR that nobody has approved: nothing is answered from them."""
        return tuple(
            page
            for page in self.reading.pages
            if page.method is Method.OCR and page_digest(page) not in self.side.approved
        )

    @property
    def text(self) -> OfficialText:
        """The document and its sections, without the pages that are held back."""
        side, held = self.side, {page.number for page in self.held}
        pages = [page for page in self.reading.pages if page.number not in held]
        document = Document(
            id=self.id,
            title=side.title,
            agency=side.agency,
            sources=(Source(1, side.title, side.url, side.date),),
            supersedes=side.supersedes,
            superseded_by=side.superseded_by,
            period=Period(side.starts, side.ends),
        )
        return OfficialText(document, document_sections(self.id, pages))


@dataclass(frozen=True, slots=True)
class Officials:
    """All documents brought in, and what is wrong with the others, said for each file."""

    files: tuple[OfficialFile, ...]
    problems: tuple[Problem, ...]

    @property
    def texts(self) -> tuple[OfficialText, ...]:
        """What is to be searched."""
        return tuple(text for text in (file.text for file in self.files) if text.sections)


def official_paths(*roots: Path) -> list[Path]:
    """Every document under the roots, sorted; the last root wins where two have the same id."""
    found: dict[str, Path] = {}
    for root in roots:
        _finish(root)
        for path in sorted(root.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
            if path.is_file() and path.suffix != SIDE and not hidden:
                found[document_id(path)] = path
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Listing:
    """Which documents there are, without what they say: thousands are listed at every start of a kiosk.

    `digest` changes with a document, with what is told about it, and when it has been read.
    """

    digest: str
    problems: tuple[Problem, ...]  # of documents that were not read yet


def list_officials(roots: Sequence[Path], kept: Path) -> Listing:
    """The documents under the roots and whether what they say is among what is `kept`."""
    rows, problems = [], []
    for path in official_paths(*roots):
        side = path.with_name(path.name + SIDE)
        told = ""
        try:
            key = sha256_of(path)
            told = side.read_text("utf-8", "replace")
        except FileNotFoundError:
            pass
        except OSError as error:
            problems.append(_unreadable(path, error))
            continue
        is_read = _kept_path(kept, key).exists()
        if not is_read:
            problems.append(Problem(path, 0, _UNREAD))
        rows.append((document_id(path), key, told, is_read))
    digest = hashlib.sha256(msgspec.json.encode((READER, rows))).hexdigest()
    return Listing(digest, tuple(problems))


def read_officials(
    roots: Sequence[Path], kept: Path, *, read_new: bool = True, progress: Progress = lambda _: None
) -> Officials:
    """All documents under the roots. What was read before comes from `kept`; what vanished is dropped there.

    With `read_new` off a file that was not read yet is a problem: reading may take minutes.
    """
    files, problems = [], []
    used, all_read = set(), True
    for path in official_paths(*roots):
        try:
            key = sha256_of(path)
            used.add(key)
            side = read_side(path)
            reading = _kept_reading(kept, key)
            if reading is None and not read_new:
                problems.append(Problem(path, 0, _UNREAD))
                continue
            if reading is None:
                reading = _read(path, kept / key, progress)
                keep_reading(kept, key, reading)
        except KnowledgeError as error:
            problems.extend(error.problems)
            continue
        except OSError as error:
            problems.append(_unreadable(path, error))
            all_read = False
            continue
        if reading.quarantined:
            problems.append(Problem(path, 0, f"is quarantined: {reading.reason}"))
        else:
            files.append(OfficialFile(path, side, replace(reading, file=str(path))))
    if read_new and all_read:
        _drop_others(kept, used)
    return Officials(tuple(files), tuple(problems))


def add_official(path: Path, side: Side, folder: Path, kept: Path, *, progress: Progress) -> OfficialFile:
    """Read a document and put it with its side file into the folder; one of the same name is replaced.

    Raises DocumentError for a file that cannot be read; then nothing is stored.
    """
    key = sha256_of(path)
    reading = _read(path, kept / key, progress)
    if reading.quarantined:
        raise DocumentError(f"{path} is not taken: {reading.reason}")
    folder.mkdir(parents=True, exist_ok=True)
    _finish(folder)  # what an earlier addition has left must not be mixed with this one
    target = folder / f"{document_id(path)}{path.suffix.lower()}"
    if key == (sha256_of(target) if target.exists() else None):
        side = replace(side, approved=read_side(target).approved)
    keep_reading(kept, key, reading)
    fresh = target.with_name(_NEW + target.name)
    write_whole(fresh, path.read_bytes())
    write_side(fresh, side)
    _finish(folder)
    return OfficialFile(target, side, replace(reading, file=str(target)))


def _finish(folder: Path) -> None:
    """Give a document and its side file, both whole, their names; perhaps for one who was stopped."""
    with suppress(OSError):  # another did it first, or the disk cannot be written: then both are the old ones
        for side in folder.glob(f"{_NEW}*{SIDE}"):
            for path in (side.with_name(side.name.removesuffix(SIDE)), side):
                if path.exists():
                    path.replace(path.with_name(path.name.removeprefix(_NEW)))


def approve(file: OfficialFile, pages: Iterable[int] | None = None) -> OfficialFile:
    """Release the pages that are held back, or those of the given numbers, as a person has read them.

    Raises DocumentError for a page that is not held.
    """
    held = {page.number: page for page in file.held}
    wanted = list(held if pages is None else pages)
    if unknown := [number for number in wanted if number not in held]:
        raise DocumentError(f"{file.id}: page {unknown[0]} waits for no approval; waiting: {sorted(held)}")
    approved = (*file.side.approved, *(page_digest(held[number]) for number in wanted))
    side = replace(file.side, approved=approved)
    write_side(file.path, side)
    return replace(file, side=side)


def page_digest(page: Page) -> str:
    """What an approval names: another text of the same page is not approved."""
    return hashlib.sha256(page.text.encode()).hexdigest()[:16]


def document_id(path: Path) -> str:
    """The file's name without its ending, in a–z, 0–9 and -."""
    return re.sub(r"[^a-z0-9]+", "-", fold(path.stem)).strip("-") or "document"


def read_side(path: Path) -> Side:
    """What is told about a document; raises KnowledgeError with the file of what is missing or wrong."""
    side = path.with_name(path.name + SIDE)
    if not side.exists():
        message = f"is missing, so {path.name} is left out; run `assistant knowledge add {path.name}`"
        raise KnowledgeError([Problem(side, 0, message)])
    table: dict[str, Any] = {
        {"from": "starts", "until": "ends"}.get(key, key): value for key, value in read_toml(side).items()
    }
    if isinstance(table.get("date"), Day):
        table["date"] = str(table["date"])
    if unknown := table.keys() - {field.name for field in fields(Side)}:
        raise KnowledgeError([Problem(side, 0, f"unknown keys {sorted(unknown)}")])
    try:
        told = msgspec.convert(table, Side)
    except msgspec.ValidationError as error:
        raise KnowledgeError([Problem(side, 0, str(error))]) from error
    if told.date is not None and not _DATE.fullmatch(told.date):
        raise KnowledgeError([Problem(side, 0, f"date `{told.date}` is not ISO 8601")])
    return told


def write_side(path: Path, side: Side) -> None:
    """Inverse of read_side()."""
    import tomli_w

    names = {"starts": "from", "ends": "until"}
    told = {names.get(key, key): value for key, value in asdict(side).items() if value}
    write_whole(path.with_name(path.name + SIDE), tomli_w.dumps(told).encode())


def _kept_reading(kept: Path, key: str) -> Reading | None:
    """What was read before; None where it is missing or damaged: then the document is read anew."""
    try:
        digest, _, data = _kept_path(kept, key).read_bytes().partition(b"\n")
        whole = digest.decode() == hashlib.sha256(data).hexdigest()  # a flipped bit is another figure
        return msgspec.json.decode(data, type=Reading) if whole else None
    except (OSError, ValueError):
        return None


def keep_reading(kept: Path, key: str, reading: Reading) -> None:
    """Keep what was read of the document with this sha256."""
    data, path = msgspec.json.encode(reading), _kept_path(kept, key)
    if path.is_dir():
        shutil.rmtree(path)
    write_whole(path, f"{hashlib.sha256(data).hexdigest()}\n".encode() + data)


def _kept_path(kept: Path, key: str) -> Path:
    return kept / f"{key}-{READER}.json"


def _read(path: Path, pictures: Path, progress: Progress) -> Reading:
    """Read a document; the pictures that its sections name are saved in a folder, if there are any."""
    pictures.mkdir(parents=True, exist_ok=True)
    reading = read_document(path, progress=progress, pictures=pictures)
    if not any(pictures.iterdir()):
        pictures.rmdir()
    return reading


def _drop_others(kept: Path, used: set[str]) -> None:
    for path in kept.glob("[!.]*"):
        if path.name.removesuffix(".json").split("-")[0] not in used:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(path, 0, f"cannot be read: {error.strerror}")
