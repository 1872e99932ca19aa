"""What every guide must satisfy (design.md §5): sources, plain language, nothing that can go stale.

Reports every problem with file and line; knows no index and no models. Plain language is plain.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from assistant.datatypes import Document, Guide, Step
from assistant.errors import KnowledgeError, Problem
from assistant.knowledge.facts import REFERENCE, SharedFacts, references, source_numbers
from assistant.knowledge.guides import HEADINGS, GuideFile, guide_paths, parse_guide, read_guide_file
from assistant.knowledge.pictures import ADDRESS, NO_SCENES, Scene, labels_in, words_of
from assistant.knowledge.plain import PlainWords, Statement, plain_problems, statements
from assistant.text.normalize import fold, without_marks

MAX_SUMMARY = 60  # words; design.md §5
QUESTION_COUNT = range(10, 26)
MIN_STEPS = 3
MAX_ALT = 20  # words that say what a picture shows
_KINDS = ("procedure", "explain", "safety")
_AUDIENCES = ("learner", "volunteer", "official")
_FORMS = (None, "original", "copy", "electronic", "form")
_CHANNELS = (None, "online", "in_person", "post")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_URL = re.compile(r"https?://[^\s\"”)]+")
_MONEY = re.compile(r"\d[\d.]*\s*(?:đồng|nghìn|ngàn|triệu|tỷ|đ\b)")
_PHONE = re.compile(
    r"(?<![\w/.-])(?:1[89]00[ .]?\d{4}|18001096|11[2-5]|156|5656|0\d{2,3}[ .]?\d{3}[ .]?\d{3,4})(?![\w/-])"
)
_NEEDS_SOURCE = re.compile(r"\d|“")
_STRAIGHT_QUOTE = re.compile(r"\"")


def check_knowledge(
    roots: Sequence[Path],
    facts: SharedFacts,
    words: PlainWords,
    scenes: Mapping[str, Scene] = NO_SCENES,
) -> tuple[tuple[Guide, ...], tuple[Problem, ...]]:
    """Read and check every guide under the roots; gives the readable guides and all problems.

    `scenes` are the pictures that steps may name.
    """
    guides: dict[str, tuple[Guide, GuideFile]] = {}
    problems: list[Problem] = []
    for path in guide_paths(*roots):
        try:
            file = read_guide_file(path)
            guide = parse_guide(file, facts)
        except KnowledgeError as error:
            problems.extend(error.problems)
            continue
        if guide.document.id in guides and _root(path, roots) == _root(
            guides[guide.document.id][1].path, roots
        ):  # a ward's guide may stand in for a shipped one
            other = guides[guide.document.id][1].path
            problems.append(file.problem("id", f"id `{guide.document.id}` is also in {other}"))
        guides[guide.document.id] = (guide, file)
        problems.extend(_guide_problems(guide, file, facts, words))
        problems.extend(_picture_problems(guide, file, facts, scenes))
    problems.extend(_problems_between(guides))
    return tuple(guide for guide, _ in guides.values()), tuple(problems)


def _root(path: Path, roots: Sequence[Path]) -> Path | None:
    return next((root for root in roots if path.is_relative_to(root)), None)


def _problems_between(guides: dict[str, tuple[Guide, GuideFile]]) -> Iterator[Problem]:
    asked: dict[str, str] = {}
    for id_, (guide, file) in guides.items():
        for related in guide.related:
            if related not in guides:
                yield file.problem("related", f"related guide `{related}` does not exist")
        for question in guide.questions:
            owner = asked.setdefault(fold(question).strip(" ?"), id_)
            if owner != id_:
                yield file.problem("questions", f"“{question}” is also a question of {owner}")


def _guide_problems(
    guide: Guide, file: GuideFile, facts: SharedFacts, words: PlainWords
) -> Iterator[Problem]:
    yield from _front_problems(guide, file, facts)
    yield from _structure_problems(guide, file)
    for statement in statements(file):
        yield from _statement_problems(statement, guide, file, facts)
    yield from plain_problems(file, words)


def _front_problems(guide: Guide, file: GuideFile, facts: SharedFacts) -> Iterator[Problem]:
    document = guide.document
    if document.id != file.path.stem or not _SLUG.fullmatch(document.id):
        yield file.problem("id", f"id `{document.id}` must be the file name without .md, in a–z, 0–9 and -")
    if guide.kind not in _KINDS:
        yield file.problem("kind", f"kind `{guide.kind}` is none of {', '.join(_KINDS)}")
    for audience in guide.audience:
        if audience not in _AUDIENCES:
            yield file.problem("audience", f"audience `{audience}` is none of {', '.join(_AUDIENCES)}")
    yield from _source_problems(document, file)
    if len(guide.questions) not in QUESTION_COUNT:
        yield file.problem("questions", f"{len(guide.questions)} questions; 10–25 are needed")
    for contact in guide.contacts:
        if contact not in facts.contacts:
            yield file.problem("contacts", f"contact `{contact}` is not in contacts.toml")
    yield from _row_problems(guide, file)


def _source_problems(document: Document, file: GuideFile) -> Iterator[Problem]:
    numbers = [source.number for source in document.sources]
    if numbers != sorted(set(numbers)):
        yield file.problem("sources", f"source numbers must rise, each once: {numbers}")
    for source in document.sources:
        if source.url is not None and not _URL.fullmatch(source.url):
            yield file.problem("sources", f"source {source.number}: url `{source.url}` is not a web address")
        if source.date is not None and not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", source.date):
            yield file.problem("sources", f"source {source.number}: date `{source.date}` is not ISO 8601")


def _row_problems(guide: Guide, file: GuideFile) -> Iterator[Problem]:
    for paper in guide.papers:
        if paper.form not in _FORMS:
            yield file.problem("papers", f"form `{paper.form}` is none of original, copy, electronic, form")
    for key, rows in (("fees", guide.fees), ("time_limit", guide.time_limits), ("place", guide.places)):
        for row in rows:
            if row.channel not in _CHANNELS:
                yield file.problem(key, f"channel `{row.channel}` is none of online, in_person, post")


def _structure_problems(guide: Guide, file: GuideFile) -> Iterator[Problem]:
    order = [heading for heading in HEADINGS if heading in file.body]
    if list(file.body) != order:
        yield file.problem(1, f"headings must stand in the order {', '.join(HEADINGS)}")
    needed = HEADINGS if guide.kind == "procedure" else ("Tóm tắt", "Lưu ý", "Hỏi nhanh")
    for heading in needed:
        if not file.body.get(heading):
            yield file.problem(1, f"## {heading} is missing or empty")
    if guide.kind == "procedure" and len(guide.steps) < MIN_STEPS:
        yield file.problem(1, f"{len(guide.steps)} steps; a procedure needs at least {MIN_STEPS}")
    for answer in guide.quick_answers:
        if not answer.answer:
            yield file.problem(1, f"### {answer.question} has no answer")
    summary = len(without_marks(guide.summary).split())
    if summary > MAX_SUMMARY:
        yield file.problem(1, f"## Tóm tắt has {summary} words, at most {MAX_SUMMARY}")


def _statement_problems(
    statement: Statement, guide: Guide, file: GuideFile, facts: SharedFacts
) -> Iterator[Problem]:
    text, line = statement.text, statement.line
    numbers = source_numbers(text)
    used = references(text)
    for number in numbers:
        if number not in {source.number for source in guide.document.sources}:
            yield file.problem(line, f"source [{number}] is not in the front matter")
    for reference in used:
        if reference not in facts:
            yield file.problem(line, "{{" + reference + "}} is in neither facts.toml nor contacts.toml")
    if _NEEDS_SOURCE.search(re.sub(r"\{\{.*?\}\}|\[\d+\]", "", text)) and not numbers and not used:
        yield file.problem(line, f"a number or a button label needs its source [n]: “{text}”")
    if guide.kind == "procedure" and (found := _MONEY.search(text)):
        yield file.problem(line, f"“{found[0]}”: amounts stand in `fees` or facts.toml, not in the text")
    bare = re.sub(r"\{\{.*?\}\}", "", text)
    if found := _PHONE.search(bare):
        yield file.problem(line, f"“{found[0]}”: write a hotline as {{{{id}}}} of contacts.toml")
    if found := ADDRESS.search(bare):
        known = " ".join(contact.value for contact in facts.contacts.values())
        known += " ".join(source.url or source.title for source in guide.document.sources)
        if found[0].lower() not in known.lower():
            yield file.problem(line, f"“{found[0]}” stands in no source of this guide nor in contacts.toml")
    if _STRAIGHT_QUOTE.search(text):
        yield file.problem(line, "button labels stand in “…”, not in straight quotes")


def _picture_problems(
    guide: Guide, file: GuideFile, facts: SharedFacts, scenes: Mapping[str, Scene]
) -> Iterator[Problem]:
    lines = [line for line in file.body.get("Các bước", ()) if line.text.lstrip().startswith("![")]
    steps = [step for step in guide.steps if step.image is not None]
    for line, step in zip(lines, steps, strict=True):
        for message in _picture_messages(step, facts, scenes):
            yield file.problem(line.number, message)


def _picture_messages(step: Step, facts: SharedFacts, scenes: Mapping[str, Scene]) -> Iterator[str]:
    if len(step.alt.split()) not in range(1, MAX_ALT + 1):
        yield f"the text for a picture, in ![…], has {len(step.alt.split())} words; 1–{MAX_ALT} are needed"
    text = REFERENCE.sub(lambda match: _value(match[1], facts), step.text)
    for said in labels_in(step.alt) + ([step.label] if step.label else []):
        if said not in text:
            yield f"“{said}” does not stand in the step"
    scene = scenes.get(step.image or "")
    if scene is None:
        yield f"picture `{step.image}` is not in knowledge/pictures"
        return
    words = words_of(text, step.label)
    for name in scene.missing(words):
        what = "web address" if name == "address" else f"“label” number {name}"
        yield f"picture `{step.image}` shows a {what}, and the step has none"
    for label in scene.too_long(words):
        yield f"picture `{step.image}` has no room for “{label}”"


def _value(reference: str, facts: SharedFacts) -> str:
    """What {{id}} is filled in with; nothing if there is none, which is told elsewhere."""
    if reference in facts.contacts:
        return facts.contacts[reference].value
    return facts.facts[reference].text if reference in facts.facts else ""
