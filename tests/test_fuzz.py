from __future__ import annotations

from pathlib import Path

import pytest

from assistant.config import load_settings
from assistant.evaluation.fuzz import Report, as_row, as_text, fuzz


@pytest.mark.slow
def test_a_server_stands_what_no_browser_asks(shipped: Path, data: Path) -> None:
    report = fuzz(load_settings({"home": shipped, "data": data}), 300, seed=7)
    assert report.passed, as_text(report)
    assert sum(report.statuses.values()) == 300
    assert report.statuses[200] > 30  # much gets past the gate
    assert report.silent == 0
    assert as_row(report)["statuses"]["404"] == report.statuses[404]


def test_what_broke_is_told_and_does_not_pass() -> None:
    report = Report(1, 1, broken=["500: GET /"])
    assert not report.passed
    assert "BROKEN 500: GET /" in as_text(report)
