"""The seam to a language model: a Protocol, so that tests can stand in for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from assistant.answering.prompts import Prompt


class LanguageModel(Protocol):
    """Continues a prompt with pieces of text."""

    @property
    def name(self) -> str:
        """The weights in use, as an operator would recognise them."""

    @property
    def waiting(self) -> int:
        """How many answers must end before that of the one who asked last begins."""

    def stream(self, prompt: Prompt, *, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Pieces of the answer as they are made; ends early when `stop()` is true.

        An empty piece says only that it is still at work: a caller who has lost interest can leave.
        Raises ModelError when the prompt is too long or the model fails, ModelBusyError when it has no room.
        """
