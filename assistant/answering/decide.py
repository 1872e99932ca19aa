"""Answer, clarify or decline: decided here by calibrated scores, never hoped for in a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.datatypes import Hit, Status
from assistant.retrieval.classifier import ERRAND, OUTSIDE, TASK
from assistant.text.dialect import Glossary, mentions

# Tuned on tests/questions/tuning.jsonl; `assistant evaluate answers` shows what a change does.
ANSWER_FROM = 0.75  # below this no guide is about the question
CLOSE = 0.9  # guides with this share of the best one's likelihood are equally likely
CLOSE_WHEN_BOTH = 0.2  # where the question names two things of which it must mean one
SURELY_OUTSIDE = 0.5  # likelihood of another matter that counts more than a word of the field
SURELY_ASKS = 0.4  # likelihood of a question on a task that is one of the field without such a word
_CHOICES = 4


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with the hits: `hits` holds the one answered from, or the choices."""

    status: Status
    hits: tuple[Hit, ...] = ()


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
