"""Which weights there are, how to get them, and whether they are still what they were.

The only module that imports huggingface_hub, and httpx2 for its errors. Only `assistant models pull` asks the
hub; no login is ever sent, since a mirror may be anybody's.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from assistant.errors import KnowledgeError, Problem, WeightsError
from assistant.files import sha256_of, write_whole
from assistant.toml import read_toml

CATALOGUE = Path(__file__).with_suffix(".toml")
GB = 1e9
_RECORD = "weights.json"  # written last: without it a model is not complete
_PART = ".part"
_ENOUGH = 0.9  # of the wanted RAM: firmware and graphics keep some of a "4 GB" PC
_SPARE = 200_000_000  # bytes that must stay free on the disk
_PIECE = 1 << 18
_ONE_FILE = {"answers": "models", "speak": "voice"}  # use → table whose path is the first file

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One file of a repository; its size and digest where they are known beforehand."""

    path: str
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """A model of the catalogue."""

    name: str
    use: Literal["answers", "search", "speak", "listen"]
    about: str
    repo: str
    revision: str  # a commit
    licence: str
    ram: float  # GB the PC should have
    files: tuple[WeightsFile, ...]
    query: str = ""
    passage: str = ""

    @property
    def pinned(self) -> bool:
        """Whether the catalogue knows every digest; else the hub's word is taken at the first download."""
        return all(file.sha256 for file in self.files)

    @property
    def bytes(self) -> int:
        """What has to be downloaded, as far as it is known."""
        return sum(file.bytes or 0 for file in self.files)


class _Record(msgspec.Struct):
    """What was downloaded: repository, commit, and the digest of each file."""

    repo: str
    revision: str
    sha256: dict[str, str]


def load_catalogue(path: Path = CATALOGUE) -> tuple[Weights, ...]:
    """The models of catalogue.toml; raises KnowledgeError."""
    try:
        return msgspec.convert(read_toml(path).get("model"), tuple[Weights, ...])
    except msgspec.ValidationError as error:
        raise KnowledgeError([Problem(path, 0, str(error))]) from error


def named(catalogue: Sequence[Weights], name: str) -> Weights:
    """The model of this name; raises WeightsError that names all."""
    for weights in catalogue:
        if weights.name == name:
            return weights
    names = ", ".join(weights.name for weights in catalogue)
    raise WeightsError(f"`{name}` is not in the catalogue; it has {names}")


def recommended(catalogue: Sequence[Weights], ram: int) -> Weights | None:
    """The largest model that writes answers and that this RAM, in bytes, is enough for."""
    fitting = [w for w in catalogue if w.use == "answers" and w.ram * GB * _ENOUGH <= ram]
    return max(fitting, key=lambda weights: weights.ram, default=None)


def ram_found() -> int:
    """The RAM of this PC in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def settings_for(weights: Weights, folder: Path) -> str:
    """The lines of assistant.toml that put the model to use."""
    if weights.use in _ONE_FILE:
        return _toml(_ONE_FILE[weights.use], {"path": str(folder / weights.files[0].path)})
    if weights.use == "listen":
        return _toml("listen", {"path": str(folder)})
    values = {"path": str(folder), "query": weights.query, "passage": weights.passage}
    return _toml("embedder", {name: value for name, value in values.items() if value})


def _toml(table: str, values: Mapping[str, str]) -> str:
    lines = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in values.items()]
    return "\n".join([f"[{table}]", *lines])


# Getting


def pull(weights: Weights, folder: Path, hub: str, progress: Progress = lambda _: None) -> None:
    """Download what is missing into the folder; goes on where an earlier try was broken off.

    A file takes its name only when it is whole and has the right digest. Raises WeightsError.
    """
    with _alone(folder), _asking(weights, folder, hub):
        missing = [_described(weights, file, hub) for file in _missing(weights, folder, progress)]
        parts = [folder / f"{file.path}{_PART}" for file in missing]
        _make_room(folder, sum(file.bytes or 0 for file in missing) - sum(map(_size, parts)))
        for file, part in zip(missing, parts, strict=True):
            progress(f"downloading {file.path} of {weights.repo}")
            _download(weights, file, part, hub)
            progress(f"checking {file.path}")
            _keep(part, file, sha256_of(part), f"{hub} serves")
        _record(weights, folder)


def copy(weights: Weights, folder: Path, source: Path, progress: Progress = lambda _: None) -> None:
    """Take the files from a folder, of a USB stick say; they are checked in the same way.

    Raises WeightsError.
    """
    there = _known(source / weights.name)
    with _alone(folder):
        missing = _missing(weights, folder, progress)
        found = [_found(weights, file, source) for file in missing]
        _make_room(folder, sum(map(_size, found)))
        try:
            for file, path in zip(missing, found, strict=True):
                progress(f"copying {path}")
                part = folder / f"{file.path}{_PART}"
                digest = _copied(path, part)
                wanted = replace(file, sha256=file.sha256 or there.get(file.path))
                _keep(part, wanted, digest, f"{path} holds")
            _record(weights, folder)
        except OSError as error:
            raise _of_disk(folder, error) from error


def _found(weights: Weights, file: WeightsFile, source: Path) -> Path:
    places = [source / weights.name / file.path, source / file.path]
    for place in places:
        if place.is_file():
            return place
    raise WeightsError(
        f"{source} has no {file.path} of {weights.name}: neither {' nor '.join(map(str, places))}"
    )


def _copied(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reading, target.open("wb") as writing:
        while piece := reading.read(_PIECE):
            digest.update(piece)
            writing.write(piece)
    return digest.hexdigest()


def _missing(weights: Weights, folder: Path, progress: Progress) -> list[WeightsFile]:
    """The files that are not there yet, or are damaged."""
    known = _known(folder)
    missing = []
    for file in weights.files:
        path, digest = folder / file.path, file.sha256 or known.get(file.path)
        progress(f"looking at {path}")
        if digest is None or not path.is_file() or sha256_of(path) != digest:
            missing.append(file)
    return missing


def _described(weights: Weights, file: WeightsFile, hub: str) -> WeightsFile:
    """The file with what the hub knows of it, where the catalogue does not."""
    from huggingface_hub import get_hf_file_metadata

    if file.bytes is not None and file.sha256 is not None:
        return file
    told = get_hf_file_metadata(_url(weights, file, hub), token=False, endpoint=hub)
    digest = told.etag if told.etag and len(told.etag) == 64 else None  # else git's, of a small file
    return WeightsFile(file.path, file.bytes or told.size, file.sha256 or digest)


def _url(weights: Weights, file: WeightsFile, hub: str) -> str:
    from huggingface_hub import hf_hub_url

    return hf_hub_url(weights.repo, file.path, revision=weights.revision, endpoint=hub)


def _download(weights: Weights, file: WeightsFile, part: Path, hub: str) -> None:
    # Not hf_hub_download: since 2.0 it throws away what it has when it is broken off.
    from huggingface_hub.file_download import http_get

    part.parent.mkdir(parents=True, exist_ok=True)
    if file.bytes is not None and _size(part) > file.bytes:
        part.unlink()
    with part.open("ab") as writing:
        http_get(
            _url(weights, file, hub),
            writing,
            resume_size=_size(part),
            expected_size=file.bytes,
            displayed_filename=file.path,
        )


def _keep(part: Path, file: WeightsFile, digest: str, whose: str) -> None:
    """Give a whole file its name; one with another digest is removed, and WeightsError raised."""
    if file.sha256 is not None and digest != file.sha256:
        part.unlink()
        raise WeightsError(
            f"{whose} a {file.path} with the sha256 {digest}, not {file.sha256}: "
            "it is damaged or another file, and was not taken; run it again"
        )
    with part.open("rb+") as written:
        os.fsync(written.fileno())  # a power cut must not leave the name without the bytes
    part.replace(part.with_name(part.name.removesuffix(_PART)))


def _record(weights: Weights, folder: Path) -> None:
    digests = {file.path: file.sha256 or sha256_of(folder / file.path) for file in weights.files}
    record = _Record(weights.repo, weights.revision, digests)
    write_whole(folder / _RECORD, msgspec.json.format(msgspec.json.encode(record), indent=1))


def _known(folder: Path) -> dict[str, str]:
    """The digests of an earlier download, if there was one."""
    return _read_record(folder).sha256 if is_complete(folder) else {}


def _read_record(folder: Path) -> _Record:
    """Raises WeightsError."""
    path = folder / _RECORD
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Record)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({error}); delete it and pull again") from error


def _make_room(folder: Path, wanted: int) -> None:
    """Raises WeightsError where the disk has not so many bytes left."""
    free = shutil.disk_usage(folder).free
    if wanted + _SPARE > free:
        raise WeightsError(
            f"{folder} has {free / GB:.1f} GB free, {(wanted + _SPARE) / GB:.1f} GB are needed; "
            "make room, or put ASSISTANT_DATA on another disk"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else gets the same model meanwhile. Raises WeightsError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise WeightsError(f"{folder} cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WeightsError(f"another `models pull` is at work on {folder}") from None
        yield


@contextmanager
def _asking(weights: Weights, folder: Path, hub: str) -> Iterator[None]:
    """Lets this process ask the hub, and says what went wrong with it."""
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError

    where = f"{weights.repo} at {hub}"
    by_hand = "or download it elsewhere and use --from"
    before = constants.HF_HUB_OFFLINE, constants.DOWNLOAD_CHUNK_SIZE
    # On a poor line 10 MB at a time might never come through whole.
    constants.HF_HUB_OFFLINE, constants.DOWNLOAD_CHUNK_SIZE = False, _PIECE
    try:
        yield
    except HfHubHTTPError as error:
        raise WeightsError(_told(where, error.response.status_code, by_hand)) from error
    except httpx2.HTTPError as error:
        why = str(error) or type(error).__name__
        raise WeightsError(f"{where}: {why}; run it again, it goes on where it stopped, {by_hand}") from error
    except OSError as error:
        raise _of_disk(folder, error) from error
    finally:
        constants.HF_HUB_OFFLINE, constants.DOWNLOAD_CHUNK_SIZE = before


def _of_disk(folder: Path, error: OSError) -> WeightsError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WeightsError(f"the disk of {folder} is full; make room and run it again")
    return WeightsError(f"{folder}: {error}; run it again")


def _told(where: str, status: int, by_hand: str) -> str:
    if status in (401, 403):
        return f"{where} answers {status}: it wants a login or an accepted licence; take another, {by_hand}"
    if status == 404:
        return f"{where} answers 404: repository, commit or file is not there; see models.hub, {by_hand}"
    return f"{where} answers {status}; try again later, {by_hand}"


# Looking after


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the files of a model are: `reason` is empty if they are well."""

    name: str
    reason: str


def is_complete(folder: Path) -> bool:
    """Whether all files were got."""
    return (folder / _RECORD).is_file()


def verify(weights: Weights, folder: Path, progress: Progress = lambda _: None) -> Verdict:
    """Compare every byte with what the catalogue says, or what was downloaded where it says nothing."""
    try:
        record = _read_record(folder)
    except WeightsError as error:
        return Verdict(weights.name, str(error))
    for file in weights.files:
        path, digest = folder / file.path, file.sha256 or record.sha256.get(file.path)
        progress(f"reading {path}")
        if not path.is_file():
            return Verdict(weights.name, f"{path} is missing; pull it again")
        if sha256_of(path) != digest:
            return Verdict(weights.name, f"{path} is damaged; pull it again")
    return Verdict(weights.name, "")


def as_row(weights: Weights, folder: Path, best: Weights | None) -> dict[str, Any]:
    """A model as JSON."""
    return {
        "name": weights.name,
        "use": weights.use,
        "about": weights.about,
        "repo": weights.repo,
        "revision": weights.revision,
        "licence": weights.licence,
        "bytes": weights.bytes,
        "ram_gb": weights.ram,
        "pinned": weights.pinned,
        "here": str(folder) if is_complete(folder) else None,
        "recommended": weights == best,
    }
