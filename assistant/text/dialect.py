"""Regional words, abbreviations, old names and fillers, as glossary.toml tells them.

Knows no guides; it turns what people say into what the guides write.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain, pairwise
from pathlib import Path

from assistant.errors import KnowledgeError, Problem
from assistant.text.normalize import bare, syllables
from assistant.toml import read_toml

Phrase = tuple[str, ...]
END = "$"  # in a cue: where the question ends
_NOT_BARE = frozenset(["ma", "vang", "qua", "ba", "o"])  # mean "mã", "vàng", "quà", "ba", "ở"
CHILD_BEFORE = 14  # years; Luật Căn cước 26/2023/QH15, điều 21: the first card that must be renewed
ELDER_FROM = 58  # years; the same: a card made from then on is for life
_ELDER, _GROWN = "tuổigià", "tuổilớn"  # no words, so that they meet nothing else
_NUMBERS = dict(
    zip(["một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín", "mười"], range(1, 11), strict=True)
)
_LATER_ONES = {"mốt": 1, "tư": 4, "lăm": 5, "nhăm": 5}  # bảy mươi lăm, bảy lăm
_NUMBERS |= {"mươi": 10, **_LATER_ONES}
# Of a mishearing, in nats: what it costs to take a word for another; how much one word of evidence counts
# beside the pairs; how fame counts beside being known at all; the likelihood of a word that nobody writes.
_MISHEARD, _MISHEARD_BARE = 1.5, 6.0
_SMOOTH = 100.0
_FAME = 0.25
_UNWRITTEN = 0.01


@dataclass(frozen=True)
class Glossary:
    """Phrases as syllables; `find` says how they match."""

    replace: tuple[
        tuple[Phrase, Phrase], ...
    ]  # dialect, teencode, abbreviations, old names → the guides' words
    fillers: tuple[Phrase, ...]  # carry no meaning for search
    questions: tuple[Phrase, ...]  # words that ask, which no answer holds
    intents: Mapping[str, tuple[Phrase, ...]]  # what about a thing is asked
    signs: Mapping[str, tuple[Phrase, ...]]  # what a sentence holds that answers such a question
    headings: Mapping[str, tuple[Phrase, ...]]  # what official documents call the section that does
    topics: tuple[Phrase, ...]  # names of procedures and subjects, covered or not
    field: tuple[Phrase, ...]  # public services and digital life in general
    exclusive: tuple[tuple[Phrase, ...], ...]  # rows of names of which a question means one
    leaving: tuple[Phrase, ...]  # "thôi khỏi", "à mà": a question about something else than before
    pointing: tuple[Phrase, ...]  # "cái đó", "vụ này": a question about what was asked before
    little: frozenset[Phrase]  # words that name nothing in a question that leans on another
    letters: Mapping[str, tuple[Phrase, ...]]  # what the letters are called
    spelled: tuple[str, ...]  # abbreviations that people spell, longest first
    child: Phrase  # what a guide calls somebody younger than CHILD_BEFORE

    def phrases(self) -> Iterable[Phrase]:
        """Every phrase of the glossary that a question may hold, and what the guides write for it."""
        pairs = chain.from_iterable(self.replace)
        cues = chain.from_iterable(self.intents.values())
        return chain(pairs, cues, self.fillers, self.topics, self.field)

    def words(self) -> Iterable[str]:
        """Every syllable of the glossary, for the vocabulary that repairs typing."""
        return chain.from_iterable(self.phrases())

    @cached_property
    def cues(self) -> tuple[Phrase, ...]:
        """The phrases of all intents, longest first."""
        return tuple(sorted(chain.from_iterable(self.intents.values()), key=len, reverse=True))

    @cached_property
    def letter_names(self) -> frozenset[str]:
        """Every syllable, and its bare form, with which the name of a letter begins; and the letters."""
        first = {name[0] for names in self.letters.values() for name in names}
        return frozenset(chain(first, map(bare, first), (w[:n] for w in self.spelled for n in (1, 2, 3))))

    @cached_property
    def rewritings(self) -> tuple[dict[Phrase, list[tuple[Phrase, Phrase]]], dict[str, list[int]]]:
        """`replace` by the folded phrase, and the lengths of phrases by their first syllable, longest first.

        Several phrases may be one without accents: "đt" and "dt", "mạ" and "má".
        """
        table: dict[Phrase, list[tuple[Phrase, Phrase]]] = {}
        for phrase, value in self.replace:
            table.setdefault(tuple(map(bare, phrase)), []).append((phrase, value))
        sizes: dict[str, set[int]] = {}
        for phrase in table:
            sizes.setdefault(phrase[0], set()).add(len(phrase))
        return table, {first: sorted(found, reverse=True) for first, found in sizes.items()}


def load_glossary(path: Path) -> Glossary:
    """Read glossary.toml; raises KnowledgeError."""
    tables = read_toml(path)
    try:
        return Glossary(
            replace=_pairs(tables["dialect"]) + _pairs(tables["names"]),
            fillers=_phrases(tables["fillers"]["phrases"]),
            questions=_phrases(tables["questions"]["phrases"]),
            intents={name: _phrases(cues) for name, cues in tables["intent"].items()},
            signs={name: _phrases(signs) for name, signs in tables["signs"].items()},
            headings={name: _phrases(names) for name, names in tables["headings"].items()},
            topics=_phrases(tables["topic"]["phrases"]),
            field=_phrases(tables["field"]["phrases"]),
            exclusive=tuple(_phrases(row) for row in tables["exclusive"]["rows"]),
            leaving=_phrases(tables["leaving"]["phrases"]),
            pointing=_phrases(tables["pointing"]["phrases"]),
            little=frozenset(_phrases(tables["pointing"]["little"])),
            letters={letter: _phrases(names) for letter, names in tables["letters"].items()},
            spelled=tuple(sorted(tables["spelled"]["words"], key=len, reverse=True)),
            child=tuple(syllables(tables["ages"]["child"])),
        )
    except (KeyError, TypeError, AttributeError) as error:
        message = f"table or key missing or of another type: {error}"
        raise KnowledgeError([Problem(path, 0, message)]) from error


def _pairs(table: Mapping[str, str]) -> tuple[tuple[Phrase, Phrase], ...]:
    """The table's pairs; a value that holds its own key also stands for itself, lest it grow."""
    pairs = {tuple(syllables(key)): tuple(syllables(value)) for key, value in table.items()}
    own = {value: value for key, value in pairs.items() if len(value) > len(key) and find(value, key) >= 0}
    return tuple((own | pairs).items())


def _phrases(texts: Sequence[str]) -> tuple[Phrase, ...]:
    """Longest first, so that a phrase is found before its parts; "bao nhiêu $" only ends a question."""
    phrases = (tuple(syllables(text)) + (END,) * text.endswith(END) for text in texts)
    return tuple(sorted(phrases, key=len, reverse=True))


@cache
def phrase_of(text: str) -> Phrase:
    """The syllables of a phrase as it is written in a list, remembered."""
    return tuple(syllables(text))


@cache
def _listed(syllable: str) -> str:
    """A syllable of a list without its accents, remembered; what people type is not (README, Decisions)."""
    return bare(syllable)


def standard(words: Sequence[str], glossary: Glossary) -> list[str]:
    """The words as the guides would write them, longest phrase first; the same for queries and texts.

    Words typed without any accent stay so.
    """
    rewritten = _with_age(_rewritten(words, glossary), glossary.child)
    return [bare(word) for word in rewritten] if all(word.isascii() for word in words) else rewritten


def without(words: Sequence[str], phrases: Iterable[Phrase]) -> list[str]:
    """The words less the phrases; `phrases` come longest first."""
    return _replaced(words, phrases, [])


def with_gaps(words: Sequence[str], phrases: Iterable[Phrase]) -> list[str]:
    """The words, each of the phrases an empty one, so that what stood around it does not become a pair.

    Of words that are nothing but phrases nothing is taken.
    """
    left = _replaced(words, phrases, [""])
    return left if any(left) else list(words)


def _replaced(words: Sequence[str], phrases: Iterable[Phrase], by: list[str]) -> list[str]:
    left = list(words)
    for phrase in possible(words, phrases):
        while (at := find(left, phrase)) >= 0:
            left[at : at + len(phrase)] = by
    return left


def mentions(words: Sequence[str], phrase: Phrase) -> bool:
    """Whether the phrase stands in the words, as `find` matches.

    In a question typed without any accent a single syllable is also found bare.
    """
    if len(phrase) == 1 and all(word.isascii() for word in words):
        return _listed(phrase[0]) in words
    return find(words, phrase) >= 0


def mentioned(words: Sequence[str], phrases: Iterable[Phrase]) -> list[Phrase]:
    """The phrases that `mentions` finds in the words, in their own order."""
    return [phrase for phrase in possible(words, phrases) if mentions(words, phrase)]


def possible(words: Sequence[str], phrases: Iterable[Phrase]) -> list[Phrase]:
    """The few of many phrases that could stand in the words, because all their syllables do."""
    there = set(map(bare, words))
    return [
        phrase
        for phrase in phrases
        if phrase and _listed(phrase[0]) in there and there.issuperset(map(_listed, phrase))
    ]


def find(words: Sequence[str], phrase: Phrase) -> int:
    """Where the phrase begins in the words, or -1.

    A single syllable must be written alike, because without accents it is many words. In a phrase a
    syllable may also be typed bare, and one of three or more may carry a wrong accent.
    """
    if not phrase:
        return -1
    first = _listed(phrase[0])
    folded = [bare(word) for word in words]
    if first not in folded:
        return -1
    for at in range(folded.index(first), len(words) - len(phrase) + 1):
        if folded[at] == first and _same(words[at : at + len(phrase)], phrase):
            return at
    return -1


def _same(words: Sequence[str], phrase: Phrase) -> bool:
    if len(phrase) == 1:
        return words[0] == phrase[0]
    wrong = 0
    for word, part in zip(words, phrase, strict=True):
        if word != part and word != _listed(part):
            if bare(word) != _listed(part):
                return False
            wrong += 1
    return wrong <= len(phrase) // 3


def _rewritten(words: Sequence[str], glossary: Glossary) -> list[str]:
    table, sizes = glossary.rewritings
    folded = tuple(map(bare, words))
    out: list[str] = []
    at = 0
    while at < len(words):
        for size in sizes.get(folded[at], ()):
            pairs = table.get(folded[at : at + size])
            if pairs is None:
                continue
            piece = tuple(words[at : at + size])
            if same := [pair for pair in pairs if _same(piece, pair[0])]:
                exact_first = min(same, key=lambda pair: pair[0] != piece)
                out.extend(exact_first[1])
                at += size
                break
        else:
            out.append(words[at])
            at += 1
    return out


def topic_words(words: Sequence[str], glossary: Glossary) -> list[str]:
    """What a question is about: its words less fillers and less what is asked about it.

    "cho tôi hỏi đổi thẻ căn cước mất bao nhiêu tiền" → "đổi thẻ căn cước"; "bao nhiêu tiền?" → nothing.
    """
    left = without(without([*words, END], glossary.cues), ((END,), *glossary.fillers))
    if all(word.isascii() for word in left):
        unaccented = {bare(phrase[0]) for phrase in glossary.fillers if len(phrase) == 1} - _NOT_BARE
        left = [word for word in left if word not in unaccented]
    return left


def instead(before: Sequence[str], now: Sequence[str], glossary: Glossary) -> list[str]:
    """The words of an earlier question without the names that the present one replaces.

    "quên passcode", then "còn mật khẩu?" → "quên".
    """
    left = list(before)
    for row in glossary.exclusive:
        if any(mentions(now, name) for name in row):
            left = without(left, row)
    return left


_OPEN, _CLOSE = "^", "$"  # before the first word and behind the last, in counts of neighbours
# Sounds that regions, or recognisers of speech, do not tell apart.
_SOFT_G = re.compile(r"^(?:gi(?=[aâăeêoôơuư])|g(?=i))")  # "giấy" and "gì" begin alike
_BEGINNING = re.compile(r"ngh|ng|gh|ch|tr|kh|ph|th|nh|qu|[^aeiouyâăêôơư]")
_SAME_BEGINNING = {
    **{"ngh": "ng", "gh": "g", "tr": "ch", "x": "s", "n": "l", "k": "c", "r": "d", "v": "d"},
}
_SAME_RHYME = (
    (re.compile(r"^o(?=[aăe])"), ""),
    (re.compile(r"iê(?=[ump])"), "i"),
    (re.compile(r"uô(?=[im])"), "u"),
    (re.compile(r"ươ(?=[iu])"), "ư"),
    (re.compile(r"y$"), "i"),
    (re.compile(r"ng$|(?<=[iê])nh$"), "n"),
    (re.compile(r"c$|(?<=[iê])ch$"), "t"),
)
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_DIPPING, _BROKEN = "\u0309", "\u0303"  # hỏi and ngã, one tone from Thanh Hóa to Cà Mau


def sound(syllable: str) -> str:
    """A syllable as it sounds where s is x, ch is tr, d is gi, r and v, l is n, hỏi is ngã, n is ng, c is t.

    "trú" and "chú" are one, "nại" and "lại", "hàn" and "hàng", "sữa" and "xửa", "chíu" and "chiếu".
    """
    decomposed = unicodedata.normalize("NFD", syllable)
    tone = "".join(mark for mark in decomposed if mark in _TONES).replace(_BROKEN, _DIPPING)
    letters = unicodedata.normalize("NFC", "".join(mark for mark in decomposed if mark not in _TONES))
    letters = _SOFT_G.sub("d", letters)
    match = _BEGINNING.match(letters)
    beginning = match[0] if match else ""
    rhyme = letters[len(beginning) :]
    for pattern, same in _SAME_RHYME:
        rhyme = pattern.sub(same, rhyme)
    return _SAME_BEGINNING.get(beginning, beginning) + rhyme + tone


class Hearing:
    """Words as they were heard → as they are written: "thường chú" → "thường trú", "nấy nại" → "lấy lại".

    Of all ways to write what sounds the same, the words that are most often neighbours, unless the words as
    they came are nearly as likely. Words typed without any accent are compared without.
    """

    def __init__(self, counts: Mapping[str, int], pairs: Mapping[str, int]) -> None:
        """Take syllables and pairs of neighbours ("căn cước", "^ đổi"), each with its occurrences."""
        self._accented = _Sounds(counts, pairs, _MISHEARD)
        self._bare = _Sounds(_folded_counts(counts), _folded_counts(pairs), _MISHEARD_BARE)

    def __call__(self, words: Sequence[str]) -> list[str]:
        """The words as they are likeliest meant."""
        return (self._bare if all(word.isascii() for word in words) else self._accented)(words)


def _folded_counts(counts: Mapping[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for words, count in counts.items():
        found[" ".join(map(bare, words.split()))] += count
    return found


class _Sounds:
    """Viterbi over pairs of neighbours, with Dirichlet smoothing."""

    def __init__(self, counts: Mapping[str, int], pairs: Mapping[str, int], misheard: float) -> None:
        self._misheard = misheard
        self._pairs = pairs
        self._before: Counter[str] = Counter()
        counts = Counter(counts)
        for pair, count in pairs.items():
            left, _, right = pair.partition(" ")
            self._before[left] += count
            counts[right] += count
        self._alike: dict[str, list[str]] = {}
        for word in counts:
            self._alike.setdefault(sound(word), []).append(word)
        total = sum(count**_FAME for count in counts.values()) or 1.0
        self._alone = {word: count**_FAME / total for word, count in counts.items()}
        self._unknown = _UNWRITTEN / max(1, len(counts))

    def __call__(self, words: Sequence[str]) -> list[str]:
        known = [f"{left} {right}" in self._pairs for left, right in pairwise(words)]
        doubtful = [not (left and right) for left, right in pairwise([len(words) > 1, *known, True])]
        if not words or not any(doubtful):
            return list(words)
        paths: dict[str, tuple[float, tuple[str, ...]]] = {_OPEN: (0.0, ())}
        for word, doubted in zip(words, doubtful, strict=True):
            paths = {
                way: max(
                    (cost + self._likely(last, way) - self._misheard * (way != word), (*path, way))
                    for last, (cost, path) in paths.items()
                )
                for way in (self._ways(word) if doubted else [word])
            }
        best = max((cost + self._likely(last, _CLOSE), path) for last, (cost, path) in paths.items())
        return list(best[1])

    def _ways(self, word: str) -> list[str]:
        if word.isdecimal():
            return [word]
        return [word, *(way for way in self._alike.get(sound(word), ()) if way != word)]

    def _likely(self, left: str, right: str) -> float:
        alone = _SMOOTH * self._alone.get(right, self._unknown)
        return math.log((self._pairs.get(f"{left} {right}", 0) + alone) / (self._before[left] + _SMOOTH))


def neighbours(texts: Iterable[Sequence[str]]) -> dict[str, int]:
    """The pairs of words that are neighbours in texts more than once, with their occurrences.

    Their beginnings and ends are "^" and "$".
    """
    found = Counter(f"{left} {right}" for words in texts for left, right in pairwise((_OPEN, *words, _CLOSE)))
    return {pair: count for pair, count in found.items() if count > 1}


def put_together(words: Sequence[str], glossary: Glossary) -> list[str]:
    """Abbreviations that are said letter by letter: "ô tê pê" → "otp", "vê nờ e i đê" → "vneid"."""
    bared = all(word.isascii() for word in words)
    out: list[str] = []
    at = 0
    while at < len(words):
        for spelled in glossary.spelled if words[at] in glossary.letter_names else ():
            end = _said(words, at, spelled, glossary.letters, bared)
            if end > at + 1:
                out.append(spelled)
                at = end
                break
        else:
            out.append(words[at])
            at += 1
    return out


def _said(
    words: Sequence[str], at: int, letters: str, names: Mapping[str, tuple[Phrase, ...]], bared: bool
) -> int:
    """Where the words go on behind all the letters, or -1."""
    if not letters:
        return at
    for name in names.get(letters[0], ()):
        said = tuple(map(bare, name)) if bared else name
        if tuple(words[at : at + len(said)]) == said:
            end = _said(words, at + len(said), letters[1:], names, bared)
            if end >= 0:
                return end
    if at < len(words) and letters.startswith(words[at]):  # "vn id"
        return _said(words, at + 1, letters[len(words[at]) :], names, bared)
    return -1


def _with_age(words: Sequence[str], child: Phrase) -> list[str]:
    """The words, and after them what an age that is told means: a child, a grown-up or an elder.

    "lên 5", "10 tuổi" → the guides' word for a child; "62 tuổi" → a word of its own.
    """
    for at, (before, word, after) in enumerate(zip(["", *words], words, [*words[1:], ""], strict=False)):
        age = int(word) if word.isdecimal() else _NUMBERS.get(word)
        told = bare(after) == "tuoi" or bare(before) == "len"
        if age is None or not told or _is_level(before, after):
            continue
        if bare(before) == "muoi":  # mười ba is 13, sáu mươi ba is 63
            age += 10 * _NUMBERS.get(words[at - 2], 1) if at > 1 else 10
        elif word == "mươi":  # sáu mươi
            age *= _NUMBERS.get(before, 1)
        elif word in _LATER_ONES:
            age += 10 * _NUMBERS.get(before, 0)
        if age < CHILD_BEFORE:
            return [*words, *(part for part in child if part not in words)]
        return [*words, _ELDER if age >= ELDER_FROM else _GROWN]
    return list(words)


def _is_level(before: str, after: str) -> bool:
    """ "lên 2" of "lên mức 2" is no age."""
    return bare(before) == "muc" or bare(after) in ("muc", "lan", "tang", "trieu", "nghin")
