from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assistant.config import CHECKOUT
from assistant.datatypes import Status
from assistant.errors import EvaluationError
from assistant.evaluation.answers import (
    ExpectedAnswer,
    Judgement,
    as_row,
    as_text,
    calibration_error,
    judge,
    read_questions,
    reliability,
    tally,
)
from assistant.pipeline import Assistant

SETS = CHECKOUT / "tests" / "questions"
# Share right of the whole set; a change that falls below has made the product worse.
FLOORS = {
    "tuning.jsonl": 0.92,
    "more.jsonl": 0.88,
    "conversations.jsonl": 0.83,
    "conversations2.jsonl": 0.79,
    "declines.jsonl": 0.84,
    "superseded.jsonl": 0.95,
    "held.jsonl": 0.85,
    "held2.jsonl": 0.86,
    "held3.jsonl": 0.83,
    "opened.jsonl": 0.9,
    "several.jsonl": 0.78,
    "corrections.jsonl": 0.78,
    "spoken.jsonl": 0.92,
}


@pytest.fixture(scope="module")
def judged(assistant: Assistant) -> dict[str, list[Judgement]]:
    """Every line of every set, asked once."""
    return {name: [judge(assistant, line) for line in read_questions(SETS / name)] for name in FLOORS}


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOORS)
def test_the_question_sets_hold_their_share(judged: dict[str, list[Judgement]], name: str) -> None:
    judgements = judged[name]
    right = sum(not judgement.reasons for judgement in judgements) / len(judgements)
    failed = [f"{j.expected.id}: {'; '.join(j.reasons)}" for j in judgements if j.reasons]
    assert right >= FLOORS[name], "\n".join(failed)


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOORS)
def test_no_answer_says_what_is_forbidden(judged: dict[str, list[Judgement]], name: str) -> None:
    assert [
        j.expected.id for j in judged[name] if any(reason.startswith("says") for reason in j.reasons)
    ] == []


def expected(**changes: object) -> ExpectedAnswer:
    fields = {"id": "1", "kind": "plain", "question": "Quên passcode VNeID", "status": (Status.ANSWERED,)}
    return ExpectedAnswer(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"documents": ("dang-ky-tam-tru",)}, "expected dang-ky-tam-tru"),
        ({"facts": ("không có chữ này",)}, "lacks"),
        ({"forbidden": ("Quên passcode",)}, "says"),
        ({"status": (Status.OUT_OF_SCOPE,)}, "status answered"),
        ({"question": ""}, "refused"),
    ],
)
def test_each_way_of_being_wrong_is_told(
    assistant: Assistant, changes: dict[str, object], reason: str
) -> None:
    assert reason in "; ".join(judge(assistant, expected(**changes)).reasons)


def test_an_amount_is_not_found_inside_another(assistant: Assistant) -> None:
    question = "Đổi thẻ căn cước mất bao nhiêu tiền?"  # 25.000 đồng
    judged = judge(assistant, expected(question=question, forbidden=("5.000 đồng",)))
    assert judged.reasons == ()


def test_a_decline_of_what_should_be_answered_counts_apart(assistant: Assistant) -> None:
    tallies = tally([judge(assistant, expected(question="Giá vàng hôm nay?"))])
    assert (tallies["plain"].declined, tallies["plain"].wrong) == (1, 0)


def judged_as(came: Status, *documents: str, likelihood: float | None = None, **changes: object) -> Judgement:
    return Judgement(expected(**changes), came.value, (), frozenset(documents), likelihood)


def test_each_wrong_decision_has_its_rate_among_the_questions_where_it_could_be_made() -> None:
    wanted: dict[str, Any] = {"documents": ("a",)}
    outside: dict[str, Any] = {"status": (Status.OUT_OF_SCOPE,)}
    row = as_row(
        [
            judged_as(Status.ANSWERED, "a", **wanted),
            judged_as(Status.ANSWERED, "b", **wanted),
            judged_as(Status.CLARIFY, "b", "c", **wanted),
            judged_as(Status.NOT_COVERED, **wanted),
            judged_as(Status.ANSWERED, "b", kind="odd", **outside),
            judged_as(Status.ANSWERED, kind="odd", **outside),  # small talk: no guide
        ]
    )
    assert row["plain"]["wrong_guide"] == {"count": 1, "of": 4, "share": 0.25}
    assert row["overall"]["wrong_guide"] == {"count": 1, "of": 4, "share": 0.25}
    assert row["overall"]["false_decline"] == {"count": 1, "of": 4, "share": 0.25}
    assert row["overall"]["answered_outside"] == {"count": 1, "of": 2, "share": 0.5}
    assert row["overall"]["clarified"]["count"] == 1
    assert row["plain"]["answered_outside"]["share"] is None


def test_likelihoods_are_compared_with_how_often_they_were_right() -> None:
    judgements = [
        judged_as(Status.ANSWERED, "a", likelihood=0.9, documents=("a",)),
        judged_as(Status.ANSWERED, "b", likelihood=0.9, documents=("a",)),
        judged_as(Status.CLARIFY, "a", "b", likelihood=1.0, documents=("a",)),
        judged_as(Status.OUT_OF_SCOPE, likelihood=0.3, documents=("a",)),
        judged_as(Status.ANSWERED),  # nothing was weighed
    ]
    bins = reliability(judgements)
    assert [(one.count, round(one.likelihood, 3), round(one.right, 3)) for one in bins] == [
        (1, 0.3, 0.0),
        (3, 0.933, 0.667),
    ]
    assert calibration_error(bins) == pytest.approx((0.3 + 0.8) / 4)
    assert calibration_error([]) is None
    assert "calibration error  0.275" in as_text(judgements)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text('{"id": "1"}\n', encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"set\.jsonl:1"):
        read_questions(file)
