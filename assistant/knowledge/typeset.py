"""What the places, sizes and weights of printed letters tell: columns, headings, where pictures stand.

Knows no PDFs: pieces of text with their places are all there is here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from assistant.knowledge.outline import joined, may_be_heading, rank_of
from assistant.knowledge.pages import Heading, Page, tidy
from assistant.text.legacy import Encoding, to_unicode

_LARGER = 0.9  # points above the size of ordinary text
_MOSTLY_BOLD = 0.5  # of all letters; beyond it, bold says nothing
_APART = 4  # sizes between pieces of a line, from which on they are cells of a table
_APART_IN_TABLE = 1  # where the line above or below is in pieces too
_WIDTH, _CAPITAL_WIDTH = 0.5, 0.7  # of a letter, in sizes
_WRAPPED = 4  # lines of one heading
_LEADING = 1.9  # sizes from one line of a heading to the next
_NUMBER_ALONE = re.compile(r"(?:[\dIVX.]+|(?:chương|mục|điều|phần) [\dIVX]+)[.:]?", re.IGNORECASE)
_NO_KEY = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text as drawn: where it begins, in points from below left, and the size of its letters."""

    x: float
    y: float
    size: float
    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """Two columns drawn line by line: where the right one begins, their upper and their lower end."""

    x: float
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A heading as found by its letters or in the list of bookmarks; `level` counts from 1."""

    text: str
    level: int


def find_columns(pieces: Sequence[Piece]) -> Columns | None:
    """The two columns of a page whose lines were drawn in pairs, left and right; None for anything else.

    A table drawn row by row looks alike, but its cells do not fill their columns as running text does.
    """
    pieces = _lines(pieces)
    pairs = [
        (left, right)
        for left, right in zip(pieces, pieces[1:], strict=False)
        if abs(left.y - right.y) <= 2 and right.x - left.x > 10 * left.size
    ]
    if len(pairs) < 8 or 2 * len(pairs) < 0.6 * len(pieces):
        return None
    sides = [[left for left, _ in pairs], [right for _, right in pairs]]
    edges = [Counter(round(piece.x) for piece in side).most_common(1)[0] for side in sides]
    if min(count for _, count in edges) < 0.8 * len(pairs) or not all(map(_is_prose, sides)):
        return None
    size = max(piece.size for piece in sides[0])
    return Columns(edges[1][0] - 2, max(p.y for p in sides[0]) + size, min(p.y for p in sides[0]) - size / 2)


def _is_prose(side: Sequence[Piece]) -> bool:
    lengths = sorted(len(piece.text) for piece in side)
    middle = lengths[len(lengths) // 2]
    unended = sum(not re.search(r"[.:;!?]$", piece.text) for piece in side)
    return middle >= 20 and middle >= 0.7 * lengths[-1] and unended >= 0.6 * len(side)


def _lines(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces that continue one another on a line, put together."""
    lines: list[Piece] = []
    for piece in pieces:
        if lines and abs(lines[-1].y - piece.y) <= 2:
            last = lines[-1]
            end = last.x + len(last.text) * last.size * 0.5
            if last.x < piece.x < end + 2 * last.size:
                lines[-1] = Piece(last.x, last.y, last.size, f"{last.text} {piece.text}")
                continue
        lines.append(piece)
    return lines


def find_headings(
    pages: Sequence[Sequence[Piece]], encoding: Encoding = Encoding.UNICODE
) -> list[list[Mark]]:
    """For each page what is set larger than ordinary text, or bold, and reads as a heading."""
    weights: Counter[tuple[float, bool]] = Counter()
    for pieces in pages:
        for piece in pieces:
            weights[_size(piece), piece.bold] += len(piece.text)
    sizes: Counter[float] = Counter()
    for (size, _), count in weights.items():
        sizes[size] += count
    if not sizes:
        return [[] for _ in pages]
    body = sizes.most_common(1)[0][0]
    bold = sum(count for (_, is_bold), count in weights.items() if is_bold)
    bold_tells = bold < _MOSTLY_BOLD * weights.total()

    def outstanding(row: Sequence[Piece]) -> Piece | None:
        longest = max(row, key=lambda piece: len(piece.text))
        larger = _size(longest) >= body + _LARGER
        bold = bold_tells and _size(longest) >= body - 0.5 and all(piece.bold for piece in row)
        line = _line(row) if larger or bold else None
        return line and replace(line, text=tidy(to_unicode(line.text, encoding)))

    found = [
        list(_headings_of((None if in_table else outstanding(row) for row, in_table in _rows(pieces)), body))
        for pieces in pages
    ]
    # Larger before smaller, bold before light; among equals, what its number puts higher.
    order = sorted({_style(line) for lines in found for line in lines})
    levels = {style: level for level, style in enumerate(order, 1)}
    return [[Mark(line.text, levels[_style(line)]) for line in lines] for lines in found]


def _size(piece: Piece) -> float:
    return round(2 * piece.size) / 2


def _style(line: Piece) -> tuple[float, bool, int]:
    return -_size(line), not line.bold, rank_of(line.text)


def _headings_of(lines: Iterable[Piece | None], body: float) -> Iterator[Piece]:
    """The headings among the lines that stand out, those of several lines put together."""
    heading: Piece | None = None
    below, count = 0.0, 0
    for line in (*lines, None):
        if heading is not None and line is not None and count < _WRAPPED and _goes_on(heading, line, below):
            heading = replace(heading, text=f"{heading.text} {line.text}")
            below, count = line.y, count + 1
            continue
        if heading is not None and _is_heading(heading, body):
            yield heading
        heading = line
        below, count = (line.y, 1) if line is not None else (0.0, 0)


def _goes_on(heading: Piece, line: Piece, below: float) -> bool:
    alike = _style(line)[:2] == _style(heading)[:2]
    return alike and 0 < below - line.y <= _LEADING * line.size and not rank_of(line.text)


def _is_heading(line: Piece, body: float) -> bool:
    """A bold line as large as the text around it may be a label ("Lưu ý:") or one cell."""
    is_label = _size(line) < body + _LARGER and not rank_of(line.text) and line.text.endswith(":")
    return may_be_heading(line.text) and not is_label


def _rows(pieces: Sequence[Piece]) -> Iterator[tuple[list[Piece], bool]]:
    """Pieces drawn one after the other at the same height, and whether they are a row of a table."""
    rows: list[list[Piece]] = []
    for piece in pieces:
        if rows and abs(rows[-1][-1].y - piece.y) <= 0.3 * piece.size:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    apart = [max(_gaps(row), default=0) > _APART_IN_TABLE for row in rows]
    for n, row in enumerate(rows):
        beside = [other for other in (n - 1, n + 1) if 0 <= other < len(rows)]
        yield row, apart[n] and any(apart[other] or len(rows[other]) == len(row) for other in beside)


def _gaps(row: Sequence[Piece]) -> Iterator[float]:
    """The room between the pieces of a line, in sizes; a number alone stands before what it numbers."""
    parts = sorted(row, key=lambda piece: piece.x)
    for before, after in zip(parts, parts[1:], strict=False):
        capitals = sum(map(str.isupper, before.text))
        width = capitals * _CAPITAL_WIDTH + (len(before.text) - capitals) * _WIDTH
        gap = (after.x - before.x) / before.size - width
        yield min(gap, _APART_IN_TABLE) if _NUMBER_ALONE.fullmatch(before.text) else gap


def _line(row: Sequence[Piece]) -> Piece | None:
    """The row as one piece, bold if all of it is; None for cells that stand side by side."""
    parts = sorted(row, key=lambda piece: piece.x)
    text = parts[0].text
    for gap, after in zip(_gaps(row), parts[1:], strict=True):
        if gap > _APART:
            return None
        text += (" " if gap > 0.1 else "") + after.text
    size = max(parts, key=lambda piece: len(piece.text)).size
    return Piece(parts[0].x, parts[0].y, size, text, all(piece.bold for piece in parts))


def merged(found: Sequence[Mark], bookmarks: Sequence[Mark]) -> list[Mark]:
    """The headings found by their letters with those of the bookmarks, which know the levels."""
    named = {_key(mark.text): mark for mark in bookmarks}
    own = [named.pop(_key(mark.text), mark) for mark in found]
    return own + list(named.values())


def with_marks(page: Page, marks: Sequence[Mark]) -> Page:
    """The page with the lines that the marks name as its headings; one of several lines becomes one line.

    The text may have been read in another way than the marks were found, so only letters are compared.
    """
    keys = [_key(line) for line in page.lines]
    found: dict[int, tuple[int, int]] = {}  # the first line → the last, the level
    start = 0
    for mark in marks:
        place = _find(keys, _key(mark.text), start) or _find(keys, _key(mark.text), 0)
        if place is not None and not any(first <= place[0] <= last for first, (last, _) in found.items()):
            found[place[0]] = place[1], mark.level
            start = place[1] + 1
    headings = tuple(Heading(first, level) for first, (_, level) in sorted(found.items()))
    marked = replace(page, headings=headings)
    return joined(marked, {first: last for first, (last, _) in found.items()})


def _key(text: str) -> str:
    return _NO_KEY.sub("", unicodedata.normalize("NFC", text).casefold())


def _find(keys: Sequence[str], wanted: str, start: int) -> tuple[int, int] | None:
    """The first and the last of the lines from `start` on that hold the wanted letters and no others."""
    for first in range(start, len(keys)) if wanted else ():
        rest = wanted
        for last in range(first, min(first + _WRAPPED, len(keys))):
            if not keys[last] or not rest.startswith(keys[last]):
                break
            rest = rest[len(keys[last]) :]
            if not rest:
                return first, last
    return None


def line_above(page: Page, pieces: Sequence[Piece], y: float) -> int:
    """How many lines of the page stand above a height, by the lowest piece of text that does."""
    above = [piece for piece in pieces if piece.y >= y]
    keys = [_key(line) for line in page.lines]
    for piece in sorted(above, key=lambda piece: piece.y):
        wanted = _key(piece.text)
        for place in range(len(keys) - 1, -1, -1):
            if wanted and wanted in keys[place]:
                return place + 1
    return 0
