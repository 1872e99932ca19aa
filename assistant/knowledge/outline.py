"""Headings told by their numbering, and the pages of a document as Sections, one for each heading.

Knows no file formats and no fonts: what those tell of headings stands in the pages already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise, zip_longest

from assistant.datatypes import Section
from assistant.knowledge.pages import Heading, Line, Method, Page, regrouped
from assistant.text.normalize import sentences
from assistant.text.spelling import is_spelled

_LONG = 400  # syllables of a section; beyond it, it is split
_UNEVEN = 1.2  # how much longer than the mean of its pieces one may be
_LONG_HEADING, _LONG_NUMBERED = 25, 40  # syllables
_LONG_LINE = 300  # letters; what is longer is neither a heading nor a line of contents
_LONG_TITLE = 15  # of a heading that nothing but "1." tells from an item of a list
_FULL = 0.7  # of the longest line of a page: a shorter one was ended by its writer, not by the margin
_VERY_FULL = 0.85
_BROKEN_CONTENTS = 3  # lines from one number of a page to the next
_NARROW = 40  # letters: the longest line of a page is no whole line
_FEW = 3  # headings; where fonts or styles mark fewer, numbering is looked at too

# What may stand before a title, the highest first; the numbers below are ranks in this order.
_DIVISION = re.compile(
    r"(?i:(?P<kind>phần|chương|tiểu mục|mục))\s+(?:(?i:thứ)\s+\w+|[IVXLC]+|\d{1,2})\b(?P<end>\s*[.:–-])?"
)
_ARTICLE = re.compile(r"(?:Điều|ĐIỀU)\s+\d{1,3}[a-zđ]?\s?[.:](?=\s|$)")
_ROMAN = re.compile(r"(?P<number>[IVX]{1,5})[./]\s+(?=\S)")
_LETTER = re.compile(r"(?P<number>[A-H])\.\s+(?=\S)")
_DECIMAL = re.compile(r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,4})(?P<end>\.?)(?:\s+|(?<=\d)(?=[^\W\d_]))")
_RANKS = {"phần": 1, "chương": 2, "mục": 3, "tiểu mục": 4}
_ARTICLE_RANK, _CAPITALS, _ROMAN_RANK, _LETTER_RANK, _DECIMAL_RANK = 5, 6, 7, 8, 9
_STRONG = _ARTICLE_RANK  # up to here a number is told from that of a list by its word

_BULLETS = "-–+•*▪●·=→"
_STEP_OR_CAPTION = re.compile(r"(?:bước|hình|bảng|ảnh|biểu(?: đồ)?|sơ đồ)\s*\d", re.IGNORECASE)
MOTTO = re.compile(  # what stands at the head and the foot of official papers, whoever writes them
    r"cộng h(?:òa|oà) xã hội chủ nghĩa|độc lập\s*[-–]\s*tự do|(?:tm|kt|tl|tuq)\.", re.IGNORECASE
)
_CONTENTS = re.compile(r"(?:\.{4,}|…{2,}|(?: \.){4,}|_{4,})\s*\d{1,4}$")
_REFERS = re.compile(r"(?:,|\b(?:tại|của|và|theo|với|các|khoản|điểm|từ|đến|hoặc|là|ở))$")
_ENDED = re.compile(r"[.:;!?…”\"]$")
_ITEM = re.compile(
    r"[-–+•*▪●·=→“]|\d{1,2}(?:\.\d{1,2})*[.)/](?:\s|$)|\d{1,2}(?:\.\d{1,2})+\s|[a-zđ][.)]\s|[IVX]+[.)]\s"
    r"|(?:bước|điều|hình|bảng|cách|th)\s*\d|(?:lưu ý|chú ý|trường hợp|mục đích)\b",
    re.IGNORECASE,
)
_PLACE_TO_CUT = re.compile(
    r"(?:[-–+•*]\s*)?(?:(?:bước|điều|cách|th)\s*\d|\d{1,2}(?:\.\d{1,2})*[.)/]\s|trường hợp\b)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A line with its place: the page, as counted in the sequence, and the line on it."""

    page: int
    line: int
    text: str
    width: int  # letters of the longest line of its page
    in_contents: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What may be a heading: the rows from `first` to `last` (inclusive), and how it is numbered."""

    first: int
    last: int
    text: str
    rank: int
    number: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Text:
    """A line or a paragraph: the number of the page on which it begins, and the pictures below it."""

    page: int
    text: str
    width: int  # letters of the longest line of its page
    images: tuple[str, ...] = ()

    @property
    def syllables(self) -> int:
        return len(self.text.split())


@dataclass(slots=True)
class _Part:
    """A section while it is being collected."""

    heading: str
    page: int
    lines: list[_Text] = field(default_factory=list)
    images: tuple[str, ...] = ()  # between the heading and the first line
    is_headed: bool = False  # and not what stands before the first heading

    def add_images(self, names: tuple[str, ...]) -> None:
        if self.lines:
            last = self.lines[-1]
            self.lines[-1] = replace(last, images=last.images + names)
        else:
            self.images += names


def may_be_heading(text: str) -> bool:
    """Whether a line reads as a heading: short, no sentence, no step, no caption, no item of a list."""
    return (
        len(text) <= _LONG_LINE
        and len(text.split()) <= (_LONG_NUMBERED if rank_of(text) else _LONG_HEADING)
        and sum(map(str.isalpha, text)) >= 3
        and text[0].isalnum()
        and not text[0].islower()
        and text[-1] not in ".;,…"
        and not _STEP_OR_CAPTION.match(text)
        and not MOTTO.match(text)
        and not _is_contents(text)
    )


def _is_contents(text: str) -> bool:
    """Whether a line belongs to a table of contents: dots and the number of a page."""
    return len(text) <= _LONG_LINE and _CONTENTS.search(text) is not None


def rank_of(text: str) -> int:
    """How high the numbering of a line puts it, from 1 ("Phần") down; 0 for a line without one."""
    return _numbered(text)[0]


def with_bold_headings(numbered: Mapping[int, Sequence[Line]]) -> dict[int, list[Line]]:
    """The lines of pages; where styles mark a title at most, short bold lines are headings too.

    Unless most lines are bold. A label with a colon ("Lưu ý:") is none.
    """
    lines = [line for page in numbered.values() for line in page]
    marked = [line.level for line in lines if line.level]
    if len(marked) > 1 or 2 * sum(line.bold for line in lines) > len(lines):
        return {number: list(page) for number, page in numbered.items()}
    ranks = {
        line.text: rank_of(line.text)
        for line in lines
        if line.bold and not line.level and may_be_heading(line.text)
        and (rank_of(line.text) or not line.text.endswith(":"))
    }  # fmt: skip
    levels = {
        rank: level for level, rank in enumerate(sorted(set(ranks.values())), 1 + max(marked, default=0))
    }
    return {
        number: [
            replace(line, level=levels[ranks[line.text]]) if line.bold and line.text in ranks else line
            for line in page
        ]
        for number, page in numbered.items()
    }


def with_numbered_headings(pages: Sequence[Page]) -> tuple[Page, ...]:
    """The pages with what only its numbering tells to be a heading.

    Where fonts or styles mark headings, only "Chương", "Mục", "Điều" and the like are added to them, for a
    plain "1." is an item of a list there; so is "1.1" unless such lines are marked elsewhere. Text that was
    recognised has no fonts. Steps that were marked as headings stay with the text they belong to.
    """
    pages = [replace(page, headings=tuple(_headings_proper(page))) for page in pages]
    rows = [
        _Row(number, place, text, width, place in contents)
        for number, lines in enumerate(page.lines for page in pages)
        for width, contents in [(max(map(len, lines), default=0), _contents(lines))]
        for place, text in enumerate(lines)
    ]
    marked = {(number, h.line): h.level for number, page in enumerate(pages) for h in page.headings}
    ranks = {rank_of(pages[page].lines[line]) for page, line in marked}
    settled = len(marked) >= _FEW or any(ranks)
    nested = any(rank > _DECIMAL_RANK + 1 for rank in ranks)
    free = [
        c
        for c in _candidates(rows)
        if (rows[c.first].page, rows[c.first].line) not in marked
        and (
            not settled
            or c.rank <= _STRONG
            or (nested and len(c.number) > 1)
            or pages[rows[c.first].page].method is Method.OCR
        )
    ]
    accepted = _accepted(free, rows)
    lowest = max(marked.values(), default=0)
    levels = {rank: lowest + n for n, rank in enumerate(sorted({c.rank for c in accepted}), 1)}
    found: dict[int, list[_Candidate]] = {}
    for candidate in accepted:
        found.setdefault(rows[candidate.first].page, []).append(candidate)
    return tuple(
        _with_headings(page, found[number], rows, levels) if number in found else page
        for number, page in enumerate(pages)
    )


def _headings_proper(page: Page) -> Iterator[Heading]:
    lines = page.lines
    for heading in page.headings:
        text = lines[heading.line]
        is_item = _STEP_OR_CAPTION.match(text) or text[0] in _BULLETS
        goes_on = text[0].islower() and is_spelled(text.split()[0])
        if not is_item and not goes_on and len(text.split()) <= 2 * _LONG_HEADING:
            yield heading


def _with_headings(
    page: Page, found: Sequence[_Candidate], rows: Sequence[_Row], levels: dict[int, int]
) -> Page:
    new = [Heading(rows[c.first].line, levels[c.rank]) for c in found]
    marked = replace(page, headings=tuple(sorted((*page.headings, *new), key=lambda h: h.line)))
    ends = {rows[c.first].line: rows[c.last].line for c in found}
    return joined(marked, ends)


def joined(page: Page, ends: dict[int, int]) -> Page:
    """The page with lines put together: from each place to its end."""
    inside = {place for first, last in ends.items() for place in range(first + 1, last + 1)}
    if not inside:
        return page
    starts = [place for place in range(len(page.lines)) if place not in inside]
    return regrouped(page, [range(place, ends.get(place, place) + 1) for place in starts])


def _candidates(rows: Sequence[_Row]) -> Iterator[_Candidate]:
    taken = -1
    for first, row in enumerate(rows):
        broken = rows[first + 1 : first + 2]  # a line of contents of which this is the first part
        if first <= taken or row.in_contents or any(b.in_contents and not rank_of(b.text) for b in broken):
            continue
        rank, number = _numbered(row.text)
        if not rank and not (row.text.isupper() and may_be_heading(row.text) and " " in row.text):
            continue
        if rank and rank <= _STRONG and first and _REFERS.search(rows[first - 1].text):
            continue  # "… theo quy định tại / Điều 5. …"
        last = _end(rows, first, rank)
        text = " ".join(row.text for row in rows[first : last + 1])
        if rank == _ARTICLE_RANK or may_be_heading(text):
            taken = last
            yield _Candidate(first, last, text, rank or _CAPITALS, number)


def _numbered(text: str) -> tuple[int, tuple[int, ...]]:
    """The rank of a numbered title and its number; 0 for anything else."""
    if _ARTICLE.match(text):
        return _ARTICLE_RANK, ()
    if match := _DIVISION.match(text):
        title = text[match.end() :].strip()
        is_title = not title or title.isupper() or (match["end"] and title[0].isupper())
        return (_RANKS[match["kind"].lower()], ()) if is_title else (0, ())
    if (match := _ROMAN.match(text)) and text[match.end()].isupper():
        return _ROMAN_RANK, ()
    if (match := _LETTER.match(text)) and text[match.end() :].isupper():
        return _LETTER_RANK, ()
    if (match := _DECIMAL.match(text)) and match.end() < len(text) and text[match.end()].isupper():
        number = tuple(map(int, match["number"].split(".")))
        if len(number) > 1 or match["end"]:
            return _DECIMAL_RANK + len(number), number
    return 0, ()


def _end(rows: Sequence[_Row], first: int, rank: int) -> int:
    """The last row of a heading: one that the margin broke, or whose title stands below its number."""
    row = rows[first]
    last = first
    capitals = row.text.isupper()
    while last + 1 < len(rows) and last - first < 3 and rows[last + 1].page == row.page:
        before, after = rows[last].text, rows[last + 1].text
        goes_on = len(before) >= _FULL * row.width and after[0].islower()
        alone = bool((match := _DIVISION.fullmatch(before)) and match.end())
        above = after.isupper() and not rank_of(after) and may_be_heading(after)
        if not goes_on and not (above and (alone or (capitals and rank != _ARTICLE_RANK))):
            break
        capitals = after.isupper()
        last += 1
    return last


def _accepted(candidates: Sequence[_Candidate], rows: Sequence[_Row]) -> list[_Candidate]:
    articles = sum(c.rank == _ARTICLE_RANK for c in candidates) >= 2
    nested = sum(len(c.number) >= 2 for c in candidates) >= _FEW
    accepted: list[_Candidate] = []
    count = 0  # the last "1." of those on one level
    for candidate, after in zip_longest(candidates, candidates[1:]):
        if candidate.number:
            single = len(candidate.number) == 1
            child = after is not None and after.number[:-1] == candidate.number
            if articles or (single and not _is_no_item(candidate, rows, count, child=child, nested=nested)):
                continue
            count = candidate.number[0] if single else count
        elif candidate.rank != _CAPITALS:
            count = 0  # below "Chương II" or "I." they begin anew
        accepted.append(candidate)
    return accepted


def _is_no_item(
    candidate: _Candidate, rows: Sequence[_Row], count: int, *, child: bool, nested: bool
) -> bool:
    """Whether a title after "1." heads what follows: items of a list follow one another, or are sentences."""
    title = candidate.text.partition(" ")[2]
    if child or title.isupper():
        return True
    beside = [rows[n].text for n in (candidate.first - 1, candidate.last + 1) if 0 <= n < len(rows)]
    in_list = any((match := _DECIMAL.match(text)) and match["end"] for text in beside)
    short = len(title.split()) <= _LONG_TITLE
    return not nested and not in_list and short and candidate.number[0] in (1, count + 1)


def document_sections(document_id: str, pages: Sequence[Page]) -> tuple[Section, ...]:
    """The document in sections: one for each heading that has a text, across the ends of pages.

    What stands before the first heading is headed by its own first line if that reads as a heading. A
    section of more than about 400 syllables is split where an article, a step or a paragraph begins, and
    text under no heading at each end of a page; a piece keeps the heading and has the page on which it
    begins. Tables of contents are left out.
    """
    sections: list[Section] = []
    parts = list(_parts(pages))
    only_headings = not any(part.lines for part in parts)  # slides, a single line
    for part in parts:
        if not part.lines and (part.images or only_headings):
            part.lines.append(_Text(part.page, part.heading, 0))
        paragraphs = _paragraphs(part.lines)
        pages_of_part = [paragraphs] if part.is_headed else _by_page(paragraphs)
        pieces = [piece for texts in pages_of_part for piece in _pieces(texts)]
        for n, piece in enumerate(pieces):
            images = (part.images if n == 0 else ()) + tuple(name for text in piece for name in text.images)
            section = Section(
                f"{document_id}#{len(sections) + 1}",
                document_id,
                part.heading,
                "\n".join(paragraph.text for paragraph in piece),
                part.page if n == 0 else piece[0].page,
                tuple(dict.fromkeys(images)),
            )
            sections.append(section)
    return tuple(sections)


def _parts(pages: Sequence[Page]) -> Iterator[_Part]:
    part: _Part | None = None
    for page in pages:
        lines = page.lines
        width = max(map(len, lines), default=0)
        headings = {heading.line for heading in page.headings}
        contents = _contents(lines)
        images: dict[int, tuple[str, ...]] = {}
        for name, above in zip_longest(page.images, page.image_lines, fillvalue=len(lines)):
            images[min(int(above), len(lines))] = (*images.get(min(int(above), len(lines)), ()), str(name))
        for place, line in enumerate(lines):
            if part is None and place in images:
                part = _Part("", page.number)
            if part is not None:
                part.add_images(images.get(place, ()))
            if place in headings:
                if part is not None:
                    yield part
                heading, text = _heading(line, lines[place + 1 : place + 2])
                part = _Part(heading, page.number, is_headed=True)
                part.lines += [_Text(page.number, text, width)] if text else []
            elif part is None and _is_title(line, lines[place + 1 : place + 2], width):
                part = _Part(line, page.number)
            elif place not in contents:
                part = part or _Part("", page.number)
                part.lines.append(_Text(page.number, line, width))
        part = part or _Part("", page.number)
        part.add_images(images.get(len(lines), ()))
    if part is not None:
        yield part


def _contents(lines: Sequence[str]) -> set[int]:
    """The lines of a table of contents, those included that the margin broke."""
    found = {place for place, line in enumerate(lines) if _is_contents(line)}
    for place, (line, after) in enumerate(zip(lines, lines[1:], strict=False)):
        if after.isdigit() and _is_contents(f"{line} {after}"):
            found |= {place, place + 1}
    for place, following in pairwise(sorted(found)):
        found |= set(range(place, following)) if following - place <= _BROKEN_CONTENTS else set()
    return found


def _is_title(line: str, after: Sequence[str], width: int) -> bool:
    """Whether the first line of a document is its title, and not the beginning of its text."""
    first = _Text(0, line, width)
    return may_be_heading(line) and not any(_goes_on(first, _Text(0, text, width)) for text in after)


def _heading(line: str, after: Sequence[str]) -> tuple[str, str]:
    """What heads a section, and what of the line is its text: "Điều 2." may go on as a sentence."""
    match = _ARTICLE.match(line)
    if match is None:
        return line, ""
    title = line[match.end() :].strip()
    goes_on = any(text[0].islower() for text in after)
    if title and (goes_on or title[-1] in ".;:," or len(title.split()) > _LONG_HEADING):
        return match[0].rstrip(" .:"), title
    return line, ""


def _paragraphs(lines: Sequence[_Text]) -> list[_Text]:
    """Lines that the margin broke put together."""
    broken: list[list[_Text]] = []
    for n, line in enumerate(lines):
        if n and _goes_on(lines[n - 1], line):
            broken[-1].append(line)
        else:
            broken.append([line])
    return [
        replace(
            parts[0],
            text=" ".join(part.text for part in parts),
            images=tuple(name for part in parts for name in part.images),
        )
        for parts in broken
    ]


def _goes_on(before: _Text, after: _Text) -> bool:
    if before.images or _ENDED.search(before.text) or _ITEM.match(after.text):
        return False
    if before.width < _NARROW or len(before.text) < _FULL * before.width:
        return False
    return after.text[0].islower() or len(before.text) >= _VERY_FULL * before.width


def _by_page(paragraphs: Sequence[_Text]) -> list[list[_Text]]:
    return [list(same) for _, same in groupby(paragraphs, key=lambda paragraph: paragraph.page)]


def _pieces(paragraphs: Sequence[_Text]) -> Iterator[list[_Text]]:
    """The paragraphs in runs of at most _LONG syllables, cut where something new begins if there is such."""
    short = [piece for paragraph in paragraphs for piece in _shortened(paragraph)]
    total = sum(text.syllables for text in short)
    most = _LONG if total <= _LONG else min(_LONG, _UNEVEN * total / -(-total // _LONG))
    piece: list[_Text] = []
    for text in short:
        while piece and sum(one.syllables for one in piece) + text.syllables > most:
            cut = _cut(piece, text, most / 2)
            yield piece[:cut]
            piece = piece[cut:]
        piece.append(text)
    if piece:
        yield piece


def _cut(piece: Sequence[_Text], following: _Text, least: float) -> int:
    """Where to end a piece: before the last step or article in its second half, else at its end."""
    if _PLACE_TO_CUT.match(following.text):
        return len(piece)
    for n in range(len(piece) - 1, 0, -1):
        if _PLACE_TO_CUT.match(piece[n].text) and sum(one.syllables for one in piece[:n]) >= least:
            return n
    return len(piece)


def _shortened(paragraph: _Text) -> Iterator[_Text]:
    """A paragraph in pieces that are no longer than a section: whole sentences, else words."""
    if paragraph.syllables <= _LONG:
        yield paragraph
        return
    words: list[str] = []
    for sentence in sentences(paragraph.text):
        more = sentence.split()
        if words and len(words) + len(more) > _LONG:
            yield replace(paragraph, text=" ".join(words), images=())
            words = []
        words += more
        whole = max(0, len(words) - 1) // _LONG * _LONG
        for start in range(0, whole, _LONG):
            yield replace(paragraph, text=" ".join(words[start : start + _LONG]), images=())
        words = words[whole:]
    yield replace(paragraph, text=" ".join(words))
