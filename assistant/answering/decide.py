"""Answer, clarify or decline: decided here by calibrated scores, never hoped for in a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.datatypes import Hit, Status
from assistant.text.dialect import Glossary, mentions

# Tuned on tests/questions/tuning.jsonl; `assistant evaluate answers` shows what a change does.
ANSWER_FROM = 0.50  # below this no guide is about the question
CLEAR_LEAD = 0.04  # guides closer than this to the best are equally likely
SURE = 0.86  # at this score the best guide is taken without asking
_CHOICES = 4


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with the hits: `hits` holds the one answered from, or the choices."""

    status: Status
    hits: tuple[Hit, ...] = ()


def decide(hits: Sequence[Hit], words: Sequence[str], glossary: Glossary) -> Decision:
    """The status of a question that is not small talk and not a safety matter."""
    likely = [hit for hit in hits if hit.score >= ANSWER_FROM]
    if not likely:
        in_field = any(mentions(words, phrase) for phrase in glossary.field)
        return Decision(Status.NOT_COVERED if in_field else Status.OUT_OF_SCOPE)
    best = max(likely, key=lambda hit: hit.score)
    close = [hit for hit in likely if hit.score >= best.score - CLEAR_LEAD]
    if len(close) > 1 and best.score < SURE:
        return Decision(Status.CLARIFY, tuple(close[:_CHOICES]))
    return Decision(Status.ANSWERED, (best,))
