from __future__ import annotations

from collections.abc import Sequence

import pytest

from assistant.knowledge.outline import document_sections, may_be_heading, with_numbered_headings
from assistant.knowledge.pages import Heading, Line, Method, Page, make_page, pages_of

BODY = "Công dân mang thẻ căn cước đến Công an xã, phường nơi cư trú để làm thủ tục theo quy định."


def read(*texts: str, method: Method = Method.PLAIN) -> tuple[Page, ...]:
    return with_numbered_headings([make_page(n, text, method) for n, text in enumerate(texts, 1)])


def headings(pages: Sequence[Page]) -> list[tuple[str, int]]:
    return [(page.lines[heading.line], heading.level) for page in pages for heading in page.headings]


def named(pages: Sequence[Page]) -> list[str]:
    return [text for text, _ in headings(pages)]


def test_the_parts_of_a_law_are_headings() -> None:
    pages = read(
        f"Chương II\nĐĂNG KÝ TÀI KHOẢN\nMục 1\nTRÌNH TỰ\nĐiều 5. Hồ sơ\n1. Đơn đề nghị\na) Tờ khai;\n{BODY}\n"
        f"Điều 6. Thời hạn\n1. Không quá bảy ngày\n{BODY}"
    )
    assert headings(pages) == [
        ("Chương II ĐĂNG KÝ TÀI KHOẢN", 1),
        ("Mục 1 TRÌNH TỰ", 2),
        ("Điều 5. Hồ sơ", 3),
        ("Điều 6. Thời hạn", 3),
    ]


def test_the_numbers_of_a_guide_are_headings() -> None:
    pages = read(
        f"1. GIỚI THIỆU\n1.1 Đối tượng sử dụng\n{BODY}\n1.2. Thuật ngữ\n{BODY}\n2. HƯỚNG DẪN\n"
        f"2.1 Đăng nhập\n- Bước 1: Mở ứng dụng\n1. Nhập số định danh\n2. Nhập mật khẩu\n"
        f"2.1.1 Quên mật khẩu\n{BODY}"
    )
    assert headings(pages) == [
        ("1. GIỚI THIỆU", 1), ("1.1 Đối tượng sử dụng", 2), ("1.2. Thuật ngữ", 2), ("2. HƯỚNG DẪN", 1),
        ("2.1 Đăng nhập", 2), ("2.1.1 Quên mật khẩu", 3),
    ]  # fmt: skip


def test_roman_numbers_and_titles_after_plain_numbers_are_headings() -> None:
    pages = read(
        f"I. Hồ sơ\n1. Thành phần hồ sơ\n{BODY}\n2. Số lượng\n{BODY}\nII. Lệ phí\n1. Mức thu\n{BODY}"
    )
    assert named(pages) == [
        "I. Hồ sơ", "1. Thành phần hồ sơ", "2. Số lượng", "II. Lệ phí", "1. Mức thu"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Hồ sơ gồm:\n1. Thẻ căn cước\n2. Giấy khai sinh\n3. Ảnh thẻ\nNộp tại phường.",
        f"1. Công dân nộp hồ sơ tại bộ phận một cửa.\n{BODY}\n2. Cán bộ kiểm tra hồ sơ;\n{BODY}",
        f"Bước 1: Mở ứng dụng\n{BODY}\nBước 2. Đăng nhập\n{BODY}",
        f"a) Trường hợp đặc biệt\n{BODY}",
        f"Hình 2.1 Màn hình đăng nhập\n{BODY}",
        f"{BODY[:-1]} tại\nĐiều 5. Hồ sơ của Nghị định\nnày và các văn bản khác.",
        "Điều 5 Nghị định số 59/2022/NĐ-CP của Chính phủ quy định về định danh.",
        "1.1 Đối tượng ................ 7\n1.2 Thuật ngữ ................ 8",
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc",
        "3.500.000 đồng\n1.7.2026 Luật có hiệu lực",
    ],
)
def test_items_steps_captions_and_references_are_no_headings(text: str) -> None:
    assert headings(read(text)) == []


def test_lines_in_capitals_are_headings_in_text_that_was_recognised() -> None:
    pages = read(f"HƯỚNG DẪN SỬ DỤNG\nTÀI KHOẢN ĐỊNH DANH\n{BODY}\nLƯU Ý\n{BODY}", method=Method.OCR)
    assert named(pages) == ["HƯỚNG DẪN SỬ DỤNG TÀI KHOẢN ĐỊNH DANH", "LƯU Ý"]
    assert pages[0].lines[0] == "HƯỚNG DẪN SỬ DỤNG TÀI KHOẢN ĐỊNH DANH"


def test_a_heading_that_the_margin_broke_becomes_one_line() -> None:
    long = "Điều 7. Trình tự, thủ tục cấp tài khoản định danh điện tử mức độ 02 cho công dân"
    pages = read(f"{BODY}\n{long}\nđã có thẻ căn cước\n{BODY}\nĐiều 8. Lệ phí\n{BODY}")
    assert named(pages) == [f"{long} đã có thẻ căn cước", "Điều 8. Lệ phí"]


def marked(*lines: Line) -> tuple[Page, ...]:
    return with_numbered_headings(pages_of({1: lines}))


def test_where_styles_mark_headings_plain_numbers_are_items() -> None:
    pages = marked(
        Line("1. Hồ sơ", 1),
        *map(Line, (BODY, "1. Thẻ căn cước", "Bản gốc.", "Điều 3. Lệ phí", BODY)),
    )
    assert headings(pages) == [("1. Hồ sơ", 1), ("Điều 3. Lệ phí", 2)]


def test_a_title_alone_leaves_the_rest_to_the_numbers() -> None:
    pages = marked(Line("Cấp thẻ", 1), Line("1. Hồ sơ"), Line(BODY), Line("2. Lệ phí"), Line(BODY))
    assert headings(pages) == [("Cấp thẻ", 1), ("1. Hồ sơ", 2), ("2. Lệ phí", 2)]


def test_steps_and_broken_lines_that_were_marked_are_no_headings() -> None:
    pages = marked(
        *(Line(text, 1) for text in ("Cách làm", "Bước 1: Mở", "- Bấm nút", "dụng VNeID", "vneID là gì?"))
    )
    assert named(pages) == ["Cách làm", "vneID là gì?"]


@pytest.mark.parametrize("text", ["", "a) Hồ sơ", "Nộp hồ sơ.", "– Hồ sơ", "12/2026", "A " * 30])
def test_what_reads_as_no_heading(text: str) -> None:
    assert not may_be_heading(text)


def test_a_section_runs_over_the_ends_of_pages() -> None:
    pages = [
        Page(
            1, "UBND PHƯỜNG\nKính gửi các tổ dân phố.\n1. Hồ sơ\nThẻ cũ.", Method.PLAIN, 1.0, (Heading(2, 1),)
        ),
        Page(2, "Ảnh thẻ.", Method.PLAIN, 1.0),
        Page(3, "Đơn.\n2. Lệ phí\nKhông.", Method.PLAIN, 1.0, (Heading(1, 1),)),
    ]
    assert [(s.id, s.heading, s.text, s.page) for s in document_sections("d", pages)] == [
        ("d#1", "UBND PHƯỜNG", "Kính gửi các tổ dân phố.", 1),
        ("d#2", "1. Hồ sơ", "Thẻ cũ.\nẢnh thẻ.\nĐơn.", 1),
        ("d#3", "2. Lệ phí", "Không.", 3),
    ]


def test_text_without_headings_is_one_section() -> None:
    (section,) = document_sections("d", read(BODY))
    assert (section.heading, section.text, section.page) == ("", BODY, 1)
    (section,) = document_sections("d", read("Xin chào"))
    assert section.text == "Xin chào"


def test_text_under_no_heading_is_cited_by_its_page() -> None:
    sections = document_sections("d", read(BODY, f"{BODY}\n{BODY[:75]}", f"{BODY[75:]}\nHết."))
    assert [section.page for section in sections] == [1, 2, 3]
    assert sections[1].text == f"{BODY}\n{BODY}"


def test_a_first_line_that_goes_on_is_no_title() -> None:
    (section,) = document_sections("d", read(f"{BODY[:60]}\n{BODY[60:]}"))
    assert (section.heading, section.text) == ("", BODY)


def test_headings_without_text_and_tables_of_contents_are_left_out() -> None:
    contents = (
        "MỤC LỤC\n1.1 Hồ sơ ........ 2\nTrường hợp người\nnước ngoài ........ 2\n1.2 Lệ phí ........\n3"
    )
    pages = read(f"{contents}\nPHẦN I\n1.1 Hồ sơ\n{BODY}\n1.2 Lệ phí\nKhông.")
    sections = document_sections("d", pages)
    assert [(s.heading, s.text) for s in sections] == [("1.1 Hồ sơ", BODY), ("1.2 Lệ phí", "Không.")]


def test_an_article_that_is_a_sentence_keeps_it_as_its_text() -> None:
    pages = read("Điều 1. Phạm vi\nCả nước.\nĐiều 2. Quyết định này có hiệu lực từ ngày ký.")
    assert [(s.heading, s.text) for s in document_sections("d", pages)] == [
        ("Điều 1. Phạm vi", "Cả nước."),
        ("Điều 2", "Quyết định này có hiệu lực từ ngày ký."),
    ]


def test_lines_that_the_margin_broke_are_put_together() -> None:
    lines = (
        f"{BODY[:60]}\n{BODY[60:]}\n- Đơn\n- Ảnh thẻ cỡ bốn nhân sáu, nền trắng, chụp không quá sáu\ntháng"
    )
    (section,) = document_sections("d", read(lines))
    assert section.text.split("\n")[1:] == [
        "- Đơn", "- Ảnh thẻ cỡ bốn nhân sáu, nền trắng, chụp không quá sáu tháng"
    ]  # fmt: skip


def test_a_long_section_is_split_where_a_step_begins() -> None:
    steps = [f"Bước {n}: " + "bấm nút rồi chờ " * 25 + "\n" + "xem lại " * 20 + "." for n in range(1, 6)]
    pages = [
        Page(1, "1.1 Đăng nhập\n" + "\n".join(steps[:2]), Method.PLAIN, 1.0, (Heading(0, 1),)),
        Page(2, "\n".join(steps[2:]), Method.PLAIN, 1.0),
    ]
    sections = document_sections("d", pages)
    assert [(s.id, s.heading, s.page, s.text[:6]) for s in sections] == [
        ("d#1", "1.1 Đăng nhập", 1, "Bước 1"),
        ("d#2", "1.1 Đăng nhập", 2, "Bước 3"),
    ] + [("d#3", "1.1 Đăng nhập", 2, "Bước 5")] * (len(sections) - 2)
    assert " ".join(s.text for s in sections).split() == " ".join(steps).split()


def test_a_long_paragraph_is_split_between_sentences() -> None:
    sections = document_sections("d", read(f"{BODY} " * 60))
    assert all(section.text.endswith(".") and len(section.text.split()) <= 400 for section in sections)
    assert len(sections) > 1
    endless = document_sections("d", read("thẻ " * 800))
    assert [len(section.text.split()) for section in endless] == [400, 400]


def test_pictures_go_with_the_lines_they_stand_under() -> None:
    page = Page(
        1, "I. Tải về\nMở kho.\nII. Đăng nhập\nNhập mã.\nXong.", Method.PLAIN, 1.0,
        (Heading(0, 1), Heading(2, 1)), ("a.png", "b.png", "c.png"), (2, 3, 5),
    )  # fmt: skip
    more = Page(2, "", Method.PLAIN, 0.0, (), ("d.png",), (0,))
    assert [section.images for section in document_sections("d", [page, more])] == [
        ("a.png",),
        ("b.png", "c.png", "d.png"),
    ]


def test_pages_whose_headings_are_followed_by_pictures_alone_are_sections() -> None:
    page = Page(
        1,
        "I. Màn hình\nII. Lệ phí\nKhông.",
        Method.PLAIN,
        1.0,
        (Heading(0, 1), Heading(1, 1)),
        ("a.png",),
        (1,),
    )
    assert [(s.heading, s.text, s.images) for s in document_sections("d", [page])] == [
        ("I. Màn hình", "I. Màn hình", ("a.png",)),
        ("II. Lệ phí", "Không.", ()),
    ]
