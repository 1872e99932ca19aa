from __future__ import annotations

import zipfile
from pathlib import Path

import pdf_files
import pytest
from office_files import TEXT, altered, picture, slides, word

from assistant.errors import DocumentError
from assistant.knowledge.kinds import Kind, kind_of


def file(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def document(path: Path) -> Path:
    return word(path, lambda made: made.add_paragraph(TEXT))


def test_each_kind_is_told_by_its_content(tmp_path: Path) -> None:
    assert kind_of(pdf_files.clean(tmp_path / "a")) is Kind.PDF
    assert kind_of(document(tmp_path / "b")) is Kind.DOCX
    assert kind_of(slides(tmp_path / "c", lambda made: None)) is Kind.PPTX


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.PNG", picture(), Kind.PICTURE),
        ("a", picture(kind="JPEG"), Kind.PICTURE),
        ("a.tif", picture(kind="TIFF"), Kind.PICTURE),
        ("a", b"\xef\xbb\xbf <!-- x -->\n<!DOCTYPE html><p>a", Kind.HTML),
        ("a.htm", "<html><p>a".encode("utf-16"), Kind.HTML),
        ("a.html", b"<p>a", Kind.HTML),
        ("a.md", b"# a", Kind.MARKDOWN),
        ("a", TEXT.encode("utf-16-le"), Kind.TEXT),
        ("a.pdf", b"broken", Kind.PDF),
    ],
)
def test_a_name_tells_what_the_content_leaves_open(
    tmp_path: Path, name: str, data: bytes, kind: Kind
) -> None:
    assert kind_of(file(tmp_path, name, data)) is kind


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.pdf", b"<html>404</html>", "no PDF but HTML"),
        ("a.png", b"GIF89a", "no picture"),
        ("a.docx", b"PK\x03\x04" + bytes(100), "broken or cut off"),
        ("a.docx", TEXT.encode(), "no DOCX"),
        ("a.exe", b"MZ" + bytes(100), "no kind"),
        ("a.doc", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "before 2007"),
        ("a.docx", bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"), "password"),
        ("a.rtf", b"{\\rtf1}", "RTF"),
        ("a.mht", b"From: x\nMIME-Version: 1.0\nContent-Type: multipart/related;", "save it as HTML"),
        ("a.html", b"<p>" * 4_000_000, "10 MB"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    with pytest.raises(DocumentError, match=reason):
        kind_of(file(tmp_path, name, data))


def test_a_document_under_a_wrong_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no PDF but DOCX"):
        kind_of(document(tmp_path / "a.pdf"))


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_half_an_archive_is_refused(tmp_path: Path, share: float) -> None:
    path = document(tmp_path / "a.docx")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DocumentError, match="cut off"):
        kind_of(path)


def test_bombs_are_refused(tmp_path: Path) -> None:
    good = document(tmp_path / "a.docx")
    large = altered(good, tmp_path / "b.docx", {"word/media/a.png": lambda _: bytes(320_000_000)})
    long = altered(good, tmp_path / "c.docx", {"word/document.xml": lambda _: b" " * 42_000_000})
    entities = altered(
        good,
        tmp_path / "d.docx",
        {"word/document.xml": lambda data: b'<!DOCTYPE a [<!ENTITY a "b">]>' + data},
    )
    for path, reason in ((large, "unpacks to more"), (long, "document.xml"), (entities, "entities")):
        with pytest.raises(DocumentError, match=reason):
            kind_of(path)


def test_an_archive_that_is_no_document_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("a.txt", TEXT)
    with pytest.raises(DocumentError, match="zip archive"):
        kind_of(tmp_path / "a.docx")


def test_a_row_of_comments_is_looked_through_once(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"<!---->" * 500 + b"text")
    assert kind_of(tmp_path / "a.html") is Kind.HTML
