"""Practice ("Tập làm thử"): exercises from a guide's own steps, and messages to tell scams from others.

Knows no page and no person. What is shuffled depends on the seed alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import msgspec

from assistant.datatypes import Source, Step
from assistant.errors import KnowledgeError, Problem
from assistant.knowledge.facts import source_from
from assistant.toml import read_toml

MOST_AT_ONCE = 5  # steps to put in order at a time
BUTTONS = 4  # on a drawn screen; a guide with fewer than three labels makes no screen
_MIN_BUTTONS = 3
_LONGEST = 44  # characters of a label that still looks like a button
_LABEL = re.compile(r"“([^”]+)”")
_PRESSED = re.compile(r"\b(?:bấm|nhấn|ấn|chạm|chọn|tích|gạt|mở|vào)\b[^“”.;:]{0,30}“([^”]+)”", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """A message made up for learning; `why` rests on the source, `scene` is what came before it."""

    sender: str
    text: str
    scam: bool
    why: str
    source: Source
    scene: str = ""


@dataclass(frozen=True, slots=True)
class Press:
    """A step at which one of the buttons has to be pressed."""

    step: int  # its place among the steps, from 0
    label: str
    buttons: tuple[str, ...]


def load_messages(path: Path) -> tuple[Message, ...]:
    """Read knowledge/scams.toml; raises KnowledgeError."""
    try:
        return tuple(map(_message, read_toml(path)["case"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise KnowledgeError([Problem(path, 0, f"missing or of another type: {error}")]) from error


def _message(table: dict[str, object]) -> Message:
    fields = dict(table)
    source = fields.pop("source")
    if not isinstance(source, dict):
        raise TypeError(f"`source` of “{table.get('text')}” must be a table")
    fields["sender"] = fields.pop("from")
    if unknown := fields.keys() - {"sender", "text", "scam", "why", "scene"}:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    return msgspec.convert(fields | {"source": source_from(source)}, Message)


def presses(steps: Sequence[Step], seed: int) -> tuple[Press, ...]:
    """The steps that press a button, each with wrong buttons of the guide's other steps.

    None where the guide names too few buttons to choose from.
    """
    random = Random(seed)
    found = []
    for at, step in enumerate(steps):
        pressed = _PRESSED.search(step.text)
        if pressed is None or len(pressed[1]) > _LONGEST:
            continue
        own = set(_labels(step))
        others = {label for other in steps for label in _labels(other)} - own
        if len(others) < _MIN_BUTTONS - 1:
            continue
        wrong = random.sample(sorted(others), min(BUTTONS - 1, len(others)))
        buttons = [pressed[1], *wrong]
        random.shuffle(buttons)
        found.append(Press(at, pressed[1], tuple(buttons)))
    return tuple(found)


def _labels(step: Step) -> Iterator[str]:
    for label in _LABEL.findall(f"{step.text} {step.otherwise or ''}"):
        if len(label) <= _LONGEST:
            yield label


def step_of(steps: Sequence[Step], label: str) -> int | None:
    """The place of the step whose text names the button, from 0; None where only an "otherwise" does."""
    return next((at for at, step in enumerate(steps) if label in _LABEL.findall(step.text)), None)


def orderings(count: int, seed: int) -> tuple[tuple[int, ...], ...]:
    """Places of `count` steps, a few neighbours at a time, each few out of their order."""
    random = Random(seed)
    parts = -(-count // MOST_AT_ONCE)
    ends = [round(count * part / parts) for part in range(parts + 1)] if count > 1 else []
    rounds = []
    for start, end in pairwise(ends):
        places = list(range(start, end))
        while places == sorted(places) and len(places) > 1:
            random.shuffle(places)
        rounds.append(tuple(places))
    return tuple(rounds)


def drawn(messages: Sequence[Message], count: int, seed: int) -> tuple[Message, ...]:
    """So many messages in a mixed order, scams and others in the share they have among all."""
    random = Random(seed)
    scams = [message for message in messages if message.scam]
    others = [message for message in messages if not message.scam]
    wanted = round(count * len(scams) / len(messages))
    chosen = random.sample(scams, wanted) + random.sample(others, count - wanted)
    random.shuffle(chosen)
    return tuple(chosen)
