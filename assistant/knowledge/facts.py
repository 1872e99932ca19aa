"""Facts that many guides share: facts.toml and contacts.toml, used as {{id}}, and names of procedures.

A ward's own `contacts.toml` (ASSISTANT_LOCAL) is laid over the shipped one, entry by entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assistant.datatypes import ALWAYS, Contact, Fact, Period, Procedure, Source
from assistant.errors import KnowledgeError, Problem
from assistant.text.normalize import SOURCE_MARK
from assistant.toml import read_toml

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
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError([Problem(path, 0, f"cannot be read: {error}")]) from error
    found = []
    for number, line in enumerate(lines, 1):
        if line.startswith("#") or not line.strip():
            continue
        code, tab, name = line.partition("\t")
        if not tab or not name.strip():
            raise KnowledgeError([Problem(path, number, "must be a code, a tab and a name")])
        found.append(Procedure(name.strip(), code.strip() or None))
    return tuple(found)
