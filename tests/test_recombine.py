from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import EvaluationError
from assistant.evaluation.recombine import procedures, read_material

LONG = "Người dân nộp hồ sơ tại Ủy ban nhân dân cấp xã trong 15 ngày. "
ROWS: list[dict[str, Any]] = [
    {"id": "1", "title": "Đăng ký khai sinh", "trình_tự": LONG * 30, "lệ_phí": "Không"},
    {
        "id": "2",
        "title": "Đăng ký kết hôn",
        "content": {"hồ_sơ": "Tờ khai theo mẫu số 12 của bộ.\nThẻ căn cước."},
    },
    {"id": "3", "title": "Cấp lại thẻ căn cước cho công dân"},
    {"id": "4", "title": "", "text": "Không có tên thì không phải là thủ tục."},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    rows = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
    (tmp_path / "deep" / "rows.jsonl").write_text(rows, encoding="utf-8")
    return tmp_path


def test_there_are_as_many_sections_as_asked_for(folder: Path) -> None:
    made = list(procedures(read_material(folder), 200))
    assert sum(len(procedure.sections) for procedure in made) == 200
    assert len({procedure.document.id for procedure in made}) == len(made)
    assert len({section.id for procedure in made for section in procedure.sections}) == 200


def test_they_are_made_of_the_real_ones_and_always_the_same(folder: Path) -> None:
    made = list(procedures(read_material(folder), 200))
    assert made == list(procedures(read_material(folder), 200))
    assert [procedure.document.title for procedure in made[:3]] == [row["title"] for row in ROWS[:3]]
    sections = [section for procedure in made for section in procedure.sections]
    assert {section.heading for section in sections} == {"Trình tự", "Hồ sơ"}
    assert max(len(section.text.split()) for section in sections) < 150
    numbers = {word for section in sections for word in section.text.split() if word.isdecimal()}
    assert {"15", "12"} < numbers  # and others in their places


def test_a_folder_without_procedures_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no \\*\\.jsonl with rows"):
        read_material(tmp_path)
    (tmp_path / "x.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"x\.jsonl:1: "):
        read_material(tmp_path)
