"""What a question that came after others is about: a guide of its own, or the one in view.

Every guide that the new words alone, or together with the words before, could mean is weighed against the
guide in view by a linear score. Its weights are fitted on follow-ups, and on questions that stand alone asked
after another: those must get the same answer after any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from assistant.answering.decide import ANSWER_FROM, Decision
from assistant.datatypes import Intent, Reading, Status
from assistant.retrieval.classifier import OUTSIDE
from assistant.retrieval.features import Matrix
from assistant.retrieval.search import Searcher
from assistant.text.dialect import instead, mentions, without
from assistant.text.normalize import bare

# Fitted by `assistant evaluate weights` (evaluation/fitting.py).
WEIGHTS = {
    "in view": 0.68,
    "in view, nothing named": 0.47,
    "in view, much said": -1.59,
    "in view, turned away": -0.76,
    "in view, pointed at": -0.89,
    "in view, left": -0.33,
    "in view, a topic named": -0.57,
    "in view, a detail asked": 0.45,
    "in view, likely alone": -0.84,
    "likely alone": 2.60,
    "likely alone, much said": 2.13,
    "likeliest alone": 1.63,
    "likely together": 1.65,
    "likeliest together": 2.03,
    "asked": 1.59,
    "said": 0.64,
    "in view, said": -0.18,
    "in view, asked": 1.02,
}
_MUCH = 12.0  # rarity of the words that say much
_OPEN = (Intent.GENERAL, Intent.STEPS)  # ask for no detail of a thing
_ELSEWHERE = 0.5  # likelihood of another matter from which a question leans on no guide
_TURNS = {("còn",), ("thế", "còn"), ("vậy", "còn"), ("con",), ("the", "con"), ("vay", "con"), ("thì", "còn")}


def follow_up(
    reading: Reading, before: Reading, in_view: str, decision: Decision, searcher: Searcher
) -> Decision:
    """The decision for `reading`, asked after `before`, which the guide `in_view` answered.

    `decision` is the one for the question by itself.
    """
    leaning = lean(reading, before, in_view, searcher)
    best = leaning.documents[int(np.argmax(leaning.matrix @ np.array(list(WEIGHTS.values()))))]
    if not decision.hits and best == in_view and reading.acts.get(OUTSIDE, 0.0) >= _ELSEWHERE:
        return decision
    if best == in_view or leaning.together.get(best, 0.0) >= ANSWER_FROM > leaning.alone.get(best, 0.0):
        hit = searcher.hit(reading.topic or reading.words, best, asked=reading.words)
        return Decision(Status.ANSWERED, (hit,))
    return decision


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
    turned = reading.words[:1] in _TURNS or reading.words[:2] in _TURNS
    named = without(reading.topic, (*glossary.pointing, *glossary.leaving))
    topic = [word for word in named if not (turned and word in ("còn", "con"))]
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


def _part(value: float, of: Iterable[float]) -> float:
    most = max(of, default=0.0)
    return value / most if most else 0.0
