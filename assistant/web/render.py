"""Answer → HTML. Every word from outside is escaped here; knows no Gradio and no session."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from assistant.datatypes import (
    Answer,
    Card,
    Citation,
    Paper,
    QuickAnswer,
    ShownContact,
    ShownFee,
    Status,
    Step,
)
from assistant.knowledge.pictures import Scene, drawn, words_of

_MARKS = re.compile(r"(?:\s*\[\d{1,3}\])+")
_PHONE = re.compile(r"(?<![\d.,/-])(?:1[89]00[ .]?\d{4}|11[2-5]|156|5656)(?![\d/]|[.,]\d)")
WITH_PHONE = re.compile(r"\+?\d[\d .]{1,16}")
_ISO = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")


def rows(text: str) -> list[str]:
    """The parts between semicolons that stand outside parentheses."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == ";" and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def day(iso: str) -> str:
    """An ISO date, perhaps reduced, as Vietnamese readers write it; anything else as it is."""
    match = _ISO.fullmatch(iso)
    return "/".join(part for part in reversed(match.groups()) if part) if match else iso


def icon(name: str) -> str:
    """A picture beside words: says nothing to a screen reader."""
    return f'<span class="pic icon-{escape(name)}" aria-hidden="true"></span>'


@dataclass(frozen=True)
class Renderer:
    """The words of prompts/ui.toml around the words of an answer; the scenes that steps are drawn with."""

    ui: Mapping[str, Any]
    scenes: Mapping[str, Scene] = field(default_factory=dict)

    def words(self, text: str) -> str:
        """One line of text: escaped, [n] as a small raised number, hotlines in bold."""
        marked = _PHONE.sub(lambda found: f"<b class='tel'>{found[0]}</b>", escape(text, quote=False))
        return _MARKS.sub(self._mark, marked)

    def _mark(self, marks: re.Match[str]) -> str:
        numbers = ", ".join(re.findall(r"\d+", marks[0]))
        spoken = escape(self.ui["sources"]["mark"].format(number=numbers))
        return f'<sup><span aria-hidden="true">{numbers}</span><span class="unseen"> ({spoken})</span></sup>'

    def paragraphs(self, text: str) -> str:
        """Plain text as paragraphs, one a line."""
        return "".join(f"<p>{self.words(line)}</p>" for line in text.splitlines() if line.strip())

    def message(self, text: str, kind: str) -> str:
        """Words of the machine beside the question box: an error ("bad"), or that it searches ("busy")."""
        return f'<section class="{kind}" role="status">{self.paragraphs(text)}</section>'

    def head(self, answer: Answer, asked: str, turn: int) -> str:
        """What is read first: the notice, what was asked, the title and the direct answer."""
        parts = [f'<article class="head {escape(answer.status.value)}" data-turn="{turn}">']
        if asked:
            parts.append(f'<p class="asked">{escape(self.ui["ask"]["asked"])} <q>{escape(asked)}</q></p>')
        if answer.notice:
            notice = self.paragraphs(answer.notice)
            parts.append(f'<div class="notice" role="note">{icon("alarm")}<div>{notice}</div></div>')
        if answer.status is Status.SAFETY:
            parts.append(self._warning(answer))
        elif answer.card is None:
            text = answer.text
            if answer.choices:  # the choices are the buttons below
                text = text.splitlines()[0]
            parts.append(f'<div class="lead" data-focus tabindex="-1">{self.paragraphs(text)}</div>')
        if answer.card is not None:
            title = escape(answer.card.title)
            safety = answer.status is Status.SAFETY  # its warning has the focus
            parts.append(f"<h2>{title}</h2>" if safety else focus_heading(title))
            parts.append(f'<div class="lead">{self._lead(answer.card.lead)}</div>')
            if answer.card.summary != answer.card.lead:
                parts.append(f'<div class="summary">{self.paragraphs(answer.card.summary)}</div>')
        for also in answer.also:  # the whole of it is behind a button below
            parts.append(f'<h2>{escape(also.title)}</h2><div class="lead">{self._lead(also.lead)}</div>')
        return "".join([*parts, "</article>"])

    def _warning(self, answer: Answer) -> str:
        """The reply of the guard, with the numbers to call in very large type."""
        card = answer.card
        reply = answer.text.split(f"\n\n{card.title}\n", 1)[0] if card else answer.text
        safety = self.ui["safety"]
        numbers = [c for c in card.contacts if WITH_PHONE.fullmatch(c.value)] if card else []
        calls = "".join(
            f'<li><b class="number">{escape(c.value)}</b><span>{escape(c.name)}</span></li>' for c in numbers
        )
        listed = (
            f"<div><h3>{escape(safety['call'])}</h3><ul class='calls'>{calls}</ul></div>" if calls else ""
        )
        return (
            f'<div class="warning" role="alert">{focus_heading(icon("alarm") + escape(safety["title"]))}'
            f"<div>{self.paragraphs(_one_sentence_a_line(reply))}</div>{listed}</div>"
        )

    def _lead(self, lead: str) -> str:
        """The direct answer, a line for each thing that was asked; what a line lists becomes a list."""
        return "".join(map(self._lead_line, lead.split("\n")))

    def _lead_line(self, lead: str) -> str:
        label, colon, rest = lead.partition(": ")
        listed = rows(rest)
        if not colon or len(listed) < 2 or len(label) > 40:
            return self.paragraphs(lead)
        amount = rf"\b\d[\d.]* {self.ui['card']['currency']}\b"
        lines = (re.sub(amount, lambda found: f"<b>{found[0]}</b>", self.words(row)) for row in listed)
        items = "".join(f"<li>{line}</li>" for line in lines)
        return f"<p><b>{self.words(label)}:</b></p><ul>{items}</ul>"

    def facts(self, card: Card, *, contacts: bool = True) -> str:
        """Papers, fees, time, place, contacts and cautions; what the lead has said is not said again."""
        parts = []
        if card.papers and not all(paper.name in card.lead for paper in card.papers):
            parts.append(self._group("papers", "document", map(self._paper, card.papers)))
        if card.fees and not all(fee.amount in card.lead for fee in card.fees):
            parts.append(self._group("fees", "money", map(self._fee, card.fees)))
        if card.time_limit and card.time_limit not in card.lead:
            parts.append(self._group("time", "clock", map(self.words, rows(card.time_limit))))
        if card.place and card.place not in card.lead:
            parts.append(self._group("place", "place", map(self.words, rows(card.place))))
        if card.contacts and contacts:
            parts.append(self._group("contacts", "call", map(self.contact, card.contacts)))
        boxes = [f'<div class="facts">{"".join(parts)}</div>'] if parts else []
        if card.quick:
            boxes.append(self._group("quick", "help", map(self._quick, card.quick)))
        if card.cautions:
            boxes.append(self._group("cautions", "shield", map(self.words, card.cautions)))
        if card.images:
            boxes.append(self._group("images", "document", self.images(card.images, card.title)))
        if card.steps:
            boxes.append(self.all_steps(card))
        return f'<div class="below">{"".join(boxes)}</div>' if boxes else ""

    def images(self, images: Sequence[str], title: str) -> list[str]:
        """The pictures of a section that is quoted."""
        alt, count = self.ui["card"]["image"], len(images)
        return [
            f'<img loading="lazy" src="/tra-cuu/hinh/{escape(image)}" '
            f'alt="{escape(alt.format(number=number, count=count, title=title))}">'
            for number, image in enumerate(images, 1)
        ]

    def all_steps(self, card: Card) -> str:
        """The whole list, folded."""
        title = self.ui["card"]["all_steps"].format(count=len(card.steps))
        listed = "".join(map(self._step, card.steps))
        return f'<details class="all"><summary>{escape(title)}</summary><ol>{listed}</ol></details>'

    def _group(self, key: str, picture: str, items: Iterable[str]) -> str:
        listed = "".join(f"<li>{item}</li>" for item in items)
        title = escape(self.ui["card"][key])
        return f'<section class="group {key}"><h3>{icon(picture)}{title}</h3><ul>{listed}</ul></section>'

    def _paper(self, paper: Paper) -> str:
        words = self.ui["card"]
        notes = [words[paper.form]] if paper.form else []
        if paper.count and paper.form in ("original", "copy", "form"):
            notes.append(words["count"].format(count=paper.count))
        if paper.note:
            notes.append(paper.note)
        small = f"<small>{self.words(', '.join(notes))}</small>" if notes else ""
        return f"<span>{self.words(paper.name)}{small}</span>"

    def _fee(self, fee: ShownFee) -> str:
        words = self.ui["card"]
        notes = [words[fee.channel]] if fee.channel else []
        if fee.condition:
            notes.append(words["condition"].format(condition=fee.condition))
        start = fee.starts.strftime("%d/%m/%Y") if fee.starts else ""
        end = fee.ends.strftime("%d/%m/%Y") if fee.ends else ""
        if start or end:
            dates = "between" if start and end else "until" if end else "since"
            notes.append(words[dates].format(start=start, end=end))
        elif fee.reviewed:
            notes.append(words["reviewed"].format(day=fee.reviewed.strftime("%d/%m/%Y")))
        purpose = f"{self.words(fee.purpose)}: " if fee.purpose else ""
        small = f"<small>{self.words(', '.join(notes))}</small>" if notes else ""
        return f"{purpose}<b>{self.words(fee.amount)}</b>{small}"

    def contact(self, contact: ShownContact) -> str:
        """Whom to ask: name, then number or address."""
        kind = "number" if WITH_PHONE.fullmatch(contact.value) else "address"
        return f'<span>{escape(contact.name)}</span> <b class="{kind}">{escape(contact.value)}</b>'

    def _quick(self, quick: QuickAnswer) -> str:
        return f"<b>{self.words(quick.question)}</b><br>{self.words(quick.answer)}"

    def _step(self, step: Step) -> str:
        label = escape(self.ui["card"]["otherwise"])
        other = f"<small><b>{label}</b> {self.words(step.otherwise)}</small>" if step.otherwise else ""
        return f"<li>{self.words(step.text)}{other}</li>"

    def written(self, text: str) -> str:
        """What the local model adds under the card, marked as its own."""
        words = self.ui["sources"]
        return (
            f'<section class="written" aria-live="polite"><h3>{escape(words["written"])}</h3>'
            f"{self.paragraphs(text)}<p class='small'>{escape(words['written_note'])}</p></section>"
        )

    def sources(self, citations: tuple[Citation, ...]) -> str:
        """Where the facts stand, with dates, and that a machine says it."""
        words = self.ui["sources"]
        note = f'<p class="small">{escape(words["ai"])}</p>'
        if not citations:
            return f'<footer class="sources">{note}</footer>'
        dates = [citation.date for citation in citations if citation.date]
        key = "summary_dated" if dates else "summary"
        summary = words[key].format(count=len(citations), date=day(max(dates, default="")))
        items = "".join(map(self._source, citations))
        return (
            f'<footer class="sources">{note}<details><summary>{escape(summary)}</summary>'
            f'<ol aria-label="{escape(words["title"])}">{items}</ol></details></footer>'
        )

    def _source(self, citation: Citation) -> str:
        words = self.ui["sources"]
        notes = [citation.agency] if citation.agency else []
        if citation.date:
            notes.append(words["date"].format(date=day(citation.date)))
        if citation.page is not None:
            notes.append(words["page"].format(page=citation.page))
        if citation.source_url:
            notes.append(re.sub(r"^\w+://(?:www\.)?([^/]*).*$", r"\1", citation.source_url))
        small = f"<small>{escape(' · '.join(notes))}</small>"
        return f'<li value="{citation.number}">{escape(citation.title)}{small}</li>'

    def picture(self, step: Step) -> str:
        """The step's picture; none where its scene is unknown, or shows words that do not hold today."""
        scene, words = self.scenes.get(step.image or ""), words_of(step.text, step.label)
        if scene is None or scene.missing(words):
            return ""
        return f'<div class="picture">{drawn(scene, words, step.alt)}</div>'


def focus_heading(inner: str) -> str:
    """The heading that a new view moves the focus to."""
    return f'<h2 data-focus tabindex="-1">{inner}</h2>'


def _one_sentence_a_line(text: str) -> str:
    """Short lines are easier to follow for a person who is frightened."""
    first, *others = re.split(r"(?<=[.!?]) ", text)
    return first + "".join(("\n" if other[:1].isupper() else " ") + other for other in others)
