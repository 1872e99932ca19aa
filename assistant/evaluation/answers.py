"""Question sets: what share is answered right, per kind of question (contract, design.md §4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from assistant.answering.card import CONTACTS
from assistant.datatypes import Answer, Status
from assistant.errors import EvaluationError, QuestionError
from assistant.pipeline import Assistant

_DECLINES = (Status.NOT_COVERED, Status.OUT_OF_SCOPE)


@dataclass(frozen=True, slots=True)
class ExpectedAnswer:
    """One line of a question set."""

    id: str
    kind: str
    question: str
    status: tuple[Status, ...]
    previous: tuple[str, ...] = ()
    today: date | None = None
    documents: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came back for one line; no reasons means right."""

    expected: ExpectedAnswer
    status: str
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """Counts of one kind."""

    right: int = 0
    wrong: int = 0
    declined: int = 0
    failures: list[str] = field(default_factory=list)


def read_questions(path: Path) -> list[ExpectedAnswer]:
    """Read a question set; raises EvaluationError with file and line."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(msgspec.json.decode(line, type=ExpectedAnswer))
        except msgspec.DecodeError as error:
            raise EvaluationError(f"{path}:{number}: {error}") from error
    return found


def judge(assistant: Assistant, expected: ExpectedAnswer) -> Judgement:
    """Ask, and compare status, cited documents, facts that must stand and strings that must not."""
    try:
        answer = assistant.answer(
            expected.question, previous=expected.previous, today=expected.today, use_model=False
        )
    except QuestionError as error:
        return Judgement(expected, type(error).__name__, (f"refused: {error}",))
    return Judgement(expected, answer.status.value, tuple(_reasons(expected, answer)))


def _reasons(expected: ExpectedAnswer, answer: Answer) -> Iterator[str]:
    if answer.status not in expected.status:
        yield f"status {answer.status}, expected {' or '.join(expected.status)}"
    named = {citation.document_id for citation in answer.citations}
    named |= {choice.document_id for choice in answer.choices}
    named -= {CONTACTS}  # a hotline stands in no guide
    wanted = (
        answer.status in (Status.ANSWERED, Status.CLARIFY, Status.SAFETY) and answer.status in expected.status
    )
    if expected.documents and wanted and named and not named & set(expected.documents):
        yield f"from {', '.join(sorted(named))}, expected {' or '.join(expected.documents)}"
    text = " ".join(f"{answer.notice or ''} {answer.text}".split())
    if answer.status is Status.ANSWERED:
        yield from (f"lacks “{fact}”" for fact in expected.facts if not stands(fact, text))
    yield from (f"says “{words}”" for words in expected.forbidden if stands(words, text))


def stands(words: str, text: str) -> bool:
    """Whether the words stand in the text as a whole: "0 đồng" is not in "20.000 đồng"."""
    return re.search(rf"(?<![\d.,]){re.escape(words)}(?!\d)", text) is not None


def tally(judgements: Iterable[Judgement]) -> dict[str, Tally]:
    """Counts per kind, in the order the kinds first appear."""
    tallies: dict[str, Tally] = {}
    for judgement in judgements:
        one = tallies.setdefault(judgement.expected.kind, Tally())
        if not judgement.reasons:
            one.right += 1
            continue
        expected_answer = set(judgement.expected.status) - set(_DECLINES)
        if judgement.status in _DECLINES and expected_answer:
            one.declined += 1
        else:
            one.wrong += 1
        one.failures.append(f"{judgement.expected.id}: {'; '.join(judgement.reasons)}")
    return tallies


def as_row(tallies: Mapping[str, Tally]) -> dict[str, Any]:
    """The counts of every kind as JSON."""
    return {
        kind: {"right": t.right, "wrong": t.wrong, "declined": t.declined, "failures": t.failures}
        for kind, t in tallies.items()
    }


def as_text(tallies: Mapping[str, Tally]) -> str:
    """The counts of every kind as a table, each failure below."""
    lines = []
    for kind, t in tallies.items():
        total = t.right + t.wrong + t.declined
        lines.append(f"{kind:<14} right {t.right:>4}/{total:<4} wrong {t.wrong:>3} declined {t.declined:>3}")
        lines += [f"    {failure}" for failure in t.failures]
    return "\n".join(lines)
