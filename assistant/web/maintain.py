"""The page of maintainers at `/quan-tri`, behind a login.

What people asked in vain or found wrong, what is to be looked at, and what a ward may change.
"""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
from fastapi import FastAPI, HTTPException, Request, Response

from assistant.config import Settings
from assistant.datatypes import Contact, Source, Status
from assistant.errors import AssistantError, DocumentError, IndexUnavailableError, JournalError
from assistant.journal import Entry, Group, Journal, Kind, as_csv, as_xlsx, groups
from assistant.knowledge.facsimile import draw_page
from assistant.knowledge.facts import load_shared_facts
from assistant.knowledge.health import findings
from assistant.knowledge.images import draw_picture
from assistant.knowledge.official import OfficialFile, approve, page_digest
from assistant.knowledge.overlay import (
    KINDS,
    NAME,
    new_id,
    own_contacts,
    with_contact,
    without_contact,
    write,
)
from assistant.knowledge.pages import Page
from assistant.loading import check_everything, index_state, listed_officials, load_officials, renewed
from assistant.models.worker import WorkerModel
from assistant.pipeline import Assistant
from assistant.text.dialect import load_glossary, standard, topic_words
from assistant.text.normalize import bare, syllables
from assistant.web.figures import bars, columns, facts, line, message, section, table
from assistant.web.heap import give_back
from assistant.web.leaving import wipe_what_is_left
from assistant.web.login import COOKIE, PAGE, Sessions, add_login
from assistant.web.look import page_head, page_of
from assistant.web.pause import LONGEST_NOTICE, Pause
from assistant.web.waiting import LoadingAssistant

DAYS = 30  # that the figures tell of
_UNANSWERED = (Status.NOT_COVERED, Status.OUT_OF_SCOPE)
_SHOWN = 100  # groups and reports at most
_DOCUMENTS = 12  # in a chart
_NEW = ""
_VALUES = {
    "phone": (re.compile(r"\+?\d[\d ]{2,16}"), "bad_phone"),
    "sms": (re.compile(r"\+?\d[\d ]{2,16}"), "bad_phone"),
    "link": (re.compile(r"https?://[^\s\"<>]+"), "bad_link"),
    "email": (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "bad_email"),
}

PATH = r"quan-tri/(?:ket-thuc$|nhat-ky\.(?:csv|xlsx)$)"  # beside the page itself
Updates = dict[Any, Any]  # component → its new value or properties


@dataclass(frozen=True)
class Office:
    """What maintainers look after, with the words of prompts/maintain.toml and of all pages."""

    settings: Settings
    words: Mapping[str, Any]
    ui: Mapping[str, Any]
    journal: Journal
    pause: Pause
    loading: LoadingAssistant

    @property
    def today(self) -> date:
        """The day, as everywhere."""
        return self.settings.today or date.today()

    @property
    def assistant(self) -> Assistant | None:
        """The assistant that answers now, once it is loaded."""
        done = self.loading.loaded
        loaded = done.result() if done.done() and done.exception() is None else None
        answering = self.loading.complete or loaded
        return answering if isinstance(answering, Assistant) else None

    def entries(self, days: int) -> list[Entry]:
        """The journal of the last days. Raises JournalError."""
        return self.journal.read(self.today - timedelta(days=days - 1))

    def title(self, document_id: str) -> str:
        """The title of a document, or its id where it is gone."""
        try:
            return self.assistant.searcher.document(document_id).title if self.assistant else document_id
        except KeyError:
            return document_id

    def waiting(self) -> list[tuple[OfficialFile, Page]]:
        """The pages that wait for approval."""
        files = load_officials(self.settings, read_new=False).files
        return [(file, page) for file in files for page in file.held]


def add_maintenance(app: FastAPI, desk: Office, mount: Callable[..., object], sessions: Sessions) -> None:
    """Mount the page, its login and the downloads; nothing where no password is set.

    `mount` is how all pages are mounted: app, page, path, head and who may see it.
    """
    password = desk.settings.admin.password_hash
    if password is None:
        app.add_api_route(PAGE + "{rest:path}", lambda rest: Response(status_code=404))
        return

    def user(request: Request) -> str | None:
        if sessions.is_open(request.cookies.get(COOKIE, "")):
            return "maintainer"
        if request.method == "GET" and request.url.path == f"{PAGE}/":
            raise HTTPException(303, headers={"Location": PAGE})
        return None

    def download(request: Request, ending: str) -> Response:
        if user(request) is None:
            raise HTTPException(401)
        write_as, kind = _FORMATS[ending]
        try:
            entries = desk.journal.read()
        except AssistantError:
            raise HTTPException(503) from None
        data = write_as(entries, desk.words)
        named = f'attachment; filename="nhat-ky-{desk.today:%Y-%m-%d}.{ending}"'
        return Response(data, media_type=kind, headers={"Content-Disposition": named})

    add_login(app, sessions, password.get_secret_value(), desk.words["login"])
    app.add_api_route(PAGE + "/nhat-ky.{ending:path}", download)
    page = MaintenancePage(desk).blocks()
    mount(app, page, PAGE, page_head(desk.ui, "maintain"), user)


_Writer = Callable[[Iterable[Entry], Mapping[str, Any]], bytes]
_FORMATS: Mapping[str, tuple[_Writer, str]] = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "xlsx": (as_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


class MaintenancePage:
    """The page: a button for each part, one part shown at a time, worked out when it is opened."""

    def __init__(self, desk: Office) -> None:
        self.desk = desk
        self.words = desk.words

    def blocks(self) -> gr.Blocks:
        """Lay out and wire the page."""
        words = self.words["page"]
        lay_out = {
            "overview": self._lay_out_overview,
            "unanswered": lambda: gr.HTML(js_on_load=None),
            "opinions": lambda: gr.HTML(js_on_load=None),
            "health": lambda: gr.HTML(js_on_load=None),
            "approve": self._lay_out_approve,
            "contacts": self._lay_out_contacts,
            "journal": self._lay_out_journal,
            "pause": self._lay_out_pause,
        }
        with page_of(words["title"], waiting=20, at_once=2) as page:
            gr.HTML(_top(words), elem_id="top", js_on_load=None)
            with gr.Row(elem_id="sections"):
                buttons = {
                    name: gr.Button(self.words["sections"][name], elem_id=f"go-{name}") for name in lay_out
                }
            self.say = gr.HTML(elem_id="say", js_on_load=None)
            self.parts: dict[str, gr.Column] = {}
            self.shown: dict[str, gr.HTML] = {}
            for name, put in lay_out.items():
                with gr.Column(visible=name == "overview", elem_id=f"part-{name}") as self.parts[name]:
                    self.shown[name] = put()
            self._wire(page, buttons)
            wipe_what_is_left(page)
        return page

    # The parts of the page; each gives back what its figures are shown in

    def _lay_out_overview(self) -> gr.HTML:
        shown = gr.HTML(js_on_load=None)
        self.renew = gr.Button(self.words["overview"]["renew"], elem_id="renew")
        return shown

    def _lay_out_approve(self) -> gr.HTML:
        shown, words = gr.HTML(js_on_load=None), self.words["approve"]
        self.at = gr.State(0)
        self.page_shown = gr.State(("", 0, ""))
        with gr.Row():
            self.yes = gr.Button(words["yes"], elem_id="approve", variant="primary")
            self.skip = gr.Button(words["skip"], elem_id="skip")
        return shown

    def _lay_out_contacts(self) -> gr.HTML:
        shown, words = gr.HTML(js_on_load=None), self.words["contacts"]
        kinds = [(words["kinds"][kind], kind) for kind in KINDS]
        self.choice = gr.Dropdown([], label=words["choose"], elem_id="choice", filterable=False)
        with gr.Row():
            self.name = gr.Textbox(label=words["name"], max_length=120, elem_id="contact-name")
            self.value = gr.Textbox(label=words["value"], max_length=300, elem_id="contact-value")
        self.kind = gr.Radio(kinds, value="phone", label=words["kind"], elem_id="contact-kind")
        with gr.Row():
            self.source = gr.Textbox(label=words["source"], max_length=200, elem_id="contact-source")
            self.note = gr.Textbox(label=words["note"], max_length=200, elem_id="contact-note")
        with gr.Row():
            self.save = gr.Button(words["save"], variant="primary", elem_id="contact-save")
            self.remove = gr.Button(words["remove"], variant="stop", elem_id="contact-remove")
        return shown

    def _lay_out_journal(self) -> gr.HTML:
        shown, words = gr.HTML(js_on_load=None), self.words["journal"]
        self.holding = gr.Textbox(label=words["holding"], max_length=100, elem_id="holding")
        self.forget = gr.Button(words["forget"], variant="stop", elem_id="forget")
        self.sure = gr.Checkbox(label=words["sure"], elem_id="sure")
        self.forget_all = gr.Button(words["forget_all"], variant="stop", elem_id="forget-all")
        return shown

    def _lay_out_pause(self) -> gr.HTML:
        shown, words = gr.HTML(js_on_load=None), self.words["pause"]
        self.notice = gr.Textbox(
            label=words["notice"], placeholder=words["example"], max_length=LONGEST_NOTICE, elem_id="notice"
        )
        with gr.Row():
            self.begin = gr.Button(words["begin"], variant="stop", elem_id="pause-begin")
            self.end = gr.Button(words["end"], variant="primary", elem_id="pause-end")
        return shown

    # What the buttons do

    def _wire(self, page: gr.Blocks, buttons: Mapping[str, gr.Button]) -> None:
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        fields = [self.name, self.value, self.kind, self.source, self.note]
        every = [
            *(self.say, *self.parts.values(), *self.shown.values(), self.at, self.page_shown, self.yes),
            *(self.skip, self.choice, *fields, self.holding, self.sure, self.begin, self.end),
        ]
        page.load(self._told(lambda: self._open("overview")), None, every, **quiet)
        for name, button in buttons.items():
            button.click(self._told(self._opener(name)), None, every, **quiet)
        for button, change, inputs in (
            (self.renew, self.read_again, []),
            (self.yes, self.approve_page, [self.page_shown, self.at]),
            (self.skip, self.skip_page, [self.at]),
            (self.save, self.save_contact, [self.choice, *fields]),
            (self.remove, self.remove_contact, [self.choice]),
            (self.forget, self.forget_holding, [self.holding]),
            (self.forget_all, self.forget_everything, [self.sure]),
            (self.begin, self.switch_off, [self.notice]),
            (self.end, self.switch_on, []),
        ):
            # One after the other: two indexes that are read at once take twice the memory.
            button.click(
                self._told(change), inputs, every, concurrency_limit=1, concurrency_id="change", **quiet
            )
        self.choice.input(self._told(self.fill_contact), self.choice, [self.say, *fields], **quiet)

    def _told(self, change: Callable[..., Updates]) -> Callable[..., Iterator[Updates]]:
        """Do what was asked for, or tell why it could not be done."""
        busy = f'<p class="busy" role="status">{escape(self.words["page"]["busy"])}</p>'

        def told(*values: object) -> Iterator[Updates]:
            yield {self.say: busy}
            try:
                yield {self.say: ""} | change(*values)
            except (AssistantError, OSError) as error:
                yield {self.say: message(self.words["page"]["failed"], str(error), well=False)}

        return told

    def _opener(self, name: str) -> Callable[[], Updates]:
        return lambda: self._open(name)

    def _open(self, name: str) -> Updates:
        """Show one part, worked out anew."""
        seen: Updates = {part: gr.Column(visible=key == name) for key, part in self.parts.items()}
        work_out: Mapping[str, Callable[[], Updates]] = {
            "approve": lambda: self._page_to_approve(0),
            "contacts": self._contacts,
            "journal": self._journal,
            "pause": self._pause,
        }
        if name in work_out:
            return seen | work_out[name]()
        html = {
            "overview": self.overview,
            "unanswered": self.unanswered,
            "opinions": self.opinions,
            "health": self.health,
        }[name]()
        return seen | {self.shown[name]: html}

    def _well(self, text: str) -> Updates:
        return {self.say: message(text, well=True)}

    def _unwell(self, text: str, details: str = "") -> Updates:
        return {self.say: message(text, details, well=False)}

    # Overview

    def overview(self) -> str:
        """The state of the machine, and how it was used."""
        words = self.words["overview"]
        state = facts([*self._state(), self._journal_state(), self._open_state()])
        if not self.desk.settings.journal.on:
            return section(words["title"], state, line(words["no_journal"]))
        try:
            asked = [entry for entry in self.desk.entries(DAYS) if entry.kind is Kind.ASKED]
        except JournalError as error:
            told = words["journal_trouble"].format(reason=error)
            return section(words["title"], state, message(words["journal"], told, well=False))
        if not asked:
            return section(words["title"], state, line(words["nothing"]))
        return section(words["title"], state, f'<div class="charts">{self._charts(asked)}</div>')

    def _state(self) -> Iterator[tuple[str, str, bool]]:
        words, desk = self.words["overview"], self.desk
        manifest = desk.assistant.searcher.index.manifest if desk.assistant else None
        try:
            found = index_state(desk.settings, manifest)
        except IndexUnavailableError:
            yield words["index"], words["index_none"], False
            return
        built = datetime.fromisoformat(found["built"]).astimezone()
        text = words["index_text"].format(**found | {"hour": f"{built:%H:%M}", "day": f"{built:%d/%m/%Y}"})
        fresh = words["index_fresh" if found["up_to_date"] else "index_stale"]
        yield words["index"], f"{text}. {fresh}", bool(found["up_to_date"])
        yield words["pages"], str(found["pages_to_approve"]), not found["pages_to_approve"]
        model = desk.assistant.model if desk.assistant else None
        if not desk.settings.models.wanted:
            yield words["model"], words["model_none"], True
        elif model is not None and (not isinstance(model, WorkerModel) or model.ready):
            yield words["model"], words["model_ready"].format(name=model.name), True
        else:
            yield words["model"], words["model_loading"], False
        vectors = words["vectors_none"]
        if found["embedder"]:
            vectors = words["vectors_text"].format(name=found["embedder"], weight=found["dense_weight"])
        yield words["vectors"], vectors, True

    def _journal_state(self) -> tuple[str, str, bool]:
        words, journal = self.words["overview"], self.desk.journal
        if not self.desk.settings.journal.on:
            return words["journal"], words["journal_off"], True
        if journal.trouble:
            return words["journal"], words["journal_trouble"].format(reason=journal.trouble), False
        return words["journal"], words["journal_on"].format(days=journal.days), True

    def _open_state(self) -> tuple[str, str, bool]:
        words, notice = self.words["overview"], self.desk.pause.notice
        if notice is None:
            return words["open"], words["open_yes"], True
        return words["open"], words["open_no"].format(notice=notice or self.words["notice"]["text"]), False

    def _charts(self, asked: Sequence[Entry]) -> str:
        words = self.words["overview"]
        days = [self.desk.today - timedelta(days=ago) for ago in reversed(range(DAYS))]
        by_day = Counter(entry.minute.date() for entry in asked)
        top = max(days, key=lambda day: by_day[day])
        spoken = words["days_spoken"].format(
            total=len(asked), days=DAYS, day=f"{top:%d/%m}", most=by_day[top]
        )
        statuses = Counter(entry.status for entry in asked).most_common()
        documents = Counter(entry.document for entry in asked if entry.document).most_common(_DOCUMENTS)
        return "".join(
            [
                columns(
                    words["days"].format(days=DAYS), spoken, [(f"{day:%d/%m}", by_day[day]) for day in days]
                ),
                bars(words["statuses"], [(self.words["status"][key], count) for key, count in statuses]),
                bars(words["documents"], [(self.desk.title(key), count) for key, count in documents]),
            ]
        )

    def read_again(self) -> Updates:
        """Answer from what the knowledge is now."""
        assistant = self.desk.assistant
        if assistant is None:
            return self._unwell(self.words["overview"]["loading"])
        self.desk.loading.take_over(renewed(assistant, self.desk.settings))
        del assistant
        give_back()
        return self._open("overview") | self._well(self.words["overview"]["renewed"])

    # What people asked in vain, and what they said

    def unanswered(self) -> str:
        """Questions that ended without an answer, those that ask the same together."""
        words = self.words["unanswered"]
        glossary = load_glossary(self.desk.settings.knowledge / "glossary.toml")

        def words_of(question: str) -> list[str]:
            said = standard(syllables(question), glossary)
            return [bare(word) for word in topic_words(said, glossary) or said]

        entries = [entry for entry in self.desk.entries(DAYS) if entry.status in _UNANSWERED]
        asked = [entry for entry in entries if entry.kind is Kind.ASKED]
        if not asked:
            return section(words["title"], line(words["none"].format(days=DAYS)))
        status = {entry.question: entry.status for entry in asked}
        head = [words[key] for key in ("column", "count", "status", "last")]
        rows = [
            (
                self._wordings(group),
                f"<b>{group.count}</b>",
                escape(self.words["status"][status[group.questions[0]]]),
                _day(f"{group.last:%d/%m %H:%M}"),
            )
            for group in groups(asked, words_of)[:_SHOWN]
        ]
        return section(words["title"], line(words["text"]), table(words["title"], head, rows, seen=False))

    def _wordings(self, group: Group) -> str:
        first, *others = group.questions
        if not others:
            return escape(first)
        listed = "".join(f"<li>{escape(question)}</li>" for question in others)
        summary = escape(self.words["unanswered"]["others"].format(count=len(others)))
        return f"{escape(first)}<details><summary>{summary}</summary><ul>{listed}</ul></details>"

    def opinions(self) -> str:
        """What people said of answers."""
        words = self.words["opinions"]
        said = [entry for entry in self.desk.entries(self.desk.journal.days) if entry.kind is not Kind.ASKED]
        if not said:
            return section(words["title"], line(words["none"]))
        wrong = [entry for entry in said if entry.kind is Kind.WRONG]
        counts = Counter((entry.document, entry.kind) for entry in said)
        documents = sorted(
            {entry.document for entry in said},
            key=lambda id_: (-counts[id_, Kind.WRONG], -counts[id_, Kind.HELPED], id_),
        )
        summary = [
            (
                escape(self.desk.title(id_)),
                str(counts[id_, Kind.WRONG]),
                str(counts[id_, Kind.HELPED]),
            )
            for id_ in documents[:_SHOWN]
        ]
        reasons = self.words["opinion"]["reasons"]

        def heads(*keys: str) -> list[str]:
            return [words[key] for key in keys]

        reports = [
            (
                _day(f"{entry.minute:%d/%m %H:%M}"),
                escape(self.desk.title(entry.document)),
                escape(reasons.get(entry.reason, entry.reason)),
                escape(entry.question),
            )
            for entry in reversed(wrong[-_SHOWN:])
        ]
        return section(
            words["title"],
            line(words["text"]),
            table(
                words["title"], [words[key] for key in ("document", "wrong", "helped")], summary, seen=False
            ),
            table(words["reports"], [words[key] for key in ("when", "document", "reason", "asked")], reports),
        )

    def health(self) -> str:
        """What of the knowledge somebody should look at."""
        words, assistant = self.words["health"], self.desk.assistant
        if assistant is None:
            return section(words["title"], line(self.words["overview"]["loading"]))
        index = assistant.searcher.index
        found = findings(list(index.guides.values()), index.passages.documents, index.facts, self.desk.today)
        unread = "\n".join(str(problem) for problem in listed_officials(self.desk.settings).problems)
        broken = message(words["unread"], unread, well=False) if unread else ""
        if not found:
            return section(words["title"], broken or line(words["none"]))
        counts = Counter(finding.concern for finding in found)
        rows = [
            (
                f'<b class="{finding.concern}">{escape(words[finding.concern])}</b>',
                f"{escape(finding.title)}<br><small>{escape(finding.document_id)}</small>",
                escape(finding.what),
                _day(f"{finding.day:%d/%m/%Y}" if finding.day else ""),
            )
            for finding in found
        ]
        head = [words[key] for key in ("concern", "document", "what", "day")]
        chart = bars(words["concern"], [(words[concern], count) for concern, count in counts.items()])
        chart = f'<div class="charts">{chart}</div>'
        return section(words["title"], broken, chart, table(words["title"], head, rows, seen=False))

    # Pages read by OCR

    def _page_to_approve(self, at: int) -> Updates:
        words = self.words["approve"]
        waiting = self.desk.waiting()
        seen = {button: gr.Button(visible=bool(waiting)) for button in (self.yes, self.skip)}
        if not waiting:
            return seen | {self.shown["approve"]: section(words["title"], line(words["none"]))}
        at %= len(waiting)
        file, page = waiting[at]
        place = words["place"].format(title=file.side.title, page=page.number, left=len(waiting))
        drawn = _picture(file.path, page.number, words["image"].format(page=page.number))
        html = section(
            words["title"],
            line(words["text"]),
            f"<h3>{escape(place)}</h3>",
            line(words["file"].format(path=file.path)),
            f"<div class='scan'><div><h3>{escape(words['original'])}</h3>{drawn or line(words['no_image'])}",
            f"</div><div><h3>{escape(words['read'])}</h3><pre>{escape(page.text)}</pre></div></div>",
        )
        shown = (file.id, page.number, page_digest(page))
        return seen | {self.shown["approve"]: html, self.at: at, self.page_shown: shown}

    def approve_page(self, shown: tuple[str, int, str], at: int) -> Updates:
        """Release the page that was shown, and no other text of it; show the next."""
        for file, page in self.desk.waiting():
            if (file.id, page.number, page_digest(page)) == tuple(shown):
                approve(file, [page.number])
                said = self._well(self.words["approve"]["approved"].format(page=page.number))
                return self._page_to_approve(at) | said
        raise DocumentError(f"page {shown[1]} of {shown[0]} is no longer what was shown")

    def skip_page(self, at: int) -> Updates:
        """Show the next page."""
        return self._page_to_approve(at + 1)

    # The ward's contacts

    @property
    def _own_file(self) -> Path:
        return self.desk.settings.overlay / NAME

    def _known_contacts(self) -> Mapping[str, Contact]:
        settings = self.desk.settings
        return load_shared_facts(settings.knowledge, settings.overlay).contacts

    def _contacts(self) -> Updates:
        words, own = self.words["contacts"], set(own_contacts(self._own_file))
        known = self._known_contacts().values()
        choices = [(words["new"], _NEW)]
        choices += [(words["own"].format(name=c.name), c.id) for c in known if c.id in own]
        choices += [(f"{c.name}: {c.value}", c.id) for c in known if c.id not in own]
        html = section(words["title"], line(words["text"]))
        fields = self.fill_contact(_NEW)
        return {self.shown["contacts"]: html, self.choice: gr.Dropdown(choices, value=_NEW), **fields}

    def fill_contact(self, id_: str) -> Updates:
        """Put what an entry holds into the fields."""
        contact = self._known_contacts().get(id_)
        if contact is None:
            values = ["", "", "phone", "", ""]
        else:
            values = [contact.name, contact.value, contact.kind, contact.source.title, contact.note or ""]
        return dict(zip((self.name, self.value, self.kind, self.source, self.note), values, strict=True))

    def save_contact(self, id_: str, name: str, value: str, kind: str, source: str, note: str) -> Updates:
        """Check the knowledge with the entry, and keep it if nothing goes wrong by it."""
        words, known = self.words["contacts"], self._known_contacts()
        name, value, source, note = (" ".join(text.split()) for text in (name, value, source, note))
        if not (name and value and source) or kind not in KINDS:
            return self._unwell(words["missing"])
        pattern, told = _VALUES.get(kind, (None, ""))
        if pattern and not pattern.fullmatch(value):
            return self._unwell(words[told])
        before = known.get(id_)
        origin = Source(0, source, None, self.desk.today.isoformat())
        if before is not None and before.source.title == source:
            origin = before.source
        facts_ids = load_shared_facts(self.desk.settings.knowledge).facts
        contact = Contact(
            id=id_ if before else new_id(name, {*known, *facts_ids}),
            name=name,
            value=value,
            kind=kind,
            source=origin,
            note=note or None,
        )
        text = with_contact(self._own_file, contact)
        if problems := self._problems_with(text):
            return self._unwell(words["refused"], problems)
        write(self._own_file, text)
        return self._contacts() | self._well(words["saved"].format(name=name))

    def remove_contact(self, id_: str) -> Updates:
        """Take an entry out of the ward's file, if the guides can do without."""
        words = self.words["contacts"]
        if id_ not in own_contacts(self._own_file):
            return self._unwell(words["not_own"])
        text = without_contact(self._own_file, id_)
        if problems := self._problems_with(text):
            return self._unwell(words["refused"], problems)
        write(self._own_file, text)
        return self._contacts() | self._well(words["removed"])

    def _problems_with(self, contacts: str) -> str:
        """What `knowledge check` would find with such contacts and does not find now."""
        with TemporaryDirectory() as folder:
            write(Path(folder) / NAME, contacts)
            _, problems = check_everything(self.desk.settings, Path(folder))
        if not problems:
            return ""
        now = {str(problem) for problem in check_everything(self.desk.settings)[1]}
        return "\n".join(str(problem) for problem in problems if str(problem) not in now)

    # The journal

    def _journal(self) -> Updates:
        words, desk = self.words["journal"], self.desk
        state = line(words["on" if desk.settings.journal.on else "off"])
        entries = desk.journal.read()
        held = line(words["empty"])
        if entries:
            days = {"first": f"{entries[0].minute:%d/%m/%Y}", "last": f"{entries[-1].minute:%d/%m/%Y}"}
            links = "".join(
                f'<a href="{PAGE}/nhat-ky.{ending}" download>{escape(words[ending])}</a>'
                for ending in _FORMATS
            )
            held = line(words["count"].format(count=len(entries), **days)) + f'<p class="load">{links}</p>'
        html = section(words["title"], state, line(words["what"].format(days=desk.journal.days)), held)
        return {self.shown["journal"]: html, self.holding: "", self.sure: False}

    def forget_holding(self, words: str) -> Updates:
        """Delete the entries that hold the words."""
        if not words.strip():
            return self._unwell(self.words["journal"]["need_words"])
        return self._forget(words.strip())

    def forget_everything(self, sure: bool) -> Updates:
        """Delete all entries."""
        return self._forget("") if sure else self._unwell(self.words["journal"]["need_sure"])

    def _forget(self, holding: str) -> Updates:
        count = self.desk.journal.forget(holding=holding)
        return self._journal() | self._well(self.words["journal"]["forgotten"].format(count=count))

    # Switching off

    def _pause(self) -> Updates:
        words, notice = self.words["pause"], self.desk.pause.notice
        if notice is None:
            state = line(words["open"])
        else:
            state = line(words["closed"]) + message(notice or self.words["notice"]["text"], well=False)
        return {
            self.shown["pause"]: section(words["title"], state),
            self.begin: gr.Button(visible=notice is None),
            self.end: gr.Button(visible=notice is not None),
        }

    def switch_off(self, notice: str) -> Updates:
        """Show a notice instead of the pages."""
        return self._switched(lambda: self.desk.pause.begin(notice), "begun")

    def switch_on(self) -> Updates:
        """Show the pages again."""
        return self._switched(self.desk.pause.end, "ended")

    def _switched(self, switch: Callable[[], None], done: str) -> Updates:
        words = self.words["pause"]
        try:
            switch()
        except OSError as error:
            return self._pause() | self._unwell(words["not_kept"].format(reason=error))
        return self._pause() | self._well(words[done])


def _top(words: Mapping[str, str]) -> str:
    return (
        f'<div><h1>{escape(words["title"])}</h1><form class="out" method="post" action="{PAGE}/ket-thuc">'
        f"<button>{escape(words['leave'])}</button></form></div>"
    )


def _day(text: str) -> str:
    return f'<span class="day">{escape(text)}</span>' if text else ""


def _picture(path: Path, number: int, alt: str) -> str:
    """The page of the document, to be compared with; nothing where it cannot be drawn."""
    out = io.BytesIO()
    try:
        if path.suffix.lower() == ".pdf":
            draw_page(path, number, "").save(out, "PNG")
        else:
            out.write(draw_picture(path, number))
    except DocumentError:
        return ""
    data = base64.b64encode(out.getvalue()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'
