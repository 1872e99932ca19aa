"""Vietnamese text as characters: Unicode form, accent folding, syllables, sentences, figures.

Knows nothing of the vocabulary but numbers and units; nothing of typing methods or of dialects.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

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
_ONES = dict(
    zip(
        "một hai ba bốn năm sáu bảy tám chín mười mốt tư lăm nhăm".split(),
        [*range(1, 11), 1, 4, 5, 5],
        strict=True,
    )
)
_LATER_ONES = frozenset("mốt tư lăm nhăm".split())  # no number begins with them
_SCALES = {"mươi": 10, "trăm": 100, "nghìn": 1000, "ngàn": 1000, "k": 1000, "triệu": 10**6, "tỷ": 10**9}
_BEFORE_ONES = frozenset(["mười", "linh", "lẻ", *_SCALES])
MONEY = frozenset("đồng usd euro".split())
MEASURED = MONEY | frozenset("giờ phút giây ngày tuần tháng quý năm tuổi %".split())
_UNITS = MEASURED | frozenset("lần bản bộ trang ký chữ số m² km² cm mm".split())
_NUMBERED = _UNITS.union(_SCALES)  # behind "năm" as a number
_COUNTED = frozenset("người hộ loại lớp thủ việc phần nơi".split())  # no word of them is a unit
_ORDINALS = frozenset("mức bước hạng phiếu lớp mẫu số".split())  # "mức 2": the unit goes first
_LEAST = frozenset("trên hơn ngoài sau từ đủ quá thiểu nhất".split())
_MOST = frozenset("dưới trước trong đến đa".split())
_BEHIND_UNITS = ("làm việc", "trở lên", "trở xuống")
_DATES = (
    re.compile(r"(?:ngày )?\b(\d{1,2})(?: tháng |[/-])(\d{1,2})(?: năm |[/-])(\d{4})\b"),
    re.compile(r"tháng (\d{1,2})(?: năm |[/-])(\d{4})\b"),
    re.compile(r"ngày (\d{1,2})(?: tháng |[/-])(\d{1,2})\b"),
    re.compile(r"(?<!\d )năm (\d{4})\b"),
)
_PHONE = re.compile(r"\b\d{3,4}(?: \d{3,4})+\b")
_TERM = re.compile(r"§\d+|\d+(?:[.,/:]\d+)*|[@#]?\w+|[%.,;:!?()–-]")


def clean(text: str) -> str:
    """NFC text without control, invisible, surrogate or private characters; whitespace collapsed.

    Soft hyphens, zero-width characters and marks that belong to no letter vanish; every other unreadable
    character becomes a space, so that words stay apart.
    """
    # Invisible characters go first: one between a letter and its accent would keep the two apart.
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")
    composed = unicodedata.normalize("NFKC", visible)
    if any(unicodedata.category(c)[0] == "M" for c in composed):  # then letters beside them may compose
        bare_of_marks = "".join(c for c in composed if unicodedata.category(c)[0] != "M")
        composed = unicodedata.normalize("NFKC", bare_of_marks)
    readable = composed.translate(_LOOKALIKES)
    return " ".join("".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in readable).split())


def modern_tones(text: str) -> str:
    """Lower-cased text with the tone mark where today's spelling puts it: "thuỷ hoà" → "thủy hòa"."""
    return _OLD_TONE_END.sub(lambda match: _OLD_TONE[match[1]], text.lower())


def fold(text: str) -> str:
    """Lower-cased text without accents, đ → d: what a person types on a keyboard without Vietnamese.

    Nothing is remembered of what was folded: people type it.
    """
    small = text.lower()
    plain = small if small.isascii() else small.translate(_PLAIN)
    return plain if plain.isascii() else _decomposed(small)


def _decomposed(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d"))
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


# Letters whose bare form is ASCII, and the accents by themselves: all that most texts hold.
_PLAIN: dict[int, str | None] = {
    code: _decomposed(chr(code)) or None
    for code in (*range(0xC0, 0x250), *range(0x300, 0x370), *range(0x1E00, 0x1F00))
    if _decomposed(chr(code)).isascii()
}


bare = fold  # of one syllable


def fold_in_place(text: str) -> str:
    """Folded text whose characters stand where they stood, full-width digits as digits."""
    if text.isascii():
        return text.lower()
    out = []
    for character in text:
        bare = str(int(character)) if character.isdigit() and character.isdecimal() else fold(character)
        out.append(bare if len(bare) == 1 else character)
    return "".join(out)


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


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit: Figure("20000", "đồng"), Figure("31/12/2026", "date"), Figure("mỗi", "tháng").

    `unit` is "" where it has none, and None where a number is a mere word ("cả hai"). `bound` is "≥" for the
    least ("từ 8", "60 tuổi trở lên"), "≤" for the most ("tối đa 2", "đến 20"), else "".
    """

    value: str
    unit: str | None
    bound: str = ""

    def equals(self, other: Figure) -> bool:
        """Whether they are the same figure; a month, a year or a day without its year stands for a date."""
        if self.unit == "date" == other.unit:
            return f"/{other.value}".endswith(f"/{self.value}") or other.value.startswith(f"{self.value}/")
        return self.value == other.value and (self.unit or "") == (other.unit or "")


def figures(text: str) -> tuple[list[Figure], list[str]]:
    """The figures of lower-cased text, in digits or in words; and its words, "#value" where a figure is."""
    dates: list[str] = []

    def keep(match: re.Match[str]) -> str:
        dates.append("/".join(str(int(part)) for part in match.groups()))
        return f" §{len(dates) - 1} "

    for pattern in _DATES:
        text = pattern.sub(keep, text)
    terms = _TERM.findall(_PHONE.sub(lambda match: match[0].replace(" ", ""), text))
    found: list[Figure] = []
    left: list[str] = []
    at = 0
    while at < len(terms):
        figure: Figure | None
        if terms[at][0] == "§":
            figure, end = Figure(dates[int(terms[at][1:])], "date", _bound(terms, at, at + 1)), at + 1
        else:
            after_money = bool(found) and found[-1].unit in MONEY and left[-1] == f"#{found[-1].value}"
            figure, end = _figure(terms, at, after_money)
        if figure is not None:
            found.append(figure)
        named = figure is not None and figure.unit is not None
        left += [f"#{found[-1].value}"] if named else terms[at:end]
        at = end
    return found, left


def _figure(terms: Sequence[str], at: int, after_money: bool) -> tuple[Figure | None, int]:
    """The figure that begins here, and where what follows it and its unit begins."""
    if terms[at] == "mỗi" and not (_UNITS | _COUNTED).isdisjoint(terms[at + 1 : at + 2]):
        return Figure("mỗi", terms[at + 1]), at + 2
    value, end = _number(terms, at)
    if value is None:
        return None, at + 1
    unit = terms[end] if end < len(terms) else ""
    is_one = terms[at] == "một" and end == at + 1
    if is_one and unit == "số":  # some
        return None, end
    if is_one and after_money and unit in _UNITS:  # "… đồng một tháng"
        return Figure("mỗi", unit), end + 1
    if not terms[at][0].isdigit() and unit not in _UNITS:
        ambiguous = end == at + 1 and terms[at] in ("một", "ba", "năm")
        return (None if ambiguous else Figure(value, "" if unit in _COUNTED else None)), end
    if unit not in _UNITS:
        before = terms[at - 1] if at else ""
        return Figure(
            value, before if before in _ORDINALS and len(value) < 3 else "", _bound(terms, at, end)
        ), end
    if terms[end + 1 : end + 2] == ["rưỡi"]:
        return Figure(f"{value},5", unit, _bound(terms, at, end)), end + 2
    after = end + 3 if " ".join(terms[end + 1 : end + 3]) in _BEHIND_UNITS else end + 1
    return Figure(value, unit, _bound(terms, at, end)), after


def _number(terms: Sequence[str], at: int) -> tuple[str | None, int]:
    """The number in digits or words that begins here: "20.000", "1 triệu rưỡi", "hai mươi nghìn"."""
    in_words = not terms[at][0].isdigit()
    if in_words and (terms[at] not in _ONES or terms[at] in _LATER_ONES):
        return None, at
    digits = terms[at] if in_words else re.sub(r"\.(?=\d{3}(?:\D|$))", "", terms[at])
    if not in_words and not digits.isdecimal():
        return digits, at + 1
    whole, part = 0, _ONES[digits] if in_words else int(digits)
    end = at + 1
    while end < len(terms):
        word, last = terms[end], terms[end - 1]
        is_one = in_words and word in _ONES and last in _BEFORE_ONES
        if word == "rưỡi" and last in _SCALES:
            whole += _SCALES[last] // 2
        elif word in ("mươi", "trăm"):
            part = part // 10 * 10 + part % 10 * 10 if word == "mươi" else part * 100
        elif word in _SCALES:
            whole, part = whole + max(part, 1) * _SCALES[word], 0
        elif is_one and (word != "năm" or not _NUMBERED.isdisjoint(terms[end + 1 : end + 2])):  # else years
            part += _ONES[word]
        elif not in_words or word not in ("linh", "lẻ"):
            break
        end += 1
    return str(whole + part), end


def _bound(terms: Sequence[str], begin: int, end: int) -> str:
    """Which side the number between these places bounds."""
    if "trở" in terms[end : end + 3]:
        return "≤" if "xuống" in terms[end : end + 4] else "≥"
    if begin and terms[begin - 1] in "–-" or list(terms[max(begin - 2, 0) : begin]) == ["chưa", "đủ"]:
        return "≤"
    for word in reversed(terms[max(begin - 2, 0) : begin]):
        if word in _MOST | _LEAST:
            return "≤" if word in _MOST else "≥"
    return "≥" if terms[end : end + 1] in (["–"], ["-"]) else ""
