"""What only this machine has, in one archive: the ward's own knowledge and documents, approvals, the journal.

A ZIP that begins with `MANIFEST`, which names its kind and lists every other file with its sha256. Settings
are not in it, because they hold keys; models and the index can be had again.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import sqlite3
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from assistant.config import Settings
from assistant.errors import AssistantError, BackupError, KnowledgeError
from assistant.files import in_place_of, sha256_of
from assistant.loading import check_everything, current_index, load_embedder

_KIND = "tro-ly backup 1"
_MANIFEST = "MANIFEST"
_JOURNAL = "journal/journal.sqlite"
_LINE = re.compile(r"([0-9a-f]{64})  ([^\x00-\x1f\\\x7f]+)")
_CHUNK = 1 << 20
_SPARE = 100_000_000  # bytes that stay free on the disk
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Kept:
    """What an archive holds."""

    made: str
    files: int
    documents: int  # official ones, of the ward
    journal: bool


def back_up(settings: Settings, file: Path, progress: Progress = lambda _: None) -> Kept:
    """Write the archive, readable by its owner alone; one that is there is replaced in the end.

    May be done while the pages are served. Raises BackupError.
    """
    made = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with TemporaryDirectory(prefix="assistant-backup-") as folder, in_place_of(file) as fresh:
            found = dict(_files(settings, Path(folder)))
            lines = [f"{sha256_of(path)}  {name}" for name, path in found.items()]
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
                    archive.writestr(_MANIFEST, "\n".join([f"{_KIND} {made}", *lines, ""]))
                    for name, path in found.items():
                        progress(f"keeping {name}")
                        archive.write(path, name)
                out.flush()
                os.fsync(out.fileno())
            # A file that changed meanwhile, or a disk that lies, is found now and not when needed.
            _listed_files(fresh)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{file} cannot be written: {error}") from error
    return _kept(made, found)


def restore(settings: Settings, file: Path, progress: Progress = lambda _: None) -> Kept:
    """Put back what an archive holds, in place of what is there; parts that it has nothing of stay.

    The pages must not be served meanwhile. What was there is kept until the new has been checked and indexed;
    else it is put back. Raises BackupError, or KnowledgeError for knowledge that does not pass the check.
    """
    progress("reading the archive")
    made, listed = _listed_files(file)
    targets = {
        part: target
        for part, target in _parts(settings).items()
        if any(n.startswith(f"{part}/") for n in listed)
    }
    fresh = {part: target.with_name(f".{target.name}-restored") for part, target in targets.items()}
    try:
        for folder in fresh.values():
            shutil.rmtree(folder, ignore_errors=True)
        _extract(file, listed, fresh, settings.data)
        if "journal" in fresh:
            _check_journal(fresh["journal"] / Path(_JOURNAL).name, file)
        if "local" in fresh:
            progress("checking")
            _, problems = check_everything(settings.model_copy(update={"local": fresh["local"]}))
            if problems:
                raise KnowledgeError(problems)
        with _exchanged([(fresh[part], targets[part]) for part in targets]):
            current_index(settings, load_embedder(settings), progress, strict=True)
    except OSError as error:
        raise BackupError(f"{file} cannot be restored, nothing has changed: {error}") from error
    finally:
        for folder in fresh.values():
            shutil.rmtree(folder, ignore_errors=True)
    return _kept(made, listed)


# What is kept


def _parts(settings: Settings) -> dict[str, Path]:
    """Where each part of an archive belongs."""
    return {
        "local": settings.overlay,
        "documents": settings.data / "documents",  # as they were read: approvals name these texts
        "journal": settings.data / "journal",
    }


def _files(settings: Settings, folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file by its name in the archive; the journal as a copy of one moment, in a folder."""
    for part, root in _parts(settings).items():
        if part == "journal":
            continue
        for path in sorted(root.rglob("*")):
            inside = path.relative_to(root)
            if path.is_file() and not path.is_symlink() and not any(n.startswith(".") for n in inside.parts):
                yield f"{part}/{inside.as_posix()}", path
    journal = settings.data / _JOURNAL
    if journal.is_file():
        copy = folder / journal.name
        with closing(sqlite3.connect(journal)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        yield _JOURNAL, copy


def _kept(made: str, names: Mapping[str, object]) -> Kept:
    documents = sum(name.startswith("local/official/") and not name.endswith(".toml") for name in names)
    return Kept(made, len(names), documents, _JOURNAL in names)


# What is put back


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """An archive. Raises BackupError for whatever is wrong with its bytes."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        UnicodeError,
    ) as error:
        raise BackupError(f"{file} is damaged or no backup of this product: {error}") from error
    except FileNotFoundError as error:
        raise BackupError(f"{file} is not there") from error


def _listed_files(file: Path) -> tuple[str, dict[str, str]]:
    """When it was made, and the sha256 of every file; all are compared. Raises BackupError."""
    with _opened(file) as archive:
        entries = archive.infolist()
        if not entries or entries[0].filename != _MANIFEST or entries[0].file_size > 64 * _CHUNK:
            raise BackupError(f"{file} is no backup of this product: it does not begin with a manifest")
        head, *lines = archive.read(entries[0]).decode().splitlines()
        if not head.startswith(f"{_KIND} "):
            raise BackupError(f"{file} is of another kind: {head[:60]!r}, not {_KIND!r}")
        listed: dict[str, str] = {}
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is None or match[2] in listed or not _is_inside(match[2]):
                raise BackupError(f"{file} lists what no backup holds: {line[:120]!r}")
            listed[match[2]] = match[1]
        names = [entry.filename for entry in entries[1:]]
        if sorted(names) != sorted(listed):
            odd = sorted(set(names) ^ set(listed)) or names
            raise BackupError(f"{file} does not hold what it lists: {odd[0]!r}")
        for entry in entries[1:]:
            if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
                raise BackupError(f"{file}: {entry.filename!r} is no plain file")
            with archive.open(entry) as data:
                if hashlib.file_digest(data, "sha256").hexdigest() != listed[entry.filename]:  # type: ignore[arg-type]
                    raise BackupError(f"{file} is damaged: {entry.filename!r} is not what was kept")
    return head.removeprefix(f"{_KIND} "), listed


def _is_inside(name: str) -> bool:
    """Whether a file of this name can only come to lie in one of the parts."""
    part, *inside = name.split("/")
    if part == "journal":
        return name == _JOURNAL
    return part in ("local", "documents") and bool(inside) and not any(n in ("", ".", "..") for n in inside)


def _extract(file: Path, listed: Mapping[str, str], fresh: Mapping[str, Path], data: Path) -> None:
    with _opened(file) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        data.mkdir(parents=True, exist_ok=True)
        if size + _SPARE > shutil.disk_usage(data).free:
            raise BackupError(f"{file} holds {size / 1e6:.0f} MB, and {data} has no room for it")
        for name in listed:
            part, _, inside = name.partition("/")
            target = fresh[part] / inside
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, _CHUNK)
            if sha256_of(target) != listed[name]:  # what lies there is what was compared
                raise BackupError(f"{file} changed while it was read")


def _check_journal(journal: Path, file: Path) -> None:
    try:
        with closing(sqlite3.connect(journal)) as connection:
            told = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        told = str(error)
    if told != "ok":
        raise BackupError(f"{file}: its journal is damaged: {told}")


@contextmanager
def _exchanged(pairs: list[tuple[Path, Path]]) -> Iterator[None]:
    """New folders in the place of the old, which are in theirs; the other way round again after an error."""
    done: list[tuple[Path, Path]] = []
    try:
        for new, target in pairs:
            _exchange(new, target)
            done.append((new, target))
        yield
    except BaseException as error:
        for new, target in reversed(done):
            _exchange(new, target)
        if isinstance(error, AssistantError | OSError):
            raise BackupError(f"what was there is back, because the new cannot be used: {error}") from error
        raise


def _exchange(one: Path, other: Path) -> None:
    """Let two folders change places in one step; where there is no other, or none can be had, by renaming."""
    if not other.exists():
        other.parent.mkdir(parents=True, exist_ok=True)
        other.mkdir(mode=0o700)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return
    aside = other.with_name(f".{other.name}-aside")  # a filesystem without it, exFAT say
    other.rename(aside)
    one.rename(other)
    aside.rename(one)
