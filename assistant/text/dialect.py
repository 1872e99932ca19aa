"""Regional words, abbreviations, old names and fillers, as glossary.toml tells them.

Knows no guides; it turns what people say into what the guides write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import msgspec

from assistant.errors import KnowledgeError, Problem
from assistant.text.normalize import fold, syllables
from assistant.toml import read_toml

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Glossary:
    """Phrases as syllables. Single syllables match their accents, longer phrases also without them."""

    replace: tuple[tuple[Phrase, Phrase], ...]  # dialect, teencode, abbreviations, old names → the guides' words
    fillers: tuple[Phrase, ...]  # carry no meaning for search
    intents: Mapping[str, tuple[Phrase, ...]]  # what about a thing is asked
    field: tuple[Phrase, ...]  # public services and digital skills beyond the guides
    abbreviations: frozenset[str]  # a guide may use these unexplained

    def words(self) -> Iterable[str]:
        """Every syllable of the glossary, for the vocabulary that repairs typing."""
        pairs = chain.from_iterable(self.replace)
        cues = chain.from_iterable(self.intents.values())
        return chain.from_iterable(chain(pairs, cues, self.fillers, self.field))


def load_glossary(path: Path) -> Glossary:
    """Read glossary.toml; raises KnowledgeError."""
    tables = read_toml(path)
    try:
        return Glossary(
            replace=_pairs(tables["dialect"]) + _pairs(tables["names"]),
            fillers=_phrases(tables["fillers"]["phrases"]),
            intents={name: _phrases(cues) for name, cues in tables["intent"].items()},
            field=_phrases(tables["field"]["phrases"]),
            abbreviations=frozenset(msgspec.convert(tables["abbreviations"]["allowed"], list[str])),
        )
    except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        raise KnowledgeError([Problem(path, 0, f"table or key missing or of another type: {error}")]) from error


def _pairs(table: Mapping[str, str]) -> tuple[tuple[Phrase, Phrase], ...]:
    return tuple((tuple(syllables(key)), tuple(syllables(value))) for key, value in table.items())


def _phrases(texts: Sequence[str]) -> tuple[Phrase, ...]:
    """Longest first, so that a phrase is found before its parts."""
    return tuple(sorted((tuple(syllables(text)) for text in texts), key=len, reverse=True))


def standard(words: Sequence[str], glossary: Glossary) -> list[str]:
    """The words as the guides would write them, longest phrase first; the same for queries and texts."""
    return _rewritten(words, glossary.replace)


def without(words: Sequence[str], phrases: Iterable[Phrase]) -> list[str]:
    """The words less the phrases; `phrases` come longest first."""
    left = list(words)
    for phrase in phrases:
        while (at := find(left, phrase)) >= 0:
            left[at : at + len(phrase)] = []
    return left


def mentions(words: Sequence[str], phrase: Phrase) -> bool:
    return find(words, phrase) >= 0


def find(words: Sequence[str], phrase: Phrase) -> int:
    """Where the phrase begins in the words, or -1.

    A phrase of several syllables is found without regard to accents, because two syllables in a row
    are seldom ambiguous; a single syllable must be written alike or without any accent.
    """
    if not phrase:
        return -1
    for at in range(len(words) - len(phrase) + 1):
        if _same(words[at : at + len(phrase)], phrase):
            return at
    return -1


def _same(words: Sequence[str], phrase: Phrase) -> bool:
    if len(phrase) == 1:
        return words[0] in (phrase[0], fold(phrase[0]))
    return all(word == part or fold(word) == fold(part) for word, part in zip(words, phrase, strict=True))


def _rewritten(words: Sequence[str], pairs: tuple[tuple[Phrase, Phrase], ...]) -> list[str]:
    table = _by_folded(pairs)
    longest = max((len(phrase) for phrase, _ in pairs), default=0)
    out: list[str] = []
    at = 0
    while at < len(words):
        for size in range(min(longest, len(words) - at), 0, -1):
            piece = words[at : at + size]
            key, value = table.get(tuple(map(fold, piece)), ((), ()))
            if key and _same(piece, key):
                out.extend(value)
                at += size
                break
        else:
            out.append(words[at])
            at += 1
    return out


@cache
def _by_folded(pairs: tuple[tuple[Phrase, Phrase], ...]) -> dict[Phrase, tuple[Phrase, Phrase]]:
    return {tuple(map(fold, phrase)): (phrase, value) for phrase, value in pairs}


def topic_words(words: Sequence[str], glossary: Glossary) -> list[str]:
    """What a question is about: its words less fillers and less what is asked about it.

    "cho tôi hỏi đổi thẻ căn cước mất bao nhiêu tiền" → "đổi thẻ căn cước"; "bao nhiêu tiền?" → nothing.
    """
    cues = sorted((cue for cues in glossary.intents.values() for cue in cues), key=len, reverse=True)
    return without(without(words, cues), glossary.fillers)
