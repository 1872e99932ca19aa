from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from conftest import FakeModel

from assistant.config import load_settings
from assistant.datatypes import Status
from assistant.errors import ModelError
from assistant.evaluation.answers import ExpectedAnswer
from assistant.evaluation.writing import Report, Written, as_text, write
from assistant.loading import load_model
from assistant.models.worker import WorkerModel
from assistant.pipeline import Assistant
from assistant.text.normalize import without_marks

QUESTION = "Mã OTP là gì?"
WRONG = "Bác gọi ngay số 1900 9999 để được hướng dẫn ạ. "
ENGLISH = "Please send us all of your documents now. "
TODAY = date(2026, 11, 22)


def expected(**changes: object) -> ExpectedAnswer:
    fields = {"id": "1", "kind": "plain", "question": QUESTION, "status": (Status.ANSWERED,), "today": TODAY}
    return ExpectedAnswer(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def summary(assistant: Assistant) -> str:
    """A sentence of the guide that answers the question."""
    card = assistant.answer(QUESTION, today=TODAY).card
    assert card is not None
    assert card.summary is not None
    return without_marks(card.summary).split(". ")[0].rstrip(".") + ". "


def written(assistant: Assistant, pieces: Iterable[str | Exception], **changes: object) -> Written:
    one = write(assistant, FakeModel(pieces), expected(**changes))
    assert one is not None
    return one


def test_what_is_shown_and_why_the_rest_is_not_is_told(assistant: Assistant, summary: str) -> None:
    one = written(assistant, [summary, WRONG, ENGLISH, "Bác nhớ"])
    assert one.shown == summary.strip()
    assert len(one.sentences) == 4
    assert len(one.refusals) == 3
    assert not any("1900" in reason for reason in one.refusals)  # kinds, not the words of the sentence
    row = Report("m", [one]).row()
    assert row["sentences"] == 4
    assert row["sentences_shown"] == 0.25
    assert sum(row["dropped"].values()) == 3
    assert row["answers_with_words"] == 1
    assert 0.3 < row["vietnamese"] < 1
    assert row["words_shown"] == len(summary.split())


def test_facts_told_and_forbidden_words_are_sought_in_what_was_shown(
    assistant: Assistant, summary: str
) -> None:
    words = " ".join(summary.split()[:3])
    told = written(assistant, [summary, WRONG], facts=(words, "1900 9999"), forbidden=(words, "1900 9999"))
    assert (told.facts, told.told, told.forbidden) == (2, 1, (words,))


def test_a_model_that_fails_is_counted_apart(assistant: Assistant, summary: str) -> None:
    failed = written(assistant, [summary, ModelError("no server answers")])
    row = Report("m", [failed]).row()
    assert (row["cards"], row["failed"], row["errors"]) == (1, 1, ["no server answers"])
    assert row["sentences_shown"] is None


@pytest.mark.parametrize("question", ["Giá vàng hôm nay?", "Chào cháu", "", "x" * 501])
def test_where_no_card_is_shown_no_model_is_asked(assistant: Assistant, question: str) -> None:
    model = FakeModel([WRONG])
    assert write(assistant, model, expected(question=question)) is None
    assert model.prompts == []


def test_models_stand_side_by_side(assistant: Assistant, summary: str) -> None:
    good = Report("tot.gguf", [written(assistant, [summary.strip()])]).row()
    bad = Report("kem.gguf", [written(assistant, [WRONG])]).row()
    lines = as_text({"tot.gguf": good, "kem.gguf": bad}).splitlines()
    assert lines[0].split() == ["tot.gguf", "kem.gguf"]
    assert ["sentences_shown", "1", "0"] in [line.split() for line in lines]
    assert ["words_shown", f"{len(summary.split())}", "–"] in [line.split() for line in lines]
    assert any(line.startswith("dropped: ") for line in lines)


@pytest.mark.slow
def test_a_real_model_that_knows_no_vietnamese_shows_nothing_wrong(
    assistant: Assistant, smollm_path: Path
) -> None:
    question = "Lương hưu năm 2026 tăng bao nhiêu?"  # its guide is the shortest
    brief = replace(assistant, replies=replace(assistant.replies, rules="Answer."))
    model = load_model(load_settings({"models": {"path": smollm_path, "answer": 24, "seconds": 300}}))
    assert isinstance(model, WorkerModel)
    with closing(model):
        wanted = expected(question=question, facts=("không có chữ này",), forbidden=("1900 9999",))
        one = write(brief, model, wanted)
    assert one is not None
    assert one.error == ""
    assert one.sentences
    assert one.forbidden == ()
    guide = assistant.answer(question, today=TODAY).text
    digits = {word for word in one.shown.split() if any(map(str.isdigit, word))}
    assert all(word.strip(".,") in guide for word in digits)
