"""Regional words, abbreviations, old names and fillers, as glossary.toml tells them.

Knows no guides; it turns what people say into what the guides write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import chain
from pathlib import Path

from assistant.errors import KnowledgeError, Problem
from assistant.text.normalize import bare, syllables
from assistant.toml import read_toml

Phrase = tuple[str, ...]
END = "$"  # in a cue: where the question ends
_NOT_BARE = frozenset(["ma", "vang", "qua", "ba"])  # mean "mã", "vàng", "quà", "ba"
CHILD_BEFORE = 14  # years; Luật Căn cước 26/2023/QH15, điều 21: the first card that must be renewed
ELDER_FROM = 58  # years; the same: a card made from then on is for life
_ELDER, _GROWN = "tuổigià", "tuổilớn"  # no words, so that they meet nothing else
_NUMBERS = dict(
    zip(["một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín", "mười"], range(1, 11), strict=True)
)
_NUMBERS["mươi"] = 10


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
    child: Phrase  # what a guide calls somebody younger than CHILD_BEFORE

    def words(self) -> Iterable[str]:
        """Every syllable of the glossary, for the vocabulary that repairs typing."""
        pairs = chain.from_iterable(self.replace)
        cues = chain.from_iterable(self.intents.values())
        return chain.from_iterable(chain(pairs, cues, self.fillers, self.topics, self.field))

    @cached_property
    def cues(self) -> tuple[Phrase, ...]:
        """The phrases of all intents, longest first."""
        return tuple(sorted(chain.from_iterable(self.intents.values()), key=len, reverse=True))

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
        return bare(phrase[0]) in words
    return find(words, phrase) >= 0


def mentioned(words: Sequence[str], phrases: Iterable[Phrase]) -> list[Phrase]:
    """The phrases that `mentions` finds in the words, in their own order."""
    return [phrase for phrase in possible(words, phrases) if mentions(words, phrase)]


def possible(words: Sequence[str], phrases: Iterable[Phrase]) -> list[Phrase]:
    """The few of many phrases that could stand in the words, because all their syllables do."""
    there = set(_folded(tuple(words)))
    return [
        phrase
        for phrase in phrases
        if phrase and bare(phrase[0]) in there and there.issuperset(map(bare, phrase))
    ]


def find(words: Sequence[str], phrase: Phrase) -> int:
    """Where the phrase begins in the words, or -1.

    A single syllable must be written alike, because without accents it is many words. In a phrase a
    syllable may also be typed bare, and one of three or more may carry a wrong accent.
    """
    if not phrase:
        return -1
    first = bare(phrase[0])
    folded = _folded(tuple(words))
    if first not in folded:
        return -1
    for at in range(folded.index(first), len(words) - len(phrase) + 1):
        if folded[at] == first and _same(words[at : at + len(phrase)], phrase):
            return at
    return -1


@lru_cache(maxsize=1024)
def _folded(words: Phrase) -> Phrase:
    """Remembered, because a question is compared with hundreds of phrases."""
    return tuple(map(bare, words))


def _same(words: Sequence[str], phrase: Phrase) -> bool:
    if len(phrase) == 1:
        return words[0] == phrase[0]
    wrong = 0
    for word, part in zip(words, phrase, strict=True):
        if word != part and word != bare(part):
            if bare(word) != bare(part):
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


# Sounds that regions do not tell apart, and so are written one for the other.
_SAME_BEGINNING = (("ch", "tr"), ("gi", "d", "r", "v"), ("l", "n"), ("s", "x"), ("ng", "ngh", "g"))
_SAME_END = (("n", "ng"), ("c", "t"), ("i", "y"))


def by_sound(words: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    """Words that nobody writes, as they are written: "nàm nại" → "làm lại", "dồi" → "rồi".

    Only a word with an accent that no text holds, whose sound with another beginning some text does;
    `counts` are the occurrences of accented syllables.
    """
    heard = []
    for word in words:
        if word.isascii() or word in counts:
            heard.append(word)
            continue
        others = [other for other in _other_beginnings(word) if other in counts]
        heard.append(max(others, key=lambda other: counts[other], default=word))
    return heard


def by_ear(words: Sequence[str], known: Mapping[str, int]) -> list[str]:
    """Words written as they sound, by their neighbour: "tạm chú" → "tam tru", where that pair is known.

    `known` counts folded pairs ("tam_tru"); a pair that is known as written is left alone.
    """
    heard = list(words)
    for at in range(len(heard) - 1):
        left, right = bare(heard[at]), bare(heard[at + 1])
        if f"{left}_{right}" in known:
            continue
        pairs = [(other, right) for other in _sounds_of(left)] + [
            (left, other) for other in _sounds_of(right)
        ]
        best = max(pairs, key=lambda pair: known.get("_".join(pair), 0), default=(left, right))
        if known.get("_".join(best), 0) > 1:
            heard[at : at + 2] = [
                word if bare(word) == part else part
                for word, part in zip(heard[at : at + 2], best, strict=True)
            ]
    return heard


def _other_beginnings(syllable: str) -> Iterator[str]:
    for row in _SAME_BEGINNING:
        beginning = max((b for b in row if syllable.startswith(b)), key=len, default="")
        if beginning:
            yield from (other + syllable[len(beginning) :] for other in row if other != beginning)


def _sounds_of(syllable: str) -> Iterator[str]:
    yield from _other_beginnings(syllable)
    for row in _SAME_END:
        end = max((e for e in row if syllable.endswith(e)), key=len, default="")
        if end:
            yield from (syllable[: -len(end)] + other for other in row if other != end)


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
        if age < CHILD_BEFORE:
            return [*words, *(part for part in child if part not in words)]
        return [*words, _ELDER if age >= ELDER_FROM else _GROWN]
    return list(words)


def _is_level(before: str, after: str) -> bool:
    """ "lên 2" of "lên mức 2" is no age."""
    return bare(before) == "muc" or bare(after) in ("muc", "lan", "tang", "trieu", "nghin")
