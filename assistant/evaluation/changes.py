"""What a change of knowledge does: sections that differ between two indexes, and answers that do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from assistant.evaluation.answers import ExpectedAnswer
from assistant.retrieval.index import Index

if TYPE_CHECKING:
    from assistant.pipeline import Assistant

_SHOWN = 40  # answers listed on a terminal


class Change(StrEnum):
    """What happened to a section."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class SectionChange:
    """A section that is not as it was."""

    section_id: str
    document_id: str
    heading: str
    change: Change


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """A question that is answered otherwise than before. A document is None where none answers."""

    question: str
    status_before: str
    status_after: str
    document_before: str | None
    document_after: str | None


def sections_changed(before: Index, after: Index) -> tuple[SectionChange, ...]:
    """The sections of guides and documents that differ; of guides also fees, times, papers and places."""
    old, new = dict(_sections(before)), dict(_sections(after))
    found = []
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            change = Change.ADDED if key not in old else Change.REMOVED if key not in new else Change.CHANGED
            document_id, heading, _ = (new if key in new else old)[key]
            found.append(SectionChange(key, document_id, heading, change))
    return tuple(found)


def _sections(index: Index) -> Iterator[tuple[str, tuple[str, str, object]]]:
    for section in (*index.corpus.sections, *index.passages.sections):
        yield section.id, (section.document_id, section.heading, section.text)
    for id_, guide in index.guides.items():
        for name, rows in (
            ("fees", guide.fees),
            ("time_limit", guide.time_limits),
            ("place", guide.places),
            ("papers", guide.papers),
            ("sources", guide.document.sources),
        ):
            if rows:
                yield f"{id_}#{name}", (id_, name, rows)


def answers_changed(
    before: Assistant, after: Assistant, questions: Iterable[ExpectedAnswer] = ()
) -> tuple[AnswerChange, ...]:
    """The questions, the guides' own among them, whose answers differ in any word."""
    guides = {**before.searcher.index.guides, **after.searcher.index.guides}.values()
    asked: dict[tuple[str, Sequence[str]], None] = {}
    for guide in guides:
        asked.update({(text, ()): None for text in guide.questions})
    asked.update({(question.question, question.previous): None for question in questions})
    found = []
    for question, previous in asked:
        old = before.answer(question, previous=previous, use_model=False)
        new = after.answer(question, previous=previous, use_model=False)
        if (old.status, old.text, old.notice) != (new.status, new.text, new.notice):
            documents = [
                next((citation.document_id for citation in answer.citations), None) for answer in (old, new)
            ]
            found.append(AnswerChange(question, old.status.value, new.status.value, *documents))
    return tuple(found)


def as_row(sections: Sequence[SectionChange], answers: Sequence[AnswerChange]) -> dict[str, Any]:
    """Both lists as plain values."""
    return {
        "sections": [asdict(section) for section in sections],
        "answers": [asdict(answer) for answer in answers],
    }


def as_text(sections: Sequence[SectionChange], answers: Sequence[AnswerChange]) -> str:
    """Both lists for a terminal."""
    lines = [f"{len(sections)} sections differ"]
    lines += [f"  {section.change}: {section.section_id} {section.heading}" for section in sections]
    lines.append(f"{len(answers)} questions are answered otherwise")
    for answer in answers[:_SHOWN]:
        told = [
            f"{status} {document or ''}".strip()
            for status, document in (
                (answer.status_before, answer.document_before),
                (answer.status_after, answer.document_after),
            )
        ]
        lines.append(f"  {answer.question}: {' → '.join(dict.fromkeys(told))}")
    if len(answers) > _SHOWN:
        lines.append(f"  and {len(answers) - _SHOWN} more; --json lists all")
    return "\n".join(lines)
