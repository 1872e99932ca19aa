"""Nothing of what a person asked is in the log, on stderr or in the figures, whatever breaks."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import httpx
import pytest

from assistant.errors import place_of
from assistant.evaluation.server import Server, served
from assistant.web.logs import JsonLines, Lines

# The real program; a question about passports breaks deep in its search, with all it holds in the message.
BROKEN_SEARCH = """
from assistant.retrieval.search import Searcher
search = Searcher.search
def broken(self, *given, **more):
    if "chiếu" in str(given):
        raise ValueError(f"cannot weigh {given!r} {more!r}")
    return search(self, *given, **more)
Searcher.search = broken
"""
PLANTED = "quangtrungdongda"  # no word of any guide
SECRETS = [PLANTED, "739152", "001099012345"]
QUESTIONS = [
    f"đổi thẻ căn cước ở {PLANTED}, số 001099012345",
    f"họ hỏi mã OTP 739152 của tôi ở {PLANTED}",
    f"mất hộ chiếu ở {PLANTED}",
]


def record(error: Exception | None = None, message: str = "it broke") -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("assistant.web", logging.ERROR, "x.py", 1, message, (), info)


def caught() -> ValueError:
    with pytest.raises(ValueError, match=PLANTED) as found:
        fail()
    return found.value


def fail() -> None:
    try:
        int(PLANTED)
    except ValueError as error:
        raise ValueError(f"no number: {PLANTED}") from error


def test_of_an_error_its_kind_and_place_are_told() -> None:
    told = place_of(caught())
    assert re.fullmatch(
        r"ValueError at tests/test_logs\.py:\d+ fail < .*; from ValueError at tests/test_logs\.py:\d+ fail",
        told,
    )


def test_a_line_is_text_or_json() -> None:
    line = Lines().format(record(caught()))
    assert line.startswith("it broke | ValueError at ")
    row = json.loads(JsonLines().format(record(caught())))
    assert row.keys() == {"at", "level", "logger", "message", "error"}
    assert (row["level"], row["logger"], row["message"]) == ("error", "assistant.web", "it broke")
    assert PLANTED not in line + str(row)


def test_what_asyncio_adds_of_an_error_is_left_out() -> None:
    said = logging.LogRecord(
        "asyncio", logging.ERROR, "x.py", 1, f"never retrieved\nfuture: {PLANTED}", (), None
    )
    assert Lines().format(said) == "never retrieved"


@pytest.fixture(scope="module")
def heard(shipped: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What the program logged, and its figures, after these questions."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "index").symlink_to(data / "index")
    told = {
        "HOME": shipped,
        "DATA": folder,
        "WATCH_METRICS": "true",
        "WATCH_LOGS": "json",
        "JOURNAL_ON": "true",
    }
    environment = {f"ASSISTANT_{name}": value for name, value in told.items()}
    with (
        served(Server(environment, folder / "log", before=BROKEN_SEARCH)) as server,
        httpx.Client(base_url=server.address, timeout=30) as client,
    ):
        for number, question in enumerate(QUESTIONS):
            asked(client, question, f"p{number}")
        figures = client.get("/so-lieu").text
        # What is wrong already before any page sees it.
        client.post(
            "/gradio_api/queue/join", json={"data": [PLANTED] * 9, "fn_index": 0, "session_hash": "q"}
        )
        client.get(f"/phieu/{PLANTED}")
    return server.told(), figures


def asked(client: httpx.Client, question: str, name: str) -> None:
    config = client.get("/config").json()
    box = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "box")
    asking = next(d["id"] for d in config["dependencies"] if [box, "submit"] in d["targets"])
    body = {"data": [question], "fn_index": asking, "session_hash": name}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": name}) as events:
        assert "process_completed" in "".join(events.iter_text())


@pytest.mark.slow
def test_nothing_that_was_asked_is_in_log_or_figures(heard: tuple[str, str]) -> None:
    log, figures = heard
    assert [secret for secret in SECRETS if secret in log + figures] == []
    assert "cannot weigh" not in log


@pytest.mark.slow
def test_every_line_is_json_and_tells_of_answers_and_of_what_broke(heard: tuple[str, str]) -> None:
    rows = [json.loads(line) for line in heard[0].splitlines()]
    answers = [row["status"] for row in rows if row["logger"] == "assistant.answers"]
    assert answers[:3] == ["answered", "safety", "failed"]
    broke = [row["error"] for row in rows if row["message"] == "a page met an error"]
    assert any("ValueError at " in error and " broken < " in error for error in broke)


@pytest.mark.slow
def test_the_figures_count_answers_and_tell_how_the_machine_is(heard: tuple[str, str]) -> None:
    figures = dict(line.rsplit(" ", 1) for line in heard[1].splitlines() if not line.startswith("#"))
    assert float(figures['assistant_answers_total{composer="guide",status="answered"}']) == 1
    assert float(figures['assistant_answers_total{composer="guide",status="safety"}']) == 1
    assert float(figures['assistant_answers_total{composer="guide",status="failed"}']) == 1
    assert float(figures['assistant_answer_seconds_count{until="card"}']) == 2
    assert float(figures['assistant_people{page="kiosk"}']) == 3
    assert float(figures['assistant_degraded{reason="journal"}']) == 0
    assert float(figures["assistant_journal_lost_total"]) == 0
    assert float(figures["process_resident_memory_bytes"]) > 1e7
    assert float(figures["assistant_threads"]) > 1
