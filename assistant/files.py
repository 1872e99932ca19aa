"""Files that are put in the place of others so that nobody, after a power cut either, finds half of one."""

from __future__ import annotations

import glob
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ABANDONED = 3600  # seconds after which what a killed process was writing is removed


@contextmanager
def in_place_of(path: Path) -> Iterator[Path]:
    """Where to make what takes the place of a file, or of a link, in one step at the end.

    Raises OSError; after any error the old one stands, and nothing of the new one is left on the disk.
    """
    fresh = path.with_name(f".{path.name}-{threading.get_native_id()}")
    try:
        fresh.unlink(missing_ok=True)  # of a killed process that had the same number
        yield fresh
        fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink()
    _sync(path.parent)
    for left in path.parent.glob(f".{glob.escape(path.name)}-*"):
        with suppress(OSError):
            if time.time() - left.lstat().st_mtime > _ABANDONED:
                left.unlink()


def write_whole(path: Path, data: bytes) -> None:
    """Give a file this content: it has the old one or the new one, whatever happens. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with in_place_of(path) as fresh, fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # a power cut must not leave the name without the bytes


def _sync(folder: Path) -> None:
    """Have the new name on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The digest of a file, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
