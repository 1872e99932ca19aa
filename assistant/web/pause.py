"""The assistant switched off by a maintainer: a notice stands in for its pages until they switch it on again.

The notice is kept in a file, so that a restart does not switch it on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from html import escape
from pathlib import Path
from typing import Any, TypeVar

from assistant.datatypes import Answer
from assistant.errors import PausedError
from assistant.files import write_whole
from assistant.journal import Journal
from assistant.web.look import page_style
from assistant.web.waiting import Answering, Relay

AGAIN = 20  # seconds after which a page with the notice looks whether the assistant is back
LONGEST_NOTICE = 300  # characters
T = TypeVar("T")


class Pause:
    """Whether the assistant is switched off, and what people are told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.notice: str | None = path.read_text(encoding="utf-8").strip("\0")
        except FileNotFoundError:
            self.notice = None
        except (OSError, UnicodeDecodeError):  # what a maintainer switched off no damage switches on
            self.notice = ""

    def begin(self, notice: str) -> None:
        """Switch off. Raises OSError where that cannot be kept; it is off all the same."""
        self.notice = notice.strip()[:LONGEST_NOTICE]
        write_whole(self.path, self.notice.encode())

    def end(self) -> None:
        """Switch on again. Raises OSError where that cannot be kept; it is on all the same."""
        self.notice = None
        self.path.unlink(missing_ok=True)

    def check(self) -> None:
        """Raises PausedError while the assistant is switched off."""
        if self.notice is not None:
            raise PausedError(f"switched off by a maintainer: {self.notice}")

    def over(self, wanted: Callable[[], T]) -> Callable[[], T]:
        """What gives the same as `wanted`, but raises PausedError while the assistant is switched off."""

        def given() -> T:
            self.check()
            return wanted()

        return given


class Attended(Relay):
    """An assistant that a maintainer can switch off, and whose journal, if any, notes what is asked."""

    def __init__(self, answering: Answering, pause: Pause, journal: Journal | None) -> None:
        super().__init__(answering)
        self.pause = pause
        self.journal = journal

    def stream(
        self,
        question: str,
        *,
        previous: Sequence[str] = (),
        today: date | None = None,
        use_model: bool = True,
    ) -> Iterator[Answer]:
        """The answer as it grows; noted when it begins. Raises PausedError."""
        self.pause.check()
        noted = self.journal is None
        for answer in super().stream(question, previous=previous, today=today, use_model=use_model):
            if not noted and self.journal is not None:
                self.journal.asked(answer)
                noted = True
            yield answer

    def open_guide(self, document_id: str, *, today: date | None = None) -> Answer:
        """The card of one guide. Raises PausedError."""
        self.pause.check()
        return super().open_guide(document_id, today=today)

    def decline(self, question: str, *, today: date | None = None) -> Answer:
        """That no guide answers; noted, as a gap that a guide could fill. Raises PausedError."""
        self.pause.check()
        answer = super().decline(question, today=today)
        if self.journal is not None:
            self.journal.asked(answer)
        return answer


def notice_page(notice: str, words: Mapping[str, Any]) -> str:
    """What stands in for a page; it looks by itself whether the assistant is back."""
    title, text = escape(words["title"]), escape(notice or words["text"])
    # No refresh by <meta>: it would read the page out again and again (WCAG 2.2.1).
    return (
        f'<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{page_style("maintain")}</head>'
        f'<body class="plain notice"><main><h1>{title}</h1><p>{text}</p><p>{escape(words["help"])}</p></main>'
        "<script>setInterval(async()=>{const answer="
        "await fetch(location,{headers:{Accept:'text/html'}}).catch(()=>0);"
        f"if(answer.ok)location.reload()}},{AGAIN * 1000})</script></body></html>"
    )
