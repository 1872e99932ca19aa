"""Guide → Sections → Chunks: what is quoted, and the small pieces that are searched.

A guide's own `questions` become chunks of its summary, so that a question finds a question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assistant.datatypes import Chunk, Detail, Fee, Guide, Section
from assistant.knowledge.facts import REFERENCE, SharedFacts
from assistant.text.normalize import without_marks

_MAX_CHUNK = 60  # syllables; a step or two, a few sentences


def sections_of(guide: Guide, facts: SharedFacts) -> tuple[Section, ...]:
    """The guide's sections with shared facts filled in and source marks removed, for search."""
    id_ = guide.document.id

    def section(slug: str, heading: str, *texts: str) -> Section:
        words = " ".join(text for text in texts if text)
        return Section(f"{id_}#{slug}", id_, heading, without_marks(_filled(words, facts)))

    steps = [f"{step.text} {step.otherwise or ''}".strip() for step in guide.steps]
    papers = [f"{paper.name} {paper.note or ''}".strip() for paper in guide.papers]
    rows: tuple[Fee | Detail, ...] = (*guide.fees, *guide.time_limits, *guide.places)
    cases = [" ".join(filter(None, (row.purpose, row.condition))) for row in rows]
    found = [section("tom-tat", "Tóm tắt", guide.summary, *dict.fromkeys(cases))]
    if guide.preparation or papers:
        found.append(section("chuan-bi", "Chuẩn bị", *guide.preparation, *papers))
    if steps:
        found.append(section("cac-buoc", "Các bước", *steps))
    if guide.cautions:
        found.append(section("luu-y", "Lưu ý", *guide.cautions))
    found += [
        section(f"hoi-{n}", quick.question, quick.answer) for n, quick in enumerate(guide.quick_answers, 1)
    ]
    return tuple(section for section in found if section.text)


def chunks_of(section: Section) -> Iterator[Chunk]:
    """The section in pieces of at most about 60 syllables, cut between words."""
    words = section.text.split()
    pieces = max(1, -(-len(words) // _MAX_CHUNK))
    size = -(-len(words) // pieces)
    for n in range(pieces):
        yield Chunk(f"{section.id}.{n}", section.id, " ".join(words[n * size : (n + 1) * size]))


def question_chunks(guide: Guide, more: Sequence[str] = ()) -> Iterator[Chunk]:
    """One chunk for each way people ask for this guide, its title and `more` ways among them."""
    summary = f"{guide.document.id}#tom-tat"
    quick = [
        (f"{guide.document.id}#hoi-{n}", answer.question) for n, answer in enumerate(guide.quick_answers, 1)
    ]
    asked = [
        (summary, guide.document.title),
        *((summary, text) for text in (*guide.questions, *more)),
        *quick,
    ]
    for n, (section_id, text) in enumerate(asked):
        yield Chunk(f"{guide.document.id}?{n}", section_id, text)


def _filled(text: str, facts: SharedFacts) -> str:
    return REFERENCE.sub(
        lambda match: (
            facts.facts[match[1]].text if match[1] in facts.facts else facts.contacts[match[1]].value
        ),
        text,
    )
