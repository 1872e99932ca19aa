from __future__ import annotations

import io
import os
import time
from dataclasses import replace
from pathlib import Path

import office_files
import pdf_files
import pytest
from docx.document import Document
from pdf_files import TEXT
from PIL import Image
from pypdf import PdfReader

from assistant.errors import DocumentError
from assistant.evaluation.documents import accuracy
from assistant.knowledge.outline import document_sections
from assistant.knowledge.pages import Method
from assistant.knowledge.reading import LIMITS, read_document
from assistant.text.normalize import syllables


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = pdf_files.clean(tmp_path / "giấy tờ.pdf")
    reading = read_document(path)
    assert (reading.file, reading.status, reading.reason) == (str(path), "ok", None)
    assert [page.text for page in reading.pages] == [TEXT]


def write_guide(document: Document) -> None:
    document.add_heading("Đăng nhập", 1)
    document.add_paragraph(TEXT.replace("\n", " "))
    document.add_picture(io.BytesIO(office_files.picture()))
    document.add_heading("Mật khẩu", 1)
    document.add_paragraph("Đặt mật khẩu mới.")
    for shade in ("navy", "red"):  # the first is the same picture again
        document.add_picture(io.BytesIO(office_files.picture(shade=shade)))
    document.add_picture(io.BytesIO(office_files.picture(64, 64)))


def test_a_document_is_read_with_its_headings_and_pictures(tmp_path: Path) -> None:
    path = office_files.word(tmp_path / "a.docx", write_guide)
    reading = read_document(path, pictures=tmp_path)
    (page,) = reading.pages
    assert (reading.reason, page.method, page.quality) == (None, Method.PLAIN, 1.0)
    assert [page.lines[heading.line] for heading in page.headings] == ["Đăng nhập", "Mật khẩu"]
    assert page.image_lines == (2, 4)
    assert {name.name for name in tmp_path.glob("*.png")} == set(page.images)
    sections = document_sections("d", reading.pages)
    assert [(section.heading, section.images) for section in sections] == [
        ("Đăng nhập", page.images[:1]),
        ("Mật khẩu", page.images[1:]),
    ]


def test_without_a_folder_no_picture_is_named(tmp_path: Path) -> None:
    (page,) = read_document(office_files.word(tmp_path / "a.docx", write_guide)).pages
    assert page.images == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", f"<h1>Đăng nhập</h1><p>{TEXT}</p>"),
        ("a.md", f"# Đăng nhập\n\n{TEXT}"),
        ("a.txt", f"I. Đăng nhập\n{TEXT}"),
    ],
)
def test_text_in_every_shape_is_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    reading = read_document(tmp_path / name)
    (section,) = document_sections("d", reading.pages)
    assert section.heading.endswith("Đăng nhập")
    assert section.text.split() == TEXT.split()


def test_a_document_of_pictures_alone_is_quarantined_with_advice(tmp_path: Path) -> None:
    path = office_files.word(
        tmp_path / "a.docx", lambda document: document.add_picture(io.BytesIO(office_files.picture()))
    )
    reading = read_document(path)
    assert reading.status == "quarantined"
    assert "save it as PDF" in (reading.reason or "")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.docx", b"PK\x03\x04" + bytes(50), "broken"),
        ("a.html", b"<html><body>" + b"<div>" * 50_000, "nested"),
        ("a.md", b"# " * 5_300_000, "larger"),
        ("a.png", office_files.picture()[:200], "cut off"),
        ("a.pdf", office_files.picture(), "no PDF but picture"),
    ],
)
def test_what_cannot_be_read_is_quarantined(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    reading = read_document(tmp_path / name)
    assert (reading.status, reading.pages) == ("quarantined", ())
    assert reason in (reading.reason or "")


@pytest.mark.parametrize(("good", "bad"), [(b"/FlateDecode", b"/FlateDqcode"), (b" 635 635", b" 635/635")])
def test_a_pdf_of_which_bytes_have_changed_is_told_as_broken(tmp_path: Path, good: bytes, bad: bytes) -> None:
    path = pdf_files.clean(tmp_path / "a.pdf")
    data = path.read_bytes()
    assert good in data
    path.write_bytes(data.replace(good, bad))
    reading = read_document(path)
    assert reading.status == "quarantined"
    assert "it is broken" in (reading.reason or "")


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(DocumentError, match="/nowhere/a.pdf"):
        read_document(Path("/nowhere/a.pdf"))


@pytest.mark.parametrize("make", [pdf_files.bomb, pdf_files.fan_out])
def test_a_hostile_file_is_quarantined_with_a_reason(tmp_path: Path, make: object) -> None:
    assert callable(make)
    reading = read_document(make(tmp_path / "a.pdf"))
    assert reading.status == "quarantined"
    assert reading.pages == ()
    assert reading.reason


def test_a_file_that_takes_too_long_is_stopped_with_all_it_started(tmp_path: Path) -> None:
    start = time.monotonic()
    reading = read_document(pdf_files.clean(tmp_path / "a.pdf"), replace(LIMITS, seconds=0.05))
    assert reading.status == "quarantined"
    assert "longer than" in (reading.reason or "")
    assert time.monotonic() - start < 5


def test_a_file_that_needs_too_much_memory_is_quarantined(tmp_path: Path) -> None:
    path = pdf_files.clean(tmp_path / "a.pdf")
    with path.open("ab") as file:
        file.truncate(400 << 20)
    reading = read_document(path, replace(LIMITS, memory=300 << 20))
    assert reading.status == "quarantined"
    assert "memory" in (reading.reason or "")


def test_a_crash_is_quarantine(tmp_path: Path) -> None:
    path = pdf_files.clean(tmp_path / "a.pdf")
    reading = read_document(path, replace(LIMITS, file=0))  # it cannot even write its answer
    assert reading.status == "quarantined"
    assert reading.reason


def test_a_file_without_text_is_quarantined(tmp_path: Path) -> None:
    reading = read_document(pdf_files.handmade(tmp_path / "a.pdf", pdf_files.stream(b"")))
    assert reading.reason == "no page holds readable Vietnamese text"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    read_document(pdf_files.clean(tmp_path / "a.pdf"))
    assert os.listdir(scratch) == []


@pytest.mark.slow
def test_a_scan_is_read_by_ocr_and_marked(tmp_path: Path) -> None:
    reading = read_document(pdf_files.scan(tmp_path / "a.pdf", dpi=200))
    (page,) = reading.pages
    assert page.method is Method.OCR
    assert page.text.split() == TEXT.split()


@pytest.mark.slow
def test_the_pictures_of_a_file_are_pages_read_by_ocr(tmp_path: Path) -> None:
    pdf_files.scan(tmp_path / "scan.pdf", dpi=150)
    page = next(iter(PdfReader(tmp_path / "scan.pdf").pages[0].images)).image
    assert page is not None
    page.save(tmp_path / "a.tif", save_all=True, append_images=[Image.new("L", page.size, 255)])
    reading = read_document(tmp_path / "a.tif")
    assert [(p.number, p.text.split()) for p in reading.pages] == [(1, TEXT.split()), (2, [])]
    assert reading.pages[0].method is Method.OCR


@pytest.mark.slow
def test_a_font_without_letters_is_read_by_ocr(tmp_path: Path) -> None:
    (page,) = read_document(pdf_files.without_unicode(tmp_path / "a.pdf")).pages
    assert (page.method, page.text.split()) == (Method.OCR, TEXT.split())


@pytest.mark.slow
def test_a_slanted_scan_in_the_shade_is_read(tmp_path: Path) -> None:
    (page,) = read_document(pdf_files.scan(tmp_path / "a.pdf", dpi=200, slant=2, shade=True)).pages
    assert accuracy(syllables(TEXT), syllables(page.text)) > 0.95


@pytest.mark.slow
def test_ocr_that_takes_too_long_costs_its_page_alone(tmp_path: Path) -> None:
    reading = read_document(pdf_files.scan(tmp_path / "a.pdf"), replace(LIMITS, page_seconds=0.3))
    assert reading.status == "quarantined"
    assert (reading.reason or "").startswith("page 1: reading it takes longer than")
