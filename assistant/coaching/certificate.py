"""The certificate of a finished course: a PDF made in memory, which says itself that it is no diploma."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from assistant.coaching.paper import FAMILY, begin
from assistant.errors import UnfitNameError
from assistant.text.normalize import clean

LONGEST_NAME = 60  # characters
_BLUE, _INK, _SOFT = (11, 61, 145), (17, 17, 17), (64, 64, 64)
_WIDTH, _HEIGHT, _MARGIN, _ROW = 297, 210, 22, 6.5  # mm, A4 lying


def certificate_name(typed: str) -> str:
    """The name as it stands on the certificate. Raises UnfitNameError where it is none."""
    name = clean(typed)
    letters = name.replace(" ", "").replace("-", "").replace("'", "").replace(".", "")
    if not letters.isalpha() or len(name) > LONGEST_NAME:
        raise UnfitNameError(f"a name is letters, at most {LONGEST_NAME} characters")
    return name


def certificate(words: Mapping[str, str], name: str, day: date, lessons: Sequence[str]) -> bytes:
    """One page A4: who, what, when, the lessons by title. `words` is [certificate] of classroom.toml."""
    from fpdf import FPDF

    pdf = FPDF("landscape", "mm", "A4")
    begin(pdf, words["title"])
    pdf.set_auto_page_break(False)
    pdf.add_page()
    pdf.set_draw_color(*_BLUE)
    pdf.set_line_width(1.2)
    pdf.rect(9, 9, _WIDTH - 18, _HEIGHT - 18)
    pdf.set_line_width(0.3)
    pdf.rect(11.5, 11.5, _WIDTH - 23, _HEIGHT - 23)

    def line(text: str, size: float, style: str, colour: tuple[int, int, int], height: float) -> None:
        pdf.set_font(FAMILY, style, size)
        pdf.set_text_color(*colour)
        pdf.set_x(_MARGIN)
        pdf.multi_cell(_WIDTH - 2 * _MARGIN, height, text, align="C", new_x="LMARGIN", new_y="NEXT")

    pdf.set_y(22)
    line(words["movement"], 14, "", _SOFT, 8)
    line(words["title"], 28, "B", _BLUE, 16)
    line(words["given_to"], 14, "", _INK, 9)
    line(name, 26, "B", _INK, 15)
    line(words["text"].format(count=len(lessons)), 14, "", _INK, 8)
    column, rows, top = (_WIDTH - 2 * _MARGIN) / 2, -(-len(lessons) // 2), pdf.get_y() + 4
    pdf.set_font(FAMILY, "", 11)
    for place, title in enumerate(lessons):
        pdf.set_xy(_MARGIN + column * (place // rows), top + _ROW * (place % rows))
        pdf.cell(column, _ROW, f"{place + 1}. {title}")
    pdf.set_font(FAMILY, "", 13)
    pdf.set_xy(_MARGIN, _HEIGHT - 58)
    pdf.cell(column, 8, words["day"].format(day=day.strftime("%d/%m/%Y")), align="C")
    pdf.cell(column, 8, words["trainer"], align="C")
    pdf.set_y(_HEIGHT - 24)
    line(words["note"], 10, "", _SOFT, 5)
    return bytes(pdf.output())
