from __future__ import annotations

from pathlib import Path

import pdf_files
import pytest
from pdf_files import TEXT
from PIL import Image

from assistant.errors import DocumentError
from assistant.knowledge.pages import Heading, Method, Page
from assistant.knowledge.pdf import parse, pictures
from assistant.knowledge.typeset import Piece, find_columns

LEFT = [
    f"Dòng thứ {n} của cột trái nói về thẻ căn cước và giấy tờ"
    for n in "một hai ba bốn năm sáu bảy tám chín mười".split()
]
RIGHT = [line.replace("trái", "phải") for line in LEFT]


def read(path: Path) -> Page:
    (page,) = parse(path, seconds=20).pages
    return page


def test_clean_text_needs_no_more_than_the_plain_way(tmp_path: Path) -> None:
    assert read(pdf_files.clean(tmp_path / "a.pdf")) == Page(1, TEXT, Method.PLAIN, 1.0)


def test_larger_letters_and_bookmarks_tell_headings(tmp_path: Path) -> None:
    pdf = pdf_files.new_pdf()
    pdf.add_page()
    pdf.set_font(size=18)
    pdf.text(20, 20, "Đăng nhập")
    pdf.set_font(size=11)
    pdf_files.write_lines(pdf, ["Mật khẩu", *TEXT.split("\n")])
    pdf.start_section("Đăng nhập")
    pdf.start_section("Mật khẩu", level=1)
    page = read(pdf_files.save(pdf, tmp_path / "a.pdf"))
    assert page.lines[:2] == ["Đăng nhập", "Mật khẩu"]
    assert page.headings == (Heading(0, 1), Heading(1, 2))


def test_pictures_are_found_where_they_are_drawn(tmp_path: Path) -> None:
    pdf = pdf_files.new_pdf()
    pdf.add_page()
    pdf_files.write_lines(pdf, TEXT.split("\n"))
    pdf.image(Image.new("RGB", (240, 320), "navy"), 20, 60, 60)
    pdf.image(Image.new("RGB", (90, 90)), 100, 60, 60)  # a logo
    pdf.add_page()
    pdf_files.write_lines(pdf, TEXT.split("\n"))
    pdf.image(Image.new("RGB", (240, 320), "navy"), 20, 35, 20)  # the same, under the first line
    pdf.image(Image.new("RGB", (400, 400)), 0, 0, 210, 297)  # a background
    path = pdf_files.save(pdf, tmp_path / "a.pdf")
    first, second = parse(path, seconds=20).drawn
    assert [(one.page, one.line) for one in (first, second)] == [(1, 4), (2, 1)]
    assert first.place == second.place
    ((_, image),) = pictures(path, [first.place])
    assert image.size == (240, 320)


def test_letters_placed_one_by_one_are_read_by_layout(tmp_path: Path) -> None:
    page = read(pdf_files.glyph_by_glyph(tmp_path / "a.pdf"))
    assert (page.text, page.method) == (TEXT, Method.LAYOUT)


def test_letters_without_spaces_are_parted_into_words(tmp_path: Path) -> None:
    page = read(pdf_files.glyph_by_glyph(tmp_path / "a.pdf", spaces=False))
    assert page.text == TEXT


def test_letters_set_wide_are_read_by_pdfplumber(tmp_path: Path) -> None:
    page = read(pdf_files.glyph_by_glyph(tmp_path / "a.pdf", tracking=1.2))
    assert (page.text, page.method) == (TEXT, Method.PDFPLUMBER)


def test_columns_drawn_across_are_read_one_after_the_other(tmp_path: Path) -> None:
    page = read(pdf_files.columns(tmp_path / "a.pdf", LEFT, RIGHT))
    assert page.text.split("\n") == [*LEFT, *RIGHT]


def test_a_table_is_read_row_by_row(tmp_path: Path) -> None:
    cells = [
        ("Lệ phí", "Năm mươi nghìn đồng"),
        ("Thời hạn", "Bảy ngày làm việc kể từ ngày nhận đủ hồ sơ"),
    ] * 5
    page = read(pdf_files.columns(tmp_path / "a.pdf", *zip(*cells, strict=True)))
    assert page.text.split("\n") == [" ".join(row) for row in cells]


def test_pieces_of_one_line_are_no_columns() -> None:
    pieces = [Piece(50 + 60 * n, 700 - 14 * row, 11, "mang giấy tờ") for row in range(20) for n in range(6)]
    assert find_columns(pieces) is None


@pytest.mark.parametrize(
    ("noise", "text"),
    [
        (
            "Ng\xadêi d©n nép hå s¬ t¹i bé phËn mét cöa cña ph\xadêng.",
            "Người dân nộp hồ sơ tại bộ phận một cửa của phường.",
        ),
        ("Ngöôøi daân noäp hoà sô taïi boä phaän moät cöûa.", "Người dân nộp hồ sơ tại bộ phận một cửa."),
    ],
)
def test_old_encodings_are_decoded_before_cleaning(tmp_path: Path, noise: str, text: str) -> None:
    assert read(pdf_files.latin(tmp_path / "a.pdf", noise)).text == text


def test_a_file_locked_against_copying_can_be_read(tmp_path: Path) -> None:
    assert read(pdf_files.locked(tmp_path / "a.pdf")).text == TEXT


def test_a_file_whose_last_lines_are_lost_is_read_anyway(tmp_path: Path) -> None:
    path = pdf_files.clean(tmp_path / "a.pdf")
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"startxref")])
    assert read(path).text == TEXT


def test_an_empty_page_is_no_reason_for_ocr(tmp_path: Path) -> None:
    parsed = parse(pdf_files.clean(tmp_path / "a.pdf", [TEXT, ""]), seconds=20)
    assert [page.text for page in parsed.pages] == [TEXT, ""]
    assert parsed.for_ocr == ()


def test_pictures_and_fonts_without_letters_are_for_ocr(tmp_path: Path) -> None:
    assert parse(pdf_files.scan(tmp_path / "a.pdf"), seconds=20).for_ocr == (1,)
    assert parse(pdf_files.without_unicode(tmp_path / "b.pdf"), seconds=20).for_ocr == (1,)


def test_a_screenshot_with_few_words_is_no_reason_for_ocr(tmp_path: Path) -> None:
    pdf = pdf_files.new_pdf()
    for width in (60, 190):
        pdf.add_page()
        pdf_files.write_lines(pdf, ["Hình một: màn hình đăng nhập."])
        pdf.image(Image.new("RGB", (600, 800), "navy"), 10, 35, width)
    assert parse(pdf_files.save(pdf, tmp_path / "a.pdf"), seconds=20).for_ocr == (2,)


def test_a_page_of_few_words_is_no_reason_for_ocr(tmp_path: Path) -> None:
    assert parse(pdf_files.clean(tmp_path / "a.pdf", ["Hết."]), seconds=20).for_ocr == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html><body>404</body></html>", "no PDF"),
        (b"%PDF-1.7\n" + b"[" * 100_000, "broken"),
    ],
)
def test_what_is_no_pdf_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    with pytest.raises(DocumentError, match=reason):
        parse(path, seconds=20)


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    path = pdf_files.clean(tmp_path / "a.pdf")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(DocumentError, match="cut off"):
        parse(path, seconds=20)


def test_a_file_with_a_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="password"):
        parse(pdf_files.locked(tmp_path / "a.pdf", user="secret"), seconds=20)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="unpacks to more"):
        parse(pdf_files.bomb(tmp_path / "a.pdf"), seconds=20)


def test_forms_that_draw_forms_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="forms"):
        parse(pdf_files.fan_out(tmp_path / "a.pdf"), seconds=20)


def test_a_value_nested_too_deep_is_refused(tmp_path: Path) -> None:
    path = pdf_files.handmade(tmp_path / "a.pdf", b"[" * 50_000 + b"]" * 50_000)
    with pytest.raises(DocumentError, match="nested"):
        parse(path, seconds=20)
