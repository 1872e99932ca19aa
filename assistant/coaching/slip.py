"""A sheet → what a person takes home: a PDF (A5, or a roll of 58 mm), the text of its QR code, a message.

Facts of the guide alone, each with its source and date, as they hold on the day of the sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING, Any

from assistant.answering.card import bullets, day_in_words
from assistant.coaching.paper import FAMILY, begin
from assistant.coaching.sheet import Kind, Line, Sheet, marks_of
from assistant.datatypes import Citation, Step
from assistant.text.normalize import without_marks

if TYPE_CHECKING:
    import segno
    from fpdf import FPDF

_MM = 72 / 25.4  # points
_LEADING = 1.32  # lines, in font sizes
_GREY = 70
_MARKDOWN = ("**", "__", "--", "~~", "](", "\\")  # what fpdf2 would take for its Markdown


class Size(StrEnum):
    """Paper: a sheet of A5, or the roll of a receipt printer."""

    A5 = "a5"
    ROLL = "58"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a size is filled. Millimetres, fonts in points; a roll is as long as what is on it.

    `otherwise`: with what to do where a screen looks different; a roll would be half as long again.

    `qr_bytes` is what a QR code of level M holds whose modules are 0.5 mm wide on `qr` mm, the least that
    cameras of old telephones read: version 23 on A5, 16 on a roll (ISO/IEC 18004, table 7).
    """

    width: float
    height: float | None
    margin: float
    title: float
    body: float
    small: float
    qr: float
    qr_bytes: int
    otherwise: bool


LAYOUTS = {
    Size.A5: Layout(148, 210, 10, 21, 14, 10, 60, 857, True),
    Size.ROLL: Layout(58, None, 4, 15, 12, 8.5, 47, 450, False),
}


@dataclass(frozen=True, slots=True)
class Slip:
    """What stands on a slip, in its order. Texts keep their [n]."""

    title: str
    lead: str
    papers: tuple[str, ...]
    steps: tuple[Step, ...]
    fees: tuple[str, ...]
    times: tuple[str, ...]
    places: tuple[str, ...]
    contacts: tuple[str, ...]
    cautions: tuple[str, ...]
    sources: tuple[tuple[int, str], ...]  # those of the texts above, by their numbers
    reviewed: date | None
    printed: date


def slip_of(sheet: Sheet, words: Mapping[str, Any]) -> Slip:
    """The slip of a sheet, with the words of prompts/slip.toml."""
    card = sheet.card
    papers = zip(sheet.paper_lines, sheet.papers, strict=True)
    slip = Slip(
        title=card.title,
        lead=card.summary,
        papers=tuple(f"{paper} [{number}]" for paper, number in papers),
        steps=card.steps,
        fees=_told(sheet.of(Kind.FEE)),
        times=_told(sheet.of(Kind.TIME)),
        places=_told(sheet.of(Kind.PLACE)),
        contacts=tuple(f"{contact.name}: {contact.value}" for contact in card.contacts),
        cautions=card.cautions,
        sources=(),
        reviewed=sheet.guide.document.reviewed,
        printed=sheet.today,
    )
    used = " ".join(_texts(slip))
    cited = (c for c in sheet.citations if f"[{c.number}]" in used)
    return replace(slip, sources=tuple((c.number, _source(c, words)) for c in cited))


def _texts(slip: Slip) -> Iterator[str]:
    yield slip.lead
    yield from slip.papers
    for step in slip.steps:
        yield from filter(None, (step.text, step.otherwise))
    for _, lines in parts_of(slip):
        yield from lines


def _told(lines: Sequence[Line]) -> tuple[str, ...]:
    return tuple(f"{line.words} [{line.source}]" for line in lines)


def _source(citation: Citation, words: Mapping[str, Any]) -> str:
    day = "/".join(reversed((citation.date or "").split("-")))
    return words["source"].format(title=citation.title, day=day) if day else citation.title


def parts_of(slip: Slip) -> list[tuple[str, tuple[str, ...]]]:
    """The lists behind the steps, by the key of their heading; those that hold anything."""
    parts = [
        ("fees", slip.fees),
        ("time", slip.times),
        ("place", slip.places),
        ("contacts", slip.contacts),
        ("cautions", slip.cautions),
    ]
    return [(key, lines) for key, lines in parts if lines]


def message(slip: Slip, words: Mapping[str, Any]) -> str:
    """The slip as plain text, to be pasted into a chat."""
    parts = [slip.title.upper(), slip.lead]
    if slip.papers:
        parts.append(bullets(words["papers"], slip.papers))
    if slip.steps:
        steps = [f"{number}. {step.text}" for number, step in enumerate(slip.steps, 1)]
        parts.append("\n".join([f"{words['steps']}:", *steps]))
    parts += [bullets(words[key], lines) for key, lines in parts_of(slip)]
    parts.append(bullets(words["sources"], [source for _, source in slip.sources]))
    parts.append(_dated(slip, words))
    return without_marks("\n\n".join(parts))


def _dated(slip: Slip, words: Mapping[str, Any]) -> str:
    reviewed = day_in_words(slip.reviewed or slip.printed)
    dated: str = words["qr"]["dated"].format(day=reviewed, name=words["name"])
    return dated


@dataclass(frozen=True, slots=True)
class Carried:
    """What a QR code holds: the text, how many whole steps of it, and what the paper says about that."""

    text: str
    steps: int
    note: str


def carried(slip: Slip, words: Mapping[str, Any], room: int) -> Carried:
    """The title, as many whole steps as `room` bytes hold, and the date; the summary where there are none."""
    said, count = words["qr"], len(slip.steps)
    end = _dated(slip, words)
    if not count:
        texts = (slip.lead, "")
        told = (without_marks(f"{slip.title}\n{text}\n{end}") for text in texts)
        return Carried(next(text for text in told if _fits(text, room)), 0, said["short"])
    steps = [without_marks(f"{number}. {step.text}") for number, step in enumerate(slip.steps, 1)]
    for last in range(count, -1, -1):
        rest = [] if last == count else [said["rest"].format(next=last + 1, count=count)]
        text = "\n".join([slip.title, *steps[:last], *rest, end])
        if _fits(text, room):
            break
    key = "whole" if last == count else "cut"
    return Carried(text, last, said[key].format(count=count, last=last, next=last + 1))


def _fits(text: str, room: int) -> bool:
    return len(text.encode()) <= room


def qr_code(text: str) -> segno.QRCode:
    """The QR code of a text in UTF-8, which cameras take for it without being told."""
    import segno

    return segno.make_qr(text, error="m", encoding="utf-8", boost_error=False)


def slip_pdf(slip: Slip, words: Mapping[str, Any], size: Size, have: Iterable[int] = ()) -> bytes:
    """The slip as a PDF. `have` are the papers, from 1, that the person has already."""
    layout, ticked = LAYOUTS[size], frozenset(have)
    if layout.height is not None:
        return _filled(slip, words, layout, layout.height, ticked)[0]
    # A roll is cut where the slip ends: filled once to learn where that is.
    _, end = _filled(slip, words, layout, 4000, ticked)
    return _filled(slip, words, layout, end + layout.margin, ticked)[0]


def _filled(
    slip: Slip, words: Mapping[str, Any], layout: Layout, height: float, have: frozenset[int]
) -> tuple[bytes, float]:
    """The PDF on paper of a height, and where on its last page it ends (mm)."""
    pdf = _new_pdf(slip, words, layout, height)
    body, small = layout.body, layout.small
    printed = words["printed"].format(day=day_in_words(slip.printed))
    _line(pdf, f"{words['name']} · {words['kind']}. {printed}", small)
    _line(pdf, slip.title, layout.title, style="B", after=1.5)
    _line(pdf, slip.lead, body, after=2)
    if slip.papers:
        _heading(pdf, words["papers"], layout)
        for number, paper in enumerate(slip.papers, 1):
            _line(pdf, paper, body, indent=body / _MM * 1.6, sign="x" if number in have else "o", after=1)
    if slip.steps:
        _heading(pdf, words["steps"], layout)
        for number, step in enumerate(slip.steps, 1):
            indent = body / _MM * 1.9
            _line(pdf, step.text, body, indent=indent, sign=f"{number}.", after=0.6)
            if step.otherwise and layout.otherwise:
                _line(pdf, f"{words['otherwise']} {step.otherwise}", small + 1, indent=indent, after=1.2)
    for key, lines in parts_of(slip):
        _heading(pdf, words[key], layout)
        for line in lines:
            _line(pdf, line, body, indent=body / _MM * 0.8, sign="•", after=0.6)
    _heading(pdf, words["sources"], layout)
    for number, source in slip.sources:
        _line(pdf, source, small, indent=small / _MM * 1.7, sign=f"{number}.")
    _line(pdf, words["reviewed"].format(day=day_in_words(slip.reviewed or slip.printed)), small)
    _code(pdf, slip, words, layout)
    end = pdf.get_y()
    return bytes(pdf.output()), end


def _new_pdf(slip: Slip, words: Mapping[str, Any], layout: Layout, height: float) -> FPDF:
    from fpdf import FPDF

    class Paper(FPDF):
        """With the number of each page, where a slip has pages."""

        def footer(self) -> None:
            if layout.height is not None:
                self.set_font(FAMILY, "", layout.small - 1)
                self.set_y(-self.b_margin + 1)
                self.cell(0, 5, words["page"].format(number=self.page_no(), count="{nb}"), align="R")

    pdf = Paper(unit="mm", format=(layout.width, height))
    pdf.set_margin(layout.margin)
    pdf.c_margin = 0
    # Nothing is torn apart: `_make_room` turns the page, of a roll never.
    pdf.set_auto_page_break(False, layout.margin if layout.height else -height)
    begin(pdf, slip.title)
    pdf.set_creation_date(datetime(slip.printed.year, slip.printed.month, slip.printed.day, tzinfo=UTC))
    pdf.add_page()
    return pdf


def _heading(pdf: FPDF, text: str, layout: Layout) -> None:
    _make_room(pdf, layout.body / _MM * 5)  # not alone at the foot of a page
    pdf.set_y(pdf.get_y() + 1.5)
    pdf.set_draw_color(0)
    pdf.set_line_width(0.4)
    pdf.line(pdf.l_margin, pdf.get_y(), pdf.w - pdf.r_margin, pdf.get_y())
    pdf.set_y(pdf.get_y() + 1)
    _line(pdf, text, layout.body + 1, style="B", after=0.6)


def _line(
    pdf: FPDF,
    text: str,
    size: float,
    *,
    style: str = "",
    indent: float = 0,
    sign: str = "",
    after: float = 0,
) -> None:
    """A paragraph behind its sign, kept on one page; the numbers of its sources stand small on its right."""
    marks, said = marks_of(text), without_marks(text)
    plain = any(mark in said for mark in _MARKDOWN)
    if not plain:
        said = said.replace("“", "**“").replace("”", "”**")  # what a button says
    pdf.set_font(FAMILY, style, size)
    height, left = size / _MM * _LEADING, pdf.l_margin + indent
    gutter = 4 if marks else 0
    options: dict[str, Any] = {"h": height, "text": said, "align": "L", "markdown": not plain}
    options["w"] = pdf.w - pdf.r_margin - left - gutter
    pdf.set_x(left)
    needed = pdf.multi_cell(**options, dry_run=True, output="HEIGHT")
    assert isinstance(needed, float)
    _make_room(pdf, needed)
    top = pdf.get_y()
    if sign in ("o", "x"):
        _box(pdf, pdf.l_margin, top + height * 0.14, height * 0.62, ticked=sign == "x")
    elif sign:
        pdf.set_xy(pdf.l_margin, top)
        pdf.set_font(style="B")
        pdf.cell(indent, height, sign)
        pdf.set_font(style=style)
    pdf.set_xy(left, top)
    pdf.multi_cell(**options, new_x="LMARGIN", new_y="NEXT")
    end = pdf.get_y()
    if marks:
        pdf.set_font(size=6.5)
        pdf.set_text_color(_GREY)
        pdf.set_xy(pdf.w - pdf.r_margin - gutter, top)
        pdf.multi_cell(gutter, height * 0.62, marks, align="R")
        pdf.set_text_color(0)
    pdf.set_y(end + after)


def _box(pdf: FPDF, x: float, y: float, side: float, *, ticked: bool) -> None:
    pdf.set_draw_color(0)
    pdf.set_line_width(0.5)
    pdf.rect(x, y, side, side)
    if ticked:
        pdf.set_line_width(0.8)
        corner = (x + side * 0.42, y + side * 0.78)
        pdf.line(x + side * 0.18, y + side * 0.5, *corner)
        pdf.line(*corner, x + side * 0.86, y + side * 0.2)


def _make_room(pdf: FPDF, height: float) -> None:
    if pdf.get_y() + height > pdf.h - pdf.b_margin:
        pdf.add_page()


def _code(pdf: FPDF, slip: Slip, words: Mapping[str, Any], layout: Layout) -> None:
    """The QR code with what it holds, beside it or, on a roll, under it."""
    held = carried(slip, words, layout.qr_bytes)
    picture = BytesIO()
    qr_code(held.text).save(picture, kind="png", scale=8, border=4)
    picture.seek(0)
    beside = layout.width - 2 * layout.margin - layout.qr
    wide = beside > 40
    _make_room(pdf, layout.qr + (0 if wide else 30))
    top, left = pdf.get_y() + 1, pdf.l_margin
    x = left if wide else (layout.width - layout.qr) / 2
    pdf.image(picture, x=x, y=top, w=layout.qr, h=layout.qr, alt_text=words["qr"]["alt"])
    texts = (words["qr"]["title"], held.note, words["qr"]["hint"])
    if wide:
        pdf.set_left_margin(left + layout.qr + 2)
        pdf.set_y(top + 4)
    else:
        pdf.set_y(top + layout.qr)
    for number, text in enumerate(texts):
        _line(
            pdf, text, layout.body - 2 if number < 2 else layout.small, style="" if number else "B", after=1
        )
    pdf.set_left_margin(left)
    pdf.set_y(max(pdf.get_y(), top + layout.qr))
