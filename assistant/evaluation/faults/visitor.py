"""A person at the kiosk's page without a browser: asks over HTTP and reads what the page would show."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from assistant.evaluation.server import Server

_PATIENCE = 180.0  # seconds for a server to answer on a machine that is busy


class Visitor:
    """One person, with one connection that stays open for asking."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session = f"visitor{time.monotonic_ns()}"
        self._asking = self._connection()
        config = self._get("/config")
        box = _component(config, "box")
        send = _component(config, "send")
        self._number = next(
            number
            for number, dependency in enumerate(config["dependencies"])
            if dependency["inputs"] == [box] and [send, "click"] in dependency["targets"]
        )

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=_PATIENCE)

    def _get(self, path: str) -> Any:  # noqa: ANN401 (JSON)
        self._asking.request("GET", path)
        return json.loads(self._asking.getresponse().read())

    def ask(self, question: str) -> Iterator[str]:
        """What the page is told, piece by piece, as JSON: the first one that brings something is the card.

        Ends with the answer, or with the server.
        """
        body = {
            "data": [question],
            "event_data": None,
            "fn_index": self._number,
            "trigger_id": None,
            "session_hash": self._session,
        }
        asked = json.dumps(body)
        self._asking.request("POST", "/gradio_api/queue/join", asked, {"Content-Type": "application/json"})
        self._asking.getresponse().read()
        # The same connection: a server that has no handles left can still answer on it.
        self._asking.request("GET", f"/gradio_api/queue/data?session_hash={self._session}")
        stream = self._asking.getresponse()
        for line in stream:
            if not line.startswith(b"data:"):
                continue
            told = json.loads(line[5:])
            if told["msg"] in ("process_generating", "process_completed") and told.get("output"):
                yield json.dumps(told["output"], ensure_ascii=False)
            if told["msg"] in ("process_completed", "close_stream"):
                self._asking.close()
                return

    def is_answered(self, question: str, document: str) -> bool:
        """Whether the answer shows the card of a guide, read to its end."""
        try:
            return any([document in piece for piece in self.ask(question)])
        except (OSError, http.client.HTTPException):
            self._asking.close()
            return False

    def close(self) -> None:
        """Leave."""
        self._asking.close()


def _component(config: Mapping[str, Any], name: str) -> int:
    return int(next(part["id"] for part in config["components"] if part["props"].get("elem_id") == name))
