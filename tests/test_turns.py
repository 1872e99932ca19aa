from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import cast

import pytest

from assistant.answering.checks import Evidence
from assistant.answering.prompts import Prompt
from assistant.datatypes import Status
from assistant.errors import ModelError
from assistant.models.llama import LlamaModel, LlamaOptions
from assistant.models.prefix import times_asked
from assistant.models.turns import Turn, Turns
from assistant.pipeline import Assistant
from assistant.text.normalize import sentences

pytestmark = pytest.mark.slow

SKY = Prompt("Answer in one short sentence.", "The sky is blue. Grass is green.", "What colour is the sky?")
COUNT = replace(SKY, question="Count from one to one thousand in words, and never stop.")
MANY = 10**9
TODAY = date(2026, 11, 22)


class Watched(Turns):
    """Counts the tokens of prefixes and questions that the model has to read."""

    read = 0

    def _pass(self) -> list[tuple[Turn, str]]:
        self.read += sum(len(part) for owner, part in self._plan() if not getattr(owner, "written", 0))
        return super()._pass()


def said(turns: Turns, prompt: Prompt) -> str:
    return "".join(turns.stream(prompt))


def all_said(turns: Turns, prompts: list[Prompt]) -> list[str]:
    asked = [turns.ask(prompt) for prompt in prompts]
    text = dict.fromkeys(asked, "")
    while turns.busy:
        for turn, piece in turns.step():
            text[turn] += piece
    return list(text.values())


# Answering


def test_a_real_model_answers_from_the_guide(turns: Turns) -> None:
    assert "blue" in said(turns, SKY).lower()


def test_the_answer_comes_in_pieces_without_control_tokens(turns: Turns) -> None:
    pieces = list(turns.stream(SKY))
    assert len(pieces) > 1
    assert "<|" not in "".join(pieces)


def test_vietnamese_letters_arrive_whole(turns: Turns) -> None:
    """A letter may be cut over several tokens."""
    prompt = Prompt("Repeat the text.", "Căn cước công dân, đặt lịch, chữ ký.", "Căn cước công dân, đặt lịch")
    assert "\ufffd" not in said(turns, prompt)


def test_the_answer_is_no_longer_than_asked_for(turns: Turns) -> None:
    assert 0 < len(list(turns.stream(COUNT))) <= 64


def test_the_same_question_gets_the_same_words(turns: Turns) -> None:
    first = said(turns, SKY)
    said(turns, replace(SKY, question="Why is the grass green?"))
    assert said(turns, SKY) == first


# Several people


def test_two_who_ask_at_once_are_both_answered(turns: Turns) -> None:
    snow = Prompt(SKY.rules, "Snow is white.", "What colour is snow?")
    sky, white = all_said(turns, [SKY, snow])
    assert "blue" in sky.lower()
    assert "white" in white.lower()


def test_people_beyond_the_seats_wait_for_their_turn(turns: Turns) -> None:
    answers = all_said(turns, [replace(SKY, question=f"{n}. What colour is the sky?") for n in range(7)])
    assert len([answer for answer in answers if answer]) == 7


def test_guides_that_do_not_fit_together_wait_for_each_other(smollm_path: Path) -> None:
    turns = Turns(LlamaModel(smollm_path, LlamaOptions(context=256, answer=16, threads=1)))
    guides = [f"The sky is {colour}. {'It is so. ' * 20}" for colour in ("blue", "red", "green")]
    for guide, answer in zip(guides, all_said(turns, [replace(SKY, guide=g) for g in guides]), strict=True):
        assert answer, guide[:20]


def test_one_who_leaves_does_not_take_the_others_along(turns: Turns) -> None:
    left = False
    gone, stays = turns.ask(COUNT, lambda: left), turns.ask(SKY)
    text = ""
    while turns.busy:
        for turn, piece in turns.step():
            text += piece if turn is stays else ""
        left = bool(text)
    assert gone.ended
    assert "blue" in text.lower()


# Guides are read once


def test_a_second_question_on_a_guide_is_all_that_is_read(smollm: LlamaModel) -> None:
    smollm.forget()
    turns = Watched(smollm)
    said(turns, SKY)
    before = turns.read
    follow_up = replace(SKY, question="And the grass?")
    said(turns, follow_up)
    assert turns.read - before == len(smollm.prompt_tokens(follow_up).question)


def test_two_who_ask_about_one_guide_have_it_read_once(smollm: LlamaModel) -> None:
    smollm.forget()
    turns = Watched(smollm)
    other = replace(SKY, question="And the grass?")
    all_said(turns, [SKY, other])
    one, two = smollm.prompt_tokens(SKY), smollm.prompt_tokens(other)
    assert turns.read == one.size + len(two.question)


def test_the_rules_are_read_once_for_all_guides(smollm: LlamaModel) -> None:
    smollm.forget()
    turns = Watched(smollm)
    said(turns, SKY)
    before = turns.read
    snow = replace(SKY, guide="Snow is white.")
    said(turns, snow)
    assert turns.read - before == smollm.prompt_tokens(snow).size - len(smollm.prompt_tokens(SKY).rules)


def test_after_a_restart_the_answer_is_the_same_and_only_the_question_is_read(
    smollm: LlamaModel, tmp_path: Path
) -> None:
    smollm.forget()
    fresh = said(Turns(smollm, tmp_path, MANY), SKY)
    smollm.forget()
    turns = Watched(smollm, tmp_path, MANY)
    assert said(turns, SKY) == fresh
    assert turns.read == len(smollm.prompt_tokens(SKY).question)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(("cache", "kept"), [("f16", 1), ("q8_0", 2)])
def test_a_guide_nobody_asks_about_leaves_where_it_slows_the_others(
    smollm_path: Path, tmp_path: Path, cache: str, kept: int
) -> None:
    """Flash attention, which needs no f16, skips what belongs to others."""
    model = LlamaModel(smollm_path, LlamaOptions(context=512, answer=8, cache=cache))
    turns = Turns(model, tmp_path, MANY)
    for guide in ("The sky is blue.", "Grass is green.", "The sky is blue."):
        assert said(turns, replace(SKY, guide=guide))
    assert len(turns._guides) == kept


def test_a_damaged_state_is_read_anew(smollm: LlamaModel, tmp_path: Path) -> None:
    smollm.forget()
    fresh = said(Turns(smollm, tmp_path, MANY), SKY)
    for damage in (flip, cut, lambda path: path.write_bytes(b"")):
        for path in tmp_path.glob("*.state"):
            damage(path)
        smollm.forget()
        turns = Watched(smollm, tmp_path, MANY)
        assert said(turns, SKY) == fresh
        assert turns.read == smollm.prompt_tokens(SKY).size


def test_a_state_of_another_model_is_not_taken(smollm: LlamaModel, smollm_path: Path, tmp_path: Path) -> None:
    other = LlamaModel(smollm_path, LlamaOptions(context=2048, cache="q8_0", threads=1))
    said(Turns(other, tmp_path, MANY), SKY)
    theirs = sorted(tmp_path.glob("*.state"))
    smollm.forget()
    fresh = said(Turns(smollm, tmp_path, MANY), SKY)
    ours = sorted(set(tmp_path.glob("*.state")) - set(theirs))
    assert len(ours) == len(theirs) == 2  # rules and guide
    for mine, foreign in zip(ours, theirs, strict=True):
        mine.write_bytes(foreign.read_bytes())  # under our name
    smollm.forget()
    assert said(Turns(smollm, tmp_path, MANY), SKY) == fresh


def test_guides_are_read_beforehand_while_nobody_asks(smollm: LlamaModel, tmp_path: Path) -> None:
    smollm.forget()
    turns = Watched(smollm, tmp_path, MANY)
    snow = replace(SKY, guide="Snow is white.")
    turns.prepare([SKY, snow])
    while turns.idle():
        pass
    assert turns.prepared == 2
    said(turns, replace(snow, question="What is white?"))
    assert turns.read == len(smollm.prompt_tokens(replace(snow, question="What is white?")).question)


def test_reading_beforehand_ends_where_the_budget_does(smollm: LlamaModel, tmp_path: Path) -> None:
    smollm.forget()
    guides = [replace(SKY, guide=f"{n}. The sky is blue.") for n in range(5)]
    budget = 500_000
    turns = Turns(smollm, tmp_path, budget)
    turns.prepare(guides)
    while turns.idle():
        pass
    first = {path.name for path in tmp_path.glob("*.state")}
    assert 0 < turns.prepared < 5
    assert sum(path.stat().st_size for path in tmp_path.glob("*.state")) <= budget
    turns.prepare(guides)  # the next start finds the most important ones there
    while turns.idle():
        pass
    assert {path.name for path in tmp_path.glob("*.state")} == first


def test_a_question_interrupts_the_reading_and_it_goes_on_later(smollm: LlamaModel, tmp_path: Path) -> None:
    smollm.forget()
    turns = Turns(smollm, tmp_path, MANY)
    turns.prepare([replace(SKY, guide="The sea is grey. " * 30)])
    assert turns.idle(lambda: True)
    assert turns.idle(lambda: True)
    assert "blue" in said(turns, SKY).lower()
    while turns.idle():
        pass
    assert turns.prepared == 1


def test_a_guide_that_had_to_make_room_half_read_is_read_later(smollm_path: Path, tmp_path: Path) -> None:
    model = LlamaModel(smollm_path, LlamaOptions(context=256, answer=16, threads=1))
    turns = Turns(model, tmp_path, MANY)
    turns.prepare([replace(SKY, guide="The sea is grey. " * 30)])
    while len(list(tmp_path.glob("*.state"))) == 0:  # the rules
        turns.idle()
    turns.idle()
    said(turns, replace(SKY, guide="The sky is blue. " * 20))
    while turns.idle():
        pass
    assert turns.prepared == 1


def test_which_guides_are_asked_for_is_counted(smollm: LlamaModel, tmp_path: Path) -> None:
    turns = Turns(smollm, tmp_path, MANY)
    for document_id in ("sky", "snow", "sky"):
        turns.ask(replace(SKY, document_id=document_id), lambda: True)
    turns.step()
    assert times_asked(tmp_path) == {"sky": 2, "snow": 1}


# Stopping


def test_told_to_stop_it_says_nothing(turns: Turns) -> None:
    assert list(turns.stream(SKY, stop=lambda: True)) == []


def test_told_to_stop_midway_it_ends_at_once(turns: Turns) -> None:
    pieces: list[str] = []
    for piece in turns.stream(COUNT, stop=lambda: len(pieces) >= 2):
        pieces.append(piece)
    assert len(pieces) == 2


def test_a_long_guide_is_not_read_to_the_end_for_one_who_has_left(smollm: LlamaModel) -> None:
    smollm.forget()
    turns = Watched(smollm)
    asked = time.monotonic()
    prompt = replace(SKY, guide="The sea is grey. " * 200)
    list(turns.stream(prompt, stop=lambda: time.monotonic() > asked + 0.2))
    assert turns.read < smollm.prompt_tokens(prompt).size
    assert "blue" in said(turns, SKY).lower()


def test_a_person_who_leaves_makes_room_for_the_next(turns: Turns) -> None:
    with closing(cast("Generator[str]", turns.stream(SKY))) as left:
        next(left)
    assert not turns.busy
    assert "blue" in said(turns, SKY).lower()


def test_time_that_is_up_ends_the_answer(smollm_path: Path) -> None:
    hasty = Turns(LlamaModel(smollm_path, LlamaOptions(context=512, seconds=1e-9)))
    assert list(hasty.stream(SKY)) == []


@pytest.mark.parametrize("part", ["guide", "question"])
def test_a_prompt_that_is_too_long_is_an_error_with_both_numbers(turns: Turns, part: str) -> None:
    with pytest.raises(ModelError, match=r"the prompt has \d{4,} tokens .* models\.context = 2048"):
        said(turns, replace(SKY, **{part: "xin chào " * 1000}))
    assert "blue" in said(turns, SKY).lower()


def test_a_model_that_fails_ends_all_answers_with_the_reason_and_can_be_asked_again(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [turns.ask(SKY), turns.ask(COUNT)]
    while not any(turn.written for turn in asked):
        turns.step()
    with monkeypatch.context() as accident:
        accident.setattr(LlamaModel, "decode", broken)
        turns.step()
    assert [turn.error for turn in asked] == ["no more"] * 2
    assert "blue" in said(turns, SKY).lower()


def broken(*_: object) -> bool:
    raise ModelError("no more")


# The whole product with a model that babbles in Vietnamese


@pytest.mark.parametrize("question", ["Mã OTP là gì?", "VNeID là gì?"])
def test_a_babbling_model_never_makes_an_answer_wrong(
    assistant: Assistant, turns: Turns, question: str
) -> None:
    alone = assistant.answer(question, today=TODAY)
    answers = list(replace(assistant, model=turns).stream(question, today=TODAY))
    assert answers[0].text == alone.text  # the card is there before the model has said a word
    assert alone.card is not None
    evidence = Evidence(assistant.prompt(alone.card.document_id, TODAY).guide)
    for answer in answers:
        assert answer.status is Status.ANSWERED
        assert (answer.card, answer.citations) == (alone.card, alone.citations)
        assert answer.text.startswith(alone.text)
        beyond = answer.text.removeprefix(alone.text)
        assert all(evidence.refusal(sentence) is None for sentence in sentences(beyond))


def test_a_guide_that_is_too_long_for_the_model_is_still_answered(
    assistant: Assistant, smollm_path: Path
) -> None:
    small = Turns(LlamaModel(smollm_path, LlamaOptions(context=512, answer=16)))
    question = "Kích hoạt VNeID thế nào?"
    answer = replace(assistant, model=small).answer(question, today=TODAY)
    assert answer.text == assistant.answer(question, today=TODAY).text
