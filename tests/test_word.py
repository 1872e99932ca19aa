from __future__ import annotations

import io
from pathlib import Path

import pytest
from docx.document import Document
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_BREAK
from office_files import TEXT, add_table, add_xml, altered, picture, word

from assistant.errors import DocumentError
from assistant.knowledge.pages import Page, Parsed
from assistant.knowledge.word import parse_word


def headings(page: Page) -> list[tuple[str, int]]:
    return [(page.lines[heading.line], heading.level) for heading in page.headings]


def read(path: Path) -> Page:
    (page,) = parse_word(path).pages
    return page


def test_styles_tell_headings_and_their_levels(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        document.add_heading("Cấp thẻ căn cước", 0)
        document.add_heading("Trình tự", 1)
        document.add_paragraph(TEXT)
        document.add_heading("Tại nhà", 2)

    page = read(word(tmp_path / "a.docx", write))
    assert page.text == f"Cấp thẻ căn cước\nTrình tự\n{TEXT}\nTại nhà"
    assert headings(page) == [("Cấp thẻ căn cước", 1), ("Trình tự", 1), ("Tại nhà", 2)]


def test_a_style_made_by_the_writer_inherits_its_level(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        style = document.styles.add_style("Đề mục", 1)
        style.base_style = document.styles["Heading 2"]
        document.add_paragraph("Lệ phí", style=style)
        paragraph = document.add_paragraph("Thời hạn")
        add_xml(paragraph, '<w:pPr><w:outlineLvl w:val="2"/></w:pPr>')
        paragraph._p.insert(0, paragraph._p[-1])

    assert headings(read(word(tmp_path / "a.docx", write))) == [("Lệ phí", 2), ("Thời hạn", 3)]


def test_without_styles_short_bold_lines_are_headings(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        for bold, text in [("I. Hồ sơ", TEXT), ("II. Lệ phí", TEXT), ("Lưu ý:", TEXT)]:
            document.add_paragraph().add_run(bold).bold = True
            document.add_paragraph(text)
        document.add_paragraph("Không ").add_run("đậm cả dòng").bold = True

    page = read(word(tmp_path / "a.docx", write))
    assert headings(page) == [("I. Hồ sơ", 1), ("II. Lệ phí", 1)]


def test_a_text_that_is_all_bold_has_no_headings(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        for text in ("Mang thẻ", "Chụp ảnh", "Ký tên"):
            document.add_paragraph().add_run(text).bold = True

    assert read(word(tmp_path / "a.docx", write)).headings == ()


def test_lists_are_numbered_as_they_are_shown(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        numbering = document.part.numbering_part.element
        levels = "".join(
            f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/>'
            "</w:lvl>"
            for n, (form, text) in enumerate(
                [("decimal", "Bước %1:"), ("lowerLetter", "%2)"), ("decimal", "%1.%3")]
            )
        )
        paragraph = document.add_paragraph()
        add_xml(paragraph, f'<w:abstractNum w:abstractNumId="90">{levels}</w:abstractNum>')
        add_xml(paragraph, '<w:num w:numId="90"><w:abstractNumId w:val="90"/></w:num>')
        numbering.insert(0, paragraph._p[-2])
        numbering.append(paragraph._p[-1])
        for level, text in [
            (0, "mở ứng dụng"),
            (1, "trên điện thoại"),
            (1, "trên máy tính"),
            (0, "đăng nhập"),
            (1, "bằng mã"),
        ]:
            item = document.add_paragraph(text)
            add_xml(item, f'<w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="90"/></w:numPr></w:pPr>')
            item._p.insert(0, item._p[-1])
        document.add_paragraph("thẻ căn cước", style="List Bullet")

    assert read(word(tmp_path / "a.docx", write)).lines == [
        "Bước 1: mở ứng dụng", "a) trên điện thoại", "b) trên máy tính", "Bước 2: đăng nhập", "a) bằng mã",
        "- thẻ căn cước",
    ]  # fmt: skip


def test_a_table_of_steps_is_read_row_by_row(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        add_table(
            document, [["Bước", "Việc", "Thời hạn"], ["1", "Nộp hồ sơ", "01 ngày"], ["2", "Chụp ảnh", ""]]
        )
        document.add_paragraph(TEXT)
        add_table(document, [["Lệ phí", "Không"], ["Nơi làm:", "Công an xã"]])

    assert read(word(tmp_path / "a.docx", write)).lines == [
        "Bước – Việc – Thời hạn", "Bước 1: Nộp hồ sơ – 01 ngày", "Bước 2: Chụp ảnh", TEXT,
        "Lệ phí: Không", "Nơi làm: Công an xã",
    ]  # fmt: skip


def test_a_table_that_lays_out_the_head_of_a_letter_is_read_cell_by_cell(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        add_table(
            document, [["UBND PHƯỜNG", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc"]]
        )

    lines = read(word(tmp_path / "a.docx", write)).lines
    assert lines[0] == "UBND PHƯỜNG"


def test_pages_end_where_word_saw_them_end(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        first = document.add_paragraph("Trang một.")
        first.add_run().add_break(WD_BREAK.PAGE)
        second = document.add_paragraph()
        add_xml(second, "<w:r><w:lastRenderedPageBreak/><w:t>Trang hai.</w:t></w:r>")
        third = document.add_paragraph("Vẫn trang hai, ")
        add_xml(third, "<w:r><w:lastRenderedPageBreak/><w:t>sang trang ba.</w:t></w:r>")
        document.add_section(WD_SECTION.CONTINUOUS)
        document.add_paragraph("Vẫn trang ba.")
        document.add_section(WD_SECTION.NEW_PAGE)
        document.add_paragraph("Trang bốn.").paragraph_format.page_break_before = True

    pages = parse_word(word(tmp_path / "a.docx", write)).pages
    assert [(page.number, page.text) for page in pages] == [
        (1, "Trang một."),
        (2, "Trang hai.\nVẫn trang hai,"),
        (3, "sang trang ba.\nVẫn trang ba."),
        (4, "Trang bốn."),
    ]


def test_what_is_shown_is_read_and_what_is_not_is_left_out(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        paragraph = document.add_paragraph("Mang thẻ")
        add_xml(paragraph, "<w:ins><w:r><w:t> và đơn</w:t></w:r></w:ins>")
        add_xml(paragraph, "<w:del><w:r><w:delText> và ảnh</w:delText></w:r></w:del>")
        for how in ("<w:vanish/>", "<w:sz w:val='2'/>", "<w:color w:val='FFFFFF'/>"):
            add_xml(paragraph, f"<w:r><w:rPr>{how}</w:rPr><w:t> và mã OTP</w:t></w:r>")
        add_xml(
            paragraph,
            "<w:r><w:pict><w:txbxContent><w:p><w:r><w:t>Trong khung.</w:t></w:r></w:p></w:txbxContent>"
            "</w:pict></w:r>",
        )
        add_xml(
            document.add_paragraph(),
            "<w:sdt><w:sdtContent><w:r><w:t>Ô điền.</w:t></w:r></w:sdtContent></w:sdt>",
        )
        contents = document.styles.add_style("toc 1", 1)
        document.add_paragraph("Mang thẻ\t1", style=contents)

    assert read(word(tmp_path / "a.docx", write)).lines == ["Mang thẻ và đơn", "Trong khung.", "Ô điền."]


def test_footnotes_are_read_below_the_paragraph_that_refers_to_them(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        add_xml(document.add_paragraph("Khoản 1."), '<w:r><w:footnoteReference w:id="2"/></w:r>')
        document.add_paragraph("Khoản 2.")

    w = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    note = '<w:footnote w:id="2"><w:p><w:r><w:t>Đã sửa.</w:t></w:r></w:p></w:footnote>'
    relation = (
        '<Relationship Id="rId99" Target="footnotes.xml" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"/></Relationships>'
    )
    part = (
        '<Override PartName="/word/footnotes.xml" ContentType="application/'
        'vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"/></Types>'
    )
    path = altered(
        word(tmp_path / "a.docx", write),
        tmp_path / "b.docx",
        {
            "word/footnotes.xml": lambda _: f'<w:footnotes xmlns:w="{w}">{note}</w:footnotes>'.encode(),
            "word/_rels/document.xml.rels": lambda data: data.replace(b"</Relationships>", relation.encode()),
            "[Content_Types].xml": lambda data: data.replace(b"</Types>", part.encode()),
        },
    )
    assert read(path).lines == ["Khoản 1.", "Đã sửa.", "Khoản 2."]


def test_fonts_of_old_encodings_are_decoded(tmp_path: Path) -> None:
    noise = "Ng\xadêi d©n nép hå s¬ t¹i bé phËn mét cöa cña ph\xadêng."
    page = read(word(tmp_path / "a.docx", lambda document: document.add_paragraph(noise)))
    assert page.text == "Người dân nộp hồ sơ tại bộ phận một cửa của phường."


def test_a_picture_stands_under_the_line_before_it(tmp_path: Path) -> None:
    def write(document: Document) -> None:
        document.add_paragraph("Bấm nút.")
        document.add_picture(io.BytesIO(picture()))
        document.add_paragraph("Xong.")

    (drawn,) = parse_word(word(tmp_path / "a.docx", write)).drawn
    assert (drawn.page, drawn.line, drawn.place) == (1, 1, "word/media/image1.png")


def broken(tmp_path: Path, member: str, old: bytes, new: bytes) -> Parsed:
    good = word(tmp_path / "good.docx", lambda document: document.add_paragraph(TEXT))
    return parse_word(altered(good, tmp_path / "a.docx", {member: lambda data: data.replace(old, new)}))


@pytest.mark.parametrize(
    ("member", "old", "new"),
    [
        ("word/document.xml", b"</w:body>", b""),
        ("word/document.xml", b"w:body", b"w:nobody"),
        ("_rels/.rels", b"word/document.xml", b"word/nothing.xml"),
        ("word/document.xml", b"<w:body>", b"<w:body>" + b"<w:sdt>" * 5000),
    ],
)
def test_a_broken_document_is_refused(tmp_path: Path, member: str, old: bytes, new: bytes) -> None:
    with pytest.raises(DocumentError, match="broken"):
        broken(tmp_path, member, old, new)
