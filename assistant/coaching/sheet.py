"""One guide on one day, laid open: its card, the source of every line, what holds from when until when.

What a volunteer reads on the page and what a person takes home on paper come from the same sheet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from assistant.answering.card import CardWriter, Told
from assistant.datatypes import Card, Citation, Detail, Document, Fee, Guide, Intent, Period, Source
from assistant.errors import QuestionError
from assistant.pipeline import Assistant
from assistant.text.normalize import SOURCE_MARK, sentences, syllables, without_marks

_SOON = timedelta(days=60)  # before the end of something people should be told of


class Kind(StrEnum):
    """What a line tells."""

    FEE = "fees"
    TIME = "time"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class Line:
    """A fee, a time limit or a place as it holds on the day of the sheet, or will later.

    `words` is all of it in a sentence; `source` is the number of its citation.
    """

    kind: Kind
    words: str
    text: str
    purpose: str | None
    channel: str | None
    condition: str | None
    period: Period
    source: int

    def is_ending(self, day: date) -> bool:
        """Whether it will have ended within two months."""
        return self.period.ends is not None and self.period.ends - day <= _SOON


@dataclass(frozen=True, slots=True)
class Sheet:
    """A guide laid open. `papers` are the citations of the card's papers, in their order."""

    guide: Guide
    card: Card
    citations: tuple[Citation, ...]
    lines: tuple[Line, ...]
    papers: tuple[int, ...]
    paper_lines: tuple[str, ...]  # each paper in words
    standing_in: tuple[Document, ...]  # documents in force that supersede the guide: it holds no more
    related: tuple[Document, ...]
    notice: str | None  # what is to be known before all else, with the question that was asked
    today: date

    def of(self, kind: Kind) -> tuple[Line, ...]:
        """The lines of a kind."""
        return tuple(line for line in self.lines if line.kind is kind)

    def resting_on(self, number: int) -> tuple[str, ...]:
        """What the sheet says on the authority of a citation, sentence by sentence."""
        return tuple(dict.fromkeys(self._resting_on(number)))

    def _resting_on(self, number: int) -> Iterator[str]:
        card = self.card
        steps = [text for step in card.steps for text in (step.text, step.otherwise or "")]
        quick = [answered.answer for answered in card.quick]
        for text in (card.summary, *steps, *card.cautions, *quick):
            for sentence in sentences(text):
                if str(number) in SOURCE_MARK.findall(sentence):
                    yield without_marks(sentence)
        yield from (line.words for line in self.lines if line.source == number)
        for paper, source in zip(self.paper_lines, self.papers, strict=True):
            if source == number:
                yield paper


def open_sheet(assistant: Assistant, document_id: str, question: str = "") -> Sheet:
    """The sheet of a guide today; what a question asks about comes first on its card.

    Raises KeyError where there is no such guide.
    """
    searcher, today = assistant.searcher, assistant.clock()
    index = searcher.index
    guide = index.guides[document_id]
    intent, asked, notice = Intent.GENERAL, syllables(guide.document.title), None
    with suppress(QuestionError):  # one that cannot be read is left out
        reading = assistant.understand(question)
        intent, asked = reading.intent, [*reading.words, *syllables(reading.question)]
        notice = _notice(assistant, question, document_id, today)
    writer = CardWriter(index.facts, assistant.replies, today, index.manifest.built.date())
    every = Told(also=tuple(quick.question for quick in guide.quick_answers))
    card, citations = writer.write(guide, intent, asked, told=every)
    return Sheet(
        guide=guide,
        card=card,
        citations=citations,
        lines=tuple(_lines(guide, writer, citations)),
        papers=tuple(_number(paper.source, citations) for paper in card.papers),
        paper_lines=tuple(map(writer.paper_line, card.papers)),
        standing_in=tuple(searcher.document(id_) for id_ in searcher.standing_in(document_id, today)),
        related=tuple(index.guides[id_].document for id_ in guide.related if id_ in index.guides),
        notice=notice,
        today=today,
    )


def _notice(assistant: Assistant, question: str, document_id: str, today: date) -> str | None:
    """What is to be known before the answer, where the guide is what answers the question."""
    answer = assistant.answer(question, today=today, use_model=False)
    return answer.notice if answer.card and answer.card.document_id == document_id else None


def _lines(guide: Guide, writer: CardWriter, citations: Sequence[Citation]) -> Iterator[Line]:
    rows: list[tuple[Kind, Fee | Detail, str]] = [
        *((Kind.FEE, fee, fee.amount) for fee in writer.current(guide.fees)),
        *((Kind.TIME, row, row.text) for row in writer.current(guide.time_limits)),
        *((Kind.PLACE, row, row.text) for row in writer.current(guide.places)),
    ]
    for kind, row, text in rows:
        checked = writer.checked(row, text, guide)
        words = writer.row(row.purpose, text, row.channel, row.condition, row.period, checked)
        source = _number(row.source, citations)
        yield Line(kind, words, text, row.purpose, row.channel, row.condition, row.period, source)


def _number(source: Source, citations: Sequence[Citation]) -> int:
    """The number under which an answer cites a source; 0 where it does not."""
    same = (c.number for c in citations if (c.title, c.source_url) == (source.title, source.url))
    return next(same, 0)


def marks_of(text: str) -> str:
    """The numbers of the sources that a text names, "1, 3"."""
    return ", ".join(dict.fromkeys(SOURCE_MARK.findall(text)))
