"""How hard a guide is to read, as figures.

The level is the first formula of Liem Thanh Nguyen and Alan B. Henkin, "A Readability Formula for
Vietnamese", Journal of Reading 26(3), 1982: RL = 2·WL + 0.2·SL − 6. WL is the mean length of a word in
characters, each accent and tone mark being one, and SL the mean length of a sentence in words; words are
syllables, as they are written. The result is meant as a school grade. (Their second formula, of 1985,
RL = 0.27·WD + 0.13·SL + 1.74, counts Sino-Vietnamese words, WD, and needs a dictionary of them.)

The share of rare words is our own: words that hardly anybody uses who asks for help, and few guides.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from assistant.knowledge.guides import GuideFile, guide_paths, read_guide_file
from assistant.knowledge.plain import UNREAD, statements
from assistant.text.normalize import syllables, without_marks

RARE_BELOW = 10  # sayings and guides in which a word stands
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Readability:
    """The figures of one guide; higher is harder."""

    guide: str
    level: float  # school grade
    characters: float  # of a word
    words: float  # of a sentence
    rare: float  # share of the words, 0–1
    rarest: tuple[str, ...]  # the rare words, most frequent first


def read_readability(roots: Sequence[Path], sayings: Iterable[str]) -> list[Readability]:
    """The figures of every guide under the roots, hardest first; raises KnowledgeError.

    `sayings` is what people say in their own words, beside the questions of the guides.
    """
    files = [read_guide_file(path) for path in guide_paths(*roots)]
    texts = [*sayings, *(str(question) for file in files for question in file.front["questions"])]
    texts += [" ".join(_said(file)) for file in files]
    met = Counter(word for text in texts for word in set(syllables(text)))
    return sorted((readability(file, met) for file in files), key=lambda row: -row.level)


def readability(file: GuideFile, met: Mapping[str, int]) -> Readability:
    """The figures of a guide; `met` tells in how many sayings and guides a word stands."""
    said = _said(file)
    words = [word for text in said for word in _WORD.findall(unicodedata.normalize("NFC", text))]
    characters = fmean(len(unicodedata.normalize("NFD", word)) for word in words)
    length = fmean(len(text.split()) for text in said)
    own = [word for text in said for word in syllables(UNREAD.sub(" ", text)) if word.isalpha()]
    rare = Counter(word for word in own if met.get(word, 0) < RARE_BELOW)
    return Readability(
        guide=file.path.stem,
        level=2 * characters + 0.2 * length - 6,
        characters=characters,
        words=length,
        rare=rare.total() / len(own),
        rarest=tuple(word for word, _ in rare.most_common()),
    )


def _said(file: GuideFile) -> list[str]:
    return [without_marks(statement.text) for statement in statements(file)]


def as_row(rows: Sequence[Readability]) -> dict[str, Any]:
    """The figures as JSON."""
    return {
        "guides": [{key: getattr(row, key) for key in row.__slots__} for row in rows],
        "mean": _mean(rows),
    }


def as_text(rows: Sequence[Readability]) -> str:
    """A table, hardest first, with the mean below."""
    lines = ["level  characters  words  rare  guide"]
    lines += [
        f"{row.level:5.2f}  {row.characters:10.2f}  {row.words:5.1f}  {row.rare:4.1%}  {row.guide}"
        + (f" ({', '.join(row.rarest[:5])})" if row.rarest else "")
        for row in rows
    ]
    mean = _mean(rows)
    line = (
        f"{mean['level']:5.2f}  {mean['characters']:10.2f}  {mean['words']:5.1f}  {mean['rare']:4.1%}  mean"
    )
    return "\n".join([*lines, line])


def _mean(rows: Sequence[Readability]) -> dict[str, float]:
    return {key: fmean(getattr(row, key) for row in rows) for key in ("level", "characters", "words", "rare")}
