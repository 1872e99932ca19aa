from __future__ import annotations

import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from assistant.config import Settings
from assistant.datatypes import Answer, Status
from assistant.errors import BackupError, KnowledgeError
from assistant.journal import load_journal
from assistant.operations.backup import back_up, restore

SIDE = "local/official/thong-bao.txt.toml"


@pytest.fixture(scope="module")
def ward(shipped: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A machine with notes, an approval and a journal of one question: nothing to be indexed anew."""
    folder = tmp_path_factory.mktemp("ward")
    shutil.copytree(data / "index", folder / "index")
    settings = Settings(home=shipped, data=folder)
    files = {
        "local/ghi-chu.txt": "Ghi chú của phường.",
        SIDE: 'title = "Thông báo"\nagency = "UBND"\napproved = ["ab12"]\n',
        "local/.hidden": "x",
        "documents/0a-2.json": "{}",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    journal = load_journal(settings)
    journal.asked(Answer("đổi thẻ hết bao nhiêu", Status.ANSWERED, ""))
    journal.flush()
    journal.close()
    return settings


@pytest.fixture(scope="module")
def archive(ward: Settings) -> Path:
    file = ward.data / "sao-luu.zip"
    kept = back_up(ward, file)
    assert (kept.files, kept.documents, kept.journal) == (4, 0, True)
    return file


@pytest.fixture
def other(ward: Settings, tmp_path: Path) -> Settings:
    """Another machine with something of its own."""
    shutil.copytree(ward.data / "index", tmp_path / "index")
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "mine.txt").write_text("mine")
    return ward.model_copy(update={"data": tmp_path})


def held(settings: Settings) -> dict[str, bytes]:
    """Every file of the ward's own, and what lies beside."""
    parts = [path for path in settings.data.iterdir() if path.name != "index"]
    files = [file for part in parts for file in [part, *part.rglob("*")] if file.is_file()]
    return {str(file.relative_to(settings.data)): file.read_bytes() for file in files}


def test_what_was_kept_is_there_again_on_another_machine(archive: Path, other: Settings) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    restore(other, archive)
    assert (other.overlay / "ghi-chu.txt").read_text(encoding="utf-8") == "Ghi chú của phường."
    assert "ab12" in (other.data / SIDE).read_text(encoding="utf-8")
    journal = load_journal(other)
    assert [entry.question for entry in journal.read(date.min)] == ["đổi thẻ hết bao nhiêu"]
    journal.close()
    assert not (other.overlay / "mine.txt").exists()
    assert not list(other.data.glob(".*"))


def test_the_journal_is_kept_while_somebody_writes_to_it(ward: Settings, tmp_path: Path) -> None:
    with sqlite3.connect(ward.data / "journal" / "journal.sqlite") as writing:
        writing.execute("BEGIN IMMEDIATE")
        assert back_up(ward, tmp_path / "a.zip").journal
    writing.close()


def rewritten(archive: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with other entries."""
    with zipfile.ZipFile(archive) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    change(entries)
    with zipfile.ZipFile(target, "w") as new:
        for name, data in entries.items():
            new.writestr(name, data)
    return target


def named(old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    """A file under another name, listed as such."""

    def change(entries: dict[str, bytes]) -> None:
        entries["MANIFEST"] = entries["MANIFEST"].replace(old.encode(), new.encode())
        entries[new] = entries.pop(old)

    return change


NOTES = "local/ghi-chu.txt"
WRONG: dict[str, Callable[[dict[str, bytes]], None]] = {
    "climbs": named("documents/0a-2.json", "documents/../../outside"),
    "absolute": named("documents/0a-2.json", "/tmp/outside"),
    "elsewhere": named("documents/0a-2.json", "assistant.toml"),
    "beside the journal": named("documents/0a-2.json", "journal/other.sqlite"),
    "changed": lambda entries: entries.update({NOTES: b"other words"}),
    "added": lambda entries: entries.update({"local/guides/more.md": b"x"}),
    "missing": lambda entries: entries.update({"MANIFEST": entries.pop("MANIFEST"), NOTES: b""}),
    "of another kind": lambda entries: entries.update({"MANIFEST": b"something else\n"}),
}


@pytest.mark.parametrize("how", WRONG)
def test_an_archive_that_is_not_what_was_kept_changes_nothing(
    how: str, archive: Path, other: Settings, tmp_path: Path
) -> None:
    wrong = rewritten(archive, tmp_path / "wrong.zip", WRONG[how])
    before = held(other)
    with pytest.raises(BackupError):
        restore(other, wrong)
    assert held(other) == before


@pytest.mark.parametrize("cut", [0, 100, 0.5])
def test_a_damaged_or_foreign_file_is_refused(
    cut: float, archive: Path, other: Settings, tmp_path: Path
) -> None:
    whole = archive.read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: int(cut if cut > 1 else cut * len(whole))])
    with pytest.raises(BackupError):
        restore(other, tmp_path / "cut.zip")
    with pytest.raises(BackupError, match="is not there"):
        restore(other, tmp_path / "nothing.zip")


def test_knowledge_that_does_not_pass_the_check_is_not_put_back(
    ward: Settings, other: Settings, tmp_path: Path
) -> None:
    broken = ward.model_copy(update={"local": tmp_path / "broken"})
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "contacts.toml").write_text("not = toml = at all", encoding="utf-8")
    file = tmp_path / "broken.zip"
    back_up(broken, file)
    before = held(other)
    with pytest.raises(KnowledgeError):
        restore(other, file)
    assert held(other) == before


def test_what_was_there_comes_back_where_the_new_cannot_be_used(
    archive: Path, other: Settings, tmp_path: Path
) -> None:
    before = held(other)
    shutil.rmtree(other.data / "index")
    (other.data / "index").write_text("no folder")  # nothing can be indexed
    with pytest.raises(BackupError, match="is back"):
        restore(other, archive)
    kept = held(other)
    assert {name: data for name, data in kept.items() if name != "index"} == before
