"""How a Vietnamese syllable may be spelled, accents and tone included: the measure of readable text.

Knows no words: "bướng" counts, "bvớg" does not. Text that was read wrongly (broken fonts, glyphs one by
one, an old encoding taken for another) has a low share of such syllables; ordinary text is above 0.95.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ONSETS = "b c ch d đ g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x".split()
_RHYMES = (
    "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây e ec em en eng eo"
    " ep et ê êch êm ên ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu y yêm yên yêng"
    " yêt yêu o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi"
    " om on ong op ot ooc oong ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uâng uât uây uc uê uêch"
    " uênh ui um un ung uôc uôi uôm uôn uông uôt up ut uy uya uych uyên uyêt uynh uyt uyu uơ ư ưa ưc ưi ưng"
    " ươc ươi ươm ươn ương ươp ươt ươu ưt ưu"
).split()
SYLLABLES = frozenset(  # without their tones
    {onset + rhyme for onset in ("", *_ONSETS) for rhyme in _RHYMES} | {"gì", "gi", "gin", "giêng"}
)
_TONES = str.maketrans("", "", "\u0300\u0301\u0309\u0303\u0323")
_STOPPED = re.compile(r"(?:c|ch|p|t)$")  # such a syllable carries the sharp or the heavy tone
_WORD = re.compile(r"[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*")
# Addresses and codes ("G22-240115", "69/2024/NĐ-CP") say nothing about how well a text was read.
_NO_WORDS = re.compile(r"\S*(?:://|www\.|@|\.(?:vn|com|gov|html?)\b|\d)\S*", re.IGNORECASE)
_ABBREVIATION = re.compile(r"[A-Z]{2,}|\w*[a-z][A-Z]\w*|[A-ZĐ]{2,5}")  # QR, VNeID, UBND
_FOREIGN = re.compile(r"(?=[A-Za-z]*[aeiouy])[A-Za-z][a-z]{3,}")
_ALONE = frozenset("aàáảãạoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵyiìíỉĩịeèéẻẽẹêềếểễệ")
_UNREADABLE = frozenset({"Cc", "Cn", "Co", "Cs"})


@lru_cache(maxsize=65536)
def is_spelled(word: str) -> bool:
    """Whether a word has the letters and the tone of a Vietnamese syllable: "nghiêng" yes, "nghieng" no."""
    if without_tone(word.lower()) not in SYLLABLES:
        return False
    decomposed = unicodedata.normalize("NFD", word.lower())
    return not _STOPPED.search(decomposed) or "\u0301" in decomposed or "\u0323" in decomposed


def without_tone(word: str) -> str:
    """The letters of a word with their hooks and hats but without its tone: "nghiệng" → "nghiêng"."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", word).translate(_TONES))


def readable_words(text: str) -> tuple[int, int]:
    """How many words of a text are spelled as Vietnamese, of how many that could be.

    Addresses, codes and abbreviations are left out of both, and foreign words (names, "passcode") as long as
    there are not more of them than right ones; unreadable characters count as wrong words.
    """
    text = unicodedata.normalize("NFC", text)
    right = total = foreign = 0
    for piece in _NO_WORDS.sub(" ", text).split(" "):
        if any(_is_unreadable(character) for character in piece):
            total += 1
            continue
        for word in _WORD.findall(piece):
            if _ABBREVIATION.fullmatch(word) and not is_spelled(word):
                continue
            if _FOREIGN.fullmatch(word) and not is_spelled(word):
                foreign += 1
                continue
            total += 1
            right += word.lower() in _ALONE if len(word) == 1 else is_spelled(word)
    return right, total + max(0, foreign - right)


def _is_unreadable(character: str) -> bool:
    if character in "\n\t\r\f":
        return False
    return character == "\ufffd" or unicodedata.category(character) in _UNREADABLE


def spelled_share(text: str) -> float:
    """The share of readable words, 0 for a text without words."""
    right, total = readable_words(text)
    return right / total if total else 0.0
