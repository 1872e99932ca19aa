from __future__ import annotations

import json
from pathlib import Path

import pytest
from guide_text import guide_text

from assistant.knowledge.readability import as_row, as_text, read_readability

QUESTIONS = "[Đổi thẻ ở đâu?]"
PLAIN = {
    "summary": "Bác đổi thẻ ở xã.",
    "preparation": "- Bác mang thẻ.",
    "steps": "1. Bấm “Đổi thẻ”.",
    "cautions": "- Bác đổi thẻ ở xã.",
    "quick": "### Khó?\nBác đổi thẻ ở xã.",
}


def write(folder: Path, name: str, **changes: str | None) -> None:
    parts = {"id": name, "questions": QUESTIONS} | PLAIN | changes
    (folder / f"{name}.md").write_text(guide_text(**parts), encoding="utf-8")


def test_the_level_is_the_formula_of_nguyen_and_henkin(tmp_path: Path) -> None:
    write(tmp_path, "de", preparation=None, steps=None, cautions=None, quick=None)
    [row] = read_readability([tmp_path], [])
    # Bác 4, đổi 5 (the stroke of đ is no mark of its own), thẻ 4, ở 3, xã 3 characters with their marks.
    assert row.characters == pytest.approx((4 + 5 + 4 + 3 + 3) / 5)
    assert row.words == 5
    assert row.level == pytest.approx(2 * 3.8 + 0.2 * 5 - 6)


def test_longer_words_and_sentences_are_harder_and_come_first(tmp_path: Path) -> None:
    write(tmp_path, "de")
    write(
        tmp_path,
        "kho",
        summary="Những trường hợp nghiêng ngả khuếch trương thường nhường quyền chuyển nhượng.",
    )
    assert [row.guide for row in read_readability([tmp_path], [])] == ["kho", "de"]


def test_words_that_people_say_are_not_rare_and_labels_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, "de", summary="Bác đổi thẻ ở xã theo thẩm quyền.", steps="1. Bấm “Tích hợp” [1].")
    [row] = read_readability([tmp_path], ["Bác bấm đổi thẻ ở xã, mang theo gì?"] * 9)
    assert set(row.rarest) == {"thẩm", "quyền"}
    assert row.rare == pytest.approx(2 / 22)


def test_source_marks_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, "co-nguon", summary="Bác đổi thẻ ở xã [1] [12].")
    write(tmp_path, "khong-nguon")
    first, second = read_readability([tmp_path], [])
    assert first.level == second.level


def test_the_table_and_the_json_tell_every_guide_and_the_mean(tmp_path: Path) -> None:
    write(tmp_path, "de")
    write(tmp_path, "kho", summary="Bác nghiêng ngả khuếch trương ở xã.")
    rows = read_readability([tmp_path], [])
    table = as_text(rows).split("\n")
    assert [line.split()[-1] for line in (table[0], table[-1])] == ["guide", "mean"]
    assert "kho" in table[1]
    row = json.loads(json.dumps(as_row(rows)))
    assert [guide["guide"] for guide in row["guides"]] == ["kho", "de"]
    assert row["mean"]["level"] == pytest.approx(sum(guide.level for guide in rows) / 2)
