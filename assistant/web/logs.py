"""What goes to the log: what happened and where, never what anybody asked.

The message of an error may quote what a person typed, and so may what libraries print of it: of every error
only its kind and its place are told. Lines are text, or JSON objects for programs that collect logs.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import gradio.queueing
import gradio.routes

from assistant.errors import place_of
from assistant.web.waiting import LOG

ANSWERS = logging.getLogger("assistant.answers")  # one line an answer, as JSON only
_LEVELS = {"uvicorn": logging.WARNING, "asyncio": logging.WARNING, "assistant": logging.INFO}


class Lines(logging.Formatter):
    """A line of text for each record."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, and the place of an error."""
        return " | ".join(filter(None, self._parts(record)))

    def _parts(self, record: logging.LogRecord) -> tuple[str, str]:
        message = record.getMessage()
        if not record.name.startswith("assistant"):
            message = message.strip().split("\n")[0]  # asyncio goes on with the error's own words
        error = record.exc_info[1] if record.exc_info else None
        return message, place_of(error) if error is not None else ""


class JsonLines(Lines):
    """A JSON object for each record."""

    def format(self, record: logging.LogRecord) -> str:
        """Time (UTC), level, logger and message; the place of an error, the figures of an answer."""
        message, place = self._parts(record)
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        row: dict[str, Any] = {"at": at, "level": record.levelname.lower(), "logger": record.name}
        row["message"] = message
        if place:
            row["error"] = place
        figures: Mapping[str, Any] = getattr(record, "figures", {})
        return json.dumps(row | dict(figures), ensure_ascii=False)


class _Terse:
    """Stands in for the module `traceback` in Gradio, which prints every error that a page meets."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(traceback, name)

    @staticmethod
    def print_exc(*_: object, **__: object) -> None:
        """Tell where it arose."""
        error = sys.exception()
        if error is not None:
            LOG.error("a page met an error", exc_info=error)


def set_up_logs(as_json: bool) -> None:
    """Everything that this process logs goes to stderr so; for the process that serves the pages."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if as_json else Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name, level in _LEVELS.items():
        logging.getLogger(name).setLevel(level)
    ANSWERS.setLevel(logging.INFO if as_json else logging.WARNING)
    for module in (gradio.queueing, gradio.routes):
        vars(module)["traceback"] = _Terse()
    sys.excepthook = lambda _, error, __: LOG.critical("the program broke", exc_info=error)
    threading.excepthook = _thread_broke
    sys.unraisablehook = _left_over


def _thread_broke(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        LOG.error("a thread broke", exc_info=args.exc_value)


def _left_over(args: Any) -> None:  # noqa: ANN401
    if args.exc_value is not None:
        LOG.error("an object could not be let go", exc_info=args.exc_value)
