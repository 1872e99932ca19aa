from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.config import CHECKOUT, Settings
from assistant.errors import EvaluationError
from assistant.evaluation.masking import Outcome, as_row, as_text, evaluate, keeper

OPEN = CHECKOUT / "tests" / "masking" / "open.jsonl"


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """What is kept of the texts that the rules were tuned on."""
    return evaluate([OPEN], keeper(Settings()))


def test_most_of_what_tells_who_wrote_is_caught_and_little_else(outcomes: list[Outcome]) -> None:
    row = as_row(outcomes)
    assert row["texts"] >= 300
    assert row["recall"]["share"] >= 0.96
    assert min(kind["share"] for kind in row["kinds"].values()) >= 0.93
    assert row["writings"]["accented"]["share"] >= 0.98
    assert row["writings"]["unaccented"]["share"] >= 0.88
    assert row["false_alarms"]["share"] <= 0.02


def test_a_value_of_which_a_part_is_left_is_not_caught(tmp_path: Path) -> None:
    path = tmp_path / "open.jsonl"
    lines = [
        {"id": "1", "text": "Hà gọi 0912 345 678", "personal": [{"kind": "phone", "value": "0912 345 678"}]},
        {"id": "2", "text": "tôi là Lan", "personal": [{"kind": "name", "value": "Lan"}]},
        {"id": "3", "text": "lan can của Lan", "personal": [{"kind": "name", "value": "Lan"}]},
        {"id": "4", "text": "mất thẻ"},
        {"id": "5", "text": "đổi thẻ"},
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    kept = {
        "Hà gọi 0912 345 678": "Hà gọi … 678",
        "tôi là Lan": "tôi là …",
        "lan can của Lan": "lan can của …",
        "đổi thẻ": "đổi …",
    }
    outcomes = evaluate([path], lambda text: kept.get(text, text))
    assert [outcome.caught for outcome in outcomes] == [(False,), (True,), (True,), (), ()]
    row = as_row(outcomes)
    assert row["kinds"] == {
        "name": {"share": 1.0, "count": 2, "of": 2},
        "phone": {"share": 0.0, "count": 0, "of": 1},
    }
    assert row["false_alarms"] == {"share": 0.5, "count": 1, "of": 2}
    assert "Hà gọi … 678" in as_text(outcomes, failures=True)
    held = path.rename(tmp_path / "held.jsonl")
    assert "678" not in as_text(evaluate([held], lambda text: text), failures=True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "open.jsonl:1: "),
        ('{"id": "1"}', "text"),
        ('{"id": "1", "text": "a", "personal": [{"kind": "name", "value": "Lan"}]}', "is not in the text"),
    ],
)
def test_a_broken_line_is_told(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "open.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(EvaluationError, match=said):
        evaluate([path], str)
    with pytest.raises(EvaluationError, match="cannot be read"):
        evaluate([tmp_path / "none.jsonl"], str)
