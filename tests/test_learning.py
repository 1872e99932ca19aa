from __future__ import annotations

from pathlib import Path

import pytest

from assistant.answering.anonymous import load_anonymous
from assistant.config import CHECKOUT
from assistant.evaluation.learning import marked
from assistant.evaluation.masking import Line, Personal, read_lines

MASKING = CHECKOUT / "tests" / "masking"


def test_each_word_of_a_name_has_its_label() -> None:
    hide = load_anonymous(CHECKOUT / "knowledge", "…")
    line = Line("1", "tôi là Lò Thị Mai, quên mã", (Personal("name", "Lò Thị Mai"),))
    words, labels = marked(hide, line)
    assert labels == ["O", "O", "B-name", "I-name", "I-name", "O", "O", "O"]
    assert "w=mai" in words[4]
    told, _ = marked(hide, line, told=False)
    assert "r=N" in words[2]
    assert "r=N" not in told[2]


@pytest.mark.parametrize("blind", ["held.jsonl", "lookalikes.jsonl", "more-held.jsonl"])
def test_nothing_that_is_only_counted_is_learned(blind: str) -> None:
    learned = {line.text for name in ("open.jsonl", "more.jsonl") for line in read_lines(MASKING / name)}
    assert not any(line.text in learned for line in read_lines(Path(MASKING / blind)))
