from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pdf_files
import pytest
from pdf_files import TEXT

from assistant.errors import DocumentError
from assistant.evaluation.documents import accuracy
from assistant.knowledge.pages import Method
from assistant.knowledge.pdf_child import LIMITS, read_pdf
from assistant.text.normalize import syllables


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = pdf_files.clean(tmp_path / "giấy tờ.pdf")
    reading = read_pdf(path)
    assert (reading.file, reading.status, reading.reason) == (str(path), "ok", None)
    assert [page.text for page in reading.pages] == [TEXT]


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(DocumentError, match="/nowhere/a.pdf"):
        read_pdf(Path("/nowhere/a.pdf"))


@pytest.mark.parametrize("make", [pdf_files.bomb, pdf_files.fan_out])
def test_a_hostile_file_is_quarantined_with_a_reason(tmp_path: Path, make: object) -> None:
    assert callable(make)
    reading = read_pdf(make(tmp_path / "a.pdf"))
    assert reading.status == "quarantined"
    assert reading.pages == ()
    assert reading.reason


def test_a_file_that_takes_too_long_is_stopped_with_all_it_started(tmp_path: Path) -> None:
    start = time.monotonic()
    reading = read_pdf(pdf_files.clean(tmp_path / "a.pdf"), replace(LIMITS, seconds=0.05))
    assert reading.status == "quarantined"
    assert "longer than" in (reading.reason or "")
    assert time.monotonic() - start < 5


def test_a_file_that_needs_too_much_memory_is_quarantined(tmp_path: Path) -> None:
    path = pdf_files.clean(tmp_path / "a.pdf")
    with path.open("ab") as file:
        file.truncate(400 << 20)
    reading = read_pdf(path, replace(LIMITS, memory=300 << 20))
    assert reading.status == "quarantined"
    assert "memory" in (reading.reason or "")


def test_a_crash_is_quarantine(tmp_path: Path) -> None:
    path = pdf_files.clean(tmp_path / "a.pdf")
    reading = read_pdf(path, replace(LIMITS, file=0))  # it cannot even write its answer
    assert reading.status == "quarantined"
    assert reading.reason


def test_a_file_without_text_is_quarantined(tmp_path: Path) -> None:
    reading = read_pdf(pdf_files.handmade(tmp_path / "a.pdf", pdf_files.stream(b"")))
    assert reading.reason == "no page holds readable Vietnamese text"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    read_pdf(pdf_files.clean(tmp_path / "a.pdf"))
    assert os.listdir(scratch) == []


@pytest.mark.slow
def test_a_scan_is_read_by_ocr_and_marked(tmp_path: Path) -> None:
    reading = read_pdf(pdf_files.scan(tmp_path / "a.pdf", dpi=200))
    (page,) = reading.pages
    assert page.method is Method.OCR
    assert page.text.split() == TEXT.split()


@pytest.mark.slow
def test_a_font_without_letters_is_read_by_ocr(tmp_path: Path) -> None:
    (page,) = read_pdf(pdf_files.without_unicode(tmp_path / "a.pdf")).pages
    assert (page.method, page.text.split()) == (Method.OCR, TEXT.split())


@pytest.mark.slow
def test_a_slanted_scan_in_the_shade_is_read(tmp_path: Path) -> None:
    (page,) = read_pdf(pdf_files.scan(tmp_path / "a.pdf", dpi=200, slant=2, shade=True)).pages
    assert accuracy(syllables(TEXT), syllables(page.text)) > 0.95


@pytest.mark.slow
def test_ocr_that_takes_too_long_costs_its_page_alone(tmp_path: Path) -> None:
    reading = read_pdf(pdf_files.scan(tmp_path / "a.pdf"), replace(LIMITS, page_seconds=0.3))
    assert reading.status == "quarantined"
    assert (reading.reason or "").startswith("page 1: reading it takes longer than")
