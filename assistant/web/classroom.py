"""The officials' class at `/lop-hoc`: lessons, a sandbox for requests, two answers compared, the class.

What somebody types is judged and forgotten. Progress is a number's, in memory, until the class ends; outside
a class it lives in the browser's tab alone, marked, so that nobody writes themselves a certificate.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

import gradio as gr
from fastapi import APIRouter, Request, Response

from assistant.answering.checks import Evidence
from assistant.answering.prompts import Prompt, neutralised
from assistant.coaching.certificate import certificate, certificate_name
from assistant.coaching.classroom import LONGEST, Classroom, Learner, Result, progress_sheet
from assistant.coaching.lessons import PASS
from assistant.coaching.sandbox import Comparison, verdicts
from assistant.errors import AssistantError, ClassroomError, ModelError
from assistant.models.language_model import LanguageModel
from assistant.web.course import Course, CourseRenderer
from assistant.web.leaving import wipe_what_is_left
from assistant.web.look import page_of
from assistant.web.sessions import Sessions

PATH = r"lop-hoc/(?:chung-nhan\.pdf|tien-do\.xlsx)$"  # what server.py lets through besides the page itself
MOST = 2000  # characters of a request, or of an answer that is pasted
_VIEWS = ("lessons", "sandbox", "compare", "class")
_REFRESH = 10  # seconds between looks at a class's progress
_POOR = re.compile(r"Yêu cầu chưa tốt:.*?“([^”]+)”")

Updates = dict[Any, Any]  # component → its new value or properties


@dataclass
class Pupil:
    """One person at the page. `turn` rises with every change they should look at."""

    view: str = "lessons"  # one of _VIEWS, or lesson or quiz
    turn: int = 0
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))  # names them to the certificate
    learner: Learner = field(default_factory=Learner)
    lesson: int = 0
    question: int = 0
    chosen: int | None = None  # the answer they gave to it
    right: int = 0
    poor: int = 0  # of the poor requests, the one shown next
    comparison: int = 0
    trainer: str = ""  # ticket of the class they opened
    ending: bool = False  # they pressed once to end it, or to wipe what they have done


class ClassPage:
    """The page: its components, and what each button does."""

    def __init__(self, course: Course) -> None:
        self.reference, self.words, self.render = course.reference, course.words, course.render
        self.lessons, self.sandbox, self.classrooms = course.lessons, course.sandbox, course.classrooms
        self.show_as = CourseRenderer(course.words, course.render, course.lessons, course.sandbox)
        self.pupils = Sessions(Pupil, LONGEST)
        self.poor: list[str] = [
            poor for lesson in course.lessons for poor in _POOR.findall(" ".join(lesson.example))
        ]
        self.activities = _activities(course)
        self._key = secrets.token_bytes(32)  # for `_kept`, until the machine is switched off

    def blocks(self) -> gr.Blocks:
        """Lay out and wire the page."""
        words = self.words
        with page_of(words["page"]["title"], waiting=60, at_once=8) as page:
            gr.HTML(self.show_as.header(), elem_id="top")
            with gr.Row(elem_id="parts"):
                self.parts = {
                    view: gr.Button(
                        words["nav"][view], elem_id=f"to-{view}", variant=_variant(view == "lessons")
                    )
                    for view in _VIEWS
                }
            self.views = {
                "lessons": self._lay_out_lessons(),
                "lesson": self._lay_out_lesson(),
                "quiz": self._lay_out_quiz(),
                "sandbox": self._lay_out_sandbox(),
                "compare": self._lay_out_compare(),
                "class": self._lay_out_class(),
            }
            self.wipe = gr.Button(visible=False, elem_id="wipe", elem_classes=["icon-erase"])
            self.kept = gr.HTML(elem_id="kept", js_on_load=None)  # read by the page's script
            gr.HTML(f'<footer class="small">{escape(words["page"]["ai"])}</footer>')
            self._wire(page)
            wipe_what_is_left(page, self.pupils.forget)
        return page

    # The parts of the page

    def _lay_out_lessons(self) -> gr.Column:
        view: gr.Column
        with gr.Column(elem_id="c-lessons") as view:
            self.overview = gr.HTML(self.show_as.overview(Learner(), 0))
            with gr.Row(elem_id="lesson-tiles"):
                self.tiles = [
                    gr.Button(self.show_as.tile(number, Learner()), elem_classes=["tile"])
                    for number in range(len(self.lessons))
                ]
        return view

    def _lay_out_lesson(self) -> gr.Column:
        words = self.words["lessons"]
        most = max(len(lesson.exercises) for lesson in self.lessons)
        view: gr.Column
        with gr.Column(elem_id="c-lesson", visible=False) as view:
            self.back = gr.Button(words["back"], elem_classes=["icon-back"], elem_id="back")
            self.text = gr.HTML()
            self.exercises = []
            for _ in range(most):
                told = gr.HTML()
                ticks = gr.CheckboxGroup(label=words["rubric"], elem_classes=["rubric"])
                self.exercises.append((told, ticks, gr.HTML()))
            self.sources = gr.HTML()
            self.to_quiz = gr.Button(words["quiz"], variant="primary", elem_id="to-quiz")
        return view

    def _lay_out_quiz(self) -> gr.Column:
        view: gr.Column
        with gr.Column(elem_id="c-quiz", visible=False) as view:
            self.quiz_back = gr.Button(self.words["lessons"]["back"], elem_classes=["icon-back"])
            self.question = gr.HTML()
            self.answers = [gr.Button(visible=False, elem_classes=["choice"]) for _ in "abcd"]
            self.explained = gr.HTML(elem_id="explained")
            self.on = gr.Button(variant="primary", elem_id="on", visible=False)
        return view

    def _lay_out_sandbox(self) -> gr.Column:
        words = self.words["sandbox"]
        view: gr.Column
        with gr.Column(elem_id="c-sandbox", visible=False) as view:
            self.sandbox_head = gr.HTML(self.show_as.head("sandbox", 0))
            self.box = _writing_box(words["label"], words["placeholder"], "request", lines=5)
            with gr.Row(elem_id="request-nav"):
                self.send = gr.Button(words["send"], variant="primary", elem_id="send", interactive=False)
                self.stop = gr.Button(words["stop"], elem_id="stop", visible=False)
                self.take_poor = gr.Button(words["poor"], elem_id="poor")
                self.clear = gr.Button(words["clear"], elem_id="clear", elem_classes=["icon-erase"])
            self.found = gr.HTML(elem_id="found")
            self.draft = gr.HTML(elem_id="draft")
            self.score = gr.HTML(elem_id="score")
        return view

    def _lay_out_compare(self) -> gr.Column:
        words = self.words["compare"]
        view: gr.Column
        with gr.Column(elem_id="c-compare", visible=False) as view:
            self.compare_head = gr.HTML(self.show_as.head("compare", 0))
            with gr.Row(elem_id="comparisons"):
                self.compared = [
                    gr.Button(c.question, elem_classes=["choice"]) for c in self.sandbox.comparisons
                ]
            self.sides = gr.HTML(elem_id="sides")
            self.run = gr.Button(words["run"], elem_id="run", visible=False)
            self.pasted = _writing_box(words["paste"], words["paste_placeholder"], "pasted", lines=3)
            self.check = gr.Button(words["check"], elem_id="check")
            self.checked = gr.HTML(elem_id="checked")
        return view

    def _lay_out_class(self) -> gr.Column:
        words = self.words["class"]
        view: gr.Column
        with gr.Column(elem_id="c-class", visible=False) as view:
            self.class_head = gr.HTML(self.show_as.head("class", 0))
            with gr.Row(elem_id="join"):
                self.code = _code_box(words["code"], "code")
                self.join = gr.Button(words["join"], elem_id="join-button")
            self.joined = gr.HTML(elem_id="joined")
            self.paper = gr.HTML(elem_id="paper")
            self.open_class = gr.Button(
                words["open"], elem_id="open-class", elem_classes=["icon-check-person"]
            )
            with gr.Row(elem_id="rejoin"):
                self.ticket = _code_box(words["trainer_code"], "ticket")
                self.reopen = gr.Button(words["reopen"], elem_id="reopen")
            self.progress = gr.HTML(elem_id="progress")
            with gr.Row(elem_id="class-nav"):
                self.refresh = gr.Button(words["refresh"], elem_id="refresh", visible=False)
                self.end = gr.Button(words["end"], elem_id="end-class", visible=False)
            self.timer = gr.Timer(_REFRESH, active=False)
        return view

    # What the buttons do

    def _wire(self, page: gr.Blocks) -> None:
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        shown = self._shown_components()
        writing = quiet | {"concurrency_limit": 4, "concurrency_id": "model", "trigger_mode": "once"}
        page.load(self.opened, self.kept, shown, js="() => [sessionStorage.progress || '']", **quiet)
        drafting = self.send.click(self.write, self.box, [self.draft, self.send, self.stop], **writing)
        drafting.failure(self.failed, None, [self.draft, self.send, self.stop], **quiet)
        running = self.run.click(self.compare_by_model, None, [self.sides, self.run], **writing)
        leaving = quiet | {"cancels": [drafting, running]}
        for view, button in self.parts.items():
            button.click(self._mover(view), None, shown, **leaving)
        for number, tile in enumerate(self.tiles):
            tile.click(self._lesson_opener(number), None, shown, **quiet)
        for button in (self.back, self.quiz_back):
            button.click(self._mover("lessons"), None, shown, **quiet)
        self.to_quiz.click(self.begin_quiz, None, shown, **quiet)
        for number, button in enumerate(self.answers):
            button.click(self._answerer(number), None, shown, **quiet)
        self.on.click(self.go_on, None, shown, **quiet)
        for place, (_, ticks, told) in enumerate(self.exercises):
            ticks.change(self._scorer(place), ticks, told, **quiet)
        judged = [self.found, self.score, self.send]
        self.box.change(self.judge, self.box, judged, trigger_mode="always_last", **quiet)
        self.stop.click(self.stopped, None, [self.draft, self.send, self.stop], **leaving)
        self.take_poor.click(self.next_poor, None, self.box, **quiet)
        self.clear.click(self.emptied, None, [self.box, self.draft], **leaving)
        for number, button in enumerate(self.compared):
            button.click(self._comparer(number), None, shown, **leaving)
        self.check.click(self.check_pasted, self.pasted, self.checked, **quiet)
        gr.on([self.join.click, self.code.submit], self.join_class, self.code, shown, **quiet)
        self.open_class.click(self.opened_class, None, shown, **quiet)
        gr.on([self.reopen.click, self.ticket.submit], self.reopened_class, self.ticket, shown, **quiet)
        self.refresh.click(self.looked, None, self.progress, **quiet)
        self.timer.tick(self.looked, None, self.progress, **quiet)
        self.end.click(self.end_class, None, shown, **quiet)
        self.wipe.click(self.wiped, None, shown, **quiet)

    def opened(self, kept: str, request: gr.Request) -> Updates:
        """The list of lessons, with what was done in this tab before the page was loaded anew."""
        pupil = self.pupils.of(request)
        if not pupil.learner.results and not pupil.learner.number:
            pupil.learner = self._learner_of(str(kept))
        return self.show(pupil)

    def wiped(self, request: gr.Request) -> Updates:
        """Ask once more, then forget what was done in this tab."""
        pupil = self.pupils.of(request)
        if pupil.ending:
            pupil.learner = Learner()
            pupil.turn += 1
        pupil.ending = not pupil.ending
        return self.show(pupil)

    # What the tab keeps

    def _kept(self, learner: Learner) -> str:
        """What brings a person's progress back: in a class their ticket, else lessons and points; marked."""
        if not learner.number and not learner.results:
            return ""
        results = {name: (result.right, result.total) for name, result in learner.results.items()}
        told = json.dumps(learner.ticket if learner.number else results)
        return f"{self._mark(told)} {told}"

    def _learner_of(self, kept: str) -> Learner:
        """Whom `_kept` tells of; somebody new where it was not written here, or the class has ended."""
        mark, _, told = kept.partition(" ")
        if not hmac.compare_digest(mark.encode(), self._mark(told).encode()):
            return Learner()
        done = json.loads(told)
        if isinstance(done, dict):
            return Learner(results={name: Result(*counts) for name, counts in done.items()})
        try:
            return self.classrooms.join(done)
        except ClassroomError:
            return Learner()

    def _mark(self, told: str) -> str:
        return hmac.new(self._key, told.encode(), "sha256").hexdigest()

    def _mover(self, view: str) -> Callable[[gr.Request], Updates]:
        # A closure, because functools.partial loses gr.Request.
        def moved(request: gr.Request) -> Updates:
            pupil = self.pupils.of(request)
            pupil.view, pupil.ending = view, False
            pupil.turn += 1
            return self.show(pupil)

        return moved

    def _lesson_opener(self, number: int) -> Callable[[gr.Request], Updates]:
        def opened(request: gr.Request) -> Updates:
            pupil = self.pupils.of(request)
            pupil.view, pupil.lesson = "lesson", number
            pupil.turn += 1
            return self.show(pupil)

        return opened

    def _scorer(self, place: int) -> Callable[[list[str], gr.Request], str]:
        def scored(ticked: list[str], request: gr.Request) -> str:
            exercises = self.lessons[self.pupils.of(request).lesson].exercises
            there = ticked and place < len(exercises)
            return self.show_as.points(exercises[place], ticked) if there else ""

        return scored

    # Questions

    def begin_quiz(self, request: gr.Request) -> Updates:
        """The first question of the lesson."""
        pupil = self.pupils.of(request)
        pupil.view, pupil.question, pupil.chosen, pupil.right = "quiz", 0, None, 0
        pupil.turn += 1
        return self.show(pupil)

    def _answerer(self, number: int) -> Callable[[gr.Request], Updates]:
        def answered(request: gr.Request) -> Updates:
            pupil = self.pupils.of(request)
            questions = self.lessons[pupil.lesson].questions
            if pupil.chosen is None and pupil.question < len(questions):
                pupil.chosen = number
                pupil.right += number == questions[pupil.question].right
            return self.show(pupil)

        return answered

    def go_on(self, request: gr.Request) -> Updates:
        """The next question, the result, or after it the questions again."""
        pupil = self.pupils.of(request)
        lesson = self.lessons[pupil.lesson]
        if pupil.question >= len(lesson.questions):
            return self.begin_quiz(request)
        if pupil.chosen is not None:
            pupil.question, pupil.chosen = pupil.question + 1, None
            pupil.turn += 1
        if pupil.question == len(lesson.questions):
            pupil.learner.record(lesson.activity, pupil.right, len(lesson.questions))
        return self.show(pupil)

    # The sandbox

    def judge(self, text: str) -> Updates:
        """What may not be sent and what the request earns, while it is being written."""
        text = text or ""
        findings = self.sandbox.findings(text)
        marks = self.sandbox.marks(text, findings)
        written = bool(text.strip())
        return {
            self.found: self.show_as.findings(findings) if written else "",
            self.score: self.show_as.score(marks) if written else "",
            self.send: gr.Button(interactive=written and not findings),
        }

    def write(self, text: str) -> Iterator[Updates]:
        """The model's draft; nothing is sent to it where something was found."""
        words, text = self.words["sandbox"], text or ""
        refusal = words["empty"] if not text.strip() else ""
        if len(text) > MOST:
            refusal = words["too_long"].format(most=MOST)
        elif self.sandbox.findings(text):
            refusal = words["blocked"]
        model = None if refusal else self._model()
        if model is None:
            yield {self.draft: self.render.message(refusal or words["no_model"], "bad")}
            return
        rules = self.words["model"]
        prompt = Prompt(rules["draft"], rules["no_guide"], neutralised(text))
        yield {
            self.draft: self.render.message(words["writing"], "busy"),
            self.send: gr.Button(visible=False),
            self.stop: gr.Button(visible=True),
        }
        written = ""
        try:
            for piece in model.stream(prompt):
                written += piece
                # An empty piece tells nothing new, but one who has left is noticed here.
                yield {self.draft: self.show_as.draft(written, model.name) if piece else gr.skip()}
        except ModelError:
            yield {self.draft: self.render.message(words["busy"], "bad")}
        yield self._stopped()

    def _model(self) -> LanguageModel | None:
        """The model on this machine, if there is one and it could be loaded."""
        try:
            return self.reference().model
        except AssistantError:
            return None

    def _stopped(self) -> Updates:
        return {self.send: gr.Button(visible=True), self.stop: gr.Button(visible=False)}

    def stopped(self) -> Updates:
        """The person has read enough."""
        return self._stopped() | {self.draft: gr.skip()}

    def failed(self) -> Updates:
        """Something broke that nobody foresaw: a Vietnamese sentence all the same."""
        return self._stopped() | {self.draft: self.render.message(self.words["page"]["failed"], "bad")}

    def next_poor(self, request: gr.Request) -> str:
        """A poor request of the lessons, to be put right."""
        pupil = self.pupils.of(request)
        poor = self.poor[pupil.poor % len(self.poor)]
        pupil.poor += 1
        return poor

    def emptied(self) -> Updates:
        """An empty box, and nothing said about what stood there."""
        return {self.box: "", self.draft: ""}

    # Two answers

    def _comparer(self, number: int) -> Callable[[gr.Request], Updates]:
        def compared(request: gr.Request) -> Updates:
            pupil = self.pupils.of(request)
            pupil.comparison = number
            return self.show(pupil)

        return compared

    def _held(self, pupil: Pupil) -> tuple[Comparison, Evidence, str, Prompt]:
        """The comparison, its guide as it holds today, the guide's title and the model's prompt.

        Raises KeyError where a ward has taken the guide away.
        """
        assistant, comparison = self.reference(), self.sandbox.comparisons[pupil.comparison]
        prompt = assistant.prompt(comparison.guide, assistant.clock(), comparison.question)
        title = assistant.searcher.index.guides[comparison.guide].document.title
        return comparison, Evidence(prompt.guide, comparison.question), title, prompt

    def _not_held(self, error: Exception) -> str:
        gone = isinstance(error, KeyError)
        return self.render.message(
            self.words["compare"]["gone"] if gone else self.words["page"]["failed"], "bad"
        )

    def _prepared(self, pupil: Pupil) -> str:
        """The two prepared answers, each sentence held against the guide."""
        try:
            comparison, evidence, title, _ = self._held(pupil)
        except (KeyError, AssistantError) as error:
            return self._not_held(error)
        words = self.words["compare"]
        writers = (words["made_up"], words["from_guide"].format(title=title))
        answers = (comparison.without, comparison.using)
        shown = [self.show_as.verdicts(verdicts(answer, evidence)) for answer in answers]
        return self.show_as.two(comparison, title, list(zip(writers, shown, strict=True)))

    def compare_by_model(self, request: gr.Request) -> Iterator[Updates]:
        """The same question to the model on this machine, without the guide and with it."""
        try:
            comparison, evidence, title, prompt = self._held(self.pupils.of(request))
            model = self.reference().model
        except (KeyError, AssistantError) as error:
            yield {self.sides: self._not_held(error)}
            return
        if model is None:
            yield {self.run: gr.Button(visible=False)}
            return
        rules, answers = self.words["model"], ["", ""]
        alone = Prompt(rules["without"], rules["no_guide"], neutralised(comparison.question))
        writer = self.words["compare"]["by_model"].format(name=model.name)
        try:
            for side, asked in enumerate((alone, prompt)):
                for piece in model.stream(asked):
                    answers[side] += piece
                    shown = [(writer, self.render.paragraphs(answer)) for answer in answers]
                    yield {self.sides: self.show_as.two(comparison, title, shown) if piece else gr.skip()}
        except ModelError:
            yield {self.sides: self.render.message(self.words["sandbox"]["busy"], "bad")}
            return
        shown = [(writer, self.show_as.verdicts(verdicts(answer, evidence))) for answer in answers]
        yield {self.sides: self.show_as.two(comparison, title, shown)}

    def check_pasted(self, text: str, request: gr.Request) -> str:
        """Somebody else's answer, held against the same guide."""
        words, text = self.words["compare"], (text or "")[:MOST]
        if not text.strip():
            return self.render.message(words["nothing"], "bad")
        if found := self.sandbox.findings(text):
            return self.show_as.findings(found)
        try:
            _, evidence, title, _ = self._held(self.pupils.of(request))
        except (KeyError, AssistantError) as error:
            return self._not_held(error)
        head = f'<p class="small">{escape(words["guide"].format(title=title))}</p>'
        held = self.show_as.verdicts(verdicts(text, evidence))
        return f'<section role="status">{head}{held}</section>'

    # The class

    def join_class(self, code: str, request: gr.Request) -> Updates:
        """Be counted in a class, from now on and for what was done before."""
        pupil = self.pupils.of(request)
        try:
            learner = self.classrooms.join(code)
        except ClassroomError as error:
            return self.show(pupil) | {self.joined: self._complaint(error)}
        learner.take_over(pupil.learner)
        pupil.learner = learner
        return self.show(pupil)

    def opened_class(self, request: gr.Request) -> Updates:
        """Open a class and show its code."""
        pupil = self.pupils.of(request)
        try:
            pupil.trainer = self.classrooms.open().ticket
        except ClassroomError as error:
            return self.show(pupil) | {self.progress: self._complaint(error)}
        return self.show(pupil)

    def reopened_class(self, ticket: str, request: gr.Request) -> Updates:
        """A trainer whose page was closed comes back."""
        pupil = self.pupils.of(request)
        try:
            pupil.trainer = self.classrooms.of_trainer(ticket).ticket
        except ClassroomError as error:
            return self.show(pupil) | {self.progress: self._complaint(error)}
        return self.show(pupil)

    def _class_of(self, pupil: Pupil) -> Classroom | None:
        try:
            return self.classrooms.of_trainer(pupil.trainer) if pupil.trainer else None
        except ClassroomError:  # it has ended meanwhile
            pupil.trainer = ""
            return None

    def looked(self, request: gr.Request) -> str:
        """The class's progress as it is now."""
        classroom = self._class_of(self.pupils.of(request))
        return self.show_as.progress(classroom) if classroom else ""

    def end_class(self, request: gr.Request) -> Updates:
        """Ask once more, then forget the class."""
        pupil = self.pupils.of(request)
        classroom = self._class_of(pupil)
        if classroom is None or not pupil.ending:
            pupil.ending = classroom is not None
            return self.show(pupil)
        self.classrooms.end(classroom)
        pupil.trainer, pupil.ending = "", False
        ended = self.render.message(self.words["class"]["ended"], "good")
        return self.show(pupil) | {self.progress: ended}

    def _complaint(self, error: AssistantError) -> str:
        return self.render.message(self.words["errors"][type(error).__name__], "bad")

    # What is seen

    def _shown_components(self) -> list[Any]:
        exercises = [part for exercise in self.exercises for part in exercise]
        return [
            *(*self.parts.values(), *self.views.values(), self.overview, *self.tiles, self.text),
            *(*exercises, self.sources, self.question, *self.answers, self.explained, self.on),
            *(self.sandbox_head, self.send, self.draft, self.compare_head, *self.compared, self.sides),
            *(self.run, self.checked, self.class_head, self.code, self.join, self.joined, self.paper),
            *(self.open_class, self.ticket, self.reopen, self.progress, self.refresh, self.end, self.timer),
            *(self.wipe, self.kept),
        ]

    def show(self, pupil: Pupil) -> Updates:
        """The whole page for a person."""
        part = "lessons" if pupil.view in ("lesson", "quiz") else pupil.view
        updates: Updates = {
            button: gr.Button(variant=_variant(view == part)) for view, button in self.parts.items()
        }
        updates |= {view: gr.Column(visible=name == pupil.view) for name, view in self.views.items()}
        updates[self.timer] = gr.Timer(active=pupil.view == "class" and bool(pupil.trainer))
        match pupil.view:
            case "lessons":
                updates[self.overview] = self.show_as.overview(pupil.learner, pupil.turn)
                for number, tile in enumerate(self.tiles):
                    updates[tile] = gr.Button(self.show_as.tile(number, pupil.learner))
            case "lesson":
                updates |= self._show_lesson(pupil)
            case "quiz":
                updates |= self._show_question(pupil)
            case "sandbox":
                has_model = self._model() is not None
                note = "" if has_model else self.words["sandbox"]["no_model"]
                updates[self.sandbox_head] = self.show_as.head("sandbox", pupil.turn, note)
                updates[self.send] = gr.Button(visible=has_model)
            case "compare":
                updates |= self._show_comparison(pupil)
            case "class":
                updates |= self._show_class(pupil)
        kept, words = self._kept(pupil.learner), self.words["lessons"]
        updates[self.kept] = f'<i hidden data-progress="{escape(kept)}"></i>'
        updates[self.wipe] = gr.Button(
            words["wipe_sure" if pupil.ending else "wipe"],
            visible=bool(kept) and not pupil.trainer and pupil.view in ("lessons", "class"),
        )
        return updates

    def _show_lesson(self, pupil: Pupil) -> Updates:
        lesson = self.lessons[pupil.lesson]
        updates: Updates = {
            self.text: self.show_as.lesson(lesson, pupil.turn),
            self.sources: self.show_as.sources(lesson),
        }
        for place, (told, ticks, score) in enumerate(self.exercises):
            there = place < len(lesson.exercises)
            exercise = lesson.exercises[place if there else 0]
            choices = [self.show_as.criterion(criterion) for criterion in exercise.criteria]
            updates[told] = self.show_as.exercise(exercise) if there else ""
            updates[ticks] = gr.CheckboxGroup(choices=choices, value=[], visible=there)
            updates[score] = ""
        return updates

    def _show_question(self, pupil: Pupil) -> Updates:
        lesson, words = self.lessons[pupil.lesson], self.words["quiz"]
        last = len(lesson.questions) - 1
        if pupil.question > last:
            updates: Updates = {button: gr.Button(visible=False) for button in self.answers}
            return updates | {
                self.question: self.show_as.result(lesson, pupil.right, pupil.turn),
                self.explained: "",
                self.on: gr.Button(words["again"], visible=True),
            }
        question, chosen = lesson.questions[pupil.question], pupil.chosen
        updates = {
            self.question: self.show_as.question(lesson, pupil.question, pupil.turn),
            self.explained: "" if chosen is None else self.show_as.explained(question, chosen),
            self.on: gr.Button(
                words["finish" if pupil.question == last else "next"], visible=chosen is not None
            ),
        }
        for number, button in enumerate(self.answers):
            kind = "open"
            if chosen is not None:
                kind = "done" if number == question.right else "wrong" if number == chosen else "open"
            updates[button] = gr.Button(
                question.answers[number],
                visible=True,
                interactive=chosen is None,
                elem_classes=["choice", kind],
            )
        return updates

    def _show_comparison(self, pupil: Pupil) -> Updates:
        model = self._model()
        note = "" if model else self.words["compare"]["no_model"]
        updates: Updates = {
            self.compare_head: self.show_as.head("compare", pupil.turn, note),
            self.sides: self._prepared(pupil),
            self.run: gr.Button(visible=model is not None),
            self.checked: "",
        }
        for number, button in enumerate(self.compared):
            kind = "picked" if number == pupil.comparison else "open"
            updates[button] = gr.Button(elem_classes=["choice", kind])
        return updates

    def _show_class(self, pupil: Pupil) -> Updates:
        words, classroom = self.words["class"], self._class_of(pupil)
        joined = ""
        if pupil.learner.number and self.classrooms.goes_on(pupil.learner.code):
            joined = self.show_as.joined(pupil.learner)
        elif pupil.learner.number:
            pupil.learner = Learner()
            joined = self.render.message(words["gone"], "bad")
        teaching = classroom is not None
        neither = not teaching and not pupil.learner.number
        updates: Updates = {
            button: gr.Button(visible=neither) for button in (self.join, self.open_class, self.reopen)
        }
        updates |= {box: gr.Textbox(value="", visible=neither) for box in (self.code, self.ticket)}
        return updates | {
            self.class_head: self.show_as.head("class", pupil.turn),
            self.joined: joined,
            self.paper: "" if teaching else self.show_as.paper(pupil.learner, pupil.token),
            self.progress: self.show_as.progress(classroom) if classroom else "",
            self.refresh: gr.Button(visible=teaching),
            self.end: gr.Button(words["end_sure" if pupil.ending else "end"], visible=teaching),
        }

    # Files

    def routes(self) -> APIRouter:
        """The certificate and the class's progress; each made in memory for one who may have it."""
        routes = APIRouter()

        @routes.post("/lop-hoc/chung-nhan.pdf")
        async def paper(request: Request) -> Response:
            form = await request.form()
            token, typed = str(form.get("token", "")), str(form.get("name", ""))
            pupil = next((pupil for pupil in self.pupils if pupil.token == token), None)
            activities = [lesson.activity for lesson in self.lessons]
            if pupil is None or pupil.learner.count(activities, PASS) < len(activities):
                return _refused(self.words["errors"]["unfinished"])
            try:
                name = certificate_name(typed)
            except ClassroomError as error:
                return _refused(self.words["errors"][type(error).__name__])
            titles = [lesson.title for lesson in self.lessons]
            words = self.words["certificate"]
            body = certificate(words, name, self.reference().clock(), titles)
            return _file(body, "application/pdf", words["file"])

        @routes.post("/lop-hoc/tien-do.xlsx")
        async def progress(request: Request) -> Response:
            form = await request.form()
            try:
                classroom = self.classrooms.of_trainer(str(form.get("ticket", "")))
            except ClassroomError as error:
                return _refused(self.words["errors"][type(error).__name__])
            words = self.words["export"]
            body = progress_sheet(classroom, self.activities, words)
            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            return _file(body, kind, words["file"])

        return routes


def _writing_box(label: str, placeholder: str, id_: str, *, lines: int) -> gr.Textbox:
    return gr.Textbox(
        label=label,
        placeholder=placeholder,
        elem_id=id_,
        lines=lines,
        max_lines=12,
        max_length=MOST,
        html_attributes=gr.InputHTMLAttributes(lang="vi", spellcheck=False, autocorrect="off"),
    )


def _code_box(label: str, id_: str) -> gr.Textbox:
    attributes = gr.InputHTMLAttributes(autocorrect="off", spellcheck=False)
    return gr.Textbox(label=label, elem_id=id_, max_length=12, lines=1, html_attributes=attributes)


def _variant(chosen: bool) -> Literal["primary", "secondary"]:
    return "primary" if chosen else "secondary"


def _activities(course: Course) -> dict[str, str]:
    """Every activity that the export has a column for, with its name."""
    words = course.words["export"]
    found = {
        lesson.activity: words["lesson"].format(number=number, title=lesson.title)
        for number, lesson in enumerate(course.lessons, 1)
    }
    for tile in course.practice["tile"]:
        for game in ("press", "order"):
            found[f"{game} {tile['guide']}"] = words[game].format(title=tile["label"])
    return found | {"messages": words["messages"]}


def _refused(text: str) -> Response:
    return Response(text, 403, media_type="text/plain; charset=utf-8")


def _file(body: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=kind, headers=headers)
