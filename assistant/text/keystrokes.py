"""Undo what fingers do: raw Telex and VNI keystrokes, one-letter slips, spaces missed or too many.

It knows how Vietnamese is typed and how a syllable is built, but no words: it is told the vocabulary.
Telex and VNI as in TCVN 6064 practice: the tone key may follow its vowel or end the syllable.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from assistant.text.normalize import fold

_TELEX_TONES = {"\u0300": "f", "\u0301": "s", "\u0309": "r", "\u0303": "x", "\u0323": "j"}
_VNI_TONES = {"\u0301": "1", "\u0300": "2", "\u0309": "3", "\u0303": "4", "\u0323": "5"}
_VNI_MARKS = {"\u0302": "6", "\u031b": "7", "\u0306": "8"}
_LETTERS = "abcdeghiklmnopqrstuvxy"
_ONSET = "ngh|ng|gh|gi|ch|kh|nh|ph|qu|th|tr|b|c|d|g|h|k|l|m|n|r|s|t|v|x"
_NUCLEUS = (
    "oai|oay|oeo|uay|uoi|uou|uya|uye|uyu|ieu|yeu|ai|ao|au|ay|eo|eu|ia|ie|iu|oa|oe|oi|oo|ua|ue|ui|uo|uu"
    "|uy|ye|a|e|i|o|u|y"
)
_SYLLABLE = re.compile(rf"(?:{_ONSET})?(?:{_NUCLEUS})(?:ch|ng|nh|c|m|n|p|t)?")
_LETTER_RUN = re.compile(r"(?<!\w)(?:[^\W1-9_][\s.\-_*·,/]{1,3}){2,}[^\W\d_](?!\w)")
_MIN_SLIP = 3  # shorter words have too many neighbours
_MIN_PART = 2  # letters of each of two words that were typed without the space between them
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
BESIDE = {  # the keys left and right of each
    key: "".join(row[at + step] for step in (-1, 1) if 0 <= at + step < len(row))
    for row in _ROWS
    for at, key in enumerate(row)
}


def is_syllable(folded: str) -> bool:
    """Whether unaccented letters can be a Vietnamese syllable: "nghieng" yes, "kihc" no."""
    return _SYLLABLE.fullmatch(folded) is not None


def telex(syllable: str) -> set[str]:
    """The keystrokes of a syllable in Telex: "được" → {"dduwowcj", "dduowcj", "dduwowjc", …}."""
    return _typed(syllable, _TELEX_TONES, {"\u0306": "w", "\u031b": "w"}, "dd", "uwow", "uow")


def vni(syllable: str) -> set[str]:
    """The keystrokes of a syllable in VNI: "được" → {"d9u7o7c5", "d9uo7c5", "d9u7o75c", …}."""
    return _typed(syllable, _VNI_TONES, _VNI_MARKS, "d9", "u7o7", "uo7")


def _typed(
    syllable: str, tones: dict[str, str], marks: dict[str, str], bar: str, long_horn: str, short_horn: str
) -> set[str]:
    early = end = tone = late = ""
    for character in syllable:
        if character == "đ":
            early, end, late = early + bar, end + bar, late + "d"
            continue
        base, *accents = list(unicodedata.normalize("NFD", character))
        # In Telex a circumflex is the letter typed twice.
        mark = "".join(marks.get(a, base if a == "\u0302" else "") for a in accents)
        key = "".join(tones.get(a, "") for a in accents)
        tone += key
        early, end = early + base + mark + key, end + base + mark
        late += base
    marks_last = "".join(
        marks.get(a, c if a == "\u0302" else "") for c, a in _accents(syllable) if a not in tones
    )
    bar_last = bar[-1] if "đ" in syllable else ""
    marks_last = re.sub(r"(.)\1+", r"\1", marks_last)  # one key marks both vowels of "ươ"
    forms = {end + tone, early, late + marks_last + tone + bar_last, late + bar_last + marks_last + tone}
    forms |= {end[:1] + late[1:] + marks_last + tone if not bar_last else bar + late[1:] + marks_last + tone}
    return {form.replace(long_horn, horn) for form in forms for horn in (long_horn, short_horn)}


def _accents(syllable: str) -> Iterator[tuple[str, str]]:
    for character in syllable:
        base, *accents = list(unicodedata.normalize("NFD", character))
        for accent in accents:
            yield base, accent


def joined_letters(text: str) -> str:
    """Words cut into single letters, put together again: "o.t.p", "o t p" → "otp"."""
    return _LETTER_RUN.sub(lambda match: re.sub(r"[\W_]", "", match[0]), text)


class KeystrokeRepair:
    """Repairs syllables towards a vocabulary; a syllable that may be a real word is left alone."""

    def __init__(self, vocabulary: Mapping[str, int] | Iterable[str]) -> None:
        """Take syllables with their occurrences, or as often as they occur."""
        counts = Counter(vocabulary)
        self._counts = counts
        self._known = frozenset(counts)
        self._written: dict[str, list[str]] = {}
        self._folded: Counter[str] = Counter()
        self._typed: dict[str, str] = {}
        for syllable, count in counts.most_common():
            self._folded[fold(syllable)] += count
            self._written.setdefault(fold(syllable), []).append(syllable)
            if not syllable.isascii():
                for keys in telex(syllable) | vni(syllable):
                    self._typed.setdefault(keys, syllable)

    def __call__(self, syllables: Iterable[str]) -> list[str]:
        """The syllables, each repaired if it is no word; one that is two words becomes two."""
        return " ".join(map(self._repaired, syllables)).split()

    def _repaired(self, syllable: str) -> str:
        if syllable.isdecimal():  # 62 is no "2" with a VNI key before it
            return syllable
        folded = fold(syllable)
        if syllable in self._known or folded in self._folded:
            return syllable
        if syllable in self._typed:
            return self._typed[syllable]
        for candidate in (re.sub(r"(.)\1+", r"\1", syllable), *_loose(re.sub(r"(.)\1{2,}", r"\1", folded))):
            if candidate in self._typed and _agrees(self._typed[candidate], syllable):
                return self._typed[candidate]
            agreeing = any(_agrees(word, syllable) for word in self._written.get(fold(candidate), ()))
            if agreeing and (candidate in self._known or candidate in self._folded):
                return candidate
        if len(folded) < _MIN_SLIP or not folded.isalpha() or is_syllable(folded):
            return syllable
        return self._parted(syllable) or self._nearest(syllable, folded) or syllable

    def _parted(self, syllable: str) -> str:
        """The two words that were typed as one, the commonest of such pairs; empty if there are none."""
        best, most = "", 0
        for at in range(_MIN_PART, len(syllable) - _MIN_PART + 1):
            parts = syllable[:at], syllable[at:]
            if all(is_syllable(fold(part)) for part in parts):
                counts = (self._folded[part] if part.isascii() else self._counts[part] for part in parts)
                if (rarer := min(counts)) > most:
                    best, most = " ".join(parts), rarer
        return best

    def _nearest(self, syllable: str, folded: str) -> str:
        """The likeliest syllable one slip away: letters swapped, one left out, a key beside, else any edit.

        Accents that were typed must agree with it.
        """
        swaps = {folded[:i] + folded[i + 1] + folded[i] + folded[i + 2 :] for i in range(len(folded) - 1)}
        added = {folded[:i] + letter + folded[i:] for i in range(len(folded) + 1) for letter in _LETTERS}
        beside = {
            folded[:i] + key + folded[i + 1 :]
            for i in range(len(folded))
            for key in BESIDE.get(folded[i], "")
        }
        marked = [character for character in syllable if not character.isascii()]
        for near in (swaps, added, beside, set(_one_edit(folded))):
            written = [word for bare in near & self._folded.keys() for word in self._written[bare]]
            agreeing = [word for word in written if all(character in word for character in marked)]
            if found := agreeing if marked else written:
                best = max(sorted(found), key=lambda word: self._counts[word])
                return best if marked else fold(best)
        return ""


def _agrees(word: str, typed: str) -> bool:
    """Whether a word has every mark that was typed: "mũ" has not the horn of "mứx"."""
    marked = [mark for mark in unicodedata.normalize("NFD", typed) if not mark.isascii()]
    return all(mark in unicodedata.normalize("NFD", word) for mark in marked)


def _loose(folded: str) -> Iterator[str]:
    """Keystrokes with the marks in unusual places, reduced to bare letters."""
    bare = re.sub(r"d9|dd", "d", folded)
    bare = re.sub(r"([aeo])\1", r"\1", bare)
    bare = re.sub(r"(?<=[aou])w|[6-8]|(?<=[a-z])[1-5](?=[a-z]*$)", "", bare)
    yield bare
    yield re.sub(r"[sfrxj]$", "", bare)
    yield re.sub(r"(?<=[aeiouy])[sfrxj]", "", bare)
    yield re.sub(r"^d(.+)d$", r"d\1", bare)


def _one_edit(word: str) -> Iterator[str]:
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        if tail:
            yield head + tail[1:]
        for letter in _LETTERS:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]
