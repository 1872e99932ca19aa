"""A short run of `assistant bench faults`: real kills, damage and races against the real program."""

from __future__ import annotations

import shutil

import pytest

from assistant.config import load_settings
from assistant.errors import EvaluationError
from assistant.evaluation.faults.ground import Row
from assistant.evaluation.faults.table import as_row, as_text, strike

pytestmark = pytest.mark.slow


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace kills the program at a system call")
def test_the_program_outlives_what_happens_to_it() -> None:
    rows = list(strike(load_settings(), ["killed", "power", "damaged"], short=True))
    assert [row for row in rows if row.well is False] == []
    assert {"killed: index build", "killed: journal written", "damaged: index"} <= {row.fault for row in rows}


def test_a_power_cut_cuts() -> None:
    """A careless write must be found torn, or the cut of the rows beside it loses nothing."""
    row = next(strike(load_settings(), ["power"], short=True))
    if row.well is None:
        pytest.skip(row.seen)
    assert "torn: empty" in row.seen


def test_the_table_tells_what_was_not_run() -> None:
    rows = [Row("a|b", 3, "card", "nothing", 0.5, True), Row("c", 0, "no strace", "", None, None)]
    assert as_text(rows).splitlines()[2:] == [
        "| a/b | 3 | card | nothing | 0.5 | ok |",
        "| c | 0 | no strace |  |  | not run |",
    ]
    assert [row["verdict"] for row in as_row(rows)["faults"]] == ["ok", "not run"]


def test_a_fault_that_is_none_is_told() -> None:
    with pytest.raises(EvaluationError, match="no fault is called `x`; there are killed, power, damaged, "):
        list(strike(load_settings(), ["x"]))
