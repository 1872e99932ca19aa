"""What Gradio remembers of the people at a page: of few, only what it needs, and no heap of unread messages.

By itself it keeps of 10,000 people how every component was shown last, twice, for links that lead back there,
which these pages do not have: 135 KB for one who looks at the class, more for each button that was changed.
"""

from __future__ import annotations

from asyncio import Queue
from types import SimpleNamespace
from typing import Any, cast

import fastapi
import gradio as gr
from gradio.block_function import BlockFunction
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import LRUCache

PEOPLE_AT_A_PAGE = 200  # of whom something is kept; of more, those who were silent longest are forgotten
MOST_UNREAD = 40  # messages after which somebody does not listen; a page that does fetches each at once


class Session(SessionState):
    """One person's state: values of gr.State, and components whose choices decide what may be chosen."""

    def __init__(self, page: gr.Blocks) -> None:
        nothing_for_links = SimpleNamespace(default_config=page.default_config, blocks={})
        super().__init__(cast(gr.Blocks, nothing_for_links))
        self._changed: dict[int, Any] = {}

    def __setitem__(self, key: int, value: Any) -> None:  # noqa: ANN401
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, gr.State) or hasattr(block, "choices"):
            super().__setitem__(key, value)
            self.config_values.clear()
        else:
            self._changed[key] = value

    def __getitem__(self, key: int) -> Any:  # noqa: ANN401
        """A component as it is, or as it was just changed: asked for once, to tell the page of it."""
        return self._changed.pop(key) if key in self._changed else super().__getitem__(key)

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:  # noqa: ANN401
        pass


class Holder(StateHolder):
    """The states of the people at one page."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)


def remember_little(mounted: App) -> None:
    """Let a page keep little of few people, and no list of what was done: a flood fills nothing."""
    page = mounted.get_blocks()
    page.state_session_capacity = PEOPLE_AT_A_PAGE
    mounted.state_holder = Holder()  # type: ignore[no-untyped-call]
    mounted.state_holder.set_blocks(page)
    queue = page._queue
    queue.pending_messages_per_session.max_size = PEOPLE_AT_A_PAGE
    queue.pending_event_ids_session = LRUCache(PEOPLE_AT_A_PAGE)
    # By default it works out statistics of the last 10,000 events after each event.
    queue.ANALYTICS_MAX_EVENTS, queue.ANAYLTICS_CACHE_FREQUENCY = 1, 1 << 60
    # For each page it looks a thousand times a second whether somebody has pressed something.
    queue.sleep_when_free = 0.01

    async def none() -> None:
        """Progress bars, of which there are none, would hold on to what was asked last."""

    queue.start_progress_updates = none  # type: ignore[method-assign]
    process, push = queue.process_events, queue.push

    async def process_and_forget(
        events: list[Event], batch: bool, begin_time: float, fn: BlockFunction
    ) -> None:
        """The queue holds on to the last event until the next one comes: it is left an empty one."""
        try:
            await process(events, batch, begin_time, fn)
        finally:
            for event in events:
                event.data = event.request = None  # type: ignore[assignment]

    async def push_for_listeners(
        body: PredictBodyInternal, request: fastapi.Request, username: str | None
    ) -> Any:  # noqa: ANN401
        """Whoever does many things and never listens to what comes of them finds only the latest."""
        unread = queue.pending_messages_per_session.get(key := str(body.session_hash))
        if unread is not None and unread.qsize() > MOST_UNREAD:
            queue.pending_messages_per_session[key], queue.pending_event_ids_session[key] = Queue(), set()
        return await push(body, request, username)

    queue.process_events = process_and_forget  # type: ignore[method-assign]
    queue.push = push_for_listeners  # type: ignore[method-assign]
