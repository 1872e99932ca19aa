"""DOCX → pages of lines: headings by their styles, numbers of lists, tables row by row, pictures.

Runs inside knowledge/reading.py, on an archive that knowledge/kinds.py has looked at. The document's XML is
walked as it is, for python-docx leaves out what stands in text boxes, fields and tracked insertions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import DocumentError
from assistant.knowledge.kinds import BROKEN_ARCHIVE
from assistant.knowledge.outline import MOTTO, with_bold_headings
from assistant.knowledge.pages import Drawn, Line, Parsed, pages_of, table_lines

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SKIPPED = {f"{_W}{name}" for name in ("del", "moveFrom", "pPr", "rPr", "sectPr")} | {_FALLBACK}
_PICTURES = (
    "{http://schemas.openxmlformats.org/drawingml/2006/main}blip",
    "{urn:schemas-microsoft-com:vml}imagedata",
)
_PAGE = "\f"  # where a page ends, within the text of a paragraph
_OFF = {"0", "false", "none"}
_FEW_CELL_LINES = 6  # a cell of more is part of the page's layout, not of a table
_LEVELS = 9
_TINY = 4  # half points
_WHITE = {"FFFFFF", "FEFEFE", "FDFDFD"}
_PROPERTIES = ("rPr", "pPr", "tcPr", "tblPr")
_TEXT_BOX = f"{_W}txbxContent"  # may be filled with any colour
_ROMAN = [(1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")] + [
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Style:
    """What a style of paragraphs says, its parents' words included; None where nothing is said."""

    level: int | None = None
    contents: bool = False
    bold: bool = False
    number: tuple[str, int] | None = None


@dataclass(slots=True)
class _Numbers:
    """The lists of a document: how each level is written, and how far each has counted."""

    levels: dict[str, dict[int, tuple[str, str, int]]] = field(default_factory=dict)  # format, text, first
    abstract: dict[str, str] = field(default_factory=dict)
    counts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))


@dataclass(frozen=True, slots=True)
class _Source:
    """What is needed to read a paragraph."""

    styles: dict[str, _Style]
    default: _Style
    numbers: _Numbers
    places: dict[str, str]  # relation → member of the archive
    notes: dict[str, Element]  # footnotes


@dataclass(slots=True)
class _Sheet:
    """The pages while they are being filled."""

    page: int = 1
    lines: dict[int, list[Line]] = field(default_factory=lambda: {1: []})
    drawn: list[Drawn] = field(default_factory=list)
    is_new: bool = True  # nothing stands on the page yet: another end of page changes nothing
    begins_page: bool = False  # a page was ended before anything stood on the first

    def end_page(self) -> None:
        if self.is_new:
            self.begins_page |= self.page == 1
            return
        self.page += 1
        self.lines[self.page] = []
        self.is_new = True

    def add(self, line: Line) -> None:
        if line.text.strip():
            self.is_new = False
            self.lines[self.page].append(line)

    def add_picture(self, place: str) -> None:
        self.is_new = False
        self.drawn.append(Drawn(self.page, len(self.lines[self.page]), place))

    def take(self, other: _Sheet) -> None:
        """Add all of a sheet that was filled on its own."""
        if other.begins_page:
            self.end_page()
        for page, lines in other.lines.items():
            if page > 1:
                self.end_page()
            pictures = [(picture.line, picture.place) for picture in other.drawn if picture.page == page]
            for n in range(len(lines) + 1):
                for place in (place for line, place in pictures if line == n):
                    self.add_picture(place)
                if n < len(lines):
                    self.add(lines[n])


def parse_word(path: Path) -> Parsed:
    """Read a DOCX. Pages are those that Word last saw, where it left a note of them; else there is one.

    Raises DocumentError for a file that is broken.
    """
    import docx
    from docx.opc.constants import RELATIONSHIP_TYPE as RT
    from docx.oxml import parse_xml

    with _refusing():
        document = docx.Document(str(path))
        part, body = document.part, document.element.body
        if body is None:
            raise ValueError("it has no body")
        related = {rel.reltype: rel.target_part for rel in part.rels.values() if not rel.is_external}
        styles = related[RT.STYLES].element if RT.STYLES in related else None
        numbering = related[RT.NUMBERING].element if RT.NUMBERING in related else None
        places = {
            id_: str(rel.target_part.partname).lstrip("/")
            for id_, rel in part.rels.items()
            if not rel.is_external and rel.reltype == RT.IMAGE
        }
        known = _styles(styles)
        defaults = [style.get(f"{_W}styleId") for style in _children(styles, "style") if _is_default(style)]
        default = known[defaults[0]] if defaults else _Style()
        notes = parse_xml(related[RT.FOOTNOTES].blob) if RT.FOOTNOTES in related else None
        numbered = {note.get(f"{_W}id", ""): note for note in _children(notes, "footnote")}
        source = _Source(known, default, _numbers(numbering), places, numbered)
        sheet = _Sheet()
        _read_blocks(body, source, sheet)
    return Parsed(pages_of(with_bold_headings(sheet.lines)), drawn=tuple(sheet.drawn))


@contextmanager
def _refusing() -> Iterator[None]:
    """Turns what the library raises for broken archives and odd XML into a DocumentError."""
    from docx.exceptions import PythonDocxError
    from docx.opc.exceptions import OpcError
    from lxml.etree import LxmlError

    try:
        yield
    except (PythonDocxError, OpcError, LxmlError, *BROKEN_ARCHIVE) as error:
        raise DocumentError(f"it is broken ({error}); get it again from where it came") from error


def _children(element: Element | None, name: str) -> list[Element]:
    return [] if element is None else element.findall(f"{_W}{name}")


def _value(element: Element, path: str) -> str | None:
    """The value of a setting below an element; "" where it is there without one."""
    found = element.find("/".join(f"{_W}{name}" for name in path.split("/")))
    return None if found is None else found.get(f"{_W}val", "")


def _is_on(element: Element, path: str) -> bool:
    value = _value(element, path)
    return value is not None and value not in _OFF


def _is_default(style: Element) -> bool:
    return style.get(f"{_W}type") == "paragraph" and style.get(f"{_W}default") in {"1", "true"}


def _styles(element: Element | None) -> dict[str, _Style]:
    written = {style.get(f"{_W}styleId", ""): style for style in _children(element, "style")}
    found: dict[str, _Style] = {}

    def style(id_: str, depth: int = 0) -> _Style:
        if id_ not in written or depth > 20:
            return _Style()
        if id_ not in found:
            found[id_] = _style(written[id_], style(_value(written[id_], "basedOn") or "", depth + 1))
        return found[id_]

    return {id_: style(id_) for id_ in written}


def _style(element: Element, parent: _Style) -> _Style:
    name = (_value(element, "name") or "").lower()
    level = _outline_level(element)
    if name.startswith("heading ") and name[8:].isdigit():
        level = int(name[8:])
    elif name == "title":
        level = 1
    bold = _is_on(element, "rPr/b") if _value(element, "rPr/b") is not None else parent.bold
    return _Style(
        parent.level if level is None else level,
        parent.contents or name.startswith("toc ") or name == "table of figures",
        bold,
        _list_of(element) or parent.number,
    )


def _outline_level(element: Element) -> int | None:
    value = _value(element, "pPr/outlineLvl")
    if value is None or not value.isdigit():
        return None
    return int(value) + 1 if int(value) < _LEVELS else 0


def _list_of(element: Element) -> tuple[str, int] | None:
    """The list and the level in it that a paragraph or a style belongs to; list "0" is none."""
    number = _value(element, "pPr/numPr/numId")
    level = _value(element, "pPr/numPr/ilvl") or "0"
    return (number, int(level)) if number and level.isdigit() else None


def _numbers(element: Element | None) -> _Numbers:
    numbers = _Numbers()
    abstract = {one.get(f"{_W}abstractNumId"): one for one in _children(element, "abstractNum")}
    for one in _children(element, "num"):
        id_, points_to = one.get(f"{_W}numId"), _value(one, "abstractNumId")
        if id_ is None or points_to is None or points_to not in abstract:
            continue
        written = {level.get(f"{_W}ilvl"): level for level in _children(abstract[points_to], "lvl")}
        numbers.levels[id_] = {int(n): _list_level(level) for n, level in written.items()}
        numbers.abstract[id_] = points_to
        for override in _children(one, "lvlOverride"):
            first, n = _value(override, "startOverride"), int(override.get(f"{_W}ilvl", "0"))
            if first is not None and n in numbers.levels[id_]:
                numbers.levels[id_][n] = (*numbers.levels[id_][n][:2], int(first))
                numbers.abstract[id_] = f"{points_to}/{id_}"  # it counts on its own
    return numbers


def _list_level(element: Element) -> tuple[str, str, int]:
    first = int(_value(element, "start") or 1)
    return _value(element, "numFmt") or "decimal", _value(element, "lvlText") or "", first


def _next_label(numbers: _Numbers, id_: str, level: int) -> str:
    """What stands before the next item of a list: "1.", "a)", "2.1", or a dash for every bullet."""
    levels = numbers.levels.get(id_, {})
    if level not in levels:
        return ""
    counts = numbers.counts[numbers.abstract[id_]]
    counts[level] = counts.get(level, levels[level][2] - 1) + 1
    for deeper in range(level + 1, _LEVELS):
        counts.pop(deeper, None)
    form, text, _ = levels[level]
    if form == "bullet":
        return "-"
    for n in range(level + 1):
        count = counts.get(n, levels[n][2] if n in levels else 1)
        text = text.replace(f"%{n + 1}", _counted(count, levels[n][0] if n in levels else "decimal"))
    return text.strip()


def _counted(count: int, form: str) -> str:
    if form in {"lowerLetter", "upperLetter"} and count > 0:
        letter = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letter if form == "lowerLetter" else letter.upper()
    if form in {"lowerRoman", "upperRoman"} and 0 < count < 4000:
        roman = ""
        for value, sign in _ROMAN:
            roman += sign * (count // value)
            count %= value
        return roman if form == "lowerRoman" else roman.upper()
    if form == "none":
        return ""
    return f"{count:02}" if form == "decimalZero" else str(count)


def _read_blocks(element: Element, source: _Source, sheet: _Sheet) -> None:
    """Paragraphs and tables in their order, whatever they are wrapped in."""
    for child in element:
        if child.tag == f"{_W}p":
            _read_paragraph(child, source, sheet)
        elif child.tag == f"{_W}tbl":
            _read_table(child, source, sheet)
        elif child.tag not in _SKIPPED and isinstance(child.tag, str):
            _read_blocks(child, source, sheet)


def _read_paragraph(paragraph: Element, source: _Source, sheet: _Sheet) -> None:
    style = source.styles.get(_value(paragraph, "pPr/pStyle") or "", source.default)
    level = _outline_level(paragraph)
    level = (style.level or 0) if level is None else level
    if _is_on(paragraph, "pPr/pageBreakBefore"):
        sheet.end_page()
    text, bold, boxes, places = _content(paragraph, source, style)
    item = _list_of(paragraph) or style.number
    label = _next_label(source.numbers, *item) if item and text.strip() else ""
    if not style.contents:
        for n, part in enumerate(text.split(_PAGE)):
            if n:
                sheet.end_page()
            if part.strip():
                sheet.add(Line(f"{label} {part}".strip(), level, bold))
                label = ""
    for place in places:
        sheet.add_picture(place)
    for below in (*boxes, *_notes(paragraph, source)):
        _read_blocks(below, source, sheet)
    if paragraph.find(f"{_W}pPr/{_W}sectPr") is not None and _ends_page(paragraph):
        sheet.end_page()


def _notes(paragraph: Element, source: _Source) -> Iterator[Element]:
    """The footnotes that a paragraph refers to: they are read below it."""
    for reference in paragraph.iter(f"{_W}footnoteReference"):
        if (note := source.notes.get(reference.get(f"{_W}id", ""))) is not None:
            yield note


def _ends_page(paragraph: Element) -> bool:
    """Whether the section after the one that ends here begins a page; its own settings say so."""
    after = next(
        (found for sibling in paragraph.itersiblings() for found in sibling.iter(f"{_W}sectPr")), None
    )
    return after is not None and _value(after, "type") not in {"continuous", "nextColumn"}


def _content(
    paragraph: Element, source: _Source, style: _Style
) -> tuple[str, bool, list[Element], list[str]]:
    """A paragraph's text with the ends of pages in it, whether all is bold, its text boxes and pictures."""
    text: list[str] = []
    boxes: list[Element] = []
    places: list[str] = []
    weights: set[bool] = set()
    for run in _runs(paragraph):
        if _is_unseen(run):
            continue
        shown = "".join(_signs(run))
        if shown.strip(f" {_PAGE}"):
            bold = _is_on(run, "rPr/b") if _value(run, "rPr/b") is not None else None
            own = source.styles.get(_value(run, "rPr/rStyle") or "", _Style())
            weights.add(own.bold or style.bold if bold is None else bold)
        text.append(shown)
        boxes += run.iter(f"{_W}txbxContent")
        links = [picture.get(f"{_R}embed") or picture.get(f"{_R}id") for picture in run.iter(*_PICTURES)]
        places += dict.fromkeys(source.places[link] for link in links if link in source.places)
    boxes = [box for box in boxes if next(box.iterancestors(_FALLBACK), None) is None]
    return "".join(text), weights == {True}, boxes, places


def _is_unseen(run: Element) -> bool:
    """Whether no reader sees a run: hidden, of two points at most, or white on no other colour."""
    if _is_on(run, "rPr/vanish") or _is_on(run, "rPr/webHidden"):
        return True
    size = _value(run, "rPr/sz") or ""
    if size.isdigit() and int(size) <= _TINY:
        return True
    if (_value(run, "rPr/color") or "").upper() not in _WHITE:
        return False
    shaded = [*run.iterancestors(f"{_W}p", f"{_W}tc", f"{_W}tbl", _TEXT_BOX), run]
    properties = (found for one in shaded for name in _PROPERTIES for found in _children(one, name))
    fills = [shade.get(f"{_W}fill", "auto").upper() for one in properties for shade in _children(one, "shd")]
    is_marked = _value(run, "rPr/highlight") is not None or any(one.tag == _TEXT_BOX for one in shaded)
    return not (is_marked or any(fill not in {"AUTO", *_WHITE} for fill in fills))


def _runs(element: Element) -> Iterator[Element]:
    """The runs of a paragraph, in links, fields, insertions and content controls too."""
    for child in element:
        if child.tag == f"{_W}r":
            yield child
        elif isinstance(child.tag, str) and child.tag not in _SKIPPED:
            yield from _runs(child)


def _signs(run: Element) -> Iterator[str]:
    for child in run:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag == f"{_W}lastRenderedPageBreak":
            yield _PAGE
        elif child.tag == f"{_W}br":
            yield _PAGE if child.get(f"{_W}type") == "page" else " "
        elif child.tag in {f"{_W}tab", f"{_W}cr"}:
            yield " "
        elif child.tag == f"{_W}noBreakHyphen":
            yield "-"


def _read_table(table: Element, source: _Source, sheet: _Sheet) -> None:
    """A table as lines, row by row; one that only lays out the page is read cell after cell."""
    rows = [[_sheet_of(cell, source) for cell in _inside(row, "tc")] for row in _inside(table, "tr")]
    cells = [cell for row in rows for cell in row]
    nested = table.find(f".//{_W}tbl") is not None
    if nested or max(map(len, rows), default=0) <= 1 or any(map(_is_layout, cells)):
        for cell in cells:
            sheet.take(cell)
        return
    filled = [row for row in rows if any(map(_text, row))]
    for row, line in zip(filled, table_lines([list(map(_text, row)) for row in filled]), strict=True):
        if any(cell.begins_page for cell in row):
            sheet.end_page()
        sheet.add(Line(line))
        for cell in row:
            for picture in cell.drawn:
                sheet.add_picture(picture.place)
        if any(cell.page > 1 for cell in row):
            sheet.end_page()


def _sheet_of(cell: Element, source: _Source) -> _Sheet:
    sheet = _Sheet()
    _read_blocks(cell, source, sheet)
    return sheet


def _inside(element: Element, name: str) -> Iterator[Element]:
    """The rows of a table or the cells of a row, in content controls too."""
    for child in element:
        if child.tag == f"{_W}{name}":
            yield child
        elif isinstance(child.tag, str) and child.tag not in {*_SKIPPED, f"{_W}tbl", f"{_W}p"}:
            yield from _inside(child, name)


def _text(cell: _Sheet) -> str:
    return " ".join(line.text for lines in cell.lines.values() for line in lines)


def _is_layout(cell: _Sheet) -> bool:
    lines = [line for lines in cell.lines.values() for line in lines]
    return len(lines) > _FEW_CELL_LINES or any(line.level or MOTTO.match(line.text) for line in lines)
