"""The take-home slip over HTTP: `/phieu/<guide>.pdf` and a page to print, `?kho=a5` or `?kho=58`.

`co=1,3` ticks papers that the person has already. Nobody but the printer learns of it: nothing is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from assistant.answering.card import day_in_words
from assistant.coaching.sheet import marks_of, open_sheet
from assistant.coaching.slip import (
    LAYOUTS,
    Layout,
    Size,
    Slip,
    carried,
    parts_of,
    qr_code,
    slip_of,
    slip_pdf,
)
from assistant.datatypes import Step
from assistant.pipeline import Assistant
from assistant.text.normalize import without_marks

PATH = r"phieu/[a-z0-9-]+(?:\.pdf)?$"  # what server.py lets through
_MOST = 40  # papers that can be ticked


def slip_routes(reference: Callable[[], Assistant], words: Mapping[str, Any]) -> APIRouter:
    """The routes, over an assistant that may still be loading, with the words of prompts/slip.toml."""
    routes = APIRouter()

    def found(guide: str) -> Slip | None:
        """The slip of a guide that is known and holds."""
        try:
            sheet = open_sheet(reference(), guide)
        except KeyError:
            return None
        return None if sheet.standing_in else slip_of(sheet, words)

    @routes.get("/phieu/{guide}.pdf")
    def pdf(guide: str, kho: Size = Size.A5, co: str = "") -> Response:
        slip = found(guide)
        if slip is None:
            return Response(status_code=404)
        name = f'inline; filename="{guide}-{kho}.pdf"'
        body = slip_pdf(slip, words, kho, _numbers(co))
        return Response(body, media_type="application/pdf", headers={"Content-Disposition": name})

    @routes.get("/phieu/{guide}")
    def page(guide: str, kho: Size = Size.A5, co: str = "") -> Response:
        slip = found(guide)
        if slip is None:
            return Response(status_code=404)
        return HTMLResponse(print_page(guide, slip, words, kho, _numbers(co)))

    return routes


def _numbers(text: str) -> frozenset[int]:
    return frozenset(int(number) for number in re.findall(r"\d{1,2}", text)[:_MOST])


def print_page(
    guide: str, slip: Slip, words: Mapping[str, Any], size: Size, have: frozenset[int] = frozenset()
) -> str:
    """The slip as a page of its own that prints as it looks."""
    layout = LAYOUTS[size]
    printed = words["printed"].format(day=day_in_words(slip.printed))
    parts = [
        f"<p class='small'>{escape(words['name'])} · {escape(words['kind'])}. {escape(printed)}</p>",
        f"<h1>{escape(slip.title)}</h1><p>{_said(slip.lead)}</p>",
    ]
    if slip.papers:
        items = "".join(_paper(paper, n in have, words) for n, paper in enumerate(slip.papers, 1))
        parts.append(f"<h2>{escape(words['papers'])}</h2><ul class='papers'>{items}</ul>")
    if slip.steps:
        items = "".join(
            f"<li>{_said(step.text)}{_otherwise(step, words, layout)}</li>" for step in slip.steps
        )
        parts.append(f"<h2>{escape(words['steps'])}</h2><ol>{items}</ol>")
    for key, lines in parts_of(slip):
        items = "".join(f"<li>{_said(line)}</li>" for line in lines)
        parts.append(f"<h2>{escape(words[key])}</h2><ul>{items}</ul>")
    sources = "".join(f'<li value="{number}">{escape(source)}</li>' for number, source in slip.sources)
    reviewed = words["reviewed"].format(day=day_in_words(slip.reviewed or slip.printed))
    parts.append(f"<h2>{escape(words['sources'])}</h2><ol class='small'>{sources}</ol>")
    parts.append(f"<p class='small'>{escape(reviewed)}</p>{_code(slip, words, layout)}")
    return _PAGE.format(
        title=escape(slip.title), style=_style(layout), bar=_bar(guide, words, size), body="".join(parts)
    )


def _otherwise(step: Step, words: Mapping[str, Any], layout: Layout) -> str:
    if not (step.otherwise and layout.otherwise):
        return ""
    return f"<br><small><b>{escape(words['otherwise'])}</b> {_said(step.otherwise)}</small>"


def _bar(guide: str, words: Mapping[str, Any], size: Size) -> str:
    """What is seen on the screen only."""
    other = Size.ROLL if size is Size.A5 else Size.A5
    return (
        f'<nav><button type="button" onclick="print()">{escape(words["print"])}</button>'
        f'<a href="/phieu/{guide}?kho={other}">{escape(words["other"][other])}</a>'
        f'<a href="/phieu/{guide}.pdf?kho={size}">{escape(words["pdf"])}</a></nav>'
    )


def _said(text: str) -> str:
    """The words with those of buttons in bold; the numbers of their sources small behind them."""
    said = re.sub("“[^”]*”", lambda label: f"<b>{label[0]}</b>", escape(without_marks(text), quote=False))
    marks = marks_of(text)
    return f"{said}<sup>{marks}</sup>" if marks else said


def _paper(paper: str, ticked: bool, words: Mapping[str, Any]) -> str:
    have = f"<span class='unseen'>{escape(words['have'])}: </span>" if ticked else ""
    return f"<li{' class=have' if ticked else ''}>{have}{_said(paper)}</li>"


def _code(slip: Slip, words: Mapping[str, Any], layout: Layout) -> str:
    held, said = carried(slip, words, layout.qr_bytes), words["qr"]
    picture = qr_code(held.text).svg_data_uri(scale=4, border=4)
    return (
        f'<section class="qr"><img alt="{escape(said["alt"])}" src="{picture}"><div>'
        f"<p><b>{escape(said['title'])}</b></p><p>{escape(held.note)}</p>"
        f"<p class='small'>{escape(said['hint'])}</p></div></section>"
    )


def _style(layout: Layout) -> str:
    # Chromium knows no roll: its pages of 297 mm follow each other without a margin.
    paper = f"{layout.width}mm {layout.height or 297}mm"
    faces = "".join(
        f"@font-face{{font-family:'Be Vietnam Pro';font-weight:{weight};"
        f"src:url('/tinh/fonts/BeVietnamPro-{name}.ttf')}}"
        for weight, name in ((400, "Regular"), (700, "Bold"))
    )
    return (
        f"{faces}@page{{size:{paper};margin:{layout.margin}mm}}"
        f"body{{max-width:{layout.width - 2 * layout.margin}mm;font-size:{layout.body}pt}}"
        f"h1{{font-size:{layout.title}pt}}h2{{font-size:{layout.body + 1}pt}}"
        f".small,small{{font-size:{layout.small}pt}}.qr img{{width:{layout.qr}mm;height:{layout.qr}mm}}"
    )


_PAGE = """<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/tinh/slip.css"><style>{style}</style></head>
<body>{bar}<main>{body}</main></body></html>"""
