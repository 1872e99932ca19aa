from __future__ import annotations

from assistant.knowledge.pages import Heading, Method, make_page
from assistant.knowledge.typeset import Mark, Piece, find_headings, line_above, merged, with_marks

BODY = "mang thẻ căn cước đến Công an xã"


def page_of(*lines: tuple[str, float, bool], step: float = 14) -> list[Piece]:
    """Lines from above to below: text, size, bold."""
    return [Piece(50, 800 - step * n, size, text, bold) for n, (text, size, bold) in enumerate(lines)]


def body(count: int = 6) -> list[tuple[str, float, bool]]:
    return [(BODY, 12, False)] * count


def test_larger_and_bold_lines_are_headings_larger_ones_higher() -> None:
    pages = [
        page_of(("Hướng dẫn", 18, True), *body(), ("Đăng nhập", 12, True), *body(), ("Mật khẩu", 14, True))
    ]
    assert find_headings(pages) == [[Mark("Hướng dẫn", 1), Mark("Đăng nhập", 3), Mark("Mật khẩu", 2)]]


def test_among_lines_set_alike_numbers_tell_the_level() -> None:
    pages = [page_of(("1. Chung", 12, True), *body(), ("1.1 Riêng", 12, True), *body())]
    assert find_headings(pages) == [[Mark("1. Chung", 1), Mark("1.1 Riêng", 2)]]


def test_a_heading_of_two_lines_is_one() -> None:
    first, second = "Đăng ký tài khoản định danh điện tử", "mức độ hai cho công dân"
    pages = [page_of((first, 16, True), (second, 16, True), *body(), step=20)]
    assert find_headings(pages) == [[Mark(f"{first} {second}", 1)]]


def test_steps_labels_sentences_and_bold_words_are_no_headings() -> None:
    lines = [("Bước 1: Mở ứng dụng", 12, True), ("Lưu ý:", 12, True), ("Không đọc mã OTP cho ai.", 12, True)]
    pages = [page_of(*lines, *body()) + [Piece(50, 100, 12, "Bấm"), Piece(80, 100, 12, "Tiếp tục", True)]]
    assert find_headings(pages) == [[]]


def test_where_most_is_bold_bold_says_nothing() -> None:
    assert find_headings([page_of(*[(BODY, 12, True)] * 5, ("Đăng nhập", 12, True))]) == [[]]


def test_the_head_of_a_table_is_no_heading() -> None:
    head = [Piece(x, 300, 12, text, True) for x, text in ((50, "Bước"), (110, "Việc"), (250, "Lưu ý"))]
    row = [Piece(x, 280, 12, text) for x, text in ((50, "1"), (110, "Mở ứng dụng"), (250, "Đủ pin"))]
    assert find_headings([page_of(*body()) + head + row]) == [[]]


def test_a_number_set_apart_belongs_to_its_heading() -> None:
    heading = [Piece(50, 300, 14, "2.1", True), Piece(120, 300, 14, "Đăng nhập", True)]
    assert find_headings([page_of(*body()) + heading]) == [[Mark("2.1 Đăng nhập", 1)]]


def test_bookmarks_know_the_levels_and_what_letters_do_not_tell() -> None:
    found = [Mark("Đăng nhập", 3)]
    assert merged(found, [Mark("ĐĂNG NHẬP", 1), Mark("Mật khẩu", 2)]) == [
        Mark("ĐĂNG NHẬP", 1),
        Mark("Mật khẩu", 2),
    ]


def test_marks_are_found_in_the_text_however_it_was_read() -> None:
    page = make_page(
        1, "Đăng nhập\nĐăng nhập là việc đầu tiên.\nĐăng ký tài\nkhoản mới\nXong.", Method.LAYOUT
    )
    marked = with_marks(page, [Mark("ĐĂNG NHẬP", 1), Mark("Đăng ký tài khoản mới", 2), Mark("Không có", 1)])
    assert marked.lines == ["Đăng nhập", "Đăng nhập là việc đầu tiên.", "Đăng ký tài khoản mới", "Xong."]
    assert marked.headings == (Heading(0, 1), Heading(2, 2))


def test_a_picture_stands_under_the_lowest_line_above_it() -> None:
    pieces = page_of(("Bấm nút.", 12, False), ("Chờ.", 12, False), ("Xong.", 12, False))
    page = make_page(1, "Bấm nút.\nChờ.\nXong.", Method.PLAIN)
    assert [line_above(page, pieces, y) for y in (900, 795, 780, 0)] == [0, 1, 2, 3]
