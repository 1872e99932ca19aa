"""PDFs as they come → pages: plain text, else by layout, else pdfplumber; what is left is for OCR.

Runs inside knowledge/reading.py, which bounds time and memory: nothing here defends against a file that
never ends. Each page climbs the ladder alone, until its words are spelled as Vietnamese and few are missing.
"""

from __future__ import annotations

import math
import re
import signal
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from assistant.errors import DocumentError
from assistant.knowledge.ink import Box, Ink
from assistant.knowledge.pages import (
    SCREENSHOT,
    Drawn,
    Method,
    Page,
    Parsed,
    best,
    is_good,
    letters,
    make_page,
    tidy,
)
from assistant.knowledge.typeset import (
    Columns,
    Mark,
    Piece,
    find_columns,
    find_headings,
    line_above,
    merged,
    with_marks,
)
from assistant.text.legacy import Encoding, detect

if TYPE_CHECKING:
    from PIL.Image import Image
    from pypdf import PageObject, PdfReader

_LONG_PAGE = 10.0  # seconds; ordinary pages take 0.25 even with pdfplumber
_VERY_GOOD = 0.98  # where the plain way failed, words may still be run together below it
_FEW_LETTERS = 100  # a page with fewer may be a picture of text under a stamp or a page number
_NO_LETTERS = 10  # a page number at most
_LARGE_IMAGE = 300  # pixels each way; smaller ones are logos and signatures
_DRAWN = 1500  # bytes of drawing: letters may have been drawn as shapes
_PART_OF_PAGE = 0.35  # of its area: a picture that covers less is a screenshot, no text to be recognised
_WHOLE_PAGE = 0.8  # what covers so much is a scan or a background
_FORMS = 1000  # that one page may draw
_TOO_MANY_FORMS = f"one page draws more than {_FORMS} forms"
_IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_BOLD = re.compile("bold|black|heavy|demi", re.IGNORECASE)
# What parsers let through where a file puts a null, a name or too few numbers, found by changing bytes.
_LEAKED = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, zlib.error)
_NO_LETTER = re.compile(r"\(cid:\d+\)")  # pdfplumber's word for a glyph without a letter
_REASONS = {
    "EmptyFileError": "the file is empty",
    "FileNotDecryptedError": "it is locked with a password; save a copy without one",
    "DependencyError": "it is encrypted in a way that needs the Python package `cryptography`",
    "LimitReachedError": "it unpacks to more than any ordinary page: {}",
    "RecursionError": "it is nested deeper than any ordinary document",
    "MemoryError": "it needs more memory than is allowed",
    "TimeoutError": f"one page takes longer than {_LONG_PAGE:.0f} s",
    "PdfStreamError": "it is broken or cut off, or no PDF ({}); get it again from where it came",
    "PdfReadError": "it is broken ({}); get it again from where it came",
}


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture as drawn on a page: where the file holds it, its upper end in points, its pixels."""

    place: str
    top: float
    pixels: int  # of its shorter side
    share: float  # of the page that it covers


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What a page draws: its text in the order of drawing, and where text and pictures stand."""

    text: str
    pieces: tuple[Piece, ...]
    pictures: tuple[_Picture, ...]
    columns: Columns | None
    unseen: int  # texts that were left out


def parse(path: Path, *, seconds: float) -> Parsed:
    """Read every page without OCR; slower ways are not tried any more after the given seconds.

    Raises DocumentError for a file that is broken, locked or hostile.
    """
    deadline = time.monotonic() + seconds
    with _refusing(), _open(path) as reader:
        drawings = [_draw(page) for page in reader.pages]
        encoding = detect("\n".join(drawing.text for drawing in drawings))
        headings = find_headings([drawing.pieces for drawing in drawings], encoding)
        bookmarks = _bookmarks(reader)
        pages: list[Page] = []
        for_ocr: list[int] = []
        drawn: list[Drawn] = []
        for number, (page, drawing) in enumerate(zip(reader.pages, drawings, strict=True), 1):
            first = make_page(number, drawing.text, Method.PLAIN, encoding)
            late = time.monotonic() > deadline
            read = [first, *(() if late else _climb(path, page, first, drawing, encoding))]
            chosen = read[-1] if drawing.columns and len(read) > 1 else best(read)
            if not is_good(chosen) or letters(chosen.text) < _FEW_LETTERS:
                for_ocr += [number] if _may_hold_text(page, drawing, chosen) else []
            chosen = with_marks(chosen, merged(headings[number - 1], bookmarks.get(number, ())))
            drawn += [
                Drawn(number, line_above(chosen, drawing.pieces, picture.top), picture.place)
                for picture in drawing.pictures
                if picture.pixels >= SCREENSHOT and picture.share < _WHOLE_PAGE
            ]
            pages.append(chosen)
    unseen = [number for number, drawing in enumerate(drawings, 1) if drawing.unseen]
    return Parsed(tuple(pages), tuple(for_ocr), tuple(drawn), tuple(unseen))


def page_alone(path: Path, number: int, out: Path) -> None:
    """Write one page of a PDF as a file of its own. Raises DocumentError."""
    from pypdf import PdfWriter

    with _refusing(), _open(path) as reader:
        writer = PdfWriter()
        writer.add_page(reader.pages[number - 1])
        writer.write(out)


def pictures(path: Path, places: Iterable[str]) -> Iterator[tuple[str, Image]]:
    """The pictures that parse() named by their places; one that cannot be decoded is left out."""
    from pypdf.errors import DependencyError, PyPdfError
    from pypdf.generic import IndirectObject, StreamObject

    with _refusing(), _open(path) as reader:
        for place in places:
            number, generation = map(int, place.split())
            stream = IndirectObject(number, generation, reader).get_object()
            try:
                image = stream.decode_as_image() if isinstance(stream, StreamObject) else None
            except (PyPdfError, DependencyError, NotImplementedError, OSError, *_LEAKED):
                continue
            if image is not None:
                yield place, image


@contextmanager
def _open(path: Path) -> Iterator[PdfReader]:
    """The file, with limits for what one page may unpack to; a missing pointer to the table is put back."""
    import io

    import pypdf

    with pypdf.apply_configuration(outline_maximum_depth=20, page_tree_maximum_depth=50):
        data = path.read_bytes()
        if b"startxref" not in data and b"trailer" in data:
            data += b"\nstartxref\n0\n%%EOF\n"  # a wrong one makes pypdf look for the objects itself
        yield pypdf.PdfReader(io.BytesIO(data))


@contextmanager
def _refusing() -> Iterator[None]:
    """Turns what parsers raise for broken and hostile files into a DocumentError that says why."""
    from pypdf.errors import DependencyError, PyPdfError

    try:
        yield
    except (PyPdfError, DependencyError, RecursionError, MemoryError, TimeoutError) as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _REASONS]
        reason = _REASONS[kinds[0]] if kinds else "it is broken ({})"
        raise DocumentError(reason.format(str(error).strip().rstrip("."))) from error


@contextmanager
def _broken() -> Iterator[None]:
    """Turns what pypdf lets through into an error of its own."""
    from pypdf.errors import PdfReadError

    try:
        yield
    except (NotImplementedError, *_LEAKED) as error:
        raise PdfReadError(f"{type(error).__name__}: {error}") from error


def _draw(page: PageObject) -> _Drawing:
    from pypdf.errors import PyPdfError
    from pypdf.generic import ArrayObject, TextStringObject

    pieces: list[Piece] = []
    found: list[_Picture] = []
    # The page, then the forms that are being drawn, with what they call by names and where they stand.
    inside: list[tuple[object, Sequence[float]]] = [(page.get("/Resources"), _IDENTITY)]
    forms = 0
    area = math.inf
    with suppress(PyPdfError, *_LEAKED):
        area = float(page.mediabox.width) * float(page.mediabox.height) or math.inf
    ink = Ink(_sides(page))

    def see(text: str, user: list[float], matrix: list[float], font: object, size: float) -> None:
        if text.strip():
            x, y = _times(matrix, user)[4:]
            points = size * math.hypot(*matrix[2:4]) * math.hypot(*user[2:4])
            pieces.append(Piece(x, y, points, text.strip(), _is_bold(font)))

    def enter(operator: bytes, operands: list[object], user: list[float], text: list[float]) -> None:
        nonlocal forms
        resources, outside = inside[-1]
        if not ink.shows(operator, operands, _times(user, outside), text):
            operands[-1:] = [ArrayObject() if operator == b"TJ" else TextStringObject("")]
        if operator != b"Do" or not operands:
            return
        item = _resource(resources, operands[0])
        matrix = _times(user, outside)
        if item.get("/Subtype") == "/Image":
            ink.picture(matrix)
            found.extend(_picture(item, matrix, area))
        else:
            forms += 1
            if forms > _FORMS:
                raise DocumentError(_TOO_MANY_FORMS)  # in a form, pypdf goes on without it
            resources = item.get("/Resources", resources)
            matrix = _times(_six_numbers(item.get("/Matrix")), matrix)
        inside.append((resources, matrix))

    def leave(operator: bytes, operands: list[object], *_: object) -> None:
        if operator == b"Do" and operands:
            inside.pop()

    with _broken():
        text = page.extract_text(visitor_text=see, visitor_operand_before=enter, visitor_operand_after=leave)
    if forms > _FORMS:
        raise DocumentError(_TOO_MANY_FORMS)
    return _Drawing(text, tuple(pieces), tuple(found), find_columns(pieces), ink.unseen)


def _sides(page: PageObject) -> Box:
    """The part of a page that shows, in points; all there is where the file does not say."""
    from pypdf.errors import PyPdfError

    with suppress(PyPdfError, *_LEAKED):
        left, bottom, right, top = map(float, page.cropbox)
        if left < right and bottom < top:
            return left, bottom, right, top
    return -math.inf, -math.inf, math.inf, math.inf


def _times(one: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    """The matrix that does what the first does and then what the other does, as PDFs write them."""
    a, b, c, d, e, f = map(float, one)
    k, l, m, n, x, y = map(float, other)  # noqa: E741
    return a * k + b * m, a * l + b * n, c * k + d * m, c * l + d * n, e * k + f * m + x, e * l + f * n + y


def _six_numbers(matrix: Iterable[object] | None) -> Sequence[float]:
    """The matrix of a form; one that is none does nothing."""
    numbers = [number for number in matrix or () if isinstance(number, int | float)]
    return numbers if len(numbers) == len(_IDENTITY) else _IDENTITY


def _resource(resources: object, name: object) -> Mapping[Any, Any]:
    """The form or picture that a page or form calls by a name; empty if there is none."""
    return _dictionary(_dictionary(_dictionary(resources).get("/XObject")).get(name))


def _dictionary(item: object) -> Mapping[Any, Any]:
    from pypdf.generic import PdfObject

    found = item.get_object() if isinstance(item, PdfObject) else None
    return found if isinstance(found, Mapping) else {}


def _picture(item: Mapping[Any, Any], matrix: Sequence[float], area: float) -> Iterator[_Picture]:
    from pypdf.generic import StreamObject

    size = [pixels for key in ("/Width", "/Height") if isinstance(pixels := item.get(key), int)]
    reference = item.indirect_reference if isinstance(item, StreamObject) else None
    if reference is None or len(size) != 2 or item.get("/ImageMask"):
        return
    a, b, c, d, _, y = matrix
    place = f"{reference.idnum} {reference.generation}"
    yield _Picture(place, y + max(0, b, d, b + d), min(size), abs(a * d - b * c) / area)


def _is_bold(font: object) -> bool:
    return isinstance(font, Mapping) and _BOLD.search(str(font.get("/BaseFont", ""))) is not None


def _bookmarks(reader: PdfReader) -> dict[int, list[Mark]]:
    """What the file's own list of its parts names, by page; nothing where the list is broken."""
    from pypdf.errors import PyPdfError
    from pypdf.generic import Destination

    found: dict[int, list[Mark]] = {}
    waiting: list[tuple[Any, int]] = []
    with suppress(PyPdfError, RecursionError, *_LEAKED):
        waiting = [(item, 1) for item in reversed(reader.outline)]
        while waiting:
            item, level = waiting.pop()
            if isinstance(item, list):
                waiting += [(child, level + 1) for child in reversed(item)]
            elif isinstance(item, Destination):
                page = reader.get_destination_page_number(item)
                if page is not None and item.title:
                    found.setdefault(page + 1, []).append(Mark(tidy(str(item.title)), level))
    return found


def _climb(
    path: Path, page: PageObject, first: Page, drawing: _Drawing, encoding: Encoding
) -> Iterator[Page]:
    """The next readings of a page, until one is good and lacks no text.

    They cannot tell what is seen: where something is not, the page is left as it is, or recognised.
    """
    number, columns = first.number, drawing.columns
    if drawing.unseen:
        return
    rungs: tuple[tuple[Method, Callable[[], str | None]], ...] = (
        (Method.LAYOUT, lambda: page.extract_text(extraction_mode="layout")),
        (Method.PDFPLUMBER, lambda: _pdfplumber(path, number, columns)),
    )
    if columns:
        rungs = rungs[1:]
    elif is_good(first) or not first.text:
        return
    for method, rung in rungs:
        if (text := _tried(rung)) is not None:
            read = make_page(number, text, method, encoding)
            yield read
            if read.quality >= _VERY_GOOD and letters(read.text) >= 0.9 * letters(first.text):
                return


def _tried(rung: Callable[[], str | None]) -> str | None:
    """What a slower way reads; None if it fails on this page, where the next may not."""
    with _alarm(_LONG_PAGE):
        try:
            return rung()
        except _parser_errors():
            return None


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _parser_errors() -> tuple[type[Exception], ...]:
    from pypdf.errors import PyPdfError

    try:
        from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException
    except ImportError:
        return PyPdfError, *_LEAKED
    return PyPdfError, MalformedPDFException, PdfminerException, *_LEAKED


def _pdfplumber(path: Path, number: int, columns: Columns | None) -> str | None:
    """The text by the places of its letters; where there are columns, each read on its own."""
    try:
        import pdfplumber
    except ImportError:  # an extra; without it there is OCR
        return None
    with pdfplumber.open(path, pages=[number]) as document:
        page = document.pages[0]
        if columns is None:
            return _NO_LETTER.sub("\ufffd", page.extract_text() or "")
        left, top, right, bottom = page.bbox
        upper = min(max(bottom - columns.top, top), bottom)
        lower = min(max(bottom - columns.bottom, upper), bottom)
        boxes = [
            (left, top, right, upper),
            (left, upper, columns.x, lower),
            (columns.x, upper, right, lower),
            (left, lower, right, bottom),
        ]
        parts = [page.crop(box).extract_text() or "" for box in boxes if box[3] - box[1] > 1]
        return "\n".join(filter(None, parts))


def _may_hold_text(page: PageObject, drawing: _Drawing, read: Page) -> bool:
    """Whether there is something on a page that OCR might read: wrong letters, a picture, shapes."""
    if read.text and not is_good(read) and letters(read.text) >= _FEW_LETTERS:
        return True
    nothing = letters(read.text) < _NO_LETTERS
    if any(p.pixels >= _LARGE_IMAGE and (nothing or p.share >= _PART_OF_PAGE) for p in drawing.pictures):
        return True
    if not nothing:
        return False
    with _broken():
        contents = page.get_contents()
        return contents is not None and len(contents.get_data()) >= _DRAWN
