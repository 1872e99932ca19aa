"""Text as it is read aloud: numbers, money, dates, times, telephone numbers and abbreviations in words.

How names and abbreviations sound stands in prompts/voice.toml; one that is not there is spelled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from assistant.text.normalize import without_marks

_DIGITS = "không một hai ba bốn năm sáu bảy tám chín".split()
_SCALES = ((10**9, "tỷ"), (10**6, "triệu"), (10**3, "nghìn"))
_LETTERS = dict(
    zip(
        "a b c d đ e g h i k l m n o p q r s t u v x y f j w z".split(),
        "a bê xê dê đê e giê hát i ca lờ em en o pê quy rờ ét tê u vê ích y ép gi vê-kép dét".split(),
        strict=True,
    )
)
_LONGEST = 12  # digits of a number that has a name
_SIGNS_OF_ADDRESSES = {".": "chấm", "@": "a còng", "-": "gạch ngang"}

_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.)?((?:[a-z0-9-]+\.)+[a-z]{2,}(?:/[^\s,;)”]*[^\s.,;:)”])?|\S+@\S+\.\w+)"
)
_LAW = re.compile(r"\b(\d+)(?:\.(\d+))?/(\d{4})/[A-ZĐ][A-ZĐa-z0-9-]*")
_DAY = re.compile(r"\b(ngày |mồng )?(\d{1,2})/(\d{1,2})(?:/(\d{4}))?(?![\d/])", re.IGNORECASE)
_MONTH = re.compile(r"\b(tháng )?(\d{1,2})/(\d{4})(?![\d/])", re.IGNORECASE)
_TIME = re.compile(r"\b(\d{1,2})(?:h|:)(\d{2})?\b(?!\d)")
# Read digit by digit: groups of a telephone number, hotlines, codes that begin with 0, long numbers.
_GROUPS = re.compile(r"(?<![\d.,])\+?\d{2,4}(?: \d{2,4}){1,4}(?![\d.,]\d|\d)")
_HOTLINE = re.compile(
    r"(?<![\d.,/-])(?:1[89]00[ .]?\d{4}|11[2-5]|156|5656)(?![\d/]|[.,]\d| *(?:đồng|nghìn|triệu))"
)
_CODE = re.compile(r"\b0\d{2,}\b|\b\d{8,}\b")
_GROUPED = re.compile(r"\b\d{1,3}(?:\.\d{3})+(?![\d.]\d|\d)")
_DECIMAL = re.compile(r"\b(\d+),(\d+)\b")
_CURRENCY = re.compile(r"(?<=\d)\s?đ\b")
_RANGE = re.compile(r"(?<=\d)\s*[–-]\s*(?=\d)")
_NUMBER = re.compile(r"\d+")
_ABBREVIATION = re.compile(r"\b(?:[A-ZĐ]{2,5}\d{0,3}[a-z]?|[A-ZĐ]\d{1,3})\b")
_SIGNS = str.maketrans('“”"()–…/*_', ",,,,,,.   ")
_PAUSES = re.compile(r"\s*,(?:\s*,)*\s*(?=([.,;:!?]|$)?)")


def number_in_words(value: int) -> str:
    """A whole number from 0 to 10¹²-1 as it is said: 21 → "hai mươi mốt", 105 → "một trăm linh năm"."""
    parts: list[str] = []
    for scale, name in _SCALES:
        if value >= scale:
            parts += [_below_thousand(value // scale, full=bool(parts)), name]
            value %= scale
    if value or not parts:
        parts.append(_below_thousand(value, full=bool(parts)))
    return " ".join(parts)


def _below_thousand(value: int, *, full: bool) -> str:
    """`full`: behind thousands the hundreds are said even where they are none."""
    hundreds, tens, ones = value // 100, value // 10 % 10, value % 10
    words = [_DIGITS[hundreds], "trăm"] if hundreds or full else []
    if tens == 0 and (ones or not words):
        words += ["linh"] * bool(words) + [_DIGITS[ones]]
    elif tens:
        words += ["mười"] if tens == 1 else [_DIGITS[tens], "mươi"]
        if ones:
            words.append("lăm" if ones == 5 else "mốt" if ones == 1 and tens > 1 else _DIGITS[ones])
    return " ".join(words)


def digit_by_digit(text: str) -> str:
    """The digits of a text one by one; groups are kept apart by a pause."""
    groups = re.findall(r"\d+", text)
    if len(groups) == 1 and len(groups[0]) > 5:  # twelve digits in a row cannot be followed
        groups = re.findall(r"\d{4}" if len(groups[0]) == 8 else r"\d{1,3}", groups[0])
    return ", ".join(" ".join(_DIGITS[int(digit)] for digit in group) for group in groups)


def spoken(text: str, sounds: Mapping[str, str]) -> str:
    """The text as it is read aloud; `sounds` tells how names and abbreviations are said.

    A key with a capital letter is meant as written, any other in either case.
    """
    text = without_marks(text)
    text = _ADDRESS.sub(lambda found: _address(found[1], sounds), text)
    text = _LAW.sub(lambda found: f"{' chấm '.join(filter(None, found.groups()[:2]))} năm {found[3]}", text)
    text = _sounds(text, sounds)
    rules: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
        (_DAY, _day),
        (_MONTH, lambda found: f"tháng {int(found[2])} năm {found[3]}"),
        (_TIME, _time),
        (_CURRENCY, lambda _: " đồng"),
        (_GROUPED, lambda found: number_in_words(int(found[0].replace(".", "")))),
        (_HOTLINE, lambda found: digit_by_digit(found[0])),
        (_GROUPS, lambda found: digit_by_digit(found[0])),
        (_CODE, lambda found: digit_by_digit(found[0])),
        (_DECIMAL, lambda found: f"{found[1]} phẩy {found[2]}"),
        (_RANGE, lambda _: " đến "),
        (_ABBREVIATION, lambda found: _spelled(found[0])),
        (_NUMBER, _number),
    )
    text = text.replace("%", " phần trăm").replace("&", "và")
    for pattern, said in rules:
        text = pattern.sub(said, text)
    text = _PAUSES.sub(lambda found: "" if found[1] else ", ", text.translate(_SIGNS))
    return " ".join(text.split()).strip(",; ")


def _sounds(text: str, sounds: Mapping[str, str]) -> str:
    longest = sorted(sounds, key=len, reverse=True)
    named = "|".join(map(re.escape, longest)) or r"(?!)"
    pattern = re.compile(rf"(?<!\w)(?:{named})(?!\w)", re.IGNORECASE)
    return pattern.sub(lambda found: sounds.get(found[0]) or sounds.get(found[0].lower()) or found[0], text)


def _address(address: str, sounds: Mapping[str, str]) -> str:
    """A web or mail address as a person would tell it: the part that one types, without what follows "/"."""
    known = _SIGNS_OF_ADDRESSES | {name.lower(): said for name, said in sounds.items()}
    parts = filter(None, re.split(r"([.@-])", address.split("/")[0]))
    return " ".join(known.get(part) or (_spelled(part) if len(part) <= 2 else part) for part in parts)


def _number(found: re.Match[str]) -> str:
    return number_in_words(int(found[0])) if len(found[0]) <= _LONGEST else digit_by_digit(found[0])


def _day(found: re.Match[str]) -> str:
    day, month, year = int(found[2]), int(found[3]), found[4]
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return f"{found[1] or ''}{day} trên {month}"  # 24/7, 1/2
    said = f"{found[1] or 'ngày '}{day} tháng {month}"
    return f"{said} năm {year}" if year else said


def _time(found: re.Match[str]) -> str:
    minutes = int(found[2] or 0)
    return f"{int(found[1])} giờ {minutes} phút" if minutes else f"{int(found[1])} giờ"


def _spelled(word: str) -> str:
    """An abbreviation letter by letter, its digits one by one."""
    return " ".join(
        _DIGITS[int(sign)] if sign.isdigit() else _LETTERS.get(sign, sign) for sign in word.lower()
    )
