"""Figures for Prometheus: how many answers, how long they took, how the machine is. No word of any question.

At `/so-lieu` for this machine itself, and behind the maintainers' login at `/quan-tri/so-lieu`; only where
`[watch] metrics` is on. Labels are codes of the product's own, never what somebody typed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from ipaddress import ip_address
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response

from assistant.datatypes import Answer, Composer, Status
from assistant.models.worker import memory_of
from assistant.web.logs import ANSWERS
from assistant.web.vitals import Reason, Watch, free_bytes
from assistant.web.waiting import Answering, Relay

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

METRICS = "so-lieu"  # the last part of the paths
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
_FAILED = "failed"  # stands for the status of a question that ended in an error


class Measured(Relay):
    """An assistant whose answers are counted and timed."""

    def __init__(self, answering: Answering, note: Callable[[Answer | None, float, float], None]) -> None:
        """`note` takes the last answer, None after an error, and the seconds of the first and of the last."""
        super().__init__(answering)
        self._note = note

    def stream(
        self,
        question: str,
        *,
        previous: Sequence[str] = (),
        today: date | None = None,
        use_model: bool = True,
    ) -> Iterator[Answer]:
        """The answer as it grows; noted when it ends, or when the person leaves."""
        begun, card, last = time.monotonic(), 0.0, None
        try:
            for answer in super().stream(question, previous=previous, today=today, use_model=use_model):
                card = card or time.monotonic() - begun
                last = answer
                yield answer
        finally:
            self._note(last, card, time.monotonic() - begun)


class Metrics:
    """What has been counted, and what is looked up when somebody asks for it."""

    def __init__(self, watch: Watch, people: Mapping[str, Callable[[], int]]) -> None:
        """`people` counts those at the pages, by what they are."""
        from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

        self.watch = watch
        self._people = people
        self.registry: CollectorRegistry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, open files, processor time of this process
        self._answers = Counter(
            "assistant_answers", "Questions that ended so.", ["status", "composer"], registry=self.registry
        )
        self._seconds = Histogram(
            "assistant_answer_seconds",
            "From the question to the guide's card, and to the last word.",
            ["until"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        for status in Status:  # so that nothing is missing that has not happened yet
            self._answers.labels(status.value, Composer.GUIDE.value)
        self.registry.register(self)

    def note(self, answer: Answer | None, card: float, whole: float) -> None:
        """Count an answer; `card` and `whole` are seconds."""
        status = answer.status.value if answer else _FAILED
        composer = answer.composer.value if answer else Composer.GUIDE.value
        self._answers.labels(status, composer).inc()
        if answer is not None:
            self._seconds.labels("card").observe(card)
            self._seconds.labels("whole").observe(whole)

    def collect(self) -> Iterator[Metric]:
        """What is so at this moment."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        office = self.watch.office
        people = GaugeMetricFamily("assistant_people", "People at the pages.", labels=["page"])
        for page, count in self._people.items():
            people.add_metric([page], count())
        yield people
        reasons = GaugeMetricFamily("assistant_degraded", "What is amiss; 1: it is.", labels=["reason"])
        found = self.watch.look().reasons
        for reason in Reason:
            reasons.add_metric([reason.value], reason in found)
        yield reasons
        lost = CounterMetricFamily("assistant_journal_lost", "Entries that could not be written.")
        lost.add_metric([], office.journal.lost)
        yield lost
        pid = getattr(office.assistant.model if office.assistant else None, "pid", None)
        pids = [] if pid is None else [pid]
        gauges: tuple[tuple[str, str, float], ...] = (
            ("assistant_model_waiting", "People who wait for the model.", office.loading.waiting),
            ("assistant_model_resident_bytes", "Memory of the model's process.", memory_of(*pids)[0]),
            ("assistant_disk_free_bytes", "Room on the disk that is written to.", free_bytes(office)),
            ("assistant_threads", "Threads of this process.", threading.active_count()),
        )
        for name, about, value in gauges:
            yield GaugeMetricFamily(name, about, value=value)


def log_answer(answer: Answer | None, card: float, whole: float) -> None:
    """A line of the log for an answer, where lines are JSON."""
    figures: dict[str, object] = {"status": _FAILED, "seconds": round(whole, 3)}
    if answer is not None:
        figures = {
            "status": answer.status.value,
            "composer": answer.composer.value,
            "card_seconds": round(card, 3),
            "seconds": round(whole, 3),
        }
    ANSWERS.info("answer", extra={"figures": figures})


def add_metrics(app: FastAPI, metrics: Metrics, is_maintainer: Callable[[Request], bool]) -> None:
    """The routes; who asks elsewhere than on this machine or behind the login finds nothing."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    def told(may: bool) -> Response:
        if not may:
            return Response(status_code=404)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get(f"/{METRICS}")
    def here(request: Request) -> Response:
        return told(request.client is not None and ip_address(request.client.host).is_loopback)

    @app.get(f"/quan-tri/{METRICS}")
    def inside(request: Request) -> Response:
        return told(is_maintainer(request))
