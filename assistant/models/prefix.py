"""The store of prepared states: what a model has made of a guide, on disk, so that it reads it only once.

Knows no llama_cpp: a state is bytes under a key, and the key tells everything the bytes depend on.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import xxhash

from assistant.errors import ModelError
from assistant.models.packing import Bytes, Room

T = TypeVar("T")

_MAGIC = b"kvstate1"
_HEADER = len(_MAGIC) + 32 + 16  # then the key and the checksum
_LEFT_BEHIND = 3600  # seconds after which what a killed process was writing is removed
_BLOCK = 1 << 22


class StateStore:
    """A folder of states with a budget; what has not been used for longest goes first.

    Disk errors are never the answer's: a state that cannot be read or written is as if it were not there.
    """

    def __init__(self, folder: Path, budget: int) -> None:
        """`budget` in bytes."""
        self._folder = folder
        self._budget = budget
        self._room = Room()
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.glob("*.part"):
                if path.stat().st_mtime < time.time() - _LEFT_BEHIND:
                    path.unlink(missing_ok=True)
        self.make_room(0)  # the budget may have become smaller

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.state"

    def __contains__(self, key: str) -> bool:
        return self._path(key).exists()

    def find(self, key: str) -> Bytes | None:
        """The state, if it is there and whole, until the next one is asked for.

        A damaged one, or one of another key, is removed.
        """
        path = self._path(key)
        try:
            with path.open("rb") as file:
                header = file.read(_HEADER)
                data = self._room(max(0, os.fstat(file.fileno()).st_size - _HEADER))
                whole = file.readinto(data.data) == len(data)
            if not whole or header != _header(key, data):
                self.discard(key)
                return None
            os.utime(path)  # used now
        except OSError:
            return None
        return data

    def save(self, key: str, data: Bytes, *, keep: Collection[str] = ()) -> bool:
        """Store a state if it fits the budget without those of `keep` having to go. Inverse of find."""
        if not self.make_room(len(data) + _HEADER, keep=keep):
            return False
        part = self._folder / f"{key}.{os.getpid()}.part"
        try:
            with part.open("wb") as file:
                file.write(_header(key, data))
                file.write(data.data)
            # Renamed when whole. Not forced to the disk: what a power cut tears, the checksum finds.
            part.replace(self._path(key))
        except OSError:
            with suppress(OSError):
                part.unlink()
            return False
        return True

    def make_room(self, size: int, *, keep: Collection[str] = ()) -> bool:
        """Remove states, the one not used for longest first, until `size` bytes fit; False if they cannot."""
        found = []
        for path in self._folder.glob("*.state"):
            with suppress(OSError):
                found.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        total = sum(size for _, size, _ in found)
        oldest = sorted(entry for entry in found if entry[2].stem not in keep)
        if total - sum(size for _, size, _ in oldest) + size > self._budget:
            return False
        for _, freed, path in oldest:
            if total + size <= self._budget:
                break
            with suppress(OSError):
                path.unlink(missing_ok=True)
            total -= freed
        return True

    def discard(self, key: str) -> None:
        """Remove a state that is of no use."""
        with suppress(OSError):
            self._path(key).unlink(missing_ok=True)


def _header(key: str, data: Bytes) -> bytes:
    # A disk that errs is no attacker, and SHA-256 takes ten times as long on an old PC.
    return _MAGIC + bytes.fromhex(key) + xxhash.xxh3_128_digest(data.data)


def state_key(made_by: Mapping[str, str | int], tokens: Sequence[int]) -> str:
    """The key of what is made of these tokens by a model; `made_by` is everything else it depends on.

    The tokens stand for template, rules and guide: a change of any of them changes the tokens.
    """
    digest = hashlib.sha256(msgspec.json.encode(made_by, order="sorted"))
    digest.update(np.asarray(tokens, np.int32).tobytes())
    return digest.hexdigest()


class _Seen(msgspec.Struct):
    """A file of weights as it was when its digest was taken."""

    size: int
    changed: int
    sha256: str


def weights_digest(weights: Path, folder: Path) -> str:
    """The sha256 of a file, remembered in the folder while its size and time of change stay the same.

    Raises OSError when the weights cannot be read.
    """
    remembered = folder / "weights.json"
    seen: dict[str, _Seen] = _read(remembered, dict[str, _Seen])
    name, stat = str(weights.resolve()), weights.stat()
    known = seen.get(name)
    if known is None or (known.size, known.changed) != (stat.st_size, stat.st_mtime_ns):
        digest = hashlib.sha256()
        with weights.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        known = _Seen(stat.st_size, stat.st_mtime_ns, digest.hexdigest())
        _write(remembered, seen | {name: known})
    return known.sha256


class _Downloaded(msgspec.Struct):
    """What `models pull` wrote down of the files that it got."""

    sha256: dict[str, str] = {}


def refuse_others(weights: Path, folder: Path) -> None:
    """Compare weights with what `models pull` wrote down beside them, where they came by it.

    Raises ModelError for other bytes, and OSError where they cannot be read. The digest is the one that
    states are kept under, so it is taken once; damage that leaves size and time alone is `models verify`'s.
    """
    known = _read(weights.with_name("weights.json"), _Downloaded).sha256.get(weights.name)
    if known is not None and weights_digest(weights, folder) != known:
        raise ModelError(f"{weights} is not the file that was downloaded; run `assistant models pull` again")


def count_asked(folder: Path, document_id: str) -> None:
    """Remember that a guide was asked for once more; nothing else is."""
    counts = times_asked(folder)
    _write(folder / "asked.json", counts | {document_id: counts.get(document_id, 0) + 1})


def times_asked(folder: Path) -> dict[str, int]:
    """How often each guide was asked for."""
    return _read(folder / "asked.json", dict[str, int])


def _read(path: Path, kind: type[T]) -> T:
    """What is remembered; nothing where the file is missing or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, ValueError):  # of msgspec, or of letters that are none
        return kind()


def _write(path: Path, value: object) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(msgspec.json.encode(value))
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
