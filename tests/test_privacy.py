"""What people type is nowhere when they have gone: in no file, no log and no live object (Luật 91/2025)."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import served
from leftovers import holders, in_files, planted, serving, until_nobody_is_there, visiting

from assistant.answering.prompts import Prompt
from assistant.config import CHECKOUT, Settings
from assistant.pipeline import Assistant
from assistant.web.course import load_course
from assistant.web.look import page_words
from assistant.web.quiet import Frames
from assistant.web.server import create_app, load_desk, load_office
from assistant.web.waiting import LoadingAssistant


class Echo:
    """A model that says again what it was asked, and keeps nothing."""

    name = "echo.gguf"
    waiting = 0

    def stream(self, prompt: Prompt, *, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        yield from ("Bác mở ứng dụng VNeID. ", prompt.question)


@pytest.fixture(scope="module")
def address(assistant: Assistant, shipped: Path, data: Path) -> Iterator[str]:
    """All pages over the product with a model, in this process; the journal is off."""
    settings, ui = Settings(home=shipped, data=data), page_words(shipped)
    loading = LoadingAssistant()
    loading.loaded.set_result(replace(assistant, model=Echo()))
    desk, course = load_desk(settings, ui, loading), load_course(shipped, ui, loading)
    office = load_office(settings, ui, loading)
    with served(create_app(loading, ui, desk=desk, course=course, office=office)) as address:
        yield address
    office.journal.close()


def test_no_live_object_holds_what_was_typed_when_they_have_left(address: str) -> None:
    with visiting(address):
        assert holders(), "while somebody is there, their question is; else this test would see nothing"
    until_nobody_is_there(address)
    until = time.monotonic() + 10
    while (left := holders()) and time.monotonic() < until:  # connections end a moment later
        time.sleep(0.2)
    assert left == []


def test_nothing_that_was_typed_is_written_anywhere(shipped: Path, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    with serving(shipped, data / "index", folder) as (address, server):
        with visiting(address):
            pass
        until_nobody_is_there(address)
        limits = Path(f"/proc/{server.pid}/limits").read_text(encoding="ascii")
    assert "Max core file size        0                    0" in limits
    assert (folder / "log").stat().st_size > 0
    assert in_files(folder) == []
    (folder / "data" / "by-mistake").write_text(f"hỏi: {planted()[0]}", encoding="utf-8")
    assert len(in_files(folder)) == 1  # it would have been seen


def test_what_an_error_says_is_not_logged() -> None:
    def fail(text: str) -> None:
        try:
            int(text)
        except ValueError as error:
            raise KeyError(text) from error

    try:
        fail("bà Tý 0912345678")
    except KeyError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "broken", None, sys.exc_info())
    told = Frames("%(message)s").format(record)
    assert "Tý" not in told
    assert "0912345678" not in told
    assert "ValueError" in told
    assert told.endswith("KeyError")
    assert "int(text)" in told  # where it was


@pytest.mark.parametrize("thread", [False, True])
def test_a_crash_tells_where_and_not_what(thread: bool) -> None:
    crash = "threading.Thread(target=broken).start()" if thread else "broken()"
    code = f"""
import threading, traceback
from assistant.web.quiet import begin_quiet_log
begin_quiet_log()
def broken():
    question = "Tý " + "0912" + "345678"
    try:
        int(question)
    except ValueError:
        traceback.print_exc()
        raise
{crash}
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.stderr.count("ValueError") >= 2
    assert "in broken" in done.stderr
    assert "0912345678" not in done.stderr
