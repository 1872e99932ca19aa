"""The page of volunteers at `/tra-cuu`: find while typing, open a sheet, print its slip. Keyboard first.

The page keeps nothing of anybody, on the server or in the browser: what is typed is answered and forgotten,
ticks live in the page until it is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from assistant.answering.card import day_in_words
from assistant.coaching.lookup import Filters, Found, Lookup
from assistant.coaching.originals import NO_ORIGINALS, Originals, drawn, marked_text
from assistant.coaching.sheet import open_sheet
from assistant.datatypes import Guide, Hit, Procedure
from assistant.errors import AssistantError, DocumentError
from assistant.pipeline import Assistant
from assistant.text.normalize import clean
from assistant.web.leaving import wipe_what_is_left
from assistant.web.look import page_of
from assistant.web.render import icon
from assistant.web.sheet import CHANNELS, SheetRenderer

PATH = (  # what server.py lets through
    r"tra-cuu/(?:(?:trang|nguon)/[a-z0-9-]+/\d{1,7}\.(?:png|txt)|hinh/[a-z0-9-]+/\d{1,7}/[0-9a-f]{16}\.(?:png|jpg))$"
)
_SEARCHING = 4  # people at once


@dataclass(frozen=True)
class Desk:
    """What the page rests on: the assistant, once it has loaded, and the words of prompts/."""

    reference: Callable[[], Assistant]
    ui: Mapping[str, Any]  # ui.toml
    words: Mapping[str, Any]  # volunteer.toml
    slip: Mapping[str, Any]  # slip.toml
    originals: Originals = NO_ORIGINALS

    @cached_property
    def render(self) -> SheetRenderer:
        """Sheets as HTML."""
        return SheetRenderer(ui=self.ui, own=self.words, slip=self.slip, originals=self.originals)

    @cached_property
    def _lookups(self) -> dict[int, Lookup]:
        return {}

    @property
    def lookup(self) -> Lookup:
        """The names that can be looked up, of the assistant that answers now."""
        assistant = self.reference()
        if id(assistant) not in self._lookups:
            self._lookups.clear()  # a new one took over
            self._lookups[id(assistant)] = Lookup(assistant)
        return self._lookups[id(assistant)]


class VolunteerPage:
    """The page: one field, what it finds, and the sheet that is open."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.words = desk.words

    def blocks(self) -> gr.Blocks:
        """Lay out and wire the page."""
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        # Not "always_last", which sends what was told first again: the page itself keeps to one at a time.
        told = quiet | {"trigger_mode": "multiple", "concurrency_limit": _SEARCHING}
        with page_of(self.words["page"]["title"], waiting=40, at_once=_SEARCHING) as page:
            finder = gr.HTML(self._finder(), elem_id="finder", js_on_load=_TELL)
            found = gr.HTML(elem_id="found")
            sheet = gr.HTML(elem_id="sheet")
            wipe_what_is_left(page)
            for tell, answer, shown in ((finder.find, self.find, found), (finder.open, self.open, sheet)):
                tell(answer, None, shown, **told).failure(self.failed, None, shown, **quiet)
        return page

    def find(self, event: gr.EventData) -> str:
        """What there is for the words typed so far."""
        told: dict[str, Any] = event._data
        filters = Filters(*(str(told.get(key, ""))[:80] for key in ("topic", "agency", "channel")))
        try:
            found = self.desk.lookup.find(str(told.get("text", "")), filters)
        except AssistantError as error:
            return self._failed(error, told)
        return self._found(found, _seq(told))

    def open(self, event: gr.EventData) -> str:
        """The sheet of what was chosen."""
        told: dict[str, Any] = event._data
        kind, id_, seq = told.get("kind"), str(told.get("id", "")), _seq(told)
        try:
            lookup, assistant = self.desk.lookup, self.desk.reference()
            if kind == "guide" and id_ in lookup.guides:
                text = clean(str(told.get("text", ""))[:500])
                return self.desk.render.guide(open_sheet(assistant, id_, text), seq)
            if kind == "procedure" and id_.isdecimal() and int(id_) < len(lookup.procedures):
                return self.desk.render.procedure(lookup.procedures[int(id_)], seq)
            if kind == "passage" and (hit := lookup.passage(id_)):
                document = assistant.searcher.document(hit.section.document_id)
                return self.desk.render.passage(hit, document, seq)
        except AssistantError as error:
            return self._failed(error, told)
        return f'<p class="bad" data-seq="{seq}">{escape(self.desk.ui["errors"]["gone"])}</p>'

    def failed(self) -> str:
        """Something broke that nobody foresaw: a Vietnamese sentence all the same."""
        return (
            f'<p class="bad" role="alert" data-broken>{escape(self.desk.ui["errors"]["AssistantError"])}</p>'
        )

    def _failed(self, error: AssistantError, told: Mapping[str, Any]) -> str:
        sentences = self.desk.ui["errors"]
        name = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in sentences)
        return f'<p class="bad" role="alert" data-seq="{_seq(told)}">{escape(sentences[name])}</p>'

    # What is seen

    def _finder(self) -> str:
        page, words = self.words["page"], self.words["find"]
        return (
            f'<header><h1>{escape(page["title"])}</h1><span class="privacy" title="{escape(page["note"])}">'
            f'{icon("shield")}{escape(page["privacy"])}</span><a href="/">{escape(page["home"])}</a></header>'
            f'<div role="search"><label for="q">{escape(words["label"])}</label>'
            '<input id="q" type="text" role="combobox" aria-controls="options" aria-expanded="true" '
            'aria-autocomplete="list" autocomplete="off" spellcheck="false" maxlength="500" '
            f'placeholder="{escape(words["placeholder"])}" aria-describedby="keys">'
            f"{self._filter('topic', self.words['topics'])}"
            f"{self._filter('agency', None)}"
            f"{self._filter('channel', {key: self.words['channels'][key] for key in CHANNELS})}"
            f'<p id="keys" class="small">{escape(words["help"])}</p></div>'
        )

    def _filter(self, key: str, named: Mapping[str, str] | None) -> str:
        """A list to choose from; the agencies are known once the guides are loaded."""
        words = self.words["find"]
        choices = {"": words["all"], **(named or {})}
        options = "".join(f'<option value="{k}">{escape(name)}</option>' for k, name in choices.items())
        return f'<label class="filter">{escape(words[key])}<select id="{key}">{options}</select></label>'

    def _found(self, found: Found, seq: int) -> str:
        words, lookup = self.words["find"], self.desk.lookup
        count = words["count"].format(guides=len(found.guides), procedures=len(found.procedures))
        groups = [
            self._group("guides", [self._guide(guide) for guide in found.guides]),
            self._group("passages", [self._passage(hit) for hit in found.passages]),
            self._group("procedures", [self._procedure(each) for each in found.procedures]),
        ]
        warning = ""
        if found.warning:
            warning = (
                f'<div class="bad" role="alert"><b>{escape(words["warning"])}</b> '
                f"{self.desk.render.paragraphs(found.warning)}</div>"
            )
        agencies = "|".join(lookup.agencies)
        none = "" if any(groups) else f"<p>{escape(words['none'])}</p>"
        return (
            f'<div data-seq="{seq}" data-agencies="{escape(agencies)}">{warning}'
            f'<p class="small" role="status">{escape(count)}</p>{none}'
            f'<div id="options" role="listbox" aria-label="{escape(words["results"])}">'
            f"{''.join(groups)}</div></div>"
        )

    def _group(self, key: str, options: list[str]) -> str:
        if not options:
            return ""
        title = escape(self.words["find"][key])
        return (
            f'<div role="group" aria-label="{title}"><p class="group" aria-hidden="true">{title}</p>'
            f"{''.join(options)}</div>"
        )

    def _guide(self, guide: Guide) -> str:
        document, words = guide.document, self.words
        notes = [words["topics"].get(guide.topic, guide.topic), document.agency]
        if document.reviewed:
            notes.append(words["find"]["reviewed"].format(day=day_in_words(document.reviewed)))
        return _option("guide", document.id, document.title, notes)

    def _procedure(self, procedure: Procedure) -> str:
        number = self.desk.lookup.number_of(procedure)
        notes = [self.words["find"]["code"].format(code=procedure.code)] if procedure.code else []
        return _option("procedure", str(number), procedure.name, notes)

    def _passage(self, hit: Hit) -> str:
        document = self.desk.reference().searcher.document(hit.section.document_id)
        page = [self.words["source"]["page"].format(page=hit.section.page)] if hit.section.page else []
        return _option(
            "passage", hit.section.id, hit.section.heading or document.title, [document.title, *page]
        )


def original_routes(desk: Desk) -> APIRouter:
    """Pages of official PDFs and of copied sources, copied web pages as text, passages marked; pictures."""
    routes = APIRouter()

    @routes.get("/tra-cuu/trang/{document_id}/{number}.png")
    def page(document_id: str, number: int) -> Response:
        hit, path = desk.lookup.passage(f"{document_id}#{number}"), desk.originals.officials.get(document_id)
        if hit is None or path is None or not hit.section.page:
            return Response(status_code=404)
        return _picture(path, hit.section.page, hit.section.text)

    @routes.get("/tra-cuu/hinh/{document_id}/{number}/{name}")
    def image(document_id: str, number: int, name: str) -> Response:
        """A picture that a section in force names, as it was drawn anew when the document was read."""
        hit = desk.lookup.passage(f"{document_id}#{number}")
        path = desk.originals.picture(name) if hit and name in hit.section.images else None
        return FileResponse(path) if path else Response(status_code=404)

    @routes.get("/tra-cuu/nguon/{guide}/{number}.{form}")
    def source(guide: str, number: int, form: str) -> Response:
        """Only what a guide cites, and what it takes from it: nothing is read that somebody else names."""
        try:
            sheet = open_sheet(desk.reference(), guide)
        except KeyError:
            return Response(status_code=404)
        url = next((c.source_url for c in sheet.citations if c.number == number), None)
        path = desk.originals.copies.get(url or "")
        if path is None:
            return Response(status_code=404)
        said = sheet.resting_on(number)
        if form == "png":
            return _picture(path, 0, " ".join(said))
        try:
            pieces = marked_text(path, said)
        except DocumentError:
            return Response(status_code=404)
        html = "".join(f"<mark>{escape(text)}</mark>" if marks else escape(text) for text, marks in pieces)
        return Response(html, media_type="text/plain; charset=utf-8")

    def _picture(path: Path, number: int, passage: str) -> Response:
        try:
            return Response(drawn(path, number, passage), media_type="image/png")
        except DocumentError:
            return Response(status_code=404)

    return routes


def _option(kind: str, id_: str, title: str, notes: list[str]) -> str:
    small = f"<small>{escape(' · '.join(notes))}</small>" if notes else ""
    return (
        f'<div role="option" id="o-{kind}-{escape(id_)}" aria-selected="false" data-kind="{kind}" '
        f'data-id="{escape(id_)}"><b>{escape(title)}</b>{small}</div>'
    )


def _seq(told: Mapping[str, Any]) -> int:
    """The page's own count of what it asked for, so that it knows which answer is which."""
    seq = told.get("seq", 0)
    return seq if isinstance(seq, int) else 0


# Gradio hands `trigger` to this script alone; static/volunteer.js tells through it what is typed and chosen.
_TELL = "window.tell = {find: (it) => trigger('find', it), open: (it) => trigger('open', it)}; started();"
