from __future__ import annotations

import hashlib
from pathlib import Path

import pdf_files
import pytest
from PIL import Image

from assistant.errors import DocumentError, KnowledgeError
from assistant.knowledge.official import (
    Side,
    add_official,
    approve,
    document_id,
    keep_reading,
    list_officials,
    read_officials,
    read_side,
    write_side,
)
from assistant.knowledge.pages import Method, Page, Reading

SIDE = Side("Thông tư 1/2026", "Bộ Công an", date="2026-01-05", supersedes=("Thông tư 9/2020",))
SPELLED = "Công dân nộp hồ sơ tại Công an cấp xã nơi cư trú."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "official"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def scanned(folder: Path, kept: Path, text: str = SPELLED) -> Path:
    """A document of which page 2 is known to have been read by OCR."""
    folder.mkdir(exist_ok=True)
    path = folder / "quyet-dinh.pdf"
    path.write_bytes(text.encode())
    write_side(path, SIDE)
    pages = (Page(1, "Trang đầu nói về lệ phí.", Method.PLAIN, 1.0), Page(2, text, Method.OCR, 0.97))
    keep_reading(kept, hashlib.sha256(path.read_bytes()).hexdigest(), Reading("x", pages, None, 1.0))
    return path


def test_a_document_is_added_and_read_back(tmp_path: Path, folder: Path, kept: Path) -> None:
    source = pdf_files.clean(tmp_path / "Thông tư 1.pdf")
    added = add_official(source, SIDE, folder, kept, progress=lambda _: None)
    assert added.path == folder / "thong-tu-1.pdf"
    (file,) = read_officials([folder], kept).files
    assert (file.id, file.side) == ("thong-tu-1", SIDE)
    assert "căn cước" in file.text.sections[0].text
    assert file.text.sections[0].page == 1
    assert file.text.document.supersedes == ("Thông tư 9/2020",)


def test_a_broken_document_is_refused_and_nothing_is_stored(tmp_path: Path, folder: Path, kept: Path) -> None:
    source = tmp_path / "broken.pdf"
    source.write_bytes(b"%PDF-1.7\nnothing of use")
    with pytest.raises(DocumentError, match=r"broken\.pdf is not taken: "):
        add_official(source, SIDE, folder, kept, progress=lambda _: None)
    assert not folder.exists()


def test_a_broken_document_in_the_folder_stops_no_other(folder: Path, kept: Path) -> None:
    scanned(folder, kept)
    (folder / "broken.pdf").write_bytes(b"no PDF at all")
    write_side(folder / "broken.pdf", SIDE)
    officials = read_officials([folder], kept)
    assert [file.id for file in officials.files] == ["quyet-dinh"]
    (problem,) = officials.problems
    assert problem.path.name == "broken.pdf"
    assert problem.message.startswith("is quarantined: ")


def test_a_document_that_says_nothing_of_itself_is_left_out(folder: Path, kept: Path) -> None:
    folder.mkdir()
    (folder / "la.pdf").write_bytes(b"?")
    officials = read_officials([folder], kept)
    assert officials.files == ()
    assert "assistant knowledge add la.pdf" in officials.problems[0].message


def test_what_was_not_read_yet_is_not_read_while_a_kiosk_starts(folder: Path, kept: Path) -> None:
    scanned(folder, kept)
    for path in kept.iterdir():
        path.unlink()
    officials = read_officials([folder], kept, read_new=False)
    assert officials.files == ()
    assert "run `assistant index build`" in officials.problems[0].message


def test_text_from_ocr_is_held_back_until_it_is_approved(folder: Path, kept: Path) -> None:
    scanned(folder, kept)
    (file,) = read_officials([folder], kept).files
    assert [page.number for page in file.held] == [2]
    assert [section.page for section in file.text.sections] == [1]
    approve(file)
    (file,) = read_officials([folder], kept).files
    assert file.held == ()
    assert [section.page for section in file.text.sections] == [1, 2]


def test_an_approval_is_of_one_text(folder: Path, kept: Path) -> None:
    path = scanned(folder, kept)
    (file,) = read_officials([folder], kept).files
    approve(file, [2])
    side = read_side(path)
    scanned(folder, kept, text="Công dân nộp hồ sơ tại Công an cấp huyện.")
    write_side(path, side)
    (file,) = read_officials([folder], kept).files
    assert [page.number for page in file.held] == [2]


def test_only_a_page_that_waits_is_approved(folder: Path, kept: Path) -> None:
    scanned(folder, kept)
    (file,) = read_officials([folder], kept).files
    with pytest.raises(DocumentError, match=r"page 1 waits for no approval; waiting: \[2\]"):
        approve(file, [1])


def test_what_vanished_is_removed_and_nothing_else(tmp_path: Path, folder: Path, kept: Path) -> None:
    path = scanned(folder, kept)
    add_official(pdf_files.clean(tmp_path / "khac.pdf"), SIDE, folder, kept, progress=lambda _: None)
    assert len(read_officials([folder], kept).files) == 2
    path.unlink()
    assert [file.id for file in read_officials([folder], kept).files] == ["khac"]
    assert len(list(kept.iterdir())) == 1


def test_the_wards_document_wins(tmp_path: Path, folder: Path, kept: Path) -> None:
    scanned(folder, kept)
    ward = scanned(tmp_path / "ward", kept, text="Văn bản của phường.")
    (file,) = read_officials([folder, tmp_path / "ward"], kept).files
    assert file.path == ward


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('title = "A"', "agency"),
        ('title = "A"\nagency = "B"\ncolour = 1', r"unknown keys \['colour'\]"),
        ('title = "A"\nagency = "B"\ndate = "5/1/2026"', "not ISO 8601"),
        ("title = ", "Invalid value"),
    ],
)
def test_a_wrong_side_file_is_told(folder: Path, text: str, message: str) -> None:
    folder.mkdir()
    (folder / "a.pdf.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=rf"a\.pdf\.toml:\d+: .*{message}"):
        read_side(folder / "a.pdf")


def test_a_side_file_is_written_as_it_is_read(folder: Path) -> None:
    folder.mkdir()
    write_side(folder / "a.pdf", SIDE)
    assert read_side(folder / "a.pdf") == SIDE


@pytest.mark.parametrize(
    ("name", "id_"), [("Nghị định 59.pdf", "nghi-dinh-59"), ("ĐỀ_ÁN--06.PDF", "de-an-06"), ("…", "document")]
)
def test_an_id_is_plain(name: str, id_: str) -> None:
    assert document_id(Path(name)) == id_


def test_the_pictures_of_a_document_are_kept_with_it(tmp_path: Path, folder: Path, kept: Path) -> None:
    page = Image.new("RGB", (400, 300), "navy")
    for x in range(0, 400, 20):
        page.paste((255, x % 255, 0), (x, 40, x + 10, 260))
    pdf = pdf_files.new_pdf()
    pdf.add_page()
    pdf_files.write_lines(pdf, pdf_files.TEXT.split("\n"))
    pdf.image(page, x=20, y=120, w=100)
    source = pdf_files.save(pdf, tmp_path / "man-hinh.pdf")
    file = add_official(source, SIDE, folder, kept, progress=lambda _: None)
    (name,) = file.text.sections[0].images
    (saved,) = kept.glob(f"*/{name}")
    file.path.unlink()
    read_officials([folder], kept)
    assert not saved.exists()


def test_documents_are_listed_without_what_they_say(folder: Path, kept: Path) -> None:
    path = scanned(folder, kept)
    listed = list_officials([folder], kept)
    assert listed == list_officials([folder], kept)
    assert not listed.problems
    write_side(path, Side("Tên khác", "Bộ Công an"))
    told = list_officials([folder], kept)
    path.write_bytes(b"other")
    changed = list_officials([folder], kept)
    assert len({listed.digest, told.digest, changed.digest}) == 3
    assert "quyet-dinh.pdf" in str(changed.problems[0])
    assert "is not read yet" in str(changed.problems[0])


# Damage


def unreadable(path: Path) -> None:
    """Reading it is an input/output error, as on a bad spot of a disk."""
    path.unlink()
    path.symlink_to("/proc/self/mem")


def test_what_was_read_and_has_changed_on_the_disk_is_read_anew(
    tmp_path: Path, folder: Path, kept: Path
) -> None:
    source = pdf_files.clean(tmp_path / "a.pdf", ["Công dân nộp lệ phí 50.000 đồng tại Công an cấp xã."])
    add_official(source, SIDE, folder, kept, progress=lambda _: None)
    (path,) = kept.glob("*.json")
    for damage in (b"90.000", b"50.\xff00", b""):
        path.write_bytes(path.read_bytes().replace(b"50.000", damage))
        (file,) = read_officials([folder], kept).files
        assert "50.000" in file.reading.pages[0].text
    path.unlink()
    path.mkdir()
    assert len(read_officials([folder], kept).files) == 1


def test_what_cannot_be_read_stops_no_other_and_costs_nothing_that_was_read(
    tmp_path: Path, folder: Path, kept: Path
) -> None:
    scanned(folder, kept)
    add_official(pdf_files.clean(tmp_path / "khac.pdf"), SIDE, folder, kept, progress=lambda _: None)
    unreadable(folder / "khac.pdf")
    assert [file.id for file in read_officials([folder], kept).files] == ["quyet-dinh"]
    assert len(list(kept.glob("*.json"))) == 2
    (problem,) = list_officials([folder], kept).problems
    assert problem.message == "cannot be read: Input/output error"
    side = folder / "quyet-dinh.pdf.toml"
    side.unlink()
    side.mkdir()
    assert len(read_officials([folder], kept).problems) == 2
    assert len(list_officials([folder], kept).problems) == 2


def test_an_addition_that_was_broken_off_is_finished_and_never_half(folder: Path, kept: Path) -> None:
    path = scanned(folder, kept)
    new = folder / ".new-quyet-dinh.pdf"
    new.write_text("Công dân nộp hồ sơ tại Công an cấp huyện.")
    assert read_officials([folder], kept).files[0].side == SIDE  # what it is was not written yet
    write_side(new, Side("Bản mới", "Bộ Công an"))
    new.replace(path)  # killed between the two names
    (problem,) = read_officials([folder], kept, read_new=False).problems
    assert problem.message.startswith("is not read yet")
    assert read_side(path).title == "Bản mới"
    assert not list(folder.glob(".new-*"))
