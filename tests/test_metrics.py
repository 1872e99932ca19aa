from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from conftest import served
from fake_pages import UI, FakeAssistant

from assistant.config import AdminSettings, Settings, WatchSettings
from assistant.datatypes import Answer
from assistant.journal import load_journal
from assistant.toml import read_toml
from assistant.web.maintain import Office
from assistant.web.metrics import Measured
from assistant.web.password import hashed
from assistant.web.pause import Pause
from assistant.web.server import create_app
from assistant.web.waiting import LoadingAssistant

PASSWORD = "mật khẩu trông coi"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    admin = AdminSettings.model_validate({"password_hash": hashed(PASSWORD, cost=2**10)})
    settings = Settings(data=tmp_path_factory.mktemp("data"), admin=admin, watch=WatchSettings(metrics=True))
    words = read_toml(settings.home / "prompts" / "maintain.toml")
    journal = load_journal(settings)
    office = Office(settings, words, UI, journal, Pause(settings.data / "notice"), LoadingAssistant())
    with served(create_app(FakeAssistant(), UI, office=office)) as address:
        yield address
    journal.close()


def test_figures_are_for_this_machine_and_for_maintainers(address: str) -> None:
    assert "assistant_people" in httpx.get(f"{address}/so-lieu").text
    from_elsewhere = {"X-Forwarded-For": "192.168.1.7"}
    assert httpx.get(f"{address}/so-lieu", headers=from_elsewhere).status_code == 404
    with httpx.Client(base_url=address) as client:
        assert client.get("/quan-tri/so-lieu").status_code == 404
        client.post("/quan-tri", data={"password": PASSWORD})
        assert 'assistant_people{page="maintainers"} 1.0' in client.get("/quan-tri/so-lieu").text
        client.post("/quan-tri/ket-thuc")
        assert client.get("/quan-tri/so-lieu").status_code == 404


def test_labels_are_the_products_own_codes(address: str) -> None:
    text = httpx.get(f"{address}/so-lieu").text
    assert all(line.isascii() for line in text.splitlines() if not line.startswith("#"))


def test_an_answer_is_noted_once_however_it_ends(tmp_path: Path) -> None:
    noted: list[Answer | None] = []
    measured = Measured(FakeAssistant(), lambda answer, card, whole: noted.append(answer))
    assert len(list(measured.stream("mất thẻ"))) == 1
    leaving = measured.stream("đông")
    next(leaving)
    del leaving
    with pytest.raises(RuntimeError):
        list(measured.stream("hỏng"))
    assert [answer is not None for answer in noted] == [True, True, False]
