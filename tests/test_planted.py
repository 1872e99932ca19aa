"""A quick sample of `assistant evaluate checks`, with floors; the whole of it is a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.errors import EvaluationError
from assistant.evaluation.paraphrases import number_in_words
from assistant.evaluation.planted import (
    TRUE,
    Report,
    Sentence,
    Verdict,
    as_row,
    as_text,
    is_held,
    judged,
    made_sentences,
    read_sentences,
    shares,
)
from assistant.pipeline import Assistant

WRITTEN = Path(__file__).parent / "checks"
SAMPLE = (  # of either half
    "can-cuoc-cap-doi",
    "dang-ky-tam-tru",
    "mat-khau-otp",
    "bao-tro-xa-hoi",
    "cap-lai-giay-phep-lai-xe",
    "ho-chieu-cap-moi",
)
LETTERS = {  # must stand in the guide as they are
    "digit",
    "number word",
    "unit",
    "currency",
    "duration",
    "date",
    "range end",
    "phone",
    "invented phone",
    "link",
    "invented link",
    "law number",
    "form code",
    "label",
    "secret asked for",
    "foreign words",
    "foreign sentence",
}
MEANT = {
    "negation added",
    "negation removed",
    "condition dropped",
    "condition changed",
    "channel",
    "level of the place",
    "agency",
    "fee or time of another case",
    "copied from the question",
}


@pytest.fixture(scope="module")
def verdicts(assistant: Assistant) -> list[Verdict]:
    return judged(*made_sentences(assistant, SAMPLE))


def test_true_sentences_are_shown_and_wrong_ones_are_not(verdicts: list[Verdict]) -> None:
    counts = shares(verdicts)
    refused, total = counts[TRUE]
    assert total > 300
    assert refused <= 0.03 * total
    for kinds, floor in ((LETTERS, 0.99), (MEANT, 0.9)):
        caught = sum(counts.get(kind, (0, 0))[0] for kind in kinds)
        assert caught >= floor * sum(counts.get(kind, (0, 0))[1] for kind in kinds) > 0


def test_every_kind_is_known(verdicts: list[Verdict]) -> None:
    assert set(shares(verdicts)) - {TRUE} <= LETTERS | MEANT


def test_no_sentence_is_both_true_and_wrong(verdicts: list[Verdict]) -> None:
    true = {(one.sentence.guide, one.sentence.text) for one in verdicts if one.sentence.kind == TRUE}
    wrong = {(one.sentence.guide, one.sentence.text) for one in verdicts if one.sentence.kind != TRUE}
    assert len(true & wrong) == 0


def test_the_same_guide_makes_the_same_sentences(assistant: Assistant) -> None:
    assert made_sentences(assistant, ["can-cuoc-cap-doi"]) == made_sentences(assistant, ["can-cuoc-cap-doi"])


@pytest.mark.parametrize(
    ("name", "dropped", "caught"), [("tuning", 0.03, 0.95), ("practice", 0.08, 0.93), ("held", 0.15, 0.88)]
)
def test_sentences_written_by_hand(name: str, dropped: float, caught: float) -> None:
    """Of `held` totals only: it shows how far the rules go that were tuned on the others."""
    verdicts = judged(*read_sentences(WRITTEN / f"{name}.jsonl"))
    true = [one.reason is None for one in verdicts if one.sentence.kind == TRUE]
    wrong = [one.reason is not None for one in verdicts if one.sentence.kind != TRUE]
    assert len(true) >= 75 <= len(wrong)
    assert true.count(False) <= dropped * len(true)
    assert wrong.count(True) >= caught * len(wrong)


def test_a_report_lists_no_failure_of_a_held_half_or_file() -> None:
    shown = Verdict(Sentence("tam-tru", "digit", "Bác nộp 9 đồng."), None)
    dropped = Verdict(Sentence("tam-tru", TRUE, "Bác nộp hồ sơ."), "too short")
    report = Report([shown], [dropped], {"held.jsonl": [dropped], "mine.jsonl": [shown]}, 0.5)
    text = as_text(report, failures=True)
    assert text.count("Bác nộp 9 đồng.") == 2
    assert "Bác nộp hồ sơ." not in text
    assert "Bác nộp" not in as_text(report)
    assert as_row(report) == {
        "tuned": {"digit": {"refused": 0, "total": 1}},
        "held": {TRUE: {"refused": 1, "total": 1}},
        "files": {
            "held.jsonl": {TRUE: {"refused": 1, "total": 1}},
            "mine.jsonl": {"digit": {"refused": 0, "total": 1}},
        },
        "ms_per_sentence": 0.5,
    }


def test_guides_fall_into_two_halves(assistant: Assistant) -> None:
    guides = list(assistant.searcher.index.guides)
    assert 0.3 * len(guides) < sum(map(is_held, guides)) < 0.7 * len(guides)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    with pytest.raises(EvaluationError, match="guides.jsonl cannot be read"):
        read_sentences(file)
    (tmp_path / "guides.jsonl").write_text('{"guide": "a", "text": "A"}\n', encoding="utf-8")
    file.write_text('{"guide": "a", "kind": "true", "text": "B"}\n{"guide": 3}\n', encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"mine\.jsonl:2: "):
        read_sentences(file)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (4, "bốn"),
        (10, "mười"),
        (15, "mười lăm"),
        (21, "hai mươi mốt"),
        (50000, "năm mươi nghìn"),
        (1100000, "một triệu một trăm nghìn"),
    ],
)
def test_a_number_in_words(number: int, words: str) -> None:
    assert number_in_words(number) == words
