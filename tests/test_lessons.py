"""Every lesson of knowledge/lessons has the parts that a class needs, and its rules have their sources."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant.config import CHECKOUT
from assistant.pipeline import Assistant

LESSONS = sorted((CHECKOUT / "knowledge" / "lessons").glob("*.md"))
HEADINGS = ["Mục tiêu", "Nội dung", "Ví dụ", "Bài tập", "Câu hỏi"]


def parts(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Front matter, and the text under each heading."""
    _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    pieces = re.split(r"^## (.+)$", body, flags=re.MULTILINE)[1:]
    return yaml.safe_load(front), dict(zip(pieces[::2], pieces[1::2], strict=True))


def test_there_are_twelve() -> None:
    assert [path.stem[:2] for path in LESSONS] == [f"{number:02}" for number in range(1, 13)]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_complete(path: Path, assistant: Assistant) -> None:
    front, body = parts(path)
    assert front["id"] == path.stem
    assert front["audience"] == ["official"]
    assert isinstance(front["reviewed"], date)
    assert set(front["related"]) <= assistant.searcher.index.guides.keys()
    assert list(body) == HEADINGS
    exercises = re.split(r"^### ", body["Bài tập"], flags=re.MULTILINE)[1:]
    assert len(exercises) == 2
    for exercise in exercises:
        criteria = re.findall(r"(\d+) điểm", exercise.split("Tiêu chí:")[1])
        assert 3 <= len(criteria) <= 5
        assert sum(map(int, criteria)) == 10
    questions = re.split(r"^### ", body["Câu hỏi"], flags=re.MULTILINE)[1:]
    assert len(questions) == 5
    for question in questions:
        assert re.findall(r"^- ([a-d])\) ", question, flags=re.MULTILINE) == list("abcd")
        assert re.search(r"^Đáp án: [a-d]$", question, flags=re.MULTILINE)
        assert re.search(r"^Giải thích: \S", question, flags=re.MULTILINE)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_cites_its_sources_and_only_them(path: Path) -> None:
    front, body = parts(path)
    cited = {int(number) for text in body.values() for number in re.findall(r"\[(\d+)\]", text)}
    assert cited == {source["n"] for source in front["sources"]}
