"""knowledge/pictures/*.svg: drawn scenes for the steps of guides, with places for the words of a step.

A scene names no button and no address: they are taken from the step that it is drawn for, so that picture
and guide cannot drift apart. A place is `<text data-label="1" data-width="…" data-height="…" x="…" y="…"/>`,
y in its middle; `1` and `2` are the step's labels in “quotes”, `address` the web address that it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

from assistant.errors import KnowledgeError, Problem
from assistant.text.normalize import fold

MAX_BYTES = 4096
ADDRESS = re.compile(r"\b(?:[a-z0-9-]+\.)+(?:vn|com|net|org|info)\b", re.IGNORECASE)
_LABEL = re.compile(r"“([^”]+)”")
_MARKED = "hinh minh hoa"  # what every picture says of itself, without accents
_PLACES = ("1", "2", "address")
_NAMESPACE = "http://www.w3.org/2000/svg"
# Shapes and words only: nothing that runs, loads, refers to a name or reaches the page's style.
_ELEMENTS = frozenset("svg title g rect circle ellipse line path polyline polygon text tspan".split())
_ATTRIBUTES = frozenset(
    "viewBox role x y width height rx ry cx cy r d points x1 y1 x2 y2 transform fill fill-opacity stroke "
    "stroke-width stroke-linecap stroke-linejoin stroke-dasharray font-family font-size font-weight "
    "text-anchor data-label data-width data-height".split()
)
_LARGE = (30, 28, 26, 24)  # sizes of letters; 320 are as wide as the picture
_SMALL = (22, 20, 18, 17, 16, 15)
_MAX_LINES = 3
_LINE = 1.2  # height of a line, and from its middle to the letters' foot, in sizes
_FOOT = 0.35
# Widths of letters in sizes, Be Vietnam Pro Bold, rounded up; the others by case.
_WIDTHS = {character: 0.35 for character in "lIij.:!,"}
_WIDTHS |= {character: 0.46 for character in "frt1()“”"}
_WIDTHS |= {character: 0.9 for character in "mwM"} | {" ": 0.23, "W": 1.06}
_CAPITAL, _LOWER = 0.77, 0.65


@dataclass(frozen=True, slots=True)
class Place:
    """Where words of a step stand; x and y as its `text-anchor` and its middle say."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawing that many steps may share."""

    svg: str
    places: tuple[Place, ...]

    def missing(self, words: Mapping[str, str]) -> list[str]:
        """The places for which there are no words."""
        return [place.name for place in self.places if place.name not in words]

    def too_long(self, words: Mapping[str, str]) -> list[str]:
        """The words that find no room, even in small letters."""
        named = [(place, words[place.name]) for place in self.places if place.name in words]
        return [text for place, text in named if not _fits(place, *_laid_out(place, text))]


NO_SCENES: Mapping[str, Scene] = MappingProxyType({})


def load_scenes(*folders: Path) -> tuple[dict[str, Scene], tuple[Problem, ...]]:
    """The scenes by file name, later folders (a ward's own) before earlier ones, and what is wrong.

    A broken scene is left out, so that a shipped one of the same name serves on.
    """
    scenes: dict[str, Scene] = {}
    problems: list[Problem] = []
    for path in (path for folder in folders for path in sorted(folder.glob("*.svg"))):
        try:
            scenes[path.name] = read_scene(path)
        except KnowledgeError as error:
            problems.extend(error.problems)
    return scenes, tuple(problems)


def read_scene(path: Path) -> Scene:
    """The scene of a file; raises KnowledgeError with everything that is wrong with it."""
    try:
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            raise ValueError(f"{len(content)} bytes, at most {MAX_BYTES}")
        svg = content.decode("utf-8")
        root = _parsed(svg)
        places = tuple(_place(text) for text in root.iter("text") if "data-label" in text.attrib)
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        raise KnowledgeError([Problem(path, 0, f"is no picture: {error!r}")]) from error
    if messages := list(_scene_problems(root, places)):
        raise KnowledgeError([Problem(path, 0, message) for message in messages])
    return Scene(svg, places)


def _parsed(svg: str) -> ElementTree.Element:
    """The tree, its names without the namespace. Raises ParseError, or ValueError where it is no SVG."""
    if "<!" in svg or "<?" in svg:
        raise ValueError("only elements may stand in a picture: no declaration, comment or instruction")
    root = ElementTree.fromstring(svg)
    if root.tag != f"{{{_NAMESPACE}}}svg":
        raise ValueError(f'must be <svg xmlns="{_NAMESPACE}">')
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_NAMESPACE}}}")
    return root


def _place(text: ElementTree.Element) -> Place:
    x, y, width, height = (float(text.attrib[key]) for key in ("x", "y", "data-width", "data-height"))
    return Place(text.attrib["data-label"], x, y, width, height)


def _scene_problems(root: ElementTree.Element, places: tuple[Place, ...]) -> Iterator[str]:
    for element in root.iter():
        if element.tag not in _ELEMENTS:
            yield f"element <{element.tag}> may not stand in a picture"
        for name, value in element.attrib.items():
            if name not in _ATTRIBUTES or "url(" in value:
                yield f'{name}="{value}" may not stand in a picture'
    if root.get("role") != "img" or "viewBox" not in root.attrib:
        yield 'role="img" and a viewBox are needed'
    if not len(root) or root[0].tag != "title" or not (root[0].text or "").strip():
        yield "the first element must be a <title>"
    if _MARKED not in [fold(text.text or "").strip() for text in root.iter("text")]:
        yield f"a <text> must say that it is a drawing (“{_MARKED}”, with accents)"
    names = [place.name for place in places]
    if len(set(names)) < len(names) or not set(names) <= set(_PLACES):
        yield f"data-label must be one of {', '.join(_PLACES)}, each once: {names}"


def words_of(text: str, label: str | None = None) -> dict[str, str]:
    """The words of a step for the places of a scene; a `label` that stands in the step goes before others."""
    labels = labels_in(text)
    if label is not None:
        labels = [label] if label in text else []
    words = {str(number): found for number, found in enumerate(labels, 1)}
    if found := ADDRESS.search(text):
        words["address"] = found[0]
    return words


def labels_in(text: str) -> list[str]:
    """Everything in “quotes”."""
    return _LABEL.findall(text)


def drawn(scene: Scene, words: Mapping[str, str], alt: str) -> str:
    """The picture as SVG, `words` in their places and `alt` as its name. KeyError where words are missing."""
    root = _parsed(scene.svg)
    root.set("xmlns", _NAMESPACE)
    root[0].text = alt
    for element in root.iter("text"):
        if "data-label" not in element.attrib:
            continue
        place = _place(element)
        size, lines = _laid_out(place, words[place.name])
        for name in ("data-label", "data-width", "data-height"):
            del element.attrib[name]
        element.set("font-size", str(size))
        first = place.y + (_FOOT - (len(lines) - 1) * _LINE / 2) * size
        for number, line in enumerate(lines):
            y = f"{first + number * _LINE * size:.1f}"
            ElementTree.SubElement(element, "tspan", {"x": f"{place.x:g}", "y": y}).text = line
    return ElementTree.tostring(root, encoding="unicode")


def _laid_out(place: Place, text: str) -> tuple[int, list[str]]:
    """The letters and lines with which the text fits; the smallest where it does not fit.

    While letters are large, one line is better than two: a line that ends inside a word is hard to read.
    """
    words = text.split()
    most = range(1, min(_MAX_LINES, len(words)) + 1)
    ways = [_broken(words, count) for count in most]
    tries = [(size, lines) for lines in ways for size in _LARGE]
    tries += [(size, lines) for size in _SMALL for lines in ways]
    return next((found for found in tries if _fits(place, *found)), tries[-1])


def _broken(words: list[str], count: int) -> list[str]:
    """The words in `count` lines as even as they can be."""
    inner = combinations(range(1, len(words)), count - 1)
    ways = [[" ".join(words[a:b]) for a, b in pairwise((0, *breaks, len(words)))] for breaks in inner]
    return min(ways, key=lambda lines: max(map(_width, lines)))


def _fits(place: Place, size: int, lines: list[str]) -> bool:
    return len(lines) * _LINE * size <= place.height and max(map(_width, lines)) * size <= place.width


def _width(line: str) -> float:
    """How wide a line is, in sizes of its letters."""
    return sum(_WIDTHS.get(c) or (_CAPITAL if c.isupper() else _LOWER) for c in line)
