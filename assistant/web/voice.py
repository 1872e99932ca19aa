"""Reading aloud and listening over HTTP: a guide's step → WAV, a recording → the question that was said.

Only steps of guides are read, named by id and number: nobody can make the machine say anything else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from assistant.errors import AssistantError, ListenError, VoiceError
from assistant.speech.listen import LARGEST, Listener
from assistant.speech.speak import Speaker, words_of
from assistant.web.waiting import LOG, Answering

LARGEST_ASKED = 500  # bytes of what is asked to be read
LIMITS: Mapping[str, int] = {"/doc": LARGEST_ASKED, "/nghe": LARGEST}  # path → bytes of a request


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be read: step 1, 2, … of a guide, or 0 for what it is about."""

    guide: str
    step: int = 0
    slow: bool = False
    otherwise: bool = False  # what to do when the screen looks different


def listen_head(words: Mapping[str, Any]) -> str:
    """What goes into <head> where the machine can listen: its script, its style and the words of both."""
    told = json.dumps(words["listen"], ensure_ascii=False).replace("<", "\\u003c")  # no word ends the script
    return (
        '<link rel="stylesheet" href="/tinh/listen.css">'
        f'<script>const LISTEN={told};</script><script src="/tinh/listen.js" defer></script>'
    )


def add_voice(app: FastAPI, assistant: Answering, speaker: Speaker, listener: Listener) -> None:
    """Add `POST /doc`, `GET /doc/co` and `POST /nghe`."""

    @app.get("/doc/co")
    def there() -> dict[str, Any]:
        return {"voice": bool(speaker.voices), "listen": listener.ready}

    @app.post("/doc")
    async def read(request: Request) -> Response:
        # A type that other sites cannot send here unasked.
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            return Response(status_code=415)
        try:
            asked = msgspec.json.decode(await request.body(), type=Asked)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Response(status_code=400)
        return await run_in_threadpool(_read, assistant, speaker, asked)

    @app.post("/nghe")
    async def hear(request: Request) -> Response:
        if request.headers.get("content-type", "") != "audio/wav":
            return Response(status_code=415)
        return await run_in_threadpool(_heard, listener, await request.body())


def _read(assistant: Answering, speaker: Speaker, asked: Asked) -> Response:
    try:
        card = assistant.open_guide(asked.guide).card
        if card is None:
            return Response(status_code=404)
        text = words_of(card, asked.step, speaker.words, otherwise=asked.otherwise)
    except KeyError:
        return Response(status_code=404)
    except AssistantError as error:
        return _failed(error)
    try:
        return Response(speaker.read(text, slow=asked.slow), media_type="audio/wav")
    except VoiceError as error:
        return _failed(error)


def _heard(listener: Listener, recording: bytes) -> Response:
    try:
        text = msgspec.json.encode({"text": listener.hear(recording)})
    except ListenError as error:
        return _failed(error)
    return Response(text, media_type="application/json")


def _failed(error: AssistantError) -> Response:
    LOG.warning("%s: %s", type(error).__name__, error)
    return Response(status_code=503)
