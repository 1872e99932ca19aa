"""The ward's own contacts.toml, changed entry by entry; remarks and the other entries stay as they are."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.datatypes import Contact
from assistant.files import write_whole
from assistant.text.normalize import fold
from assistant.toml import read_toml

if TYPE_CHECKING:
    import tomlkit

NAME = "contacts.toml"
KINDS = ("phone", "sms", "link", "email", "address", "hours")


def new_id(name: str, taken: Collection[str]) -> str:
    """An id for a contact of that name: a–z, 0–9 and -, of which there is none yet."""
    slug = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:40] or "muc"
    return next(
        f"{slug}{end}" for end in ("", *(f"-{n}" for n in range(2, 1000))) if f"{slug}{end}" not in taken
    )


def with_contact(path: Path, contact: Contact) -> str:
    """What contacts.toml holds with this entry, new or changed. Raises KnowledgeError."""
    import tomlkit

    document = _document(path)
    source = tomlkit.inline_table()
    told = (("title", contact.source.title), ("url", contact.source.url), ("date", contact.source.date))
    source.update({key: value for key, value in told if value})
    table = document.setdefault(contact.id, tomlkit.table())
    table.update({"name": contact.name, "value": contact.value, "kind": contact.kind, "source": source})
    for key, value in (
        ("note", contact.note),
        ("until", contact.period.ends),
        ("from", contact.period.starts),
    ):
        if value:
            table[key] = value
        elif key in table:
            del table[key]
    return tomlkit.dumps(document)


def without_contact(path: Path, id_: str) -> str:
    """What contacts.toml holds without an entry. Raises KnowledgeError."""
    import tomlkit

    document = _document(path)
    document.pop(id_, None)
    return tomlkit.dumps(document)


def own_contacts(path: Path) -> list[str]:
    """The ids of the entries in the ward's file. Raises KnowledgeError."""
    return list(read_toml(path)) if path.exists() else []


def write(path: Path, text: str) -> None:
    """Put the text in the place of the file; one or the other is there, whatever happens."""
    write_whole(path, text.encode())


def _document(path: Path) -> tomlkit.TOMLDocument:
    """The file as it stands, with its remarks. Raises KnowledgeError where it is broken."""
    import tomlkit

    if not path.exists():
        return tomlkit.document()
    read_toml(path)  # tells the line of what is wrong
    return tomlkit.parse(path.read_text(encoding="utf-8-sig"))
