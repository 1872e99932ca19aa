"""How the machine says it is, when something is really amiss."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import pytest
from conftest import FakeModel, served
from fake_pages import SCENES, UI, until

from assistant.config import CHECKOUT, JournalSettings, ModelSettings, Settings
from assistant.datatypes import Answer, Status
from assistant.errors import ModelError
from assistant.journal import load_journal
from assistant.models.llama import LlamaOptions
from assistant.models.worker import WorkerModel, WorkerOptions
from assistant.pipeline import Assistant
from assistant.toml import read_toml
from assistant.web import vitals
from assistant.web.maintain import Office
from assistant.web.pause import Pause
from assistant.web.server import create_app
from assistant.web.vitals import Reason, State, Watch
from assistant.web.waiting import LoadingAssistant

WORDS = read_toml(CHECKOUT / "prompts" / "maintain.toml")
MODEL = ModelSettings(path=Path("model.gguf"))


@pytest.fixture
def office(assistant: Assistant, shipped: Path, tmp_path: Path) -> Iterator[Office]:
    """A machine that is well: the shipped guides on a day when they hold."""
    settings = Settings(
        home=shipped,
        data=tmp_path,
        today=assistant.searcher.index.manifest.built.date(),
        journal=JournalSettings(on=True),
    )
    loading = LoadingAssistant()
    loading.loaded.set_result(assistant)
    with closing(load_journal(settings)) as journal:
        yield Office(settings, WORDS, UI, journal, Pause(tmp_path / "notice.txt"), loading)


def told(office: Office) -> tuple[State, tuple[Reason, ...]]:
    found = Watch(office).look()
    assert found.ok is (Reason.FAILED not in found.reasons)
    return found.state, found.reasons


def test_a_machine_that_is_well_is_ready(office: Office) -> None:
    assert told(office) == (State.READY, ())


def test_it_is_told_over_http_with_the_visits(office: Office) -> None:
    with served(create_app(office.loading, UI, SCENES, office=office)) as address:
        response = httpx.get(f"{address}/suc-khoe")
        assert response.json() == {"ok": True, "state": "ready", "reasons": [], "visits": 0}
        assert response.headers["cache-control"] == "no-store"
        office.pause.begin("")
        told = httpx.get(f"{address}/suc-khoe").json()
    assert told == {"ok": True, "state": "degraded", "reasons": ["paused"], "visits": 0}


def test_it_starts_and_may_fail(office: Office) -> None:
    loading = LoadingAssistant()
    assert told(replace(office, loading=loading)) == (State.STARTING, (Reason.LOADING,))
    loading.loaded.set_exception(ModelError("broken"))
    assert told(replace(office, loading=loading)) == (State.DEGRADED, (Reason.FAILED,))


def test_a_model_that_is_wanted_loads_or_fails(office: Office, assistant: Assistant) -> None:
    wanted = replace(office, settings=office.settings.model_copy(update={"models": MODEL}))
    assert told(wanted) == (State.STARTING, (Reason.MODEL_LOADING,))
    wanted.loading.models_failed = True
    assert told(wanted) == (State.DEGRADED, (Reason.MODEL,))
    wanted.loading.complete = replace(assistant, model=FakeModel())
    assert told(wanted) == (State.READY, ())


@pytest.mark.slow
def test_a_model_whose_process_dies_is_missed_until_it_is_back(
    office: Office, assistant: Assistant, smollm_path: Path
) -> None:
    wanted = replace(office, settings=office.settings.model_copy(update={"models": MODEL}))
    small = WorkerOptions(str(smollm_path), LlamaOptions(context=512, threads=1))
    with closing(WorkerModel(small)) as model:
        wanted.loading.complete = replace(assistant, model=model)
        assert told(wanted) == (State.READY, ())
        assert model.pid is not None
        os.kill(model.pid, signal.SIGKILL)
        until(lambda: told(wanted) == (State.DEGRADED, (Reason.MODEL,)))
        until(lambda: told(wanted) == (State.READY, ()))


def test_a_journal_that_cannot_write_is_told_until_it_can(office: Office) -> None:
    asked = Answer("mất thẻ", Status.ANSWERED, "text")
    assert isinstance(office.journal.place, Path)
    in_the_way = office.journal.place.parent
    in_the_way.write_text("", encoding="utf-8")  # a file where the folder should be
    office.journal.asked(asked)
    office.journal.flush()
    assert told(office) == (State.DEGRADED, (Reason.JOURNAL,))
    assert office.journal.lost == 1
    in_the_way.unlink()
    office.journal.asked(asked)
    office.journal.flush()
    assert told(office) == (State.READY, ())


@pytest.mark.parametrize(
    ("today", "reason"), [(date(2024, 1, 1), Reason.CLOCK), (date(2036, 1, 1), Reason.EXPIRED)]
)
def test_a_clock_that_is_behind_and_knowledge_that_has_ended(
    office: Office, today: date, reason: Reason
) -> None:
    office = replace(office, settings=office.settings.model_copy(update={"today": today}))
    assert told(office) == (State.DEGRADED, (reason,))


def test_a_disk_that_is_nearly_full(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "LEAST_DISK", vitals.free_bytes(office) * 2)
    assert told(office) == (State.DEGRADED, (Reason.DISK,))


def test_what_has_ended_is_worked_out_once_a_day(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[date] = []

    def found(*given: date) -> list[date]:
        asked.append(given[3])
        return []

    monkeypatch.setattr(vitals, "findings", found)
    watch = Watch(office)
    for _ in range(3):
        watch.look()
    assert len(asked) == 1
