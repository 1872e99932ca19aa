from __future__ import annotations

import csv
import io
import logging
import os
import sqlite3
import subprocess
import threading
import traceback
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from conftest import full_disk
from postgres import PASSWORD, Cluster
from pydantic import SecretStr

from assistant import journal as module
from assistant.config import CHECKOUT, load_settings
from assistant.datatypes import Answer, Citation, Status
from assistant.errors import JournalError
from assistant.journal import Entry, Journal, Kind, Server, as_csv, as_xlsx, groups, load_journal
from assistant.toml import read_toml

NOW = datetime(2026, 11, 26, 9, 41, 37)
WORDS = read_toml(CHECKOUT / "prompts" / "maintain.toml")


def answer(question: str, status: Status = Status.ANSWERED, document: str = "vneid-kich-hoat") -> Answer:
    cited = (Citation(1, document, "T", "A", None, None, None, ""),) if document else ()
    return Answer(question, status, "text", citations=cited)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.remove()


@pytest.fixture(params=["file", "server"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | Server:
    """Where a journal is to lie: nothing is there yet."""
    if request.param == "file":
        return tmp_path / "journal" / "journal.sqlite"
    cluster: Cluster = request.getfixturevalue("cluster")
    cluster.run_sql("DROP TABLE IF EXISTS entry", "DROP TABLE IF EXISTS schema_version")
    return Server(cluster.url)


in_a_file = pytest.mark.parametrize("place", ["file"], indirect=True)
on_a_server = pytest.mark.parametrize("place", ["server"], indirect=True)


@contextmanager
def connected(place: Path | Server) -> Iterator[sqlite3.Connection | psycopg.Connection]:
    """Another program at the same database."""
    if isinstance(place, Server):
        with psycopg.connect(place.url, autocommit=True) as connection:
            yield connection
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        file = sqlite3.connect(place, isolation_level=None)
        yield file
        file.close()


@pytest.fixture
def open_journal(place: Path | Server) -> Iterator[Callable[..., Journal]]:
    opened: list[Journal] = []

    def opener(days: int = 90, now: datetime = NOW) -> Journal:
        opened.append(Journal(place, lambda text: text.replace("Lan", "(…)"), days=days, clock=lambda: now))
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


@in_a_file
def test_only_its_owner_may_look_into_the_folder(place: Path, open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.asked(answer("x"))
    journal.flush()
    assert place.parent.stat().st_mode & 0o077 == 0


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


def test_deletion_leaves_nothing_in_the_files(
    place: Path | Server, open_journal: Callable[..., Journal], request: pytest.FixtureRequest
) -> None:
    journal = open_journal()
    for question in ("bà Tý 100% kỳ lạ", "mất thẻ", "đổi thẻ"):
        journal.asked(answer(question))
    journal.flush()
    assert journal.forget(holding="100% kỳ") == 1
    assert journal.forget(holding="%") == 0
    if isinstance(place, Server):  # its own log keeps it until it is due (README)
        cluster: Cluster = request.getfixturevalue("cluster")
        cluster.run_sql("CHECKPOINT")
        files = [*(cluster.folder / "data" / "base").rglob("*")]
    else:
        files = [*place.parent.iterdir()]
    held = b"".join(path.read_bytes() for path in files if path.is_file())
    assert "mất thẻ".encode() in held
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


def test_a_lock_costs_nobody_time_and_is_told_once(
    place: Path | Server,
    open_journal: Callable[..., Journal],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    journal = open_journal()
    journal.asked(answer("một"))
    journal.flush()
    with connected(place) as other, caplog.at_level(logging.ERROR):
        for statement in _LOCK[isinstance(place, Server)]:
            other.execute(statement)
        for _ in range(3):
            journal.asked(answer("mất"))
        journal.flush()
        assert len(caplog.records) == 1
        assert "mất" not in caplog.text
        assert "lock" in journal.trouble
        assert len(journal.read()) == 1  # readers go on
        other.execute("ROLLBACK")
    journal.asked(answer("hai"))
    journal.flush()
    assert journal.trouble == ""
    assert {entry.question for entry in journal.read()} == {"một", "hai"}


_LOCK = (("BEGIN IMMEDIATE",), ("BEGIN", "LOCK TABLE entry IN EXCLUSIVE MODE"))


@on_a_server
def test_a_server_that_goes_away_and_comes_back(
    cluster: Cluster, open_journal: Callable[..., Journal], caplog: pytest.LogCaptureFixture
) -> None:
    journal = open_journal()
    journal.asked(answer("trước"))
    journal.flush()
    cluster.stop()
    try:
        for _ in range(3):
            journal.asked(answer("mất"))
        journal.flush()
        assert journal.trouble
        assert len(caplog.records) == 1
        assert "mất" not in caplog.text
        with pytest.raises(JournalError):
            journal.read()
    finally:
        cluster.start()
    journal.asked(answer("sau"))
    journal.flush()
    assert journal.trouble == ""
    assert sorted(entry.question for entry in journal.read()) == ["sau", "trước"]


@on_a_server
def test_the_password_of_the_database_is_told_nowhere(
    place: Server, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    right = Journal(Server(cluster.network_url, SecretStr(PASSWORD)), str, days=90)
    right.asked(answer("một"))
    right.flush()
    assert len(right.read()) == 1
    right.close()
    for url in (cluster.network_url, "postgresql://tro-ly@127.0.0.1:1/postgres"):
        server = Server(url, SecretStr("s3cret-pw"))
        wrong = Journal(server, str, days=90)
        wrong.asked(answer("hai"))
        wrong.flush()
        with pytest.raises(JournalError) as caught:
            wrong.read()
        told = "".join(traceback.format_exception(caught.value))
        assert "s3cret-pw" not in f"{told}{wrong.trouble}{caplog.text}{server!r}"
        wrong.close()


@on_a_server
def test_several_machines_begin_at_once(place: Server, open_journal: Callable[..., Journal]) -> None:
    machines = [open_journal() for _ in range(4)]
    for machine in machines:
        machine.asked(answer("x"))
    for machine in machines:
        machine.flush()
    assert [machine.trouble for machine in machines] == [""] * 4
    assert len(machines[0].read()) == 4


@in_a_file
def test_a_full_disk_keeps_what_was_there(
    open_journal: Callable[..., Journal], caplog: pytest.LogCaptureFixture
) -> None:
    journal = open_journal()
    journal.asked(answer("một"))
    journal.flush()
    with full_disk(room=1024):
        for _ in range(3):
            journal.asked(answer("mất"))
        journal.flush()
    assert journal.trouble
    assert len([record for record in caplog.records if record.name == "assistant"]) == 1
    journal.asked(answer("hai"))
    journal.flush()
    assert [entry.question for entry in journal.read() if entry.question != "mất"] in (
        ["một", "hai"],
        ["hai", "một"],
    )


@in_a_file
def test_a_disk_that_is_really_full(place: Path, open_journal: Callable[..., Journal]) -> None:
    place.parent.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place.parent)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        journal = open_journal()
        journal.asked(answer("một"))
        journal.flush()
        with suppress(OSError), (place.parent / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"0" * 512)
        for at in range(100):
            journal.asked(answer(f"câu {at} " + "rất dài " * 50))
        journal.flush()
        assert "full" in journal.trouble
        assert "một" in {entry.question for entry in journal.read()}
        (place.parent / "filler").unlink()
        journal.asked(answer("hai"))
        journal.flush()
        assert journal.trouble == ""
        assert {"một", "hai"} <= {entry.question for entry in journal.read()}
        journal.close()
    finally:
        subprocess.run(["umount", "-l", str(place.parent)], check=True)


def test_where_nothing_can_be_written_people_are_answered_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file where the folder should be")
    journal = Journal(tmp_path / "journal" / "journal.sqlite", str, days=90)
    journal.asked(answer("một"))
    journal.flush()
    assert journal.trouble
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        journal.read()
    journal.close()


@in_a_file
def test_a_damaged_file_is_told(place: Path, open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"no database at all" * 1000)
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
    place: Path | Server, open_journal: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(place) as old:
        key = "BIGINT" if isinstance(place, Server) else "INTEGER"
        for statement in module._STEPS[0]:
            old.execute(statement.format(key=key))
        old.execute("CREATE TABLE schema_version (number INTEGER NOT NULL)")
        old.execute("INSERT INTO schema_version VALUES (1)")
        old.execute("INSERT INTO entry VALUES (5, '2026-11-25 08:00:00', 'asked', 'cũ', 'answered', 'd')")
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
    assert list(tmp_path.iterdir()) == []
    journal.asked(answer("Tôi là Nguyễn Văn An, số (số đã che)"))
    journal.flush()
    assert "An" not in journal.read()[0].question
    journal.close()


@in_a_file
def test_damage_in_an_entry_is_told(place: Path, open_journal: Callable[..., Journal]) -> None:
    journal = open_journal()
    journal.asked(answer("x"))
    journal.flush()
    with sqlite3.connect(place) as file:
        file.execute("UPDATE entry SET minute = '2026-13-45 8'")
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        journal.read()
