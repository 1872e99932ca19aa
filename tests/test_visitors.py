from __future__ import annotations

from pathlib import Path

import pytest

from assistant.config import Settings
from assistant.evaluation.visitors import Held, Plan, Report, _growth, _more, as_row, as_text, visit
from assistant.pipeline import Assistant


@pytest.fixture(scope="module")
def report(shipped: Path, data: Path, assistant: Assistant) -> Report:
    """Four people for a few seconds at the real pages of a server of their own."""
    questions = [question for guide in assistant.guides.values() for question in guide.questions]
    plan = Plan(people=4, minutes=0.08, think=0.3, seed=1, journal=True)
    return visit(plan, Settings(home=shipped, data=data), questions)


@pytest.mark.slow
def test_everybody_is_served_and_nothing_of_them_is_left(report: Report) -> None:
    assert report.failed == {}
    assert report.leaked == {}
    assert report.well
    assert report.card is not None
    assert report.page is not None
    assert report.page.count > 4
    assert 0 < report.card.p50 <= report.card.p95 <= report.card.max
    assert report.after is not None
    assert report.after.objects["assistant.web.visits.Visit"] == 0


@pytest.mark.slow
def test_the_report_can_be_read_by_people_and_programs(report: Report) -> None:
    row = as_row(report)
    assert row["well"] is True
    assert row["card"]["count"] == report.card.count if report.card else False
    assert "refused: {}" in as_text(report)


def test_growth_is_that_after_warming_up() -> None:
    assert _growth([100] * 10) is None  # too short to tell
    assert _growth([50] * 20 + [100] * 80) == 0
    assert _growth([50] * 20 + [100] * 40 + [110] * 40) == 10


def test_what_is_left_is_told_by_its_name() -> None:
    before, after = Held(1, 5, 9, {"a": 0}), Held(2, 6, 9, {"a": 3})
    assert _more(before, after) == {"a": 3, "threads": 1}
