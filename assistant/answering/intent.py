"""What about a thing is asked: fee, papers, time, place, who or how. The cues stand in glossary.toml."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.datatypes import Intent
from assistant.text.dialect import END, Glossary, find


def find_intent(words: Sequence[str], glossary: Glossary) -> Intent:
    """The intent whose cue is longest; of equal ones the one that comes last in the question.

    "Làm thẻ thế nào, mất bao nhiêu tiền?" asks for the fee; "thanh toán lệ phí thế nào" for the steps, for a
    cue that stands inside another says nothing by itself. No cue: GENERAL.
    """
    found = [
        (name, cue, at)
        for name, cues in glossary.intents.items()
        for cue in cues
        if (at := find((*words, END), cue)) >= 0
    ]
    spans = [(at, at + len(cue)) for _, cue, at in found]
    best, best_key = Intent.GENERAL, (0, 0, -1)
    for (name, cue, at), span in zip(found, spans, strict=True):
        if any(begin <= span[0] and span[1] <= end and (begin, end) != span for begin, end in spans):
            continue
        # "thế nào" says little; a fee, paper, time or place is always the sharper question.
        key = (name != Intent.STEPS, len(cue), at)
        if key > best_key:
            best, best_key = Intent(name), key
    return best
