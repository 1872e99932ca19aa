"""What people type is nowhere when they have gone: in no file, no log and no live object (Luật 91/2025)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import served
from leftovers import PASSWORD_HASH, holders, in_files, planted, serving, until_nobody_is_there, visiting

from assistant.answering.prompts import Prompt
from assistant.config import AdminSettings, Settings
from assistant.evaluation.server import served as served_apart
from assistant.pipeline import Assistant
from assistant.web import leaving
from assistant.web.course import load_course
from assistant.web.look import page_words
from assistant.web.server import create_app, load_desk, load_office
from assistant.web.waiting import LoadingAssistant

pytestmark = pytest.mark.slow


class Echo:
    """A model that says again what it was asked, and keeps nothing."""

    name = "echo.gguf"
    waiting = 0

    def stream(self, prompt: Prompt, *, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        yield from ("Bác mở ứng dụng VNeID. ", prompt.question)


@pytest.fixture(scope="module")
def address(assistant: Assistant, shipped: Path, data: Path) -> Iterator[str]:
    """All pages over the product with a model, in this process; the journal is off."""
    admin = AdminSettings.model_validate({"password_hash": PASSWORD_HASH})
    settings, ui = Settings(home=shipped, data=data, admin=admin), page_words(shipped)
    loading = LoadingAssistant()
    loading.loaded.set_result(replace(assistant, model=Echo()))
    desk, course = load_desk(settings, ui, loading), load_course(shipped, ui, loading)
    office = load_office(settings, ui, loading)
    with served(create_app(loading, ui, desk=desk, course=course, office=office)) as address:
        yield address
    office.journal.close()


def test_no_live_object_holds_what_was_typed_when_they_have_left(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "_SOON", 0.1)
    with visiting(address):
        assert holders(), "while somebody is there, their question is; else this test would see nothing"
    until_nobody_is_there(address)
    until = time.monotonic() + 10
    while (left := holders()) and time.monotonic() < until:  # connections end a moment later
        time.sleep(0.2)
    assert left == []


def test_nothing_that_was_typed_is_written_anywhere(shipped: Path, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    with served_apart(serving(shipped, data / "index", folder)) as server:
        with visiting(server.address):
            pass
        until_nobody_is_there(server.address)
        limits = Path(f"/proc/{server.process.pid}/limits").read_text(encoding="ascii")
    assert "Max core file size        0                    0" in limits
    assert (folder / "log").stat().st_size > 0
    assert in_files(folder) == []
    (folder / "data" / "by-mistake").write_text(f"hỏi: {planted()[0]}", encoding="utf-8")
    assert len(in_files(folder)) == 1  # it would have been seen
