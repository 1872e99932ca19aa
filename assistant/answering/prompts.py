"""prompts/ → fixed replies, and the messages for the local model. Knows no model and no guide's format."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from assistant.errors import KnowledgeError, Problem
from assistant.retrieval.classifier import ERRAND, OUTSIDE, TASK
from assistant.text.dialect import Phrase, find, phrase_of, possible, without
from assistant.text.normalize import syllables, without_marks
from assistant.toml import read_toml

# ChatML and the like: text that a tokenizer could take for a control token.
_CONTROL = re.compile(r"<\|?[\w/\s-]{1,40}\|?>|</?s>|\[/?INST\]|<<?/?SYS>?>", re.IGNORECASE)
_TALK = 0.55  # likelihood from which a question is taken for small talk, by cross-validation
_TALK_UNANSWERED = 0.35  # the same where no guide answers it
_LEFT_OVER_UNANSWERED = 5
_LEFT_OVER = 2  # words beside a small-talk phrase: more make it a question about something


@dataclass(frozen=True, slots=True)
class SmallTalk:
    """Talk that is not about a procedure, and what is said to it."""

    id: str
    phrases: tuple[str, ...]
    reply: str
    anywhere: bool = False  # telling enough inside a longer question that no guide answers
    with_journal: str | None = None  # said instead where the journal is on


@dataclass(frozen=True, slots=True)
class Correction:
    """A false premise that questions carry, and the shared fact that puts it right."""

    phrases: tuple[str, ...]
    fact: str


@dataclass(frozen=True, slots=True)
class Premise:
    """What is said to a false premise."""

    figure: str
    contact: str  # a hotline or web address that is not known
    correction: tuple[Correction, ...]


@dataclass(frozen=True, slots=True)
class Hotlines:
    """The contacts named when somebody asks for a number and no guide fits better."""

    lead: str
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """Guides that people mix up: what is asked when the machine cannot tell, and each in people's words."""

    ask: str
    guides: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Replies:
    """prompts/replies.toml, choices.toml and the rules for the model (answer.md)."""

    clarify: Mapping[str, str]
    decline: Mapping[str, str]
    procedures: str  # before the official names of procedures that no guide covers
    admit: Mapping[str, str]
    official: Mapping[str, str]
    hotlines: Hotlines
    premise: Premise
    card: Mapping[str, str]
    smalltalk: tuple[SmallTalk, ...]
    several: Mapping[str, str]
    model: Mapping[str, str]
    near: tuple[Near, ...]
    rules: str

    def with_journal(self) -> Replies:
        """The replies of a machine whose journal is on."""
        talks = (replace(talk, reply=talk.with_journal or talk.reply) for talk in self.smalltalk)
        return replace(self, smalltalk=tuple(talks))

    def vocabulary(self) -> list[str]:
        """Every syllable people may say to the machine, for the repair of typing."""
        return [word for talk in self.smalltalk for text in talk.phrases for word in syllables(text)]

    def small_talk(
        self, words: Sequence[str], fillers: Sequence[Phrase], *, unanswered: bool = False
    ) -> str | None:
        """The reply to small talk that makes up nearly the whole question, longest phrase first.

        Of a question that no guide answers (`unanswered`) it may be a smaller part.
        """
        best, best_size = None, 0
        for talk in self.smalltalk:
            phrases = sorted(possible(words, map(phrase_of, talk.phrases)), key=len, reverse=True)
            said = [phrase for phrase in phrases if find(words, phrase) >= 0]
            if not said:
                continue
            left = without(without(words, said), fillers)
            room = max(_LEFT_OVER, len(said[0]) - _LEFT_OVER)
            if unanswered:
                room = len(left) if talk.anywhere else _LEFT_OVER_UNANSWERED
            if len(left) > room:
                continue
            if len(said[0]) > best_size:
                best, best_size = talk.reply, len(said[0])
        return best

    def talk_of(self, acts: Mapping[str, float], *, unanswered: bool = False) -> str | None:
        """The reply to the likeliest small talk, if small talk is likely at all.

        Of a question that no guide answers (`unanswered`) it may be less likely, but must be likelier than
        another matter: nobody who asks for the price of pigs is told that asking costs nothing.
        """
        likely = {talk.id: acts.get(talk.id, 0.0) for talk in self.smalltalk}
        likeliest = max(self.smalltalk, key=lambda talk: likely[talk.id])
        other = max(acts.get(act, 0.0) for act in (OUTSIDE, TASK, ERRAND))
        least = max(_TALK_UNANSWERED, other) if unanswered else _TALK
        if sum(likely.values()) < least or (unanswered and likely[likeliest.id] < acts.get(OUTSIDE, 0.0)):
            return None
        return likeliest.reply

    def likeliest_talk(self, acts: Mapping[str, float]) -> float:
        """The likelihood of the likeliest small talk."""
        return max((acts.get(talk.id, 0.0) for talk in self.smalltalk), default=0.0)

    def near_of(self, guides: Collection[str]) -> Near | None:
        """The words in which to ask which of these guides is meant, where there are some for all of them."""
        return next((near for near in self.near if near.guides.keys() >= set(guides)), None)

    def correction(self, words: Sequence[str]) -> str | None:
        """The id of the fact that corrects what the question takes for granted."""
        for correction in self.premise.correction:
            if any(find(words, phrase_of(text)) >= 0 for text in correction.phrases):
                return correction.fact
        return None


def load_replies(folder: Path) -> Replies:
    """Read replies.toml, choices.toml and answer.md; raises KnowledgeError."""
    path = folder / "replies.toml"
    tables = read_toml(path) | read_toml(folder / "choices.toml")
    try:
        rules = (folder / "answer.md").read_text(encoding="utf-8").strip()
        return msgspec.convert(tables | {"rules": rules}, Replies)
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError([Problem(folder / "answer.md", 0, f"cannot be read: {error}")]) from error
    except msgspec.ValidationError as error:
        raise KnowledgeError([Problem(path, 0, str(error))]) from error


def neutralised(text: str) -> str:
    """Text of a person or a guide without anything a tokenizer could read as a control token."""
    return _CONTROL.sub(" ", text)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads, in the order that lets prepared states be reused (design.md §7).

    Rules and guide are the same whatever is asked, so the model can have read them before.
    """

    rules: str
    guide: str
    question: str
    document_id: str = ""  # of the guide; counts how often it is asked for


def prompt_for(replies: Replies, guide_text: str, question: str, document_id: str = "") -> Prompt:
    """The prompt `[rules][guide][question]`, control tokens neutralised."""
    return Prompt(replies.rules, neutralised(without_marks(guide_text)), neutralised(question), document_id)
