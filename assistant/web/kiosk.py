"""The page of learners at `/`: tiles, one question box, the guide card, the steps one at a time.

What a person does here lives in `Visits` alone and is gone when they end, leave or fall silent. What is seen
is one piece of HTML (screens.py); its buttons say with `data-do` what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import gradio as gr

from assistant.datatypes import Answer, Composer
from assistant.errors import AssistantError
from assistant.knowledge.pictures import Scene
from assistant.web.leaving import wipe_what_is_left
from assistant.web.look import page_of
from assistant.web.render import Renderer
from assistant.web.screens import Screens
from assistant.web.visits import Visit, Visits
from assistant.web.waiting import Answering

ANSWER_SECONDS = 120
PEOPLE = 100  # who may ask at once: most of them only wait for the model
# Told of every button that is pressed in a piece of HTML. What a button does does not depend on how often.
PRESSED = """element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-do]')?.dataset;
  if (pressed && kioskMeant()) trigger('click', { action: pressed.do, item: pressed.what || '' });
})"""

Updates = dict[Any, Any]  # component → its new value or properties


class Opinion(Protocol):
    """Buttons under an answer for what a person says of it."""

    def lay_out(self) -> None:
        """Put them where the page stands now."""

    def wire(self, visits: Visits, say: gr.HTML) -> None:
        """Act on them; `say` is where a word of thanks belongs."""


class Kiosk:
    """The page: its components, and what each button does to the visit."""

    def __init__(
        self,
        assistant: Answering,
        ui: Mapping[str, Any],
        visits: Visits,
        scenes: Mapping[str, Scene],
        *,
        opinion: Opinion | None = None,
        slips: bool = False,  # whether the server has slips to take home at /phieu/<guide>
        practice: bool = False,  # whether it has a page to practise on at /tap
    ) -> None:
        self.assistant = assistant
        self.ui = ui
        self.visits = visits
        self.opinion = opinion
        self.render = Renderer(ui, scenes)
        self.screens = Screens(ui, self.render, slips, practice)
        self.actions: dict[str, Callable[[Visit, str], Updates]] = {
            "topic": self.to_topic,
            "open": self.to_guide,
            "none": self.to_none,
            "card": lambda visit, _: self._move(visit, "answer"),
            "coach": lambda visit, _: self._move(visit, "coach"),
            "step": self.to_step,
            "help": self.to_help,
            "call": self.to_volunteer,
            "uncall": self.to_nobody,
        }

    def blocks(self) -> gr.Blocks:
        """Lay out and wire the page."""
        with page_of(self.ui["page"]["title"], waiting=PEOPLE, at_once=4) as page:
            self.top = gr.HTML(self.screens.header(), elem_id="top", js_on_load=PRESSED)
            self.stage = gr.HTML(self.screens.stage(Visit(), {}), elem_id="stage", js_on_load=PRESSED)
            self.written = gr.HTML(elem_id="words", js_on_load=None)
            self.sources = gr.HTML(elem_id="sources", js_on_load=None)
            if self.opinion:
                self.opinion.lay_out()
            self._lay_out_foot()
            gr.HTML(self.screens.idle_dialog(), elem_id="idle-holder", js_on_load=None)
            self._wire()
            wipe_what_is_left(page, self.visits.forget)
        return page

    def _lay_out_foot(self) -> None:
        ask, words = self.ui["ask"], self.ui["buttons"]
        with gr.Column(elem_id="foot"):
            self.say = gr.HTML(elem_id="say", js_on_load=None)
            busy = self.render.message(ask["busy"], "busy")
            gr.HTML(busy, elem_id="pending", js_on_load=None)  # shown by the page's script
            with gr.Row(elem_id="foot-row"):
                self.box = gr.Textbox(
                    label=ask["label"],
                    placeholder=ask["placeholder"],
                    elem_id="box",
                    lines=1,
                    max_lines=2,
                    html_attributes=gr.InputHTMLAttributes(
                        lang="vi", spellcheck=False, autocorrect="off", enterkeyhint="send"
                    ),
                )
                self.send = gr.Button(
                    ask["send"], variant="primary", elem_id="send", elem_classes=["icon-send"]
                )
                self.stop = gr.Button(ask["stop"], elem_id="stop", elem_classes=["icon-stop"], visible=False)
                gr.HTML(self.screens.keys_button(), elem_id="keys-holder", js_on_load=None)
                self.go_home = gr.Button(words["home"], elem_id="go-home", elem_classes=["icon-home"])
                self.end = gr.Button(words["end"], elem_id="end", elem_classes=["icon-erase"])

    # What the buttons do

    def _wire(self) -> None:
        # What is shown is HTML as it is: Gradio would hand each piece to a thread that gives it back.
        quiet: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "postprocess": False,
        }
        seen = [self.stage, self.written, self.sources, self.say, self.box, self.stop]
        asking = gr.on(
            [self.send.click, self.box.submit],
            *(self.ask, self.box, seen),
            time_limit=ANSWER_SECONDS,
            trigger_mode="multiple",  # a new question ends the answer to the one before
            concurrency_limit=PEOPLE,
            **quiet,
        )
        acting = gr.on(
            [self.top.click, self.stage.click],
            *(self.act, None, seen),
            trigger_mode="multiple",  # another button may be pressed before the page has changed
            concurrency_limit=PEOPLE,
            **quiet,
        )
        for event in (asking, acting):
            event.failure(self.failed, None, [self.say, self.stop], **quiet)
        self.stop.click(self.stopped, None, [self.stop, self.say], **quiet)
        self.go_home.click(self.to_home, None, seen, **quiet)
        self.end.click(None, None, None, js="() => kioskEnd()", **quiet)
        if self.opinion:
            self.opinion.wire(self.visits, self.say)

    def ask(self, question: str, request: gr.Request) -> Iterator[Updates]:
        """Answer what was typed: the card at once, then the model's words.

        Ends at the person's next question, or when they leave.
        """
        visit = self.visits.of(request)
        if visit.writing and not question.strip():  # the second tap of two
            yield self._nothing_new()
            return
        number = visit.begin()
        try:
            yield from self._answered(visit, number, question)
        except AssistantError as error:
            if visit.asked_last == number:
                yield self.complain(error)
        finally:
            visit.end(number)

    def _answered(self, visit: Visit, number: int, question: str) -> Iterator[Updates]:
        """The card in one piece, because pieces are what costs time; then what the model adds."""
        card_text, before, stop = "", PEOPLE, {self.stop: gr.Button(visible=True)}
        for answer in self.assistant.stream(question, previous=tuple(visit.questions)):
            if visit.asked_last != number:
                yield self._nothing_new()  # Gradio shows again what came last
                return
            if not card_text:
                card_text = answer.text
                visit.take(answer, answer.question)
                visit.remember(answer.question)  # masked by then
                yield self.show(visit) | {self.box: ""}
                continue
            if answer.busy:
                yield self._idle(visit) | {self.say: self.render.message(self.ui["ask"]["crowded"], "wait")}
                return
            updates = self._nothing_new()  # but one who has left is noticed here
            if answer.composer is Composer.MODEL:
                visit.written = answer.text.removeprefix(card_text).strip()
                updates = {self.written: self.render.written(visit.written), self.say: ""}
            elif not visit.written and self.assistant.waiting < before:  # those who came later do not count
                before = self.assistant.waiting
                text = self.ui["ask"]["waiting"].format(count=before)
                updates = {self.say: self.render.message(text, "wait") if before else ""}
            yield updates | stop
            stop, visit.stoppable = {}, True
        if visit.asked_last != number:
            yield self._nothing_new()
        elif not stop:
            yield self._idle(visit)

    def act(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Do what a button of the page says."""
        visit = self.visits.of(request)
        visit.leave()
        try:
            return self.actions[event.action](visit, str(event.item))
        except AssistantError as error:
            return self.complain(error)

    def to_topic(self, visit: Visit, tile: str) -> Updates:
        """The guides behind a tile."""
        if tile in self.screens.tiles:
            visit.view, visit.topic = "topic", tile
        visit.turn += 1
        return self.show(visit)

    def to_guide(self, visit: Visit, document_id: str) -> Updates:
        """A guide's card; a ward may have taken it away."""
        try:
            answer = self.assistant.open_guide(document_id)
        except KeyError:
            return self._idle(visit) | self._say("gone")
        visit.take(answer, "")
        visit.remember(answer.card.title if answer.card else answer.question)
        return self.show(visit)

    def to_none(self, visit: Visit, _: str) -> Updates:
        """None of the choices is what was asked for."""
        if visit.asked:  # forgotten meanwhile otherwise
            visit.take(self.assistant.decline(visit.asked), visit.asked)
        return self.show(visit)

    def to_step(self, visit: Visit, position: str) -> Updates:
        """To a step, counted from 0; after the last one it is done."""
        return self._move(visit, "coach", to=int(position) if position.isdecimal() else None)

    def _move(self, visit: Visit, view: str, *, to: int | None = None) -> Updates:
        visit.turn += 1
        visit.help = ""
        if visit.answer is None or visit.answer.card is None:  # forgotten meanwhile
            visit.view = "home"
        else:
            visit.view = view
            wanted = visit.position if to is None else to
            visit.position = max(0, min(wanted, len(visit.answer.card.steps)))
        return self.show(visit)

    def to_help(self, visit: Visit, what: str) -> Updates:
        """Show what else can be done at this step, or with nothing hide it."""
        visit.turn += 1
        visit.help = what
        return self.show(visit)

    def to_volunteer(self, visit: Visit, _: str) -> Updates:
        """Call for a person, with what is on the screen."""
        self.visits.call(visit)
        return self.show(visit)

    def calls(self) -> list[str]:
        """Who waits for a volunteer, and with what; longest first."""
        return [self.screens.called_from(visit) for visit in self.visits.calling()]

    def to_nobody(self, visit: Visit, _: str) -> Updates:
        """The volunteer has come, or is not needed."""
        visit.called = 0
        return self.show(visit)

    def to_home(self, request: gr.Request) -> Updates:
        """Back to the tiles; earlier questions no longer matter."""
        turn = self.visits.of(request).turn + 1
        self.visits.forget(request)
        visit = self.visits.of(request)
        visit.turn, visit.stoppable = turn, True
        return self.show(visit) | {self.box: ""}

    def stopped(self, request: gr.Request) -> Updates:
        """The person has read enough."""
        self.visits.of(request).leave()
        return self._idle()

    def failed(self) -> Updates:
        """Something broke that nobody foresaw: a Vietnamese sentence all the same."""
        return self._idle() | self._say("AssistantError")

    def complain(self, error: AssistantError) -> Updates:
        """The Vietnamese sentence for an error, beside the question box."""
        names = [kind.__name__ for kind in type(error).__mro__]
        return self._idle() | self._say(next(name for name in names if name in self.ui["errors"]))

    def _say(self, error: str) -> Updates:
        return {self.say: self.render.message(self.ui["errors"][error], "bad")}

    # What is seen

    def _nothing_new(self) -> Updates:
        return {self.say: gr.skip()}

    def _idle(self, visit: Visit | None = None) -> Updates:
        """Nothing is said any more, and nothing can be stopped.

        A button that is hidden already is left alone: it would cost as much as finding the answer.
        """
        if visit is not None and not visit.stoppable:
            return {self.say: ""}
        if visit is not None:
            visit.stoppable = False
        return {self.say: "", self.stop: gr.Button(visible=False)}

    def show(self, visit: Visit) -> Updates:
        """The whole page for a visit."""
        answer: Answer | None = visit.answer if visit.view == "answer" else None
        guides = {} if visit.view == "home" else self.assistant.guides
        return self._idle(visit) | {
            self.stage: self.screens.stage(visit, guides),
            self.written: self.render.written(visit.written) if answer and visit.written else "",
            self.sources: self.render.sources(answer.citations) if answer else "",
        }
