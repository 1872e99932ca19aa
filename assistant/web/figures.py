"""Figures → HTML that people look at rather than read: columns, bars, tables. Words are escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_HIGH, _WIDE, _GAP = 140, 30, 6  # of a chart of columns, in its own units


def columns(title: str, spoken: str, values: Sequence[tuple[str, int]]) -> str:
    """A chart of columns, one a (label, value); `spoken` says the same to who cannot see it.

    Every fifth column is labelled, and the last one.
    """
    most = max((value for _, value in values), default=0) or 1
    step = _WIDE + _GAP
    parts = []
    for at, (label, value) in enumerate(values):
        height = round(_HIGH * value / most)
        x, y = at * step, _HIGH - height + 22
        parts.append(f'<rect x="{x}" y="{y}" width="{_WIDE}" height="{height}"/>')
        if value:
            parts.append(f'<text class="value" x="{x + _WIDE / 2}" y="{y - 5}">{value}</text>')
        if (len(values) - 1 - at) % 5 == 0:
            parts.append(f'<text x="{x + _WIDE / 2}" y="{_HIGH + 42}">{escape(label)}</text>')
    wide = len(values) * step
    parts.append(f'<path d="M0 {_HIGH + 22}h{wide}"/>')
    drawing = f'viewBox="-20 0 {wide + 40} {_HIGH + 50}" role="img" aria-label="{escape(spoken)}"'
    return (
        f'<figure class="columns"><figcaption>{escape(title)}</figcaption>'
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(title)}">'
        f"<svg {drawing}>{''.join(parts)}</svg></div></figure>"
    )


def bars(title: str, values: Iterable[tuple[str, int]]) -> str:
    """A table whose numbers are drawn as bars, too."""
    values = list(values)
    most = max((value for _, value in values), default=0) or 1
    rows = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td>'
        f'<span class="bar" style="width:{100 * value / most:.0f}%"></span><b>{value}</b></td></tr>'
        for label, value in values
    )
    return f'<table class="bars"><caption>{escape(title)}</caption><tbody>{rows}</tbody></table>'


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, seen: bool = True) -> str:
    """A table; cells are HTML already, heads are not. Not `seen`: a heading says what the caption says."""
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    lines = "".join(f"<tr>{_cells(head, row)}</tr>" for row in rows)
    kind = "" if seen else ' class="unseen"'
    return (
        f'<table class="list"><caption{kind}>{escape(caption)}</caption><thead><tr>{titles}</tr></thead>'
        f"<tbody>{lines}</tbody></table>"
    )


def _cells(head: Sequence[str], row: Sequence[str]) -> str:
    """The cells of a line, each with its head, which a phone shows beside it."""
    named = zip(head, row, strict=True)
    return "".join(f'<td data-head="{escape(title)}">{cell}</td>' for title, cell in named)


def facts(rows: Iterable[tuple[str, str, bool]]) -> str:
    """Names and what holds of them; what is not well is marked. Words are escaped."""
    lines = "".join(
        f'<div class="{"well" if well else "unwell"}"><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>'
        for name, text, well in rows
    )
    return f'<dl class="facts">{lines}</dl>'


def section(title: str, *parts: str) -> str:
    """A part of the page under its heading."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def line(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def message(text: str, details: str = "", *, well: bool) -> str:
    """What became of something that was asked for."""
    more = f"<pre>{escape(details)}</pre>" if details else ""
    kind, role = ("good", "status") if well else ("bad", "alert")
    return f'<div class="{kind}" role="{role}"><p>{escape(text)}</p>{more}</div>'
