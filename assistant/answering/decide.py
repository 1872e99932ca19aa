"""Answer, clarify or decline: decided here by calibrated scores, never hoped for in a prompt.

A question that came after others may be about the guide in view: every guide that the new words alone, or
together with the words before, could mean is weighed against it by a linear score. Its weights are fitted on
follow-ups, and on questions that stand alone asked after another: those must get the same answer after any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from assistant.datatypes import Document, Hit, Intent, Reading, Status
from assistant.retrieval.classifier import ERRAND, OUTSIDE, TASK
from assistant.retrieval.features import Matrix
from assistant.retrieval.search import Searcher
from assistant.text.dialect import Glossary, instead, mentions, without
from assistant.text.normalize import bare

# Tuned on tests/questions/tuning.jsonl; `assistant evaluate answers` shows what a change does.
ANSWER_FROM = 0.75  # below this no guide is about the question
CLOSE = 0.9  # guides with this share of the best one's likelihood are equally likely
CLOSE_WHEN_BOTH = 0.2  # where the question names two things of which it must mean one
SURELY_OUTSIDE = 0.5  # likelihood of another matter that counts more than a word of the field
SURELY_ASKS = 0.4  # likelihood of a question on a task that is one of the field without such a word
_CHOICES = 4
PASSAGE_FROM = 0.63  # score of a section from which it is about the question
PASSAGE_SURELY = 0.85  # the same where a guide answers already

# Fitted by `assistant evaluate weights` (evaluation/fitting.py).
WEIGHTS = {
    "in view": 1.55,
    "in view, nothing named": 0.60,
    "in view, much said": -1.43,
    "in view, turned away": -1.25,
    "in view, pointed at": -0.61,
    "in view, left": -0.28,
    "in view, a topic named": -0.60,
    "in view, a detail asked": 0.22,
    "in view, likely alone": -1.65,
    "likely alone": 2.43,
    "likely alone, much said": 2.37,
    "likeliest alone": 1.55,
    "likely together": 2.15,
    "likeliest together": 0.29,
    "asked": 1.82,
    "said": 0.38,
    "in view, said": -0.25,
    "in view, asked": 1.66,
}
_MUCH = 12.0  # rarity of the words that say much
_STANDS_ALONE, _SAYS_ENOUGH = 0.95, 6  # likelihood and words named from which a question needs no other
_CLEAR = 1.5  # by how much a guide must lead to be answered from where the question alone left a choice
_ELSEWHERE = 0.35  # likelihood of another matter from which a question may lean on no guide
_OPEN = (Intent.GENERAL, Intent.STEPS)  # ask for no detail of a thing
_TURNS = {("còn",), ("thế", "còn"), ("vậy", "còn"), ("con",), ("the", "con"), ("vay", "con"), ("thì", "còn")}


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with the hits: `hits` holds the one answered from, or the choices."""

    status: Status
    hits: tuple[Hit, ...] = ()
    instead_of: Document | None = None  # what says more about it but is no longer in force
    newer: Hit | None = None  # what a later document says about it


def decide(
    hits: Sequence[Hit], words: Sequence[str], acts: Mapping[str, float], glossary: Glossary
) -> Decision:
    """The status of a question that is not small talk and not a safety matter."""
    outside = acts.get(OUTSIDE, 0.0)
    if not hits or hits[0].score < max(ANSWER_FROM, outside):
        named = any(mentions(words, phrase) for phrase in glossary.topics + glossary.field)
        asks = acts.get(TASK, 0.0) + acts.get(ERRAND, 0.0)
        in_field = outside < SURELY_OUTSIDE if named else asks > max(SURELY_ASKS, outside)
        return Decision(Status.NOT_COVERED if in_field else Status.OUT_OF_SCOPE)
    best = hits[0]
    both = any(sum(mentions(words, name) for name in row) > 1 for row in glossary.exclusive)
    close = [hit for hit in hits if hit.score >= best.score * (CLOSE_WHEN_BOTH if both else CLOSE)]
    if len(close) > 1:
        return Decision(Status.CLARIFY, tuple(close[:_CHOICES]))
    return Decision(Status.ANSWERED, (best,))


def with_officials(decision: Decision, reading: Reading, searcher: Searcher, today: date) -> Decision:
    """The decision, where official documents are known: they answer what no guide does, the newer one first.

    What is superseded or out of force is answered from what stands in for it, or not at all.
    """
    answered = decision.status is Status.ANSWERED
    if answered and (newer := searcher.standing_in(decision.hits[0].section.document_id, today)):
        old = searcher.document(decision.hits[0].section.document_id)
        hit = searcher.best_of(newer, reading.topic or reading.words, reading.words)
        return replace(decision, hits=(hit,), instead_of=old)
    signs = searcher.index.glossary.headings.get(reading.intent.value, ())
    hits = searcher.index.passages.search(reading.topic or reading.words, signs)
    if not hits or hits[0].score < (PASSAGE_SURELY if answered else PASSAGE_FROM):
        return decision
    hit, document = hits[0], searcher.document(hits[0].section.document_id)
    in_force = document.period.covers(today)
    standing_in = searcher.standing_in(document.id, today)
    if answered:
        later = in_force and not standing_in and searcher.is_later(document, decision.hits[0])
        return replace(decision, newer=hit) if later else decision
    if decision.status is Status.CLARIFY or reading.acts.get(OUTSIDE, 0.0) >= SURELY_OUTSIDE:
        return decision
    if standing_in:
        best = searcher.best_of(standing_in, reading.topic or reading.words, reading.words)
        return Decision(Status.ANSWERED, (best,), instead_of=document)
    return Decision(Status.ANSWERED, (hit,)) if in_force else decision


def follow_up(
    reading: Reading, before: Reading, in_view: str, decision: Decision, searcher: Searcher
) -> Decision:
    """The decision for `reading`, asked after `before`, which the guide `in_view` answered.

    `decision` is the one for the question by itself.
    """
    named = _named(reading, searcher)
    if not named:
        return _answered(in_view, reading, searcher)
    sure = decision.status is Status.ANSWERED and decision.hits[0].score >= _STANDS_ALONE
    if (sure and len(named) >= _SAYS_ENOUGH) or searcher.features.names_something_else(named):
        return decision
    leaning = lean(reading, before, in_view, searcher)
    scores = leaning.matrix @ np.array(list(WEIGHTS.values()))
    best = leaning.documents[int(np.argmax(scores))]
    if best == in_view:
        return (
            decision if not decision.hits and _is_elsewhere(reading) else _answered(best, reading, searcher)
        )
    clear = scores.size < 2 or scores.max() - np.partition(scores, -2)[-2] >= _CLEAR
    likely = max(leaning.alone.get(best, 0.0), leaning.together.get(best, 0.0)) >= ANSWER_FROM
    if any(hit.section.document_id == best for hit in decision.hits):
        return _answered(best, reading, searcher) if clear else decision
    return _answered(best, reading, searcher) if likely or (clear and decision.hits) else decision


def _is_elsewhere(reading: Reading) -> bool:
    """Whether a question may well be about another matter than a task."""
    acts = reading.acts
    asks = acts.get(TASK, 0.0) + acts.get(ERRAND, 0.0)
    return acts.get(OUTSIDE, 0.0) > max(_ELSEWHERE, asks)


def _answered(document_id: str, reading: Reading, searcher: Searcher) -> Decision:
    hit = searcher.hit(reading.topic or reading.words, document_id, asked=reading.words)
    return Decision(Status.ANSWERED, (hit,))


@dataclass(frozen=True, slots=True)
class Leaning:
    """The guides that a follow-up could mean, and what speaks for each (documents × WEIGHTS)."""

    documents: tuple[str, ...]
    matrix: Matrix
    alone: dict[str, float]  # likelihood of each by the new words alone
    together: dict[str, float]  # and together with the words before


def lean(reading: Reading, before: Reading, in_view: str, searcher: Searcher) -> Leaning:
    """What speaks for each guide that the follow-up could mean."""
    glossary, features = searcher.index.glossary, searcher.features
    turned = _turned(reading)
    topic = _named(reading, searcher)
    alone = searcher.likely(topic, also=in_view)
    together = searcher.likely((*instead(before.topic, topic, glossary), *topic), also=in_view)
    much = min(1.0, sum(map(features.rarity, {bare(word) for word in topic})) / _MUCH)
    viewed = (
        1.0,
        float(not topic),
        much,
        float(turned),
        float(any(mentions(reading.words, phrase) for phrase in glossary.pointing)),
        float(any(mentions(reading.words, phrase) for phrase in glossary.leaving)),
        float(any(mentions(topic, name) for name in glossary.topics)),
        float(reading.intent not in _OPEN),
    )
    documents = tuple(dict.fromkeys([in_view, *alone, *together]))
    rows = []
    for document in documents:
        here = float(document == in_view)
        asked, said = searcher.coverage(topic, document)
        own, joined = alone.get(document, 0.0), together.get(document, 0.0)
        rows.append(
            [
                *(here * sign for sign in viewed),
                here * own,
                own,
                own * much,
                _part(own, alone.values()),
                joined,
                _part(joined, together.values()),
                asked,
                said,
                here * said,
                here * asked,
            ]
        )
    return Leaning(documents, np.array(rows), alone, together)


def _turned(reading: Reading) -> bool:
    return reading.words[:1] in _TURNS or reading.words[:2] in _TURNS


def _named(reading: Reading, searcher: Searcher) -> list[str]:
    """What a follow-up names by itself: its topic without what points back and what says little."""
    glossary = searcher.index.glossary
    named = without(reading.topic, (*glossary.pointing, *glossary.leaving))
    if _turned(reading):
        named = [word for word in named if word not in ("còn", "con")]
    return [word for word in named if (word,) not in glossary.little]


def _part(value: float, of: Iterable[float]) -> float:
    most = max(of, default=0.0)
    return value / most if most else 0.0
