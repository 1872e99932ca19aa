"""What a model writes under the cards of a question set: how much of it is shown, and why the rest is not.

Everything goes through the product's own check; what is counted here is what people would have seen.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from assistant.answering.checks import Evidence
from assistant.answering.prompts import Prompt
from assistant.datatypes import Status
from assistant.errors import ModelError, QuestionError
from assistant.evaluation.answers import ExpectedAnswer, stands
from assistant.models.language_model import LanguageModel
from assistant.pipeline import Assistant
from assistant.text.keystrokes import is_syllable
from assistant.text.normalize import fold, sentences, syllables


class Recorder:
    """A LanguageModel that keeps what another one was asked and said last."""

    def __init__(self, model: LanguageModel) -> None:
        self.name = model.name
        self.prompt: Prompt | None = None
        self.text = ""
        self.error = ""
        self._model = model

    @property
    def waiting(self) -> int:
        """That of the model it stands for."""
        return self._model.waiting

    def stream(self, prompt: Prompt, *, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """The pieces of the model it stands for."""
        self.prompt, self.text, self.error = prompt, "", ""
        try:
            for piece in self._model.stream(prompt, stop=stop):
                self.text += piece
                yield piece
        except ModelError as error:
            self.error = str(error)
            raise


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote under one card."""

    sentences: tuple[str, ...]
    refusals: tuple[str, ...]  # why each sentence that was not shown was not
    shown: str
    facts: int  # that the question set expects
    told: int  # of them, in the words that were shown
    forbidden: tuple[str, ...]  # what must not be said and was shown
    first: float | None  # seconds to the first sentence shown, if one was
    seconds: float
    error: str = ""  # of the model, if it failed


def write(assistant: Assistant, model: LanguageModel, expected: ExpectedAnswer) -> Written | None:
    """Ask one question with the model; None where no card is shown, so that no model is asked."""
    recorder = Recorder(model)
    asked = replace(assistant, model=recorder).stream(
        expected.question, previous=expected.previous, today=expected.today
    )
    try:
        card = next(asked)
    except QuestionError:
        return None
    if card.status is not Status.ANSWERED or card.card is None:
        return None
    started, first, text = time.monotonic(), None, card.text
    for answer in asked:
        text = answer.text
        if text != card.text:  # else it is still at work
            first = first or time.monotonic() - started
    shown = " ".join(text.removeprefix(card.text).split())
    wrote = tuple(" ".join(sentence.split()) for sentence in sentences(recorder.text))
    prompt = recorder.prompt
    evidence = Evidence(prompt.guide, prompt.question) if prompt else Evidence(card.text)
    refused = (_kind(sentence, evidence.refusal(sentence)) for sentence in wrote if sentence not in shown)
    return Written(
        sentences=wrote,
        refusals=tuple(refused),
        shown=shown,
        facts=len(expected.facts),
        told=sum(stands(fact, shown) for fact in expected.facts),
        forbidden=tuple(words for words in expected.forbidden if stands(words, shown)),
        first=first,
        seconds=time.monotonic() - started,
        error=recorder.error,
    )


def _kind(sentence: str, reason: str | None) -> str:
    """A reason without the words of the very sentence: "figure 3 ngày" → "figure"."""
    if reason is None:
        return "unfinished"  # it would pass, but the model stopped in its middle
    said = {word.casefold() for word in re.findall(r"\w+", sentence)}
    kept: list[str] = []
    for word in reason.split():
        if not word.isascii() or word.strip("“”\"'.,:").casefold() in said:
            break
        kept.append(word)
    return " ".join(kept) or reason


@dataclass(slots=True)
class Report:
    """A model over a whole question set."""

    model: str
    written: list[Written] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """The figures as JSON; shares are of 1, null where there is nothing to share."""
        done = [one for one in self.written if not one.error]
        wrote = sum(len(one.sentences) for one in done)
        dropped = Counter(reason for one in done for reason in one.refusals)
        words = [word for one in done for s in one.sentences for word in _words(s)]
        with_words = [one for one in done if one.shown]
        facts = sum(one.facts for one in done)
        return {
            "cards": len(self.written),
            "failed": len(self.written) - len(done),
            "errors": sorted({one.error for one in self.written if one.error})[:5],
            "answers_with_words": _share(len(with_words), len(done)),
            "sentences": wrote,
            "sentences_shown": _share(wrote - dropped.total(), wrote),
            "dropped": dict(dropped.most_common()),
            "facts_told": _share(sum(one.told for one in done), facts),
            "forbidden": [words for one in done for words in one.forbidden],
            "words_shown": _median(len(syllables(one.shown)) for one in with_words),
            "vietnamese": _share(sum(map(bool, words)), len(words)),
            "first_sentence_s": _median(one.first for one in with_words if one.first is not None),
            "seconds": _median(one.seconds for one in done),
        }


def _words(sentence: str) -> list[bool]:
    """Of each word, whether it is built like a Vietnamese one; none is in a sentence without any accent."""
    accented = not sentence.isascii()
    return [accented and is_syllable(fold(word)) for word in syllables(sentence) if word.isalpha()]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return round(median(found), 2) if found else None


def as_text(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Models side by side, one figure a line; reasons for dropping below."""
    figures = [
        "cards failed answers_with_words sentences sentences_shown facts_told words_shown vietnamese".split(),
        "first_sentence_s seconds".split(),
    ]
    reasons = list(dict.fromkeys(reason for row in rows.values() for reason in row["dropped"]))
    table = [["", *rows]]
    table += [[name, *(_shown(row[name]) for row in rows.values())] for name in sum(figures, [])]
    table += [
        [f"dropped: {reason}", *(_shown(row["dropped"].get(reason, 0)) for row in rows.values())]
        for reason in reasons
    ]
    table.append(["forbidden words shown", *(str(len(row["forbidden"])) for row in rows.values())])
    return "\n".join(_aligned(table))


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _aligned(table: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for first, *rest in table:
        cells = (f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True))
        yield "  ".join([f"{first:<{widths[0]}}", *cells])
