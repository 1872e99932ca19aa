"""How the pages look: theme, fonts, icons and what goes into <head>. Nothing comes from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gradio as gr
from gradio.routes import App

from assistant.toml import read_toml

STATIC = Path(__file__).parent / "static"

_RANGES = {  # what Google Fonts serves; the letters of Vietnamese stand in all three
    "vietnamese": "U+0102-0103,U+0110-0111,U+0128-0129,U+0168-0169,U+01A0-01A1,U+01AF-01B0,U+0300-0301,"
    "U+0303-0304,U+0308-0309,U+0323,U+0329,U+1EA0-1EF9,U+20AB",
    "latin-ext": "U+0100-02BA,U+1E00-1E9F,U+1EF2-1EFF,U+2020,U+20A0-20AA",
    "latin": "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+2000-206F,U+2122,U+2191,"
    "U+2193,U+2212,U+2215",
}


def page_words(home: Path) -> dict[str, Any]:
    """The words of the pages: prompts/ui.toml, and kiosk.toml for the kiosk. Raises KnowledgeError."""
    prompts = home / "prompts"
    return read_toml(prompts / "ui.toml") | read_toml(prompts / "kiosk.toml")


@contextmanager
def page_of(title: str, *, waiting: int, at_once: int) -> Iterator[gr.Blocks]:
    """A page to be laid out: how many may wait, and how many of one kind of event run at once.

    Gradio makes an application of a page when it is begun, ended, given a queue and mounted. Those of the
    first two are used by nobody and cost half of the time that the pages need to be built.
    """
    with (
        patch.object(App, "create_app", staticmethod(lambda *_, **__: None)),
        gr.Blocks(title=title, analytics_enabled=False, fill_width=True) as page,
    ):
        yield page
    page.queue(max_size=waiting, default_concurrency_limit=at_once, api_open=False)


def theme() -> gr.themes.Base:
    """Local fonts only; the rest of the look is kiosk.css."""
    return gr.themes.Base(
        font=[gr.themes.Font("Be Vietnam Pro"), gr.themes.Font("sans-serif")],
        font_mono=[gr.themes.Font("monospace")],
    ).set(body_text_color="#111111", body_background_fill="#FFFFFF", input_placeholder_color="#595959")


def page_head(ui: Mapping[str, Any], page: str = "kiosk", own: Mapping[str, Any] | None = None) -> str:
    """Fonts, icons, and a page's style, script and words for <head>; `css=` would drop rules in @media."""
    script = "".join((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in ("vietnamese", page))
    told = {"gradio": ui["gradio"], "foot": ui["page"]["footer"], "own": own or ui.get("own", {})}
    words = json.dumps(told, ensure_ascii=False)
    words = words.replace("<", "\\u003c")  # no word ends the script
    return f"{page_style(page)}<script>const KIOSK={words};{script}</script>"


def page_style(page: str) -> str:
    """Fonts, icons and style: all that a page without Gradio has of it."""
    fonts = "".join(_font_face(weight, subset) for weight in (400, 700) for subset in _RANGES)
    pictures = sorted(STATIC.glob("icons/*.svg"))
    icons = "".join(f".icon-{path.stem}{{--icon:url('/tinh/icons/{path.name}')}}" for path in pictures)
    style = (STATIC / f"{page}.css").read_text(encoding="utf-8")
    return f"<style>{fonts}{icons}{style}</style>"


def _font_face(weight: int, subset: str) -> str:
    return (
        f"@font-face{{font-family:'Be Vietnam Pro';font-weight:{weight};font-display:swap;"
        f"src:url('/tinh/fonts/be-vietnam-pro-{subset}-{weight}-normal.woff2') format('woff2');"
        f"unicode-range:{_RANGES[subset]}}}"
    )
