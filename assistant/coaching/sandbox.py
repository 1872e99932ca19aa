"""The sandbox: a request to an AI is searched for what may not be sent, and scored by a lesson's rubric.

An answer is held against a guide, sentence by sentence. Nothing here asks a model or keeps a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from assistant.answering.anonymous import Anonymous, load_anonymous
from assistant.answering.checks import Evidence
from assistant.answering.safety import mask
from assistant.coaching.lessons import Criterion, Lesson
from assistant.datatypes import Source
from assistant.errors import KnowledgeError, Problem
from assistant.text.dialect import mentioned, phrase_of
from assistant.text.normalize import clean, fold, sentences, syllables
from assistant.toml import read_toml

_SIGN = "…"  # stands for a number that was masked
_CLAUSE_END = re.compile(r"[.;:,!?\n]+")
_STAMP = re.compile(r"^\W*(?:TUYỆT MẬT|TỐI MẬT|MẬT)\W*$|Độ mật\s*:", re.MULTILINE)
_BORN = re.compile(r"\b(?:sinh ngày|ngày sinh:?|sinh ngay|ngay sinh:?) *\d", re.IGNORECASE)
_HOME = re.compile(
    r"\b(?:so|nha|ngo|ngach|hem|kiet|can ho)\b.*\d|\d/\d|\b(?:ngo|ngach|hem) \w"
)  # on folded text


@dataclass(frozen=True, slots=True)
class Ground:
    """Why something may not be sent: what it is, the reason, and the rule with the lesson that cites it.

    Found by kinds of masked numbers, by lists of which a clause names each (`all`) and none of `none`, or
    by one of the patterns that this module knows (`pattern`).
    """

    id: str
    what: str
    reason: str
    law: str
    cites: tuple[str, ...]  # "lesson-id n"
    masked: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a request that may not be sent; `words` are empty where it was a number."""

    ground: Ground
    words: str = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """Part of a criterion of the rubric: earned by one of the phrases, in a request of so many words."""

    criterion: int  # its place in the rubric, from 0
    points: int
    phrases: tuple[str, ...]
    hint: str
    least: int = 0
    clean: bool = False  # earned only where nothing was found


@dataclass(frozen=True, slots=True)
class Mark:
    """What a request earned by one criterion, and what would earn the rest."""

    criterion: Criterion
    points: int
    hints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A question with a made-up answer without the guide, and one from it."""

    guide: str
    question: str
    without: str
    using: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence of an answer: "stands" in the guide, or why it does not (a key of [verdicts])."""

    sentence: str
    kind: str


@dataclass(frozen=True)
class Sandbox:
    """The tables of prompts/classroom.toml that judge a request."""

    personal: Anonymous
    words: Mapping[str, tuple[str, ...]]
    grounds: tuple[Ground, ...]
    signs: tuple[Sign, ...]
    rubric: tuple[Criterion, ...]
    sources: Mapping[str, Source]  # of the grounds' `cites`
    comparisons: tuple[Comparison, ...]

    def findings(self, text: str) -> tuple[Finding, ...]:
        """What may not be sent, the gravest first."""
        masked, kinds = mask(clean(text), _SIGN)
        lines = "\n".join(map(clean, text.splitlines()))
        found = []
        for ground in self.grounds:
            if kinds & set(ground.masked):
                found.append(Finding(ground))
            elif words := next(self._said(ground, lines, masked), ""):
                found.append(Finding(ground, words))
        return tuple(found)

    def _said(self, ground: Ground, lines: str, masked: str) -> Iterator[str]:
        match ground.pattern:
            case "name":
                yield from self._personal(masked, "name")
            case "home":
                yield from (text for text in self._personal(masked, "place") if _HOME.search(fold(text)))
                yield from (found[0] for found in _BORN.finditer(masked))
            case "stamp":
                yield from (found[0].strip() for found in _STAMP.finditer(lines))
        if not ground.all:
            return
        for clause in _CLAUSE_END.split(lines):
            words = syllables(clause)
            named = [mentioned(words, map(phrase_of, self.words[name])) for name in ground.all]
            spared = any(mentioned(words, map(phrase_of, self.words[name])) for name in ground.none)
            if all(named) and not spared:
                yield clause.strip()

    def _personal(self, masked: str, kind: str) -> Iterator[str]:
        """Names or addresses, as they are written."""
        yield from (masked[start:end] for start, end, found in self.personal.found(masked) if found == kind)

    def marks(self, text: str, findings: Sequence[Finding]) -> tuple[Mark, ...]:
        """What the request earns by each criterion; nothing where nothing is written."""
        words = syllables(clean(text))
        marks = []
        for place, criterion in enumerate(self.rubric):
            points, hints = 0, []
            for sign in (sign for sign in self.signs if sign.criterion == place):
                said = mentioned(words, map(phrase_of, sign.phrases))
                if said and len(words) >= sign.least and not (sign.clean and findings):
                    points += sign.points
                else:
                    hints.append(sign.hint)
            marks.append(Mark(criterion, points, tuple(hints)))
        return tuple(marks)


def load_sandbox(path: Path, lessons: Sequence[Lesson], knowledge: Path) -> Sandbox:
    """Read prompts/classroom.toml, and what names look like; raises KnowledgeError.

    The tables of the class must fit the lessons.
    """
    personal = load_anonymous(knowledge, _SIGN)
    tables = read_toml(path)
    try:
        return _sandbox(tables, {lesson.id: lesson for lesson in lessons}, personal)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise KnowledgeError([Problem(path, 0, f"missing or of another type: {error}")]) from error


def _sandbox(tables: Mapping[str, Any], lessons: Mapping[str, Lesson], personal: Anonymous) -> Sandbox:
    words = msgspec.convert(tables["words"], dict[str, tuple[str, ...]])
    grounds = msgspec.convert(tables["ground"], tuple[Ground, ...])
    signs = msgspec.convert(tables["sign"], tuple[Sign, ...])
    rubric = lessons[tables["rubric"]["lesson"]].exercises[tables["rubric"]["exercise"]].criteria
    for place, criterion in enumerate(rubric):
        if criterion.points != sum(sign.points for sign in signs if sign.criterion == place):
            raise ValueError(f"the signs of criterion {place} are not worth its {criterion.points} points")
    if missing := {name for ground in grounds for name in ground.all + ground.none} - words.keys():
        raise KeyError(f"words.{', '.join(sorted(missing))}")
    sources = {}
    for cite in (cite for ground in grounds for cite in ground.cites):
        lesson, _, number = cite.partition(" ")
        sources[cite] = lessons[lesson].source(int(number))
    comparisons = msgspec.convert(
        [{**table, "using": table["with"]} for table in tables["comparison"]], tuple[Comparison, ...]
    )
    return Sandbox(personal, words, grounds, signs, rubric, sources, comparisons)


_REASONS = {  # how a refusal of Evidence begins → a key of [verdicts]
    "too short": "short",
    "code or link": "code",
    "label": "label",
    "not Vietnamese": "language",
    "asks for a secret": "secret",
    "figure": "figure",
    "far from": "far",
    "place": "place",
    "not said": "unsaid",
    "without its": "left_out",
}


def verdicts(answer: str, evidence: Evidence) -> tuple[Verdict, ...]:
    """Each sentence of an answer, held against the guide."""
    lines = (re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line) for line in answer.splitlines())
    return tuple(_verdict(sentence, evidence) for line in lines for sentence in sentences(line))


def _verdict(sentence: str, evidence: Evidence) -> Verdict:
    refusal = evidence.refusal(sentence)
    if refusal is None:
        return Verdict(sentence, "stands")
    kinds = (kind for begin, kind in _REASONS.items() if refusal.startswith(begin))
    return Verdict(sentence, next(kinds, "instead"))
