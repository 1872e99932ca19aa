"""The practice page at `/tap` ("Tập làm thử"): buttons on a drawn screen, steps in order, scam messages.

Nothing is real here and nothing is sent anywhere; a class learns how many tasks were done, not by whom.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import gradio as gr

from assistant.coaching.classroom import Learner
from assistant.coaching.practice import (
    MOST_AT_ONCE,
    Message,
    Round,
    Task,
    message_tasks,
    order_tasks,
    press_tasks,
    step_of,
)
from assistant.datatypes import Card
from assistant.errors import AssistantError, ClassroomError
from assistant.text.normalize import without_marks
from assistant.web.course import Course, heading
from assistant.web.leaving import wipe_what_is_left
from assistant.web.look import page_of
from assistant.web.render import day, icon
from assistant.web.sessions import Sessions

FORGOTTEN_AFTER = 3600  # seconds
_GAMES = ("press", "order")

Updates = dict[Any, Any]  # component → its new value or properties


@dataclass
class Trial:
    """One person at the page. `turn` rises with every change they should look at."""

    view: str = "home"  # home, games, play or done
    turn: int = 0
    guide: str = ""
    card: Card | None = None
    game: str = ""  # press, order or messages
    round: Round = field(default_factory=lambda: Round(()))
    learner: Learner = field(default_factory=Learner)
    complaint: str = ""


class Practice:
    """The page: its components, and what each button does."""

    def __init__(self, course: Course) -> None:
        self.reference, self.words, self.render = course.reference, course.practice, course.render
        self.messages, self.classrooms = course.messages, course.classrooms
        self.trials = Sessions(Trial, FORGOTTEN_AFTER)

    def blocks(self) -> gr.Blocks:
        """Lay out and wire the page."""
        words = self.words
        with page_of(words["title"], waiting=60, at_once=8) as page:
            gr.HTML(_header(words), elem_id="top")
            self._lay_out_home()
            self._lay_out_games()
            self._lay_out_play()
            self._wire(page)
            wipe_what_is_left(page, self.trials.forget)
        return page

    # The parts of the page

    def _lay_out_home(self) -> None:
        words = self.words
        with gr.Column(elem_id="p-home") as self.home:
            self.welcome = gr.HTML(_welcome(words, 0))
            with gr.Row(elem_id="tiles"):
                self.to_messages = gr.Button(
                    words["games"]["messages"], elem_classes=["tile", "urgent", "icon-shield"]
                )
                self.to_guide = {
                    tile["guide"]: gr.Button(tile["label"], elem_classes=["tile", f"icon-{tile['icon']}"])
                    for tile in words["tile"]
                }
            with gr.Row(elem_id="join"):
                self.code = gr.Textbox(
                    label=words["class"]["label"],
                    elem_id="code",
                    max_length=12,
                    lines=1,
                    html_attributes=gr.InputHTMLAttributes(autocorrect="off", spellcheck=False),
                )
                self.join = gr.Button(words["class"]["join"], elem_id="join-button")
            self.joined = gr.HTML(elem_id="joined")

    def _lay_out_games(self) -> None:
        with gr.Column(elem_id="p-games", visible=False) as self.games:
            self.chosen = gr.HTML()
            with gr.Row(elem_id="games"):
                self.choose = {
                    game: gr.Button(self.words["games"][game], elem_id=game, elem_classes=["tile", picture])
                    for game, picture in zip(_GAMES, ("icon-phone-app", "icon-steps"), strict=True)
                }
            self.games_back = gr.Button(self.words["menu"], elem_classes=["icon-back"])

    def _lay_out_play(self) -> None:
        words = self.words
        with gr.Column(elem_id="p-play", visible=False) as self.play:
            self.task = gr.HTML()
            with gr.Column(elem_id="screen", elem_classes=["press"]) as self.screen:
                self.shown = gr.HTML()
                self.buttons = [gr.Button(visible=False, elem_classes=["pick"]) for _ in range(MOST_AT_ONCE)]
            self.told = gr.HTML(elem_id="told")
            with gr.Row(elem_id="play-nav"):
                self.next = gr.Button(words["next"], variant="primary", elem_id="next", visible=False)
                self.again = gr.Button(words["again"], elem_classes=["icon-steps"], visible=False)
                self.menu = gr.Button(words["menu"], elem_classes=["icon-back"])

    # What the buttons do

    def _wire(self, page: gr.Blocks) -> None:
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        shown = self._shown_components()
        page.load(self.opened, None, shown, **quiet)
        self.to_messages.click(self._starter("messages"), None, shown, **quiet)
        for id_, tile in self.to_guide.items():
            tile.click(self._chooser(id_), None, shown, **quiet)
        for game, button in self.choose.items():
            button.click(self._starter(game), None, shown, **quiet)
        for number, button in enumerate(self.buttons):
            button.click(self._presser(number), None, shown, **quiet)
        self.next.click(self.go_on, None, shown, **quiet)
        self.again.click(self.once_more, None, shown, **quiet)
        for button in (self.games_back, self.menu):
            button.click(self.to_home, None, shown, **quiet)
        gr.on([self.join.click, self.code.submit], self.join_class, self.code, shown, **quiet)

    def opened(self, request: gr.Request) -> Updates:
        """The first page, or the guide that the address names: /tap?bai=ID."""
        wanted = dict(request.query_params).get("bai", "")
        trial = self.trials.of(request)
        if wanted:
            self._choose(trial, str(wanted))
        return self.show(trial)

    def _chooser(self, guide: str) -> Callable[[gr.Request], Updates]:
        # A closure, because functools.partial loses gr.Request.
        def chosen(request: gr.Request) -> Updates:
            trial = self.trials.of(request)
            self._choose(trial, guide)
            return self.show(trial)

        return chosen

    def _choose(self, trial: Trial, guide: str) -> None:
        trial.turn += 1
        trial.complaint = ""
        try:
            card = self.reference().open_guide(guide).card
        except KeyError:
            card = None
        except AssistantError:
            trial.view, trial.complaint = "home", self.words["failed"]
            return
        if card is None or len(card.steps) < 2:
            trial.view, trial.complaint = "home", self.words["gone"]
            return
        trial.view, trial.guide, trial.card = "games", guide, card

    def _starter(self, game: str) -> Callable[[gr.Request], Updates]:
        def started(request: gr.Request) -> Updates:
            trial = self.trials.of(request)
            self._start(trial, game)
            return self.show(trial)

        return started

    def _start(self, trial: Trial, game: str) -> None:
        tasks = self._tasks(trial, game)
        trial.turn += 1
        if not tasks:  # its buttons cannot be practised, or the page was forgotten meanwhile
            trial.view = "games" if trial.card else "home"
            return
        trial.view, trial.game, trial.round = "play", game, Round(tasks)

    def _tasks(self, trial: Trial, game: str) -> tuple[Task, ...]:
        seed = secrets.randbits(32)
        if game == "messages":
            words = self.words["messages"]
            return message_tasks(self.messages, words["count"], (words["scam"], words["genuine"]), seed)
        steps = trial.card.steps if trial.card else ()
        return press_tasks(steps, seed) if game == "press" else order_tasks(steps, seed)

    def _presser(self, number: int) -> Callable[[gr.Request], Updates]:
        def pressed(request: gr.Request) -> Updates:
            trial = self.trials.of(request)
            trial.round.press(number)
            return self.show(trial)

        return pressed

    def go_on(self, request: gr.Request) -> Updates:
        """The next task; after the last one the result."""
        trial = self.trials.of(request)
        trial.round.go_on()
        trial.turn += 1
        if trial.view == "play" and trial.round.is_over:
            trial.view = "done"
            activity = trial.game if trial.game == "messages" else f"{trial.game} {trial.guide}"
            trial.learner.record(activity, trial.round.right, len(trial.round.tasks))
        return self.show(trial)

    def once_more(self, request: gr.Request) -> Updates:
        """The same exercise, mixed anew."""
        trial = self.trials.of(request)
        self._start(trial, trial.game)
        return self.show(trial)

    def to_home(self, request: gr.Request) -> Updates:
        """Back to the choice of what to practise; the class goes on counting."""
        trial = self.trials.of(request)
        trial.view, trial.card, trial.complaint = "home", None, ""
        trial.turn += 1
        return self.show(trial)

    def join_class(self, code: str, request: gr.Request) -> Updates:
        """Be counted in a class."""
        trial, words = self.trials.of(request), self.words["class"]
        try:
            learner = self.classrooms.join(code)
            learner.take_over(trial.learner)
            trial.learner = learner
        except ClassroomError as error:
            return self.show(trial) | {self.joined: self.render.message(words[type(error).__name__], "bad")}
        return self.show(trial)

    # What is seen

    def _shown_components(self) -> list[Any]:
        return [
            *(self.home, self.welcome, self.code, self.join, self.joined, self.games, self.chosen),
            *(*self.choose.values(), self.play, self.task, self.screen, self.shown, *self.buttons),
            *(self.told, self.next, self.again),
        ]

    def show(self, trial: Trial) -> Updates:
        """The whole page for a person."""
        playing = trial.view in ("play", "done")
        updates: Updates = {
            self.home: gr.Column(visible=trial.view == "home"),
            self.games: gr.Column(visible=trial.view == "games"),
            self.play: gr.Column(visible=playing),
        }
        if trial.view == "home":
            return updates | self._show_home(trial)
        if trial.view == "games" and trial.card:
            can_press = bool(press_tasks(trial.card.steps, 0))
            words = self.words["games"]
            notes = [
                f"{words[game]}: {words[game + '_note']}." for game in _GAMES if can_press or game == "order"
            ]
            told = "".join(f"<p>{escape(line)}</p>" for line in (trial.card.title, *notes))
            updates[self.chosen] = (
                f'<section class="say" data-turn="{trial.turn}">{heading(words["title"])}{told}</section>'
            )
            updates[self.choose["press"]] = gr.Button(visible=can_press)
        if trial.view == "play":
            updates |= self._show_task(trial)
        if trial.view == "done":
            updates |= self._show_result(trial)
        return updates

    def _show_home(self, trial: Trial) -> Updates:
        number, words = trial.learner.number, self.words["class"]
        joined = self.render.message(words["joined"].format(number=number), "good") if number else ""
        complaint = self.render.message(trial.complaint, "bad") if trial.complaint else ""
        return {
            self.welcome: _welcome(self.words, trial.turn) + complaint,
            self.code: gr.Textbox(value="", visible=not number),
            self.join: gr.Button(visible=not number),
            self.joined: joined,
        }

    def _show_task(self, trial: Trial) -> Updates:
        current, task = trial.round, trial.round.task
        solved = current.is_solved
        updates: Updates = {
            self.task: self._question(trial),
            self.screen: gr.Column(visible=True, elem_classes=[trial.game]),
            self.shown: self._screen(trial),
            self.told: self._told(trial),
            self.next: gr.Button(visible=solved),
            self.again: gr.Button(visible=False),
        }
        for number, button in enumerate(self.buttons):
            there = number < len(task.buttons) and not (solved and trial.game == "order")
            done = number in current.pressed
            classes = ["pick", "done" if done else "wrong" if number == current.wrong else "open"]
            updates[button] = gr.Button(
                task.buttons[number] if there else "",
                visible=there,
                interactive=not solved and not done,
                elem_classes=classes,
            )
        return updates

    def _question(self, trial: Trial) -> str:
        words, current = self.words[trial.game], trial.round
        progress = words["progress"].format(number=current.at + 1, count=len(current.tasks))
        lines = []
        if trial.game == "press" and trial.card:
            place = current.task.steps[0]
            lines.append(words["task"].format(step=place + 1, title=trial.card.title))
            before = without_marks(trial.card.steps[place - 1].text)
            lines.append(words["before"].format(text=before) if place else words["begin"])
        elif trial.game == "order" and trial.card:
            lines.append(trial.card.title)
        key = "question"
        if trial.game == "order":
            key = "right" if current.is_solved else "next" if current.pressed else "first"
        told = "".join(f"<p>{escape(line)}</p>" for line in lines)
        return (
            f'<section class="task" data-turn="{trial.turn}"><p class="small">{escape(progress)}</p>'
            f"{told}{heading(words[key])}</section>"
        )

    def _screen(self, trial: Trial) -> str:
        """What the drawn screen says above its buttons: first of all that it is drawn."""
        words = self.words
        mark = (
            f'<p class="mark">{icon("phone-app")}<b>{escape(words["screen"])}</b>'
            f"<small>{escape(words['screen_note'])}</small></p>"
        )
        message = trial.round.task.message
        if trial.game == "order":
            placed = "".join(f"<li>{escape(trial.round.task.buttons[n])}</li>" for n in trial.round.pressed)
            start = trial.round.task.steps[0] + 1
            return f'{mark}<ol class="placed" start="{start}">{placed}</ol>' if placed else mark
        if message is None:
            return mark
        scene = f'<p class="scene">{escape(message.scene)}</p>' if message.scene else ""
        return (
            f'{mark}{scene}<div class="bubble"><p class="sender">{escape(message.sender)}</p>'
            f"<p>{escape(message.text)}</p></div>"
        )

    def _told(self, trial: Trial) -> str:
        """What is said to the last press."""
        current, words = trial.round, self.words[trial.game]
        if current.task.message is not None:
            return self._told_of_message(current.task.message, current) if current.is_solved else ""
        if current.is_solved:
            said = words["right"]
            if trial.game == "press" and trial.card:
                said += f" {without_marks(trial.card.steps[current.task.steps[0]].text)}"
            return f'<section class="good" role="status"><p>{icon("check")}{escape(said)}</p></section>'
        if current.wrong is None:
            return ""
        label = current.task.buttons[current.wrong]
        text = words["wrong"].format(label=label)
        if trial.game == "press" and trial.card:
            place = step_of(trial.card.steps, label)
            if place is not None:
                text = words["wrong_step"].format(label=label, step=place + 1)
        return self.render.message(text, "bad")

    def _told_of_message(self, message: Message, current: Round) -> str:
        words, source = self.words["messages"], message.source
        key = "source_dated" if source.date else "source"
        cited = words[key].format(title=source.title, day=day(source.date or ""))
        kind = "bad" if current.missed else "good"
        verdict = words["is_scam" if message.scam else "is_genuine"]
        return (
            f'<section class="{kind}" role="status"><p>{icon("alarm" if message.scam else "check")}'
            f"<b>{escape(verdict)}</b> {escape(words['wrong' if current.missed else 'right'])}</p>"
            f"<p>{self.render.words(message.why)}</p>"
            f'<p class="small">{escape(words["made_up"])} {escape(cited)}</p></section>'
        )

    def _show_result(self, trial: Trial) -> Updates:
        words, current = self.words["done"], trial.round
        total = len(current.tasks)
        kept = words["good" if current.right >= 0.8 * total else "more"]
        if trial.game == "messages":
            kept = words["messages"]
        score = words["score"].format(right=current.right, total=total)
        updates: Updates = {
            self.task: f'<section class="result" data-turn="{trial.turn}">{heading(words["title"])}'
            f'<p class="large">{escape(score)}</p><p>{escape(kept)}</p></section>',
            self.screen: gr.Column(visible=False),
            self.told: "",
            self.next: gr.Button(visible=False),
            self.again: gr.Button(visible=True),
        }
        return updates


def _header(words: Mapping[str, Any]) -> str:
    return (
        f'<header class="top"><h1>{escape(words["title"])}</h1><p>{escape(words["subtitle"])}</p>'
        f'<a class="link" href="/">{icon("home")}{escape(words["home"])}</a></header>'
    )


def _welcome(words: Mapping[str, Any], turn: int) -> str:
    return (
        f'<div class="welcome" data-turn="{turn}">{heading(words["welcome"])}'
        f"<p>{escape(words['hint'])}</p></div>"
    )
