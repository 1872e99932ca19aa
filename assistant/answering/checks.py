"""A sentence of the model against the guide it must come from. What fails is not shown.

Numbers with their units, phones, links, codes, labels, places and denials must stand in the guide; the
sentence must be Vietnamese, close to the guide's words, and ask for no secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from assistant.text.keystrokes import is_syllable
from assistant.text.normalize import fold, modern_tones, syllables

_OVERLAP = 0.7  # share of a sentence's words that must stand in the guide
_VIETNAMESE = 0.8  # share of its words that must be built like Vietnamese ones
_MIN_WORDS = 4
_NUMBER = re.compile(r"(\d[\d.,/:-]*\d|\d)\s*(%|[^\W\d_]+(?:\s+[^\W\d_]+)?)?")
_NUMBER_WORDS = frozenset(
    syllables("một hai ba bốn năm sáu bảy tám chín mười mươi trăm nghìn ngàn triệu tỷ rưỡi vài chục nửa")
)
_UNITS = frozenset(
    syllables(
        "đồng đô usd nghìn ngàn triệu tỷ đ k ngày giờ phút tháng năm tuần tuổi lần bản số chữ ký phần trăm"
    )
)
_CODE = re.compile(r"https?://\S+|\b[\w-]+(?:\.[\w-]+)+\b|\b[A-ZĐ]{1,5}\d+\w*\b|\b\d+/\d{4}/[\w-]+|\S+@\S+")
_LABEL = re.compile(r"[“\"'«‘]([^”\"'»’]{2,60})[”\"'»’]")
_BARE_LABEL = re.compile(
    r"\b(?:bấm|nhấn|ấn|chạm|chọn|mục|nút)\s+(?:vào\s+)?(?:(?:mục|nút|ô)\s+)?(\w+)\s+(\w+)"
)
_PLACES = frozenset(syllables("huyện quận tỉnh xã phường thành bưu ngân tòa bộ sở chi cục trung"))
_DENIALS = ("không", "chưa", "chẳng", "khỏi", "miễn", "đừng")
_SECRETS = re.compile(
    r"\b(?:otp|passcode|mật khẩu|mat khau|mã pin|ma pin|cvv|mã xác (?:thực|nhận)|ma xac (?:thuc|nhan)"
    r"|số thẻ|so the|mã (?:6|sáu) số|ma (?:6|sau) so)\b"
)
# With accents or bare, never folded: "nơi" is not "nói". "Mã gửi về máy" asks nothing.
_ASKS = re.compile(
    r"\b(?:đọc|doc|cung cấp|cung cap|cho (?:tôi|cháu|máy) biết|cho (?:toi|chau|may) biet|đưa|dua"
    r"|(?<!tin )nhắn|nhan|chia sẻ|chia se|nói|noi"
    r"|(?<!mã )(?<!otp )(?<!thực )(?<!nhận )gửi|gửi(?! về)|gui)\b"
)
_NEVER = re.compile(r"\b(?:không|khong|đừng|dung|chẳng|chang)\b(?:(?!\bthì\b)[^,;:.]){0,40}$")


@dataclass(frozen=True)
class Evidence:
    """The guide's text as shown today, ready to be compared with."""

    text: str

    @cached_property
    def _spoken(self) -> list[str]:
        return syllables(self.text)

    @cached_property
    def _runs(self) -> frozenset[tuple[str, ...]]:
        """Two and three words in a row."""
        return frozenset(run for size in (2, 3) for run in _runs(self._spoken, size))

    @cached_property
    def _only_denied(self) -> frozenset[tuple[str, ...]]:
        """Pairs of words that the guide says only behind a denial: of "không đọc mã" the "đọc mã"."""
        found: tuple[set[tuple[str, ...]], ...] = (set(), set())  # said, denied
        for first, *pair in _runs(["", *self._spoken], 3):
            if pair[0] not in _DENIALS:  # "… thì không. Không phải xã nào cũng nhận"
                found[first in _DENIALS].add(tuple(pair))
        return frozenset(found[True] - found[False])

    @cached_property
    def _plain(self) -> str:
        return re.sub(r"\s+", " ", self.text).lower()

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(self._spoken)

    @cached_property
    def _figures(self) -> frozenset[tuple[str, str]]:
        return frozenset(_figures(self.text))

    @cached_property
    def _values(self) -> frozenset[str]:
        return frozenset(value for value, _ in self._figures)

    def refusal(self, sentence: str) -> str | None:
        """Why the sentence may not be shown, or None if it may."""
        words = syllables(sentence)
        if len(words) < _MIN_WORDS:
            return "too short"
        if not self._is_vietnamese(sentence, words):
            return "not Vietnamese"
        for code in _CODE.findall(sentence):
            if code.lower().strip(".,;:") not in self._plain:
                return f"code or link {code}"
        for value, unit in _figures(sentence):
            if (unit and (value, unit) not in self._figures) or value not in self._values:
                return f"figure {value} {unit}"
        for label in _labels(sentence):
            if label.lower() not in self._plain:
                return f"label {label}"
        if reason := self._words_refusal(words):
            return reason
        return "asks for a secret" if _asks_for_secret(modern_tones(sentence)) else None

    def _is_vietnamese(self, sentence: str, words: list[str]) -> bool:
        letters = [character for character in sentence if character.isalpha()]
        if any(ord(c) > 0x24F and not 0x1E00 <= ord(c) <= 0x1EFF for c in letters):
            return False
        spoken = [word for word in words if word.isalpha()]
        good = sum(is_syllable(fold(word)) or word in self._words for word in spoken)
        return bool(spoken) and good / len(spoken) >= _VIETNAMESE and not sentence.isascii()

    def _words_refusal(self, words: list[str]) -> str | None:
        spoken = [word for word in words if word.isalpha()]
        known = sum(word in self._words for word in spoken)
        if known / len(spoken) < _OVERLAP:
            return "far from the guide's words"
        for word in spoken:
            if word in _PLACES and word not in self._words:
                return f"place {word}"
        return next(filter(None, (self._run_refusal(words, at) for at in range(len(words)))), None)

    def _run_refusal(self, words: list[str], at: int) -> str | None:
        """What is wrong with the words from here: denials and numbers in words must stand so in the guide."""
        word, pair, triple = words[at], tuple(words[at : at + 2]), tuple(words[at : at + 3])
        if word in _DENIALS and len(triple) > 1 and triple not in self._runs:
            return f"denial “{' '.join(triple)}”"
        if pair in self._only_denied and (at == 0 or words[at - 1] not in _DENIALS):
            return f"without its denial “{' '.join(pair)}”"
        said = len(pair) == 1 or pair in self._runs
        if not said and word in _NUMBER_WORDS and pair[-1] in _UNITS | _NUMBER_WORDS:
            return f"figure “{' '.join(pair)}”"
        return None


def _runs(words: list[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[at:] for at in range(size)), strict=False)


def _labels(sentence: str) -> Iterator[str]:
    """What stands in quotes, and what a person is told to press in capitals: "bấm Nộp hồ sơ"."""
    for label in _LABEL.findall(sentence):
        yield label.strip(" .")
    for first, second in _BARE_LABEL.findall(sentence):
        if first.istitle():
            yield f"{first} {second}"


def _asks_for_secret(sentence: str) -> bool:
    """Whether a secret is named and someone is to say it; "không" must stand before the saying itself."""
    asked = _ASKS.finditer(sentence) if _SECRETS.search(sentence) else ()
    return any(not _NEVER.search(sentence[: match.start()]) for match in asked)


def _figures(text: str) -> list[tuple[str, str]]:
    """Numbers with the unit that follows: "20.000 đồng" → ("20000", "đồng"), "07 ngày" → ("7", "ngày")."""
    found = []
    for value, following in _NUMBER.findall(text):
        plain = re.sub(r"[.,](?=\d{3}\b)", "", value)
        if plain.isdigit():
            plain = str(int(plain))
        words = following.lower().split()
        unit = (
            " ".join(words[:2]) if words[:1] == ["đô"] else (words[0] if words and words[0] in _UNITS else "")
        )
        found.append((plain, "%" if following == "%" else unit))
    return found
