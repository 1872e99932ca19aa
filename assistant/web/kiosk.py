"""The page of learners at `/`: tiles, one question box, the guide card, the steps one at a time.

What a person does here lives in `Visits` alone and is gone when they end, leave or fall silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import gradio as gr

from assistant.datatypes import Answer, Choice, Composer, Status
from assistant.errors import AssistantError
from assistant.knowledge.pictures import Scene
from assistant.web.render import Renderer
from assistant.web.visits import CHOICES, Visit, Visits
from assistant.web.waiting import Answering

ANSWER_SECONDS = 120
PEOPLE = 100  # who may ask at once: most of them only wait for the model

Updates = dict[Any, Any]  # component → its new value or properties


class Kiosk:
    """The page: its components, and what each button does to the visit."""

    def __init__(
        self, assistant: Answering, ui: Mapping[str, Any], visits: Visits, scenes: Mapping[str, Scene]
    ) -> None:
        self.assistant = assistant
        self.ui = ui
        self.visits = visits
        self.render = Renderer(ui, scenes)
        self.topics: list[dict[str, Any]] = list(ui["topics"].values())

    def blocks(self) -> gr.Blocks:
        """Lay out and wire the page."""
        page: gr.Blocks
        with gr.Blocks(title=self.ui["page"]["title"], analytics_enabled=False, fill_width=True) as page:
            gr.HTML(self.render.header(), elem_id="top")
            self._lay_out_home()
            self._lay_out_answer()
            self._lay_out_coach()
            self._lay_out_foot()
            gr.HTML(self.render.idle_dialog(), elem_id="idle-holder")
            self._wire()
            page.unload(self.visits.forget)
        page.queue(max_size=PEOPLE, default_concurrency_limit=4, api_open=False)
        return page

    # The parts of the page

    def _lay_out_home(self) -> None:
        with gr.Column(elem_id="home") as self.home:
            self.welcome = gr.HTML(self.render.home(0))
            with gr.Row(elem_id="tiles"):
                self.tiles = [gr.Button(topic["label"], elem_classes=_tile(topic)) for topic in self.topics]

    def _lay_out_answer(self) -> None:
        with gr.Column(elem_id="answer", visible=False) as self.answer:
            self.head = gr.HTML()
            self.start = _button("", "start", "steps", main=True, visible=False)
            with gr.Column(elem_id="choices"):
                self.choices = [gr.Button(visible=False, elem_classes=["choice"]) for _ in range(CHOICES)]
            self.facts = gr.HTML()
            self.written = gr.HTML()
            self.sources = gr.HTML()

    def _lay_out_coach(self) -> None:
        words = self.ui["buttons"]
        with gr.Column(elem_id="coach", visible=False) as self.coach:
            self.step = gr.HTML()
            with gr.Row(elem_id="coach-nav"):
                self.back = _button(words["back"], "back", "back")
                self.stuck = _button(words["stuck"], "stuck", "help")
                self.next = _button(words["next"], "next", "send", main=True)
            self.stuck_help = gr.HTML()
            self.to_card = _button(words["to_card"], "to-card", "document")
            self.steps = gr.HTML()

    def _lay_out_foot(self) -> None:
        ask, words = self.ui["ask"], self.ui["buttons"]
        with gr.Column(elem_id="foot"):
            self.say = gr.HTML(elem_id="say")
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
                self.send = _button(ask["send"], "send", "send", main=True)
                self.stop = _button(ask["stop"], "stop", "stop", visible=False)
                self.go_home = _button(words["home"], "go-home", "home")
                self.end = _button(words["end"], "end", "erase")

    # What the buttons do

    def _wire(self) -> None:
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        heavy = quiet | {"concurrency_limit": 4, "concurrency_id": "cards", "trigger_mode": "once"}
        shown = self._shown_components()
        asking = gr.on(
            [self.send.click, self.box.submit],
            *(self.ask, self.box, shown),
            time_limit=ANSWER_SECONDS,
            trigger_mode="multiple",  # a new question ends the answer to the one before
            concurrency_limit=PEOPLE,
            **quiet,
        )
        asking.failure(self.failed, None, [self.say, self.stop], **quiet)
        leaving = quiet | {"cancels": [asking]}  # what is still being written is no longer wanted
        for topic, tile in zip(self.topics, self.tiles, strict=True):
            opened = tile.click(self._opener(topic), None, shown, **(heavy | {"cancels": [asking]}))
            opened.failure(self.failed, None, [self.say, self.stop], **quiet)
        for number, button in enumerate(self.choices):
            button.click(self._chooser(number), None, shown, **(heavy | {"cancels": [asking]}))
        self.stop.click(self.stopped, None, [self.stop, self.say], **leaving)
        self.go_home.click(self.to_home, None, shown, **leaving)
        self.end.click(None, None, None, js="() => kioskEnd()", **leaving)
        for button, change in (
            (self.start, self.to_coach),
            (self.to_card, self.to_answer),
            (self.back, self.to_previous),
            (self.next, self.to_next),
            (self.stuck, self.to_stuck),
        ):
            button.click(change, None, shown, **leaving)

    def ask(self, question: str, request: gr.Request) -> Iterator[Updates]:
        """Answer what was typed: the card at once, then the model's words.

        Ends at the person's next question, or when they leave.
        """
        visit = self.visits.of(request)
        if visit.writing and not question.strip():  # the second tap of two
            yield self._nothing_new()
            return
        number = visit.begin()
        yield self._busy()
        try:
            yield from self._answered(visit, number, question)
        except AssistantError as error:
            if visit.asked_last == number:
                yield self.complain(error)
        finally:
            visit.end(number)

    def _answered(self, visit: Visit, number: int, question: str) -> Iterator[Updates]:
        card_text, before = "", PEOPLE
        for answer in self.assistant.stream(question, previous=tuple(visit.questions)):
            if visit.asked_last != number:
                yield self._nothing_new()  # Gradio shows again what came last
                return
            if not card_text:
                card_text = answer.text
                visit.take(answer, answer.question)
                visit.remember(answer.question)  # masked by then
                yield self.show(visit) | {self.box: "", self.stop: _seen(True)}
            elif answer.composer is Composer.MODEL:
                visit.written = answer.text.removeprefix(card_text).strip()
                yield {self.written: self.render.written(visit.written), self.say: ""}
            elif answer.busy:
                yield self._idle() | {self.say: self.render.message(self.ui["ask"]["crowded"], "wait")}
                return
            elif not visit.written and self.assistant.waiting < before:  # those who came later do not count
                before = self.assistant.waiting
                text = self.ui["ask"]["waiting"].format(count=before)
                yield {self.say: self.render.message(text, "wait") if before else ""}
            else:
                yield self._nothing_new()  # but one who has left is noticed here
        yield self._idle()

    def _opener(self, topic: Mapping[str, Any]) -> Callable[[gr.Request], Iterator[Updates]]:
        # A closure, because functools.partial loses gr.Request.
        def opened(request: gr.Request) -> Iterator[Updates]:
            yield self._busy()
            yield self._open(self.visits.of(request), topic.get("guides") or [topic["guide"]])

        return opened

    def _chooser(self, number: int) -> Callable[[gr.Request], Iterator[Updates]]:
        def chosen(request: gr.Request) -> Iterator[Updates]:
            yield self._busy()
            visit = self.visits.of(request)
            yield self._open(visit, [choice.document_id for choice in visit.choices[number : number + 1]])

        return chosen

    def _open(self, visit: Visit, documents: Sequence[str]) -> Updates:
        """One guide's card, or the choice between several; a ward may have taken some away."""
        visit.leave()
        try:
            found = self._those_present(documents)
        except AssistantError as error:
            return self.complain(error)
        if not found:
            return self._idle() | self._say("gone")
        if len(found) == 1:
            answer = next(iter(found.values()))
            visit.take(answer, "")
            visit.remember(_title(answer))
        else:
            visit.offer(self.ui["choices"]["topic"], [Choice(id_, _title(found[id_])) for id_ in found])
        return self.show(visit)

    def _those_present(self, documents: Sequence[str]) -> dict[str, Answer]:
        found = {}
        for document_id in documents:
            try:
                found[document_id] = self.assistant.open_guide(document_id)
            except KeyError:
                continue
        return found

    def to_home(self, request: gr.Request) -> Updates:
        """Back to the tiles; earlier questions no longer matter."""
        visit = self.visits.of(request)
        turn = visit.turn + 1
        self.visits.forget(request)
        visit = self.visits.of(request)
        visit.turn = turn
        return self.show(visit) | {self.box: ""}

    def to_coach(self, request: gr.Request) -> Updates:
        """Begin or resume the steps."""
        return self._move(request, "coach", 0)

    def to_answer(self, request: gr.Request) -> Updates:
        """From the steps back to the card."""
        return self._move(request, "answer", 0)

    def to_previous(self, request: gr.Request) -> Updates:
        """One step back."""
        return self._move(request, "coach", -1)

    def to_next(self, request: gr.Request) -> Updates:
        """One step on; after the last one it is done."""
        return self._move(request, "coach", 1)

    def _move(self, request: gr.Request, view: str, by: int) -> Updates:
        visit = self.visits.of(request)
        visit.leave()
        visit.turn += 1
        visit.stuck = False
        if visit.answer is None or visit.answer.card is None:  # forgotten meanwhile
            visit.view = "home"
        else:
            visit.view = view
            visit.position = max(0, min(visit.position + by, len(visit.answer.card.steps)))
        return self.show(visit)

    def to_stuck(self, request: gr.Request) -> Updates:
        """Show what else can be done at this step."""
        visit = self.visits.of(request)
        visit.leave()
        visit.stuck = True
        visit.turn += 1
        return self.show(visit)

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

    def _shown_components(self) -> list[Any]:
        return [
            *(self.home, self.answer, self.coach, self.welcome, self.head, self.start, *self.choices),
            *(self.facts, self.written, self.sources, self.step, self.back, self.stuck, self.next),
            *(self.stuck_help, self.to_card, self.steps, self.say, self.box, self.stop),
        ]

    def _busy(self) -> Updates:
        return {self.say: self.render.message(self.ui["ask"]["busy"], "busy")}

    def _nothing_new(self) -> Updates:
        return {self.say: gr.skip()}

    def _idle(self) -> Updates:
        return {self.say: "", self.stop: _seen(False)}

    def show(self, visit: Visit) -> Updates:
        """The whole page for a visit."""
        updates: Updates = {
            self.home: gr.Column(visible=visit.view == "home"),
            self.answer: gr.Column(visible=visit.view == "answer"),
            self.coach: gr.Column(visible=visit.view == "coach"),
        }
        if visit.view == "home":
            updates[self.welcome] = self.render.home(visit.turn)
        elif visit.view == "answer":
            updates |= self._show_answer(visit)
        else:
            updates |= self._show_coach(visit)
        return updates | self._idle()

    def _show_answer(self, visit: Visit) -> Updates:
        answer, words = visit.answer, self.ui["buttons"]
        card = answer.card if answer else None
        count = len(card.steps) if card else 0
        warned = answer is not None and answer.status is Status.SAFETY  # and has the numbers in large type
        begun = 0 < visit.position < count
        label = words["resume" if begun else "start"].format(number=visit.position + 1, count=count)
        if answer:
            head = self.render.head(answer, visit.asked, visit.turn)
        else:
            head = self.render.question(visit.heading, visit.turn)
        updates: Updates = {
            self.head: head,
            self.start: gr.Button(label, visible=count > 0),
            self.facts: self.render.facts(card, contacts=not warned) if card else "",
            self.written: self.render.written(visit.written) if visit.written else "",
            self.sources: self.render.sources(answer.citations) if answer else "",
        }
        for number, button in enumerate(self.choices):
            there = number < len(visit.choices)
            updates[button] = gr.Button(visit.choices[number].title if there else "", visible=there)
        return updates

    def _show_coach(self, visit: Visit) -> Updates:
        assert visit.answer is not None
        card, words = visit.answer.card, self.ui["buttons"]
        assert card is not None
        count = len(card.steps)
        done = visit.position >= count
        last = visit.position == count - 1
        to_card = "to_card" if card.papers or card.fees else "to_card_plain"
        stuck = visit.stuck and not done
        return {
            self.step: self.render.step(card, visit.position, visit.turn),
            self.back: gr.Button(interactive=visit.position > 0),
            self.stuck: gr.Button(visible=not done),
            self.next: gr.Button(words["finish"] if last else words["next"], visible=not done),
            self.stuck_help: self.render.stuck(card, visit.position, visit.turn) if stuck else "",
            self.to_card: gr.Button(words[to_card]),
            self.steps: self.render.all_steps(card),
        }


def _button(label: str, name: str, picture: str, *, main: bool = False, visible: bool = True) -> gr.Button:
    variant: Literal["primary", "secondary"] = "primary" if main else "secondary"
    return gr.Button(label, variant=variant, elem_id=name, elem_classes=[f"icon-{picture}"], visible=visible)


def _tile(topic: Mapping[str, Any]) -> list[str]:
    classes = ["tile", f"icon-{topic['icon']}"]
    return [*classes, "urgent"] if topic.get("urgent") else classes


def _seen(visible: bool) -> gr.Button:
    return gr.Button(visible=visible)


def _title(answer: Answer) -> str:
    return answer.card.title if answer.card else answer.question
