"""Every lesson of knowledge/lessons has the parts that a class needs, and its rules have their sources."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from assistant.coaching.lessons import HEADINGS, PASS, Lesson, load_lessons
from assistant.config import CHECKOUT
from assistant.errors import KnowledgeError
from assistant.knowledge.guides import read_guide_file

FOLDER = CHECKOUT / "knowledge" / "lessons"
PATHS = sorted(FOLDER.glob("*.md"))
GUIDES = {path.stem for path in (CHECKOUT / "knowledge" / "guides").rglob("*.md")}


@pytest.fixture(scope="module")
def lessons() -> dict[str, Lesson]:
    return {lesson.id: lesson for lesson in load_lessons(FOLDER)}


def test_there_are_twelve_in_order(lessons: dict[str, Lesson]) -> None:
    assert list(lessons) == [path.stem for path in PATHS]
    assert [id_[:2] for id_ in lessons] == [f"{number:02}" for number in range(1, 13)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_lesson_is_complete(path: Path, lessons: dict[str, Lesson]) -> None:
    file, lesson = read_guide_file(path), lessons[path.stem]
    assert tuple(file.body) == HEADINGS
    assert file.front["audience"] == ["official"]
    assert isinstance(file.front["reviewed"], date)
    assert set(file.front["related"]) <= GUIDES
    assert lesson.title
    assert 5 <= lesson.minutes <= 20
    assert lesson.goals
    assert len(lesson.exercises) == 2
    for exercise in lesson.exercises:
        assert exercise.task
        assert 3 <= len(exercise.criteria) <= 5
        assert sum(criterion.points for criterion in exercise.criteria) == 10
    assert len(lesson.questions) == 5 > PASS
    for question in lesson.questions:
        assert len(set(question.answers)) == 4
        assert question.why


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_lesson_cites_its_sources_and_only_them(path: Path, lessons: dict[str, Lesson]) -> None:
    cited = {int(number) for number in re.findall(r"\[(\d+)\]", path.read_text(encoding="utf-8"))}
    assert cited == {source.number for source in lessons[path.stem].sources}
    assert all(lessons[path.stem].source(number).title for number in cited)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("## Ví dụ", "## Mẫu", "## Ví dụ is missing"),
        ("Đáp án: c", "Đáp án: e", "answers a) to d)"),
        ("(2 điểm)", "(hai điểm)", "a criterion is"),
        ("minutes: 12", "minutes: mười", "id"),
    ],
)
def test_a_broken_lesson_is_refused_with_file_and_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = PATHS[1].read_text(encoding="utf-8")
    assert old in text
    (tmp_path / PATHS[1].name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        load_lessons(tmp_path)
    problem = caught.value.problems[0]
    assert told in problem.message
    assert problem.path.name == PATHS[1].name
    assert problem.line > 0
