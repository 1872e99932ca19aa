"""What of a PDF's page is seen."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from assistant.knowledge.ink import Ink

PAGE = (0.0, 0.0, 595.0, 842.0)
PLAIN = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
Operators = Sequence[tuple[bytes, Sequence[object]]]
FONT = (b"Tf", ("/F1", 12))
WHITE = (b"rg", (1, 1, 1))
BLACK_BAR = [(b"g", (0,)), (b"re", (50, 390, 400, 30)), (b"f", ())]


def is_seen(operators: Operators, *, at: tuple[float, float] = (100, 400), ink: Ink | None = None) -> bool:
    ink = ink or Ink(PAGE)
    for operator, operands in operators:
        assert ink.shows(operator, operands, PLAIN, PLAIN)
    return ink.shows(b"Tj", ["text"], PLAIN, (1, 0, 0, 1, *at))


@pytest.mark.parametrize(
    "operators",
    [
        [FONT, WHITE],
        [FONT, (b"g", (1,))],
        [FONT, (b"k", (0, 0, 0, 0))],
        [FONT, (b"Tr", (3,))],
        [(b"Tf", ("/F1", 1))],
        [FONT, (b"re", (50, 390, 400, 30)), (b"n", ()), WHITE],  # a path that is not filled
        [*BLACK_BAR, (b"Tf", ("/F1", 0.5))],
    ],
)
def test_letters_that_no_reader_sees_are_told(operators: Operators) -> None:
    assert not is_seen(operators)


@pytest.mark.parametrize(
    "operators",
    [
        [FONT],
        [FONT, (b"rg", (0.9, 0.9, 0.2))],
        [FONT, *BLACK_BAR, WHITE],  # the head of a table
        [FONT, (b"q", ()), WHITE, (b"Q", ())],
        [FONT, (b"scn", ("/P1",))],
    ],
)
def test_letters_that_are_seen_stay(operators: Operators) -> None:
    assert is_seen(operators)


def test_unpainted_letters_over_a_scan_are_its_text_and_letters_off_the_page_are_none() -> None:
    ink = Ink(PAGE)
    ink.picture((595, 0, 0, 842, 0, 0))

    assert is_seen([FONT, (b"Tr", (3,))], ink=ink)
    assert not is_seen([FONT], at=(-200, 400))
    assert ink.unseen == 0
