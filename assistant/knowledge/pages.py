"""The pages of a document as text, whatever read them: how good the text is, and making it clean.

Knows no file formats.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from assistant.text.legacy import Encoding, detect, to_unicode
from assistant.text.spelling import is_spelled, readable_words, spelled_share

GOOD = 0.9  # ordinary text has a share of at least 0.95 of well-spelled words, a broken font 0.25
_GOOD_SHORT = 0.6  # of a few words, names and foreign ones weigh more
_SHORT = 20  # words
SCREENSHOT = 200  # pixels each way; smaller pictures are logos, icons and signatures
_EDGE = 3  # lines at the top and the bottom that may be running headers and footers
_MIN_RUNNING_PAGES = 3
_RUNNING_SHARE = 0.6  # of the pages; a header may change with the chapter or between left and right
_SPACES = re.compile(r"[^\S\n]+")
_BREAK = re.compile(r"(\S*)(?<=\w)-\n(?=(\S+))")
_MISREAD = re.compile(r"\bVNe[l1|ı]+D\b")
_NUMBER = re.compile(r"\d+|(?<=\b)[ivxlc]+(?=\b)")
_LOOKALIKES = str.maketrans("ƣƢðÐ", "ưƯđĐ")  # what some fonts and typists put for these letters
_STEP_COLUMN = re.compile(r"bước", re.IGNORECASE)
_STEP = re.compile(r"bước\s*\d+", re.IGNORECASE)
_ROW_NUMBER = re.compile(r"(\d{1,3})[.:)]?")
_INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs"}


class Method(StrEnum):
    """What read a page (contract, design.md §4), in the order they are tried."""

    PLAIN = "plain"
    LAYOUT = "layout"
    PDFPLUMBER = "pdfplumber"
    OCR = "ocr"  # guesses at tones: a person must look at it before anything is answered from it


@dataclass(frozen=True, slots=True)
class Heading:
    """A line of a page that is a heading: which one, from 0, and its level, from 1."""

    line: int
    level: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page as read. `quality` is the share of its words that are spelled as Vietnamese.

    `images` are names of files; each stands under as many lines as `image_lines` says.
    """

    number: int
    text: str
    method: Method
    quality: float
    headings: tuple[Heading, ...] = ()
    images: tuple[str, ...] = ()
    image_lines: tuple[int, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The text line by line; none of them is empty."""
        return self.text.split("\n") if self.text else []


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a document that is no PDF; `level` is that of a heading, 0 for all else."""

    text: str
    level: int = 0
    bold: bool = False  # all of it


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture on a page, under so many of its lines; `place` is where the file holds it."""

    page: int
    line: int
    place: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What could be read of a file without OCR, and the numbers of the pages that need it."""

    pages: tuple[Page, ...]
    for_ocr: tuple[int, ...] = ()
    drawn: tuple[Drawn, ...] = ()
    unseen: tuple[int, ...] = ()  # pages with text that no reader sees; it was left out


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
        f"--- page {page.number} ({page.method}, quality {page.quality:.2f})\n{_shown(page)}\n"
        for page in reading.pages
    ]
    parts.append(f"{reading.file}: {reading.status}, {len(reading.pages)} pages, {reading.seconds} s")
    if reading.reason:
        parts.append(f"{'why' if reading.quarantined else 'to be looked at'}: {reading.reason}")
    return "\n".join(parts)


def _shown(page: Page) -> str:
    levels = {heading.line: f"{'#' * heading.level} " for heading in page.headings}
    lines = [levels.get(place, "") + line for place, line in enumerate(page.lines)]
    return "\n".join([*lines, *(f"[{name}]" for name in page.images)])


def make_page(number: int, raw: str, method: Method, encoding: Encoding = Encoding.UNICODE) -> Page:
    """A page from what a program read: decoded, then cleaned, then judged."""
    text = tidy(to_unicode(raw, encoding))
    return Page(number, text, method, round(spelled_share(text), 3))


def pages_of(numbered: Mapping[int, Sequence[Line]]) -> tuple[Page, ...]:
    """Pages from the lines of a file that says what is a heading, whatever encoding its fonts have."""
    encoding = detect("\n".join(line.text for lines in numbered.values() for line in lines))
    pages = []
    for number, lines in numbered.items():
        tidied = [(tidy(to_unicode(" ".join(line.text.split("\n")), encoding)), line) for line in lines]
        shown = [(text, line.level) for text, line in tidied if text]
        text = "\n".join(text for text, _ in shown)
        headings = tuple(Heading(place, level) for place, (_, level) in enumerate(shown) if level)
        pages.append(Page(number, text, Method.PLAIN, round(spelled_share(text), 3), headings))
    return tuple(pages)


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines that can be read aloud, row by row; a column of numbers numbers the lines."""
    filled = [[" ".join(cell.split()) for cell in row] for row in rows if any(map(str.strip, row))]
    header = filled[0][0] if filled else ""
    lines = []
    for n, (first, *others) in enumerate(filled):
        rest = [cell for cell in others if cell]
        number = _ROW_NUMBER.fullmatch(first)
        if n and number and rest and _STEP_COLUMN.fullmatch(header):
            lines.append(f"{header.capitalize()} {number[1]}: {' – '.join(rest)}")
        elif n and number and rest:
            lines.append(f"{number[1]}. {' – '.join(rest)}")
        elif first and len(rest) == 1 and len(others) == 1:
            lines.append(f"{first}{' ' if first.endswith(':') else ': '}{rest[0]}")
        else:
            lines.append(
                (": " if _STEP.fullmatch(first) else " – ").join(filter(None, (first, " – ".join(rest))))
            )
    return lines


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
    groups = [[place] for place in range(len(page.lines)) if keys.get(place) not in running]
    return regrouped(page, groups) if groups else page


def regrouped(page: Page, groups: Iterable[Sequence[int]]) -> Page:
    """The page with lines put together or left out: each group of old lines is one new line."""
    lines, groups = page.lines, list(groups)
    text = "\n".join(" ".join(lines[place] for place in group) for group in groups)
    new = {group[0]: place for place, group in enumerate(groups)}
    headings = tuple(replace(h, line=new[h.line]) for h in page.headings if h.line in new)
    under = tuple(sum(group[0] < line for group in groups) for line in page.image_lines)
    quality = round(spelled_share(text), 3)
    return replace(page, text=text, quality=quality, headings=headings, image_lines=under)


def _edge_keys(page: Page) -> dict[int, str]:
    """The lines near the edges by their place, numbers taken for one another."""
    lines = page.lines
    places = {*range(min(_EDGE, len(lines))), *range(max(0, len(lines) - _EDGE), len(lines))}
    return {place: _NUMBER.sub("#", lines[place].lower()) for place in places}
