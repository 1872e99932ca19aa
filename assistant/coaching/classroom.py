"""A class with a code: who is in it is a number, what they did is counted. In memory only.

Nothing that anybody typed is kept. A class ends when its trainer ends it, or after twelve hours.
"""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from assistant.errors import ClassFullError, UnknownCodeError

LONGEST = 12 * 3600  # seconds that a class lasts at most
MOST_CLASSES = 20
MOST_LEARNERS = 120
_CODE = 6  # digits of a class's code
_TICKET = 8  # digits by which one person comes back


@dataclass(frozen=True, slots=True)
class Result:
    """How many answers were right, of how many."""

    right: int
    total: int


@dataclass(slots=True)
class Learner:
    """One person's progress: a number in the class (0 outside of any), the best result of each activity."""

    number: int = 0
    ticket: str = ""
    code: str = ""  # of the class
    results: dict[str, Result] = field(default_factory=dict)

    def record(self, activity: str, right: int, total: int) -> None:
        """Keep the result if it is the best so far."""
        before = self.results.get(activity)
        if before is None or right * before.total >= before.right * total:
            self.results[activity] = Result(right, total)

    def take_over(self, other: Learner) -> None:
        """Count what was done before the class was joined."""
        for activity, result in list(other.results.items()):
            self.record(activity, result.right, result.total)

    def count(self, activities: Sequence[str], least: int = 0) -> int:
        """How many of the activities were done with so many right answers."""
        return sum(name in self.results and self.results[name].right >= least for name in activities)


@dataclass(slots=True)
class Classroom:
    """A class that goes on: its code, the trainer's ticket and the learners in the order they came."""

    code: str
    ticket: str
    opened: float
    learners: list[Learner] = field(default_factory=list)


class Classrooms:
    """Every class that goes on, by code."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._classes: dict[str, Classroom] = {}

    def __len__(self) -> int:
        return len(self._current())

    def _current(self) -> dict[str, Classroom]:
        now = self._clock()
        for code, classroom in list(self._classes.items()):
            if now - classroom.opened > LONGEST:
                self._classes.pop(code, None)
        return self._classes

    def goes_on(self, code: str) -> bool:
        """Whether the class has not ended."""
        return code in self._current()

    def open(self) -> Classroom:
        """A new class. Raises ClassFullError where too many go on."""
        current = self._current()
        if len(current) >= MOST_CLASSES:
            raise ClassFullError(f"{MOST_CLASSES} classes go on; end one of them")
        code = self._unused(_CODE, current)
        current[code] = Classroom(code, self._unused(_TICKET, ()), self._clock())
        return current[code]

    def join(self, code: str) -> Learner:
        """A new learner of the class, or by a learner's ticket the one who was there before.

        Raises UnknownCodeError, or ClassFullError.
        """
        current, typed = self._current(), _digits(code)
        if len(typed) == _TICKET:
            learners = (learner for classroom in current.values() for learner in classroom.learners)
            found = next((learner for learner in learners if learner.ticket == typed), None)
            if found is None:
                raise UnknownCodeError("no learner has this ticket")
            return found
        if typed not in current:
            raise UnknownCodeError("no class has this code")
        classroom = current[typed]
        if len(classroom.learners) >= MOST_LEARNERS:
            raise ClassFullError(f"{MOST_LEARNERS} people are in the class")
        learner = Learner(len(classroom.learners) + 1, self._unused(_TICKET, ()), typed)
        classroom.learners.append(learner)
        return learner

    def of_trainer(self, ticket: str) -> Classroom:
        """The class of a trainer's ticket. Raises UnknownCodeError."""
        typed = _digits(ticket)
        for classroom in self._current().values():
            if secrets.compare_digest(classroom.ticket, typed):
                return classroom
        raise UnknownCodeError("no class has this trainer's ticket")

    def end(self, classroom: Classroom) -> None:
        """Forget the class and everybody's progress in it."""
        for learner in classroom.learners:
            learner.results.clear()
        classroom.learners.clear()
        self._classes.pop(classroom.code, None)

    def _unused(self, digits: int, taken: Mapping[str, object] | Sequence[str]) -> str:
        """Digits that nobody has: of tickets there are too many for two to be alike."""
        while (number := f"{secrets.randbelow(10**digits):0{digits}}") in taken:
            pass
        return number


def _digits(typed: str) -> str:
    return "".join(character for character in typed if character in "0123456789")


def progress_sheet(classroom: Classroom, activities: Mapping[str, str], words: Mapping[str, str]) -> bytes:
    """The class's progress as an XLSX file: a line for each learner's number, a column for each activity.

    `activities` are the names to show, by activity; those that nobody did stay empty.
    """
    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:  # no temporary files
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        share = book.add_format({"num_format": "0%"})
        sheet = book.add_worksheet(words["sheet"])
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 0, 14)
        sheet.set_column(1, len(activities), 18)
        sheet.write_row(0, 0, [words["learner"], *activities.values()], bold)
        for row, learner in enumerate(classroom.learners, 1):
            sheet.write_number(row, 0, learner.number)
            for column, activity in enumerate(activities, 1):
                if result := learner.results.get(activity):
                    sheet.write_number(row, column, result.right / result.total, share)
        last = len(classroom.learners) + 1
        sheet.write_string(last, 0, words["done_by"], bold)
        for column, activity in enumerate(activities, 1):
            done = sum(activity in learner.results for learner in classroom.learners)
            sheet.write_number(last, column, done, bold)
        sheet.write_string(last + 2, 0, words["note"])
    return file.getvalue()
