from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.knowledge.pages import (
    Heading,
    Method,
    Page,
    Reading,
    as_row,
    as_text,
    best,
    is_good,
    make_page,
    regrouped,
    repaired,
    table_lines,
    tidy,
    without_running_lines,
)

GOOD = "Công dân mang thẻ căn cước đến Công an xã nơi cư trú."


def page(text: str, number: int = 1, method: Method = Method.PLAIN) -> Page:
    return make_page(number, text, method)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Tho\u031b\u0300i  ha\u0323n\r\n\x00\u200bnăm\tngày ", "Thời hạn\nnăm ngày"),
        ("https://dichvucong.gov-\n.vn/p/home", "https://dichvucong.gov.vn/p/home"),
        ("Ðiều 1. Ngƣời đƣợc ƯU ĐÃI", "Điều 1. Người được ƯU ĐÃI"),
        ("ứng dụng VNe-\nID", "ứng dụng VNeID"),
        ("mã G22-\n240115-0007", "mã G22-240115-0007"),
        ("Nguyễn Thị Mai-\nAnh", "Nguyễn Thị Mai-Anh"),
        ("gồm:\n- một\n- hai -\nba", "gồm:\n- một\n- hai -\nba"),
    ],
)
def test_text_is_made_clean(raw: str, expected: str) -> None:
    assert tidy(raw) == expected


def test_good_text_is_told_from_noise() -> None:
    assert is_good(page(GOOD))
    assert not is_good(page(" ".join(GOOD)))
    assert not is_good(page(""))


def test_a_short_page_may_hold_names() -> None:
    assert is_good(page("Tra cứu tại Facebook Messenger của phường"))


def test_the_best_reading_lacks_little_text() -> None:
    whole, part = page(f"{GOOD} {GOOD} bvc zq"), page(GOOD, method=Method.OCR)
    assert best([part, whole]) == whole
    assert best([whole, page(f"{GOOD} {GOOD}", method=Method.OCR)]).method is Method.OCR


def test_the_name_that_ocr_misreads_is_set_right() -> None:
    assert repaired("ứng dụng VNelD, VNe1D, VNeID") == "ứng dụng VNeID, VNeID, VNeID"


def test_running_headers_and_footers_are_removed() -> None:
    pages = [
        page(f"BỘ CÔNG AN\n{body}\nTrang {number}/4", number)
        for number, body in enumerate(["Một là thẻ.", "Hai là đơn.", "Ba là ảnh.", "Bốn là phí."], 1)
    ]
    assert [p.text for p in without_running_lines(pages)] == [
        "Một là thẻ.",
        "Hai là đơn.",
        "Ba là ảnh.",
        "Bốn là phí.",
    ]


def test_a_line_that_only_two_pages_share_stays() -> None:
    pages = [page(f"BỘ CÔNG AN\n{GOOD}", number) for number in (1, 2)]
    assert without_running_lines(pages) == tuple(pages)


def test_a_page_of_nothing_but_running_lines_keeps_them() -> None:
    pages = [page(f"Trang {number}", number) for number in range(1, 6)]
    assert without_running_lines(pages) == tuple(pages)


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ([["Bước", "Việc"], ["1", "Nộp"], ["2.", "Ký"]], ["Bước: Việc", "Bước 1: Nộp", "Bước 2: Ký"]),
        ([["Bước 1", "Nộp", "Công an"], ["Bước 2", "Ký", ""]], ["Bước 1: Nộp – Công an", "Bước 2: Ký"]),
        ([["STT", "Giấy tờ", "Số"], ["1", "Đơn", "01"]], ["STT – Giấy tờ – Số", "1. Đơn – 01"]),
        (
            [["Lệ phí", "Không"], ["", ""], ["Nơi làm:", "Công  an\nxã"]],
            ["Lệ phí: Không", "Nơi làm: Công an xã"],
        ),
        ([["", "Nam", "Nữ"], ["Tuổi", "60", "55"]], ["Nam – Nữ", "Tuổi – 60 – 55"]),
    ],
)
def test_a_table_can_be_read_aloud(rows: list[list[str]], lines: list[str]) -> None:
    assert table_lines(rows) == lines


def test_headings_and_pictures_keep_their_lines_when_others_go() -> None:
    before = replace(
        page("BỘ CÔNG AN\nMột\nlà thẻ.\nHai"), headings=(Heading(0, 1), Heading(1, 2)), image_lines=(0, 3)
    )
    after = regrouped(before, [[1, 2], [3]])
    assert (after.text, after.headings, after.image_lines) == ("Một là thẻ.\nHai", (Heading(0, 2),), (0, 1))


def test_a_person_sees_headings_and_pictures() -> None:
    shown = as_text(
        Reading("a.pdf", (replace(page(GOOD), headings=(Heading(0, 2),), images=("a.png",)),), None, 0)
    )
    assert f"## {GOOD}\n[a.png]" in shown


def test_a_reading_as_json_has_the_keys_of_the_contract() -> None:
    row = as_row(Reading("a.pdf", (page(GOOD),), None, 0.1))
    assert list(row) == ["file", "status", "reason", "pages", "seconds"]
    first = {"number": 1, "text": GOOD, "method": "plain", "quality": 1.0}
    assert row["pages"] == [first | {"headings": (), "images": (), "image_lines": ()}]
