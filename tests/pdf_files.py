"""Makes small PDFs as they come: clean, glyph by glyph, in columns, in old encodings, scanned, hostile."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import AccessPermission, EncryptionMethod
from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfWriter
from pypdf.generic import NameObject, StreamObject

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
SHORT = 102  # millimetres of a page for OCR, which reads every spot
TEXT = """Công dân mang thẻ căn cước đến Công an xã, phường nơi cư trú để làm thủ tục.
Cán bộ tiếp nhận sẽ chụp ảnh khuôn mặt, thu nhận vân tay và kiểm tra thông tin.
Thời hạn giải quyết không quá bảy ngày làm việc, kể từ ngày nhận đủ hồ sơ hợp lệ.
Người cao tuổi, người khuyết tật được ưu tiên phục vụ tại nhà khi có đề nghị."""


def new_pdf(*, height: float = 297) -> FPDF:
    pdf = FPDF(format=(210, height))
    pdf.set_auto_page_break(False)
    pdf.add_font("DejaVu", fname=FONT)
    pdf.set_font("DejaVu", size=11)
    return pdf


def write_lines(pdf: FPDF, lines: Sequence[str], *, x: float = 20, y: float = 30, step: float = 7) -> None:
    for number, line in enumerate(lines):
        pdf.text(x, y + number * step, line)


def save(pdf: FPDF, path: Path) -> Path:
    pdf.output(str(path))
    return path


def clean(path: Path, pages: Sequence[str] = (TEXT,), *, height: float = 297) -> Path:
    pdf = new_pdf(height=height)
    for text in pages:
        pdf.add_page()
        write_lines(pdf, text.split("\n"))
    return save(pdf, path)


def glyph_by_glyph(path: Path, *, tracking: float = 1.0, spaces: bool = True) -> Path:
    """Every letter placed on its own, as some printers' drivers do."""
    pdf = new_pdf()
    pdf.add_page()
    for row, line in enumerate(TEXT.split("\n")):
        x = 10.0
        for letter in line:
            if spaces or letter != " ":
                pdf.text(x, 30 + 7 * row, letter)
            x += pdf.get_string_width(letter) * tracking
    save(pdf, path)
    writer = PdfWriter(clone_from=path)
    page = writer.pages[0]
    drawn, content = page.get_contents(), StreamObject()
    assert drawn is not None
    content.set_data(drawn.get_data().replace(b" Tj ", b" Tj T* "))
    page[NameObject("/Contents")] = writer._add_object(content)
    writer.write(path)
    return path


def columns(path: Path, left: Sequence[str], right: Sequence[str]) -> Path:
    """Two columns, drawn line by line across the page."""
    pdf = new_pdf()
    pdf.set_font(size=8)
    pdf.add_page()
    for row, (one, other) in enumerate(zip(left, right, strict=True)):
        pdf.text(15, 30 + 5 * row, one)
        pdf.text(110, 30 + 5 * row, other)
    return save(pdf, path)


def latin(path: Path, text: str) -> Path:
    """Codes of an old Vietnamese font, which a PDF declares as Windows-1252."""
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Times", size=12)
    write_lines(pdf, text.split("\n"))
    return save(pdf, path)


def without_unicode(path: Path) -> Path:
    """A font that does not say which letters its glyphs are."""
    data = clean(path, height=SHORT).read_bytes()
    path.write_bytes(re.sub(rb"/ToUnicode \d+ 0 R", lambda match: b" " * len(match[0]), data))
    return path


def locked(path: Path, *, user: str | None = None) -> Path:
    pdf = new_pdf()
    pdf.set_encryption("owner", user, EncryptionMethod.RC4, AccessPermission.none())
    pdf.add_page()
    write_lines(pdf, TEXT.split("\n"))
    return save(pdf, path)


def scan(path: Path, *, dpi: int = 150, slant: float = 0.0, shade: bool = False) -> Path:
    """A page as a picture, perhaps slanted and darker towards one side."""
    width, height = round(8.27 * dpi), round(4 * dpi)
    image = Image.new("L", (width, height), 255)
    font = ImageFont.truetype(FONT, round(11 / 72 * dpi))
    ImageDraw.Draw(image).multiline_text((dpi // 2, dpi // 2), TEXT, font=font, fill=20, spacing=dpi // 12)
    image = image.rotate(slant, Image.Resampling.BICUBIC, fillcolor=255)
    if shade:
        light = Image.linear_gradient("L").rotate(90).resize(image.size).point(lambda v: 90 + v * 165 // 255)
        image = Image.composite(image, Image.new("L", image.size), light)
    pdf = FPDF(format=(210, SHORT))
    pdf.add_page()
    pdf.image(image, 0, 0, 210)
    return save(pdf, path)


def handmade(path: Path, content: bytes, *, more: Sequence[bytes] = (), resources: bytes = b"<<>>") -> Path:
    """A PDF of one page, written by hand; `content` is a stream with its dictionary."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R /Resources %s >>" % resources,
        content,
        *more,
    ]
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    data += (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
        % (
            size,
            table,
            size,
            data.rindex(b"endobj\n") + len(b"endobj\n"),
        )
    )
    path.write_bytes(data)
    return path


def stream(data: bytes, *, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def bomb(path: Path) -> Path:
    """Some 100 kB that unpack to 100 MB."""
    packed = zlib.compress(b" " * 100_000_000, 9)
    return handmade(path, stream(packed, entries=b"/Filter /FlateDecode"))


def fan_out(path: Path) -> Path:
    """Forms that draw forms: ten levels of ten each."""
    level = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F %d 0 R >> >>"
    more = [stream(b"/F Do " * 10, entries=level % (6 + number)) for number in range(10)]
    last = stream(b"0 0 1 1 re f", entries=b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]")
    return handmade(path, stream(b"/F Do"), more=[*more, last], resources=b"<< /XObject << /F 5 0 R >> >>")
