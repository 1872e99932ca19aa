"""What every PDF made here has in common: its language, and the letters of Vietnamese in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpdf import FPDF

# Be Vietnam Pro (OFL, OFL.txt beside it), the letters of Vietnamese and English alone.
FONTS = Path(__file__).parents[1] / "web" / "static" / "fonts"
FAMILY = "Be Vietnam Pro"


def begin(pdf: FPDF, title: str) -> None:
    """Name it, say that it is Vietnamese, and embed FAMILY, plain and bold."""
    pdf.set_title(title)
    pdf.set_lang("vi")
    for style, weight in (("", "Regular"), ("B", "Bold")):
        pdf.add_font(FAMILY, style, FONTS / f"BeVietnamPro-{weight}.ttf")
