from __future__ import annotations

import io
import re
import zipfile

import pytest

from assistant.coaching.classroom import (
    LONGEST,
    MOST_CLASSES,
    MOST_LEARNERS,
    Classrooms,
    Learner,
    Result,
    progress_sheet,
)
from assistant.config import CHECKOUT
from assistant.errors import ClassFullError, UnknownCodeError
from assistant.toml import read_toml

WORDS = read_toml(CHECKOUT / "prompts" / "classroom.toml")["export"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_people_join_by_code_and_come_back_by_their_own() -> None:
    classes = Classrooms()
    classroom = classes.open()
    first, second = classes.join(f" {classroom.code[:3]} {classroom.code[3:]}"), classes.join(classroom.code)
    assert (first.number, second.number) == (1, 2)
    first.record("a", 3, 5)
    assert classes.join(first.ticket).results == {"a": Result(3, 5)}
    assert len(classroom.learners) == 2


@pytest.mark.parametrize("code", ["", "12345", "abc", "000000", "99999999", "٣٣٣٣٣٣"])
def test_an_unknown_code_opens_nothing(code: str) -> None:
    classes = Classrooms()
    classroom = classes.open()
    if classroom.code != code:
        with pytest.raises(UnknownCodeError):
            classes.join(code)
    with pytest.raises(UnknownCodeError):
        classes.of_trainer(code)


def test_the_trainers_own_code_opens_the_class_and_nobody_elses_does() -> None:
    classes = Classrooms()
    mine, other = classes.open(), classes.open()
    learner = classes.join(mine.code)
    assert classes.of_trainer(mine.ticket) is mine
    for ticket in (learner.ticket, mine.code, other.code):
        with pytest.raises(UnknownCodeError):
            classes.of_trainer(ticket)


def test_the_best_result_is_kept() -> None:
    learner = Learner()
    for right, total in ((3, 5), (5, 5), (2, 5), (9, 10)):
        learner.record("quiz", right, total)
    assert learner.results["quiz"] == Result(5, 5)
    later = Learner(4, "12345678", "123456", {"quiz": Result(1, 5)})
    later.take_over(learner)
    assert later.results["quiz"] == Result(5, 5)
    assert later.count(["quiz", "other"], 4) == 1


def test_an_ended_class_is_forgotten() -> None:
    classes = Classrooms()
    classroom = classes.open()
    learner = classes.join(classroom.code)
    learner.record("a", 1, 1)
    classes.end(classroom)
    assert len(classes) == 0
    assert not learner.results
    assert not classes.goes_on(learner.code)
    with pytest.raises(UnknownCodeError):
        classes.join(classroom.code)
    with pytest.raises(UnknownCodeError):
        classes.join(learner.ticket)


def test_a_class_is_forgotten_after_twelve_hours() -> None:
    clock = Clock()
    classes = Classrooms(clock)
    classroom = classes.open()
    clock.now = LONGEST
    assert classes.goes_on(classroom.code)
    clock.now = LONGEST + 1
    assert not classes.goes_on(classroom.code)
    with pytest.raises(UnknownCodeError):
        classes.of_trainer(classroom.ticket)


def test_there_is_an_end_to_classes_and_to_people_in_them() -> None:
    classes = Classrooms()
    classroom = classes.open()
    for _ in range(MOST_LEARNERS):
        classes.join(classroom.code)
    with pytest.raises(ClassFullError):
        classes.join(classroom.code)
    for _ in range(MOST_CLASSES - 1):
        classes.open()
    with pytest.raises(ClassFullError):
        classes.open()


def test_codes_differ_and_are_digits() -> None:
    classes = Classrooms()
    codes = [classes.open().code for _ in range(MOST_CLASSES)]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"\d{6}", code) for code in codes)


def test_the_sheet_holds_numbers_and_no_names() -> None:
    classes = Classrooms()
    classroom = classes.open()
    classes.join(classroom.code).record("a", 4, 5)
    classes.join(classroom.code)
    file = progress_sheet(classroom, {"a": "Bài 1: Thử", "b": "Bài 2: Khác"}, WORDS)
    with zipfile.ZipFile(io.BytesIO(file)) as book:
        assert book.testzip() is None
        words = book.read("xl/sharedStrings.xml").decode()
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "Bài 1: Thử" in words
    assert WORDS["learner"] in words
    assert not {classroom.code, classroom.ticket} & set(re.findall(r"\d+", words + sheet))
    values = dict(re.findall(r'<c r="([A-Z]+\d+)"[^>]*><v>([^<]*)</v>', sheet))
    assert (values["A2"], values["B2"], values["A3"]) == ("1", "0.8", "2")
    assert "B3" not in values
    assert (values["B4"], values["C4"]) == ("1", "0")  # how many did it
