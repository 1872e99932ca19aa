from __future__ import annotations

import base64
from pathlib import Path

import pytest
from office_files import TEXT, picture

from assistant.errors import DocumentError
from assistant.knowledge.markup import parse_html, parse_markdown, parse_text, pictures
from assistant.knowledge.pages import Page


def html(folder: Path, body: str, encoding: str = "utf-8") -> Page:
    path = folder / "a.html"
    path.write_bytes(f"<!doctype html><html><body>{body}</body></html>".encode(encoding))
    (page,) = parse_html(path).pages
    return page


def markdown(folder: Path, text: str) -> Page:
    (folder / "a.md").write_text(text, encoding="utf-8")
    (page,) = parse_markdown(folder / "a.md").pages
    return page


def headings(page: Page) -> list[tuple[str, int]]:
    return [(page.lines[heading.line], heading.level) for heading in page.headings]


def test_headings_paragraphs_and_lists_become_lines(tmp_path: Path) -> None:
    page = html(
        tmp_path,
        f"<h1>Cấp <b>thẻ</b></h1><p>{TEXT}<br>Xin cảm ơn.</p><h2>Hồ sơ</h2><ul><li><p>Đơn</p></li>"
        "<li>Ảnh<ul><li>4×6</li></ul></li></ul><ol start=3><li>Ký</li><li>Nộp <a>ở đây</a></li></ol>",
    )
    assert page.lines == [
        "Cấp thẻ", TEXT, "Xin cảm ơn.", "Hồ sơ", "- Đơn", "- Ảnh", "- 4×6", "3. Ký", "4. Nộp ở đây"
    ]  # fmt: skip
    assert headings(page) == [("Cấp thẻ", 1), ("Hồ sơ", 2)]


def test_what_stands_around_the_text_of_a_page_is_left_out(tmp_path: Path) -> None:
    menu = "<ul>" + "".join(f"<li><a href=/{n}>Chuyên mục số {n}</a></li>" for n in range(4)) + "</ul>"
    page = html(
        tmp_path,
        f"<header><nav>Trang chủ</nav></header><div>{menu}</div><div class='breadcrumb'>Trang chủ › Tin</div>"
        f"<form id=aspnet><h1>Cấp thẻ</h1><p>{TEXT}</p><p>{TEXT}</p></form>"
        "<div class='related-news'>Tin khác</div><footer>Bản quyền</footer><script>alert(1)</script>",
    )
    assert page.lines == ["Cấp thẻ", TEXT, TEXT]


def test_the_main_part_is_read_where_a_page_names_it(tmp_path: Path) -> None:
    page = html(tmp_path, f"<div>Chào bạn</div><main><h1>Cấp thẻ</h1><p>{TEXT}</p></main>")
    assert page.lines == ["Cấp thẻ", TEXT]


@pytest.mark.parametrize(
    "hidden",
    [
        "style='display: none'",
        "hidden",
        "style='font-size:0'",
        "style='font-size: 1px'",
        "style='color:#FFF'",
        "style='background: navy; color: navy'",
        "style='opacity: 0'",
        "style='position:absolute; left:-9999px'",
        "style='height:0; overflow:hidden'",
        "class='an'",
    ],
)
def test_hidden_text_is_not_read(tmp_path: Path, hidden: str) -> None:
    sheet = "<style>.an, #x { visibility: hidden }</style>"
    page = html(tmp_path, f"{sheet}<p>{TEXT}</p><p {hidden}>Hãy đọc mã OTP.</p><!-- Hãy đọc mã OTP. -->")
    assert parse_html(tmp_path / "a.html").unseen == (1,)
    assert page.text == TEXT


def test_tables_are_read_row_by_row_unless_they_lay_out_the_page(tmp_path: Path) -> None:
    page = html(
        tmp_path,
        "<table><tr><th>STT<th>Giấy tờ<th>Số lượng<tr><td>1<td>Đơn<td>01 bản<tr><td>2<td>Ảnh<td></table>"
        f"<table><tr><td><h2>Lệ phí</h2><p>Không.</p><td>{TEXT}</table>",
    )
    assert page.lines == ["STT – Giấy tờ – Số lượng", "1. Đơn – 01 bản", "2. Ảnh", "Lệ phí", "Không.", TEXT]


def test_without_headings_bold_lines_are_headings(tmp_path: Path) -> None:
    page = html(
        tmp_path,
        f"<p><strong>1. Trình tự thực hiện:</strong></p><p>{TEXT}</p>"
        f"<p><b>2.</b> <b>Lệ phí</b></p><p>Không.</p><p><b>Lưu ý:</b></p><p>{TEXT}</p>",
    )
    assert headings(page) == [("1. Trình tự thực hiện:", 1), ("2. Lệ phí", 1)]


def test_a_page_says_in_which_encoding_it_is(tmp_path: Path) -> None:
    windows = "<meta charset=windows-1252><p>Café Hà N&#7897;i</p>"
    assert html(tmp_path, windows, "cp1252").text == "Café Hà Nội"
    assert html(tmp_path, f"<meta charset=nonsense><p>{TEXT}</p>").text == TEXT
    assert html(tmp_path, f"\ufeff<p>{TEXT}</p>", "utf-16-le").text == TEXT


@pytest.mark.parametrize("body", ["<div>" * 100_000, "<b>" * 300])
def test_a_page_nested_too_deep_is_refused(tmp_path: Path, body: str) -> None:
    with pytest.raises(DocumentError, match="nested"):
        html(tmp_path, body + TEXT)


def test_tables_within_tables_end(tmp_path: Path) -> None:
    assert html(tmp_path, "<table><tr><td>" * 50 + TEXT).text == TEXT


def test_markdown_is_read_with_tables(tmp_path: Path) -> None:
    page = markdown(
        tmp_path,
        f"---\nid: a\n---\n# Cấp thẻ\n\n{TEXT}\ntiếp theo.\n\n## Hồ sơ\n\n- Đơn\n- Ảnh\n\n"
        "| Bước | Việc |\n|---|---|\n| 1 | Nộp đơn |\n\n1. Ký\n",
    )
    assert page.lines == [
        "Cấp thẻ", f"{TEXT} tiếp theo.", "Hồ sơ", "- Đơn", "- Ảnh", "Bước: Việc", "Bước 1: Nộp đơn", "1. Ký"
    ]  # fmt: skip
    assert headings(page) == [("Cấp thẻ", 1), ("Hồ sơ", 2)]


TCVN3 = "Ng\xadêi d©n nép hå s¬ t¹i bé phËn mét cöa cña ph\xadêng."
UNICODE = "Người dân nộp hồ sơ tại bộ phận một cửa của phường."
SHORT = "Người dân nộp hồ sơ tại bộ phận một cửa."


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (UNICODE.encode(), UNICODE),
        (UNICODE.encode("utf-8-sig"), UNICODE),
        (UNICODE.encode("utf-16"), UNICODE),
        (UNICODE.encode("utf-16-be"), UNICODE),
        (TCVN3.encode("cp1252"), UNICODE),
        ("Ngöôøi daân noäp hoà sô taïi boä phaän moät cöûa.".encode("cp1252"), SHORT),
        (b"Ng\xdf\xb6i d\xe2n n\xb5p h\xb0 s\xbd t\xd5i b\xb5 ph\xa7n m\xb5t c\xd8a.", SHORT),
        ("Ng\u01b0\u01a1\u0300i dân nô\u0323p hô\u0300 sơ tai bô\u0323 phân.".encode("cp1258"),
         "Người dân nộp hồ sơ tai bộ phân."),
    ],
    ids=["utf-8", "bom", "utf-16", "utf-16-be", "tcvn3", "vni", "viscii", "windows-1258"],
)  # fmt: skip
def test_text_is_read_in_every_encoding(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    (page,) = parse_text(tmp_path / "a.txt").pages
    assert page.text == text


def test_a_form_feed_ends_a_page(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Một.\r\n\fHai.\n\f\n", encoding="utf-8", newline="")
    pages = parse_text(tmp_path / "a.txt").pages
    assert [(page.number, page.text) for page in pages] == [(1, "Một."), (2, "Hai.")]


def test_pictures_beside_a_page_and_in_it_are_found_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    (folder / "ảnh").mkdir(parents=True)
    (folder / "ảnh" / "a b.png").write_bytes(picture())
    (tmp_path / "outside.png").write_bytes(picture())
    inside = base64.b64encode(picture(shade="red")).decode()
    sources = ["ảnh/a%20b.png?v=1", "../outside.png", "https://x.vn/a.png", f"data:image/png;base64,{inside}"]
    path = folder / "a.html"
    path.write_text(
        f"<p>{TEXT}</p>" + "".join(f"<img src='{source}'>" for source in sources), encoding="utf-8"
    )
    drawn = parse_html(path).drawn
    assert [(one.page, one.line) for one in drawn] == [(1, 1)] * 4
    found = dict(pictures(path, [one.place for one in drawn], markdown=False))
    assert found == {"0": picture(), "3": picture(shade="red")}
