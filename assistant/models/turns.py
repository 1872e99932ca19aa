"""Several people's answers on one model, step by step. Knows no llama_cpp and no processes.

A step is one pass of the network over the next token of every answer that is being written and some of what
has yet to be read. Rules and guides ("prefixes") are read once: they stay in the context while there is
room, are kept in the store, and are shared by all who ask about the same guide.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assistant.answering.prompts import Prompt
from assistant.errors import ModelError
from assistant.models.llama import LlamaModel, PromptTokens, Row, Sampler, Tokens
from assistant.models.mask import Mask, TokenIds
from assistant.models.packing import VERSION as PACKING
from assistant.models.prefix import StateStore, count_asked, state_key, weights_digest

_CHUNK = 128  # tokens read in one step: what a new question may have to wait for
_BESIDE = 32  # the same while somebody's answer is being written


@dataclass(eq=False, slots=True)
class Prefix:
    """A part of the prompt that is the same for many questions: the rules, or a guide after them."""

    tokens: Tokens
    start: int  # its position
    sequence: int
    key: str
    sayable: TokenIds  # tokens that an answer from it may be made of
    read: int = 0
    opened: bool = False
    used: int = 0  # the later, the greater

    @property
    def ready(self) -> bool:
        """Whether all of it has been read."""
        return self.opened and self.read == len(self.tokens)

    def rows(self, count: int) -> list[Row]:
        """The next tokens to be read."""
        at = self.start + self.read
        return [
            Row(token, at + n, self.sequence)
            for n, token in enumerate(self.tokens[self.read : self.read + count])
        ]


@dataclass(eq=False, slots=True)
class Turn:
    """One person's question and the answer to it."""

    prompt: PromptTokens
    stop: Callable[[], bool]
    until: float  # of the monotonic clock
    sampler: Sampler
    left: list[int]  # tokens to be read: of the question, then the last one of the answer
    prefix: Prefix | None = None
    sequence: int = -1
    position: int = 0
    written: int = 0
    ended: bool = False
    error: str | None = None
    letters: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("ignore")
    )

    def over(self) -> bool:
        """Whether nobody waits for it any longer."""
        return self.stop() or time.monotonic() > self.until

    def rows(self, count: int) -> list[Row]:
        """The next tokens to be read; what comes after the last one is wanted."""
        return [
            Row(token, self.position + n, self.sequence, n + 1 == len(self.left))
            for n, token in enumerate(self.left[:count])
        ]


class Turns:
    """The people who are answered, and what the model remembers for them. For one thread."""

    waiting = 0  # nobody: stream() answers one person alone

    def __init__(self, model: LlamaModel, folder: Path | None = None, budget: int = 0) -> None:
        """States are kept in the folder, up to `budget` bytes; without a folder, none."""
        self.name = model.name
        self._model = model
        self._options = model.options
        self._folder = folder
        self._states = StateStore(folder, budget) if folder else None
        self._made_by: dict[str, str | int] = {
            "weights": weights_digest(model.path, folder) if folder else "",
            "library": model.version,
            "cache": model.options.cache,
            "packing": PACKING,
            "context": model.options.context,
        }
        self._rules: Prefix | None = None
        self._guides: list[Prefix] = []
        self._waiting: list[Turn] = []
        self._active: list[Turn] = []
        self._wanted: list[Prompt] = []
        self._prepared: list[str] = []  # keys of those that were wanted and are kept
        self._next = ""  # the key of the first of those wanted
        self._per_token = 0.0  # bytes of a state, as far as is known
        self._scratch = model.options.sequences - 1
        self._free = list(range(1, self._scratch))
        self._clock = 0
        self._mask = Mask([model.piece(token) for token in range(model.vocabulary_size)], model.ends)

    # Asking

    def ask(self, prompt: Prompt, stop: Callable[[], bool] = lambda: False) -> Turn:
        """Queue a question. Raises ModelError when it is too long for the context."""
        tokens = self._model.prompt_tokens(prompt)
        self._check_size(tokens)
        if self._folder and prompt.document_id:
            count_asked(self._folder, prompt.document_id)
        until = time.monotonic() + self._options.seconds
        turn = Turn(tokens, stop, until, self._model.sampler(), list(tokens.question))
        self._waiting.append(turn)
        return turn

    def _check_size(self, tokens: PromptTokens) -> None:
        context, answer = self._options.context, self._options.answer
        if tokens.size + answer > context:
            raise ModelError(
                f"the prompt has {tokens.size} tokens and the answer {answer}; models.context = {context}"
            )

    def stream(self, prompt: Prompt, *, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Pieces of one answer, nobody else being answered. Raises ModelError."""
        turn = self.ask(prompt, stop)
        try:
            while not turn.ended:
                for other, piece in self.step():
                    if other is turn and piece:
                        yield piece
        finally:
            self.leave(turn)
        if turn.error:
            raise ModelError(turn.error)

    @property
    def sayable(self) -> TokenIds:
        """The tokens that any answer may be made of."""
        return self._mask.with_words(())

    @property
    def busy(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting or self._active)

    # One step

    def step(self) -> list[tuple[Turn, str]]:
        """Let everybody's answer go on; pieces of text and those that have ended."""
        before = [*self._active, *self._waiting]
        try:
            for turn in before:
                if turn.over():
                    self.leave(turn)
            self._seat()
            pieces = self._pass()
        except ModelError as error:
            self._give_up(str(error))
            pieces = []
        told = {id(turn) for turn, _ in pieces}
        return pieces + [(turn, "") for turn in before if turn.ended and id(turn) not in told]

    def _pass(self) -> list[tuple[Turn, str]]:
        plan = self._plan()
        rows = [row for _, part in plan for row in part]
        if not rows:
            return []
        whole = self._model.decode(rows, lambda: all(turn.over() for turn in self._active))
        if not whole:  # nobody wants it any more
            self._undo(plan)
            return []
        pieces = []
        at = 0
        for owner, part in plan:
            at += len(part)
            if isinstance(owner, Prefix):
                self._advance(owner, len(part))
                continue
            owner.position += len(part)
            del owner.left[: len(part)]
            if not owner.left:
                pieces.append((owner, self._write(owner, at - 1)))
        return pieces

    def _plan(self) -> list[tuple[Turn | Prefix, list[Row]]]:
        """Whose tokens are read in this step: answers, then questions, then rules and guides."""
        self._open_prefixes()
        plan: list[tuple[Turn | Prefix, list[Row]]] = []
        seated = [turn for turn in self._active if turn.sequence >= 0]
        room = _BESIDE if any(turn.written for turn in seated) else _CHUNK
        for turn in sorted(seated, key=lambda turn: not turn.written):
            count = 1 if turn.written else room
            if count:
                plan.append((turn, turn.rows(count)))
                room -= 0 if turn.written else len(plan[-1][1])
        for prefix in self._being_read():
            if room > 0:
                plan.append((prefix, prefix.rows(room)))
                room -= len(plan[-1][1])
        return plan

    def _being_read(self) -> list[Prefix]:
        """What has to be read for those who wait, the rules first."""
        wanted = [turn.prefix for turn in self._active if turn.prefix]
        found = [self._rules, *dict.fromkeys(wanted)] if wanted else []
        return [prefix for prefix in found if prefix and prefix.opened and not prefix.ready]

    def _write(self, turn: Turn, row: int) -> str:
        """Draw the next token; the letters that are whole."""
        assert turn.prefix is not None
        begun, _ = turn.letters.getstate()
        allowed = self._mask.allowed(begun, turn.prefix.sayable)
        token = turn.sampler.draw(self._model.scores(row), allowed)
        if token in self._model.ends or turn.written == self._options.answer:
            self.leave(turn)
            return ""
        turn.written += 1
        turn.left = [token]
        return turn.letters.decode(self._model.piece(token))

    def _undo(self, plan: Sequence[tuple[Turn | Prefix, list[Row]]]) -> None:
        for _, part in plan:
            if part:
                self._model.drop(part[0].sequence, part[0].position)

    def leave(self, turn: Turn) -> None:
        """End a turn, finished or not."""
        turn.ended = True
        if turn in self._waiting:
            self._waiting.remove(turn)
        if turn in self._active:
            self._active.remove(turn)
        if turn.sequence >= 0:
            self._model.drop(turn.sequence)
            self._free.append(turn.sequence)
            turn.sequence = -1

    def _give_up(self, reason: str) -> None:
        """After a failure of the model nothing it remembers can be trusted."""
        for turn in [*self._active, *self._waiting]:
            turn.error = reason
            self.leave(turn)
        self.forget()

    def forget(self) -> None:
        """Read everything anew, or from the store, the next time. Nobody may be being answered."""
        self._model.forget()
        self._rules = None
        self._guides.clear()
        self._free = list(range(1, self._scratch))

    # Who has a seat, and what the context holds

    def _seat(self) -> None:
        """Give those who wait longest a place in the context, as long as there is room."""
        while self._waiting and len(self._active) < self._options.people:
            turn = self._waiting[0]
            prefix = self._prefix(turn.prompt, beside=len(turn.left) + self._options.answer)
            if prefix is None:
                break
            turn.prefix = prefix
            self._active.append(self._waiting.pop(0))
        self._open_prefixes()
        for turn in self._active:
            if turn.sequence < 0 and turn.prefix and turn.prefix.ready:
                turn.sequence = self._free.pop()
                turn.position = turn.prefix.start + len(turn.prefix.tokens)
                self._model.copy(turn.prefix.sequence, turn.sequence)

    def _prefix(self, prompt: PromptTokens, *, beside: int) -> Prefix | None:
        """The guide in the context, with room `beside` it; None as long as others take up the room."""
        if self._rules is None or self._rules.tokens != prompt.rules:
            if self._active:
                return None
            self.forget()
            self._rules = Prefix(prompt.rules, 0, 0, self._key(prompt.rules), self._mask.with_words(()))
        found = next((guide for guide in self._guides if guide.tokens == prompt.guide), None)
        needed = beside + (0 if found else len(prompt.guide))
        if not self._make_room(needed, found):
            return None
        if found is None:
            start = len(prompt.rules)
            key = self._key(prompt.rules + prompt.guide)
            sayable = self._mask.with_words(prompt.guide)
            found = Prefix(prompt.guide, start, self._free.pop(), key, sayable)
            self._guides.append(found)
        self._clock += 1
        found.used = self._clock
        return found

    def _key(self, tokens: Tokens) -> str:
        return state_key(self._made_by, tokens)

    def _make_room(self, needed: int, beside: Prefix | None) -> bool:
        """Let guides nobody asks about leave the context until `needed` cells and a sequence are free."""
        assert self._rules is not None
        in_use = {id(turn.prefix) for turn in self._active} | {id(beside)}
        idle = sorted((g for g in self._guides if id(g) not in in_use), key=lambda guide: guide.used)
        if beside is None and self._options.cache == "f16":  # attention is paid to all that is in the context
            for guide in [guide for guide in idle if self._states and guide.key in self._states]:
                idle.remove(guide)
                self._let_go(guide)
        taken = len(self._rules.tokens) + sum(len(guide.tokens) for guide in self._guides)
        taken += sum(len(turn.prompt.question) + self._options.answer for turn in self._active)
        if taken + needed - sum(len(guide.tokens) for guide in idle) > self._options.context:
            return False
        full = beside is None and len(self._guides) > self._options.people
        while taken + needed > self._options.context or full:
            leaving = idle.pop(0)
            taken -= len(leaving.tokens)
            self._let_go(leaving)
            full = False
        return True

    def _let_go(self, guide: Prefix) -> None:
        self._model.drop(guide.sequence)
        self._free.append(guide.sequence)
        self._guides.remove(guide)

    def _open_prefixes(self) -> None:
        """Take from the store what is there; a guide goes on where the rules end."""
        rules = self._rules
        if rules is None:
            return
        self._open(rules)
        for guide in self._guides if rules.ready else ():
            if not guide.opened:
                self._open(guide)
                self._model.copy(rules.sequence, guide.sequence)

    def _open(self, prefix: Prefix) -> None:
        if prefix.opened:
            return
        prefix.opened = True
        data = self._states.find(prefix.key) if self._states else None
        if self._states is None or data is None:
            return
        if self._model.restore(prefix.sequence, data):
            prefix.read = len(prefix.tokens)
            self._per_token = len(data) / len(prefix.tokens)
        else:
            self._states.discard(prefix.key)

    # What is kept, and read beforehand

    def prepare(self, prompts: Sequence[Prompt]) -> None:
        """Have these guides read when nobody asks, the most important first, as far as the budget goes."""
        self._wanted = list(prompts)
        self._prepared = []

    @property
    def prepared(self) -> int:
        """How many of the guides to be prepared are in the store."""
        return sum(key in self._states for key in self._prepared) if self._states else 0

    def idle(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Do a little of what can be done while nobody asks; False when there is nothing left to do."""
        if self._states is None:
            return False
        self._open_prefixes()
        half_read = [prefix for prefix in [self._rules, *self._guides] if prefix and not prefix.ready]
        if not half_read:
            return self._begin_next()
        part = half_read[0].rows(_CHUNK)
        try:
            if self._model.decode(part, stop):
                self._advance(half_read[0], len(part))
            else:
                self._undo([(half_read[0], part)])
        except ModelError:
            self._wanted.clear()
            self.forget()
        return True

    def _begin_next(self) -> bool:
        """Take the next wanted guide into the context, unless it is kept already."""
        assert self._states is not None
        while self._wanted:
            tokens = self._model.prompt_tokens(self._wanted[0])
            self._next = self._key(tokens.rules + tokens.guide)
            if self._next in self._states:
                self._prepared.append(self._next)
            elif not self._states.make_room(round(self._per_token * len(tokens.guide)), keep=self._kept()):
                self._wanted.clear()
                break
            elif tokens.size <= self._options.context and (guide := self._prefix(tokens, beside=0)):
                guide.used = 0  # those that were asked for stay longer
                if guide.ready:
                    self._keep(guide)
                return True  # it stays wanted until it is kept
            self._wanted.pop(0)
        return False

    def _advance(self, prefix: Prefix, count: int) -> None:
        """So many more tokens have been read; what is complete goes into the store at once."""
        prefix.read += count
        if prefix.ready and self._states is not None:
            self._keep(prefix)

    def _keep(self, prefix: Prefix) -> None:
        assert self._states is not None
        self._model.copy(prefix.sequence, self._scratch, prefix.start)
        data = self._model.save(self._scratch)
        self._model.drop(self._scratch)
        self._per_token = len(data) / len(prefix.tokens)
        wanted = bool(self._wanted) and prefix.key == self._next
        if not self._states.save(prefix.key, data, keep=self._kept() if wanted else ()):
            self._wanted.clear()  # no room, on the disk or in the budget
            return
        # What is kept has been rounded, and the first answer from it is to have the words of the later ones.
        if not self._model.restore(prefix.sequence, data):
            raise ModelError(f"{self.name} does not take back the state of {len(data)} bytes it has given")
        if self._rules and prefix is not self._rules:
            self._model.copy(self._rules.sequence, prefix.sequence)

    def _kept(self) -> list[str]:
        """What must not be evicted for the next wanted guide: those before it, and the rules."""
        return [*self._prepared, *([self._rules.key] if self._rules else [])]
