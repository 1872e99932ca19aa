"""The pages of a document as text, whatever read them: how good the text is, and making it clean.

Knows no file formats.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from assistant.text.legacy import Encoding, to_unicode
from assistant.text.spelling import is_spelled, readable_words, spelled_share

GOOD = 0.9  # ordinary text has a share of at least 0.95 of well-spelled words, a broken font 0.25
_GOOD_SHORT = 0.6  # of a few words, names and foreign ones weigh more
_SHORT = 20  # words
_EDGE = 3  # lines at the top and the bottom that may be running headers and footers
_MIN_RUNNING_PAGES = 3
_RUNNING_SHARE = 0.6  # of the pages; a header may change with the chapter or between left and right
_SPACES = re.compile(r"[^\S\n]+")
_BREAK = re.compile(r"(\S*)(?<=\w)-\n(?=(\S+))")
_MISREAD = re.compile(r"\bVNe[l1|ı]+D\b")
_NUMBER = re.compile(r"\d+|(?<=\b)[ivxlc]+(?=\b)")
_LOOKALIKES = str.maketrans("ƣƢðÐ", "ưƯđĐ")  # what some fonts and typists put for these letters
_INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs"}


class Method(StrEnum):
    """What read a page (contract, design.md §4), in the order they are tried."""

    PLAIN = "plain"
    LAYOUT = "layout"
    PDFPLUMBER = "pdfplumber"
    OCR = "ocr"  # guesses at tones: a person must look at it before anything is answered from it


@dataclass(frozen=True, slots=True)
class Page:
    """One page as read. `quality` is the share of its words that are spelled as Vietnamese."""

    number: int
    text: str
    method: Method
    quality: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What was taken from a document. A quarantined one has no pages and says why."""

    file: str
    pages: tuple[Page, ...]
    reason: str | None  # also of a document that was read, for what is to be looked at
    seconds: float
    quarantined: bool = False

    @property
    def status(self) -> str:
        """In the words of the contract."""
        return "quarantined" if self.quarantined else "ok"


def as_row(reading: Reading) -> dict[str, Any]:
    """A reading as JSON (contract, design.md §4)."""
    return {
        "file": reading.file,
        "status": reading.status,
        "reason": reading.reason,
        "pages": [asdict(page) for page in reading.pages],
        "seconds": reading.seconds,
    }


def as_text(reading: Reading) -> str:
    """A reading as a person reads it on a terminal."""
    parts = [
        f"--- page {page.number} ({page.method}, quality {page.quality:.2f})\n{page.text}\n"
        for page in reading.pages
    ]
    parts.append(f"{reading.file}: {reading.status}, {len(reading.pages)} pages, {reading.seconds} s")
    if reading.reason:
        parts.append(f"{'why' if reading.quarantined else 'to be looked at'}: {reading.reason}")
    return "\n".join(parts)


def make_page(number: int, raw: str, method: Method, encoding: Encoding = Encoding.UNICODE) -> Page:
    """A page from what a program read: decoded, then cleaned, then judged."""
    text = tidy(to_unicode(raw, encoding))
    return Page(number, text, method, round(spelled_share(text), 3))


def is_good(page: Page) -> bool:
    """Whether the words are ones; that some are missing is for another look at the page."""
    _, total = readable_words(page.text)
    return total > 0 and page.quality >= (GOOD if total >= _SHORT else _GOOD_SHORT)


def letters(text: str) -> int:
    """How many letters and digits stand in a text."""
    return sum(character.isalnum() for character in text)


def best(pages: Sequence[Page]) -> Page:
    """The best reading of one page: the best spelled of those that lack little; the first of equals."""
    most = max(letters(page.text) for page in pages)
    whole = [page for page in pages if letters(page.text) >= 0.7 * most]
    return max(whole, key=lambda page: page.quality)


def tidy(text: str) -> str:
    """NFC text without invisible characters; spaces single, words broken at a line's end put together."""
    text = unicodedata.normalize("NFC", text.translate(_LOOKALIKES))
    text = text.replace("\r", "\n").replace("\f", "\n")
    shown = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _INVISIBLE)
    lines = (_SPACES.sub(" ", line).strip() for line in shown.split("\n"))
    return _BREAK.sub(_joined, "\n".join(filter(None, lines)))


def repaired(recognised: str) -> str:
    """Text from OCR, with the one name set right that no page is found without."""
    return _MISREAD.sub("VNeID", recognised)


def _joined(match: re.Match[str]) -> str:
    """Vietnamese words are not hyphenated: a hyphen at a line's end is real in names and numbers alone."""
    before, after = match[1], match[2]
    head, tail = re.split(r"\W", before)[-1], re.split(r"\W", after)[0]
    is_number = any(c.isdigit() for c in head[-1:] + tail[:1])
    is_name = head[:1].isupper() and tail[:1].isupper() and is_spelled(head) and is_spelled(tail)
    return before + "-" if (is_number or is_name) and "://" not in before else before


def without_running_lines(pages: Sequence[Page]) -> tuple[Page, ...]:
    """The pages without headers and footers: lines near an edge that most pages have, but for numbers."""
    counts = Counter(key for page in pages for key in {*_edge_keys(page).values()})
    least = max(_MIN_RUNNING_PAGES, _RUNNING_SHARE * sum(bool(page.text) for page in pages))
    running = {key for key, count in counts.items() if count >= least}
    if not running:
        return tuple(pages)
    return tuple(_without(page, running) for page in pages)


def _without(page: Page, running: set[str]) -> Page:
    keys = _edge_keys(page)
    lines = [line for n, line in enumerate(page.text.split("\n")) if keys.get(n) not in running]
    text = "\n".join(lines)
    return replace(page, text=text, quality=round(spelled_share(text), 3)) if text else page


def _edge_keys(page: Page) -> dict[int, str]:
    """The lines near the edges by their place, numbers taken for one another."""
    lines = page.text.split("\n")
    places = {*range(min(_EDGE, len(lines))), *range(max(0, len(lines) - _EDGE), len(lines))}
    return {place: _NUMBER.sub("#", lines[place].lower()) for place in places}
