"""Fetching what sources.toml lists into ASSISTANT_DATA/sources, and telling what changed since last time.

Knows no guides. A page is compared by what it says, since menus and tickers change every day.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from assistant.errors import FetchError
from assistant.files import sha256_of, write_whole
from assistant.knowledge.hosts import Answer, BrokenOffError, Hosts, NotFetchedError, Outcome
from assistant.knowledge.reading import read_document
from assistant.knowledge.sources import Kind, ListedSource

_TRIES = 3  # of a download that breaks off, as long as each gets further
_FEW_WORDS = 50  # a page with fewer is made by scripts
_OUT_OF_REACH = 3  # hosts; so many at the start, and there is no network
_PAGE_TYPES = {"text/html", "application/xhtml+xml"}
_UNKNOWN_TYPES = {"", "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class Copy:
    """What is known of the file that was fetched."""

    asked: str  # the address in the list
    url: str  # the address that answered
    sha256: str  # of the file
    text: str  # sha256 of what a reader reads
    words: int
    fetched: datetime
    etag: str | None
    modified: str | None  # the Last-Modified header, as it came


@dataclass(frozen=True, slots=True)
class Record:
    """A row of state.json: when and how asking for a source ended last, and the copy there is."""

    outcome: Outcome
    checked: datetime
    copy: Copy | None


@dataclass(frozen=True, slots=True)
class Result:
    """How it went with one source, with the reason or what else is to be known."""

    source: ListedSource
    outcome: Outcome
    detail: str = ""
    moved_to: str | None = None

    @property
    def is_to_be_read_again(self) -> bool:
        """Whether what cites the source may no longer be right."""
        return self.outcome in (Outcome.CHANGED, Outcome.MOVED, Outcome.GONE)

    @property
    def is_to_be_looked_at(self) -> bool:
        """Whether a person should know; failures are told elsewhere."""
        return self.outcome is not Outcome.FAILED and (self.is_to_be_read_again or bool(self.detail))


@dataclass(frozen=True, slots=True)
class _Part:
    """The beginning of a download, beside what its server needs to go on with it (RFC 9110, 13.1.5)."""

    path: Path  # of the beginning
    url: str = ""
    validator: str = ""

    @property
    def notes(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def save(self) -> None:
        self.notes.write_bytes(msgspec.json.encode((self.url, self.validator)))

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)


def _load_part(path: Path) -> _Part:
    """What an earlier try left at `path`; of size 0 if that cannot be gone on with."""
    part = _Part(path)
    try:
        url, validator = msgspec.json.decode(part.notes.read_bytes(), type=tuple[str, str])
    except (OSError, ValueError):
        part.discard()
        return part
    return replace(part, url=url, validator=validator)


def fetch_all(
    sources: Sequence[ListedSource],
    folder: Path,
    hosts: Hosts,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Result]:
    """Ask for the sources, hosts by turns, and keep what comes in `folder`; closes `hosts`.

    Raises FetchError when going on is useless: no network, no room on the disk, another run at work.
    """
    enough = min(_OUT_OF_REACH, len({urlsplit(source.url).netloc for source in sources}))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder), closing(hosts):
            records = load_records(folder)
            for number, source in enumerate(_by_turns(sources), 1):
                progress(f"{number}/{len(sources)} {source.id}")
                result, copy = _fetch(hosts, source, folder, _copy_of(source, records))
                records[source.id] = Record(result.outcome, datetime.now(UTC), copy)
                save_records(records, folder)
                yield result
                if not hosts.answered and len(hosts.out_of_reach) >= enough:
                    reasons = "; ".join(hosts.out_of_reach.values())
                    raise FetchError(f"is there a network? No host could be reached: {reasons}")
    except OSError as error:
        where = error.filename or folder
        raise FetchError(f"{where}: {error.strerror}; what was fetched before is kept") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchError(f"another `knowledge fetch` is at work in {folder}; wait for it") from None
        yield


def _by_turns(sources: Sequence[ListedSource]) -> Iterator[ListedSource]:
    """One source of each host, then the next of each: the pauses of one host pass while others are asked."""
    queues: dict[str, list[ListedSource]] = defaultdict(list)
    for source in sources:
        queues[urlsplit(source.url).netloc].append(source)
    return filter(None, chain.from_iterable(zip_longest(*queues.values())))


def _fetch(
    hosts: Hosts, source: ListedSource, folder: Path, before: Copy | None
) -> tuple[Result, Copy | None]:
    file = folder / source.file
    path = folder / f"{source.id}.part"
    # Without the very file, "not modified" would leave us with nothing.
    intact = before if before and file.exists() and sha256_of(file) == before.sha256 else None
    try:
        answer = _receive(hosts, source, path, intact)
        if answer.status == 304:
            return _result(source, before, before, answer), before
        copy = _copy(source, answer, path)
    except NotFetchedError as error:
        return Result(source, error.outcome, str(error)), before
    if before and before.text != copy.text and file.exists():
        file.replace(file.with_suffix(f".before{file.suffix}"))
    path.replace(file)
    _Part(path).discard()
    return _result(source, before, copy, answer), copy


def _result(source: ListedSource, before: Copy | None, after: Copy | None, answer: Answer) -> Result:
    assert after is not None  # where `before` is None too, nothing is sent that 304 could answer
    if before is not None and before.text != after.text:
        outcome = Outcome.CHANGED
    elif answer.moved_to:
        outcome = Outcome.MOVED
    else:
        outcome = Outcome.NEW if before is None else Outcome.UNCHANGED
    details = [f"moved to {answer.moved_to}"] if answer.moved_to else []
    if source.kind is Kind.PAGE and after.words < _FEW_WORDS:
        details.append(f"only {after.words} words: scripts may make the page, look at it in a browser")
    return Result(source, outcome, "; ".join(details), answer.moved_to)


def _receive(hosts: Hosts, source: ListedSource, path: Path, copy: Copy | None) -> Answer:
    """The answer, its body at `path`; goes on with a download that breaks off while it gets further."""
    deadline = hosts.now() + hosts.limits.seconds
    tries = 0
    while True:
        part = _load_part(path)
        size = part.size
        try:
            with hosts.get(source.url, _conditions(part, copy)) as answer:
                if answer.status != 304 or copy is None:
                    _check_status(hosts, answer, part)
                    _check_headers(source, answer, hosts.limits.size)
                    _write(hosts, answer, part, deadline)
                return answer
        except BrokenOffError:
            tries += 1
            if tries == _TRIES or hosts.now() > deadline or _load_part(path).size <= size:
                raise


def _conditions(part: _Part, copy: Copy | None) -> dict[str, dict[str, str]]:
    """Headers, for the address alone that gave us what they speak of: go on, or answer only if changed."""
    if part.size:
        return {part.url: {"Range": f"bytes={part.size}-", "If-Range": part.validator}}
    if copy is None:
        return {}
    conditions = {"If-None-Match": copy.etag, "If-Modified-Since": copy.modified}
    return {copy.url: {name: value for name, value in conditions.items() if value}}


def _check_status(hosts: Hosts, answer: Answer, part: _Part) -> None:
    if answer.status in (404, 410):
        raise NotFetchedError(f"answers {answer.status}", Outcome.GONE)
    if answer.status in (429, 503):
        hosts.give_up(answer.url, f"answers {answer.status}: not now")
    if answer.status == 416:
        part.discard()
        raise NotFetchedError("answers 416: what was kept of it no longer fits; run this again")
    if answer.status not in (200, 206):
        raise NotFetchedError(f"answers {answer.status}")


def _check_headers(source: ListedSource, answer: Answer, limit: int) -> None:
    kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in _UNKNOWN_TYPES and (kind in _PAGE_TYPES) != (source.kind is Kind.PAGE):
        raise NotFetchedError(f"is {kind} where a {source.kind} was expected")
    length = answer.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise NotFetchedError(_too_large(limit))


def _too_large(limit: int) -> str:
    return f"is larger than {limit / 2**20:g} MB"


def _write(hosts: Hosts, answer: Answer, part: _Part, deadline: float) -> None:
    """Put the body at `part.path`; what breaks off stays there if it can be gone on with."""
    size = _start(answer, part)
    if not size:
        part.discard()
        part = _Part(part.path, answer.url, _validator(answer))
        if part.validator:
            part.save()
    try:
        with part.path.open("ab") as file:
            for piece in answer.pieces:
                size += len(piece)
                if size > hosts.limits.size:
                    raise NotFetchedError(_too_large(hosts.limits.size))
                file.write(piece)
                if hosts.now() > deadline:
                    raise BrokenOffError(
                        f"took more than {hosts.limits.seconds:g} s; run this again to go on"
                    )
            file.flush()
            os.fsync(file.fileno())
    except BrokenOffError:
        raise
    except NotFetchedError:
        part.discard()
        raise
    whole = answer.headers.get("content-range", "").rpartition("/")[2]
    if whole.isdecimal() and whole != str(size):
        raise BrokenOffError(f"ends at {size} bytes of {whole}; run this again to go on")


def _start(answer: Answer, part: _Part) -> int:
    """Where the body begins: 0 for the whole, else where the part ends. Raises where it is neither."""
    if answer.status == 200:
        return 0
    sent = answer.headers.get("content-range", "")
    if part.size and sent.startswith(f"bytes {part.size}-") and "content-encoding" not in answer.headers:
        return part.size
    part.discard()
    raise NotFetchedError(f"answers with another part than was asked for: `{sent}`")


def _validator(answer: Answer) -> str:
    """What makes a download resumable; empty where only starting again is safe."""
    if "content-encoding" in answer.headers:
        return ""
    etag = answer.headers.get("etag", "W/")
    return answer.headers.get("last-modified", "") if etag.startswith("W/") else etag


def _copy(source: ListedSource, answer: Answer, path: Path) -> Copy:
    """What there is to know of a finished download; raises NotFetchedError if it is another thing."""
    sha256 = sha256_of(path)
    text, words = sha256, 0
    if source.kind is Kind.PDF:
        with path.open("rb") as file:
            if b"%PDF-" not in file.read(1024):
                _Part(path).discard()
                raise NotFetchedError("is not a PDF, whatever it is called")
    else:
        said = main_text(path)
        text, words = hashlib.sha256(said.encode()).hexdigest(), len(said.split())
    etag, modified = answer.headers.get("etag"), answer.headers.get("last-modified")
    return Copy(source.url, answer.url, sha256, text, words, datetime.now(UTC), etag, modified)


def main_text(path: Path) -> str:
    """What a page says, without menus, tickers and markup; empty where scripts make it."""
    return " ".join(" ".join(page.text for page in read_document(path).pages).split())


def plan(sources: Sequence[ListedSource], folder: Path) -> dict[str, str]:
    """The addresses that `fetch_all` would ask for, in order, and why; redirects are not foreseen."""
    records = load_records(folder)
    asked = {}
    for source in _by_turns(sources):
        site = urlsplit(source.url)
        asked[f"{site.scheme}://{site.netloc}/robots.txt"] = "what may be asked for"
        copy = _copy_of(source, records)
        how = "for the first time" if copy is None else f"if changed since {copy.fetched:%Y-%m-%d}"
        asked[source.url] = f"{source.id}: {how}"
    return asked


def as_row(results: Sequence[Result], names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Results as JSON; `names` are who cites each source."""
    rows = [
        {
            "id": result.source.id,
            "url": result.source.url,
            "outcome": result.outcome,
            "detail": result.detail,
            "moved_to": result.moved_to,
            "cited_by": names[result.source.id],
        }
        for result in results
    ]
    return {"counts": Counter(result.outcome for result in results), "sources": rows}


def load_records(folder: Path) -> dict[str, Record]:
    """What earlier runs left, by source; raises FetchError if it cannot be read."""
    path = folder / "state.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Record])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise FetchError(f"{path} is damaged ({error}); delete it to fetch everything again") from error


def save_records(records: Mapping[str, Record], folder: Path) -> None:
    """Inverse of load_records; the file is replaced in one go."""
    write_whole(folder / "state.json", msgspec.json.format(msgspec.json.encode(records)))


def _copy_of(source: ListedSource, records: Mapping[str, Record]) -> Copy | None:
    """The copy there is of a source, if the list still means the same address."""
    copy = records[source.id].copy if source.id in records else None
    return copy if copy and copy.asked == source.url else None
