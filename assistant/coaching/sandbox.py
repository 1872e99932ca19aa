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
_WORD = re.compile(r"[^\W\d_]+|\S")
_STAMP = re.compile(r"^\W*(?:TUYỆT MẬT|TỐI MẬT|MẬT)\W*$|Độ mật\s*:", re.MULTILINE)
# On folded text
_HOME = re.compile(
    r"\b(?:so nha|nha so)\s*\d+|\bso \d+\w?,? (?:ngo|ngach|hem|duong|pho)\b|\b(?:ngo|ngach|hem) \d+"
    r"|\bnha (?:\w+ ){0,2}(?:ngo|ngach|hem) \w+"
)
_BORN = re.compile(r"\b(?:sinh ngay|ngay sinh:?) *\d")
_NAME_IN_SMALL = re.compile(
    r"\b(?:nguyen|tran|le|pham|hoang|huynh|phan|vu|vo|dang|bui|do|ho|ngo|duong|ly) (?:van|thi) [a-z]+\b"
)
_LEAST_NAME = 3  # words of a name that nobody announces with "ông", "bà"


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
                yield from self._names(masked)
            case "home":
                yield from _originals(masked, _HOME)
                yield from _originals(masked, _BORN)
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

    def _names(self, text: str) -> Iterator[str]:
        """Full names of people: announced by "ông", "bà", or a family name with two more names."""
        families, titles = set(self.words["families"]), set(self.words["titles"])
        places, known = set(self.words["places"]), set(self.words["known_names"])
        words = _WORD.findall(text)
        at = 0
        while at < len(words):
            end = at
            while end < len(words) and words[end][0].isupper() and words[end].isalpha():
                end += 1
            name, before = words[at:end], words[at - 1].lower() if at else ""
            if name and name[0].lower() in titles:
                before, name = name[0].lower(), name[1:]
            start = next((n for n, word in enumerate(name) if word in families), 0)
            if start:
                before, name = name[start - 1].lower(), name[start:]
            is_name = bool(name) and (name[0] in families) and len(name) >= _LEAST_NAME
            is_name = is_name or (len(name) > 1 and before in titles)
            if is_name and before not in places and " ".join(name) not in known:
                yield " ".join(name)
            at = max(end, at + 1)
        yield from _originals(text, _NAME_IN_SMALL)

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


def _originals(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """What the pattern finds on the folded text, as it was written."""
    folded = "".join(folded if len(folded := fold(letter)) == 1 else letter for letter in text)
    yield from (text[found.start() : found.end()] for found in pattern.finditer(folded))


def load_sandbox(path: Path, lessons: Sequence[Lesson]) -> Sandbox:
    """Read prompts/classroom.toml; raises KnowledgeError when it does not fit the lessons."""
    tables = read_toml(path)
    try:
        return _sandbox(tables, {lesson.id: lesson for lesson in lessons})
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise KnowledgeError([Problem(path, 0, f"missing or of another type: {error}")]) from error


def _sandbox(tables: Mapping[str, Any], lessons: Mapping[str, Lesson]) -> Sandbox:
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
    return Sandbox(words, grounds, signs, rubric, sources, comparisons)


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
