from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.datatypes import Section
from assistant.errors import EvaluationError
from assistant.evaluation.splitting import Part, as_text, read_parts, score, score_outline

BODY = "Công dân mang thẻ căn cước đến Công an xã, phường nơi cư trú để làm thủ tục."
PARTS = [Part("1.1 Đăng nhập", f"{BODY}\n- Bước 1: Mở ứng dụng"), Part("1.2 Mật khẩu", BODY)]


def write(folder: Path, parts: list[Part]) -> None:
    rows = [json.dumps({"heading": part.heading, "text": part.text}) for part in parts]
    (folder / "sections.jsonl").write_text("\n".join(rows), encoding="utf-8")


def test_what_is_printed_is_found_again_in_every_shape(tmp_path: Path) -> None:
    write(tmp_path, [*PARTS, *(Part(f"2.{n} Mục thứ {n}", f"{BODY}\n" * 9 + "Hết.") for n in range(1, 6))])
    scores = score_outline(tmp_path)
    assert [s.shape for s in scores] == ["fonts.pdf", "numbers.pdf", "styles.docx"]
    assert [(s.found, s.pages, s.texts, s.more) for s in scores] == [(7, 7, 7, 0)] * 3
    assert "found 7 of 7" in as_text(scores)


def test_what_is_missing_wrong_or_too_much_is_counted() -> None:
    sections = [
        Section("d#1", "d", "1.1 Đăng nhập", BODY, 1),
        Section("d#2", "d", "1.1 Đăng nhập", "- Bước 1: Mở ứng dụng", 1),
        Section("d#3", "d", "Khác", BODY, 1),
    ]
    found = score("a", PARTS, [2, 2], sections)
    assert (found.found, found.pages, found.texts, found.more) == (1, 0, 1, 1)
    assert found.missed == ("1.1 Đăng nhập", "1.2 Mật khẩu")


@pytest.mark.parametrize("text", [None, "{}", "no json"])
def test_a_folder_without_sections_is_an_error(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "sections.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(EvaluationError, match="sections.jsonl"):
        read_parts(tmp_path)
