"""Sheet → HTML for the volunteers' page: text on the left, papers and sources beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

from assistant.answering.card import day_in_words, section_images
from assistant.coaching.originals import Originals
from assistant.coaching.sheet import Kind, Line, Sheet
from assistant.coaching.slip import message, slip_of
from assistant.datatypes import Citation, Document, Hit, Period, Procedure, QuickAnswer, Step
from assistant.web.render import Renderer, day, icon

CHANNELS = ("online", "in_person", "post")


@dataclass(frozen=True, kw_only=True)
class SheetRenderer(Renderer):
    """Words of prompts/ui.toml for what a card says; of volunteer.toml (`own`) and slip.toml beside it."""

    own: Mapping[str, Any]
    slip: Mapping[str, Any]
    originals: Originals

    def _mark(self, marks: re.Match[str]) -> str:
        """A number that opens its source; by keyboard the list of sources does."""
        return "".join(map(self._numbered, re.findall(r"\d+", marks[0])))

    def _numbered(self, number: str | int) -> str:
        spoken = escape(self.own["source"]["mark"].format(number=number))
        return (
            f'<sup class="mark" data-source="{number}"><span aria-hidden="true">{number}</span>'
            f'<span class="unseen"> ({spoken})</span></sup>'
        )

    def guide(self, sheet: Sheet, seq: int) -> str:
        """The whole sheet of a guide."""
        document = sheet.guide.document
        said = dict.fromkeys((sheet.card.lead, sheet.card.summary))
        lead = f'<div class="lead">{"".join(map(self.paragraphs, said))}</div>'
        body = [
            self._changes(sheet),
            lead,
            self._table(sheet),
            self._steps(sheet.card.steps),
            self._list("cautions", map(self.words, sheet.card.cautions)),
            self._list("quick", [self._quick(quick) for quick in sheet.card.quick if quick.answer]),
            self._list("contacts", map(self.contact, sheet.card.contacts)),
            self._list("related", map(self._related, sheet.related)),
        ]
        beside = [self._papers(sheet), self._sources(sheet), self._message(sheet)]
        actions = f"<div class='actions'>{self._back()}</div>" if sheet.standing_in else self._actions(sheet)
        return (
            f'<article class="sheet" data-seq="{seq}" data-kind="guide" data-id="{escape(document.id)}">'
            f'{_heading(document.title)}{actions}{self._notes(sheet)}<div class="columns"><div class="text">'
            f'{"".join(body)}</div><aside class="beside">{"".join(beside)}</aside></div></article>'
        )

    def procedure(self, procedure: Procedure, seq: int) -> str:
        """An official name that no guide covers."""
        words, name = self.own["procedure"], escape(procedure.name)
        code = words["code"].format(code=procedure.code) if procedure.code else words["no_code"]
        return (
            f'<article class="sheet" data-seq="{seq}" data-kind="procedure">{_heading(procedure.name)}'
            f'<div class="actions"><button type="button" class="main" data-copy="name">{icon("document")}'
            f"{escape(self.own['sheet']['copy_name'])}</button>{self._back()}"
            "<p role='status' class='done'></p></div>"
            f"<p class='notes'><span>{escape(code)}</span></p><p class='lead'>{escape(words['nothing'])}</p>"
            f"<p>{escape(words['how'])}</p><textarea readonly id='name' aria-label='{name}'>"
            f"{name}</textarea><p class='small'>{escape(words['source'])}</p></article>"
        )

    def passage(self, hit: Hit, document: Document, seq: int) -> str:
        """A section of an official document, its page beside it."""
        words, section = self.own["passage"], hit.section
        source = document.sources[0]
        heading = f"<p class='small'>{escape(words['heading'].format(heading=section.heading))}</p>"
        dated = self._dated(source.date)
        notes = [document.agency, dated, *([self._page(section.page)] if section.page else [])]
        images = "".join(self.images(section_images(section), document.title))
        picture = ""
        if section.page and document.id in self.originals.officials:
            address = f"/tra-cuu/trang/{section.id.replace('#', '/')}.png"
            picture = self._page_picture(address, section.page, document.title)
        return (
            f'<article class="sheet" data-seq="{seq}" data-kind="passage">{_heading(document.title)}'
            f"<div class='actions'>{self._back()}</div>{_notes(notes)}"
            f"<p class='warn'>{escape(words['lead'])}</p>"
            f'<div class="columns even"><div class="text">{heading if section.heading else ""}'
            f"{self.paragraphs(section.text)}{images}</div>"
            f'<aside class="beside">{picture}{self._address(source.url)}</aside></div></article>'
        )

    # Parts of a guide's sheet

    def _notes(self, sheet: Sheet) -> str:
        words, document = self.own["sheet"], sheet.guide.document
        notes = [self.own["topics"].get(sheet.guide.topic, sheet.guide.topic)]
        notes.append(words["agency"].format(agency=document.agency))
        if document.reviewed:
            notes.append(words["reviewed"].format(day=day_in_words(document.reviewed)))
        if sheet.guide.procedure_code:
            notes.append(words["code"].format(code=sheet.guide.procedure_code))
        return _notes(notes)

    def _changes(self, sheet: Sheet) -> str:
        """What is to be known before reading: superseded, a warning, what ends soon or begins later."""
        words = self.own["sheet"]
        titles = "; ".join(document.title for document in sheet.standing_in)
        coming = [line for line in sheet.lines if line.period.is_future(sheet.today)]
        ending = [line for line in sheet.lines if line not in coming and line.is_ending(sheet.today)]
        dated = [words["ending"].format(what=line.words) for line in ending]
        dated += [words["coming"].format(what=line.words) for line in coming]
        boxes = [
            ("bad", words["superseded"].format(titles=titles) if titles else ""),
            ("warn", sheet.notice or ""),
            ("warn", "\n".join(dated)),
        ]
        return "".join(f'<div class="{kind}">{self.paragraphs(text)}</div>' for kind, text in boxes if text)

    def _actions(self, sheet: Sheet) -> str:
        words = self.own["sheet"]
        sizes = "".join(
            f'<label><input type="radio" name="size" value="{size}"{" checked" if size == "a5" else ""}>'
            f"{escape(words[size])}</label>"
            for size in ("a5", "58")
        )
        return (
            f'<div class="actions" role="group" aria-label="{escape(words["actions"])}">'
            f'<button type="button" class="main" data-print>{icon("document")}{escape(words["print"])}'
            f"</button>"
            f'<fieldset><legend class="unseen">{escape(words["size"])}</legend>{sizes}</fieldset>'
            f'<button type="button" data-copy="message">{icon("send")}{escape(words["copy"])}</button>'
            f'{self._back()}<p role="status" class="done"></p></div>'
        )

    def _back(self) -> str:
        return f'<button type="button" data-back>{icon("back")}{escape(self.own["sheet"]["back"])}</button>'

    def _table(self, sheet: Sheet) -> str:
        """Fees, time limits and places side by side for the ways of doing it."""
        if not sheet.lines:
            return ""
        words, names = self.own["sheet"], self.own["channels"]
        there = {line.channel for line in sheet.lines}
        columns = [channel for channel in (None, *CHANNELS) if channel in there]
        head = "".join(f'<th scope="col">{escape(names[column or "any"])}</th>' for column in columns)
        body = []
        for kind in Kind:
            lines = sheet.of(kind)
            if lines:
                cells = "".join(f"<td>{self._cell(lines, column, sheet.today)}</td>" for column in columns)
                body.append(f'<tr><th scope="row">{escape(words[kind])}</th>{cells}</tr>')
        caption = f"<caption>{escape(words['table'])}</caption>"
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(words["table"])}">'
            f"<table>{caption}<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        )

    def _cell(self, lines: Sequence[Line], channel: str | None, today: date) -> str:
        """What holds for a way of doing it; where nothing is told, whether what holds for all ways does."""
        told = [line for line in lines if line.channel == channel]
        if not told:
            key = "as_any" if any(line.channel is None for line in lines) else "nothing"
            return f'<span class="small">{escape(self.own["sheet"][key])}</span>'
        return f"<ul>{''.join(self._row(line, today) for line in told)}</ul>"

    def _row(self, line: Line, today: date) -> str:
        purpose = f"{self.words(line.purpose)}: " if line.purpose else ""
        value = f"<b>{self.words(line.text)}</b>" if line.kind is Kind.FEE else self.words(line.text)
        condition = self.ui["card"]["condition"].format(condition=line.condition) if line.condition else ""
        small = f"<small>{self.words(condition)}</small>" if condition else ""
        mark = self._numbered(line.source) if line.source else ""
        return f"<li>{purpose}{value}{mark}{small}{self._flag(line.period, today)}</li>"

    def _flag(self, period: Period, today: date) -> str:
        words, flags = self.own["sheet"], []
        if period.starts and period.is_future(today):
            flags.append(words["valid_from"].format(day=day_in_words(period.starts)))
        if period.ends:
            flags.append(words["valid_until"].format(day=day_in_words(period.ends)))
        return "".join(f'<span class="flag">{escape(flag)}</span>' for flag in flags)

    def _steps(self, steps: Sequence[Step]) -> str:
        if not steps:
            return ""
        listed = "".join(map(self._one_step, steps))
        return (
            f"<section><h3>{escape(self.own['sheet']['steps'])}</h3><ol class='steps'>{listed}</ol></section>"
        )

    def _one_step(self, step: Step) -> str:
        label = escape(self.own["sheet"]["otherwise"])
        other = f"<small><b>{label}</b> {self.words(step.otherwise)}</small>" if step.otherwise else ""
        return f"<li>{self.words(step.text)}{other}</li>"

    def _list(self, key: str, items: Iterable[str]) -> str:
        listed = "".join(f"<li>{item}</li>" for item in items)
        if not listed:
            return ""
        title = escape(self.own["sheet"][key])
        return f'<section class="{key}"><h3>{title}</h3><ul>{listed}</ul></section>'

    def _quick(self, quick: QuickAnswer) -> str:
        return f"<b>{self.words(quick.question)}</b> {self.words(quick.answer)}"

    def _related(self, document: Document) -> str:
        return f'<button type="button" data-open="{escape(document.id)}">{escape(document.title)}</button>'

    def _papers(self, sheet: Sheet) -> str:
        if not sheet.paper_lines:
            return ""
        words = self.own["sheet"]
        boxes = "".join(
            f'<li><label><input type="checkbox" name="have" value="{number}"><span>{self.words(paper)}'
            f"{self._numbered(source) if source else ''}</span></label></li>"
            for number, (paper, source) in enumerate(zip(sheet.paper_lines, sheet.papers, strict=True), 1)
        )
        lead = words["missing_message"].format(title=sheet.card.title)
        return (
            f'<section class="papers" data-lead="{escape(lead)}" data-missing="{escape(words["missing"])}" '
            f'data-none="{escape(words["missing_none"])}"><h3>{escape(words["papers"])}</h3><ul>{boxes}</ul>'
            f'<p class="missing" role="status">{escape(words["missing"].format(count=len(sheet.papers)))}</p>'
            f'<button type="button" data-copy="missing">{icon("send")}{escape(words["copy_missing"])}'
            f"</button></section>"
        )

    def _message(self, sheet: Sheet) -> str:
        text = message(slip_of(sheet, self.slip), self.slip)
        title = escape(self.own["sheet"]["message"])
        return (
            f"<details><summary>{title}</summary>"
            f"<textarea readonly id='message' aria-label='{title}'>{escape(text)}</textarea></details>"
        )

    # Sources

    def _sources(self, sheet: Sheet) -> str:
        items = "".join(self._cited(sheet, citation) for citation in sheet.citations)
        title = escape(self.own["source"]["list"])
        return f'<section class="sources"><h3>{title}</h3><ol>{items}</ol></section>'

    def _cited(self, sheet: Sheet, citation: Citation) -> str:
        """A source folded; opened, the copy of it on this machine, and what the guide takes from it."""
        words, number = self.own["source"], citation.number
        rests = "".join(f"<li>{self.words(text)}</li>" for text in sheet.resting_on(number))
        taken = f"<p>{escape(words['rests'])}</p><ul>{rests}</ul>" if rests else ""
        return (
            f'<li value="{number}"><details class="source" data-number="{number}"><summary>'
            f"{number}. {escape(citation.title)}<small>{escape(self._dated(citation.date))}</small></summary>"
            f"{self._address(citation.source_url)}{self._copy(sheet, citation)}{taken}</details></li>"
        )

    def _copy(self, sheet: Sheet, citation: Citation) -> str:
        words = self.own["source"]
        kept = self.originals.copies.get(citation.source_url or "")
        if kept is None:
            return f"<p class='small'>{escape(words['no_copy'])}</p>" if citation.source_url else ""
        address = f"/tra-cuu/nguon/{sheet.guide.document.id}/{citation.number}"
        if kept.suffix == ".pdf":
            return f"<p>{escape(words['copy'])}</p>{self._page_picture(f'{address}.png', 0, citation.title)}"
        return (
            f"<p>{escape(words['copy'])}</p>"
            f'<div class="original" data-from="{address}.txt" tabindex="0" role="region" '
            f'aria-label="{escape(citation.title)}"></div>'
        )

    def _page_picture(self, address: str, page: int, title: str) -> str:
        words = self.own["source"]
        alt = words["picture"].format(page=page or "", title=title)
        return (
            f'<a class="page" href="{address}" target="_blank" rel="noopener">'
            f'<img loading="lazy" src="{address}" alt="{escape(alt)}" '
            f'data-failed="{escape(words["no_picture"])}"></a>'
        )

    def _dated(self, iso: str | None) -> str:
        words = self.own["source"]
        dated: str = words["date"].format(day=day(iso)) if iso else words["no_date"]
        return dated

    def _page(self, page: int) -> str:
        text: str = self.own["source"]["page"].format(page=page)
        return text

    def _address(self, url: str | None) -> str:
        words = self.own["source"]
        text = words["address"].format(url=url) if url else words["no_address"]
        return f"<p class='small address'>{escape(text)}</p>"


def _heading(title: str) -> str:
    return f'<h2 tabindex="-1" data-focus>{escape(title)}</h2>'


def _notes(notes: Iterable[str]) -> str:
    return f'<p class="notes">{"".join(f"<span>{escape(note)}</span>" for note in notes)}</p>'
