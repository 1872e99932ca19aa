"""Names, addresses and numbers taken out of a question before the journal keeps it.

A question comes here with its personal numbers masked (safety.mask). This goes further, by how Vietnamese
people write names and addresses: capitals, surnames, "tôi tên là …", "số nhà 5 ngõ 12", "thôn … xã …". It
cannot know every name; tests/test_anonymous.py measures on made-up questions how many it finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
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
_SHOUTED = 0.75  # share of capitalised words from which capitals tell nothing
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
        accents = any(has_accents(token.text) for token in tokens)
        said = _Said(tokens, self.words, accents)
        kinds = [""] * len(tokens)
        for start, end, kind in (*said.places(), *said.names()):
            for at in range(start, end):
                kinds[at] = kinds[at] or kind
        out, done = [], 0
        for what, run in groupby(range(len(tokens)), key=kinds.__getitem__):
            numbers = list(run)
            if what:
                sign = self.words.name if what == "name" else self.words.place
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


@dataclass(frozen=True)
class _Said:
    """A question and what names and addresses look like; where no accents were typed, none are looked for."""

    tokens: Sequence[Token]
    words: Words
    accents: bool

    def _is(self, at: int, words: frozenset[str]) -> bool:
        """Whether a token is one of the words, as they are typed in this question."""
        if not 0 <= at < len(self.tokens):
            return False
        return self.tokens[at].word in (words if self.accents else _bare_words(words))

    def _unit(self, at: int, units: tuple[str, ...]) -> int:
        """Where the name behind a unit begins ("tổ dân phố" goes before "tổ"); 0 where there is no unit."""
        if self._is(at - 1, _TOWN) and self._is(at, _STREET):
            return 0  # "thành phố"
        spellings = _spellings(units, self.accents)
        for size in (3, 2, 1):
            if tuple(token.word for token in self.tokens[at : at + size]) in spellings:
                return at + size
        return 0

    # People

    def names(self) -> Iterator[Found]:
        """Names of people."""
        for at in range(len(self.tokens)):
            for begin, end in (
                (at + 1, self._introduced(at)),
                (at + 1, self._called(at)),
                (at, self._full_name(at)),
            ):
                if end > begin:
                    yield begin, end, "name"

    def _introduced(self, at: int) -> int:
        """The end of the name behind "tên (tôi) là", "họ tên:", "tôi là", "tên"; `at` is their last word."""
        if self._is(at, _NAME):
            return self._capitals(at + 1)
        if not self._is(at, _IS):
            return 0
        before = at - 1
        while before > max(0, at - _BETWEEN) and self._is(before, self.words.persons):
            before -= 1
        if self._is(before, _NAME):
            end = self._capitals(at + 1)
            surname = self._is(at + 1, self.words.surnames) and not self._is(at + 2, self.words.stops)
            return end if end > at + 1 else self._small(at + 1 + surname, _SMALL_NAME - surname)
        himself = self._is(at - 1, self.words.persons) and self.tokens[at].text != ":"
        return self._capitals(at + 1) if himself else 0

    def _called(self, at: int) -> int:
        """The end of the name behind "anh", "bà" …: capitalised, or one that people are given."""
        if not self._is(at, self.words.honorifics) or at + 1 == len(self.tokens):
            return 0
        if self.tokens[at + 1].capital:
            return self._capitals(at + 1)
        given = (
            self.accents and not self._is(at, _NOT_BEFORE_GIVEN) and self._is(at + 1, self.words.given_names)
        )
        return at + 2 if given and not self._is(at + 2, self.words.not_names_before) else 0

    def _full_name(self, at: int) -> int:
        """The end of a surname and what follows it: in capitals, or small with a middle name."""
        token, words = self.tokens[at], self.words
        if token.capital and (token.word in words.surnames or token.word in words.sure_surnames_bare):
            end = self._capitals(at)
            return end if end > at + 1 else 0
        sure = words.sure_surnames if self.accents else words.sure_surnames_bare
        middle = words.middle_names if self.accents else words.middle_names_bare
        if token.word not in sure:
            return 0
        if at + 2 < len(self.tokens) and self.tokens[at + 1].word in middle:
            end = self._small(at + 2, 2)
            return end if end > at + 2 else 0
        end = self._small(at + 1, 3) if bare(token.word) == "nguyen" else 0  # nothing else is written so
        return end if end > at + 2 else 0

    def _capitals(self, at: int) -> int:
        """Where a run of capitalised words ends; at once where it names what everybody knows."""
        if self._is_public(at):
            return at
        end = at
        while end < min(len(self.tokens), at + _MOST_NAME) and self.tokens[end].capital:
            end += 1
        return end

    def _is_public(self, at: int) -> bool:
        said = " ".join(token.word for token in self.tokens[at : at + _MOST_NAME]) + " "
        return any(said.startswith(name) for name in _phrases(self.words.public, self.accents))

    def _small(self, at: int, most: int) -> int:
        """Where a name in small letters ends: before a sign, a figure, or a word that is of no name."""
        end = at
        while end < min(len(self.tokens), at + most) and self.tokens[end].text.isalpha():
            if self._stops(end):
                break
            end += 1
        return end

    def _stops(self, at: int) -> bool:
        word = self.tokens[at].word
        return self._is(at, self.words.stops) and (self.accents or word not in self.words.stops_not_bare)

    # Places

    def places(self) -> Iterator[Found]:
        """Addresses, without the words that tell what kind of place it is."""
        words = self.words
        for at in range(len(self.tokens)):
            begin = self._unit(at, words.numbered)
            if begin and self._is_house(begin):
                yield begin, begin + 1, "place"
            if self._is_house(at) and self._unit(at + 1, words.streets):
                yield at, at + 1, "place"
            if self._is(at, _NUMBER) and self._is_house(at + 1) and self._on_street(at + 2):
                yield at + 1, at + 2, "place"
            begin = self._unit(at, words.named)
            if begin and (end := self._capitals(begin)) > begin:
                numbered = end < len(self.tokens) and self.tokens[end].text.isdecimal()  # xã Tân Lập 2
                yield begin, end + numbered, "place"
            yield from self._chain(at)

    def _on_street(self, at: int) -> bool:
        at += at < len(self.tokens) and self.tokens[at].text == ","
        return bool(self._unit(at, self.words.streets)) or self._capitals(at) > at

    def _chain(self, at: int) -> Iterator[Found]:
        """Two or more units with a name each, one behind the other: "thôn đông xã tân lập"."""
        parts: list[Found] = []
        while begin := self._unit(at, self.words.chained):
            end = begin
            while end < min(len(self.tokens), begin + 3) and not self._unit(end, self.words.chained):
                if not self._is_house(end) and (self._stops(end) or not self.tokens[end].text.isalpha()):
                    break
                end += 1
            if end == begin:
                break
            parts.append((begin, end, "place"))
            at = end + (end < len(self.tokens) and self.tokens[end].text == ",")
        if len(parts) > 1:
            yield from parts

    def _is_house(self, at: int) -> bool:
        """Whether it is a number as houses and alleys have: "12", "12a", "12/34/5"."""
        return at < len(self.tokens) and _HOUSE.fullmatch(self.tokens[at].word) is not None


_NAME = frozenset(["tên"])
_IS = frozenset(["là", ":"])
_NUMBER = frozenset(["số"])
_TOWN, _STREET = frozenset(["thành"]), frozenset(["phố"])
_NOT_BEFORE_GIVEN = frozenset(["con", "ba", "cô", "mợ"])


@lru_cache
def _bare_words(words: frozenset[str]) -> frozenset[str]:
    return frozenset(map(bare, words))


@lru_cache
def _phrases(names: tuple[str, ...], accents: bool) -> tuple[str, ...]:
    return tuple(f"{name if accents else bare(name)} " for name in names)


@lru_cache
def _spellings(units: tuple[str, ...], accents: bool) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple((unit if accents else bare(unit)).split()) for unit in units)
