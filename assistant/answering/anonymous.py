"""Names, addresses and numbers taken out of a question before the journal keeps it.

A question comes here with its personal numbers masked (safety.mask). This goes further, by how Vietnamese
people write names and addresses: capitals, surnames, "tôi tên là …", "số nhà 5 ngõ 12", "thôn … xã …". Two
words that stand beside each other in the guides or in what people say to the machine are no name. It cannot
know every name: `assistant evaluate masking` measures how many it finds. The class uses it, too, to tell what
may not be sent to an AI.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from assistant.answering.disclosed import disclosed
from assistant.answering.tagging import OUTSIDE, Seen, Tagger, features, load_tagger
from assistant.errors import KnowledgeError, Problem
from assistant.text.keystrokes import is_syllable
from assistant.text.normalize import bare, fold, has_accents
from assistant.toml import read_toml

_MOST_NAME = 5  # syllables of a name
_SMALL_NAME = 4  # the same in small letters, where its end is hard to tell
_SMALL_PLACE = 3
_NEAR = 4  # words between "ở" and the name of a place at most
_SHOUTED = 0.75  # share of capitalised words from which capitals tell nothing
_SAID_OFTEN = 2  # times that two words stand together in what people say, from which they are no name
_TOKEN = re.compile(r"(?:\b[a-zA-Z]{1,2})?\d+(?:[./-]\d+)*\w*(?:/\d+\w*)*|\w+(?:['’]\w+)?|[^\w\s]")
_HOUSE = re.compile(r"\d+(?:[./-]\d+)*[a-z]?(?:/\d+[a-z]?)*|[a-z]{1,2}\d+[a-z]?(?:/\d+[a-z]?)+")
_FLAT = re.compile(r"[a-z]{1,3}\d{1,4}[a-z]?\d?(?:[.-]\d+)?|[a-z]\d?|\d{1,2}[a-z]\d{0,3}")  # S2, CT2A, B
_WAY = re.compile(r"[a-z]?\d{1,3}[a-z]?")  # behind "đường", or a street of its own: "D2", "1A"
_DISTRICT = re.compile(r"(?:p|q|kp|tdp)\d{1,2}")
_PLATE = re.compile(r"\b\d\d[ -]?[a-z][a-z0-9]?[ .-]?(?:\d{3}[ .]?\d\d|\d{4})\b", re.IGNORECASE)
_LONG = re.compile(
    r"(?<![\w.,/-])\d(?:[ .,*()/|-]{0,2}\d){6,}(?![\w/]|\.\w)"
    r"(?!\s*(?:đồng|dong(?! duoc| bao| bhxh)|nghìn|nghin|ngàn|triệu|trieu|tỷ|tỉ|ty|vnd|vnđ|đ\b|k\b|usd|tr\b))"
)
_SIX = re.compile(r"(?<![\w.,/-])(?!\d{3}000)\d{6}(?![\w/]|[.,]\d)(?!\s*(?:đ|d|n|k|t[rỷy]|vn|usd))")
_PASSPORT = re.compile(r"\b[bcknp] ?\d{7,8}\b|\b[a-z]-\d{6}\b", re.IGNORECASE)  # and codes: G-482910
_PUBLIC = re.compile(
    r"1[89]00[ .]?\d{4,6}|(?:1\d\d[ ,.]{1,2})*1\d\d|\d\.\d{6}|[\d.]*\.000"
    r"|(?:\d{1,2}[ ./-]{1,3}){2}(?:19|20)\d\d"
    r"|(?:\d{1,2}[/-])?(?:19|20)\d\d[ ,/-]{1,3}(?:\d{1,2}[/-])?(?:19|20)\d\d"
)
_LINK = re.compile(
    r"(\b(?:https?://)?(?:[\w-]+\.)+(?:com|net|vn|org|me|io|info|top|xyz)\b)/\S+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Words:
    """knowledge/names.toml. Lists are split into words; `public`, `provinces` and the units are phrases."""

    name: str  # stands for a name that was taken out
    place: str
    surnames: frozenset[str]
    sure_surnames: frozenset[str]
    telling_surnames: frozenset[str]
    middle_names: frozenset[str]
    sure_surnames_bare: frozenset[str]
    middle_names_bare: frozenset[str]
    given_names: frozenset[str]
    given_names_bare: frozenset[str]
    persons: frozenset[str]
    honorifics: frozenset[str]
    honorifics_bare: frozenset[str]
    relations: frozenset[str]
    before_names: frozenset[str]
    signing: frozenset[str]
    selves: frozenset[str]
    not_names_before: frozenset[str]
    stops: frozenset[str]
    stops_not_bare: frozenset[str]
    living: frozenset[str]
    streets: tuple[str, ...]
    numbered: tuple[str, ...]
    named: tuple[str, ...]
    chained: tuple[str, ...]
    areas: tuple[str, ...]
    institutions: frozenset[str]
    called_so: frozenset[str]
    titles: tuple[str, ...]
    nicknames: frozenset[str]
    positions: frozenset[str]
    landmarks: frozenset[str]
    avenues: tuple[str, ...]
    public: tuple[str, ...]
    provinces: tuple[str, ...]

    @property
    def of_names(self) -> frozenset[str]:
        """Every word that is part of a name."""
        return self.surnames | self.middle_names | self.given_names


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


Kind = Literal["name", "place", "number"]


class Found(NamedTuple):
    """Part of a text, from one character to before another, and what it is."""

    start: int
    end: int
    kind: Kind


Part = tuple[int, int, Kind]  # tokens from, to, and what they are
Pairs = frozenset[tuple[str, str]]
Names = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Anonymous:
    """Called with a text it gives it back without names, places smaller than a province, and numbers."""

    words: Words
    number: str  # stands for a number; that of safety.mask, which has been here before
    texts: tuple[Path, ...] = ()  # of which words that stand together are no names
    places: Path | None = None  # names of communes and districts, one a line
    tagger: Tagger | None = None  # decides, with what the rules say; without it they decide

    def __call__(self, text: str) -> str:
        """The text without what could tell who asked."""
        text = self._without_numbers(text)
        signs = {"name": self.words.name, "place": self.words.place, "number": self.number}
        out, done = [], 0
        for start, end, kind in self._all(text):
            out += [text[done:start], signs[kind]]
            done = end
        return "".join([*out, text[done:]])

    def found(self, text: str) -> list[Found]:
        """Names and addresses in their order, addresses with the words for their parts."""
        return [each for each in self._all(text) if each.kind != "number"]

    def _all(self, text: str) -> list[Found]:
        """Names, addresses and what people tell without a form, in their order."""
        gone = [Found(start, end, "number") for start, end in disclosed(text, self.number, self.is_said)]
        tokens = self.tokens(text, gone)
        parts = self.by_rules(tokens)
        if self.tagger is not None:
            told = list(_labelled(self.tagger.tags(features(self.seen(tokens, parts)))))
            parts = [*told, *(part for part in parts if _stays(part, told, tokens))]
            said = self._said(tokens)
            parts = [part for part in parts if not said.tells_nobody(*part)]
        found = [Found(tokens[begin].start, tokens[end - 1].end, kind) for begin, end, kind in parts]
        return _joined(sorted([*found, *gone]), text)

    def by_rules(self, tokens: Sequence[Token]) -> list[Part]:
        """Names and addresses as the rules and lists tell them."""
        said = self._said(tokens)
        taken: set[int] = set()
        parts: list[Part] = []
        for begin, end, kind in chain(said.places(), said.names()):
            span = range(begin, end)
            if taken.isdisjoint(span):
                parts.append((begin, end, kind))
            elif kind == "name":  # what is left of a longer name
                parts += [(n, n + 1, kind) for n in span if n not in taken]
            else:
                continue
            taken.update(span)
        return parts

    def seen(self, tokens: Sequence[Token], parts: Iterable[Part]) -> Seen:
        """What the tagger is told of the words: lists they are on, places they name, what the rules say."""
        said = self._said(tokens)
        rules = [_NO_LABEL] * len(tokens)
        for begin, end, kind in parts:
            rules[begin:end] = [kind[0].upper()] + [kind[0]] * (end - begin - 1)
        lists = self._lists[said.accents]
        small = [token.word for token in tokens]
        folded = [
            bare(word) if token.end - token.start == len(word) else _MASKED
            for token, word in zip(tokens, small, strict=True)
        ]
        return Seen(
            folded,
            small,
            [_shape(token) for token in tokens],
            [lists.get(word, "-") for word in small],
            said.named_places(),
            rules,
            [word.isalpha() and not self.is_said(word) for word in folded],
            [pair in said.ordinary for pair in pairwise([*small, ""])],
            said.accents,
        )

    def _said(self, tokens: Sequence[Token]) -> _Said:
        accents = any(has_accents(token.text) for token in tokens)
        return _Said(
            tokens,
            tuple(token.word for token in tokens),
            self.words,
            accents,
            self._ordinary[accents],
            self._places[accents],
            self._spelled[accents],
            self.is_said,
        )

    @cached_property
    def _spelled(self) -> tuple[dict[str, Names], dict[str, Names]]:
        """The words of each list of phrases, without accents and with them."""
        phrases = {name: getattr(self.words, name) for name in _PHRASES} | {
            "large": _LARGE,
            "around": _AROUND,
        }
        exact = {
            name: frozenset(tuple(phrase.split()) for phrase in listed) for name, listed in phrases.items()
        }
        return {
            name: frozenset(tuple(map(bare, each)) for each in listed) for name, listed in exact.items()
        }, exact

    @cached_property
    def _lists(self) -> tuple[dict[str, str], dict[str, str]]:
        """Which lists a word is on, one letter each, without accents and with them."""
        words = self.words
        of_units = {"U": words.numbered, "V": words.named, "A": words.areas}
        of_words = {
            "S": words.surnames,
            "M": words.middle_names,
            "G": words.given_names,
            "H": words.honorifics,
            "R": words.relations,
            "P": words.persons,
            "L": words.living,
            "Z": words.signing,
            "X": words.stops,
            "N": words.nicknames,
            "T": words.institutions,
            "W": words.positions | words.landmarks,
        } | {letter: {part for unit in units for part in unit.split()} for letter, units in of_units.items()}
        exact: dict[str, set[str]] = {}
        plain: dict[str, set[str]] = {}
        for letter, listed in of_words.items():
            for word in listed:
                exact.setdefault(word, set()).add(letter)
                plain.setdefault(bare(word), set()).add(letter)
        bare_lists, lists = (
            {word: "".join(sorted(kinds)) for word, kinds in table.items()} for table in (plain, exact)
        )
        return bare_lists, lists

    def is_said(self, word: str) -> bool:
        """Whether a folded word stands in ordinary texts."""
        return word in self._vocabulary

    @cached_property
    def _plain(self) -> frozenset[str]:
        """Words that nobody writes with a capital but who writes all so."""
        return self.words.stops | _bare_words(self.words.stops - self.words.of_names)

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        """Folded words of what is said and written to people; read when first needed."""
        texts = (fold(path.read_text(encoding="utf-8")) for path in self.texts)
        return frozenset(word for text in texts for word in _TOKEN.findall(text))

    @cached_property
    def _ordinary(self) -> tuple[Pairs, Pairs]:
        """Pairs of words that are no name, without accents and with them; read when first needed."""
        exact = _pairs(self.texts, self.words)
        return frozenset((bare(left), bare(right)) for left, right in exact), exact

    @cached_property
    def _places(self) -> tuple[Names, Names]:
        """Words of the names of communes, districts and streets, without accents and with them."""
        lines = self.places.read_text(encoding="utf-8").splitlines() if self.places else []
        names = [name for name in (*lines, *self.words.avenues) if not name.startswith("#")]
        exact = frozenset(tuple(name.split()) for name in names)
        return frozenset(tuple(map(bare, name)) for name in exact), exact

    def _without_numbers(self, text: str) -> str:
        """Number plates, long numbers, what follows the host in a link."""
        text = _PLATE.sub(self.number, _LINK.sub(r"\1", text))
        text = _LONG.sub(lambda found: found[0] if _PUBLIC.fullmatch(found[0]) else self.number, text)
        return _SIX.sub(self.number, _PASSPORT.sub(self.number, text))

    def tokens(self, text: str, gone: Sequence[Found] = ()) -> list[Token]:
        """Words and signs; what is masked already, and what is gone, counts as a full stop."""
        signs = (self.number, self.words.name, self.words.place)
        masked = [found.span() for sign in signs for found in re.finditer(re.escape(sign), text)]
        masked = [span for span in masked if not any(a < span[1] and span[0] < b for a, b, _ in gone)]
        masked += [(start, end) for start, end, _ in gone]
        found = [t for t in _TOKEN.finditer(text) if not any(a <= t.start() < b for a, b in masked)]
        words = [token[0] for token in found if token[0][0].isalpha()]
        plain = [word for word in words if word.lower() in self._plain]
        shouted = len(plain) > 1 and sum(word[0].isupper() for word in plain) > _SHOUTED * len(plain)
        tokens = [Token(t[0], *t.span(), not shouted and self._is_capital(t[0])) for t in found]
        for at in range(1, len(tokens)):  # "VÕ VĂN KIỆM"
            if (
                not shouted
                and tokens[at - 1].capital
                and tokens[at - 1].text.isupper()
                and tokens[at].text.isupper()
            ):
                tokens[at] = tokens[at]._replace(capital=tokens[at].text.isalpha())
        tokens += [Token(".", start, end, False) for start, end in masked]
        return sorted(tokens, key=lambda token: token.start)

    def _is_capital(self, text: str) -> bool:
        is_name = text.isupper() and len(text) > 1 and bare(text) in _bare_words(self.words.of_names)
        return text[0].isupper() and (text.istitle() or is_name or "'" in text)


def load_anonymous(knowledge: Path, number: str) -> Anonymous:
    """What takes names out, by a folder of knowledge; `number` stands for a number. Raises KnowledgeError."""
    texts = (*sorted((knowledge / "guides").rglob("*.md")), *sorted((knowledge / "lessons").glob("*.md")))
    said = [path for path in (knowledge / "utterances.jsonl", knowledge / "procedures.tsv") if path.exists()]
    places, weights = knowledge / "places.txt", knowledge / "tagger.json"
    return Anonymous(
        load_words(knowledge / "names.toml"),
        number,
        (*texts, *said),
        places if places.exists() else None,
        load_tagger(weights) if weights.exists() else None,
    )


def _pairs(paths: Iterable[Path], words: Words) -> Pairs:
    """Words of names, titles and addresses, with what stands before and behind them in ordinary texts."""
    units = {part for unit in (*words.named, *words.numbered) for part in unit.split()}
    telling = _bare_words(words.of_names | words.honorifics | words.signing | words.selves | units)
    counts: Counter[tuple[str, str]] = Counter()
    for path in paths:
        found = Counter(pairwise(_TOKEN.findall(path.read_text(encoding="utf-8"))))
        least = _SAID_OFTEN if path.suffix == ".jsonl" else 1
        for (left, right), count in found.items():
            if count >= least and right[0].islower() and left[0].isalpha():  # with a capital it may be a name
                counts[left.lower(), right] += count
    known = {word: bare(word) in telling for word in {word for pair in counts for word in pair}}
    return frozenset(pair for pair in counts if known[pair[0]] or known[pair[1]])


def _shape(token: Token) -> str:
    first = token.text[0]
    if token.end - token.start != len(token.text):
        return "m"  # masked
    if not first.isalpha():
        return "d" if first.isdecimal() else "s"
    if not token.capital and first.isupper():
        return "c"
    return "C" if token.capital else "a"


def _labelled(labels: Sequence[str]) -> Iterator[Part]:
    """The parts that labels tell: "B-name", "I-name" …"""
    begin = 0
    for at, label in enumerate([*labels, OUTSIDE]):
        last = labels[at - 1] if at else OUTSIDE
        if last != OUTSIDE and label != f"I-{last[2:]}":
            yield begin, at, msgspec.convert(last[2:], Kind)
        if label == OUTSIDE or label[0] == "B" or label[2:] != last[2:]:
            begin = at


def _stays(part: Part, told: Iterable[Part], tokens: Sequence[Token]) -> bool:
    """Whether what the rules found stays beside what the tagger told.

    That is what overlaps with it, names with a capital, addresses with two or with numbers.
    """
    begin, end, kind = part
    capitals = sum(token.capital for token in tokens[begin:end])
    numbers = sum(token.text[0].isdecimal() for token in tokens[begin:end])
    sure = capitals > (kind == "place") or (kind == "place" and numbers > 0 and end - begin >= _LONG_PLACE)
    return sure or any(begin < b and a < end for a, b, _ in told)


def _joined(found: Sequence[Found], text: str) -> list[Found]:
    """Neighbours of one kind, with nothing but signs between them, as one."""
    out: list[Found] = []
    for each in found:
        inside = bool(out) and each.start < out[-1].end
        if inside or (
            out and out[-1].kind == each.kind and not re.search(r"\w", text[out[-1].end : each.start])
        ):
            out[-1] = Found(out[-1].start, max(out[-1].end, each.end), out[-1].kind)
        else:
            out.append(each)
    return out


@dataclass(frozen=True)
class _Said:
    """A question and what names and addresses look like; where no accents were typed, none are looked for."""

    tokens: Sequence[Token]
    small: tuple[str, ...]  # their words in small letters
    words: Words
    accents: bool
    ordinary: Pairs
    known: Names  # of communes, districts and streets
    spelled: Mapping[str, Names]  # lists of phrases by their names
    is_said: Callable[[str], bool]  # whether a folded word stands in ordinary texts

    def _is(self, at: int, words: frozenset[str]) -> bool:
        """Whether a token is one of the words, as they are typed in this question."""
        if not 0 <= at < len(self.tokens):
            return False
        return self.small[at] in (words if self.accents else _bare_words(words))

    def _text(self, at: int) -> str:
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def _is_capital(self, at: int) -> bool:
        return 0 <= at < len(self.tokens) and self.tokens[at].capital

    def _is_ordinary(self, at: int) -> bool:
        """Whether a word and the next one stand together in ordinary texts."""
        if not 0 <= at < len(self.tokens) - 1:
            return False
        return self.small[at : at + 2] in self.ordinary

    def _stops(self, at: int, *, behind_surname: bool = False) -> bool:
        """Whether nothing of a name in small letters can stand here."""
        if not 0 <= at < len(self.tokens) or not self.tokens[at].text.isalpha():
            return True
        word = self.small[at]
        if behind_surname and self._is_part(at) and not self._is(at, _NEVER):
            return False
        return self._is(at, self.words.stops) and (self.accents or word not in self.words.stops_not_bare)

    def _is_part(self, at: int) -> bool:
        return self._is(at, self.words.middle_names) or self._is(at, self.words.given_names)

    # People

    def names(self) -> Iterator[Part]:
        """Names of people."""
        for at in range(len(self.tokens)):
            for begin, end in (
                self._introduced(at),
                self._called(at),
                (at, self._full_name(at)),
                (at, self._capital_name(at)),
                (at, self._given_behind(at)),
                (at, at + (_GLUED.match(self.small[at]) is not None)),
                self._titled(at),
                (at, self._highland(at)),
                (at + 1, self._by_birth(at)),
            ):
                if end > begin and not self._is_called_so(begin) and not self._stands_for_anybody(begin, end):
                    yield begin, end, "name"

    def tells_nobody(self, begin: int, end: int, kind: Kind) -> bool:
        """Whether a place is but a province, or a name a street's or a school's."""
        return self._is_called_so(begin) if kind == "name" else self.province(begin) >= end

    def _is_called_so(self, at: int) -> bool:
        """Whether a street, a bridge, a school has its name from here on: nobody's who is asked for."""
        if not self.accents and (not self._is_capital(at) or self._is(at - 1, self.words.honorifics)):
            return False
        while self._is_capital(at) and self._is_capital(at - 1):
            at -= 1
        return self._is(at - 1, self.words.called_so)

    def _stands_for_anybody(self, at: int, end: int) -> bool:
        """Whether it is a name as examples have it: "Nguyễn Văn A", "bà B"."""
        return self.accents and self._text(end - 1) in _ANYBODY and self._is_capital(end - 1)

    def _introduced(self, at: int) -> tuple[int, int]:
        """The name behind "tên (tôi) là", "họ tên:", "tôi là", "tên"; `at` is their first word."""
        begin = at + 1
        if self._is(at, _NAME):
            while self._is(begin, self.words.persons):
                begin += 1
            told = self._is(begin, _IS)
            begin += told
            if (end := self._capitals(begin)) > begin:
                return begin, end
            if self._is_ordinary(begin - 1) and not told:
                return at, at
            surname = self._is(begin, self.words.surnames) and not self._stops(begin + 1)
            whose = self._is(at - 1, self.words.persons) and not self._stops(begin)
            if told or surname or self._is_given(begin) or whose:
                return begin, self._small(begin + surname, _SMALL_NAME - surname, behind_surname=surname)
            return at, at
        if self._is(at, self.words.signing) and self._text(begin) == ":":
            end = self._capitals(begin + 1)
            surname = self._is(begin + 1, self.words.surnames)
            return begin + 1, end if end > begin + 1 or not surname else self._small(begin + 1, _SMALL_NAME)
        if self._is(at, self.words.persons) and self._is(begin, _BE):
            end = self._capitals(begin + 1)
            if end == begin + 1 and self._is(at, self.words.selves):
                end = self._given_names(end)
            return begin + 1, end
        return at, at

    def _called(self, at: int) -> tuple[int, int]:
        """The name behind "anh", "bà", "em gái" …: capitalised, or one that people are given."""
        if not self._is(at, self.words.honorifics):
            return at, at
        begin = at + 1
        while self._is(begin, self.words.relations) and not self._is_capital(begin):
            begin += 1
        begin += self._text(begin) in (",", "(") and self._is_capital(begin + 1) and begin > at + 1
        if self._is_capital(begin):
            end = self._capitals(begin)
            if end == begin and not self.accents and not self._is_capital(begin + 1):
                end = begin + 1  # "chau Cong"
            return begin, self._nicknamed(end)
        titles = self.words.honorifics if self.accents else self.words.honorifics_bare
        if self._is(at, _NOT_BEFORE_GIVEN):
            return at, at
        end = self._given_names(begin)
        if self._is_ordinary(begin - 1) and (self.accents or end == begin + 1):
            end = begin
        if end == begin + 1 and self.small[at] not in titles:
            return at, at
        is_other = end == begin + 1 and self._is(end, self.words.not_names_before)
        return begin, begin if is_other else self._nicknamed(end)

    def _titled(self, at: int) -> tuple[int, int]:
        """The name behind "đồng chí", "chủ hộ", "cán bộ": with a capital, or of three words."""
        begin = self._unit(at, "titles")
        begin += self._text(begin) == ":"
        if not begin or self._is_ordinary(begin - 1):
            return at, at
        if self._is_capital(begin):
            return begin, self._nicknamed(self._capitals(begin))
        is_name = self._is_surname(begin) and self._is_part(begin + 1) and self._is_part(begin + 2)
        return begin, begin + 3 if is_name and not self._is_ordinary(begin) else begin

    def _highland(self, at: int) -> int:
        """The end of a name of the highlands: "h'bia êban", "K'Lim", "Mohamach Soly"."""
        if _APOSTROPHE.fullmatch(self.small[at]) or self._is_odd(at):
            end = at + 1
            while self._is_odd(end) or self._is_capital(end):
                end += 1
            if _APOSTROPHE.fullmatch(self.small[at]):
                return end
            return end if self._is_capital(at) and end > at + 1 else 0
        return 0

    def _is_odd(self, at: int) -> bool:
        """Whether it is no syllable of Vietnamese, and no word that people say."""
        if not 0 <= at < len(self.tokens) or not self.tokens[at].text.isalpha():
            return False
        word = bare(self.small[at])
        return len(word) > 2 and not is_syllable(word) and not self.is_said(word)

    def _by_birth(self, at: int) -> int:
        """The end of what people call others by the order of their birth: "bà tư", "chú ba khía"."""
        if not (self.accents and self._is(at, _ELDERS) and self._is(at + 1, _NUMBERS | _BA)):
            return 0
        nick = self._nicknamed(at + 2)
        if self._is_ordinary(at) or self._is(at + 2, _NOT_BORN) or self._is(at + 2, _DIGITS):
            return 0
        return nick if nick > at + 2 or self._stops(at + 2) or self._unit(at + 2, "around") else 0

    def _nicknamed(self, at: int) -> int:
        """The end of a name with the nickname behind it: "hùng còi"."""
        return at + self._is(at, self.words.nicknames)

    def _given_names(self, at: int) -> int:
        """The end of one or two given names in small letters behind what announces them: "thu hà", "lan"."""
        if not self._is(at, _NUMBERS) and (not self._is_part(at) or self._is(at, self.words.honorifics)):
            return at
        two = (self._is_given(at + 1) or self._is(at + 1, _ANH)) and not self._is(at + 1, _NEVER)
        if two and not (self._is_ordinary(at) or self._is_ordinary(at + 1)):
            return at + 2
        return at + self._is_lone_given(at)

    def _is_given(self, at: int) -> bool:
        if not 0 <= at < len(self.tokens):
            return False
        known = self.words.given_names if self.accents else self.words.given_names_bare
        return self.small[at] in known

    def _is_lone_given(self, at: int) -> bool:
        """Whether it is a name that people are given and no part of ordinary words."""
        return self._is_given(at) and not self._is_ordinary(at - 1) and not self._is_ordinary(at)

    def _full_name(self, at: int) -> int:
        """The end of a surname and what follows it: in capitals, or small with a middle name."""
        token, words = self.tokens[at], self.words
        if token.capital and self._is_surname(at) and not self._is_public(at):
            end = self._capitals(at)
            if end > at + 1 and not (end == at + 2 and self._is_ordinary(at)):
                return end
        sure = words.sure_surnames if self.accents else words.sure_surnames_bare
        surely = self._is(at + 1, _SURELY_MIDDLE) and self.accents
        is_surname = token.word in sure or (surely and token.word in words.surnames)
        if not self.accents and self._is(at + 1, _SURELY_MIDDLE) and self._is_surname(at):
            is_surname |= self._is_part(at + 2) and not (self._is_ordinary(at) or self._is_ordinary(at + 1))
        if not is_surname or self._stops(at + 1, behind_surname=True) or self._is_public(at):
            return 0
        if self._is(at, _NGUYEN):
            if self._is(at + 1, _SURELY_MIDDLE) and self._text(at + 2).isalpha():
                return max(at + 3, self._small(at + 2, 2, behind_surname=True))
            if self._is_part(at + 1) or self._is_part(at + 2):
                return self._small(at + 2, 2, behind_surname=True)
            return at + 2
        likely = self._likelihood(at)
        if likely >= _LIKELY:
            return max(at + 3, self._small(at + 2, 2, behind_surname=True))
        two = self._is(at, words.telling_surnames) and self._is_given(at + 1)
        return at + 2 if two and not (self._is_ordinary(at) or self._is_ordinary(at + 1)) else 0

    def _likelihood(self, at: int) -> float:
        """How much speaks for a name of three words in small letters, in points."""
        sure = self._is(at + 1, _SURELY_MIDDLE) and self._is(at + 2, _NUMBERS)  # "nguyễn thị ba"
        called = (
            self.accents and self._is(at - 1, self.words.honorifics) and self._is(at + 1, self.words.surnames)
        )
        if not (self._is_part(at + 1) or called) or (self._stops(at + 2, behind_surname=True) and not sure):
            return 0
        known = self.words.given_names if self.accents else self.words.given_names_bare
        words = self.words
        before = (words.persons, words.honorifics, words.relations, words.before_names, words.signing)
        cued = any(self._is(at - 1, cues) for cues in before)
        opens = at == 0 or not self.tokens[at - 1].text[0].isalpha()
        is_other = not self.accents and self._is(at, _HARDLY_SURNAMES)
        points = [
            2.0 if self._is(at, _TELLING) else 0.5 if is_other else 1.0,
            1 + self._is(at + 1, _SURELY_MIDDLE),
            1.0 * (self.small[at + 2] in known) or 0.5 * self._is_part(at + 2),
            1.5 if at and self.small[at - 1] in words.honorifics_bare else 1.0 if cued else 0.5 * opens,
            -2.0 * self._is_ordinary(at) / (1 + self._is(at, _TELLING)),
            -1.0 if self._is_ordinary(at + 1) else 0.5,
        ]
        return sum(points)

    def _is_surname(self, at: int) -> bool:
        word = self._text(at).lower()
        return word in self.words.surnames or word in _bare_words(self.words.surnames)

    def _capital_name(self, at: int) -> int:
        """The end of capitalised words that are no surname's and stand together nowhere: "Tuyết Mai"."""
        if not self._is_capital(at) or self._is_capital(at - 1) or self._is_public(at):
            return 0
        end = self._capitals(at)
        parts = sum(self._is(n, self.words.of_names) for n in range(at, end))
        if end < at + 2 or parts < 2 or any(self._is_ordinary(n) for n in range(at, end - 1)):
            return 0
        return end

    def _given_behind(self, at: int) -> int:
        """The end of one given name with a capital behind "giúp", "của", "thằng" …"""
        is_name = self._is_capital(at) and self._is(at, self.words.given_names)
        alone = is_name and not (self._is_public(at) or self._is_capital(at + 1) or self._is_ordinary(at))
        return at + 1 if alone and self._is(at - 1, self.words.before_names) else 0

    def _capitals(self, at: int, *, provinces: bool = False) -> int:
        """Where a run of capitalised words ends; at once where it names what everybody knows."""
        if self._is_state(at) if provinces else self._is_public(at):
            return at
        end = at
        while end < min(len(self.tokens), at + _MOST_NAME) and self.tokens[end].capital:
            end += 1
        return end

    def _is_public(self, at: int) -> bool:
        size = max(self._size(at, self.spelled["public"]), self._size(at, self.spelled["provinces"]))
        return size > 1 or (size == 1 and self._is_capital(at) and not self._is_capital(at + 1))

    def _size(self, at: int, names: Names) -> int:
        """How many words the longest of the names has that begins here; 0 where none does."""
        most = min(_MOST_NAME, len(self.small) - at)
        return next((size for size in range(most, 0, -1) if self.small[at : at + size] in names), 0)

    def _small(self, at: int, most: int, *, behind_surname: bool = False) -> int:
        """Where a name in small letters ends: before a sign, a figure, or a word that is of no name."""
        end = at
        while end < min(len(self.tokens), at + most) and not self._stops(end, behind_surname=behind_surname):
            end += 1
        return end

    # Places

    def named_places(self) -> list[str]:
        """Which words are part of the name of a commune, a district, a street ("K") or a province ("Q")."""
        out = ["O"] * len(self.tokens)
        for letter, end_of in (("K", self._known_place), ("Q", self.province)):
            at = 0
            while at < len(self.tokens):
                end = end_of(at)
                out[at:end] = [letter + "B"] * (end > at) + [letter + "I"] * (end - at - 1)
                at = max(end, at + 1)
        return out

    def places(self) -> Iterator[Part]:
        """Addresses: parts one behind the other, the first or two of them told by more than small letters."""
        at = 0
        while at < len(self.tokens):
            begin, weight, end = at, 0, at
            while True:
                comma = end > begin and self._text(end) in (",", "-", ".", "(", ";")
                step = end + comma
                step += self._is(step, _BELONGS) and step > begin
                after, told = self._part(step, begun=end > begin)
                if after <= step and (way := self._landmark(step, begun=comma)) > step:
                    after, told = way, 2
                if after <= step and end > begin:
                    after, told = self._continued(step, comma=comma, sure=weight > 1), int(comma)
                if after <= step:
                    break
                end = after
                weight += told
            lives = self._lives(begin)
            if end > begin and weight == 0 and not lives:
                end = begin
            if end > begin and (weight > 1 or lives) and not (weight < 2 and self._of_state(begin)):
                yield begin, self._street_behind(end), "place"
            elif end == begin and lives and (end := self._home(begin)) > begin:
                yield begin, end, "place"
            at = max(end, begin + 1)

    def _continued(self, at: int, *, comma: bool, sure: bool) -> int:
        """The end of what goes on an address without a word for it: a province, a place that is known."""
        if (end := self.province(at)) > at:
            return end
        end = self._known_place(at)
        if end > at and (comma or not self._is_ordinary(at)):
            return self._suffix(end)
        return self._capitals(at, provinces=True) if sure and not self._of_state(at + 1) else at

    def _home(self, at: int) -> int:
        """The end of a place that is known, right behind "ở", "quê", "về", with what goes on behind it."""
        end = self._known_place(at)
        far = self._is(at - 1, self.words.living) or self._text(at - 1) == ":"
        if not far or end == at or self._is_ordinary(at) or self.province(at) > at:
            return at
        while (
            after := self._continued(step := end + (self._text(end) == ","), comma=step > end, sure=False)
        ) > step:
            end = after
        return end

    def _known_place(self, at: int) -> int:
        """The end of the longest name of a commune, a district or a street that begins here."""
        return at + self._size(at, self.known)

    def _suffix(self, at: int) -> int:
        """The end of a name of a place with the figure or letter behind it: "Tân Lập 2", "vĩnh lộc a"."""
        text = self._text(at)
        letter = len(text) == 1 and text.lower() in "abcd" and self._text(at + 1) != "/"
        figure = text.isdecimal() and len(text) < 3 and not self._is_counted(at + 1)
        return at + (letter or figure)

    def _landmark(self, at: int, *, begun: bool) -> int:
        """The end of a way that is told: "cuối ngõ sau đình Phú Gia", "chân cầu Rạch Miễu, phía bờ".

        `begun`: it stands behind an address and a comma.
        """
        words = self.words
        here = any(self._is(near, words.living) for near in range(max(0, at - 2), at))
        if not (begun and self._is(at, _WAYS_IN)) and not (
            here and self._is(at, words.positions | words.landmarks)
        ):
            return at
        end, marked, told = at, begun, False
        for step in range(at, min(len(self.tokens), at + _LONGEST_WAY)):
            is_mark = self._is(step, words.landmarks | words.positions) or self._is(step, _WAYS_IN)
            if is_mark and not (self._is(step, _ENDS_WAY) and not self._is_capital(step)):
                marked = True
            elif (
                marked
                and self._text(step).isalnum()
                and (self._is_capital(step) or not self._is(step, _ENDS_WAY))
            ):
                told |= not self._is_ordinary(step - 1) or self._is_capital(step)
                end = step + 1
            else:
                break
        return end if told else at

    def _of_state(self, at: int) -> bool:
        """Whether what stands before is an office, a school or the like, whose place is no secret."""
        return self._is(at - 1, self.words.institutions)

    def _street_behind(self, at: int) -> int:
        """The end of an address with what follows without a word for it: "ngõ 120 trường chinh"."""
        if self._is_capital(at - 1) or self._stops(at) or self._is_ordinary(at) or self._is_counted(at):
            return at
        end = self._small_place(at)
        return self.province(end + (self._text(end) == ",")) if self.province(end) > end else end

    def province(self, at: int) -> int:
        """The end of a province that begins here, with the word for it."""
        step = at + self._size(at, self.spelled["large"])
        size = self._size(step, self.spelled["provinces"])
        return step + size if size else at

    def _part(self, at: int, *, begun: bool) -> tuple[int, int]:
        """The end of one part of an address, and its weight: 2 where it stands for itself, else 1.

        `begun`: it stands behind another.
        """
        if not 0 <= at < len(self.tokens):
            return at, 0
        if _DISTRICT.fullmatch(self.small[at]):
            return at + 1, 1
        number = at + (self._is(at, _NUMBER))
        if self._is_house(number) and (end := self._street(number + 1, is_numbered=number > at)):
            return end, 2
        if number > at and (end := self._counted_in_words(number)) > number:
            return end, 2
        begin = self._unit(at, "numbered")
        begin += self._is(begin, _NUMBER) and self._is_house(begin + 1)
        if (
            begin
            and self._is(begin + 1, _MONTH)
            and self._is_house(begin + 2)
            and self._is(begin - 1, _STREETS)
        ):
            return begin + 3, 2  # đường 30 tháng 4
        if begin and self._is_house(begin) and not self._is_counted(begin + 1):
            end = self._capitals(begin + 1, provinces=True)
            is_house = self._is(begin - 1, _HOUSE_WORDS) or self._is(begin - 1, _NUMBER)
            is_street = end > begin + 1 and ("/" in self.tokens[begin].text or is_house)
            is_hardly = self._is(at, _HARDLY_TELLING) and begin == at + 1
            weight = 1 if is_hardly or self._unit(at, "areas") else 2
            return (end, 2) if is_street else (begin + 1, weight)
        if begin and (end := self._counted_in_words(begin)) > begin:
            return end, 2
        is_flat = begin and self._is(at, _BUILDINGS) and _FLAT.fullmatch(self._text(begin).lower())
        if is_flat and not (self._is(at, _HOUSES) and len(self._text(begin)) == 1):
            return begin + 1, 2
        large = 1 if self._unit(at, "areas") else 2
        begin = self._unit(at, "named")
        if begin and self._is(begin, self.words.honorifics) and self._is_capital(begin + 1):
            return self._capitals(begin + 1), 2  # "dãy trọ bà Năm"
        if begin and (end := self._capitals(begin, provinces=True)) > begin:
            ordinary = end == begin + 1 and self._is_ordinary(begin - 1)
            return (at, 0) if ordinary else (self._suffix(max(end, self._known_place(begin))), large)
        begin = self._unit(at, "chained")
        is_known = self._known_place(begin) > begin + 1 if begin else False
        if begin and (begun or is_known or not self._is_ordinary(begin - 1)) and not self._is_state(begin):
            end = self._small_place(begin)
            return (end, min(large, 1)) if end > begin else (at, 0)
        return at, 0

    def _counted_in_words(self, at: int) -> int:
        """The end of a number in words behind "ngõ", "số": "ba trăm bảy mươi", before a name or a unit."""
        end = at
        while self.accents and self._is(end, _DIGITS):
            end += 1
        follows = self._unit(end, "streets") or self._known_place(end) > end or self._capitals(end) > end
        return end if end > at and follows else at

    def _small_place(self, at: int) -> int:
        """The end of the name of a place in small letters: its second word may be any but a few."""
        if (end := self._known_place(at)) > at + 1 and not self._is_ordinary(at):
            return self._suffix(end)
        behind = at + 1 + (self._text(at + 1) == ",")
        if self._stops(at) and not self._unit(behind, "chained"):
            return end if end > at + 1 else at
        if self._unit(at, "chained") and (self._stops(at + 1) or self._unit(at + 1, "chained")):
            return at
        end = at + 1
        while end < min(len(self.tokens), at + _SMALL_PLACE) and self._text(end).isalpha():
            never = self._is(end, _NEVER) if end == at + 1 else self._stops(end) and len(self._text(end)) > 1
            if never or self._unit(end, "chained") or self._is_public(end):
                break
            if end > at + 1 and self._known_place(end) > end + 1:
                break
            end += 1
        return self._suffix(end)

    def _street(self, at: int, *, is_numbered: bool) -> int:
        """The end of the street behind a house's number; 0 where there is none."""
        at += self._text(at) == ","
        if begin := self._unit(at, "streets"):
            begin += self._is(begin, _NUMBER)
            if self._is_house(begin):
                return begin + 3 if self._is(begin + 1, _MONTH) and self._is_house(begin + 2) else begin + 1
            if _WAY.fullmatch(self._text(begin).lower()):
                return begin + 1
            end = self._capitals(begin, provinces=True)
            return end if end > begin else self._small_place(begin)
        if (end := self._capitals(at, provinces=True)) > at and not self._is_counted(at):
            return end
        if (
            _WAY.fullmatch(self._text(at).lower())
            and self._text(at)[0].isalpha()
            and self._is_capital(at + 1)
        ):
            return at + 1  # "102 D2 Thạnh Mỹ Tây"
        if (end := self._known_place(at)) > at + 1 and not (self._is_ordinary(at) or self._is_counted(at)):
            return self._suffix(end)
        lives = is_numbered or self._lives(at - 1)
        is_street = lives and self._is(at, self.words.surnames) and not self._stops(at)
        return self._small_place(at) if is_street and not self._is_ordinary(at) else 0

    def _lives(self, at: int) -> bool:
        """Whether somebody tells in the words before that they live there."""
        return any(self._is(near, self.words.living) for near in range(max(0, at - _NEAR), at))

    def _is_state(self, at: int) -> bool:
        """Whether what everybody knows begins here, and no province."""
        return self._is_public(at) and self.province(at) == at

    def _is_counted(self, at: int) -> bool:
        return self._is(at, _COUNTED)

    def _unit(self, at: int, units: str) -> int:
        """Where the name behind a unit begins ("tổ dân phố" goes before "tổ"); 0 where there is no unit."""
        if self._is(at - 1, _TOWN) and self._is(at, _STREET):
            return 0  # "thành phố"
        size = self._size(at, self.spelled[units])
        return at + size if size else 0

    def _is_house(self, at: int) -> bool:
        """Whether it is a number as houses and alleys have: "12", "12a", "12/34/5"."""
        return 0 <= at < len(self.tokens) and _HOUSE.fullmatch(self.small[at]) is not None


_NAME = frozenset(["tên"])
_IS = frozenset(["là", ":"])
_BE = frozenset(["là"])
_NUMBER = frozenset(["số"])
_BELONGS = frozenset(["thuộc"])
_ANH = frozenset(["anh"])
_NGUYEN = frozenset(["nguyễn"])  # nothing else is written so
_TELLING = frozenset("trần phạm huỳnh bùi trịnh".split())
_HARDLY_SURNAMES = frozenset("cao hồ tạ hà tô mạc đàm".split())  # without accents
_NUMBERS = frozenset("hai ba tư năm sáu bảy tám chín mười út".split())  # children by their order of birth
_SURELY_MIDDLE = frozenset(["văn", "thị"])
_NEVER = frozenset(  # in no name
    """là thì mà ở bị có không của muốn cần hỏi xin mất quên làm đi đăng cấp tôi em cháu nào này quá đổi
    chưa cho""".split()
)
_LIKELY = 2.5  # points
_PHRASES = "streets numbered named chained areas titles public provinces".split()
_LONG_PLACE = 4  # words of an address with a number, from which the rules are sure
_NO_LABEL = "-"  # of the rules
_MASKED = "…"  # the word that stands for what is gone
_ANYBODY = frozenset("ABCXZ")
_MONTH = frozenset(["tháng"])
_STREETS = frozenset(["đường", "phố"])
_WAYS_IN = frozenset("chỗ đi rẽ vào phía bên nhà lối".split())
_LONGEST_WAY = 14  # words
_DIGITS = frozenset("một hai ba bốn năm sáu bảy tám chín mười mươi trăm linh lẻ mốt tư lăm không".split())
_HOUSE_WORDS = frozenset(["nhà"])
_BA = frozenset(["ba"])
_ELDERS = frozenset("bà ông cô chú bác dì cậu mợ thím anh chị dượng".split())
_NOT_BORN = frozenset(  # "cô năm nay", "bác hai lần", "chị ba con"
    """nay ngoái trước sau sinh này học ấy đó tuổi người con đứa lần tháng ngày năm cái thẻ bản giờ vợ
    bên mẹ chị anh chữ số loại tấm phần đời chồng thế triệu nghìn nơi nhà miền ruột em nữ nam nước tên
    căn mảnh""".split()
)
_AROUND = (
    "hàng xóm",
    "bán",
    "trong xóm",
    "đầu xóm",
    "cuối xóm",
    "bên cạnh",
    "gần nhà",
    "tổ trưởng",
    "trưởng thôn",
)
_APOSTROPHE = re.compile(r"(?:[a-zđ]|ch|kh|th|tr)['’]\w{2,}")
_ENDS_WAY = frozenset(
    """không thì mà bị có đã chưa muốn làm hỏi khai mất xin cho là và để nhưng cần nộp nên chết hư hỏng
    được tôi em cháu báo phải sao thế nào gì ai đang vẫn mới nhận gọi lên ra hay hoặc với này đó kia
    ấy ạ nhé rồi nơi giờ về mở xa quá lắm cấp đổi đăng cũng chỉ còn từ đến""".split()
)
_TOWN, _STREET = frozenset(["thành"]), frozenset(["phố"])
_LARGE = ("tỉnh", "thành phố", "tp", "tp .")
_BUILDINGS = frozenset("tòa block căn phòng lô nhà chung dãy khu tầng tổ".split())
_COUNTED = frozenset(
    "người tuổi năm tháng ngày giờ lần bản đồng nghìn triệu cái chiếc m m2 tầng phút bước".split()
)
_HOUSES = frozenset("nhà căn phòng tổ chung tầng".split())
_HARDLY_TELLING = frozenset("phòng tầng lầu nhà bản khu căn đội lô block dãy đường".split())
_NOT_BEFORE_GIVEN = frozenset(["con", "ba", "mợ"])
_GLUED = re.compile(
    r"(?:nguyen|tran|pham|huynh|dang|bui|hoang|phan|le)(?:van|thi|duc|huu|minh|ngoc|xuan)\w{2,}"
)


@lru_cache
def _bare_words(words: frozenset[str]) -> frozenset[str]:
    return frozenset(map(bare, words))
