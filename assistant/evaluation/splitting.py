"""How well documents are split: known sections are printed as PDFs and a DOCX, read back and compared.

A folder holds sections.jsonl, a heading and its text a line. Three shapes: headings in larger and bold
letters, headings told by nothing but their numbers, and a DOCX with styles of headings.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from assistant.datatypes import Section
from assistant.errors import EvaluationError
from assistant.knowledge.outline import document_sections
from assistant.knowledge.pages import tidy
from assistant.knowledge.reading import read_document

if TYPE_CHECKING:
    from fpdf import FPDF

_FONTS = Path("/usr/share/fonts/truetype/dejavu")
_BODY, _LARGEST = 11, 16  # points
_LINE = 6  # millimetres
_ROOM = 40  # millimetres that must be left below a heading
_ON_A_PAGE = 4  # headings on a page of the DOCX
_MILLIMETRES = 0.3528  # of a point


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with the text below it."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """Of so many sections, how many were found, on the right page, with the whole text; how many more."""

    shape: str
    sections: int
    found: int
    pages: int
    texts: int
    more: int
    missed: tuple[str, ...]  # headings of which anything is wrong


def read_parts(folder: Path) -> list[Part]:
    """The sections of a folder."""
    path = folder / "sections.jsonl"
    try:
        return [msgspec.json.decode(line, type=Part) for line in path.read_bytes().splitlines() if line]
    except (OSError, msgspec.DecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error


def score_outline(folder: Path, progress: Callable[[str], None] = lambda _: None) -> list[Score]:
    """Print the sections of a folder in every shape, read them back and compare."""
    parts = read_parts(folder)
    shapes: dict[str, Callable[[Path], list[int]]] = {
        "fonts.pdf": lambda path: _print_twice(parts, path, folder.name, fonts=True),
        "numbers.pdf": lambda path: _print_twice(parts, path, folder.name, fonts=False),
        "styles.docx": lambda path: write_docx(parts, path),
    }
    scores = []
    with tempfile.TemporaryDirectory() as name:
        for shape, write in shapes.items():
            progress(shape)
            path = Path(name) / shape
            pages = write(path)
            sections = document_sections("d", read_document(path, progress=progress).pages)
            scores.append(score(shape, parts, pages, sections))
    return scores


def score(shape: str, parts: Sequence[Part], pages: Sequence[int], sections: Sequence[Section]) -> Score:
    """Compare sections with what was printed; the pieces of a long one count as one."""
    found: dict[str, list[Section]] = {}
    for section in sections:
        found.setdefault(_folded(section.heading), []).append(section)
    missed: list[str] = []
    rights: list[tuple[bool, bool, bool]] = []
    for part, page in zip(parts, pages, strict=True):
        pieces = found.pop(_folded(part.heading), [])
        text = " ".join(piece.text for piece in pieces)
        is_whole = _folded(text) == _folded(part.text)
        rights.append((bool(pieces), bool(pieces) and pieces[0].page == page, is_whole))
        missed += [] if all(rights[-1]) else [part.heading]
    exact, on_page, whole = (sum(column) for column in zip(*rights, strict=True))
    return Score(shape, len(parts), exact, on_page, whole, len(found), tuple(missed))


def as_row(scores: Sequence[Score]) -> dict[str, Any]:
    """The scores of all shapes as JSON."""
    return {"shapes": [asdict(score) for score in scores]}


def as_text(scores: Sequence[Score]) -> str:
    """The scores as lines."""
    return "\n".join(
        f"{s.shape:<12} found {s.found} of {s.sections}, page right {s.pages}, text whole {s.texts},"
        f" more {s.more}" + "".join(f"\n  wrong: {heading}" for heading in s.missed)
        for s in scores
    )


def _folded(text: str) -> str:
    return " ".join(tidy(text).split())


def _print_twice(parts: Sequence[Part], path: Path, title: str, *, fonts: bool) -> list[int]:
    """The first time, the table of contents does not know the pages."""
    pages = print_pdf(parts, path, title, [0] * len(parts), fonts=fonts)
    return print_pdf(parts, path, title, pages, fonts=fonts)


def print_pdf(
    parts: Sequence[Part], path: Path, title: str, contents: Sequence[int], *, fonts: bool
) -> list[int]:
    """Print parts with a table of contents, running headers and numbers of pages; the headings' pages."""
    pdf = _new_pdf(title)
    for part, page in zip(parts, contents, strict=True):
        dots = "." * max(4, 90 - len(part.heading))
        pdf.multi_cell(0, _LINE, f"{part.heading} {dots} {page}", new_x="LMARGIN", new_y="NEXT")
    pdf.add_page()
    pages = []
    for part in parts:
        if pdf.get_y() > pdf.h - pdf.b_margin - _ROOM:
            pdf.add_page()
        pages.append(pdf.page_no())
        size = _LARGEST - _depth(part.heading) if fonts else _BODY
        pdf.set_font("DejaVu", "B" if fonts else "", size)
        heading = re.sub(r"\s+", " ", part.heading)
        pdf.multi_cell(0, size * _MILLIMETRES * 1.4, heading, align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("DejaVu", "", _BODY)
        for line in part.text.split("\n"):
            pdf.multi_cell(0, _LINE, line, align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(_LINE / 2)
    pdf.output(str(path))
    return pages


def _new_pdf(title: str) -> FPDF:
    try:
        from fpdf import FPDF
    except ImportError as error:
        raise EvaluationError("printing PDFs needs the extra `test`") from error

    class Printed(FPDF):
        """With a running header and the number of each page."""

        def header(self) -> None:
            self.set_font("DejaVu", "", 8)
            self.cell(0, 5, title, align="C", new_x="LMARGIN", new_y="NEXT")
            self.set_font("DejaVu", "", _BODY)

        def footer(self) -> None:
            self.set_y(-12)
            self.set_font("DejaVu", "", 8)
            self.cell(0, 5, f"Trang {self.page_no()}", align="C")

    pdf = Printed()
    try:
        pdf.add_font("DejaVu", "", str(_FONTS / "DejaVuSans.ttf"))
        pdf.add_font("DejaVu", "B", str(_FONTS / "DejaVuSans-Bold.ttf"))
    except OSError as error:
        raise EvaluationError("printing PDFs needs the Debian package fonts-dejavu-core") from error
    pdf.set_font("DejaVu", "", _BODY)
    pdf.add_page()
    return pdf


def print_disguised(path: Path, text: str, hidden: str, footer: str, metadata: str) -> None:
    """Print a text with what its reader does not see: white letters of one point, a subject of the file.

    `footer` is seen, at the bottom of the page.
    """
    pdf = _new_pdf("")
    pdf.set_subject(metadata)
    pdf.set_keywords(metadata)
    pdf.multi_cell(0, _LINE, text, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("DejaVu", "", 1)
    pdf.set_text_color(255, 255, 255)
    pdf.multi_cell(0, 1, hidden, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("DejaVu", "", 8)
    pdf.set_text_color(0, 0, 0)
    pdf.set_y(-30)
    pdf.multi_cell(0, _LINE, footer)
    pdf.output(str(path))


def write_docx(parts: Sequence[Part], path: Path) -> list[int]:
    """Write parts as a DOCX, a few on each page; the headings' pages."""
    from docx import Document
    from docx.enum.text import WD_BREAK

    document = Document()
    pages = []
    for n, part in enumerate(parts):
        if n and n % _ON_A_PAGE == 0:
            document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
        pages.append(n // _ON_A_PAGE + 1)
        document.add_heading(_printable(part.heading), min(_depth(part.heading), 9))
        for line in part.text.split("\n"):
            document.add_paragraph(_printable(line))
    document.save(str(path))
    return pages


def _depth(heading: str) -> int:
    return heading.partition(" ")[0].strip(".").count(".") + 1


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
