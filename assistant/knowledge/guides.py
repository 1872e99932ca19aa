"""knowledge/guides/**/*.md: front matter and body → Guide (the format is design.md §5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import yaml

from assistant.datatypes import (
    Detail,
    Document,
    Fee,
    Guide,
    Paper,
    QuickAnswer,
    Source,
    Step,
)
from assistant.errors import KnowledgeError, Problem
from assistant.knowledge.facts import SharedFacts, period_from, source_from

HEADINGS = ("Tóm tắt", "Chuẩn bị", "Các bước", "Lưu ý", "Hỏi nhanh")
_KEYS = frozenset(
    [
        "id",
        "kind",
        "title",
        "audience",
        "agency",
        "procedure_code",
        "sources",
        "reviewed",
        "supersedes",
        "questions",
        "related",
        "contacts",
        "fees",
        "time_limit",
        "place",
        "papers",
    ]
)
_REQUIRED = ("id", "kind", "title", "audience", "agency", "sources", "reviewed", "questions")
_STEP = re.compile(r"(\d+)\.\s+(.+)")
_OTHERWISE = re.compile(r"\s+Nếu khác:\s*(.+)")
_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same loader in C, where PyYAML has it
_IMAGE = re.compile(r"\s*!\[([^\]]*)\]\(([^)\s]+)(?:\s+\"([^\"]+)\")?\)\s*$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a guide with its number in the file, from 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class GuideFile:
    """A guide file taken apart: where everything stands, for messages that name file and line."""

    path: Path
    front: Mapping[str, Any]
    front_lines: Mapping[str, int]
    body: Mapping[str, tuple[Line, ...]]

    @contextmanager
    def at(self, key: str) -> Iterator[None]:
        """Turn what goes wrong while reading `key` into a KnowledgeError with its line."""
        try:
            yield
        except KeyError as error:
            raise KnowledgeError([self.problem(key, f"`{error.args[0]}` is missing")]) from error
        except (TypeError, AttributeError, ValueError) as error:
            raise KnowledgeError([self.problem(key, f"{key}: {error}")]) from error

    def problem(self, where: str | int, message: str) -> Problem:
        """A problem at a line, or at the line of a key of the front matter."""
        line = where if isinstance(where, int) else self.front_lines.get(where, 1)
        return Problem(self.path, line, message)


def guide_paths(*roots: Path) -> Iterator[Path]:
    """Every guide under the roots, sorted, so that a build is the same on every machine.

    What has the name and is no file is a damaged guide, and told when it is read.
    """
    for root in roots:
        yield from sorted(root.rglob("*.md"))


def read_guide_file(path: Path) -> GuideFile:
    """Split a file into front matter and headed lines; raises KnowledgeError with file and line."""
    try:
        # Windows Notepad begins a file with a byte order mark; utf-8-sig reads both.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError([Problem(path, 0, f"cannot be read: {error}")]) from error
    if lines[0].strip() != "---" or "---" not in [line.strip() for line in lines[1:]]:
        raise KnowledgeError([Problem(path, 1, "front matter must stand between two lines `---`")])
    end = next(i for i, line in enumerate(lines[1:], 1) if line.strip() == "---")
    try:
        node = yaml.compose("\n".join(lines[1:end]), Loader=_YAML)
        front = yaml.load("\n".join(lines[1:end]), Loader=_YAML)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise KnowledgeError([Problem(path, mark.line + 2 if mark else 1, str(error))]) from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # Of PyYAML itself: "2026-02-30" is no day, a tag stands before what it cannot mean, lists too deep.
        raise KnowledgeError([Problem(path, 2, f"front matter cannot be read: {error}")]) from error
    if not isinstance(front, dict) or not isinstance(node, yaml.MappingNode):
        raise KnowledgeError([Problem(path, 2, "front matter must be `key: value` lines")])
    front_lines = {str(key.value): key.start_mark.line + 2 for key, _ in node.value}
    if strange := [key for key in front if key not in front_lines]:
        raise KnowledgeError([Problem(path, 2, f"front matter has a key that is no word: {strange[0]!r}")])
    return GuideFile(path, front, front_lines, _headed(path, lines, end + 1))


def _headed(path: Path, lines: list[str], start: int) -> dict[str, tuple[Line, ...]]:
    body: dict[str, list[Line]] = {}
    heading = None
    for number, text in enumerate(lines[start:], start + 1):
        if text.startswith("## "):
            heading = text[3:].strip()
            if heading in body:
                raise KnowledgeError([Problem(path, number, f"## {heading} stands twice")])
            body[heading] = []
        elif text.strip():
            if heading is None:
                raise KnowledgeError([Problem(path, number, "text before the first ## heading")])
            body[heading].append(Line(number, text.rstrip()))
    return {key: tuple(value) for key, value in body.items()}


def parse_guide(file: GuideFile, facts: SharedFacts) -> Guide:
    """The Guide of a file; raises KnowledgeError for what cannot be understood at all.

    What can be understood but breaks a rule of writing is `check.py`'s matter.
    """
    front = file.front
    missing = [key for key in _REQUIRED if front.get(key) in (None, "", [])]
    unknown = sorted(front.keys() - _KEYS)
    problems = [file.problem(1, f"`{key}` is missing") for key in missing]
    problems += [file.problem(key, f"unknown key `{key}`") for key in unknown]
    problems += [file.problem(1, f"unknown heading ## {h}") for h in file.body if h not in HEADINGS]
    if "Tóm tắt" not in file.body:
        problems.append(file.problem(1, "## Tóm tắt is missing"))
    if problems:
        raise KnowledgeError(problems)
    with file.at("sources"):
        sources = tuple(source_from(row, row["n"]) for row in front["sources"])
    known = {source.number: source for source in sources}
    with file.at("fees"):
        fees = tuple(_fee(row, known, facts) for row in front.get("fees") or ())
    with file.at("time_limit"):
        times = tuple(_detail(row, known, facts) for row in front.get("time_limit") or ())
    with file.at("place"):
        places = tuple(_detail(row, known, facts) for row in front.get("place") or ())
    with file.at("papers"):
        papers = tuple(_paper(row, known) for row in front.get("papers") or ())
    return Guide(
        document=_document(file, sources),
        kind=str(front["kind"]),
        topic=file.path.parent.name,
        audience=_strings(file, "audience"),
        questions=_strings(file, "questions"),
        summary=" ".join(line.text for line in file.body["Tóm tắt"]),
        procedure_code=front.get("procedure_code"),
        related=_strings(file, "related"),
        contacts=_strings(file, "contacts"),
        fees=fees,
        time_limits=times,
        places=places,
        papers=papers,
        preparation=tuple(_item(line) for line in file.body.get("Chuẩn bị", ())),
        steps=_steps(file),
        cautions=tuple(_item(line) for line in file.body.get("Lưu ý", ())),
        quick_answers=_quick_answers(file),
    )


def read_guide(path: Path, facts: SharedFacts) -> Guide:
    """The Guide of a file; raises KnowledgeError."""
    return parse_guide(read_guide_file(path), facts)


def _document(file: GuideFile, sources: tuple[Source, ...]) -> Document:
    front = file.front
    with file.at("reviewed"):
        reviewed = msgspec.convert(front["reviewed"], date)
    return Document(
        id=str(front["id"]),
        title=str(front["title"]),
        agency=str(front["agency"]),
        sources=sources,
        reviewed=reviewed,
        supersedes=_strings(file, "supersedes"),
    )


def _strings(file: GuideFile, key: str) -> tuple[str, ...]:
    with file.at(key):
        return msgspec.convert(file.front.get(key) or [], tuple[str, ...])


def _fee(row: Mapping[str, Any], sources: Mapping[int, Source], facts: SharedFacts) -> Fee:
    return msgspec.convert(_dated(row, sources, facts), Fee)


def _detail(row: Mapping[str, Any], sources: Mapping[int, Source], facts: SharedFacts) -> Detail:
    return msgspec.convert(_dated(row, sources, facts), Detail)


def _paper(row: Mapping[str, Any], sources: Mapping[int, Source]) -> Paper:
    known = {"name", "form", "count", "note", "source"}
    if row.keys() - known:
        raise ValueError(f"unknown keys {sorted(row.keys() - known)}")
    return msgspec.convert({**row, "source": _source(row, sources)}, Paper)


def _dated(row: Mapping[str, Any], sources: Mapping[int, Source], facts: SharedFacts) -> dict[str, Any]:
    """A row of fees, time_limit or place; with `fact` the condition, period and source are the fact's."""
    known = {"amount", "text", "for", "channel", "condition", "from", "until", "source", "fact"}
    if row.keys() - known:
        raise ValueError(f"unknown keys {sorted(row.keys() - known)}")
    words = {key: row[key] for key in ("amount", "text", "channel", "condition") if key in row}
    words["purpose"] = row.get("for")
    if "fact" not in row:
        return words | {"source": _source(row, sources), "period": period_from(row)}
    if row["fact"] not in facts.facts:
        raise ValueError(f"fact `{row['fact']}` is not in facts.toml")
    fact = facts.facts[row["fact"]]
    words.setdefault("condition", fact.condition)
    return words | {"source": fact.source, "period": fact.period}


def _source(row: Mapping[str, Any], sources: Mapping[int, Source]) -> Source:
    if row.get("source") not in sources:
        raise ValueError(f"source {row.get('source')!r} is not among `sources`: {dict(row)}")
    return sources[row["source"]]


def _item(line: Line) -> str:
    return line.text.strip().removeprefix("- ")


def _steps(file: GuideFile) -> tuple[Step, ...]:
    steps: list[Step] = []
    for line in file.body.get("Các bước", ()):
        if match := _STEP.fullmatch(line.text):
            if int(match[1]) != len(steps) + 1:
                raise KnowledgeError([file.problem(line.number, f"step {len(steps) + 1} expected")])
            steps.append(Step(match[2]))
        elif not steps:
            raise KnowledgeError([file.problem(line.number, "a step must begin with `1. `")])
        elif match := _OTHERWISE.fullmatch(line.text):
            steps[-1] = replace(steps[-1], otherwise=match[1])
        elif match := _IMAGE.fullmatch(line.text):
            if steps[-1].image is not None:
                raise KnowledgeError([file.problem(line.number, "a step has one picture at most")])
            steps[-1] = replace(steps[-1], alt=match[1].strip(), image=match[2], label=match[3])
        else:
            message = "inside ## Các bước only `1. …`, indented `Nếu khác: …` or a picture may stand"
            raise KnowledgeError([file.problem(line.number, message)])
    return tuple(steps)


def _quick_answers(file: GuideFile) -> tuple[QuickAnswer, ...]:
    found: list[QuickAnswer] = []
    for line in file.body.get("Hỏi nhanh", ()):
        if line.text.startswith("### "):
            found.append(QuickAnswer(line.text[4:].strip(), ""))
        elif found:
            found[-1] = replace(found[-1], answer=f"{found[-1].answer} {line.text}".strip())
        else:
            raise KnowledgeError([file.problem(line.number, "## Hỏi nhanh must begin with ### question")])
    return tuple(found)
