from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import FakeModel

from assistant.answering.prompts import Prompt
from assistant.config import ModelSettings
from assistant.errors import EvaluationError, ModelError
from assistant.evaluation.bench import _answer, answers, as_row, as_text, first_token, read_asked, speed
from assistant.models.llama import LlamaModel, LlamaOptions
from assistant.models.turns import Turns
from assistant.pipeline import Assistant

CONTRACT = {"prompt_tokens", "question_tokens", "cold_s", "prepared_s", "first_sentence_s", "ratio"}
QUESTIONS = [
    {"question": "Quên mật khẩu VNeID"},
    {"id": "2", "question": "Mất thẻ căn cước", "status": ["answered"], "today": "2026-11-22"},
    {"question": "Thế mất bao nhiêu tiền?", "previous": ["Đổi thẻ căn cước"]},
    {"question": "Mã OTP là gì?"},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in QUESTIONS), encoding="utf-8")
    return path


# The first word


@pytest.mark.slow
def test_a_guide_that_was_read_is_answered_from_sooner(assistant: Assistant, smollm_path: Path) -> None:
    options = LlamaOptions(context=512, threads=1)
    brief = replace(assistant, replies=replace(assistant.replies, rules="Answer."))
    found = first_token(brief, smollm_path, options, prompt_tokens=250, runs=1)
    row = as_row(found)
    assert row.keys() >= CONTRACT
    assert 200 < found.prompt_tokens <= 250
    assert found.cold_s > found.prepared_s > 0
    assert found.first_sentence_s >= found.prepared_s
    assert found.ratio > 1
    assert found.peer_cold_s is not None
    assert found.state_bytes > 1_000_000
    assert "prepared_s: " in as_text(found)


@pytest.mark.slow
def test_a_prompt_without_room_for_a_guide_is_refused(assistant: Assistant, smollm_path: Path) -> None:
    with pytest.raises(EvaluationError, match="--prompt-tokens 50 leaves no room"):
        first_token(assistant, smollm_path, LlamaOptions(context=512), prompt_tokens=50, runs=1)


# A PC's speed

SKY = Prompt("Answer in a sentence.", "The sky is blue. " * 20, "What colour is the sky?")


def test_what_a_pc_does_with_a_model_is_measured(smollm_path: Path) -> None:
    second = replace(SKY, question="Is the sky red?")
    found = speed(smollm_path, ModelSettings(context=512), SKY, second)
    assert found.model == smollm_path.name
    assert 80 < found.prompt_tokens < 512
    assert found.read_per_s == pytest.approx(found.prompt_tokens / found.first_word_s, rel=0.2)
    assert found.prepared_s > 0
    assert 0.1 < found.ram_gb < 20
    assert as_row(found).keys() > {"load_s", "written_per_s"}


def test_a_model_that_says_nothing_is_told(smollm_path: Path) -> None:
    model = LlamaModel(smollm_path, LlamaOptions(context=512, answer=1))
    with pytest.raises(ModelError, match=rf"{smollm_path.name} says nothing"):
        _answer(Turns(model), SKY)


# Whole answers


def test_everybodys_answers_are_timed(assistant: Assistant, file: Path) -> None:
    found = answers(assistant, read_asked(file), concurrency=3)
    assert (found.questions, found.concurrency, found.errors, found.uncited) == (4, 3, 0, 0)
    assert 0 < found.p50_ms <= found.p95_ms
    assert found.answers_per_s > 0
    assert found.peak_rss_mb >= found.end_rss_mb > 0
    assert (found.words_p50_ms, found.with_model) == (None, 0)


def test_the_models_words_are_timed_apart_from_the_card(assistant: Assistant, file: Path) -> None:
    model = FakeModel(["", "Bác gọi tổng đài 1900 0368 để được hỗ trợ."])
    found = answers(replace(assistant, model=model), read_asked(file), concurrency=1)
    assert found.with_model > 0
    assert found.words_p50_ms is not None
    assert found.words_p50_ms >= found.card_p50_ms > 0


def test_a_question_that_cannot_be_asked_is_counted_and_told(assistant: Assistant, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "?"}\n\n{"question": "Mã OTP là gì?"}\n', encoding="utf-8")
    found = answers(assistant, read_asked(path), concurrency=1)
    assert (found.questions, found.errors) == (1, 1)
    assert "holds no words" in found.failures[0]


def test_one_may_go_on_asking_for_a_time(assistant: Assistant, file: Path) -> None:
    found = answers(assistant, read_asked(file), concurrency=2, minutes=0.02)
    assert found.questions > 4
    assert found.start_rss_mb > 0


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "holds no questions"), ('{"question": "a"}\n{"q": 1}', r":2: .*question"), ("[", ":1: ")],
)
def test_a_file_that_is_no_list_of_questions_is_told(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(content)
    with pytest.raises(EvaluationError, match=message):
        read_asked(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_asked(tmp_path / "none.jsonl")


def test_a_model_that_is_not_there_is_told(assistant: Assistant, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        first_token(assistant, tmp_path / "none.gguf", LlamaOptions(), prompt_tokens=800, runs=1)
