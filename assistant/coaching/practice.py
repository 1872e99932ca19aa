"""Practice ("Tập làm thử"): exercises from a guide's own steps, and messages to tell scams from others.

Knows no page and no person. What is shuffled depends on the seed alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import msgspec

from assistant.datatypes import Source, Step
from assistant.errors import KnowledgeError, Problem
from assistant.knowledge.facts import source_from
from assistant.text.normalize import without_marks
from assistant.toml import read_toml

MOST_AT_ONCE = 5  # steps to put in order at a time
BUTTONS = 4  # on a drawn screen; a guide that names fewer than three makes no screen
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
class Task:
    """Buttons, and which of them are to be pressed, one after the other (places from 0)."""

    buttons: tuple[str, ...]
    right: tuple[int, ...]
    steps: tuple[int, ...] = ()  # the guide's steps that it is about, from 0, in their order
    message: Message | None = None  # it gives one try only: then it is told what it was


@dataclass(slots=True)
class Round:
    """Somebody doing tasks one after the other."""

    tasks: tuple[Task, ...]
    at: int = 0
    pressed: list[int] = field(default_factory=list)  # right ones of the task at hand
    wrong: int | None = None  # the last press, where it was wrong
    missed: bool = False  # the task at hand was not done at the first try
    right: int = 0  # tasks done at the first try

    @property
    def task(self) -> Task:
        """The task at hand."""
        return self.tasks[self.at]

    @property
    def is_over(self) -> bool:
        """Whether all tasks are done."""
        return self.at >= len(self.tasks)

    @property
    def is_solved(self) -> bool:
        """Whether the task at hand is done, so that only going on is left."""
        told = self.task.message is not None and self.missed
        return told or len(self.pressed) == len(self.task.right)

    def press(self, button: int) -> None:
        """Press a button of the task at hand; more presses on a solved task change nothing."""
        if self.is_over or self.is_solved or button in self.pressed or button >= len(self.task.buttons):
            return
        if button != self.task.right[len(self.pressed)]:
            self.wrong, self.missed = button, True
            return
        self.wrong = None
        self.pressed.append(button)
        if self.is_solved and not self.missed:
            self.right += 1

    def go_on(self) -> None:
        """To the next task, once this one is solved."""
        if not self.is_over and self.is_solved:
            self.at, self.pressed, self.wrong, self.missed = self.at + 1, [], None, False


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


def press_tasks(steps: Sequence[Step], seed: int) -> tuple[Task, ...]:
    """For each step that presses a button: that one among buttons of the guide's other steps.

    None where the guide names too few buttons to choose from.
    """
    random = Random(seed)
    tasks = []
    for at, step in enumerate(steps):
        pressed = _PRESSED.search(step.text)
        others = {label for other in steps for label in _labels(other)} - set(_labels(step))
        if pressed is None or len(pressed[1]) > _LONGEST or len(others) < _MIN_BUTTONS - 1:
            continue
        buttons = [pressed[1], *random.sample(sorted(others), min(BUTTONS - 1, len(others)))]
        random.shuffle(buttons)
        tasks.append(Task(tuple(buttons), (buttons.index(pressed[1]),), (at,)))
    return tuple(tasks)


def _labels(step: Step) -> Iterator[str]:
    for label in _LABEL.findall(f"{step.text} {step.otherwise or ''}"):
        if len(label) <= _LONGEST:
            yield label


def step_of(steps: Sequence[Step], label: str) -> int | None:
    """The place of the step whose text names the button, from 0; None where only an "otherwise" does."""
    return next((at for at, step in enumerate(steps) if label in _LABEL.findall(step.text)), None)


def order_tasks(steps: Sequence[Step], seed: int) -> tuple[Task, ...]:
    """The steps out of their order, a few neighbours at a time; none of a guide with a single step."""
    random = Random(seed)
    count = len(steps)
    parts = -(-count // MOST_AT_ONCE)
    ends = [round(count * part / parts) for part in range(parts + 1)] if count > 1 else []
    tasks = []
    for start, end in pairwise(ends):
        places = list(range(start, end))
        while len(places) > 1 and places == sorted(places):
            random.shuffle(places)
        buttons = tuple(without_marks(steps[place].text) for place in places)
        right = tuple(places.index(place) for place in range(start, end))
        tasks.append(Task(buttons, right, tuple(range(start, end))))
    return tuple(tasks)


def message_tasks(
    messages: Sequence[Message], count: int, buttons: tuple[str, str], seed: int
) -> tuple[Task, ...]:
    """So many messages in a mixed order, scams in the share they have among all.

    `buttons` say that a message is a scam, and that it is none.
    """
    random = Random(seed)
    scams = [message for message in messages if message.scam]
    others = [message for message in messages if not message.scam]
    wanted = round(count * len(scams) / len(messages))
    chosen = random.sample(scams, wanted) + random.sample(others, count - wanted)
    random.shuffle(chosen)
    return tuple(Task(buttons, (0 if message.scam else 1,), message=message) for message in chosen)
