from __future__ import annotations

import pytest

from assistant.datatypes import Status
from assistant.evaluation.answers import ExpectedAnswer
from assistant.evaluation.mistyping import HABITS, mistyped

ASKED = "Cháu 14 tuổi làm lại thẻ căn cước bị mất ở đâu, hết bao nhiêu tiền?"


def question(text: str, previous: tuple[str, ...] = ()) -> ExpectedAnswer:
    return ExpectedAnswer("1", "plain", text, (Status.ANSWERED,), previous)


@pytest.mark.parametrize(
    ("habit", "typed"),
    [
        ("bare", "chau 14 tuoi lam lai the can cuoc bi mat o dau, het bao nhieu tien?"),
        ("telex", "hejn"),
        ("vni", "5"),
    ],
)
def test_each_habit_types_in_its_way(habit: str, typed: str) -> None:
    assert typed in mistyped(question(ASKED if habit != "telex" else "hẹn"), habit).question


@pytest.mark.parametrize("habit", HABITS)
def test_a_habit_changes_a_question_the_same_way_each_time_and_never_what_is_expected(habit: str) -> None:
    once, again = (mistyped(question(ASKED, (ASKED,)), habit) for _ in range(2))
    assert once == again
    assert once.question != ASKED
    assert once.previous == (once.question,)
    assert (once.id, once.status) == ("1", (Status.ANSWERED,))


def test_what_is_heard_has_numbers_in_words_and_no_marks() -> None:
    heard = mistyped(question("Đủ 14 tuổi, đổi ở đâu?"), "heard").question
    assert "mười bốn" in heard
    assert not set(heard) & set(",?0123456789")
