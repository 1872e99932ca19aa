"""As many procedures as a ministry has, made from a few hundred real ones: what search is timed on.

Every text is put together from pieces of real texts with the same heading, every title is a real one or two
halves of real ones, and half of the numbers are others. The same files give the same procedures.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from assistant.datatypes import Document, OfficialText, Section, Source
from assistant.errors import EvaluationError
from assistant.text.normalize import sentences

_SECTION = 120  # words of a section at most, less than a page
_LEAST = 5  # words from which a field says something
_NUMBER = re.compile(r"\d{2,}")
_SEED = 5


@dataclass(slots=True)
class Material:
    """What is recombined: titles, for each heading its pieces, and how real procedures are laid out."""

    titles: list[str] = field(default_factory=list)
    pieces: dict[str, list[str]] = field(default_factory=dict)
    layouts: list[dict[str, int]] = field(default_factory=list)  # heading → words


def read_material(folder: Path) -> Material:
    """Every row with a title in the *.jsonl under a folder; raises EvaluationError where there is none.

    The texts of a row, and of its object `content`, are what the procedure says under their keys.
    """
    material = Material()
    for path in sorted(folder.rglob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                row = msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError as error:
                raise EvaluationError(f"{path}:{number}: {error}") from error
            if row.get("title"):
                _take(row, material)
    if not material.layouts or not material.titles:
        raise EvaluationError(f"{folder}: no *.jsonl with rows of `title` and texts under it")
    return material


def _take(row: dict[str, Any], material: Material) -> None:
    material.titles.append(str(row["title"]))
    texts = {**row, **(row["content"] if isinstance(row.get("content"), dict) else {})}
    layout = {}
    for key, text in texts.items():
        if key not in ("id", "title") and isinstance(text, str) and len(text.split()) >= _LEAST:
            heading = key.replace("_", " ").capitalize()
            pieces = [piece for part in text.splitlines() for piece in sentences(part)]
            material.pieces.setdefault(heading, []).extend(pieces)
            layout[heading] = len(text.split())
    if layout:
        material.layouts.append(layout)


def procedures(material: Material, sections: int) -> Iterator[OfficialText]:
    """Procedures with that many sections in all."""
    chance = random.Random(_SEED)
    made = 0
    number = 0
    while made < sections:
        id_ = f"p{number:05}"
        title = _title(material, number, chance)
        texts = list(_texts(material, chance))[: sections - made]
        document = Document(id_, title, title.split()[0], (Source(1, title, None, "2025-01-01"),))
        yield OfficialText(
            document,
            tuple(Section(f"{id_}#{n}", id_, heading, text, n) for n, (heading, text) in enumerate(texts, 1)),
        )
        made += len(texts)
        number += 1


def _title(material: Material, number: int, chance: random.Random) -> str:
    """The real titles first, then their halves."""
    if number < len(material.titles):
        return material.titles[number]
    left, right = (chance.choice(material.titles).split() for _ in range(2))
    return " ".join(left[: len(left) // 2 + 1] + right[len(right) // 2 :])


def _texts(material: Material, chance: random.Random) -> Iterator[tuple[str, str]]:
    for heading, words in chance.choice(material.layouts).items():
        taken: list[str] = []
        left = words
        while left > 0:
            piece = chance.choice(material.pieces[heading])
            taken.append(_NUMBER.sub(lambda match: _number(match[0], chance), piece))
            left -= len(piece.split())
            if sum(len(piece.split()) for piece in taken) >= _SECTION:
                yield heading, "\n".join(taken)
                taken = []
        if taken:
            yield heading, "\n".join(taken)


def _number(digits: str, chance: random.Random) -> str:
    """The number, or as often another of as many digits."""
    return (
        digits if chance.random() < 0.5 else str(chance.randrange(10 ** (len(digits) - 1), 10 ** len(digits)))
    )
