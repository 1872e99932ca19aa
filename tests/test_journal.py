from __future__ import annotations

import csv
import io
import logging
import resource
import sqlite3
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from assistant import journal as module
from assistant.config import CHECKOUT, load_settings
from assistant.datatypes import Answer, Citation, Status
from assistant.errors import JournalError
from assistant.journal import Entry, Journal, Kind, as_csv, as_xlsx, groups, load_journal
from assistant.toml import read_toml

NOW = datetime(2026, 11, 26, 9, 41, 37)
WORDS = read_toml(CHECKOUT / "prompts" / "maintain.toml")


def answer(question: str, status: Status = Status.ANSWERED, document: str = "vneid-kich-hoat") -> Answer:
    cited = (Citation(1, document, "T", "A", None, None, None, ""),) if document else ()
    return Answer(question, status, "text", citations=cited)


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    opened: list[Journal] = []

    def opener(days: int = 90, now: datetime = NOW) -> Journal:
        path = tmp_path / "journal" / "journal.sqlite"
        opened.append(Journal(path, lambda text: text.replace("Lan", "(…)"), days=days, clock=lambda: now))
        return opened[-1]

    yield opener
    for each in opened:
        each.close()


def test_what_is_kept_of_a_question(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.asked(answer("Lan mất thẻ"))
    journal.judged(answer("hỏi phí", Status.NOT_COVERED, ""), Kind.WRONG, "figures")
    journal.flush()
    entries = sorted(journal.read(), key=lambda entry: entry.kind)
    minute = NOW.replace(second=0)
    assert entries == [
        Entry(minute, Kind.ASKED, "(…) mất thẻ", "answered", "vneid-kich-hoat"),
        Entry(minute, Kind.WRONG, "hỏi phí", "not_covered", "", "figures"),
    ]


def test_only_its_owner_may_look_into_the_folder(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.asked(answer("x"))
    journal.flush()
    assert journal.path.parent.stat().st_mode & 0o077 == 0


def test_old_entries_go_by_themselves(open_journal: Callable[..., Journal]) -> None:
    long_ago = open_journal(days=30, now=NOW - timedelta(days=31))
    long_ago.asked(answer("cũ"))
    long_ago.flush()
    today = open_journal(days=30)
    today.asked(answer("mới"))
    today.flush()
    assert [entry.question for entry in today.read()] == ["mới"]


def test_the_limit_holds_though_nobody_asks(open_journal: Callable[..., Journal]) -> None:
    long_ago = open_journal(days=30, now=NOW - timedelta(days=31))
    long_ago.asked(answer("cũ"))
    long_ago.close()
    today = open_journal(days=30)
    today.close()  # its writer has looked before it ended
    assert today.read() == []


def test_deletion_leaves_nothing_in_the_file(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    for question in ("bà Tý 100% kỳ lạ", "mất thẻ", "đổi thẻ"):
        journal.asked(answer(question))
    journal.flush()
    assert journal.forget(holding="100% kỳ") == 1
    assert journal.forget(holding="%") == 0
    held = b"".join(path.read_bytes() for path in journal.path.parent.iterdir())
    assert "kỳ lạ".encode() not in held
    assert journal.forget(date(2026, 11, 26)) == 0
    assert journal.forget(date(2026, 11, 27)) == 2
    assert journal.read() == []


def test_entries_of_a_day_on(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.asked(answer("x"))
    journal.flush()
    assert len(journal.read(date(2026, 11, 26))) == 1
    assert journal.read(date(2026, 11, 27)) == []


def test_a_locked_file_costs_nobody_time_and_is_told_once(
    open_journal: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    journal = open_journal()
    journal.asked(answer("một"))
    journal.flush()
    other = sqlite3.connect(journal.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            journal.asked(answer("mất"))
        journal.flush()
    assert len(caplog.records) == 1
    assert "mất" not in caplog.text
    assert "locked" in journal.trouble
    assert len(journal.read()) == 1  # readers go on
    other.execute("ROLLBACK")
    other.close()
    journal.asked(answer("hai"))
    journal.flush()
    assert journal.trouble == ""
    assert {entry.question for entry in journal.read()} == {"một", "hai"}


def test_a_full_disk_keeps_what_was_there(
    open_journal: Callable[..., Journal], caplog: pytest.LogCaptureFixture
) -> None:
    journal = open_journal()
    journal.asked(answer("một"))
    journal.flush()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))  # the kernel refuses every write behind it
    try:
        for _ in range(3):
            journal.asked(answer("mất"))
        journal.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert journal.trouble
    assert len([record for record in caplog.records if record.name == "assistant"]) == 1
    journal.asked(answer("hai"))
    journal.flush()
    assert [entry.question for entry in journal.read() if entry.question != "mất"] in (
        ["một", "hai"],
        ["hai", "một"],
    )


def test_where_nothing_can_be_written_people_are_answered_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file where the folder should be")
    journal = Journal(tmp_path / "journal" / "journal.sqlite", str, days=90)
    journal.asked(answer("một"))
    journal.flush()
    assert journal.trouble
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        journal.read()
    journal.close()


def test_a_damaged_file_is_told(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.path.parent.mkdir(parents=True, exist_ok=True)
    journal.path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(JournalError, match="not a database"):
        journal.read()


def test_a_crowd_is_written_whole(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()

    def ask() -> None:
        for _ in range(5):
            journal.asked(answer("x"))

    people = [threading.Thread(target=ask) for _ in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    journal.flush()
    assert len(journal.read()) == 40


def test_a_journal_of_the_first_release_goes_on(
    open_journal: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = open_journal().path
    path.parent.mkdir(parents=True)
    old = sqlite3.connect(path)
    for statement in module._STEPS[0]:
        old.execute(statement.format(key="INTEGER"))
    old.execute("CREATE TABLE schema_version (number INTEGER NOT NULL)")
    old.execute("INSERT INTO schema_version VALUES (1)")
    old.execute("INSERT INTO entry VALUES (5, '2026-11-25 08:00:00.000000', 'asked', 'cũ', 'answered', 'd')")
    old.commit()
    old.close()
    journal = open_journal()
    journal.asked(answer("mới"))
    journal.flush()
    assert [entry.question for entry in journal.read()] == ["cũ", "mới"]
    journal.close()

    monkeypatch.setattr(module, "_STEPS", (*module._STEPS, ("THIS IS NO SQL",)))
    later = open_journal()
    with pytest.raises(JournalError):
        later.read()
    monkeypatch.undo()
    again = open_journal()  # the step that failed has left nothing behind
    assert [entry.question for entry in again.read()] == ["cũ", "mới"]


def test_a_journal_of_a_newer_release_is_left_alone(
    open_journal: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()
    journal.asked(answer("x"))
    journal.flush()
    monkeypatch.setattr(module, "_STEPS", module._STEPS[:1])
    with pytest.raises(JournalError, match="newer release"):
        open_journal().read()


def test_a_spreadsheet_works_nothing_out() -> None:
    entries = [
        Entry(NOW, Kind.ASKED, "=HYPERLINK(1)", "answered", "d"),
        Entry(NOW, Kind.ASKED, "hỏi ạ", "x", ""),
    ]
    rows = list(csv.reader(io.StringIO(as_csv(entries, WORDS).decode("utf-8-sig"))))
    assert rows[0] == WORDS["journal"]["columns"]
    assert rows[1][1] == "Hỏi"
    assert rows[1][2] == "'=HYPERLINK(1)"
    assert rows[2][2] == "hỏi ạ"
    with zipfile.ZipFile(io.BytesIO(as_xlsx(entries, WORDS))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "HYPERLINK(1)" in book.read("xl/sharedStrings.xml").decode()


def test_questions_that_ask_the_same_stand_together() -> None:
    asked = ["mất sổ đỏ", "làm lại sổ đỏ bị mất", "mất sổ đỏ", "xin giấy độc thân", "Mất sổ đỏ rồi"]
    entries = [
        Entry(NOW + timedelta(minutes=at), Kind.ASKED, question, "not_covered", "")
        for at, question in enumerate(asked)
    ]
    found = groups(entries, lambda text: text.lower().split())
    assert found[0].questions[0] == "mất sổ đỏ"
    assert found[0].count == 3
    assert found[0].last == NOW + timedelta(minutes=4)
    assert ("xin giấy độc thân",) in [group.questions for group in found]
    assert sum(group.count for group in found) == len(asked)
    assert groups([], str.split) == []
    assert groups([Entry(NOW, Kind.ASKED, "", "x", "")] * 2, str.split)[0].count == 2


def test_the_product_hides_numbers_and_names(tmp_path: Path) -> None:
    journal = load_journal(load_settings({"data": tmp_path}))
    assert not journal.path.exists()
    journal.asked(answer("Tôi là Nguyễn Văn An, số (số đã che)"))
    journal.flush()
    assert "An" not in journal.read()[0].question
    journal.close()


def test_damage_in_an_entry_is_told(open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.asked(answer("x"))
    journal.flush()
    with sqlite3.connect(journal.path) as file:
        file.execute("UPDATE entry SET minute = '2026-13-45 8'")
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        journal.read()
