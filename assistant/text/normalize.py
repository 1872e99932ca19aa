"""Vietnamese text as characters: Unicode form, accent folding, syllables, sentences.

Knows nothing of the vocabulary, of typing methods or of dialects.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SYLLABLE = re.compile(r"\w+")
# Old tone placement (hoà, thuý) to the new one (hòa, thúy): both are in everyday use.
_OLD_TONE = dict(
    zip(
        ["oà", "oá", "oả", "oã", "oạ", "oè", "oé", "oẻ", "oẽ", "oẹ", "uỳ", "uý", "uỷ", "uỹ", "uỵ"],
        ["òa", "óa", "ỏa", "õa", "ọa", "òe", "óe", "ỏe", "õe", "ọe", "ùy", "úy", "ủy", "ũy", "ụy"],
        strict=True,
    )
)
_OLD_TONE_END = re.compile(r"(?<!q)(" + "|".join(_OLD_TONE) + r")\b")
# Both spellings of a source mark: "… [1]." and "… . [1]".
_SENTENCE_END = re.compile(r"(?<=[.!?…])[”\"’)]*(?:\s*\[\d+\])*(?=\s+([^\s.,;:!?)\]])|\s*$)")
_ABBREVIATION_END = re.compile(r"(?:\b(?:TP|Tp|tp|Q|P|TT|ThS|TS|BS|St|v\.v)|^\s*\d+)\.$")
_NUMBER_END = re.compile(r"\d\.$")
# Cyrillic and Greek letters that look like Latin ones, and what surrounds a digit in a keycap emoji.
_LOOKALIKES = str.maketrans("ОТРАВСЕНКМХоораесхΟΤΡο", "OTPABCEHKMXoopaecxOTPo", "\ufe0f\u20e3")
SOURCE_MARK = re.compile(r"\s*\[(\d+)\]")


def clean(text: str) -> str:
    """NFC text without control, invisible, surrogate or private characters; whitespace collapsed.

    Soft hyphens and zero-width characters vanish; every other unreadable character becomes a space,
    so that words stay apart.
    """
    # Invisible characters go first: one between a letter and its accent would keep the two apart.
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")
    composed = unicodedata.normalize("NFKC", visible).translate(_LOOKALIKES)
    return " ".join("".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in composed).split())


def modern_tones(text: str) -> str:
    """Lower-cased text with the tone mark where today's spelling puts it: "thuỷ hoà" → "thủy hòa"."""
    return _OLD_TONE_END.sub(lambda match: _OLD_TONE[match[1]], text.lower())


def fold(text: str) -> str:
    """Lower-cased text without accents, đ → d: what a person types on a keyboard without Vietnamese."""
    decomposed = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


@lru_cache(maxsize=65536)
def bare(syllable: str) -> str:
    """fold() of one syllable, remembered: a language has few."""
    return fold(syllable)


def syllables(text: str) -> list[str]:
    """The lower-cased syllables and numbers of a text, in order, with modern tone placement."""
    return _SYLLABLE.findall(modern_tones(text))


def has_accents(text: str) -> bool:
    """Whether the text was written with accents."""
    return fold(text) != text.lower()


def sentences(text: str) -> list[str]:
    """Split running text into sentences; a source mark [n] stays with the sentence it follows.

    Amounts (20.000 đồng), links, versions, abbreviations (TP. Hồ Chí Minh) and the number of a list
    item (1. Mở …) do not end a sentence.
    """
    found = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        piece = text[start : match.end()]
        before, following = text[start : match.start()], match[1] or ""
        if following.islower() or (following and _ABBREVIATION_END.search(before)):
            continue
        if following.isdigit() and _NUMBER_END.search(before):  # 1. 7. 2026
            continue
        if piece.strip():
            found.append(piece.strip())
        start = match.end()
    if text[start:].strip():
        found.append(text[start:].strip())
    return found


def without_marks(text: str) -> str:
    """The text as spoken: without its source marks."""
    return SOURCE_MARK.sub("", text)
