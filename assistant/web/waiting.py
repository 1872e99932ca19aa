"""What the pages need of an assistant, and what stands in for it while it loads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from assistant.datatypes import Answer, Guide
from assistant.errors import AssistantError
from assistant.pipeline import Assistant

LOG = logging.getLogger("assistant.web")


class Answering(Protocol):
    """What the pages need of pipeline.Assistant."""

    def stream(
        self,
        question: str,
        *,
        previous: Sequence[str] = (),
        today: date | None = None,
        use_model: bool = True,
    ) -> Iterator[Answer]:
        """The answer as it grows; the last one is complete."""

    def open_guide(self, document_id: str, *, today: date | None = None) -> Answer:
        """The card of one guide; KeyError if there is no such guide."""

    def decline(self, question: str, *, today: date | None = None) -> Answer:
        """That no guide answers, to a question of whose choices none was meant."""

    @property
    def guides(self) -> Mapping[str, Guide]:
        """Every guide by its id."""

    @property
    def waiting(self) -> int:
        """How many answers of the model must end before that of the one who asked last begins."""


class Relay:
    """Answers as another assistant does; what stands before one changes some of it."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    @property
    def answering(self) -> Answering:
        """Who answers."""
        return self._answering

    def stream(
        self,
        question: str,
        *,
        previous: Sequence[str] = (),
        today: date | None = None,
        use_model: bool = True,
    ) -> Iterator[Answer]:
        """The answer as it grows."""
        return self.answering.stream(question, previous=previous, today=today, use_model=use_model)

    def open_guide(self, document_id: str, *, today: date | None = None) -> Answer:
        """The card of one guide."""
        return self.answering.open_guide(document_id, today=today)

    def decline(self, question: str, *, today: date | None = None) -> Answer:
        """That no guide answers."""
        return self.answering.decline(question, today=today)

    @property
    def guides(self) -> Mapping[str, Guide]:
        """Every guide by its id."""
        return self.answering.guides

    @property
    def waiting(self) -> int:
        """How many answers of the model must end before that of the one who asked last begins."""
        return self.answering.waiting


@dataclass
class LoadingAssistant(Relay):
    """Stands in while the assistant loads in the background: whoever asks waits for it.

    What it is asked raises what loading raised.
    """

    loaded: Future[Answering] = field(default_factory=Future)
    complete: Answering | None = None
    models_failed: bool = False

    @property
    def answering(self) -> Answering:
        """What answers now; waits for it. Raises what loading raised."""
        return self.complete or self.loaded.result()

    def take_over(self, answering: Answering) -> None:
        """Let another answer from now on; nothing is kept of the one who did, an index among it."""
        _warm(answering)
        loaded: Future[Answering] = Future()
        loaded.set_result(answering)
        self.loaded, self.complete = loaded, answering

    def reference(self) -> Assistant:
        """The whole assistant, with its guides and search; waits for it. Raises what loading raised."""
        answering = self.answering
        assert isinstance(answering, Assistant)
        return answering

    @property
    def waiting(self) -> int:
        """Nobody, until the model is loaded."""
        return self.complete.waiting if self.complete else 0

    def load(
        self,
        load: Callable[[], Answering],
        operator: Mapping[str, str],
        load_models: Callable[[], Answering] | None = None,
    ) -> None:
        """Load, and tell the person who started the machine.

        The guides answer first; `load_models`, which may take long or fail, takes over when it is done.
        """
        LOG.info(operator["loading"])
        try:
            self.loaded.set_result(load())
            LOG.info(operator["loaded"])
            _warm(self.loaded.result())
        except AssistantError as error:
            LOG.error(operator["failed"].format(reason=error))
            self.loaded.set_exception(error)
        finally:
            if not self.loaded.done():  # a crash: nobody may wait for ever
                self.loaded.set_exception(AssistantError("loading crashed; see the traceback"))
        if load_models is not None and self.loaded.exception() is None:
            try:
                self.take_over(load_models())
                LOG.info(operator["models_loaded"])
            except AssistantError as error:
                self.models_failed = True
                LOG.error(operator["models_failed"].format(reason=error))


def _warm(answering: Answering) -> None:
    """Spare the first people waiting, and let the memory that is taken be taken now."""
    if isinstance(answering, Assistant):
        answering.searcher.features.warm()
