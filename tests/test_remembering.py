"""What Gradio keeps of people who never leave, over a page of its own behind the real bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import gradio as gr
import httpx
import pytest
from conftest import served
from fastapi import FastAPI
from gradio.routes import App

from assistant.web import remembering
from assistant.web.look import page_of
from assistant.web.remembering import MOST_UNREAD, remember_little

PEOPLE = 5


@pytest.fixture(scope="module")
def page() -> Iterator[tuple[gr.Blocks, httpx.Client]]:
    """A page whose first doing changes a button and what may be ticked, and whose second tells the ticks."""
    with page_of("Thử", waiting=100, at_once=4) as page:
        button, ticks, out = gr.Button("Cũ"), gr.CheckboxGroup(["a"]), gr.HTML()
        changed = {button: gr.Button(visible=False), ticks: gr.CheckboxGroup(choices=["b", "c"])}
        button.click(lambda: changed, None, [button, ticks])
        ticks.change(" ".join, ticks, out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remembering, "PEOPLE_AT_A_PAGE", PEOPLE)
        app = gr.mount_gradio_app(FastAPI(), page, "/")
        mounted: Any = app.routes[-1]
        assert isinstance(mounted.app, App)
        remember_little(mounted.app)
    with served(app) as address, httpx.Client(base_url=address) as client:
        yield page, client


def do(client: httpx.Client, who: str, number: int, *data: object) -> None:
    body = {"session_hash": who, "fn_index": number, "data": data}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200


def told(client: httpx.Client, who: str) -> list[Any]:
    """What the person's page is told of what they did last."""
    text = client.get("/gradio_api/queue/data", params={"session_hash": who}).text
    messages = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]
    data: list[Any] = [m["output"] for m in messages if m["msg"] == "process_completed"][-1]["data"]
    return data


def test_a_change_is_told_and_what_may_be_chosen_is_remembered(page: tuple[gr.Blocks, httpx.Client]) -> None:
    blocks, client = page
    do(client, "one", 0)
    button, ticks = told(client, "one")
    assert button["visible"] is False
    assert ticks["choices"] == [["b", "b"], ["c", "c"]]
    do(client, "one", 1, ["b", "c"])
    assert told(client, "one") == ["b c"]
    do(client, "other", 1, ["a"])
    assert told(client, "other") == ["a"]  # for whom nothing was changed
    state = blocks.state_holder.session_data["one"]
    of_all = blocks.default_config.blocks
    kept = [each for key, each in state.blocks_config.blocks.items() if each is not of_all[key]]
    assert [type(each) for each in kept] == [gr.CheckboxGroup]
    assert state.config_values == {}


def test_of_many_only_the_latest_are_kept(page: tuple[gr.Blocks, httpx.Client]) -> None:
    blocks, client = page
    for number in range(PEOPLE + 3):
        do(client, f"p{number}", 0)
        told(client, f"p{number}")
    queue = blocks._queue
    kept = (
        blocks.state_holder.session_data,
        queue.pending_messages_per_session,
        queue.pending_event_ids_session,
    )
    assert [len(each) for each in kept] == [PEOPLE, PEOPLE, PEOPLE]
    assert "p0" not in blocks.state_holder.session_data


def test_who_never_listens_finds_only_the_latest(page: tuple[gr.Blocks, httpx.Client]) -> None:
    blocks, client = page
    for _ in range(MOST_UNREAD):
        do(client, "deaf", 0)
    kept = blocks._queue.pending_messages_per_session["deaf"]
    assert kept.qsize() < 2 * MOST_UNREAD  # three or more messages each
    assert len(blocks._queue.pending_event_ids_session["deaf"]) < MOST_UNREAD
    assert told(client, "deaf")[0]["visible"] is False  # who begins to listen is told
