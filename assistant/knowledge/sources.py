"""sources.toml: the official pages and papers that the knowledge rests on, and who cites which.

Knows no network; `fetch.py` asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from assistant.errors import KnowledgeError, Problem
from assistant.knowledge.facts import load_shared_facts
from assistant.knowledge.guides import guide_paths, read_guide_file
from assistant.toml import read_toml

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_URL = re.compile(r"https?://[^\s/?#@]+([/?][^\s#]*)?")
_KEYS = {"url", "title", "agency", "kind", "date", "backs"}
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_OFFICIAL = re.compile(r"(.*\.)?(gov|chinhphu|baochinhphu|quochoi)\.vn")


class Kind(StrEnum):
    """What an address answers with."""

    PAGE = "page"
    PDF = "pdf"


@dataclass(frozen=True, slots=True)
class ListedSource:
    """An entry of sources.toml. `backs` are guides that rest on it without citing its address."""

    id: str
    url: str
    title: str
    agency: str
    kind: Kind
    date: str | None = None  # ISO 8601, perhaps reduced ("2026-07", "2026")
    backs: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """What the copy of it is called that `assistant knowledge fetch` keeps."""
        return f"{self.id}.{'pdf' if self.kind is Kind.PDF else 'html'}"


@dataclass(frozen=True, slots=True)
class Citing:
    """A guide, a lesson, a shared fact or a contact, and the addresses that it rests on."""

    name: str
    path: Path
    line: int
    urls: frozenset[str]


def load_sources(path: Path) -> tuple[ListedSource, ...]:
    """Read sources.toml; raises KnowledgeError with every entry that cannot be understood."""
    problems: list[Problem] = []
    sources: dict[str, ListedSource] = {}
    for key, table in read_toml(path).items():
        try:
            source = _source(key, table)
        except (TypeError, ValueError) as error:
            problems.append(Problem(path, 0, f"[{key}]: {error}"))
            continue
        if source.url in sources:
            problems.append(Problem(path, 0, f"[{key}]: [{sources[source.url].id}] has the same url"))
        sources[source.url] = source
    if problems:
        raise KnowledgeError(problems)
    return tuple(sources.values())


def _source(key: str, table: Any) -> ListedSource:  # noqa: ANN401 - whatever the file holds
    if not isinstance(table, dict):
        raise TypeError("must be a table with url, title, agency and kind")
    if unknown := table.keys() - _KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    if isinstance(table.get("date"), date | int):
        table = table | {"date": str(table["date"])}
    source = msgspec.convert(table | {"id": key}, ListedSource)
    if not _ID.fullmatch(key):
        raise ValueError("an id has a–z, 0–9 and single hyphens only")
    if not _URL.fullmatch(source.url):
        raise ValueError(f"url `{source.url}` is not a web address without `#` and `@`")
    if source.date is not None and not _DATE.fullmatch(source.date):
        raise ValueError(f"date `{source.date}` is not ISO 8601")
    return source


def is_official(url: str) -> bool:
    """Whether an address is one of the state: *.gov.vn, *.chinhphu.vn, baochinhphu.vn, *.quochoi.vn."""
    return _OFFICIAL.fullmatch(urlsplit(url).hostname or "") is not None


def citing(knowledge: Path, overlay: Path | None = None) -> tuple[Citing, ...]:
    """Everything that cites an address: guides and lessons, then shared facts and contacts.

    With an overlay, the ward's own too. Raises KnowledgeError for a file that cannot be read.
    """
    found = []
    local = [] if overlay is None else [overlay / "guides"]
    for path in guide_paths(knowledge / "guides", knowledge / "lessons", *local):
        file = read_guide_file(path)
        with file.at("sources"):
            urls = frozenset(row["url"] for row in file.front["sources"] if row.get("url"))
        found.append(Citing(path.stem, path, file.front_lines["sources"], urls))
    shared = load_shared_facts(knowledge, overlay)
    for fact in shared.facts.values():
        urls = frozenset(filter(None, [fact.source.url]))
        found.append(Citing(f"facts.toml: {fact.id}", knowledge / "facts.toml", 0, urls))
    for contact in shared.contacts.values():
        # A link that people are sent to is worth watching as much as the page that names it.
        link = contact.value if contact.kind == "link" else None
        urls = frozenset(filter(None, [contact.source.url, link]))
        found.append(Citing(f"contacts.toml: {contact.id}", knowledge / "contacts.toml", 0, urls))
    return tuple(found)


def cited_by(source: ListedSource, everything: Sequence[Citing]) -> tuple[str, ...]:
    """The names of all that rest on a source: what is to be read again when it changes."""
    return tuple(dict.fromkeys([*(c.name for c in everything if source.url in c.urls), *source.backs]))


def source_problems(path: Path, everything: Sequence[Citing]) -> Iterator[Problem]:
    """Where sources.toml at `path` and what is cited do not match; raises KnowledgeError if it is broken."""
    sources = load_sources(path)
    listed = {source.url for source in sources}
    for each in everything:
        for url in sorted(filter(is_official, each.urls - listed)):
            yield Problem(each.path, each.line, f"{each.name} cites {url}, which is not in {path.name}")
    names = {each.name for each in everything}
    for source in sources:
        if not cited_by(source, everything):
            message = f"nothing cites {source.url}; take it out, or name in `backs` what it backs"
            yield Problem(path, 0, f"[{source.id}]: {message}")
        for name in source.backs:
            if name not in names:
                yield Problem(path, 0, f"[{source.id}]: backs `{name}`, which is no guide or lesson")
