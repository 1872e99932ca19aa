"""What a person says of an answer with one tap: that it helped, or what of it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from assistant.journal import Journal, Kind
from assistant.web.render import Renderer
from assistant.web.visits import Visits

_INTO_VIEW = (
    "() => setTimeout(() => document.getElementById('opinion-why')?.scrollIntoView({block: 'center'}), 100)"
)


class Opinion:
    """The buttons under an answer, and what they write into the journal."""

    def __init__(self, words: Mapping[str, Any], journal: Journal) -> None:
        self.words = words
        self.journal = journal

    def lay_out(self) -> None:
        """Put the buttons where the page stands now."""
        with gr.Row(elem_id="opinion"):
            self.helped = gr.Button(self.words["helped"], elem_id="helped", elem_classes=["icon-check"])
            self.wrong = gr.Button(self.words["wrong"], elem_id="wrong", elem_classes=["icon-alarm"])
        with gr.Column(elem_id="opinion-why", visible=False) as self.why:
            gr.HTML(Renderer({}).message(self.words["which"], "which"), js_on_load=None)
            reasons = self.words["reasons"].items()
            self.reasons = {key: gr.Button(label, elem_classes=["choice"]) for key, label in reasons}

    def wire(self, visits: Visits, say: gr.HTML) -> None:
        """Tell the journal; thanks appear in `say`, which the page empties with its next answer."""
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

        def noted(kind: Kind, reason: str) -> Callable[[gr.Request], tuple[gr.Column, str]]:
            words = self.words["thanks_wrong" if kind is Kind.WRONG else "thanks"]
            thanks = Renderer({}).message(words, "thanks")

            def note(request: gr.Request) -> tuple[gr.Column, str]:
                answer = visits.of(request).answer
                if answer is not None:
                    self.journal.judged(answer, kind, reason)
                return gr.Column(visible=False), thanks

            return note

        self.helped.click(noted(Kind.HELPED, ""), None, [self.why, say], **quiet)
        opened = self.wrong.click(lambda: gr.Column(visible=True), None, self.why, **quiet)
        opened.then(None, None, None, js=_INTO_VIEW, **quiet)  # they would stand behind the question box
        for key, button in self.reasons.items():
            button.click(noted(Kind.WRONG, key), None, [self.why, say], **quiet)
