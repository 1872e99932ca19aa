"""What each person at the page has done: in memory only, gone when they end, leave or fall silent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import gradio as gr

from assistant.datatypes import Answer, Choice
from assistant.web.sessions import Sessions

REMEMBERED = 4  # questions before the last that a follow-up may lean on
FORGOTTEN_AFTER = 900  # seconds; the page itself wipes after 150, this is for pages that died


@dataclass
class Visit:
    """One person at the page. `turn` rises with every change they should look at."""

    turn: int = 0
    view: str = "home"  # home, topic, answer or coach
    topic: str = ""  # the tile whose guides are listed
    asked: str = ""
    answer: Answer | None = None
    choices: tuple[Choice, ...] = ()
    written: str = ""  # what the model has added
    position: int = 0
    help: str = ""  # what is shown beside a step: "different", "stuck" or the id of a problem
    called: float = 0  # when a volunteer was called; 0: not
    questions: list[str] = field(default_factory=list)
    asked_last: int = 0  # rises with everything that ends the answer being written
    writing: bool = False  # whether an answer is being written
    stoppable: bool = False  # whether the page shows the button that ends it

    def begin(self) -> int:
        """Ask something: whatever is still being written for this person is no longer wanted."""
        self.asked_last += 1
        self.writing = True
        return self.asked_last

    def end(self, number: int) -> None:
        """What was asked as this number is answered."""
        if self.asked_last == number:
            self.writing = False

    def leave(self) -> None:
        """End the answer that is being written."""
        self.asked_last += 1
        self.writing = False

    def take(self, answer: Answer, asked: str) -> None:
        """Show an answer; the same steps again keep the person's place in them."""
        before = self.answer.card.steps if self.answer and self.answer.card else ()
        if not answer.card or answer.card.steps != before:
            self.position = 0
        self.view, self.answer, self.asked, self.choices = "answer", answer, asked, answer.choices
        self.written, self.help = "", ""
        self.turn += 1

    def remember(self, question: str) -> None:
        """Keep the question for a follow-up to lean on; a double tap asks it once."""
        if question in self.questions[-1:]:
            return
        self.questions = [*self.questions, question][-REMEMBERED:]


class Visits(Sessions[Visit]):
    """Every visit that goes on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(Visit, FORGOTTEN_AFTER, clock)

    def forget(self, request: gr.Request) -> None:
        """Wipe what a person did, and end what is still being written for them."""
        self.of(request).leave()
        super().forget(request)

    def call(self, visit: Visit) -> None:
        """Let the person wait for a volunteer."""
        visit.called = visit.called or self._clock()

    def calling(self) -> list[Visit]:
        """Those who wait for a volunteer, longest first."""
        return sorted((visit for visit in self if visit.called), key=lambda visit: visit.called)
