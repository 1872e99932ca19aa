"""The screens of the kiosk as HTML: tiles, lists of guides, the answer, the steps one at a time.

A button with `data-do` is acted on by kiosk.py, one with `data-tool`, `data-say`, `data-slip` or `data-go` by
the page's script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from assistant.datatypes import Card, Guide, Status, Step
from assistant.web.render import WITH_PHONE, Renderer, focus_heading, icon
from assistant.web.visits import Visit

PROBLEMS = 5  # offered to one who is stuck
_LABEL = re.compile(r"“([^”]+)”")


@dataclass(frozen=True)
class Screens:
    """The words of prompts/ui.toml and prompts/kiosk.toml around what the guides say."""

    ui: Mapping[str, Any]
    render: Renderer
    slips: bool = False  # whether there are slips to take home
    practice: bool = False  # whether there is a page to practise on

    @cached_property
    def tiles(self) -> dict[str, Any]:
        """The tiles of the first page by their ids."""
        return {tile["id"]: tile for tile in self.ui["tiles"]}

    # Around everything

    def header(self) -> str:
        """The line above everything, and what changes how the page looks."""
        page, words = self.ui["page"], self.ui["tools"]
        tools = [
            button(words["bigger"], "bigger", tool="bigger", pressed=False),
            button(words["contrast"], "contrast", tool="contrast", pressed=False),
            button(words["call"], "hand", do="call", id_="call"),
        ]
        named = f"<div><h1>{escape(page['title'])}</h1><p>{escape(page['subtitle'])}</p></div>"
        group = (
            f'<div class="tools" role="group" aria-label="{escape(words["title"])}">{"".join(tools)}</div>'
        )
        return f'<header class="top">{named}{group}</header>'

    def keys_button(self) -> str:
        """What brings the keyboard on the screen."""
        return button(self.ui["tools"]["keys"], "keys", tool="keys", pressed=False, id_="keys-open")

    def idle_dialog(self) -> str:
        """The question to a person who has gone; the page's script opens it."""
        idle = {key: escape(text) for key, text in self.ui["idle"].items()}
        text = idle["text"].format(seconds='<b id="idle-seconds"></b>')
        return (
            f'<dialog id="idle" aria-labelledby="idle-title"><h2 id="idle-title">{idle["title"]}</h2>'
            f'<p>{text}</p><button id="idle-stay" type="button">{idle["stay"]}</button>'
            f'<button id="idle-end" type="button">{idle["end"]}</button></dialog>'
        )

    def stage(self, visit: Visit, guides: Mapping[str, Guide]) -> str:
        """What a person is to look at now."""
        if visit.view == "topic":
            shown = self._topic(self.tiles[visit.topic], visit.turn, guides)
        elif visit.view == "answer" and visit.answer:
            shown = self._answer(visit)
        elif visit.view == "coach" and visit.answer and visit.answer.card:
            guide = guides.get(visit.answer.card.document_id)
            shown = self._coach(visit, visit.answer.card, guide.topic if guide else "")
        else:
            shown = self._home(visit.turn)
        called = f'<div class="calls-for">{self._calling(visit)}</div>'
        return f'<div data-view="{escape(visit.view)}">{called}{shown}</div>'

    def _calling(self, visit: Visit) -> str:
        """That a volunteer is called, and what for, to be read from afar."""
        if not visit.called:
            return ""
        words = self.ui["calling"]
        lines = "".join(f"<p>{escape(line)}</p>" for line in (self.called_from(visit), words["text"]))
        return (
            f'<section class="calling" role="status"><h2>{icon("hand")}{escape(words["title"])}</h2>'
            f"{lines}{button(words['cancel'], 'stop', do='uncall')}</section>"
        )

    def called_from(self, visit: Visit) -> str:
        """With what a person needs help: a guide, and the step they have reached."""
        words, card = self.ui["calling"], visit.answer.card if visit.answer else None
        if card is None:
            return str(words["somebody"])
        at_step = visit.view == "coach" and visit.position < len(card.steps)
        said = words["step" if at_step else "guide"]
        return str(said.format(title=card.title, number=visit.position + 1, count=len(card.steps)))

    # The first page and the lists behind its tiles

    def _home(self, turn: int) -> str:
        page = self.ui["page"]
        return (
            f'<div class="welcome" data-turn="{turn}">{focus_heading(escape(page["welcome"]))}'
            f"<p>{escape(page['hint'])}</p></div>{self._all_tiles()}"
            f'<div class="promise">{icon("shield")}<p><b>{escape(page["promise"])}</b> '
            f"{escape(self.ui['sources']['ai'])}</p></div>{self._practise('home')}"
        )

    def _all_tiles(self) -> str:
        tiles = "".join(f"<li>{_tile(tile)}</li>" for tile in self.tiles.values())
        return f'<ul id="tiles" aria-label="{escape(self.ui["page"]["topics"])}">{tiles}</ul>'

    def _topic(self, tile: Mapping[str, Any], turn: int, guides: Mapping[str, Guide]) -> str:
        words = self.ui["menu"]
        parts = [
            f'<section class="say" data-turn="{turn}">{focus_heading(escape(tile["label"]))}'
            f"<p>{escape(words['question'])}</p></section>"
        ]
        for listed in self._lists(tile, guides):
            items = _items((id_, label) for id_, label in listed["guides"].items() if id_ in guides)
            if items:
                parts.append(f'<section class="list"><h3>{escape(listed["title"])}</h3>{items}</section>')
        return f'<div class="lists">{"".join(parts)}</div>'

    def _lists(self, tile: Mapping[str, Any], guides: Mapping[str, Guide]) -> list[Mapping[str, Any]]:
        """The lists of a tile, and what a ward has added to its topics."""
        known = {id_ for each in self.tiles.values() for listed in each["lists"] for id_ in listed["guides"]}
        others = {
            id_: guide.document.title
            for id_, guide in guides.items()
            if guide.topic in tile["topics"] and id_ not in known
        }
        return [*tile["lists"], {"title": self.ui["menu"]["unlisted"], "guides": others}]

    # The answer

    def _answer(self, visit: Visit) -> str:
        assert visit.answer is not None
        answer, card = visit.answer, visit.answer.card
        nothing = card is None and not visit.choices and answer.status is not Status.SAFETY
        warned = answer.status is Status.SAFETY  # and has the numbers in large type
        return "".join(
            [
                self.render.head(answer, visit.asked, visit.turn),
                _items((choice.document_id, choice.title) for choice in visit.choices),
                self._none_of_them() if answer.status is Status.CLARIFY and visit.choices else "",
                f'<div class="row">{self._voice(card.document_id)}{self._take_home(card)}</div>'
                if card
                else "",
                self._first_step(card, visit.position) if card and card.steps else "",
                self.render.facts(card, contacts=not warned) if card else "",
                self._all_tiles() if nothing else "",  # one obvious way on
            ]
        )

    def _none_of_them(self) -> str:
        return f'<div class="row">{button(self.ui["menu"]["none"], "", do="none", id_="none")}</div>'

    def _take_home(self, card: Card) -> str:
        """What brings the guide onto paper, or by a QR code onto a phone."""
        words = self.ui["own"]["slip"]
        if not (self.slips and card.document_id):
            return ""
        return button(words["open"], "print", slip=card.document_id)

    def _first_step(self, card: Card, position: int) -> str:
        """The first step, so that it can be done at once, or how to go on."""
        words, count = self.ui["first"], len(card.steps)
        if 0 < position < count:
            label = words["resume"].format(number=position + 1)
            return f'<div class="first">{button(label, "steps", do="coach", main=True, id_="start")}</div>'
        drawn = any(map(self.render.picture, card.steps))
        start = button(
            words["start" if drawn else "plain_start"], "steps", do="coach", main=True, id_="start"
        )
        done = button(words["done"], "check", do="step", item="1", id_="first-done")
        return (
            f'<section class="first"><h3>{escape(words["title"].format(count=count))}</h3>'
            f'<p class="steptext">{self.render.words(card.steps[0].text)}</p>'
            f'<div class="row">{start}{done}</div></section>'
        )

    # The steps, one at a time

    def _coach(self, visit: Visit, card: Card, topic: str) -> str:
        words, count = self.ui["coach"], len(card.steps)
        done = visit.position >= count
        to_card = words["to_card" if card.papers or card.fees else "to_card_plain"]
        help_ = "" if done else self._help(visit, card, topic)
        return "".join(
            [
                self._done(card, visit.turn) if done else self._step(card, visit.position, visit.turn),
                self._navigation(visit.position, count, visit.help),
                help_,
                button(to_card, "document", do="card", id_="to-card"),
                self.render.all_steps(card),
            ]
        )

    def _practise(self, where: str, guide: str = "") -> str:
        """The way to the page where nothing is real; it comes back by itself when nobody is there."""
        if not self.practice:
            return ""
        address = "/tap/?ve=150" + (f"&bai={guide}" if guide else "")
        return f'<p class="practise">{button(self.ui["practise"][where], "phone-app", go=address)}</p>'

    def _done(self, card: Card, turn: int) -> str:
        words = self.ui["coach"]
        return (
            f'<section class="coach done" data-turn="{turn}"><p class="task">{escape(card.title)}</p>'
            f"{focus_heading(icon('check') + escape(words['done_title']))}"
            f'<p class="steptext">{escape(words["done_text"])}</p>{self._take_home(card)}'
            f"{self._practise('done', card.document_id)}</section>"
        )

    def _step(self, card: Card, position: int, turn: int) -> str:
        """One step in large type, with its picture."""
        words, step, number, count = self.ui["coach"], card.steps[position], position + 1, len(card.steps)
        progress = escape(words["progress"].format(number=number, count=count))
        heading = escape(words["position"].format(number=number, count=count))
        return (
            f'<section class="coach" aria-label="{escape(words["region"])}" data-turn="{turn}">'
            f'<p class="task">{escape(card.title)}</p>'
            f'<div class="where"><h2 data-focus tabindex="-1" aria-describedby="steptext">{heading}</h2>'
            f"{self._voice(card.document_id, number)}</div>"
            f'<div class="bar" role="progressbar" aria-label="{progress}" aria-valuemin="0" '
            f'aria-valuemax="{count}" aria-valuenow="{number}">'
            f'<i style="width:{round(100 * number / count)}%"></i></div>'
            f'<p class="steptext" id="steptext">{self.render.words(step.text)}</p>'
            f"{self.render.picture(step)}</section>"
        )

    def _voice(self, document_id: str, number: int = 0, *, otherwise: bool = False) -> str:
        """Have a step read aloud, or (0) what the guide says first; shown where the server has a voice."""
        words = {key: escape(text) for key, text in self.ui["coach"].items()}
        say = f'data-say="{escape(document_id)}" data-step="{number}" data-silence="{words["silence"]}"'
        say += " data-other" if otherwise else ""
        hear = f'<button type="button" class="icon-speaker" {say}>{words["hear"]}</button>'
        slowly = f'<button type="button" class="icon-slowly" {say} data-slow>{words["slowly"]}</button>'
        return f'<div class="voice">{hear}{slowly}</div>'

    def _navigation(self, position: int, count: int, help_: str) -> str:
        words = self.ui["coach"]
        before, after = str(max(0, position - 1)), str(position + 1)
        buttons = [button(words["back"], "back", do="step", item=before, id_="back", enabled=position > 0)]
        if position < count:
            different = help_ == "different"
            stuck = bool(help_) and not different
            onward = words["finish"] if position == count - 1 else words["next"]
            buttons += [
                button(onward, "send", do="step", item=after, id_="next", main=True),
                _unfolds(words["different"], "screen", "different", open_=different),
                _unfolds(words["stuck"], "help", "stuck", open_=help_ == "stuck", chosen=stuck),
            ]
        return f'<div id="coach-nav">{"".join(buttons)}</div>'

    def _help(self, visit: Visit, card: Card, topic: str) -> str:
        """What helps a person who cannot go on: the step's other way, likely mistakes, then people."""
        step, words = card.steps[visit.position], self.ui["coach"]
        if not visit.help:
            return ""
        if visit.help == "different":
            other = f'<p class="other">{self.render.words(step.otherwise or words["no_otherwise"])}</p>'
            if step.otherwise:
                other += self._voice(card.document_id, visit.position + 1, otherwise=True)
            return _panel("screen", words["different_title"], other, visit.turn)
        problem = next((each for each in self.ui["problems"] if each["id"] == visit.help), None)
        if problem is None:
            items = "".join(
                f"<li>{button(_says(each, step), '', do='help', item=each['id'])}</li>"
                for each in self.problems(step)
            )
            offered = f'<p>{escape(words["stuck_hint"])}</p><ul class="menu">{items}</ul>'
            return _panel("help", words["stuck_title"], offered, visit.turn)
        parts = [f'<p class="other">{self.render.words(problem["help"])}</p>']
        if problem.get("otherwise") and step.otherwise:
            label = escape(self.ui["card"]["otherwise"])
            parts.insert(0, f'<p class="other"><b>{label}</b> {self.render.words(step.otherwise)}</p>')
        if errors := problem.get("guides", {}).get(topic):
            parts.append(_items([(errors, self._label_of(errors))]))
        if problem.get("call"):
            parts.append(button(self.ui["tools"]["call"], "hand", do="call", main=True))
        phones = [contact for contact in card.contacts if WITH_PHONE.fullmatch(contact.value)]
        if phones:
            calls = "".join(f"<li>{self.render.contact(contact)}</li>" for contact in phones)
            parts.append(f"<p>{escape(words['stuck_call'])}</p><ul>{calls}</ul>")
        return _panel("help", _says(problem, step), "".join(parts), visit.turn)

    def problems(self, step: Step) -> Sequence[Mapping[str, Any]]:
        """What may have gone wrong at a step: what its words hint at, then what may happen anywhere."""
        likely = [each for each in self.ui["problems"] if _may_happen(each, step)]
        return [*likely[:-1][: PROBLEMS - 1], likely[-1]]

    def _label_of(self, document_id: str) -> str:
        listed = [entry for tile in self.tiles.values() for entry in tile["lists"]]
        return next(str(e["guides"][document_id]) for e in listed if document_id in e["guides"])


def button(
    label: str,
    picture: str,
    *,
    do: str = "",
    item: str = "",
    tool: str = "",
    slip: str = "",
    go: str = "",
    id_: str = "",
    main: bool = False,
    enabled: bool = True,
    pressed: bool | None = None,
    expanded: bool | None = None,
) -> str:
    """A button, with a picture before its words."""
    classes = [f"icon-{picture}" if picture else "", "primary" if main else ""]
    attributes = {
        "class": " ".join(filter(None, classes)),
        "id": id_,
        "data-do": do,
        "data-what": item,
        "data-tool": tool,
        "data-slip": slip,
        "data-go": go,
        "aria-pressed": "" if pressed is None else str(pressed).lower(),
        "aria-expanded": "" if expanded is None else str(expanded).lower(),
    }
    said = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items() if value)
    return f'<button type="button" {said}{"" if enabled else " disabled"}>{escape(label)}</button>'


def _unfolds(label: str, picture: str, what: str, *, open_: bool, chosen: bool | None = None) -> str:
    """A button that shows help of a kind, or hides it."""
    expanded = open_ if chosen is None else chosen
    return button(label, picture, do="help", item="" if open_ else what, id_=what, expanded=expanded)


def _tile(tile: Mapping[str, Any]) -> str:
    urgent = " urgent" if tile.get("urgent") else ""
    return (
        f'<button type="button" class="tile icon-{escape(tile["icon"])}{urgent}" data-do="topic" '
        f'data-what="{escape(tile["id"])}"><span><b>{escape(tile["label"])}</b>'
        f"<small>{escape(tile['such_as'])}</small></span></button>"
    )


def _items(guides: Iterable[tuple[str, str]]) -> str:
    """Guides to choose from, by id and words."""
    items = "".join(f"<li>{button(label, '', do='open', item=id_)}</li>" for id_, label in guides)
    return f'<ul class="menu">{items}</ul>' if items else ""


def _panel(picture: str, title: str, inner: str, turn: int) -> str:
    return (
        f'<section class="stuck" data-turn="{turn}" data-near>'
        f'<h3 data-focus tabindex="-1">{icon(picture)}{escape(title)}</h3>{inner}</section>'
    )


def _may_happen(problem: Mapping[str, Any], step: Step) -> bool:
    when = problem.get("when")
    if when == "label":
        return _LABEL.search(step.text) is not None
    return when is None or re.search(when, step.text.casefold()) is not None


def _says(problem: Mapping[str, Any], step: Step) -> str:
    label = _LABEL.search(step.text)
    return str(problem["says"]).format(label=label[1] if label else "")
