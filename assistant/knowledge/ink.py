"""What of a PDF's page no reader sees: letters that are white on nothing, tiny, off the page or unpainted.

Told the operators of a page in their order (PDF 32000-1, 8 and 9.3), it says of each text whether it shows.
Unpainted letters over a picture are the text of a scan. What is painted over later is not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

_WHITE = 0.97  # of 1, each colour: from here on letters on paper cannot be seen
_TINY = 2.0  # points; the smallest print of forms and contracts has 4
_MARGIN = 1.0  # points that letters may stand off the page
_UNPAINTED = {3, 7}  # modes of text
_SHOWS_TEXT = {b"Tj", b"TJ", b"'", b'"'}
_FILLS = {b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"}
_PATH_ENDS = _FILLS | {b"S", b"s", b"n"}
_COLOURS = {b"g", b"rg", b"k", b"sc", b"scn"}
Box = tuple[float, float, float, float]
_NOWHERE: Box = (float("inf"), float("inf"), float("-inf"), float("-inf"))


@dataclass(frozen=True, slots=True)
class _State:
    """What letters are painted with."""

    white: bool = False
    mode: int = 0
    size: float = 0.0


@dataclass(slots=True)
class Ink:
    """A page while it is drawn; `page` is the part of it that shows."""

    page: Box
    unseen: int = 0  # texts that were left out
    _state: _State = _State()
    _saved: list[_State] = field(default_factory=list)
    _path: Box = _NOWHERE
    _painted: list[Box] = field(default_factory=list)

    def shows(
        self, operator: bytes, operands: Sequence[object], user: Sequence[float], text: Sequence[float]
    ) -> bool:
        """Take the next operator, with where it is drawn; False for text that is not seen."""
        numbers = [float(one) for one in operands if isinstance(one, int | float)]
        if operator == b"q":
            self._saved.append(self._state)
        elif operator == b"Q" and self._saved:
            self._state = self._saved.pop()
        elif operator == b"cs":
            self._state = replace(self._state, white=False)
        elif operator in _COLOURS:
            self._state = replace(self._state, white=_is_white(numbers))
        elif operator == b"Tr" and numbers:
            self._state = replace(self._state, mode=int(numbers[0]))
        elif operator == b"Tf" and numbers:
            self._state = replace(self._state, size=numbers[-1])
        elif operator in {b"re", b"m", b"l", b"c", b"v", b"y"}:
            self._path = _around(self._path, _corners(operator, numbers, user))
        elif operator in _PATH_ENDS:
            if operator in _FILLS and not self._state.white:
                self._painted.append(self._path)
            self._path = _NOWHERE
        elif operator == b"sh":
            self._painted.append(self.page)
        elif operator in _SHOWS_TEXT:
            seen = self._is_seen(user, text)
            self.unseen += not seen
            return seen
        return True

    def picture(self, user: Sequence[float]) -> None:
        """A picture is drawn, in the unit square of this matrix."""
        self._painted.append(_around(_NOWHERE, [_at(user, x, y) for x in (0, 1) for y in (0, 1)]))

    def _is_seen(self, user: Sequence[float], text: Sequence[float]) -> bool:
        x, y = _at(user, text[4], text[5])
        up = _at([*user[:4], 0, 0], text[2], text[3])
        points = abs(self._state.size) * (up[0] ** 2 + up[1] ** 2) ** 0.5
        left, bottom, right, top = self.page
        beside = not (left - _MARGIN <= x <= right + _MARGIN and bottom - _MARGIN <= y <= top + _MARGIN)
        if points <= _TINY or beside:
            return False
        if not (self._state.white or self._state.mode in _UNPAINTED):
            return True
        # The corner where a letter begins may stand just outside what it is painted on.
        return any(
            a - points <= x <= c + points and b - points <= y <= d + points for a, b, c, d in self._painted
        )


def _is_white(numbers: Sequence[float]) -> bool:
    """Whether the colour is white as grey, RGB or CMYK; a pattern, which has no numbers, is not."""
    if len(numbers) == 4:
        return max(numbers) <= 1 - _WHITE
    return bool(numbers) and min(numbers) >= _WHITE


def _at(matrix: Sequence[float], x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = map(float, matrix)
    return a * x + c * y + e, b * x + d * y + f


def _corners(operator: bytes, numbers: Sequence[float], user: Sequence[float]) -> list[tuple[float, float]]:
    if operator == b"re" and len(numbers) == 4:
        x, y, width, height = numbers
        return [_at(user, one, other) for one in (x, x + width) for other in (y, y + height)]
    return [_at(user, *numbers[at : at + 2]) for at in range(0, len(numbers) - 1, 2)]


def _around(box: Box, points: Sequence[tuple[float, float]]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(box[0], *xs), min(box[1], *ys), max(box[2], *xs), max(box[3], *ys)
