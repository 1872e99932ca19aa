"""Facts that many guides share: facts.toml and contacts.toml, used as {{id}}, and names of procedures.

A ward's own `contacts.toml` (ASSISTANT_LOCAL) is laid over the shipped one, entry by entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assistant.datatypes import ALWAYS, Contact, Fact, Period, Procedure, Source
from assistant.errors import KnowledgeError, Problem
from assistant.text.normalize import SOURCE_MARK, bare, syllables
from assistant.toml import read_lines, read_toml

_NAMED = 0.6  # share of a contact's name that a question holds which asks for it
_Entry = TypeVar("_Entry", Fact, Contact)
_KEYS = {
    Fact: {"text", "condition", "source", "from", "until"},
    Contact: {"name", "value", "kind", "note", "source", "from", "until"},
}
REFERENCE = re.compile(r"\{\{([a-z0-9-]+)\}\}")


@dataclass(frozen=True, slots=True)
class SharedFacts:
    """Everything that {{id}} can mean."""

    facts: Mapping[str, Fact]
    contacts: Mapping[str, Contact]

    def __contains__(self, reference: str) -> bool:
        return reference in self.facts or reference in self.contacts

    def contacts_asked_for(self, words: Sequence[str]) -> list[str]:
        """Ids of the contacts that the words of a question name: "bộ phận một cửa"."""
        said = {bare(word) for word in words}
        shares: dict[str, float] = {}
        for contact in self.contacts.values():
            name = {bare(word) for word in syllables(contact.name.split("(")[0])}
            shares[contact.id] = len(name & said) / (len(name) or 1)  # the ward may have named it "(…)"
        most = max(shares.values(), default=0.0)
        return [id_ for id_, share in shares.items() if share == most >= _NAMED]

    def contacts_named_by_number(self, words: Sequence[str]) -> list[str]:
        """Ids of the contacts whose number stands in a question: "1900 0368 là số gì"."""
        said = "".join(word if word.isdecimal() else " " for word in words).split()
        return [c.id for c in self.contacts.values() if "".join(c.value.split()) in said]

    def contact_values(self, day: date) -> list[str]:
        """The numbers and addresses of all contacts that hold on the day."""
        return [c.value for c in self.contacts.values() if c.period.covers(day)]


NO_FACTS = SharedFacts({}, {})


def load_shared_facts(knowledge: Path, local: Path | None = None) -> SharedFacts:
    """Read both files; raises KnowledgeError naming file and entry."""
    facts = {
        key: _entry(Fact, key, table, knowledge / "facts.toml")
        for key, table in read_toml(knowledge / "facts.toml").items()
    }
    contacts: dict[str, Contact] = {}
    paths = [knowledge / "contacts.toml"]
    if local is not None and (local / "contacts.toml").exists():
        paths.append(local / "contacts.toml")
    for path in paths:
        contacts |= {key: _entry(Contact, key, table, path) for key, table in read_toml(path).items()}
    both = facts.keys() & contacts.keys()
    if both:
        raise KnowledgeError(
            [Problem(knowledge / "facts.toml", 0, f"also in contacts.toml: {', '.join(sorted(both))}")]
        )
    return SharedFacts(facts, contacts)


def references(text: str) -> list[str]:
    """The id of every {{id}} in the text, in order."""
    return REFERENCE.findall(text)


def source_numbers(text: str) -> list[int]:
    """The n of every [n] in the text, in order."""
    return [int(match[1]) for match in SOURCE_MARK.finditer(text)]


def period_from(table: Mapping[str, Any]) -> Period:
    """`from` and `until` of a table, as inclusive days."""
    period = Period(*(msgspec.convert(table.get(key), date | None) for key in ("from", "until")))
    if period.starts and period.ends and period.ends < period.starts:
        raise msgspec.ValidationError(f"`until` {period.ends} is before `from` {period.starts}")
    return ALWAYS if period.is_open() else period


def source_from(table: Mapping[str, Any], number: int = 0) -> Source:
    """A Source of a TOML or YAML table; raises msgspec.ValidationError."""
    fields = {"number": number} | {k: v for k, v in table.items() if k != "n"}
    if isinstance(fields.get("date"), date | int):
        fields["date"] = str(fields["date"])
    return msgspec.convert(fields, Source)


def _entry(kind: type[_Entry], key: str, table: Mapping[str, Any], path: Path) -> _Entry:
    try:
        # A mistyped `until` would otherwise let a fact live for ever.
        if unknown := table.keys() - _KEYS[kind]:
            raise ValueError(f"unknown keys {sorted(unknown)}")
        values = {"id": key, "source": source_from(table["source"]), "period": period_from(table)}
        return msgspec.convert({**table, **values}, kind)
    except KeyError as error:
        raise KnowledgeError([Problem(path, 0, f"[{key}]: `{error.args[0]}` is missing")]) from error
    except (AttributeError, TypeError, ValueError) as error:
        raise KnowledgeError([Problem(path, 0, f"[{key}]: {error}")]) from error


def load_procedures(path: Path) -> tuple[Procedure, ...]:
    """Read procedures.tsv, lines `code<TAB>name`, the code perhaps empty; none where the file is missing.

    Lines that begin with # are remarks. Raises KnowledgeError with file and line.
    """
    found = []
    for number, line in enumerate(read_lines(path), 1):
        if line.startswith("#") or not line.strip():
            continue
        code, tab, name = line.partition("\t")
        if not tab or not name.strip():
            raise KnowledgeError([Problem(path, number, "must be a code, a tab and a name")])
        found.append(Procedure(name.strip(), code.strip() or None))
    return tuple(found)
