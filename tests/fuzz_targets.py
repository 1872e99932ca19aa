"""What is tried with strange input, by the tests a little and by fuzz_input.py for as long as one likes.

A target takes any text or bytes. It may refuse them with an error of the product; every other exception, and
every promise that is not kept, is a finding.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import office_files
import pdf_files
from guide_text import guide_text

from assistant.answering.anonymous import Anonymous, load_anonymous, load_words
from assistant.answering.checks import Evidence
from assistant.answering.json import answer_json
from assistant.answering.prompts import load_replies
from assistant.answering.safety import load_safety, mask
from assistant.coaching.lessons import load_lessons
from assistant.coaching.practice import load_messages
from assistant.config import CHECKOUT
from assistant.errors import AssistantError, DocumentError, QuestionError
from assistant.knowledge import reading
from assistant.knowledge.facts import NO_FACTS, load_procedures, load_shared_facts
from assistant.knowledge.guides import read_guide
from assistant.knowledge.official import read_side
from assistant.knowledge.outline import document_sections, with_numbered_headings
from assistant.knowledge.pages import without_running_lines
from assistant.knowledge.pictures import read_scene
from assistant.knowledge.sources import load_sources
from assistant.pipeline import Assistant
from assistant.retrieval.classifier import load_utterances
from assistant.text.dialect import load_glossary
from assistant.text.legacy import Encoding, decode
from assistant.text.normalize import clean, figures, fold, sentences, syllables

TODAY = date(2026, 11, 22)
_ID = re.compile(r"(?<![\d.,/-])0\d{11}(?![\d/])")


# Text: from the question to the answer


class _Step(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    otherwise: str | None
    image: str | None
    alt: str
    label: str | None


class _Card(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    lead: str
    summary: str
    steps: list[_Step]
    papers: list[dict[str, str | int | None]]
    fees: list[dict[str, str | None]]
    time_limit: str | None
    place: str | None
    contacts: list[dict[str, str]]
    cautions: list[str]
    quick: list[dict[str, str]]


class _Citation(msgspec.Struct, forbid_unknown_fields=True):
    number: int
    document_id: str
    title: str
    agency: str
    source_url: str | None
    date: str | None
    page: int | None
    heading: str


class Contract(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON of an answer (design.md §4)."""

    question: str
    status: Literal["answered", "clarify", "not_covered", "out_of_scope", "safety"]
    text: str
    card: _Card | None
    citations: list[_Citation]
    notice: str | None
    choices: list[dict[str, str]]
    composer: Literal["guide", "model"]
    elapsed_ms: int


def try_text(assistant: Assistant, anonymous: Anonymous, evidence: Evidence, text: str) -> None:
    """A question, and the same text as the words of a model."""
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert fold(fold(text)) == fold(text)
    assert "".join("".join(sentences(cleaned)).split()) == "".join(cleaned.split())
    figures(cleaned.lower())
    for encoding in Encoding:
        decode(cleaned, encoding)
    evidence.refusal(cleaned)
    try:
        answer = assistant.answer(text, today=TODAY, use_model=False)
    except QuestionError:
        return
    assert not _ID.search(answer.question), "a number of an identity card was not masked"
    assert mask(answer.question, assistant.safety.mask)[0] == answer.question
    anonymous(answer.question)
    syllables(answer.text)
    said = json.dumps(answer_json(answer), ensure_ascii=False).encode()
    msgspec.json.decode(said, type=Contract)


def anonymous_of(assistant: Assistant) -> Anonymous:
    """What the journal would keep of a question."""
    return load_anonymous(CHECKOUT / "knowledge", assistant.safety.mask)


# Documents of others

Shape = tuple[str, Callable[[bytes], bytes]]  # the ending of the file's name, and what is made of the bytes


def _as_they_are(data: bytes) -> bytes:
    return data


def _member(archive: bytes, name: str, data: bytes) -> bytes:
    """An archive with other bytes in one of its members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for each in old.namelist():
            new.writestr(each, data if each == name else old.read(each))
    return buffer.getvalue()


def seeds(folder: Path) -> dict[str, bytes]:
    """A small good document of every kind, by the ending of its name."""
    text = office_files.TEXT

    def fill(document: object) -> None:
        document.add_heading("Đăng nhập", 1)  # type: ignore[attr-defined]
        document.add_paragraph(text, style="List Number")  # type: ignore[attr-defined]
        office_files.add_table(document, [["Giấy tờ", "Số bản"], ["Thẻ cũ", "1"]])  # type: ignore[arg-type]
        document.add_picture(io.BytesIO(office_files.picture(64, 64)))  # type: ignore[attr-defined]

    def slide(presentation: object) -> None:
        one = presentation.slides.add_slide(presentation.slide_layouts[1])  # type: ignore[attr-defined]
        one.shapes.title.text = "Đăng nhập"
        one.placeholders[1].text = text

    html = f"<html><body><h1>Đăng nhập</h1><ul><li>{text}</ul><table><tr><td>a<td>b</table></body></html>"
    return {
        "pdf": pdf_files.clean(folder / "seed.pdf").read_bytes(),
        "docx": office_files.word(folder / "seed.docx", fill).read_bytes(),
        "pptx": office_files.slides(folder / "seed.pptx", slide).read_bytes(),
        "html": html.encode(),
        "md": f"# Đăng nhập\n\n1. {text}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n".encode(),
        "txt": f"I. Đăng nhập\n{text}\f{text}".encode("utf-16"),
        "png": office_files.picture(64, 64),
    }


def shapes(good: dict[str, bytes]) -> list[Shape]:
    """Whole files of every kind, and archives of Office in which one member is the bytes."""
    inside = {
        "docx": (
            "word/document.xml",
            "word/styles.xml",
            "word/numbering.xml",
            "word/_rels/document.xml.rels",
        ),
        "pptx": ("ppt/slides/slide1.xml", "ppt/presentation.xml", "ppt/slides/_rels/slide1.xml.rels"),
    }
    whole = [(ending, _as_they_are) for ending in good]
    parts = [
        (ending, partial(_member, good[ending], name)) for ending, names in inside.items() for name in names
    ]
    return [*whole, *parts]


def seeds_of_shapes(good: dict[str, bytes]) -> list[bytes]:
    """For each shape, in order, the bytes of which it makes a good document."""
    found = []
    for ending, make in shapes(good):
        data = good[ending]
        if isinstance(make, partial):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                data = archive.read(make.args[1])
        found.append(data)
    return found


def try_document(folder: Path, shape: Shape, data: bytes) -> None:
    """A file as the child of knowledge/reading.py reads it, but in this process; then its sections."""
    ending, make = shape
    path = folder / f"document.{ending}"
    path.write_bytes(make(data))
    try:
        outcome = reading._done(reading.Task(reading.LIMITS), folder, path)
    except (DocumentError, MemoryError, RecursionError):  # told as a reason by the child
        return
    back = msgspec.json.decode(msgspec.json.encode(outcome), type=reading.Outcome)
    assert back.parsed is not None
    pages = with_numbered_headings(without_running_lines(back.parsed.pages))
    document_sections("d", pages)


# Files of the product: what a maintainer of a ward may have mistyped


def _loaders() -> dict[str, tuple[bytes, Callable[[Path], object]]]:
    knowledge, prompts = CHECKOUT / "knowledge", CHECKOUT / "prompts"

    def shared(path: Path) -> object:
        (path.parent / "facts.toml").write_bytes(b"")
        return load_shared_facts(path.parent)

    def replies(path: Path) -> object:
        (path.parent / "choices.toml").write_bytes((prompts / "choices.toml").read_bytes())
        (path.parent / "answer.md").write_bytes(b"Rules.")
        return load_replies(path.parent)

    def side(path: Path) -> object:
        return read_side(path.with_name(path.name.removesuffix(".toml")))

    told = b'title = "A"\nagency = "B"\ndate = 2026-07-01\nfrom = 2026-01-01\nsupersedes = ["59/2022"]\n'
    lesson = next(iter(sorted((knowledge / "lessons").rglob("*.md"))))
    scene = next(iter(sorted((knowledge / "pictures").glob("*.svg"))))
    return {
        "guide.md": (guide_text().encode(), lambda path: read_guide(path, NO_FACTS)),
        "lessons/one.md": (lesson.read_bytes(), lambda path: load_lessons(path.parent)),
        "contacts.toml": ((knowledge / "contacts.toml").read_bytes()[:3000], shared),
        "glossary.toml": ((knowledge / "glossary.toml").read_bytes(), load_glossary),
        "names.toml": ((knowledge / "names.toml").read_bytes(), load_words),
        "scams.toml": ((knowledge / "scams.toml").read_bytes()[:4000], load_messages),
        "sources.toml": ((knowledge / "sources.toml").read_bytes()[:3000], load_sources),
        "safety.toml": ((prompts / "safety.toml").read_bytes(), load_safety),
        "replies.toml": ((prompts / "replies.toml").read_bytes(), replies),
        "law.pdf.toml": (told, side),
        "scene.svg": (scene.read_bytes(), read_scene),
        "utterances.jsonl": (
            b'{"says": "a", "act": "task", "guide": "b"}\n{"says": "c"}\n',
            load_utterances,
        ),
        "procedures.tsv": (b"1.004222\tA\n\tB\n", load_procedures),
    }


LOADERS = _loaders()


def try_file(folder: Path, name: str, data: bytes) -> None:
    """A file of knowledge/ or prompts/ as it is loaded at a start; what is wrong is an AssistantError."""
    path = folder / Path(name).stem / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with suppress(AssistantError):
        LOADERS[name][1](path)


def spliced(data: bytes, cuts: Sequence[tuple[float, int, bytes]]) -> bytes:
    """The bytes with some taken out and others put in, at places given as shares of the whole."""
    for share, gone, put in cuts:
        at = round(share * len(data))
        data = data[:at] + put + data[at + gone :]
    return data
