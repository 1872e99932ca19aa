"""The values that flow through the product. Pure: they know no files, no models, no clock.

A `Document` is what a citation points to; a `Guide` is a document written for this product, with
its steps and dated facts; a `Section` is a readable part of a document, a `Chunk` the small piece of
a section that is searched, a `Hit` a section found for a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Status(StrEnum):
    """How a question ended (contract, design.md §4)."""

    ANSWERED = "answered"
    CLARIFY = "clarify"
    NOT_COVERED = "not_covered"
    OUT_OF_SCOPE = "out_of_scope"
    SAFETY = "safety"


class Composer(StrEnum):
    """Who wrote the words: the guide alone, or the local model under the guide card."""

    GUIDE = "guide"
    MODEL = "model"


class Intent(StrEnum):
    """What a person wants to know about the thing they ask about."""

    FEE = "fee"
    PAPERS = "papers"
    TIME = "time"
    PLACE = "place"
    VALIDITY = "validity"  # how long what one gets is good for, which is no time limit
    WHO = "who"
    CONTACT = "contact"
    STEPS = "steps"
    GENERAL = "general"


@dataclass(frozen=True, slots=True)
class Reading:
    """A question as understood: masked, repaired, in the guides' words."""

    question: str  # as typed, personal numbers masked
    masked: frozenset[str]  # kinds of numbers that were masked
    words: tuple[str, ...]
    topic: tuple[str, ...]  # what it is about
    intent: Intent  # what about it
    acts: Mapping[str, float] = field(default_factory=dict)  # likelihood of each dialogue act
    details: tuple[Intent, ...] = ()  # fee, papers, time, place: all that are asked, where several are
    corrects: bool = False  # puts right how the question before was taken
    carried: tuple[str, ...] = ()  # what it is about, with what it leans on
    after: str = ""  # the question before, which it leans on


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact stands. `date` is ISO 8601, perhaps reduced ("2026-07", "2026")."""

    number: int
    title: str
    url: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Inclusive days between which something holds; None is open."""

    starts: date | None = None
    ends: date | None = None

    def covers(self, day: date) -> bool:
        """Whether it holds on the day."""
        return (self.starts is None or self.starts <= day) and (self.ends is None or day <= self.ends)

    def is_future(self, day: date) -> bool:
        """Whether it begins after the day."""
        return self.starts is not None and day < self.starts

    def is_open(self) -> bool:
        """Whether it always holds."""
        return self.starts is None and self.ends is None


ALWAYS = Period()


@dataclass(frozen=True, slots=True)
class Fee:
    """What a thing costs, for whom, over which channel, and when."""

    amount: str
    source: Source
    purpose: str | None = None
    channel: str | None = None
    condition: str | None = None
    period: Period = ALWAYS


@dataclass(frozen=True, slots=True)
class Detail:
    """A time limit or a place, with the same dimensions as a fee."""

    text: str
    source: Source
    purpose: str | None = None
    channel: str | None = None
    condition: str | None = None
    period: Period = ALWAYS


@dataclass(frozen=True, slots=True)
class Paper:
    """One item of the checklist. `form`: original, copy, electronic, form (to fill in) or None."""

    name: str
    source: Source
    form: str | None = None
    count: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One action; `otherwise` says what to do when the screen looks different.

    `image` is a scene of knowledge/pictures, `alt` what it shows, `label` the words of the step in it.
    """

    text: str
    otherwise: str | None = None
    image: str | None = None
    alt: str = ""
    label: str | None = None


@dataclass(frozen=True, slots=True)
class QuickAnswer:
    """One entry of a guide's "Hỏi nhanh"."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A shared, dated fact of facts.toml, used in guides as {{id}}."""

    id: str
    text: str
    source: Source
    condition: str | None = None
    period: Period = ALWAYS


@dataclass(frozen=True, slots=True)
class Contact:
    """A hotline, link or address. `kind`: phone, sms, link, email, address or hours."""

    id: str
    name: str
    value: str
    kind: str
    source: Source
    note: str | None = None
    period: Period = ALWAYS


@dataclass(frozen=True, slots=True)
class Procedure:
    """An official name; the code of the national database where it is known ("1.004222")."""

    name: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What a citation points to."""

    id: str
    title: str
    agency: str
    sources: tuple[Source, ...] = ()
    reviewed: date | None = None
    supersedes: tuple[str, ...] = ()  # ids or law numbers of what this one stands in for
    superseded_by: tuple[str, ...] = ()  # the same, told by the older one
    period: Period = ALWAYS  # when it is in force


@dataclass(frozen=True, slots=True)
class Guide:
    """A document of `knowledge/guides`, parsed (design.md §5). Texts keep their [n] and {{id}}."""

    document: Document
    kind: str
    topic: str
    audience: tuple[str, ...]
    questions: tuple[str, ...]
    summary: str
    procedure_code: str | None = None
    related: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    fees: tuple[Fee, ...] = ()
    time_limits: tuple[Detail, ...] = ()
    places: tuple[Detail, ...] = ()
    papers: tuple[Paper, ...] = ()
    preparation: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    cautions: tuple[str, ...] = ()
    quick_answers: tuple[QuickAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A readable part of a document: what an answer quotes and a citation names."""

    id: str
    document_id: str
    heading: str
    text: str
    page: int | None = None
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfficialText:
    """An official document as it was read, section by section."""

    document: Document
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The small piece of a section that is searched."""

    id: str
    section_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is searched. Chunks stand in the order of the indexes; `owner[i]` is chunk i's document."""

    documents: tuple[Document, ...]
    sections: tuple[Section, ...]
    chunks: tuple[Chunk, ...]
    texts: tuple[str, ...]  # what is indexed for each chunk, in the glossary's words
    owner: tuple[int, ...]
    frequency: dict[str, int]  # folded syllable or bigram → number of documents
    vocabulary: dict[str, int]  # accented syllable → occurrences
    pairs: dict[str, int]  # neighbouring syllables as people and guides write them → occurrences


@dataclass(frozen=True, slots=True)
class Hit:
    """A section found for a query; `score` is calibrated to 0–1, comparable between queries."""

    section: Section
    score: float
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Citation:
    """What [number] in an answer points to."""

    number: int
    document_id: str
    title: str
    agency: str
    source_url: str | None
    date: str | None
    page: int | None
    heading: str


@dataclass(frozen=True, slots=True)
class ShownFee:
    """A fee as it holds on the day of the answer. `starts` is set only if it holds later."""

    purpose: str | None
    amount: str
    channel: str | None
    condition: str | None
    starts: date | None
    ends: date | None
    reviewed: date | None = None  # the day it was checked, where the clock is too far behind to say "now"


@dataclass(frozen=True, slots=True)
class ShownContact:
    """A contact as shown: name and value, nothing that has expired."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Card:
    """The guide's own answer for one intent on one day; no model takes part."""

    title: str
    lead: str
    summary: str
    steps: tuple[Step, ...] = ()
    papers: tuple[Paper, ...] = ()
    fees: tuple[ShownFee, ...] = ()
    time_limit: str | None = None
    place: str | None = None
    contacts: tuple[ShownContact, ...] = ()
    cautions: tuple[str, ...] = ()
    quick: tuple[QuickAnswer, ...] = ()
    document_id: str = ""  # the guide it was made from
    images: tuple[str, ...] = ()  # of the section that is quoted, each "document/number/file"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the guides a person may have meant, in the words they would use, else by its title."""

    document_id: str
    title: str


@dataclass(frozen=True, slots=True)
class Also:
    """The answer to another question of the same sentence: a guide's direct answer, or why there is none."""

    title: str
    lead: str
    choices: tuple[Choice, ...] = ()  # the guide, or those that may be meant


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back for a question. `text` is all that a person reads, plain."""

    question: str
    status: Status
    text: str
    card: Card | None = None
    citations: tuple[Citation, ...] = ()
    notice: str | None = None
    choices: tuple[Choice, ...] = ()
    composer: Composer = Composer.GUIDE
    elapsed_ms: int = 0
    also: tuple[Also, ...] = ()  # what else the sentence asked; `text` holds it in full
    likelihood: float | None = None  # that this is the right decision (0–1); None where none was weighed
    busy: bool = False  # the model adds nothing because too many people ask it now
