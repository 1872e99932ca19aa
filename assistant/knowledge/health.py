"""What of the knowledge a person should look at: out of date, superseded, long not reviewed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import chain

from assistant.datatypes import Document, Guide, Period
from assistant.knowledge.facts import SharedFacts, references

SOON = timedelta(days=45)
REVIEWED_WITHIN = timedelta(days=365)
_LAW = re.compile(r"\d+/\d{4}")


class Concern(StrEnum):
    """Why somebody should look, the most urgent first."""

    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    OLD_LAW = "old_law"  # a source of it is superseded
    EXPIRING = "expiring"
    OLD = "old"  # not reviewed for a year
    UNREVIEWED = "unreviewed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing of a document to look at: the words concerned; the day it ends, or was reviewed."""

    concern: Concern
    document_id: str
    title: str
    what: str = ""
    day: date | None = None


def findings(
    guides: Sequence[Guide], officials: Iterable[Document], facts: SharedFacts, today: date
) -> list[Finding]:
    """Everything to look at, the most urgent first."""
    documents = [*(guide.document for guide in guides), *officials]
    found = [
        *chain.from_iterable(_periods(guide, facts, today) for guide in guides),
        *chain.from_iterable(
            _ends(document, document.title, document.period, today) for document in documents
        ),
        *_superseded(documents),
        *chain.from_iterable(_reviewed(guide.document, today) for guide in guides),
    ]
    order = list(Concern)
    return sorted(set(found), key=lambda f: (order.index(f.concern), f.day or date.max, f.title, f.what))


def last_known_day(guides: Iterable[Guide], built: date) -> date:
    """A day that is past for certain: that on which the index was built, or a guide was reviewed."""
    return max([built, *(guide.document.reviewed for guide in guides if guide.document.reviewed)])


def _periods(guide: Guide, facts: SharedFacts, today: date) -> Iterator[Finding]:
    """Fees, times, places and shared facts of a guide that end."""
    document = guide.document
    for fee in guide.fees:
        yield from _ends(document, " ".join(filter(None, (fee.purpose, fee.amount))), fee.period, today)
    for detail in (*guide.time_limits, *guide.places):
        yield from _ends(document, detail.text, detail.period, today)
    texts = chain(
        (guide.summary,),
        guide.preparation,
        (text for step in guide.steps for text in (step.text, step.otherwise or "")),
        guide.cautions,
        (quick.answer for quick in guide.quick_answers),
    )
    for id_ in sorted({*guide.contacts, *chain.from_iterable(map(references, texts))}):
        if id_ in facts.facts:
            yield from _ends(document, facts.facts[id_].text, facts.facts[id_].period, today)
        elif id_ in facts.contacts:
            contact = facts.contacts[id_]
            yield from _ends(document, f"{contact.name}: {contact.value}", contact.period, today)


def _ends(document: Document, what: str, period: Period, today: date) -> Iterator[Finding]:
    if period.ends is None or period.ends >= today + SOON:
        return
    concern = Concern.EXPIRED if period.ends < today else Concern.EXPIRING
    yield Finding(concern, document.id, document.title, what, period.ends)


def _superseded(documents: Sequence[Document]) -> Iterator[Finding]:
    """Documents that another stands in for, and those that rest on a law that another stands in for."""
    laws: dict[str, Document] = {}
    for document in documents:
        for old in document.supersedes:
            if law := _LAW.search(old):
                laws[law[0]] = document
    newer = {old: document for document in documents for old in document.supersedes}
    for document in documents:
        if document.id in newer:
            other = newer[document.id]
            yield Finding(Concern.SUPERSEDED, document.id, document.title, other.title)
        for other_id in document.superseded_by:
            yield Finding(Concern.SUPERSEDED, document.id, document.title, other_id)
        named = {law for source in document.sources for law in _LAW.findall(source.title)}
        for law in sorted(named & laws.keys()):
            if laws[law].id != document.id:
                yield Finding(Concern.OLD_LAW, document.id, document.title, law)


def _reviewed(document: Document, today: date) -> Iterator[Finding]:
    if document.reviewed is None:
        yield Finding(Concern.UNREVIEWED, document.id, document.title)
    elif today - document.reviewed > REVIEWED_WITHIN:
        yield Finding(Concern.OLD, document.id, document.title, day=document.reviewed)
