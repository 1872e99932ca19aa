"""The pages of learning over a few real guides, for the tests of both."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from conftest import some_guides
from playwright.sync_api import Page, ViewportSize

from assistant.config import CHECKOUT, load_settings
from assistant.loading import load_assistant
from assistant.pipeline import Assistant
from assistant.web.course import Course, load_course
from assistant.web.look import page_words
from assistant.web.waiting import LoadingAssistant

SIZES = {
    "kiosk": ViewportSize(width=1080, height=1920),
    "desk": ViewportSize(width=1366, height=768),
    "phone": ViewportSize(width=390, height=844),
}
UI: dict[str, Any] = page_words(CHECKOUT)
GUIDES = ("vneid/vneid-kich-hoat.md", "vneid/vneid-quen-mat-khau.md", "cu-tru/dang-ky-tam-tru.md")


def some_course(folder: Path) -> tuple[Course, LoadingAssistant, Assistant]:
    """The course over three guides, loaded; a model is there once `complete` of the second has one."""
    home = some_guides(folder / "home", *GUIDES)
    shutil.copytree(CHECKOUT / "knowledge" / "lessons", home / "knowledge" / "lessons")
    for name in ("scams.toml", "names.toml", "places.txt", "tagger.json"):
        shutil.copy(CHECKOUT / "knowledge" / name, home / "knowledge")
    assistant = load_assistant(load_settings({"home": home, "data": folder / "data"}))
    loading = LoadingAssistant()
    loading.loaded.set_result(assistant)
    return load_course(home, UI, loading), loading, assistant


def kept(page: Page) -> dict[str, Any]:
    """What the browser keeps of a page: nothing may be there."""
    found: dict[str, Any] = page.evaluate(
        "async () => ({local: {...localStorage}, session: {...sessionStorage}, cookies: document.cookie,"
        " bases: (await indexedDB.databases()).length})"
    )
    return found


NOTHING_KEPT: dict[str, Any] = {"local": {}, "session": {}, "cookies": "", "bases": 0}


def too_wide(page: Page) -> list[str]:
    """The sizes of window for which the page as it is now is too wide; it ends as on a desk."""
    found = []
    for name, size in (*SIZES.items(), ("desk", SIZES["desk"])):
        page.set_viewport_size(size)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(name)
    return found
