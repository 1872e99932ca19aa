"""Which tokens a model may say next: those that Vietnamese text can be made of.

Small models slip into Chinese or English. Every token is looked at once, byte by byte, when the model is
loaded; a token may end in the middle of a letter, and then only bytes that complete a Vietnamese one may
follow. Of words only the parts of Vietnamese syllables may be said, and the words of the guide itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from assistant.text.spelling import SYLLABLES, without_tone

TokenIds = npt.NDArray[np.int32]

_VOWELS = "aăâeêioôơuưy"
_TONES = ("", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323")
_LOWER = {unicodedata.normalize("NFC", vowel + tone) for vowel in _VOWELS for tone in _TONES} | {"đ"}
_MARKS = " \n.,;:!?()[]/%-+&@=_#*'\"0123456789“”‘’–—…•→₫°"
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz") | _LOWER
WRITABLE = LETTERS | {letter.upper() for letter in LETTERS} | frozenset(_MARKS)

_ENCODED = {character.encode() for character in WRITABLE}
_BYTES = bytes(sorted({byte for encoded in _ENCODED for byte in encoded}))
_BEGUN = {encoded[:size] for encoded in _ENCODED for size in range(1, len(encoded))}
_WORDS = re.compile(r"[^\W\d_]+")
_BEGINNINGS = {syllable[:end] for syllable in SYLLABLES for end in range(1, len(syllable) + 1)}
_ENDINGS = {syllable[start:] for syllable in SYLLABLES for start in range(len(syllable))}
_PARTS = {beginning[start:] for beginning in _BEGINNINGS for start in range(len(beginning))}


class Mask:
    """The tokens of one vocabulary that may be said."""

    def __init__(self, pieces: Sequence[bytes], ends: Iterable[int]) -> None:
        """`pieces` are the bytes of all tokens, in order; `ends` may always be said between letters."""
        self._pieces = pieces
        found: dict[bytes, list[int]] = {begun: [] for begun in (b"", *_BEGUN)}
        found[b""] += ends
        for token, piece in enumerate(pieces):
            if not piece or piece.translate(None, _BYTES):
                continue
            for begun in _BEGUN if _continues(piece) else (b"",):
                if _can_be_said(begun, piece):
                    found[begun].append(token)
        self._allowed = {begun: np.array(sorted(set(ids)), np.int32) for begun, ids in found.items()}

    def allowed(self, begun: bytes, between_letters: TokenIds) -> TokenIds:
        """What may follow the `begun` bytes of a letter; between letters, what `with_words` has made."""
        return self._allowed[begun] if begun else between_letters

    def with_words(self, tokens: Iterable[int]) -> TokenIds:
        """What may be said between letters, with the words of a guide, given as its tokens."""
        extra = [token for token in set(tokens) if _whole(self._pieces[token])]
        return np.union1d(self._allowed[b""], np.array(extra, np.int32))


def _continues(piece: bytes) -> bool:
    return 0x80 <= piece[0] < 0xC0


def _whole(piece: bytes) -> bool:
    try:
        return bool(piece.decode())
    except UnicodeDecodeError:
        return False


def _can_be_said(begun: bytes, piece: bytes) -> bool:
    """Whether the bytes, after those begun, are Vietnamese letters and parts of syllables."""
    data = begun + piece
    cut = next((size for size in (1, 2) if data[-size:] in _BEGUN), 0)
    try:
        text = data[: len(data) - cut].decode()
    except UnicodeDecodeError:
        return False
    if not WRITABLE.issuperset(text):
        return False
    # A word at an edge may go on in the token before or after.
    return all(
        _is_part(word[0].lower(), word.start() == 0, word.end() == len(text))
        for word in _WORDS.finditer(text)
    )


@lru_cache(maxsize=65536)
def _is_part(word: str, begun: bool, unfinished: bool) -> bool:
    """Whether the letters can stand in a Vietnamese syllable; single ones spell codes and names."""
    if len(word) == 1:
        return True
    known = (SYLLABLES, _BEGINNINGS, _ENDINGS, _PARTS)[2 * begun + unfinished]
    return (word if word.isascii() else without_tone(word)) in known
