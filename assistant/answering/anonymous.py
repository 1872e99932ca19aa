"""Names, addresses and numbers taken out of a question before the journal keeps it.

A question comes here with its personal numbers masked (safety.mask). This goes further, by how Vietnamese
people write names and addresses: capitals, surnames, "tôi tên là …", "số nhà 5 ngõ 12", "thôn … xã …". It
cannot know every name; tests/test_anonymous.py measures on made-up questions how many it finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from assistant.errors import KnowledgeError, Problem
from assistant.text.normalize import bare, has_accents
from assistant.toml import read_toml

_MOST_NAME = 5  # syllables of a name
_SMALL_NAME = 4  # the same in small letters, where its end is hard to tell
_BETWEEN = 5  # words at most between "tên" and "là"
_SHOUTED = 0.6  # share of capitalised words from which capitals tell nothing
_TOKEN = re.compile(r"\d+(?:[./-]\d+)*\w*|\w+|[^\w\s]")
_HOUSE = re.compile(r"\d+(?:/\d+)*[a-z]?")
_PLATE = re.compile(r"\b\d\d[ -]?[a-z][a-z0-9]?[ .-]?(?:\d{3}[ .]?\d\d|\d{4})\b", re.IGNORECASE)
_BORN = re.compile(r"\b(?:sinh|sn)\b", re.IGNORECASE)
_BIRTHDAY = re.compile(
    r"(?<![\d/])\d{1,2}([/.-])\d{1,2}\1(?=(?:19|20)\d\d\b)"
    r"|\b\d{1,2}\s+th[áa]ng\s+\d{1,2}\s+(?=n[ăa]m\s+(?:19|20)\d\d)"
)
_LONG = re.compile(
    r"(?<![\w.,/-])\d(?:[ .,*()-]{0,2}\d){6,}(?![\w/])(?!\s*(?:đồng|dong|nghìn|triệu|vnd|đ\b|k\b))"
)
_PUBLIC = re.compile(r"1[89]00[ .]?\d{4,6}|\d\.\d{6}|[\d.]*\.000|[\d. /-]*(?:19|20)\d\d")
_LINK = re.compile(
    r"(\b(?:https?://)?(?:[\w-]+\.)+(?:com|net|vn|org|me|io|info|top|xyz)\b)/\S+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Words:
    """knowledge/names.toml. Lists are split into words; `public` and the units are phrases."""

    name: str  # stands for a name that was taken out
    place: str
    surnames: frozenset[str]
    sure_surnames: frozenset[str]
    middle_names: frozenset[str]
    sure_surnames_bare: frozenset[str]
    middle_names_bare: frozenset[str]
    given_names: frozenset[str]
    persons: frozenset[str]
    honorifics: frozenset[str]
    not_names_before: frozenset[str]
    stops: frozenset[str]
    stops_not_bare: frozenset[str]
    streets: tuple[str, ...]
    numbered: tuple[str, ...]
    named: tuple[str, ...]
    chained: tuple[str, ...]
    public: tuple[str, ...]


def load_words(path: Path) -> Words:
    """Read names.toml; raises KnowledgeError."""
    lists = {field.name for field in fields(Words) if field.type == "frozenset[str]"}
    table = {key: value.split() if key in lists else value for key, value in read_toml(path).items()}
    try:
        return msgspec.convert(table, Words)
    except msgspec.ValidationError as error:
        raise KnowledgeError([Problem(path, 0, str(error))]) from error


class Token(NamedTuple):
    """A word or sign of a question. `capital`: it begins with a capital that tells something."""

    text: str
    start: int
    end: int
    capital: bool

    @property
    def word(self) -> str:
        """In small letters."""
        return self.text.lower()


Found = tuple[int, int, Literal["name", "place"]]  # tokens from, to, and what they are


@dataclass(frozen=True)
class Anonymous:
    """Called with a text it gives it back without names, places smaller than a province, and numbers."""

    words: Words
    number: str  # stands for a number; that of safety.mask, which has been here before

    def __call__(self, text: str) -> str:
        """The text without what could tell who asked."""
        text = self._without_numbers(text)
        tokens = self._tokens(text)
        kinds = [""] * len(tokens)
        for start, end, kind in (*self._places(tokens), *self._names(tokens)):
            for at in range(start, end):
                kinds[at] = kinds[at] or kind
        out, done = [], 0
        for kind, run in groupby(range(len(tokens)), key=kinds.__getitem__):
            numbers = list(run)
            if kind:
                sign = self.words.name if kind == "name" else self.words.place
                out += [text[done : tokens[numbers[0]].start], sign]
                done = tokens[numbers[-1]].end
        return "".join([*out, text[done:]])

    def _without_numbers(self, text: str) -> str:
        """Number plates, days of birth (the year stays), long numbers, what follows the host in a link."""
        text = _PLATE.sub(self.number, _LINK.sub(r"\1", text))
        if _BORN.search(text):
            text = _BIRTHDAY.sub(f"{self.number} ", text)
        return _LONG.sub(lambda found: found[0] if _PUBLIC.fullmatch(found[0]) else self.number, text)

    def _tokens(self, text: str) -> list[Token]:
        """Words and signs; what is masked already counts as a full stop."""
        signs = (self.number, self.words.name, self.words.place)
        masked = [found.span() for sign in signs for found in re.finditer(re.escape(sign), text)]
        found = [t for t in _TOKEN.finditer(text) if not any(a <= t.start() < b for a, b in masked)]
        words = [token[0] for token in found if token[0][0].isalpha()]
        shouted = len(words) > _MOST_NAME and sum(w[0].isupper() for w in words) > _SHOUTED * len(words)
        tokens = [Token(t[0], *t.span(), not shouted and t[0].istitle()) for t in found]
        tokens += [Token(".", start, end, False) for start, end in masked]
        return sorted(tokens, key=lambda token: token.start)

    # People

    def _names(self, tokens: Sequence[Token]) -> Iterator[Found]:
        accents = any(has_accents(token.text) for token in tokens)
        for at in range(len(tokens)):
            for begin, end in (
                (at + 1, self._introduced(tokens, at)),
                (at + 1, self._called(tokens, at)),
                (at, self._full_name(tokens, at, accents=accents)),
            ):
                if end > begin:
                    yield begin, end, "name"

    def _introduced(self, tokens: Sequence[Token], at: int) -> int:
        """The end of the name behind "tên (tôi) là", "họ tên:", "tôi là", "tên"; `at` is their last word."""
        word = tokens[at].word
        if bare(word) == "ten":
            return self._capitals(tokens, at + 1)
        if word not in ("là", "la", ":"):
            return 0
        before = at - 1
        while before > max(0, at - _BETWEEN) and _is_one_of(tokens[before].word, self.words.persons):
            before -= 1
        if before >= 0 and bare(tokens[before].word) == "ten":
            end = self._capitals(tokens, at + 1)
            return end if end > at + 1 else self._small_name(tokens, at + 1, _SMALL_NAME)
        himself = at > 0 and word != ":" and _is_one_of(tokens[at - 1].word, self.words.persons)
        return self._capitals(tokens, at + 1) if himself else 0

    def _called(self, tokens: Sequence[Token], at: int) -> int:
        """The end of the name behind "anh", "bà" …: capitalised, or one that people are given."""
        if not _is_one_of(tokens[at].word, self.words.honorifics) or at + 1 == len(tokens):
            return 0
        if tokens[at + 1].capital:
            return self._capitals(tokens, at + 1)
        given = tokens[at].word not in ("con", "ba") and tokens[at + 1].word in self.words.given_names
        after = tokens[at + 2].word if at + 2 < len(tokens) else ""
        return at + 2 if given and after not in self.words.not_names_before else 0

    def _full_name(self, tokens: Sequence[Token], at: int, *, accents: bool) -> int:
        """The end of a surname and what follows it: in capitals, or small if the surname is no other word."""
        token, words = tokens[at], self.words
        if token.capital and (token.word in words.surnames or token.word in words.sure_surnames_bare):
            end = self._capitals(tokens, at)
            return end if end > at + 1 else 0
        sure = words.sure_surnames if accents else words.sure_surnames_bare
        middle = words.middle_names if accents else words.middle_names_bare
        if at + 2 >= len(tokens) or token.word not in sure:
            return 0
        if tokens[at + 1].word in middle:
            end = self._small_name(tokens, at + 2, 2)
            return end if end > at + 2 else 0
        if bare(token.word) == "nguyen":  # nothing else is written so
            end = self._small_name(tokens, at + 1, 3)
            return end if end > at + 2 else 0
        return 0

    def _capitals(self, tokens: Sequence[Token], at: int) -> int:
        """Where a run of capitalised words ends; at once where it names what everybody knows."""
        if self._is_public(tokens, at):
            return at
        end = at
        while end < len(tokens) and end - at < _MOST_NAME and tokens[end].capital:
            end += 1
        return end

    def _is_public(self, tokens: Sequence[Token], at: int) -> bool:
        said = " ".join(token.word for token in tokens[at : at + _MOST_NAME]) + " "
        return any(said.startswith(f"{name} ") for name in self.words.public)

    def _small_name(self, tokens: Sequence[Token], at: int, most: int) -> int:
        """Where a name in small letters ends: before a sign, a figure, or a word that is of no name."""
        end = at
        while end < min(len(tokens), at + most) and tokens[end].text.isalpha():
            if self._stops(tokens[end].word):
                break
            end += 1
        return end

    def _stops(self, word: str) -> bool:
        stops = self.words.stops
        return word in stops or (word not in self.words.stops_not_bare and _is_one_of(word, stops))

    # Places

    def _places(self, tokens: Sequence[Token]) -> Iterator[Found]:
        words = self.words
        for at in range(len(tokens)):
            begin = _unit(tokens, at, words.numbered)
            if begin and _is_house(tokens, begin):
                yield begin, begin + 1, "place"
            if (
                tokens[at].word in ("số", "so")
                and _is_house(tokens, at + 1)
                and self._on_street(tokens, at + 2)
            ):
                yield at + 1, at + 2, "place"
            begin = _unit(tokens, at, words.named)
            if begin and (end := self._capitals(tokens, begin)) > begin:
                numbered = end < len(tokens) and re.fullmatch(r"\d{1,3}", tokens[end].text)  # xã Tân Lập 2
                yield begin, end + bool(numbered), "place"
            yield from self._chain(tokens, at)

    def _on_street(self, tokens: Sequence[Token], at: int) -> bool:
        at += at < len(tokens) and tokens[at].text == ","
        if at >= len(tokens):
            return False
        return bool(_unit(tokens, at, self.words.streets)) or self._capitals(tokens, at) > at

    def _chain(self, tokens: Sequence[Token], at: int) -> Iterator[Found]:
        """Two or more units with a name each, one behind the other: "thôn đông xã tân lập"."""
        parts: list[Found] = []
        while begin := _unit(tokens, at, self.words.chained):
            end = begin
            while end < min(len(tokens), begin + 3) and not _unit(tokens, end, self.words.chained):
                if not _is_house(tokens, end) and self._small_name(tokens, end, 1) == end:
                    break
                end += 1
            if end == begin:
                break
            parts.append((begin, end, "place"))
            at = end + (end < len(tokens) and tokens[end].text == ",")
        if len(parts) > 1:
            yield from parts


def _is_one_of(word: str, words: frozenset[str]) -> bool:
    """Whether it is one of the words, or one of them typed without accents."""
    return word in words or (not has_accents(word) and any(word == bare(other) for other in words))


def _unit(tokens: Sequence[Token], at: int, units: Sequence[str]) -> int:
    """Where the name behind a unit begins ("tổ dân phố" goes before "tổ"); 0 where there is no unit."""
    best = 0
    for unit in units:
        parts = unit.split()
        said = [token.word for token in tokens[at : at + len(parts)]]
        if said == parts or said == [bare(part) for part in parts]:
            best = max(best, at + len(parts))
    return best


def _is_house(tokens: Sequence[Token], at: int) -> bool:
    """Whether it is a number as houses and alleys have: "12", "12a", "12/34/5"."""
    return at < len(tokens) and _HOUSE.fullmatch(tokens[at].word) is not None
