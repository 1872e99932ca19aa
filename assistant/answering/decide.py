"""Answer, clarify or decline: decided here by calibrated scores, never hoped for in a prompt.

What costs people least is done. A tap is the unit: a choice that holds what was meant costs one; a choice
that does not hold it and an answer from the wrong guide cost more.

A question that came after others may be about the guide in view: every guide that the new words alone, or
together with the words before, could mean is weighed against it by a linear score. Its weights are fitted on
follow-ups, and on questions that stand alone asked after another: those must get the same answer after any.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from assistant.datatypes import Document, Hit, Intent, Reading, Status
from assistant.retrieval.classifier import ERRAND, NOTHING, OUTSIDE, TASK
from assistant.retrieval.features import Matrix
from assistant.retrieval.search import Searcher
from assistant.text.dialect import Glossary, instead, mentioned, without
from assistant.text.normalize import bare

# Tuned on tests/questions/tuning.jsonl; `assistant evaluate answers` shows what a change does.
ANSWER_FROM = 0.75  # below this no guide is about the question
CLOSE = 0.9  # guides with this share of the best one's likelihood are equally likely
CLOSE_WHEN_BOTH = 0.2  # where the question names two things of which it must mean one
SURELY_OUTSIDE = 0.5  # likelihood of another matter that counts more than a word of the field
SURELY_ASKS = 0.4  # likelihood of a question on a task that is one of the field without such a word
_CHOICES = 4
_TAP, _NOT_AMONG, _WRONG = 1.0, 3.0, 2.5  # costs: choosing, a choice in vain, an answer from the wrong guide
_COULD_BE = 0.1  # share of the best guide's likelihood from which another is worth offering
# Slope and shift of the log-odds by which the best guide's likelihood is too small: the weights are fitted on
# questions whose guide is hidden, too. Fitted by `assistant evaluate weights`.
_CERTAINTY = (1.15, 0.80)
PASSAGE_FROM = 0.63  # score of a section from which it is about the question
PASSAGE_SURELY = 0.85  # the same where a guide answers already

# Fitted by `assistant evaluate weights` (evaluation/fitting.py).
WEIGHTS = {
    "in view": 0.74,
    "in view, nothing named": 1.53,
    "in view, much said": -1.92,
    "in view, turned away": -0.88,
    "in view, pointed at": -0.40,
    "in view, left": -0.28,
    "in view, a topic named": -0.86,
    "in view, a detail asked": 0.15,
    "in view, likely alone": -0.55,
    "likely alone": 1.88,
    "likely alone, much said": 0.97,
    "likeliest alone": 1.11,
    "decided alone": 1.35,
    "decided alone, much said": 1.00,
    "likely together": 1.94,
    "likeliest together": 1.17,
    "asked": 1.06,
    "said": 0.09,
    "in view, said": 0.15,
    "in view, asked": 1.43,
    "none": 1.42,
    "none, none alone": 0.39,
    "none, none alone, much said": 0.47,
    "none, none together": 0.40,
    "none, uncovered": 2.92,
    "none, uncovered, much said": 1.77,
    "none, another matter": 1.25,
    "none, a task": -0.41,
    "none, much said": 1.12,
    "none, another topic named": 1.33,
}
_NONE = tuple(name for name in WEIGHTS if name.startswith("none"))
_MUCH = 12.0  # rarity of the words that say much
_STANDS_ALONE = ((0.9995, 4), (0.99, 6))  # likelihood and words named from which a question needs no other
_CORRECTED = 3.0  # taken from the guide in view where what it was taken for is put right
_CLEAR = 0.8  # by how much a guide must lead to be answered from where the question alone left a choice
_OPEN = (Intent.GENERAL, Intent.STEPS)  # ask for no detail of a thing
_TURNS = {("còn",), ("thế", "còn"), ("vậy", "còn"), ("con",), ("the", "con"), ("vay", "con"), ("thì", "còn")}


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with the hits: `hits` holds the one answered from, or the choices."""

    status: Status
    hits: tuple[Hit, ...] = ()
    instead_of: Document | None = None  # what says more about it but is no longer in force
    newer: Hit | None = None  # what a later document says about it
    likelihood: float | None = None  # that this is right to do (0–1); None where nothing was weighed


def decide(
    hits: Sequence[Hit], words: Sequence[str], acts: Mapping[str, float], glossary: Glossary
) -> Decision:
    """The status of a question that is not small talk and not a safety matter."""
    outside = acts.get(OUTSIDE, 0.0)
    some = hits[0].score if hits else 0.0
    if some < max(ANSWER_FROM, outside):
        named = mentioned(words, (*glossary.topics, *glossary.field))
        asks = acts.get(TASK, 0.0) + acts.get(ERRAND, 0.0)
        in_field = outside < SURELY_OUTSIDE if named else asks > max(SURELY_ASKS, outside)
        return Decision(Status.NOT_COVERED if in_field else Status.OUT_OF_SCOPE, likelihood=1 - some)
    likely = likelihoods(hits)
    both = any(len(mentioned(words, row)) > 1 for row in glossary.exclusive)
    close = sum(hit.score >= hits[0].score * (CLOSE_WHEN_BOTH if both else CLOSE) for hit in hits)
    certain = certainty(likely[0])
    rest = (1 - certain) / max(1 - likely[0], 1e-9)
    return cheapest(hits, [certain, *(rest * one for one in likely[1:])], at_least=close)


def likelihoods(hits: Sequence[Hit]) -> list[float]:
    """For each hit the likelihood that it is the right one (0–1), before calibration."""
    total = math.fsum(hit.score for hit in hits)
    return [hits[0].score * hit.score / total for hit in hits]


def certainty(likelihood: float) -> float:
    """The likelihood that the best guide is the right one, calibrated (0–1)."""
    slope, shift = _CERTAINTY
    odds = slope * math.log(max(likelihood, 1e-9) / max(1 - likelihood, 1e-9)) + shift
    return 1 / (1 + math.exp(-odds))


def cheapest(hits: Sequence[Hit], likely: Sequence[float], *, at_least: int = 1) -> Decision:
    """Answer from the first of some guides or offer a choice, whichever is expected to cost less.

    `likely` are their likelihoods; so many of them as `at_least` cannot be told apart.
    """
    offered = max(at_least, sum(one >= _COULD_BE * likely[0] for one in likely))
    offered = min(offered, _CHOICES)
    among = min(1.0, math.fsum(likely[:offered]))
    choosing = _TAP + _NOT_AMONG * (1 - among)
    if at_least > 1 or (offered > 1 and choosing < _WRONG * (1 - likely[0])):
        return Decision(Status.CLARIFY, tuple(hits[:offered]), likelihood=among)
    return Decision(Status.ANSWERED, (hits[0],), likelihood=likely[0])


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
    score = decision.hits[0].score if decision.status is Status.ANSWERED else 0.0
    if any(score >= least and len(named) >= enough for least, enough in _STANDS_ALONE) or (
        not decision.hits and reading.intent in _OPEN and searcher.features.names_something_else(named)
    ):
        return decision
    leaning = lean(reading, before, in_view, decision, searcher)
    scores = leaning.matrix @ np.array(list(WEIGHTS.values()))
    if reading.corrects and named:
        scores[0] -= _CORRECTED
        if not searcher.features.names_something_else(named):
            scores[-1] -= _CORRECTED / 2  # nor is it likely that now nothing is meant
    order = np.argsort(-scores, kind="stable")
    shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    best = leaning.documents[order[0]]
    if best == NOTHING:
        if decision.status is Status.ANSWERED:
            return Decision(Status.NOT_COVERED, likelihood=float(shares[order[0]]))
        return decision
    clear = scores[order[0]] - scores[order[1]] >= _CLEAR
    if decision.status is Status.CLARIFY and not clear and best != in_view:
        return decision
    words = reading.topic or reading.words
    likeliest = [number for number in order if leaning.documents[number] != NOTHING][:_CHOICES]
    hits = [searcher.hit(words, leaning.documents[number], asked=reading.words) for number in likeliest]
    return cheapest(hits, [float(shares[number]) for number in likeliest])


@dataclass(frozen=True, slots=True)
class Leaning:
    """The guides that a follow-up could mean, NOTHING last, and what speaks for each (× WEIGHTS)."""

    documents: tuple[str, ...]
    matrix: Matrix


def lean(reading: Reading, before: Reading, in_view: str, decision: Decision, searcher: Searcher) -> Leaning:
    """What speaks for each guide that the follow-up could mean, and for none.

    `decision` is the one for the question by itself.
    """
    glossary, features = searcher.index.glossary, searcher.features
    topic = _named(reading, searcher)
    alone = searcher.likely(topic, also=in_view, asked=reading.words)
    carried = instead(before.carried or before.topic, topic, glossary)
    together = searcher.likely((*carried, *topic), also=in_view)
    much = min(1.0, math.fsum(map(features.rarity, {bare(word) for word in topic})) / _MUCH)
    viewed = (
        1.0,
        float(not topic),
        much,
        float(turned(reading)),
        float(bool(mentioned(reading.words, glossary.pointing))),
        float(bool(mentioned(reading.words, glossary.leaving))),
        float(bool(mentioned(topic, glossary.topics))),
        float(reading.intent not in _OPEN),
    )
    decided = {hit.section.document_id: hit.score for hit in decision.hits}
    documents = tuple(dict.fromkeys([in_view, *alone, *together, *decided]))
    rows = np.zeros((len(documents) + 1, len(WEIGHTS)))
    for row, document in zip(rows, documents, strict=False):
        here = float(document == in_view)
        asked, said = searcher.coverage(topic, document)
        own, joined = alone.get(document, 0.0), together.get(document, 0.0)
        row[: -len(_NONE)] = [
            *(here * sign for sign in viewed),
            here * own,
            own,
            own * much,
            _part(own, alone.values()),
            decided.get(document, 0.0),
            decided.get(document, 0.0) * much,
            joined,
            _part(joined, together.values()),
            asked,
            said,
            here * said,
            here * asked,
        ]
    acts = reading.acts
    uncovered = 1 - decision.hits[0].score if decision.hits else decision.likelihood or 0.0
    rows[-1, -len(_NONE) :] = [
        1.0,
        1 - sum(alone.values()),
        (1 - sum(alone.values())) * much,
        1 - sum(together.values()),
        uncovered,
        uncovered * much,
        acts.get(OUTSIDE, 0.0),
        acts.get(TASK, 0.0) + acts.get(ERRAND, 0.0),
        much,
        float(features.names_something_else(topic)),
    ]
    return Leaning((*documents, NOTHING), rows)


def turned(reading: Reading) -> bool:
    """Whether a question turns to another thing: "còn thường trú?"."""
    return reading.words[:1] in _TURNS or reading.words[:2] in _TURNS


def _named(reading: Reading, searcher: Searcher) -> list[str]:
    """What a follow-up names by itself: its topic without what points back and what says little."""
    glossary = searcher.index.glossary
    named = without(reading.topic, (*glossary.pointing, *glossary.leaving))
    if turned(reading):
        named = [word for word in named if word not in ("còn", "con")]
    return [word for word in named if (word,) not in glossary.little]


def _part(value: float, of: Iterable[float]) -> float:
    most = max(of, default=0.0)
    return value / most if most else 0.0
