"""PDFs as they come → pages: plain text, else by layout, else pdfplumber; what is left is for OCR.

Runs inside knowledge/pdf_child.py, which bounds time and memory: nothing here defends against a file that
never ends. Each page climbs the ladder alone, until its words are spelled as Vietnamese and few are missing.
"""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from assistant.errors import DocumentError
from assistant.knowledge.pages import Method, Page, best, is_good, letters, make_page, repaired
from assistant.text.legacy import Encoding, detect

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

_LONG_PAGE = 10.0  # seconds; ordinary pages take 0.25 even with pdfplumber
_VERY_GOOD = 0.98  # where the plain way failed, words may still be run together below it
_FEW_LETTERS = 100  # a page with fewer may be a picture of text under a stamp or a page number
_NO_LETTERS = 10  # a page number at most
_LARGE_IMAGE = 300  # pixels each way; smaller ones are logos and signatures
_DRAWN = 1500  # bytes of drawing: letters may have been drawn as shapes
_OCR_PIXELS = 60  # million: A3 at 600 dpi
_FORMS = 1000  # XObjects that one page may draw
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
class Parsed:
    """What could be read without OCR, and the numbers of the pages that need it."""

    pages: tuple[Page, ...]
    for_ocr: tuple[int, ...]
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text as drawn: where it begins, in points from below left, and the size of its letters."""

    x: float
    y: float
    size: float
    text: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Two columns drawn line by line: where the right one begins, their upper and their lower end."""

    x: float
    top: float
    bottom: float


def parse(path: Path, *, seconds: float) -> Parsed:
    """Read every page without OCR; slower ways are not tried any more after the given seconds.

    Raises DocumentError for a file that is broken, locked or hostile.
    """
    deadline = time.monotonic() + seconds
    with _refusing(), _open(path) as reader:
        drawn = [_plain(page) for page in reader.pages]
        encoding = detect("\n".join(text for text, _ in drawn))
        pages, for_ocr = [], []
        for number, (page, (text, columns)) in enumerate(zip(reader.pages, drawn, strict=True), 1):
            first = make_page(number, text, Method.PLAIN, encoding)
            late = time.monotonic() > deadline
            read = [first, *(() if late else _climb(path, page, first, columns, encoding))]
            chosen = read[-1] if columns and len(read) > 1 else best(read)
            if not is_good(chosen) or letters(chosen.text) < _FEW_LETTERS:
                for_ocr += [number] if _may_hold_text(page, chosen) else []
            pages.append(chosen)
    return Parsed(tuple(pages), tuple(for_ocr), encoding)


def recognise(path: Path, number: int, folder: Path, *, seconds: float) -> Page:
    """Read one page by OCR: rendered, straightened, evenly white. `folder` is for its files."""
    try:
        import ocrmypdf
    except ImportError as error:
        raise DocumentError("OCR is not installed; install the extra `ocr` and tesseract-ocr-vie") from error
    from pypdf import PdfWriter

    alone, out = folder / "page.pdf", folder / "page.txt"
    with _refusing(), _open(path) as reader:
        writer = PdfWriter()
        writer.add_page(reader.pages[number - 1])
        writer.write(alone)
    try:
        ocrmypdf.ocr(
            alone,
            "-",
            sidecar=out,
            output_type="none",
            language=["vie"],
            force_ocr=True,
            deskew=True,
            tesseract_thresholding="sauvola",  # each spot by what is around it: stamps, folds
            plugins=["assistant.knowledge.flatten"],
            jobs=1,
            use_threads=True,
            optimize=0,
            max_image_mpixels=_OCR_PIXELS,
            tesseract_timeout=seconds,
            progress_bar=False,
        )
    except ocrmypdf.exceptions.ExitCodeException as error:
        raise DocumentError(f"OCR of page {number} failed: {error}") from error
    return make_page(number, repaired(out.read_text(encoding="utf-8")), Method.OCR)


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
    from pypdf.errors import PyPdfError

    try:
        yield
    except (PyPdfError, RecursionError, MemoryError, TimeoutError) as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _REASONS]
        reason = _REASONS[kinds[0]] if kinds else "it is broken ({})"
        raise DocumentError(reason.format(str(error).strip().rstrip("."))) from error


def _plain(page: PageObject) -> tuple[str, Columns | None]:
    pieces: list[Piece] = []
    forms = 0

    def see(text: str, user: list[float], matrix: list[float], _font: object, size: float) -> None:
        if text.strip():
            x = matrix[4] * user[0] + matrix[5] * user[2] + user[4]
            y = matrix[4] * user[1] + matrix[5] * user[3] + user[5]
            pieces.append(Piece(x, y, size, text.strip()))

    def count(operator: bytes, *_: object) -> None:
        nonlocal forms
        forms += operator == b"Do"
        if forms > _FORMS:
            raise DocumentError  # pypdf goes on without this form

    text = page.extract_text(visitor_text=see, visitor_operand_before=count)
    if forms > _FORMS:
        raise DocumentError(f"one page draws more than {_FORMS} forms")
    return text, find_columns(pieces)


def _climb(
    path: Path, page: PageObject, first: Page, columns: Columns | None, encoding: Encoding
) -> Iterator[Page]:
    """The next readings of a page, until one is good and lacks no text."""
    number = first.number
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
        except (MemoryError, RecursionError, TimeoutError, DocumentError):
            raise
        except Exception:  # parsers of others fail on strange fonts in every way there is
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


def find_columns(pieces: Sequence[Piece]) -> Columns | None:
    """The two columns of a page whose lines were drawn in pairs, left and right; None for anything else.

    A table drawn row by row looks alike, but its cells do not fill their columns as running text does.
    """
    pieces = _lines(pieces)
    pairs = [
        (left, right)
        for left, right in zip(pieces, pieces[1:], strict=False)
        if abs(left.y - right.y) <= 2 and right.x - left.x > 10 * left.size
    ]
    if len(pairs) < 8 or 2 * len(pairs) < 0.6 * len(pieces):
        return None
    sides = [[left for left, _ in pairs], [right for _, right in pairs]]
    edges = [Counter(round(piece.x) for piece in side).most_common(1)[0] for side in sides]
    if min(count for _, count in edges) < 0.8 * len(pairs) or not all(map(_is_prose, sides)):
        return None
    size = max(piece.size for piece in sides[0])
    return Columns(edges[1][0] - 2, max(p.y for p in sides[0]) + size, min(p.y for p in sides[0]) - size / 2)


def _is_prose(side: Sequence[Piece]) -> bool:
    lengths = sorted(len(piece.text) for piece in side)
    middle = lengths[len(lengths) // 2]
    unended = sum(not re.search(r"[.:;!?]$", piece.text) for piece in side)
    return middle >= 20 and middle >= 0.7 * lengths[-1] and unended >= 0.6 * len(side)


def _lines(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces that continue one another on a line, put together."""
    lines: list[Piece] = []
    for piece in pieces:
        if lines and abs(lines[-1].y - piece.y) <= 2:
            last = lines[-1]
            end = last.x + len(last.text) * last.size * 0.5
            if last.x < piece.x < end + 2 * last.size:
                lines[-1] = Piece(last.x, last.y, last.size, f"{last.text} {piece.text}")
                continue
        lines.append(piece)
    return lines


def _may_hold_text(page: PageObject, read: Page) -> bool:
    """Whether there is something on a page that OCR might read: wrong letters, a picture, shapes."""
    if read.text and not is_good(read) and letters(read.text) >= _FEW_LETTERS:
        return True
    if _has_large_image(page):
        return True
    contents = page.get_contents() if letters(read.text) < _NO_LETTERS else None
    return contents is not None and len(contents.get_data()) >= _DRAWN


def _has_large_image(page: PageObject) -> bool:
    resources = page.get("/Resources")
    objects = resources.get_object().get("/XObject") if resources else None
    for item in (objects.get_object() if objects else {}).values():
        image = item.get_object()
        if image.get("/Subtype") == "/Image" and min(image["/Width"], image["/Height"]) >= _LARGE_IMAGE:
            return True
    return False
