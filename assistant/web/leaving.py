"""Wipes what Gradio keeps of a person who has left its page; by itself it keeps it for hours."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import Callable

import gradio as gr

_SOON = 10  # seconds in which whatever was still going on for them has ended


def wipe_what_is_left(page: gr.Blocks, forget: Callable[[gr.Request], None] = lambda _: None) -> None:
    """Inside `with page`: when somebody leaves, `forget` what they did, and let Gradio forget it, too.

    Gradio holds, by the session's name, every component as it was last shown, what a generator showed last
    and messages that nobody fetched, of 10,000 people.
    """

    async def left(request: gr.Request) -> None:
        forget(request)
        key = str(request.session_hash)
        _wipe_state(page, key)
        asyncio.get_running_loop().call_later(_SOON, _wipe_all, page, key)

    page.unload(left)


def _wipe_state(page: gr.Blocks, key: str) -> None:
    holder = page.state_holder
    for kept in (holder.session_data, holder.time_last_used, page.pending_streams, page.pending_diff_streams):
        kept.pop(key, None)


def _wipe_all(page: gr.Blocks, key: str) -> None:
    """Messages, too, once nothing runs any more that would write some."""
    queue = page._queue
    if any(event.session_hash == key for job in queue.active_jobs for event in job or ()):
        asyncio.get_running_loop().call_later(_SOON, _wipe_all, page, key)
        return
    _wipe_state(page, key)
    queue.pending_messages_per_session.pop(key, None)
    queue.pending_event_ids_session.pop(key, None)
    urllib.parse.clear_cache()  # type: ignore[attr-defined]  # of addresses, with what stood behind their `?`
