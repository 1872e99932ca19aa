"""Files that are put in the place of others so that nobody, after a power cut either, finds half of one."""

from __future__ import annotations

import glob
import hashlib
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

_ABANDONED = 3600  # seconds after which what a killed process was writing is removed


def write_whole(path: Path, data: bytes) -> None:
    """Give a file this content: it has the old one or the new one, whatever happens meanwhile.

    Raises OSError; then the old content stands, and nothing of the new one is left on the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{threading.get_native_id()}")
    try:
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # a power cut must not leave the name without the bytes
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise
    _sync(path.parent)
    for left in path.parent.glob(f".{glob.escape(path.name)}-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()


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
