"""How much of what people tell of themselves the journal would keep.

Lines are `{"id", "text", "personal": [{"kind", "value"}]}`, the values as they stand in the text, or without
`personal` look-alikes, of which nothing may be taken out. A value is caught when none of its characters but
separators is left in what the journal would keep.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from assistant.answering.anonymous import load_anonymous
from assistant.answering.safety import mask
from assistant.config import Settings
from assistant.errors import EvaluationError
from assistant.text.normalize import clean, has_accents

_WORD = re.compile(r"[^\W_]+")
_SIGN = "…"  # holds no word
_SEEN = "open"  # how the names of files begin whose failures may be listed


@dataclass(frozen=True, slots=True)
class Personal:
    """Something that could tell who wrote a text."""

    kind: str
    value: str


class Line(msgspec.Struct, frozen=True):
    """A text, with what is personal in it; None where it only looks so."""

    id: str
    text: str
    personal: tuple[Personal, ...] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the journal would keep of a text, which personal parts of it are caught, in how many seconds."""

    file: str
    line: Line
    kept: str
    caught: tuple[bool, ...]
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether anything was taken out."""
        return self.kept != clean(self.line.text)


def keeper(settings: Settings) -> Callable[[str], str]:
    """What the journal keeps of a text that is typed, with one sign for all it takes out.

    Raises KnowledgeError.
    """
    hide = load_anonymous(settings.knowledge, _SIGN)
    hide = replace(hide, words=replace(hide.words, name=_SIGN, place=_SIGN))
    return lambda text: hide(mask(clean(text), _SIGN)[0])


def evaluate(files: Iterable[Path], keep: Callable[[str], str]) -> list[Outcome]:
    """What is kept of each line. Raises EvaluationError for a file that cannot be read."""
    keep("")  # loads what it needs
    outcomes = []
    for path in files:
        for line in read_lines(path):
            started = time.perf_counter()
            kept = keep(line.text)
            seconds = time.perf_counter() - started
            outcomes.append(Outcome(path.stem, line, kept, tuple(_caught(line, kept)), seconds))
    return outcomes


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a file. Raises EvaluationError."""
    try:
        rows = path.read_bytes().splitlines()
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}") from error
    for number, row in enumerate(rows, 1):
        try:
            line = msgspec.json.decode(row, type=Line)
        except msgspec.DecodeError as error:
            raise EvaluationError(f"{path}:{number}: {error}") from error
        for each in line.personal or ():
            if clean(each.value) not in clean(line.text):
                raise EvaluationError(f"{path}:{number}: a value of kind {each.kind} is not in the text")
        yield line


def _caught(line: Line, kept: str) -> Iterator[bool]:
    """Whether nothing of each value is left: no word in more places than it has outside the values."""
    text = clean(line.text)
    values = [clean(each.value) for each in line.personal or ()]
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, " | ", 1)
    left = Counter(_words(kept)) - Counter(_words(text))
    for value in values:
        parts, whole = set(_words(value)), "".join(_words(value))
        yield not any(word in parts or (len(word) > 1 and word in whole) for word in left)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def as_row(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The shares caught, of all, of each kind and way of writing, and of look-alikes left alone."""
    personal = [
        (each.kind, "accented" if has_accents(outcome.line.text) else "unaccented", caught)
        for outcome in outcomes
        for each, caught in zip(outcome.line.personal or (), outcome.caught, strict=True)
    ]
    harmless = [outcome.changed for outcome in outcomes if outcome.line.personal is None]
    seconds = sorted(outcome.seconds for outcome in outcomes)
    return {
        "texts": len(outcomes),
        "recall": _share(caught for *_, caught in personal),
        "kinds": {
            name: _share(caught for kind, _, caught in personal if kind == name)
            for name in sorted({kind for kind, *_ in personal})
        },
        "writings": {
            name: _share(caught for _, writing, caught in personal if writing == name)
            for name in sorted({writing for _, writing, _ in personal})
        },
        "false_alarms": _share(harmless),
        "ms_p50": round(1000 * seconds[len(seconds) // 2], 3) if seconds else None,
        "ms_p95": round(1000 * seconds[int(0.95 * (len(seconds) - 1))], 3) if seconds else None,
    }


def _share(outcomes: Iterable[bool]) -> dict[str, Any]:
    told = list(outcomes)
    share = round(sum(told) / len(told), 4) if told else None
    return {"share": share, "count": sum(told), "of": len(told)}


def as_text(outcomes: Sequence[Outcome], *, failures: bool = False) -> str:
    """The shares as a table; with `failures` also what went wrong in files whose name begins with "open"."""
    row = as_row(outcomes)
    named = {"caught": row["recall"], **row["kinds"], **row["writings"], "look-alikes": row["false_alarms"]}
    lines = [
        f"{name:<16} {100 * each['share']:6.1f} % {each['count']:>5}/{each['of']}"
        for name, each in named.items()
        if each["of"]
    ]
    lines.append(f"{row['ms_p50']} ms a text, {row['ms_p95']} of 95 in 100")
    for outcome in outcomes if failures else ():
        wrong = outcome.changed if outcome.line.personal is None else not all(outcome.caught)
        if wrong and outcome.file.startswith(_SEEN):
            lines.append(f"    {outcome.line.id} | {outcome.line.text} | {outcome.kept}")
    return "\n".join(lines)
