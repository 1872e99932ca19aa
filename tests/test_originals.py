from __future__ import annotations

from pathlib import Path

import pytest
from pdf_files import clean

from assistant.coaching.originals import drawn, find_originals, marked_text
from assistant.config import CHECKOUT, load_settings
from assistant.errors import DocumentError
from assistant.knowledge.sources import load_sources

SAID = "Thẻ căn cước hết hạn thì đến Công an xã để đổi trong bảy ngày làm việc."


def web_page(path: Path, *paragraphs: str) -> Path:
    said = "".join(f"<p>{text}</p>" for text in paragraphs)
    path.write_text(f"<html lang='vi'><body><article>{said}</article></body></html>", encoding="utf-8")
    return path


def test_papers_of_the_ward_and_copies_that_were_fetched(tmp_path: Path) -> None:
    settings = load_settings({"data": tmp_path})
    (tmp_path / "local" / "official").mkdir(parents=True)
    (tmp_path / "sources").mkdir()
    paper = clean(tmp_path / "local" / "official" / "Quyet-Dinh.pdf")
    (tmp_path / "local" / "official" / "thong-bao.txt").write_text("Thông báo", encoding="utf-8")
    listed = load_sources(CHECKOUT / "knowledge" / "sources.toml")[0]
    copy = web_page(tmp_path / "sources" / listed.file, SAID)
    found = find_originals(settings)
    assert found.officials["quyet-dinh"] == paper
    assert "thong-bao" not in found.officials
    assert found.copies == {listed.url: copy}


def test_what_was_taken_is_marked_and_nothing_is_lost(tmp_path: Path) -> None:
    before, after = "Bác nên đi sớm để khỏi phải chờ lâu ở trụ sở.", "Ai không đi được thì gọi cho xã."
    page = web_page(tmp_path / "a.html", before, SAID, after)
    pieces = marked_text(page, ("Thẻ hết hạn thì bác đến Công an xã để đổi trong bảy ngày làm việc.",))
    assert [text.strip() for text, marks in pieces if marks] == [SAID]
    whole = "".join(text for text, _ in pieces)
    assert before in whole
    assert after in whole


def test_a_copy_that_changed_is_read_anew(tmp_path: Path) -> None:
    page = web_page(tmp_path / "a.html", SAID, SAID)
    assert any(marks for _, marks in marked_text(page, (SAID,)))
    web_page(page, "Hôm nay trời nắng, bà con ra đồng sớm.", "Chiều có mưa rào vài nơi trong tỉnh.")
    assert not any(marks for _, marks in marked_text(page, (SAID,)))


def test_originals_that_are_gone_or_broken(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="gone"):
        drawn(tmp_path / "a.pdf", 1, "")
    broken = tmp_path / "b.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing at all")
    with pytest.raises(DocumentError):
        drawn(broken, 1, "")
    with pytest.raises(DocumentError):
        marked_text(broken, ())
