"""PPTX → one page a slide: its title is a heading; tables row by row, pictures, the words of diagrams.

Runs inside knowledge/reading.py, on an archive that knowledge/kinds.py has looked at. What an audience does
not see is left out: hidden slides, notes, running footers, hidden shapes and those beside the slide, letters
of two points at most, without any ink, or in the colour that fills their shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from assistant.errors import DocumentError
from assistant.knowledge.kinds import BROKEN_ARCHIVE
from assistant.knowledge.pages import Drawn, Line, Parsed, pages_of, table_lines

if TYPE_CHECKING:
    from pptx.parts.slide import SlidePart

Element: TypeAlias = Any
Shape: TypeAlias = Any  # what the kinds of shapes have in common has no type
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_NAMED, _SHAPE, _PROPERTIES = f"{_P}cNvPr", f"{_P}sp", f"{_P}spPr"
_WORDS = {f"{_A}r", f"{_A}br", f"{_A}fld"}
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_ROWS = 15  # of a slide: what begins in the same one is read from left to right
_TINY = 200  # hundredths of a point
_FOOTERS = {"DATE", "FOOTER", "HEADER", "SLIDE_NUMBER"}


def parse_slides(path: Path) -> Parsed:
    """Read a PPTX. Raises DocumentError for a file that is broken."""
    import pptx

    numbered: dict[int, list[Line]] = {}
    drawn: list[Drawn] = []
    unseen: list[int] = []
    with _refusing():
        presentation = pptx.Presentation(str(path))
        size = presentation.slide_width or 0, presentation.slide_height or 0
        height = size[1] / _ROWS or 1
        for number, slide in enumerate(presentation.slides, 1):
            lines = numbered[number] = []
            if slide.element.get("show") in {"0", "false"}:
                continue
            title = slide.shapes.title
            if title is not None and not _is_out_of_sight(title, *size) and title.has_text_frame:
                lines += [Line(text, 1) for text in [" ".join(_paragraphs(title))] if text.strip()]
            hidden = [shape.shape_id for shape in slide.shapes if _is_out_of_sight(shape, *size)]
            shown = [shape for shape in slide.shapes if shape.shape_id not in hidden]
            if hidden or any(_is_unseen(run) for run in slide.element.iter(f"{_A}r")):
                unseen.append(number)
            for shape in _in_reading_order(shown, height):
                if title is not None and shape.shape_id == title.shape_id:
                    continue
                lines += [Line(text) for text in _text(shape, slide.part) if text.strip()]
                drawn += [Drawn(number, len(lines), place) for place in _pictures(shape, slide.part)]
    return Parsed(pages_of(numbered), drawn=tuple(drawn), unseen=tuple(unseen))


@contextmanager
def _refusing() -> Iterator[None]:
    """Turns what the library raises for broken archives and odd XML into a DocumentError."""
    from lxml.etree import LxmlError
    from pptx.exc import PythonPptxError

    try:
        yield
    except (PythonPptxError, LxmlError, *BROKEN_ARCHIVE) as error:
        raise DocumentError(f"it is broken ({error}); get it again from where it came") from error


def _in_reading_order(shapes: Iterable[Shape], height: float) -> list[Shape]:
    """The shapes from above to below and from left to right; those of a group stay together."""
    rows: list[list[Shape]] = []
    for shape in sorted(shapes, key=lambda shape: shape.top or 0):
        if rows and (shape.top or 0) - (rows[-1][0].top or 0) <= height:
            rows[-1].append(shape)
        else:
            rows.append([shape])
    found = []
    for row in rows:
        for shape in sorted(row, key=lambda shape: shape.left or 0):
            inside = getattr(shape, "shapes", None)
            found += [shape] if inside is None else _in_reading_order(inside, height)
    return [shape for shape in found if not _is_footer(shape)]


def _is_footer(shape: Shape) -> bool:
    return bool(shape.is_placeholder) and shape.placeholder_format.type.name in _FOOTERS


def _is_out_of_sight(shape: Shape, width: int, height: int) -> bool:
    """Whether a shape is hidden or lies beside the slide."""
    if any(one.get("hidden") in {"1", "true"} for one in shape.element.iter(_NAMED)):
        return True
    if shape.left is None or shape.top is None:  # it lies where its layout puts it
        return False
    right, bottom = shape.left + (shape.width or 0), shape.top + (shape.height or 0)
    return bool(right <= 0 or bottom <= 0 or shape.left >= width or shape.top >= height)


def _is_unseen(run: Element) -> bool:
    """Whether no audience sees a run: of two points at most, without ink, or in its shape's own colour."""
    size = run.find(f"{_A}rPr[@sz]")
    if size is not None and int(size.get("sz", _TINY + 1)) <= _TINY:
        return True
    ink = run.find(f"{_A}rPr/{_A}solidFill/*")
    if run.find(f"{_A}rPr/{_A}noFill") is not None:
        return True
    if ink is None:
        return False
    opacity = ink.find(f"{_A}alpha")
    shape = next(run.iterancestors(_SHAPE), None)
    paper = None if shape is None else shape.find(f"{_PROPERTIES}/{_A}solidFill/*")
    same = paper is not None and (paper.tag, paper.get("val")) == (ink.tag, ink.get("val")) and not len(paper)
    return bool(same or (opacity is not None and opacity.get("val", "").strip("0%") == ""))


def _text(shape: Shape, part: SlidePart) -> list[str]:
    if shape.has_text_frame:
        return list(_paragraphs(shape))
    if getattr(shape, "has_table", False):
        rows = [["" if cell.is_spanned else cell.text for cell in row.cells] for row in shape.table.rows]
        return table_lines(rows)
    found = []
    for diagram in shape.element.iter(_DIAGRAM):
        words = part.related_part(diagram.get(f"{_R}dm")).blob
        found += _points(words)
    return found


def _paragraphs(shape: Shape) -> Iterator[str]:
    """The paragraphs of a shape, with the numbers of those that are counted."""
    count = 0
    for paragraph in shape.text_frame.paragraphs:
        is_counted = paragraph._p.find(f"{_A}pPr/{_A}buAutoNum") is not None
        seen = (
            " " if one.tag == f"{_A}br" else one.findtext(f"{_A}t") or ""
            for one in paragraph._p
            if one.tag in _WORDS and not _is_unseen(one)
        )
        text = " ".join("".join(seen).split())
        count = count + 1 if is_counted and text else count if not text else 0
        yield f"{count}. {text}" if is_counted and text else text


def _points(data: bytes) -> list[str]:
    """The words of a diagram, point by point."""
    from lxml import etree

    tree = etree.fromstring(data, etree.XMLParser(resolve_entities=False))
    paragraphs = tree.iter(f"{_A}p")
    return [" ".join("".join(text.text or "" for text in one.iter(f"{_A}t")).split()) for one in paragraphs]


def _pictures(shape: Shape, part: SlidePart) -> Iterator[str]:
    """Where the archive holds the pictures of a shape, those that fill it included."""
    for blip in shape.element.iter(f"{_A}blip"):
        if link := blip.get(f"{_R}embed"):
            yield str(part.related_part(link).partname).lstrip("/")
