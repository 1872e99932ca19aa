"""The same questions as other people would type or say them: without accents, in raw keystrokes, with slips.

Made by code, the same on every run, so that what a question set loses tells what each habit costs.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from assistant.evaluation.answers import ExpectedAnswer
from assistant.evaluation.paraphrases import is_sayable, number_in_words
from assistant.text.keystrokes import BESIDE, telex, vni
from assistant.text.normalize import fold, modern_tones

_EVERY = 4  # one word in so many is mistyped or misheard
_LONG = 3  # letters of a word from which a slip leaves something to recognise
_GLUED = 5  # the same for spaces that are missed
_SPACE = re.compile(r"(?<=\w) (?=\w)")
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"(?<![\w.,/])\d{1,3}(?![\w.,/])")
# Each spelling, and what a recogniser that hears another region's speech writes for it.
_MISHEARD = (
    *(("^tr", "ch"), ("^s", "x"), (r"^gi(?=\w)", "d"), ("^r", "d"), ("^l", "n"), ("ng$", "n"), ("c$", "t")),
    *(("^ch", "tr"), ("^x", "s"), ("^n(?![gh])", "l"), ("n$", "ng"), ("t$", "c")),
    *(("\u0309", "\u0303"), ("\u0303", "\u0309")),  # hooks and tildes, once letters and tones are apart
)


def mistyped(question: ExpectedAnswer, habit: str) -> ExpectedAnswer:
    """The question, and those before it, typed by somebody of that habit: a key of HABITS."""
    change = HABITS[habit]
    return replace(
        question, question=change(question.question), previous=tuple(map(change, question.previous))
    )


def _each(change: Callable[[str, int], str], text: str) -> str:
    """The text with each word changed; the number it is given is always the same for the same question."""
    return _WORD.sub(lambda match: change(match[0], _number(f"{text} {match.start()}")), text)


def _keystrokes(method: Callable[[str], set[str]]) -> Callable[[str], str]:
    def typed(word: str, number: int) -> str:
        return word if word.isascii() else _one(sorted(method(modern_tones(word))), number)

    return lambda text: _each(typed, text)


def _slip(word: str, number: int) -> str:
    """One word in four with a key hit beside the right one, two keys swapped, one missed or hit twice."""
    if number % _EVERY or len(word) < _LONG:
        return word
    at = number // 7 % (len(word) - 1)
    letter = word[at].lower()
    kind = number // 11 % 4
    if kind == 0 and letter in BESIDE:
        return word[:at] + _one(BESIDE[letter], number) + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if kind == 2 else word[:at] + word[at] + word[at:]


def _beside(word: str, number: int) -> str:
    """One word in four with a key hit beside the right one."""
    places = [at for at, letter in enumerate(word.lower()) if letter in BESIDE]
    if number % _EVERY or len(word) < _LONG or not places:
        return word
    at = places[number // 7 % len(places)]
    return word[:at] + _one(BESIDE[word[at].lower()], number) + word[at + 1 :]


def _drawn_out(word: str, number: int) -> str:
    return word if number % _EVERY else word + word[-1] * 2


def _glued(text: str) -> str:
    """One space in five missed."""
    missed = (_number(f"{text} {match.start()}") % _GLUED == 0 for match in _SPACE.finditer(text))
    return _SPACE.sub(lambda _: "" if next(missed) else " ", text)


def _without_some_accents(word: str, number: int) -> str:
    return fold(word) if number % 2 else word


def _heard(text: str) -> str:
    words = _NUMBER.sub(
        lambda match: number_in_words(int(match[0])) if is_sayable(int(match[0])) else match[0], text
    )
    return " ".join(re.findall(r"\w+", _each(_misheard, modern_tones(words))))


def _misheard(word: str, number: int) -> str:
    apart = unicodedata.normalize("NFD", word)
    ways = {re.sub(wrong, right, apart) for wrong, right in _MISHEARD} - {apart}
    return word if number % _EVERY or not ways else unicodedata.normalize("NFC", _one(sorted(ways), number))


def _one(options: Sequence[str], number: int) -> str:
    return options[number // 13 % len(options)]


def _number(seed: str) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big")


HABITS: Mapping[str, Callable[[str], str]] = {
    "bare": fold,
    "mixed": lambda text: _each(_without_some_accents, text),
    "telex": _keystrokes(telex),
    "vni": _keystrokes(vni),
    "slips": lambda text: _each(_slip, text),
    "beside": lambda text: _each(_beside, text),
    "glued": _glued,
    "repeats": lambda text: _each(_drawn_out, text),
    "heard": _heard,
}
