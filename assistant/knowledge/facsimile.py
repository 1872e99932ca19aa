"""A page of a PDF as a picture, with a passage marked: what a person holds beside the words taken from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import DocumentError
from assistant.text.normalize import bare, sentences, syllables

if TYPE_CHECKING:
    from PIL.Image import Image
    from pypdfium2 import PdfTextPage

WIDTH = 1100  # pixels: small print can be read
_LONGEST = 4  # times the width: a page that is longer is drawn smaller
_SHINGLE = 6  # words in a row that are the passage's and not a phrase of the trade
_MARKER = (255, 226, 92)
_HEADING = 8  # words; what is as short names a thing and says nothing of it
_SAYS_IT = 0.4  # likeness from which a sentence says what another says


def draw_page(path: Path, number: int, passage: str) -> Image:
    """Page `number` (from 1), the words of the passage marked where they are text; 0: the page that says it.

    Raises DocumentError for a page that cannot be drawn.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
        if number == 0:
            texts = [" ".join(page.get_textpage().get_text_range().split()) for page in document]
            number, passage = _page_saying(texts, sentences(passage))
        if not 1 <= number <= len(document):
            raise DocumentError(f"{path} has {len(document)} pages, so no page {number}")
        page = document[number - 1]
        width, height = page.get_size()
        bitmap = page.render(scale=min(WIDTH / width, _LONGEST * WIDTH / height))
        drawn = bitmap.to_pil().convert("RGB")
        to_pixels = bitmap.get_posconv(page).to_bitmap
        boxes = [
            (*to_pixels(left, top), *to_pixels(right, bottom))
            for left, bottom, right, top in _boxes(page.get_textpage(), passage)
        ]
    except pypdfium2.PdfiumError as error:
        raise DocumentError(f"page {number} of {path} cannot be drawn: {error}") from error
    return _marked(drawn, boxes)


def saying(text: str, said: Iterable[str]) -> list[str]:
    """The sentences of a text that say, in words of their own, what those of `said` say."""
    lines = (sentence for line in text.split("\n") for sentence in sentences(line))
    parts = [(line, _terms(line)) for line in lines if len(line.split()) > _HEADING]
    found = []
    for wanted in map(_terms, said):
        best = max(parts, key=lambda part: _likeness(wanted, part[1]), default=None)
        if best is not None and _likeness(wanted, best[1]) >= _SAYS_IT:
            found.append(best[0])
    return list(dict.fromkeys(found))


def _page_saying(texts: list[str], said: list[str]) -> tuple[int, str]:
    found = [saying(text, said) for text in texts]
    number = max(range(len(texts)), key=lambda at: len(found[at]))
    return number + 1, " ".join(found[number])


def _terms(text: str) -> set[str]:
    words = [bare(word) for word in syllables(text)]
    return {*words, *(f"{left} {right}" for left, right in pairwise(words))}


def _likeness(wanted: set[str], terms: set[str]) -> float:
    """Tversky's index: what is said and not wanted counts little, for originals are wordy."""
    both = len(wanted & terms)
    return both / (both + 0.7 * len(wanted - terms) + 0.15 * len(terms - wanted)) if both else 0.0


def _boxes(textpage: PdfTextPage, passage: str) -> Iterator[tuple[float, float, float, float]]:
    """Where the passage's words stand: left, bottom, right, top in points."""
    from pypdfium2.raw import FPDFText_GetUnicode

    letters = [
        (bare(letter), at)
        for at in range(textpage.count_chars())
        if (letter := chr(FPDFText_GetUnicode(textpage, at))).isalnum()
    ]
    places = [at for letter, at in letters for _ in letter]
    said = "".join(letter for letter, _ in letters)
    marked = sorted({places[at] for begin, end in _found(said, passage) for at in range(begin, end)})
    for _, run in groupby(enumerate(marked), key=lambda pair: pair[1] - pair[0]):
        first, *others = (at for _, at in run)
        count = textpage.count_rects(first, len(others) + 1)
        yield from (textpage.get_rect(rect) for rect in range(count))


def _found(said: str, passage: str) -> Iterator[tuple[int, int]]:
    """Where runs of the passage's words stand in letters without spaces."""
    words = [re.sub(r"[\W_]", "", bare(word)) for word in syllables(passage)]
    size = min(_SHINGLE, len(words))
    for start in range(len(words) - size + 1) if words else ():
        run = "".join(words[start : start + size])
        at = said.find(run)
        if run and at >= 0:
            yield at, at + len(run)


def _marked(drawn: Image, boxes: list[tuple[int, int, int, int]]) -> Image:
    """The picture with boxes as a felt pen would mark them: what is under the colour stays as dark."""
    from PIL import Image, ImageChops, ImageDraw

    colour = Image.new("RGB", drawn.size, "white")
    pen = ImageDraw.Draw(colour)
    for left, top, right, bottom in boxes:
        pen.rectangle((left - 2, top - 3, right + 2, bottom + 3), fill=_MARKER)
    return ImageChops.multiply(drawn, colour).quantize(64)
