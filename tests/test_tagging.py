from __future__ import annotations

from pathlib import Path

import pytest

from assistant.answering.tagging import OUTSIDE, load_tagger, weights_of
from assistant.config import CHECKOUT
from assistant.errors import KnowledgeError
from assistant.evaluation.learning import save

TAGGER = weights_of(
    {("w=lan", "B-name"): 2.0, ("w=anh", "I-name"): 1.0, ("b", OUTSIDE): 1.5},
    {("B-name", "I-name"): 1.0, (OUTSIDE, "I-name"): -9.0},
)


def test_the_path_counts_and_not_the_word_alone() -> None:
    assert TAGGER.tags([["w=lan", "b"], ["w=anh", "b"]]) == ["B-name", "I-name"]
    assert TAGGER.tags([["w=x", "b"], ["w=anh", "b"]]) == [OUTSIDE, OUTSIDE]
    assert TAGGER.tags([]) == []


def test_weights_are_read_as_they_were_written(tmp_path: Path) -> None:
    save(TAGGER, tmp_path / "tagger.json")
    assert load_tagger(tmp_path / "tagger.json") == TAGGER


@pytest.mark.parametrize(
    "text",
    ["{", '{"labels": ["O"], "transitions": [], "features": {}}', "", "null"],
)
def test_broken_weights_are_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tagger.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"tagger\.json"):
        load_tagger(path)


def test_the_weights_of_the_project_can_be_read() -> None:
    assert OUTSIDE in load_tagger(CHECKOUT / "knowledge" / "tagger.json").labels
