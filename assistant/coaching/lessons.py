"""knowledge/lessons/*.md → Lesson: what to read, exercises with a rubric, questions with four answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.datatypes import Source
from assistant.errors import KnowledgeError
from assistant.knowledge.facts import source_from
from assistant.knowledge.guides import GuideFile, Line, guide_paths, read_guide_file

HEADINGS = ("Mục tiêu", "Nội dung", "Ví dụ", "Bài tập", "Câu hỏi")
PASS = 4  # right answers of five that finish a lesson
_CRITERION = re.compile(r"- (.+) \((\d+) điểm\)")
_CHOICE = re.compile(r"- ([a-d])\) (.+)")
_RIGHT = re.compile(r"Đáp án: ([a-d])")
_WHY = re.compile(r"Giải thích: (.+)")
_RUBRIC = "Tiêu chí:"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a rubric, and what it is worth."""

    text: str
    points: int


@dataclass(frozen=True, slots=True)
class Exercise:
    """A task that people do on their own, and by what they judge it."""

    title: str
    task: str
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class QuizQuestion:
    """A question with four answers; `right` is the place of the right one, from 0."""

    text: str
    answers: tuple[str, ...]
    right: int
    why: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson. Texts keep their [n], the number of a source; lines that begin with "- " are items."""

    id: str
    title: str
    minutes: int
    sources: tuple[Source, ...]
    goals: tuple[str, ...]
    content: tuple[str, ...]
    example: tuple[str, ...]
    exercises: tuple[Exercise, ...]
    questions: tuple[QuizQuestion, ...]

    @property
    def activity(self) -> str:
        """Its name among what a class counts."""
        return f"lesson {self.id}"

    def source(self, number: int) -> Source:
        """The source of a mark [number]; KeyError where there is none."""
        for source in self.sources:
            if source.number == number:
                return source
        raise KeyError(f"{self.id} has no source {number}")


def load_lessons(folder: Path) -> tuple[Lesson, ...]:
    """Every lesson in order; raises KnowledgeError with file and line."""
    return tuple(_lesson(read_guide_file(path)) for path in guide_paths(folder))


def _lesson(file: GuideFile) -> Lesson:
    if missing := [heading for heading in HEADINGS if heading not in file.body]:
        raise KnowledgeError([file.problem(1, f"## {heading} is missing") for heading in missing])
    with file.at("sources"):
        sources = tuple(source_from(row, row["n"]) for row in file.front["sources"])
    with file.at("id"):
        front = str(file.front["id"]), str(file.front["title"]), int(file.front["minutes"])
    goals, content, example = (
        tuple(line.text.strip() for line in file.body[heading]) for heading in HEADINGS[:3]
    )
    exercises = tuple(_exercise(file, lines) for lines in _parts(file.body["Bài tập"]))
    questions = tuple(_question(file, lines) for lines in _parts(file.body["Câu hỏi"]))
    return Lesson(*front, sources, goals, content, example, exercises, questions)


def _parts(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """The lines under each ### heading, the heading first."""
    part: list[Line] = []
    for line in lines:
        if line.text.startswith("### ") and part:
            yield part
            part = []
        part.append(line)
    if part:
        yield part


def _title(line: Line) -> str:
    return line.text.removeprefix("### ").strip()


def _exercise(file: GuideFile, lines: Sequence[Line]) -> Exercise:
    texts = [line.text.strip() for line in lines]
    if _RUBRIC not in texts:
        raise KnowledgeError([file.problem(lines[0].number, f"the exercise has no line `{_RUBRIC}`")])
    at = texts.index(_RUBRIC)
    criteria = []
    for line in lines[at + 1 :]:
        found = _CRITERION.fullmatch(line.text.strip())
        if found is None:
            raise KnowledgeError([file.problem(line.number, "a criterion is `- what (n điểm)`")])
        criteria.append(Criterion(found[1], int(found[2])))
    return Exercise(_title(lines[0]), " ".join(texts[1:at]), tuple(criteria))


def _question(file: GuideFile, lines: Sequence[Line]) -> QuizQuestion:
    texts = [line.text.strip() for line in lines]
    answers = {found[1]: found[2] for text in texts if (found := _CHOICE.fullmatch(text))}
    right = next((found[1] for text in texts if (found := _RIGHT.fullmatch(text))), None)
    why = next((found[1] for text in texts if (found := _WHY.fullmatch(text))), None)
    if list(answers) != list("abcd") or right is None or why is None:
        message = "a question has answers a) to d), a line `Đáp án: a` and a line `Giải thích: …`"
        raise KnowledgeError([file.problem(lines[0].number, message)])
    return QuizQuestion(_title(lines[0]), tuple(answers.values()), "abcd".index(right), why)
