from __future__ import annotations

from dataclasses import replace

import numpy as np

from assistant.answering.decide import WEIGHTS
from assistant.datatypes import Status
from assistant.evaluation.answers import ExpectedAnswer
from assistant.evaluation.fitting import Example, fit_certainty, fit_covered, fit_follow_up, maximise
from assistant.pipeline import Assistant
from assistant.retrieval.classifier import NOTHING, TASK, Utterance
from assistant.retrieval.features import COVER_NAMES
from assistant.retrieval.index import KnowledgePaths, build
from assistant.retrieval.search import Searcher


def example(features: list[list[float]], meant: int, weight: float = 1.0) -> Example:
    return Example(np.array(features), tuple(n == meant for n in range(len(features))), weight)


def test_what_tells_the_meant_one_gets_the_weight() -> None:
    """The first feature marks what is meant, the second is noise, the third marks the others."""
    examples = [
        example([[1, 0, 0], [0, 1, 1]], 0),
        example([[0, 1, 1], [1, 1, 0]], 1),
        example([[0, 0, 1], [1, 0, 0], [0, 1, 1]], 1),
    ]
    telling, noise, against = maximise(examples)
    assert telling > 1 > abs(noise)
    assert against < -1


def test_a_heavier_example_wins_over_one_that_says_the_opposite() -> None:
    opposite = [example([[1.0], [0.0]], 0, weight=3.0), example([[1.0], [0.0]], 1, weight=1.0)]
    assert maximise(opposite)[0] > 0


def test_several_meant_outcomes_are_as_good_as_one() -> None:
    either = Example(np.array([[1.0], [1.0], [0.0]]), (True, True, False))
    assert maximise([either])[0] > 0


def test_follow_ups_are_fitted_from_lines_of_a_question_set(assistant: Assistant) -> None:
    def line(id_: str, question: str, guide: str, *previous: str) -> ExpectedAnswer:
        return ExpectedAnswer(id_, "followup", question, (Status.ANSWERED,), previous, documents=(guide,))

    lines = [
        line("1", "bao nhiêu tiền?", "dang-ky-tam-tru", "Đăng ký tạm trú thế nào?"),
        line("2", "Xin phiếu lý lịch tư pháp ở đâu?", "ly-lich-tu-phap"),
        line("3", "Quên passcode VNeID thì làm sao?", "vneid-quen-passcode"),
    ]
    first, second = fit_follow_up(assistant, lines), fit_follow_up(assistant, lines)
    assert first == second
    assert first.weights.keys() == WEIGHTS.keys()
    assert first.right == 1.0
    assert first.examples == 3


def test_what_is_asked_in_vain_tells_that_no_guide_answers(
    assistant: Assistant, few_guides: KnowledgePaths
) -> None:
    vain = [f"{act} bằng lái tàu {what}" for act in ("đổi", "mất", "thi") for what in ("sông", "biển", "cá")]
    with (few_guides.shipped / "utterances.jsonl").open("a", encoding="utf-8") as file:
        for says in vain:
            file.write(f'{{"says": "{says}", "act": "task", "guide": ""}}\n')
    small = replace(assistant, searcher=Searcher(build(few_guides)))
    utterances = tuple(Utterance(says, TASK, NOTHING) for says in vain)
    fit = fit_covered(small, [], utterances)
    assert fit.weights.keys() == set(COVER_NAMES)
    assert fit.weights["question"] > 0 > fit.weights["question, none"]
    assert fit.right > 0.95


def test_guides_that_are_mostly_right_make_the_best_one_more_certain(assistant: Assistant) -> None:
    asked = {"Xin phiếu lý lịch tư pháp": "ly-lich-tu-phap", "Quên passcode VNeID": "vneid-quen-passcode"}
    lines = [
        ExpectedAnswer(question, "plain", question, (Status.ANSWERED,), documents=(guide,))
        for question, guide in asked.items()
    ]
    fit = fit_certainty(assistant, lines)
    assert fit.weights.keys() == {"slope", "shift"}
    assert fit.weights["shift"] > 0
    assert (fit.right, fit.examples) == (1.0, 2)
