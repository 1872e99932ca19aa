from __future__ import annotations

import gradio as gr
import httpx
import pytest
from conftest import served
from fake_pages import until
from fastapi import FastAPI

from assistant.web import leaving
from assistant.web.leaving import wipe_what_is_left


def test_nothing_is_kept_of_one_who_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "_SOON", 0.1)
    gone: list[str] = []

    def forget(request: gr.Request) -> None:
        gone.append(str(request.session_hash))

    with gr.Blocks() as page:
        box, out = gr.Textbox(), gr.HTML()
        box.submit(lambda text: gr.HTML(text), box, out)
        wipe_what_is_left(page, forget)
    page.queue()
    who = {"session_hash": "somebody"}
    with (
        served(gr.mount_gradio_app(FastAPI(), page, "/")) as address,
        httpx.Client(base_url=address) as client,
    ):
        with client.stream("GET", "/gradio_api/heartbeat/somebody") as heart:
            beats = heart.iter_lines()  # kept: when it goes, so does the connection
            next(beats)
            body = who | {"data": ["số 012345678901"], "fn_index": 0}
            assert client.post("/gradio_api/queue/join", json=body).status_code == 200
            assert "012345678901" in client.get("/gradio_api/queue/data", params=who).text
            queue, holder = page._queue, page.state_holder
            assert "somebody" in holder.session_data
        until(lambda: "somebody" not in queue.pending_messages_per_session)
        kept = (holder.session_data, holder.time_last_used, queue.pending_event_ids_session)
        assert all("somebody" not in each for each in kept)
    assert gone == ["somebody"]
