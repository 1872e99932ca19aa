"""Names, addresses and numbers taken out of a question before the journal keeps it.

A question comes here with its personal numbers masked (safety.mask). This goes further: what people tell in
no fixed form (disclosed.py), names and addresses in capitals and with numbers by rules ("tôi tên là …", "số
nhà 5 ngõ 12"), and those in small letters by a tagger (tagging.py) that is told what the rules say. It
cannot know every name: `assistant evaluate masking` measures how many it finds. The class uses it, too, to
tell what may not be sent to an AI.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from assistant.answering.disclosed import disclosed
from assistant.answering.tagging import OUTSIDE, Seen, Tagger, features, load_tagger
from assistant.errors import KnowledgeError, Problem
from assistant.text.normalize import bare, fold, has_accents
from assistant.toml import read_toml

_MOST_NAME = 6  # syllables of a name
_NEAR = 4  # words between "ở" and the name of a place at most
_SHOUTED = 0.75  # share of capitalised words from which capitals tell nothing
_SAID_OFTEN = 2  # times that two words stand together in what people say, from which they are no name
_TOKEN = re.compile(r"(?:\b[a-zA-Z]{1,2})?\d+(?:[./-]\d+)*\w*(?:/\d+\w*)*|\w+(?:['’]\w+)?|[^\w\s]")
_HOUSE = re.compile(r"\d+(?:[./-]\d+)*[a-z]?(?:/\d+[a-z]?)*|[a-z]{1,2}\d+[a-z]?(?:/\d+[a-z]?)+")
_FLAT = re.compile(r"[a-z]{1,3}\d{1,4}[a-z]?\d?(?:[.-]\d+)?|[a-z]\d?|\d{1,2}[a-z]\d{0,3}")  # S2, CT2A, B
_WAY = re.compile(r"[a-z]?\d{1,3}[a-z]?")  # behind "đường", or a street of its own: "D2", "1A"
_DISTRICT = re.compile(r"(?:p|q|kp|tdp)\d{1,2}")
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
    middle_names: frozenset[str]
    given_names: frozenset[str]
    persons: frozenset[str]
    honorifics: frozenset[str]
    relations: frozenset[str]
    signing: frozenset[str]
    stops: frozenset[str]
    living: frozenset[str]
    streets: tuple[str, ...]
    numbered: tuple[str, ...]
    named: tuple[str, ...]
    areas: tuple[str, ...]
    institutions: frozenset[str]
    called_so: frozenset[str]
    titles: tuple[str, ...]
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
Phrases = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Anonymous:
    """Called with a text it gives it back without names, places smaller than a province, and numbers."""

    words: Words
    number: str  # stands for a number; that of safety.mask, which has been here before
    texts: tuple[Path, ...]  # of which words that stand together are no names
    places: tuple[str, ...]  # names of communes, districts and streets
    tagger: Tagger

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
        rules = self.rules(text, gone)
        tokens, sure = rules.tokens, rules.parts()
        told = [
            (begin, rules.address(begin, end, _SURE)[0] if kind == "place" else end, kind)
            for begin, end, kind in _labelled(self.tagger.tags(features(self.seen(rules, sure))))
        ]
        parts = [*told, *(part for part in sure if _stays(part, told, tokens))]
        parts = [part for part in parts if not rules.tells_nobody(*part)]
        found = [Found(tokens[begin].start, tokens[end - 1].end, kind) for begin, end, kind in parts]
        return _joined(sorted([*found, *gone]), text)

    def rules(self, text: str, gone: Sequence[Found] = ()) -> Rules:
        """The words of a text, of which some parts are gone, and what rules tell of them."""
        tokens = self._tokens(text, gone)
        accents = any(has_accents(token.text) for token in tokens)
        small = tuple(token.word for token in tokens)
        return Rules(tokens, small, self.words, accents, self._ordinary[accents], self._phrases[accents])

    def seen(self, rules: Rules, parts: Iterable[Part]) -> Seen:
        """What the tagger is told of the words: lists they are on, places they name, what the rules say."""
        tokens, small = rules.tokens, rules.small
        labels = [_NO_LABEL] * len(tokens)
        for begin, end, kind in parts:
            labels[begin:end] = [kind[0].upper()] + [kind[0]] * (end - begin - 1)
        lists = self._lists[rules.accents]
        folded = [
            bare(word) if token.end - token.start == len(word) else _MASKED
            for token, word in zip(tokens, small, strict=True)
        ]
        return Seen(
            folded,
            small,
            [_shape(token) for token in tokens],
            [lists.get(word, "-") for word in small],
            rules.named_places(),
            labels,
            [word.isalpha() and not self.is_said(word) for word in folded],
            rules.pairs(),
            rules.accents,
        )

    @cached_property
    def _phrases(self) -> tuple[dict[str, Phrases], dict[str, Phrases]]:
        """The words of each list of phrases, without accents and with them."""
        listed = {name: getattr(self.words, name) for name in _PHRASES}
        listed |= {"large": _LARGE, "places": self.places}
        exact = {name: frozenset(tuple(each.split()) for each in each_of) for name, each_of in listed.items()}
        plain = {
            name: frozenset(tuple(map(bare, each)) for each in phrases) for name, phrases in exact.items()
        }
        return plain, exact

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

    def _without_numbers(self, text: str) -> str:
        """Long numbers, those of papers, what follows the host in a link."""
        text = _LINK.sub(r"\1", text)
        text = _LONG.sub(lambda found: found[0] if _PUBLIC.fullmatch(found[0]) else self.number, text)
        return _SIX.sub(self.number, _PASSPORT.sub(self.number, text))

    def _tokens(self, text: str, gone: Sequence[Found]) -> list[Token]:
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


def load_anonymous(knowledge: Path, number: str, tagger: Tagger | None = None) -> Anonymous:
    """What takes names out, by a folder of knowledge; `number` stands for a number. Raises KnowledgeError.

    Without a tagger, that of the folder.
    """
    texts = (*sorted((knowledge / "guides").rglob("*.md")), *sorted((knowledge / "lessons").glob("*.md")))
    said = [path for path in (knowledge / "utterances.jsonl", knowledge / "procedures.tsv") if path.exists()]
    words = load_words(knowledge / "names.toml")
    return Anonymous(
        words,
        number,
        (*texts, *said),
        (*_lines(knowledge / "places.txt"), *words.avenues),
        tagger or load_tagger(knowledge / "tagger.json"),
    )


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError([Problem(path, 0, str(error))]) from error
    return [line for line in lines if line and line[0] != "#"]


def _pairs(paths: Iterable[Path], words: Words) -> Pairs:
    """Words of names, titles and addresses, with what stands before and behind them in ordinary texts."""
    units = {part for unit in (*words.named, *words.numbered) for part in unit.split()}
    telling = _bare_words(words.of_names | words.honorifics | words.signing | words.persons | units)
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
    """Whether what rules tell stays beside what the tagger told.

    That is names, what overlaps with it, addresses with two capitals or with numbers.
    """
    begin, end, kind = part
    capitals = sum(token.capital for token in tokens[begin:end])
    is_numbered = any(token.text[0].isdecimal() for token in tokens[begin:end])
    is_long = capitals > 1 or (is_numbered and end - begin >= _LONG_PLACE)
    return kind == "name" or is_long or any(begin < b and a < end for a, b, _ in told)


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
class Rules:
    """What of a question is surely part of a name or an address: capitals, and numbers behind their words."""

    tokens: Sequence[Token]
    small: tuple[str, ...]  # their words in small letters
    words: Words
    accents: bool  # where none were typed, none are looked for
    ordinary: Pairs
    phrases: Mapping[str, Phrases]  # lists of phrases by their names

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
        return at >= 0 and self.small[at : at + 2] in self.ordinary

    def _behind(self, at: int, phrases: str) -> int:
        """Where a phrase of a list that begins here ends, the longest; `at` where none does."""
        listed = self.phrases[phrases]
        most = min(_LONGEST_PHRASE, len(self.small) - at)
        return next((at + size for size in range(most, 0, -1) if self.small[at : at + size] in listed), at)

    def _capitals(self, at: int) -> int:
        """Where a run of capitalised words ends; at once where it names what everybody knows."""
        if self._is_public(at):
            return at
        end = at
        while end < at + _MOST_NAME and self._is_capital(end):
            end += 1
        return end

    def _is_public(self, at: int) -> bool:
        """Whether what everybody knows begins here, whole."""
        size = max(self._behind(at, "public"), self._behind(at, "provinces")) - at
        return size > 1 or (size == 1 and self._is_capital(at) and not self._is_capital(at + 1))

    def parts(self) -> list[Part]:
        """Names and addresses, none in another."""
        taken: set[int] = set()
        parts: list[Part] = []
        for begin, end, kind in chain(self.places(), self.names()):
            if taken.isdisjoint(range(begin, end)):
                parts.append((begin, end, kind))
                taken.update(range(begin, end))
        return parts

    # People

    def names(self) -> Iterator[Part]:
        """Names of people in capitals, and in small letters with "văn" or "thị"."""
        for at in range(len(self.tokens)):
            for begin, end in ((at, self._full_name(at)), self._announced(at)):
                if end > begin:
                    yield begin, end, "name"

    def _announced(self, at: int) -> tuple[int, int]:
        """The name behind "tên tôi là", "tôi là", "đồng chí" …; `at` is where these begin."""
        words, begin = self.words, at + 1
        if self._is(at, _NAME):
            while self._is(begin, words.persons):
                begin += 1
            begin += self._is(begin, _IS)
        elif (behind := self._behind(at, "titles")) > at:
            begin = behind + (self._text(behind) == ":")
        elif (self._is(at, words.signing) and self._text(begin) == ":") or (
            self._is(at, words.persons) and self._is(begin, _BE)
        ):
            begin += 1
        elif self._is(at, words.honorifics):
            while self._is(begin, words.relations) and not self._is_capital(begin):
                begin += 1
            begin += begin > at + 1 and self._text(begin) in (",", "(")
        else:
            return at, at
        return begin, self._capitals(begin)

    def _full_name(self, at: int) -> int:
        """The end of a surname and what follows it, or of parts of names that stand together nowhere."""
        end = self._capitals(at)
        surname = self._is(at, self.words.surnames) or self.small[at] in _bare_words(self.words.surnames)
        if surname and self.accents and self._is(at + 1, _SURELY_MIDDLE) and not self._is_ordinary(at + 1):
            return max(end, at + 2 + self._text(at + 2).isalpha())
        if end < at + 2:
            return at
        if surname and not (end == at + 2 and self._is_ordinary(at)):
            return end
        parts = sum(self._is(n, self.words.of_names) for n in range(at, end))
        begins = not self._is_capital(at - 1)
        return end if begins and parts > 1 and not any(map(self._is_ordinary, range(at, end - 1))) else at

    def _is_called_so(self, at: int) -> bool:
        """Whether a street, a bridge, a school has its name from here on: nobody's who is asked for."""
        if not self.accents and (not self._is_capital(at) or self._is(at - 1, self.words.honorifics)):
            return False
        while self._is_capital(at) and self._is_capital(at - 1):
            at -= 1
        return self._is(at - 1, self.words.called_so)

    def tells_nobody(self, begin: int, end: int, kind: Kind) -> bool:
        """Whether a place is but a province, or a name a street's, or anybody's: "Nguyễn Văn A"."""
        if kind == "place":
            return self._province(begin) >= end
        is_anybody = self.accents and self._text(end - 1) in _ANYBODY and self._is_capital(end - 1)
        return is_anybody or self._is_called_so(begin)

    # Places

    def places(self) -> Iterator[Part]:
        """Addresses: parts one behind the other, the first of them told by a word for it."""
        at = 0
        while at < len(self.tokens):
            begin = at
            end, weight = self.address(begin, at, 0)
            lives = any(self._is(near, self.words.living) for near in range(begin - _NEAR, begin))
            of_office = self._is(begin - 1, self.words.institutions)
            if end > begin and (weight >= _SURE or (lives and not of_office)):
                yield begin, end, "place"
            at = max(end, begin + 1)

    def address(self, begin: int, end: int, weight: int) -> tuple[int, int]:
        """The end of an address known from `begin` to `end`, with what goes on behind, and its weight."""
        while (found := self._next(end, begin, weight))[0] > end:
            end, weight = found
        return end, weight

    def _next(self, at: int, begin: int, weight: int) -> tuple[int, int]:
        """The end of the part of an address that stands next, and the weight of the whole with it."""
        comma = at > begin and self._text(at) in _BETWEEN
        step = at + comma
        step += at > begin and self._is(step, _BELONGS)
        end, told = self._part(step)
        if end == step and (end := self._landmark(step, begun=comma)) > step:
            told = 2
        if end == step and at > begin:
            end, told = self._province(step), int(comma)
            if end == step and weight >= _SURE and not self._is(step, self.words.institutions):
                end = self._capitals(step)
        return (end, weight + told) if end > step else (at, weight)

    def _part(self, at: int) -> tuple[int, int]:
        """The end of one part of an address, and its weight: 2 where it stands for itself, else 1."""
        if _DISTRICT.fullmatch(self._text(at).lower()):
            return at + 1, 1
        if self._is_house(number := at + self._is(at, _NUMBER)) and (end := self._street(number + 1)) > at:
            return end, 2
        weight = 1 if self._behind(at, "areas") > at else 2
        begin = self._behind(at, "numbered")
        if begin > at and self._is(begin, _NUMBER):
            begin += 1
        if begin > at and self._is_house(begin) and not self._is(begin + 1, _COUNTED):
            hardly = begin == at + 1 and self._is(at, _HARDLY_TELLING)
            return self._named_way(begin), 1 if hardly else weight
        if begin > at and self._is(at, _BUILDINGS) and _FLAT.fullmatch(self._text(begin).lower()):
            return begin + 1, 2
        begin = self._behind(at, "named")
        if begin > at and self._is(begin, self.words.honorifics) and self._is_capital(begin + 1):
            begin += 1  # "dãy trọ bà Năm"
        end = max(self._capitals(begin), self._province(begin))
        is_word = end == begin + 1 and self._is_ordinary(begin - 1)
        return (end, weight) if begin > at and end > begin and not is_word else (at, 0)

    def _street(self, at: int) -> int:
        """The end of the street behind a house's number; 0 where there is none."""
        at += self._text(at) == ","
        if (begin := self._behind(at, "streets")) > at:
            begin += self._is(begin, _NUMBER)
            if self._is_house(begin) or _WAY.fullmatch(self._text(begin).lower()):
                return self._named_way(begin)
            return self._capitals(begin) if self._is_capital(begin) else 0
        end = self._capitals(at)
        return end if end > at and not self._is(at, _COUNTED) else 0

    def _named_way(self, at: int) -> int:
        """The end of a number with what belongs to it: "12/3 Lê Lợi", "30 tháng 4"."""
        if self._is(at + 1, _MONTH) and self._is_house(at + 2):
            return at + 3
        of_house = "/" in self._text(at) or self._is(at - 1, _OF_HOUSES)
        return self._capitals(at + 1) if of_house else at + 1

    def _landmark(self, at: int, *, begun: bool) -> int:
        """The end of a way that is told: "cuối ngõ sau đình Phú Gia", "chân cầu Rạch Miễu, phía bờ".

        `begun`: it stands behind an address and a comma.
        """
        marks = self.words.landmarks | self.words.positions | _WAYS_IN
        here = any(self._is(near, self.words.living) for near in range(at - 2, at))
        if not (self._is(at, _WAYS_IN) and begun) and not (here and self._is(at, marks - _WAYS_IN)):
            return at
        end, told = at, False
        for step in range(at, at + _LONGEST_WAY):
            if not self._text(step).isalnum() or (self._is(step, _ENDS_WAY) and not self._is_capital(step)):
                break
            if not self._is(step, marks):
                told |= not self._is_ordinary(step - 1) or self._is_capital(step)
                end = step + 1
        return end if told else at

    def _province(self, at: int) -> int:
        """The end of a province that begins here, with the word for it; `at` where none does."""
        begin = self._behind(at, "large")
        end = self._behind(begin, "provinces")
        return end if end > begin else at

    def _is_house(self, at: int) -> bool:
        """Whether it is a number as houses and alleys have: "12", "12a", "12/34/5"."""
        return 0 <= at < len(self.tokens) and _HOUSE.fullmatch(self.small[at]) is not None

    # For the tagger

    def named_places(self) -> list[str]:
        """Which words are part of the name of a commune, a district, a street ("K") or a province ("Q")."""
        out = ["O"] * len(self.tokens)
        for letter, phrases in (("K", "places"), ("Q", "provinces")):
            at = 0
            while at < len(self.tokens):
                end = self._behind(at, phrases)
                out[at:end] = [letter + "B"] * (end > at) + [letter + "I"] * (end - at - 1)
                at = max(end, at + 1)
        return out

    def pairs(self) -> list[bool]:
        """Which words stand with the next one in ordinary texts."""
        return [self._is_ordinary(at) for at in range(len(self.tokens))]


_LONGEST_PHRASE = 5  # words
_NAME = frozenset(["tên"])
_IS = frozenset(["là", ":"])
_BE = frozenset(["là"])
_SURELY_MIDDLE = frozenset(["văn", "thị"])
_NUMBER = frozenset(["số"])
_OF_HOUSES = frozenset(["số", "nhà"])
_MONTH = frozenset(["tháng"])
_BELONGS = frozenset(["thuộc"])
_BETWEEN = frozenset(",-.(;")  # the parts of an address
_ANYBODY = frozenset("ABCXZ")
_WAYS_IN = frozenset("chỗ đi rẽ vào phía bên nhà lối".split())
_LONGEST_WAY = 14  # words
_ENDS_WAY = frozenset(
    """không thì mà bị có đã chưa muốn làm hỏi khai mất xin cho là và để nhưng cần nộp nên chết hư hỏng
    được tôi em cháu báo phải sao thế nào gì ai đang vẫn mới nhận gọi lên ra hay hoặc với này đó kia
    ấy ạ nhé rồi nơi giờ về mở xa quá lắm cấp đổi đăng cũng chỉ còn từ đến""".split()
)
_PHRASES = "streets numbered named areas titles public provinces".split()
_LONG_PLACE = 4  # words of an address with a number, from which the rules are sure
_SURE = 2  # weight of parts of an address from which it is one
_NO_LABEL = "-"  # of the rules
_MASKED = "…"  # the word that stands for what is gone
_LARGE = ("tỉnh", "thành phố", "tp", "tp .")
_BUILDINGS = frozenset("tòa block căn phòng lô chung dãy khu tầng".split())
_COUNTED = frozenset(
    "người tuổi năm tháng ngày giờ lần bản đồng nghìn triệu cái chiếc m m2 tầng phút bước".split()
)
_HARDLY_TELLING = frozenset("phòng tầng lầu nhà bản khu căn đội lô block dãy đường".split())


@lru_cache
def _bare_words(words: frozenset[str]) -> frozenset[str]:
    return frozenset(map(bare, words))
