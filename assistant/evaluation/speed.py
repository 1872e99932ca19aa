"""What this PC does with a model: seconds to load it, to read a guide, to the first word, words a second."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assistant.answering.prompts import Prompt
from assistant.config import ModelSettings
from assistant.errors import ModelError
from assistant.models.llama import LlamaModel, LlamaOptions
from assistant.models.turns import Turns

_WRITTEN = 64  # tokens of each answer: enough to tell the speed
_PATIENCE = 300.0  # seconds for an answer


@dataclass(frozen=True, slots=True)
class Speed:
    """Measured on this PC, as busy as it was."""

    model: str
    load_s: float
    prompt_tokens: int
    read_per_s: float  # tokens of the prompt
    written_per_s: float | None  # pieces of the answer, nearly its tokens; None if it said too little
    first_word_s: float  # of a guide that was never read
    prepared_s: float  # of a second question on a guide that was just read
    ram_gb: float  # of this process at most, with all the product that is loaded

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def measure(path: Path, settings: ModelSettings, first: Prompt, second: Prompt) -> Speed:
    """Load the model and ask it twice about the same guide. Raises ModelError."""
    started = time.monotonic()
    options = LlamaOptions(
        context=settings.context,
        answer=_WRITTEN,
        seconds=_PATIENCE,
        threads=settings.threads,
        cache=settings.cache,
    )
    model = LlamaModel(path, options)
    turns = Turns(model)
    load_s = time.monotonic() - started
    tokens = model.prompt_tokens(first).size
    cold, pieces, whole = _timed(turns.stream(first))
    prepared, _, _ = _timed(turns.stream(second))
    return Speed(
        model=model.name,
        load_s=round(load_s, 2),
        prompt_tokens=tokens,
        read_per_s=round(tokens / cold, 1),
        written_per_s=round((pieces - 1) / (whole - cold), 1) if pieces > 1 else None,
        first_word_s=round(cold, 2),
        prepared_s=round(prepared, 2),
        ram_gb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
    )


def _timed(pieces: Iterable[str]) -> tuple[float, int, float]:
    """Seconds to the first piece, the number of pieces, and seconds to the last."""
    started, first, count = time.monotonic(), 0.0, 0
    for piece in pieces:
        if piece:
            count += 1
            first = first or time.monotonic() - started
    if not count:
        raise ModelError(f"the model says nothing to a question in {_PATIENCE:g} s; try another one")
    return first, count, time.monotonic() - started
