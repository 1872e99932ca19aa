"""What people at a page do, each by Gradio's session hash: in memory only, gone when they leave."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import gradio as gr

MOST = 200  # people remembered at one page; of more, those who were silent longest are forgotten

_State = TypeVar("_State")


class Sessions(Generic[_State]):
    """The state of everybody at one page, made anew for each; that of dead pages is dropped in time."""

    def __init__(
        self,
        make: Callable[[], _State],
        forgotten_after: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`forgotten_after` are seconds without a word from the page."""
        self._make, self._forgotten_after, self._clock = make, forgotten_after, clock
        self._states: dict[str, _State] = {}
        self._seen: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._states)

    def __iter__(self) -> Iterator[_State]:
        return iter(list(self._states.values()))

    def of(self, request: gr.Request) -> _State:
        """The state of a request."""
        now, key = self._clock(), str(request.session_hash)
        for other, seen in list(self._seen.items()):
            if now - seen > self._forgotten_after:
                self._drop(other)
        self._seen.pop(key, None)
        self._seen[key] = now  # last: the longest silent stand first
        while len(self._seen) > MOST:
            self._drop(next(iter(self._seen)))
        return self._states.setdefault(key, self._make())

    def forget(self, request: gr.Request) -> None:
        """Wipe what a person did."""
        self._drop(str(request.session_hash))

    def _drop(self, key: str) -> None:
        self._states.pop(key, None)
        self._seen.pop(key, None)
