"""Finding a guide, an official name or a passage while it is being typed. Knows no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from assistant.answering.decide import PASSAGE_FROM
from assistant.datatypes import Chunk, Detail, Fee, Guide, Hit, Procedure, Status
from assistant.errors import QuestionError
from assistant.pipeline import MAX_QUESTION, Assistant
from assistant.text.normalize import bare, clean, syllables

GUIDES, PROCEDURES, PASSAGES = 8, 12, 3  # shown at most
_ALIKE = 0.02  # likelihood from which a guide is shown that does not hold the words
_IN_TITLE, _IN_A_QUESTION, _SOMEWHERE = 1.0, 0.6, 0.25  # beside the likelihood that the guide is meant


@dataclass(frozen=True, slots=True)
class Filters:
    """What guides are narrowed down to; "" is everything."""

    topic: str = ""
    agency: str = ""
    channel: str = ""

    def let(self, guide: Guide) -> bool:
        """Whether a guide is among what is wanted."""
        return (
            self.topic in ("", guide.topic)
            and self.agency in ("", guide.document.agency)
            and (not self.channel or self.channel in channels(guide))
        )


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Found:
    """What there is for the words. `warning` is what is said to a scam or a secret, before all else."""

    guides: tuple[Guide, ...]
    procedures: tuple[Procedure, ...] = ()
    passages: tuple[Hit, ...] = ()
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    """The folded syllables of a guide: of its title, of each way of asking, of all that names it."""

    title: frozenset[str]
    questions: tuple[frozenset[str], ...]
    everything: frozenset[str]


class Lookup:
    """The names of everything that can be looked up, ready for typing."""

    def __init__(self, assistant: Assistant) -> None:
        index = assistant.searcher.index
        self._assistant = assistant
        self.guides: Mapping[str, Guide] = index.guides
        self.procedures: Sequence[Procedure] = index.procedures
        self._words = {id_: _words_of(guide) for id_, guide in index.guides.items()}
        self._numbers = {procedure: number for number, procedure in enumerate(index.procedures)}
        self._names = [tuple(map(bare, syllables(p.name))) for p in index.procedures]

    @property
    def topics(self) -> list[str]:
        """The folders of the guides."""
        return sorted({guide.topic for guide in self.guides.values()})

    @property
    def agencies(self) -> list[str]:
        """Those that answer for the guides, the ones with most guides first."""
        told = [guide.document.agency for guide in self.guides.values()]
        return sorted(set(told), key=lambda agency: (-told.count(agency), agency))

    def number_of(self, procedure: Procedure) -> int:
        """The place of a procedure among `procedures`."""
        return self._numbers[procedure]

    def passage(self, section_id: str) -> Hit | None:
        """The section of an official document in force, "paper#3"; None where there is none."""
        passages = self._assistant.searcher.index.passages
        document_id, _, place = section_id.partition("#")
        if document_id not in passages or not place.isdecimal():
            return None
        number = [document.id for document in passages.documents].index(document_id)
        at = passages.starts[number] + int(place) - 1
        if not passages.starts[number] <= at < passages.starts[number + 1]:
            return None
        section = passages.sections[at]
        hit = Hit(section, 1.0, Chunk(section.id, section.id, section.text))
        return hit if self._in_force(hit, self._assistant.clock()) else None

    def find(self, text: str, filters: Filters = NO_FILTERS) -> Found:
        """What may be meant by words of which the last may not be complete yet."""
        typed = [bare(word) for word in syllables(clean(text[:MAX_QUESTION]))]
        allowed = [guide for guide in self.guides.values() if filters.let(guide)]
        if not typed:
            return Found(tuple(sorted(allowed, key=lambda guide: (guide.topic, guide.document.title))))
        likely, warning, passages = self._understood(text)
        scores = {guide.document.id: self._score(guide, typed, likely) for guide in allowed}
        best = [guide for guide in allowed if scores[guide.document.id] > 0]
        best.sort(key=lambda guide: -scores[guide.document.id])
        procedures = self._named(typed) if filters == NO_FILTERS else []
        return Found(tuple(best[:GUIDES]), tuple(procedures[:PROCEDURES]), passages, warning)

    def _understood(self, text: str) -> tuple[Mapping[str, float], str | None, tuple[Hit, ...]]:
        """How likely each guide is meant, the warning, and passages of official documents in force."""
        assistant, searcher, today = self._assistant, self._assistant.searcher, self._assistant.clock()
        try:
            reading = assistant.understand(text)
        except QuestionError:
            return {}, None, ()
        warned = assistant.guard(reading, today)
        warning = warned.text.split("\n\n")[0] if warned and warned.status is Status.SAFETY else None
        words = reading.topic or reading.words
        hits = searcher.search(words, asked=reading.words, acts=reading.acts, limit=GUIDES)
        likely = {hit.section.document_id: hit.score for hit in hits}
        found = searcher.index.passages.search(words, limit=PASSAGES)
        passages = tuple(hit for hit in found if hit.score >= PASSAGE_FROM and self._in_force(hit, today))
        return likely, warning, passages

    def _in_force(self, hit: Hit, today: date) -> bool:
        searcher, id_ = self._assistant.searcher, hit.section.document_id
        return searcher.document(id_).period.covers(today) and not searcher.standing_in(id_, today)

    def _score(self, guide: Guide, typed: Sequence[str], likely: Mapping[str, float]) -> float:
        """How well a guide fits; 0 where it does not."""
        words, score = self._words[guide.document.id], likely.get(guide.document.id, 0.0)
        if score < _ALIKE:
            score = 0.0
        if _holds(words.title, typed):
            return score + _IN_TITLE + 0.1 * len(typed) / len(words.title)
        if any(_holds(question, typed) for question in words.questions):
            return score + _IN_A_QUESTION
        return score + _SOMEWHERE if _holds(words.everything, typed) else score

    def _named(self, typed: Sequence[str]) -> list[Procedure]:
        """The procedures whose names hold the words, those that begin with them and short ones first."""
        found = [
            (name[: len(typed)] != tuple(typed), len(name), number)
            for number, name in enumerate(self._names)
            if _holds(name, typed)
        ]
        wanted = ".".join(typed)
        coded = [p for p in self.procedures if p.code and p.code.startswith(wanted) and typed[0].isdecimal()]
        return coded + [self.procedures[number] for *_, number in sorted(found)]


def channels(guide: Guide) -> frozenset[str]:
    """The ways in which what a guide tells can be done: online, in_person, post."""
    rows: tuple[Fee | Detail, ...] = (*guide.fees, *guide.time_limits, *guide.places)
    return frozenset(row.channel for row in rows if row.channel)


def _words_of(guide: Guide) -> _Words:
    document = guide.document
    told = [
        document.title,
        document.agency,
        document.id.replace("-", " "),
        guide.procedure_code or "",
        guide.summary,
    ]
    everything = [*told, *guide.questions, *(paper.name for paper in guide.papers)]
    return _Words(
        _folded(document.title),
        tuple(map(_folded, guide.questions)),
        frozenset().union(*map(_folded, everything)),
    )


def _folded(text: str) -> frozenset[str]:
    return frozenset(map(bare, syllables(text)))


def _holds(words: Sequence[str] | frozenset[str], typed: Sequence[str]) -> bool:
    """Whether all that was typed is there, the last word perhaps begun only."""
    *whole, last = typed
    return all(word in words for word in whole) and any(word.startswith(last) for word in words)
