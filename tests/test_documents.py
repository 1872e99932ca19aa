from __future__ import annotations

import json
import random
from pathlib import Path

import pdf_files
import pytest
from pdf_files import TEXT

from assistant.errors import EvaluationError
from assistant.evaluation.documents import accuracy, add_up, as_text, distance, score_documents


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("abcd", "bcda", 2),
        ("a", "a", 0),
    ],
)
def test_distance_counts_edits(one: str, other: str, edits: int) -> None:
    assert distance(one, other) == edits
    assert distance(list(one), list(other)) == edits


def slow_distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def test_distance_agrees_with_the_textbook() -> None:
    chance = random.Random(1)
    for _ in range(200):
        one, other = ("".join(chance.choices("abc", k=chance.randrange(90))) for _ in range(2))
        assert distance(one, other) == slow_distance(one, other)


def test_accuracy_is_the_share_without_edits() -> None:
    assert accuracy("một hai".split(), "một ba".split()) == 0.5
    assert accuracy("", "") == 1.0


def test_a_folder_is_scored_file_by_file(tmp_path: Path) -> None:
    pdf_files.clean(tmp_path / "a.pdf")
    pdf_files.clean(tmp_path / "b.pdf")
    pdf_files.bomb(tmp_path / "c.pdf")
    truth = {"a.pdf": TEXT, "b.pdf": TEXT.replace("phường", "thị trấn"), "c.pdf": ""}
    (tmp_path / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    scores = score_documents(tmp_path)
    assert [(s.file, s.status) for s in scores] == [
        ("a.pdf", "ok"),
        ("b.pdf", "ok"),
        ("c.pdf", "quarantined"),
    ]
    assert (scores[0].characters, scores[0].syllables) == (1.0, 1.0)
    assert 0.9 < (scores[1].syllables or 0) < 1
    totals = add_up(scores)
    assert (totals.files, totals.read, totals.quarantined, totals.compared) == (3, 2, 1, 2)
    assert "quarantined" in as_text(scores)


@pytest.mark.parametrize("truth", [None, "[]", '{"gone.pdf": ""}'])
def test_a_folder_without_its_truth_is_an_error(tmp_path: Path, truth: str | None) -> None:
    if truth is not None:
        (tmp_path / "truth.json").write_text(truth, encoding="utf-8")
    with pytest.raises(EvaluationError, match="truth.json"):
        score_documents(tmp_path)
