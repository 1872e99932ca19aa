"""What a question that came after others is about: something of its own, or the guide in view.

It stands on its own unless something tells that it leans on the guide in view: it names nothing, it
points back, or it is short and its words stand in that guide. A question that stands alone must get the
same answer after any other; both are measured on tests/questions.
"""

from __future__ import annotations

from dataclasses import replace

from assistant.answering.decide import ANSWER_FROM, OWN_TOPIC, SURE_TOPIC, Decision
from assistant.datatypes import Intent, Reading, Status
from assistant.retrieval.search import Searcher
from assistant.text.dialect import instead, mentions

_SHORT = 5  # topic words at most of a question that may lean on the one before
_SAID_OF_SHORT = 0.6  # share of them, by rarity, that the guide in view must have
_SAID_OF_LONG = 0.7  # the same for a longer question, which no guide answers by itself
_SAID_ALL = 0.9  # share from which the guide in view knows everything that is named
_OWN_DESPITE = 0.7  # likelihood of another guide that counts more than that
_OPEN = (Intent.GENERAL, Intent.STEPS)  # say too little about a thing to lean on another question
_AS_LIKELY = 0.8  # share of the likelihood of the guide in view that another must have
_TURNED = 0.25  # by how much more another guide must be asked for by the words after "còn …"
_TURNS = {("còn",), ("thế", "còn"), ("vậy", "còn"), ("con",), ("the", "con"), ("vay", "con")}


def follow_up(
    reading: Reading, before: Reading, in_view: str, decision: Decision, searcher: Searcher
) -> Decision:
    """The decision for `reading`, asked after `before`, which the guide `in_view` answered.

    `decision` is the one for the question by itself.
    """
    glossary = searcher.index.glossary
    if any(mentions(reading.words, phrase) for phrase in glossary.leaving):
        return decision
    if reading.words[:1] in _TURNS or reading.words[:2] in _TURNS:
        return _turned(reading, before, in_view, decision, searcher)
    own = decision.hits[0].score if decision.hits else 0.0
    pointing = any(mentions(reading.words, phrase) for phrase in glossary.pointing)
    if not reading.topic or (pointing and own < SURE_TOPIC) or _leans(reading, in_view, own, searcher):
        return _stay(reading, in_view, searcher)
    return decision


def _leans(reading: Reading, in_view: str, own: float, searcher: Searcher) -> bool:
    """Whether a question that names something still means the guide in view."""
    if any(mentions(reading.topic, name) for name in searcher.index.glossary.topics):
        return False
    _, said = searcher.coverage(reading.topic, in_view)
    if len(reading.topic) == 1:
        return own < SURE_TOPIC and (reading.intent not in _OPEN or said > 0)
    if said >= _SAID_ALL:
        return own < _OWN_DESPITE
    if len(reading.topic) <= _SHORT:
        return own < OWN_TOPIC and said >= _SAID_OF_SHORT
    return own < ANSWER_FROM and said >= _SAID_OF_LONG


def _turned(
    reading: Reading, before: Reading, in_view: str, decision: Decision, searcher: Searcher
) -> Decision:
    """ "Còn …?": the guide that is asked for by the new words together with the old, if there is one."""
    if reading.topic[:1] in _TURNS:
        reading = replace(reading, topic=reading.topic[1:])
    if not reading.topic:
        return _stay(reading, in_view, searcher)
    asked, said = searcher.coverage(reading.topic, in_view)
    another = searcher.names_another(reading.topic, in_view)
    joined = (*instead(before.topic, reading.topic, searcher.index.glossary), *reading.topic)
    here = searcher.hit((*before.topic, *reading.topic), in_view, asked=reading.words)
    for hit in searcher.search(joined, asked=reading.words):
        if hit.section.document_id == in_view:
            continue
        other, _ = searcher.coverage(reading.topic, hit.section.document_id)
        likely = hit.score >= max(ANSWER_FROM, _AS_LIKELY * here.score) and other > asked + _TURNED
        if likely or (another and hit.score >= ANSWER_FROM):
            return Decision(Status.ANSWERED, (hit,))
    return _stay(reading, in_view, searcher) if said >= _SAID_OF_SHORT else decision


def _stay(reading: Reading, document_id: str, searcher: Searcher) -> Decision:
    hit = searcher.hit(reading.topic or reading.words, document_id, asked=reading.words)
    return Decision(Status.ANSWERED, (hit,))
