"""procedures.tsv: official names of procedures, with or without a guide of ours.

A question about one that no guide covers is declined with its official name, by which it is found on the
National Public Service Portal. Names and codes are facts; nothing else of a procedure stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assistant.errors import KnowledgeError, Problem


@dataclass(frozen=True, slots=True)
class Procedure:
    """An official name; the code of the national database where it is known ("1.004222")."""

    name: str
    code: str | None = None


def load_procedures(path: Path) -> tuple[Procedure, ...]:
    """Read lines `code<TAB>name`, the code perhaps empty; none where the file is missing.

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
