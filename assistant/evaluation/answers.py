"""Question sets: what share is answered right, per kind of question (contract, design.md §4).

Beside it what a wrong decision costs people: answered from another guide, declined though a guide answers,
answered though none does; and whether the likelihood that decided holds what it says (reliability diagram
and expected calibration error, Naeini, Cooper, Hauskrecht 2015).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
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
_BINS = 10  # of the reliability diagram, equally wide
HELD = "h-"  # begins the id of a line that is only counted, and never tuned on
OVERALL = "overall"  # the row of all kinds together


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
    documents: frozenset[str] = frozenset()  # cited or offered
    likelihood: float | None = None  # that the decision is right; None where nothing was weighed
    several: bool = False  # taken for several questions, each answered: none may be from another guide

    @property
    def wrong_guide(self) -> bool | None:
        """Answered from a guide that is not an expected one; None where none is."""
        if not self.expected.documents:
            return None
        return self._answered and not self._expected_guides

    @property
    def false_decline(self) -> bool | None:
        """Declined though a guide is expected; None where none is, or a decline would do."""
        if not self.expected.documents or set(self.expected.status) & set(_DECLINES):
            return None
        return self.status in _DECLINES

    @property
    def answered_outside(self) -> bool | None:
        """Answered from a guide though only a decline is right; None where something else is right."""
        if not set(self.expected.status) <= set(_DECLINES):
            return None
        return self._answered

    @property
    def decided_right(self) -> bool:
        """Whether the decision is right, whatever the text says."""
        wanted = bool(self.expected.documents)
        if self.status == Status.CLARIFY and wanted:
            return self._expected_guides
        return self.status in self.expected.status and (
            not wanted or self.status in _DECLINES or self._expected_guides
        )

    @property
    def _expected_guides(self) -> bool:
        wanted = set(self.expected.documents)
        return self.documents <= wanted if self.several else bool(self.documents & wanted)

    @property
    def _answered(self) -> bool:
        return self.status == Status.ANSWERED and bool(self.documents)


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
    named = {citation.document_id for citation in answer.citations}
    named |= {choice.document_id for choice in answer.choices}
    named -= {CONTACTS}  # a hotline stands in no guide
    reasons = tuple(_reasons(expected, answer, named))
    return Judgement(
        expected, answer.status.value, reasons, frozenset(named), answer.likelihood, bool(answer.also)
    )


def _reasons(expected: ExpectedAnswer, answer: Answer, named: set[str]) -> Iterator[str]:
    if answer.status not in expected.status:
        yield f"status {answer.status}, expected {' or '.join(expected.status)}"
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


@dataclass(frozen=True, slots=True)
class Bin:
    """A column of the reliability diagram: decisions whose likelihood falls between two tenths."""

    likelihood: float  # mean
    right: float  # share
    count: int


def reliability(judgements: Iterable[Judgement]) -> list[Bin]:
    """The reliability diagram of the decisions that were weighed, least likely first, no empty bins."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for one in judgements:
        if one.likelihood is not None:
            number = min(int(one.likelihood * _BINS), _BINS - 1)
            bins.setdefault(number, []).append((one.likelihood, one.decided_right))
    return [
        Bin(
            sum(likelihood for likelihood, _ in bins[number]) / len(bins[number]),
            sum(right for _, right in bins[number]) / len(bins[number]),
            len(bins[number]),
        )
        for number in sorted(bins)
    ]


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error (0–1): how far likelihood and share right lie apart; None of nothing."""
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.likelihood - one.right) for one in bins) / total if total else None


def decisions(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """How often each wrong decision was made, of the questions where it could be, and the calibration."""
    bins = reliability(judgements)
    error = calibration_error(bins)
    return {
        "wrong_guide": _rate(one.wrong_guide for one in judgements),
        "false_decline": _rate(one.false_decline for one in judgements),
        "answered_outside": _rate(one.answered_outside for one in judgements),
        "clarified": _rate(one.status == Status.CLARIFY for one in judgements),
        "calibration_error": None if error is None else round(error, 4),
        "reliability": [
            {"likelihood": round(one.likelihood, 4), "right": round(one.right, 4), "count": one.count}
            for one in bins
        ],
    }


def _rate(marks: Iterable[bool | None]) -> dict[str, int | float | None]:
    known = [mark for mark in marks if mark is not None]
    share = round(sum(known) / len(known), 4) if known else None
    return {"count": sum(known), "of": len(known), "share": share}


def as_row(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """The counts and rates of every kind as JSON, and last of all kinds together."""
    rows: dict[str, Any] = {}
    for kind, of_kind, t in _by_kind(judgements):
        counts = {"right": t.right, "wrong": t.wrong, "declined": t.declined, "failures": t.failures}
        rows[kind] = counts | decisions(of_kind)
    return rows


def as_text(judgements: Sequence[Judgement]) -> str:
    """The counts of every kind as a table, each failure below; last the rates of all kinds together."""
    lines = []
    for kind, _, t in _by_kind(judgements):
        total = t.right + t.wrong + t.declined
        lines.append(f"{kind:<14} right {t.right:>4}/{total:<4} wrong {t.wrong:>3} declined {t.declined:>3}")
        lines += [f"    {failure}" for failure in t.failures if kind != OVERALL]
    row = decisions(judgements)
    for key in ("wrong_guide", "false_decline", "answered_outside", "clarified"):
        rate = row[key]
        share = "" if rate["share"] is None else f"  {100 * rate['share']:.1f} %"
        lines.append(f"{key:<18} {rate['count']:>4}/{rate['of']:<4}{share}")
    if row["calibration_error"] is not None:
        lines.append(f"calibration error  {row['calibration_error']:.3f}")
        lines.append("likelihood  right  decisions")
        lines += [
            f"      {one['likelihood']:.2f}   {one['right']:.2f}  {one['count']:>9}"
            for one in row["reliability"]
        ]
    return "\n".join(lines)


def _by_kind(judgements: Sequence[Judgement]) -> Iterator[tuple[str, Sequence[Judgement], Tally]]:
    for kind, t in tally(judgements).items():
        yield kind, [one for one in judgements if one.expected.kind == kind], t
    whole = Tally()
    for t in tally(judgements).values():
        whole.right += t.right
        whole.wrong += t.wrong
        whole.declined += t.declined
    yield OVERALL, judgements, whole
