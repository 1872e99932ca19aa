"""`assistant bench faults`: all faults, or one kind, and their table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from assistant.config import Settings
from assistant.errors import AssistantError, EvaluationError
from assistant.evaluation.faults import damage, killing, power
from assistant.evaluation.faults.ground import Ground, Row, ground
from assistant.evaluation.faults.outages import OUTAGES

Progress = Callable[[str], None]
FAULTS: Mapping[str, Callable[[Ground, Progress], Iterator[Row]]] = {
    "killed": killing.rows,
    "power": power.rows,
    "damaged": damage.rows,
    **OUTAGES,
}
_VERDICTS = {True: "ok", False: "FAULT", None: "not run"}


def strike(
    settings: Settings, only: Sequence[str] = (), progress: Progress = lambda _: None, *, short: bool = False
) -> Iterator[Row]:
    """Inject the faults of these names, or all. Raises EvaluationError."""
    if unknown := set(only) - FAULTS.keys():
        raise EvaluationError(f"no fault is called `{sorted(unknown)[0]}`; there are {', '.join(FAULTS)}")
    with ground(settings, short=short) as struck:
        for number, name in enumerate(only or FAULTS):
            apart = struck.folder / f"{number}-{name}"  # two kinds may strike the same chores
            apart.mkdir()
            try:
                yield from FAULTS[name](replace(struck, folder=apart), progress)
            except AssistantError as error:
                yield Row(name, 0, f"{type(error).__name__}: {error}", "", None, False)


def as_row(rows: Sequence[Row]) -> dict[str, Any]:
    """The table as JSON."""
    return {"faults": [asdict(row) | {"verdict": _VERDICTS[row.well]} for row in rows]}


def as_text(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    lines = [
        "| fault | runs | a person sees | left on the disk | s to normal | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (row.fault, row.runs, row.seen, row.left, "" if row.seconds is None else row.seconds)
        lines.append(
            "| " + " | ".join(str(cell).replace("|", "/") for cell in (*cells, _VERDICTS[row.well])) + " |"
        )
    return "\n".join(lines)
