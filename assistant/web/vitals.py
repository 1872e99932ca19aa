"""How the running machine is, for whoever watches over it: codes, no words, and nothing of what was asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from assistant.config import LEAST_DISK
from assistant.knowledge.health import Concern, findings, last_known_day
from assistant.pipeline import Assistant
from assistant.web.maintain import Office
from assistant.web.waiting import LoadingAssistant


class State(StrEnum):
    """READY, or answering with something amiss, or not everything loaded yet."""

    READY = "ready"
    STARTING = "starting"
    DEGRADED = "degraded"


class Reason(StrEnum):
    """What is amiss."""

    LOADING = "loading"  # the guides; nobody is answered before
    FAILED = "failed"  # they could not be loaded; nobody will be answered
    MODEL_LOADING = "model-loading"
    MODEL = "model"  # is wanted, and could not be loaded, or its process or servers are gone
    JOURNAL = "journal"  # is on, and the last entry could not be written
    DISK = "disk"  # is nearly full
    CLOCK = "clock"  # is behind a day that is past for certain
    EXPIRED = "expired"  # knowledge that no longer holds
    PAUSED = "paused"  # a maintainer has switched the machine off


_STARTING = {Reason.LOADING, Reason.MODEL_LOADING}


@dataclass(frozen=True, slots=True)
class Vitals:
    """The state and what it comes from, the gravest first."""

    reasons: tuple[Reason, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether people are answered, or will be in a moment."""
        return Reason.FAILED not in self.reasons

    @property
    def state(self) -> State:
        """The state of the whole."""
        if set(self.reasons) - _STARTING:
            return State.DEGRADED
        return State.STARTING if self.reasons else State.READY


@dataclass
class Watch:
    """Looks at the parts of a machine that serves the pages."""

    office: Office
    _expired: dict[tuple[int, date], bool] = field(default_factory=dict)  # worked out once a day and index

    def look(self) -> Vitals:
        """How all of it is now."""
        return Vitals(tuple(self._reasons()))

    def _reasons(self) -> Iterator[Reason]:
        office, assistant = self.office, self.office.assistant
        yield from _loading(office.loading, assistant, wanted=office.settings.models.wanted)
        if office.settings.journal.on and office.journal.trouble:
            yield Reason.JOURNAL
        if free_bytes(office) < LEAST_DISK:
            yield Reason.DISK
        if assistant is not None:
            index = assistant.searcher.index
            if office.today < last_known_day(index.guides.values(), index.manifest.built.date()):
                yield Reason.CLOCK
            if self._has_expired(assistant):
                yield Reason.EXPIRED
        if office.pause.notice is not None:
            yield Reason.PAUSED

    def _has_expired(self, assistant: Assistant) -> bool:
        index, today = assistant.searcher.index, self.office.today
        key = (id(index), today)
        if key not in self._expired:
            found = findings(list(index.guides.values()), index.passages.documents, index.facts, today)
            self._expired = {key: any(finding.concern is Concern.EXPIRED for finding in found)}
        return self._expired[key]


def _loading(loading: LoadingAssistant, assistant: Assistant | None, *, wanted: bool) -> Iterator[Reason]:
    if not loading.loaded.done():
        yield Reason.LOADING
        return
    if loading.loaded.exception() is not None:
        yield Reason.FAILED
        return
    if not wanted:
        return
    model = assistant.model if assistant else None
    if model is not None:
        if not getattr(model, "ready", True):  # a process or servers; a model in this process is always ready
            yield Reason.MODEL
    else:
        yield Reason.MODEL if loading.models_failed else Reason.MODEL_LOADING


def free_bytes(office: Office) -> int:
    """Room on the disk where everything is written."""
    data = office.settings.data.absolute()
    folder = next(path for path in (data, *data.parents) if path.exists())
    return shutil.disk_usage(folder).free
