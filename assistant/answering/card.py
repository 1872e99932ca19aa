"""Guide + intent + today → Card, its text and its citations. No model takes part; nothing expired is shown.

The facts come from the guide alone, the words between them from prompts/replies.toml.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from typing import TypeVar

from assistant.answering.prompts import Replies
from assistant.datatypes import (
    Card,
    Citation,
    Contact,
    Detail,
    Document,
    Fee,
    Guide,
    Intent,
    Paper,
    Period,
    QuickAnswer,
    Section,
    ShownContact,
    ShownFee,
    Source,
    Step,
)
from assistant.knowledge.facts import REFERENCE, SharedFacts
from assistant.text.normalize import SOURCE_MARK, bare, sentences, syllables

CONTACTS = "contacts"  # contacts.toml, cited like a guide
_UNSAID = 0.3  # what a word of a row's case that was not said takes from it; one that was said gives 1
_QUOTED = 120  # words of an official document that are shown at once
_STEP = re.compile(r"(?:Bước|BƯỚC)\s+\d+")
_ITEM = re.compile(r"(?:Bước|BƯỚC)\s+\d+|[-–+•*]\s|\d{1,2}[.)]\s|[a-zđ]\)\s|Điều\s+\d+")
_WARD = ("address", "hours")  # kinds of a ward's own contacts, shown with whatever is done in person
Row = TypeVar("Row", Fee, Detail)


@dataclass(frozen=True, slots=True)
class Told:
    """What a guide says in words to a question: its own question that was asked, or a sentence.

    `also` are others of its questions whose answers may help.
    """

    question: str | None = None
    sentence: str | None = None
    also: tuple[str, ...] = ()


NOTHING_TOLD = Told()


class CitationList:
    """The sources an answer points to, numbered in the order they are first used."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._sources = {source.number: source for source in document.sources}
        self.citations: list[Citation] = []

    def mark(self, source: Source, heading: str) -> str:
        """The mark " [n]" of a source."""
        for citation in self.citations:
            if (citation.title, citation.source_url) == (source.title, source.url):
                return f" [{citation.number}]"
        number = len(self.citations) + 1
        document = self._document
        self.citations.append(
            Citation(
                number, document.id, source.title, document.agency, source.url, source.date, None, heading
            )
        )
        return f" [{number}]"

    def renumbered(self, text: str, heading: str) -> str:
        """The text with the guide's own source numbers turned into those of this answer."""
        return SOURCE_MARK.sub(lambda match: self.mark(self._sources[int(match[1])], heading), text)


@dataclass(frozen=True)
class CardWriter:
    """Writes cards for one day. `index_built` tells a clock that is behind (design.md §1)."""

    facts: SharedFacts
    replies: Replies
    today: date
    index_built: date

    def write(
        self,
        guide: Guide,
        intent: Intent,
        asked: Sequence[str] = (),
        *,
        told: Told = NOTHING_TOLD,
        details: Sequence[Intent] = (),
    ) -> tuple[Card, tuple[Citation, ...]]:
        """The card and its citations.

        `details` are fee, papers, time and place where several are asked: each gets its line of the lead.

        `asked` are the question's syllables, as typed and in the guides' words, by which the fees and times
        of the case asked about come first; `told` is what the guide says in words to this very question.
        """
        guide = replace(
            guide,
            fees=_nearest_first(guide.fees, asked),
            time_limits=_nearest_first(guide.time_limits, asked),
            places=_nearest_first(guide.places, asked),
        )
        cited = CitationList(guide.document)
        words = self.replies.card
        if len(details) > 1:
            first = "\n".join(self._lead(guide, detail, NOTHING_TOLD, cited) for detail in details)
        else:
            first = self._lead(guide, intent, told, cited)
        summary = self._prose(guide.summary, words["summary"], cited)
        steps = [
            replace(
                step,
                text=self._prose(step.text, words["steps"], cited),
                otherwise=self._prose(step.otherwise or "", words["otherwise"], cited) or None,
            )
            for step in guide.steps
        ]
        cautions = [self._prose(text, words["cautions"], cited) for text in guide.cautions]
        fees = self.current(guide.fees)
        card = Card(
            title=guide.document.title,
            lead=first or summary,
            summary=summary,
            steps=tuple(step for step in steps if step.text),
            papers=guide.papers,
            fees=tuple(self._shown_fee(fee, guide) for fee in fees),
            time_limit=self._details(guide, guide.time_limits, words["time"], cited) or None,
            place=self._details(guide, guide.places, words["place"], cited) or None,
            contacts=self._contacts(guide),
            cautions=tuple(filter(None, cautions)),
            quick=tuple(QuickAnswer(text, self._quick(guide, text, cited)) for text in told.also),
            document_id=guide.document.id,
        )
        for fee in fees:
            cited.mark(fee.source, words["fee"])
        for paper in guide.papers:
            cited.mark(paper.source, words["papers"])
        return card, tuple(cited.citations)

    def text(self, card: Card) -> str:
        """All that a person reads of the card, plain."""
        words = self.replies.card
        parts = [card.title, card.lead]
        if card.summary != card.lead:
            parts.append(card.summary)
        if card.papers:
            parts.append(bullets(words["papers"], [self.paper_line(paper) for paper in card.papers]))
        if card.steps:
            parts.append(self._steps_text(card))
        if card.fees:
            parts.append(bullets(words["fee"], [self.fee_line(fee) for fee in card.fees]))
        for key, value in (("time", card.time_limit), ("place", card.place)):
            if value:
                parts.append(f"{words[key]}: {value}")
        if card.contacts:
            parts.append(bullets(words["contacts"], [f"{c.name}: {c.value}" for c in card.contacts]))
        if card.quick:
            parts.append(
                bullets(words["quick"], [f"{quick.question} {quick.answer}" for quick in card.quick])
            )
        if card.cautions:
            parts.append(bullets(words["cautions"], card.cautions))
        return "\n\n".join(parts)

    def quote(
        self, document: Document, section: Section, readable: Callable[[str], str]
    ) -> tuple[Card, Citation] | None:
        """The card of a section of an official document: its own words, as far as one reads on a page.

        `readable` leaves out what may not be shown; None where nothing is left.
        """
        words = self.replies.official
        section = replace(section, heading=readable(section.heading))
        pieces = [piece for line in _lines(section.text) for piece in _pieces(readable(line))]
        if not pieces:
            return None
        lengths = accumulate(len(piece.split()) for piece in pieces)
        shown = pieces[: max(1, sum(length <= _QUOTED for length in lengths))]
        steps = tuple(Step(piece) for piece in shown if _STEP.match(piece))
        prose = [piece for piece in shown if not _STEP.match(piece)]
        heading = [f"{section.heading.rstrip('.:')}:"] if section.heading else []
        more = [words["more"]] if len(shown) < len(pieces) else []
        summary = " ".join([*heading, *prose, *more]) + " [1]"
        lead = self.about(words["lead"], document)
        images = section_images(section)
        card = Card(document.title, lead, summary, steps, cautions=(words["ask"],), images=images)
        return card, self.cite(document, section, 1)

    def cite(self, document: Document, section: Section, number: int) -> Citation:
        """What [number] points to: a section of an official document, on its page."""
        source = document.sources[0]
        return Citation(
            number,
            document.id,
            source.title,
            document.agency,
            source.url,
            source.date,
            section.page,
            section.heading,
        )

    def about(self, text: str, document: Document, number: int = 0) -> str:
        """A reply about a document: its title, its date where it is known, its number among the citations."""
        dated = next((source.date for source in document.sources), None) or document.reviewed
        day = "/".join(reversed(str(dated).split("-"))) if dated else ""
        shown = self.replies.official["date"].format(day=day) if day else ""
        return text.format(title=document.title, date=shown, number=number)

    def whole_text(self, guide: Guide) -> str:
        """All that the guide says on this day, whatever is asked: what the model reads and is held to."""
        questions = tuple(quick.question for quick in guide.quick_answers)
        card, _ = self.write(guide, Intent.GENERAL, told=Told(also=questions))
        words = self.replies.card
        cited = CitationList(guide.document)
        lines = [self._prose(line, words["preparation"], cited) for line in guide.preparation]
        preparation = [bullets(words["preparation"], filter(None, lines))] if any(lines) else []
        return "\n\n".join([self.text(card), *preparation])

    def _steps_text(self, card: Card) -> str:
        lines = [f"{self.replies.card['steps']}:"]
        for number, step in enumerate(card.steps, 1):
            lines.append(f"{number}. {step.text}")
            if step.otherwise:
                lines.append(f"   {self.replies.card['otherwise']}: {step.otherwise}")
        return "\n".join(lines)

    def fee_line(self, fee: ShownFee) -> str:
        """One fee in words: for what, how much, over which channel, on which condition and days."""
        period = Period(fee.starts, fee.ends)
        return self.row(fee.purpose, fee.amount, fee.channel, fee.condition, period, fee.reviewed)

    def paper_line(self, paper: Paper) -> str:
        """One paper in words: name, form, count, note."""
        words = self.replies.card
        notes = [words[paper.form]] if paper.form else []
        if paper.count and paper.form in ("original", "copy", "form"):
            notes.append(words["count"].format(count=paper.count))
        if paper.note:
            notes.append(paper.note)
        return f"{paper.name} ({', '.join(notes)})" if notes else paper.name

    def _lead(self, guide: Guide, intent: Intent, told: Told, cited: CitationList) -> str:
        """The short answer to what was asked; empty when the summary is it."""
        words = self.replies.card
        key = intent.value
        said = self._told(guide, told, cited)
        rows: list[str] = []
        if intent is Intent.FEE:
            rows = [
                self.fee_line(self._shown_fee(fee, guide)) + cited.mark(fee.source, words[key])
                for fee in _of_the_nearest_case(self.current(guide.fees))
            ]
        elif intent is Intent.PAPERS:
            rows = [self.paper_line(paper) + cited.mark(paper.source, words[key]) for paper in guide.papers]
        elif intent in (Intent.TIME, Intent.PLACE):
            details = guide.time_limits if intent is Intent.TIME else guide.places
            nearest = _of_the_nearest_case(self.current(details))
            if text := self._details(guide, nearest, words[key], cited):
                return f"{words[key]}: {text} {said}".strip()
        elif intent is Intent.CONTACT:
            key = "contacts"
            rows = [
                f"{contact.name}: {contact.value}" + cited.mark(contact.source, words[key])
                for contact in self._named_contacts(guide)
                if contact.period.covers(self.today)
            ]
        else:
            return said
        if rows:
            return f"{words[key]}: {'; '.join(rows)}. {said}".strip()
        return said or self.plain(self.replies.admit[key])

    def _told(self, guide: Guide, told: Told, cited: CitationList) -> str:
        """The guide's answer to its own question that was asked, else its sentence that comes nearest."""
        if told.question is not None:
            return self._quick(guide, told.question, cited)
        return self._prose(told.sentence or "", self.replies.card["summary"], cited)

    def _quick(self, guide: Guide, question: str, cited: CitationList) -> str:
        for quick in guide.quick_answers:
            if quick.question == question:
                return self._prose(quick.answer, quick.question, cited)
        return ""

    def _details(self, guide: Guide, details: Sequence[Detail], heading: str, cited: CitationList) -> str:
        rows = [
            self.row(
                row.purpose,
                row.text,
                row.channel,
                row.condition,
                row.period,
                self.checked(row, row.text, guide),
            )
            + cited.mark(row.source, heading)
            for row in self.current(details)
        ]
        return "; ".join(rows) + ("." if rows else "")

    def _shown_fee(self, fee: Fee, guide: Guide) -> ShownFee:
        period = fee.period
        checked = self.checked(fee, fee.amount, guide)
        return ShownFee(
            fee.purpose, fee.amount, fee.channel, fee.condition, period.starts, period.ends, checked
        )

    def checked(self, row: Fee | Detail, value: str, guide: Guide) -> date | None:
        """The day an undated figure was checked, to be told where the clock is behind the index."""
        behind = self.today < self.index_built and row.period.is_open() and value[:1].isdigit()
        return guide.document.reviewed if behind else None

    def row(
        self,
        purpose: str | None,
        value: str,
        channel: str | None,
        condition: str | None,
        period: Period,
        reviewed: date | None,
    ) -> str:
        """A fee, a time limit or a place in words, with its channel, condition and days."""
        words = self.replies.card
        notes = [words[channel]] if channel else []
        if condition:
            notes.append(words["condition"].format(condition=condition))
        if days := self._days(period):
            notes.append(days)
        elif reviewed is not None:
            notes.append(words["reviewed"].format(day=day_in_words(reviewed)))
        line = f"{purpose}: {value}" if purpose else value
        return f"{line} ({', '.join(notes)})" if notes else line

    def _days(self, period: Period) -> str:
        words = self.replies.card
        start = day_in_words(period.starts) if period.starts else ""
        end = day_in_words(period.ends) if period.ends else ""
        if start and end:
            return words["between"].format(start=start, end=end)
        if end:
            return words["until"].format(end=end)
        return words["since"].format(start=start) if period.is_future(self.today) else ""

    def current(self, rows: Iterable[Row]) -> list[Row]:
        """What holds today or will; a dated row in force stands in for the undated one of the same case."""
        rows = [row for row in rows if row.period.covers(self.today) or row.period.is_future(self.today)]
        dated = {_case(row) for row in rows if not row.period.is_open() and row.period.covers(self.today)}
        return [row for row in rows if not (row.period.is_open() and _case(row) in dated)]

    def _contacts(self, guide: Guide) -> tuple[ShownContact, ...]:
        return self.shown(self._named_contacts(guide))

    def _named_contacts(self, guide: Guide) -> list[Contact]:
        named = [self.facts.contacts[id_] for id_ in guide.contacts if id_ in self.facts.contacts]
        if any(place.channel != "online" for place in guide.places):
            named += [contact for contact in self.facts.contacts.values() if contact.kind in _WARD]
        return named

    def shown(self, contacts: Iterable[Contact]) -> tuple[ShownContact, ...]:
        """Contacts that hold today, as shown."""
        return tuple(ShownContact(c.name, c.value) for c in contacts if c.period.covers(self.today))

    def hotlines(self, ids: Iterable[str]) -> tuple[list[str], tuple[Citation, ...]]:
        """Lines with the contacts that hold today, and their sources as citations."""
        contacts = [self.facts.contacts[id_] for id_ in ids if id_ in self.facts.contacts]
        cited = CitationList(Document(id=CONTACTS, title="", agency=""))
        lines = [
            f"- {contact.name}: {contact.value}" + cited.mark(contact.source, contact.name)
            for contact in contacts
            if contact.period.covers(self.today)
        ]
        return lines, tuple(cited.citations)

    def plain(self, text: str) -> str:
        """A reply's words with {{id}} filled in; sentences whose fact does not hold today left out."""
        return " ".join(filter(None, (self._filled(sentence) for sentence in sentences(text))))

    def _prose(self, text: str, heading: str, cited: CitationList) -> str:
        """Body text: {{id}} filled in with its source marked, the guide's marks renumbered."""
        out = []
        for sentence in sentences(text):
            filled = self._filled(sentence)
            if not filled:
                continue
            marks = "".join(
                cited.mark(self.facts.facts[reference].source, heading)
                for reference in REFERENCE.findall(sentence)
                if reference in self.facts.facts
            )
            filled = cited.renumbered(filled, heading)
            out.append(filled[:-1] + marks + filled[-1] if filled[-1] in ".!?" else filled + marks)
        return " ".join(out)

    def _filled(self, sentence: str) -> str:
        """The sentence with {{id}} filled in; empty if what it says does not hold today."""
        for reference in REFERENCE.findall(sentence):
            fact = self.facts.facts.get(reference) or self.facts.contacts[reference]
            words = fact.value if isinstance(fact, Contact) else fact.text
            if not fact.period.covers(self.today):
                if isinstance(fact, Contact) or not fact.period.is_future(self.today):
                    return ""
                words = f"{self._days(fact.period)}: {words}"
            sentence = sentence.replace("{{" + reference + "}}", words)
        return sentence[:1].upper() + sentence[1:]


def _lines(text: str) -> list[str]:
    """The paragraphs, steps and list items of a text whose lines were broken by a page's width."""
    lines: list[str] = []
    for line in text.split("\n"):
        if lines and not _ITEM.match(line):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return lines


def _pieces(line: str) -> list[str]:
    return [line] if _STEP.match(line) else sentences(line)


def section_images(section: Section) -> tuple[str, ...]:
    """The pictures of a section, each "document/number/file"."""
    return tuple(f"{section.id.replace('#', '/')}/{name}" for name in section.images)


def _nearest_first(rows: Sequence[Row], asked: Sequence[str]) -> tuple[Row, ...]:
    """The rows of the case asked about first: by the words that tell the cases apart, said or not said."""
    said = {bare(word) for word in asked}
    cases = [{bare(word) for word in syllables(row.purpose or "")} for row in rows]
    count = Counter(word for case in {frozenset(case) for case in cases} for word in case)
    telling = {word: math.log((1 + len(cases)) / number) for word, number in count.items()}

    def nearness(case: set[str]) -> float:
        return math.fsum(telling[word] * (1.0 if word in said else -_UNSAID) for word in case)

    order = sorted(range(len(rows)), key=lambda number: -nearness(cases[number]))
    return tuple(rows[number] for number in order)


def _of_the_nearest_case(rows: Sequence[Row]) -> list[Row]:
    """Of rows ordered by `_nearest_first` those of the first case, and those that hold in any case."""
    return [row for row in rows if row.purpose in (rows[0].purpose, None)]


def _case(row: Fee | Detail) -> tuple[str | None, str | None, str | None]:
    return row.purpose, row.channel, row.condition


def renumbered(text: str, by: int) -> str:
    """The text with its marks [n] raised, where it comes after an answer with so many citations."""
    return SOURCE_MARK.sub(lambda match: match[0].replace(match[1], str(int(match[1]) + by)), text)


def bullets(heading: str, lines: Iterable[str]) -> str:
    """A heading and its list, as plain text."""
    return "\n".join([f"{heading}:", *(f"- {line}" for line in lines)])


def day_in_words(day: date) -> str:
    """dd/mm/yyyy, as Vietnamese readers write dates."""
    return f"{day.day:02d}/{day.month:02d}/{day.year}"
