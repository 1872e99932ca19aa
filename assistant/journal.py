"""What people asked and what they said of the answers, where an operator has switched the journal on.

Texts are kept without what could tell who asked (answering/anonymous.py), times to the minute, in no order
within a minute, and no visit is told from another. They lie in a file of SQLite, or in a database of
PostgreSQL that several machines share. A thread of its own writes; what cannot be written, on a full disk,
in a locked file or because the server is gone, is logged once and forgotten.
"""

from __future__ import annotations

import csv
import io
import logging
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from queue import Full, Queue
from typing import TYPE_CHECKING, Any

from assistant.answering.anonymous import load_anonymous
from assistant.answering.safety import load_safety
from assistant.config import Settings
from assistant.datatypes import Answer
from assistant.errors import JournalError

if TYPE_CHECKING:
    from pydantic import SecretStr
    from sqlalchemy import Connection, Engine, Table
    from sqlalchemy.engine.interfaces import DBAPIConnection

LOG = logging.getLogger("assistant")

_PATIENCE = 2.0  # seconds to wait for another who writes
_WAITING = 200  # entries that may wait to be written; more are lost
_ALIKE = 0.6  # share of words that two questions have in common which ask the same
# One step a release that changed what is stored; a journal of any earlier release goes through the rest.
_STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE entry (id {key} PRIMARY KEY, minute TIMESTAMP NOT NULL, kind TEXT NOT NULL, "
        "question TEXT NOT NULL, status TEXT NOT NULL, document TEXT NOT NULL)",
        "CREATE INDEX entry_minute ON entry (minute)",
    ),
    ("ALTER TABLE entry ADD COLUMN reason TEXT NOT NULL DEFAULT ''",),
)
_LOCK = 4_203_911  # any number that no other program takes for its lock in the same database
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would work out what begins so


class Kind(StrEnum):
    """What an entry tells: that something was asked, or what a person said of an answer."""

    ASKED = "asked"
    WRONG = "wrong"
    HELPED = "helped"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal. `document` is what answered, `reason` which part of it is wrong."""

    minute: datetime
    kind: Kind
    question: str
    status: str
    document: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that ask the same thing, the most frequent wording first."""

    questions: tuple[str, ...]
    count: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Server:
    """A database of PostgreSQL. The address holds no password: str() of it may be shown."""

    url: str
    password: SecretStr | None = None

    def __str__(self) -> str:
        return self.url


class Journal:
    """The file or the database, opened when it is first needed."""

    def __init__(
        self,
        place: Path | Server,
        hide: Callable[[str], str],
        *,
        days: int,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.place = place
        self.hide = hide  # takes out what could tell who asked
        self.days = days
        self.trouble = ""  # why the last entry could not be written
        self.lost = 0  # entries that could not be
        self._clock = clock
        self._engine: Engine | None = None
        self._opening = threading.RLock()
        self._limited = date.min  # the day the limit was kept last
        self._entries: Queue[Entry | None] = Queue(_WAITING)
        self._writer = threading.Thread(target=self._write_all, daemon=True)
        self._writer.start()

    def asked(self, answer: Answer) -> None:
        """Note a question and how it ended. Never waits and never fails."""
        self._note(answer, Kind.ASKED, "")

    def judged(self, answer: Answer, kind: Kind, reason: str = "") -> None:
        """Note what a person said of an answer. Never waits and never fails."""
        self._note(answer, kind, reason)

    def read(self, since: date = date.min) -> list[Entry]:
        """Every entry from a day on, oldest first; none where there never was a file. Raises JournalError."""
        import sqlalchemy as sa

        if not self._exists:
            return []
        table = _table()
        columns = [table.c[field.name] for field in fields(Entry)]
        query = sa.select(*columns).where(table.c.minute >= datetime.combine(since, time()))
        with self._transaction(reads=True) as connection:
            rows = connection.execute(query.order_by(table.c.minute, table.c.id)).all()
            return [Entry(minute, Kind(kind), *rest) for minute, kind, *rest in rows]

    def forget(self, before: date | None = None, *, holding: str = "") -> int:
        """Delete all entries, or those before a day, or those whose text holds some words; tells how many.

        What is deleted is overwritten in the file; a server's own log and backups keep it until they are
        due. Raises JournalError.
        """
        import sqlalchemy as sa

        if not self._exists:
            return 0
        table = _table()
        query = sa.delete(table)
        if before is not None:
            query = query.where(table.c.minute < datetime.combine(before, time()))
        if holding:
            query = query.where(table.c.question.icontains(holding, autoescape=True))
        with self._transaction() as connection:
            count = int(connection.execute(query).rowcount)
        if count:
            self._tidy()
        return count

    def flush(self) -> None:
        """Wait until what was noted before is written, or given up."""
        self._entries.join()

    def close(self) -> None:
        """Write what waits, and let go of the file."""
        with suppress(Full):
            self._entries.put(None, timeout=_PATIENCE)
            self._writer.join(2 * _PATIENCE)
        if self._engine is not None:
            self._engine.dispose()

    # Writing

    def _note(self, answer: Answer, kind: Kind, reason: str) -> None:
        document = answer.citations[0].document_id if answer.citations else ""
        minute = self._clock().replace(second=0, microsecond=0, tzinfo=None)
        entry = Entry(minute, kind, answer.question, answer.status.value, document, reason)
        try:
            self._entries.put_nowait(entry)
        except Full:
            self._failed("too many entries wait to be written")

    def _write_all(self) -> None:
        if self._exists:
            with suppress(JournalError):
                self._keep_limit(self._clock().date())
        while True:
            entry = self._entries.get()
            try:
                if entry is None:
                    return
                self._write(entry)
            except JournalError as error:
                self._failed(str(error))
            else:
                self.trouble = ""
            finally:
                del entry  # what somebody asked does not stay until the next one asks
                self._entries.task_done()

    def _write(self, entry: Entry) -> None:
        import sqlalchemy as sa

        table = _table()
        values = {field.name: getattr(entry, field.name) for field in fields(Entry)}
        values["question"] = self.hide(entry.question)
        with self._transaction() as connection:
            # A random key: the order within a minute would tell what one person asked.
            connection.execute(sa.insert(table).values(id=secrets.randbits(62), **values))
        self._keep_limit(entry.minute.date())

    def _keep_limit(self, today: date) -> None:
        """Delete what is older than the limit, once a day."""
        if today > self._limited:
            self.forget(today - timedelta(days=self.days))
            self._limited = today

    def _failed(self, why: str) -> None:
        if not self.trouble:
            LOG.error("the journal lost an entry, and will lose more without a word: %s", why)
        self.trouble = why
        self.lost += 1

    # The file

    @contextmanager
    def _transaction(self, *, reads: bool = False) -> Iterator[Connection]:
        """One transaction. Raises JournalError for whatever the disk or the database says."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._opened().execution_options(reads=reads).begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError, ValueError) as error:  # damage may look like a day that is none
            # Without the statement and the row, which hold the question.
            cause = str(getattr(error, "orig", None) or error).partition("\n")[0]
            raise JournalError(f"{self.place}: {cause}") from None

    @property
    def _exists(self) -> bool:
        """Whether there may be entries; looking for the file makes it, and its folder."""
        return isinstance(self.place, Server) or self.place.parent.exists()

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                engine = _database(self.place) if isinstance(self.place, Server) else _file(self.place)
                try:
                    with engine.begin() as connection:
                        _migrate(connection, self.place)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine

    def _tidy(self) -> None:
        """Leave nothing of what was deleted in the database's files either."""
        from sqlalchemy.exc import SQLAlchemyError

        with suppress(SQLAlchemyError), self._opened().connect() as connection:
            if isinstance(self.place, Server):
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                    "VACUUM FULL entry"
                )
            else:
                connection.exec_driver_sql("COMMIT")  # a checkpoint is no part of a transaction
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def load_journal(settings: Settings) -> Journal:
    """The journal, whether or not it is switched on. Raises KnowledgeError."""
    safety = load_safety(settings.home / "prompts" / "safety.toml")
    hide = load_anonymous(settings.knowledge, safety.mask)
    chosen = settings.journal
    file = settings.data / "journal" / "journal.sqlite"
    place = Server(chosen.url, chosen.password) if chosen.url else file
    return Journal(place, hide, days=chosen.days)


def _file(path: Path) -> Engine:
    import sqlalchemy as sa

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": _PATIENCE})

    # Python's own transactions of sqlite3 would leave a migration half done (SQLAlchemy, "pysqlite").
    @sa.event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for setting in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON"):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _database(server: Server) -> Engine:
    import sqlalchemy as sa

    url = sa.make_url(server.url).set(drivername="postgresql+psycopg")
    if server.password:
        url = url.set(password=server.password.get_secret_value())
    patience = int(1000 * _PATIENCE)
    limits = {
        "connect_timeout": 2,
        "tcp_user_timeout": 4 * patience,
        "options": f"-c lock_timeout={patience} -c statement_timeout={4 * patience}",
    }
    try:
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=limits)
    except ModuleNotFoundError as error:
        raise JournalError(f"{server}: {error}; install the extra `postgres`") from error


@cache
def _table() -> Table:
    import sqlalchemy as sa

    words = [sa.Column(name, sa.String) for name in ("kind", "question", "status", "document", "reason")]
    key = sa.Column("id", sa.BigInteger, primary_key=True)
    return sa.Table("entry", sa.MetaData(), key, sa.Column("minute", sa.DateTime), *words)


def _migrate(connection: Connection, place: Path | Server) -> None:
    """Bring a journal of an earlier release, or a new one, to what this release knows."""
    from sqlalchemy import text

    if isinstance(place, Server):  # several machines may come at once
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    connection.execute(text("CREATE TABLE IF NOT EXISTS schema_version (number INTEGER NOT NULL)"))
    version = connection.execute(text("SELECT number FROM schema_version")).scalar()
    if version is None:
        connection.execute(text("INSERT INTO schema_version VALUES (0)"))
    known = len(_STEPS)
    if (version or 0) > known:
        raise JournalError(
            f"{place} is of a newer release (version {version}, known are {known}); move it away"
        )
    key = "BIGINT" if isinstance(place, Server) else "INTEGER"
    for step in _STEPS[version or 0 :]:
        for statement in step:
            connection.execute(text(statement.format(key=key)))
    connection.execute(text("UPDATE schema_version SET number = :known"), {"known": known})


# What is made of it


def groups(entries: Iterable[Entry], words_of: Callable[[str], Collection[str]]) -> list[Group]:
    """Entries whose questions have most of their words in common, the largest group first.

    Each question goes to the first group that it is like; the most frequent wording begins a group.
    """
    said: dict[str, list[Entry]] = {}
    for entry in entries:
        said.setdefault(entry.question, []).append(entry)
    found: list[tuple[frozenset[str], list[str]]] = []
    at: dict[str, list[int]] = {}  # word → groups whose first question has it
    for question in sorted(said, key=lambda text: (-len(said[text]), text)):
        words = frozenset(words_of(question))
        near = sorted({number for word in words for number in at.get(word, ())})
        home = next((number for number in near if _likeness(words, found[number][0]) >= _ALIKE), None)
        if home is not None:
            found[home][1].append(question)
            continue
        for word in words:
            at.setdefault(word, []).append(len(found))
        found.append((words, [question]))
    grouped = []
    for _, questions in found:
        members = [entry for question in questions for entry in said[question]]
        last = max(entry.minute for entry in members)
        grouped.append(Group(tuple(questions), len(members), last))
    return sorted(grouped, key=lambda group: (-group.count, -group.last.timestamp()))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def as_csv(entries: Iterable[Entry], words: Mapping[str, Any]) -> bytes:
    """The entries as a table that Excel opens with its accents, in the words of prompts/maintain.toml."""
    out = io.StringIO()
    csv.writer(out).writerows([_cell(text) for text in row] for row in _rows(entries, words))
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(entries: Iterable[Entry], words: Mapping[str, Any]) -> bytes:
    """The entries as an Excel workbook, in the words of prompts/maintain.toml; every cell is text."""
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        bold = book.add_format({"bold": True})
        for column, width in enumerate((18, 12, 70, 20, 28, 28)):
            sheet.set_column(column, column, width)
        for line, row in enumerate(_rows(entries, words)):
            for column, text in enumerate(row):
                sheet.write_string(line, column, text, None if line else bold)
        sheet.freeze_panes(1, 0)
    return out.getvalue()


def _rows(entries: Iterable[Entry], words: Mapping[str, Any]) -> Iterator[list[str]]:
    """The names of the columns, then a line for each entry."""
    yield words["journal"]["columns"]
    kinds, statuses, reasons = words["journal"]["kinds"], words["status"], words["opinion"]["reasons"]
    for entry in entries:
        yield [
            f"{entry.minute:%Y-%m-%d %H:%M}",
            kinds.get(entry.kind, entry.kind),
            entry.question,
            statuses.get(entry.status, entry.status),
            entry.document,
            reasons.get(entry.reason, entry.reason),
        ]


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
