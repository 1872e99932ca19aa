"""How long people wait: the local model's first word, whole answers with several people asking, a PC's speed.

Times are those of the clock on the wall, medians over the runs; measure on a machine that does nothing else.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from assistant.answering.checks import Evidence
from assistant.answering.prompts import Prompt
from assistant.config import ModelSettings
from assistant.datatypes import Composer
from assistant.errors import AssistantError, EvaluationError, ModelError
from assistant.models.llama import LlamaModel, LlamaOptions, Row
from assistant.models.turns import Turns
from assistant.models.worker import WorkerModel, memory_of
from assistant.pipeline import Assistant, checked

Progress = Callable[[str], None]

_SENTENCE = 24  # tokens taken for the first sentence where the model ends none: 14 syllables
_PATIENCE = 300.0  # seconds for an answer of speed()
_WRITTEN = 64  # tokens of which the speed of writing is taken
_SAMPLING = {"temp": 0.2, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "repeat_penalty": 1.1}
# The peer: the same tokens given to llama-cpp-python by a script that does nothing else.
_PEER = """
import json, resource, sys, time
import llama_cpp
task = json.load(sys.stdin)
llama = llama_cpp.Llama(
    task["path"], n_ctx=task["context"], n_threads=task["threads"], n_threads_batch=task["threads"],
    use_mmap=False, verbose=False,
)
llama.eval(task["tokens"][:16])
first, speed = [], []
for _ in range(task["runs"]):
    llama.reset()
    start = time.perf_counter()
    for count, _ in enumerate(llama.generate(task["tokens"], **task["sampling"])):
        if count == 0:
            begun = time.perf_counter()
        if count == task["written"]:
            break
    first.append(begun - start)
    speed.append(task["written"] / (time.perf_counter() - begun))
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"first": first, "speed": speed, "rss": rss}))
"""


@dataclass(frozen=True, slots=True)
class FirstToken:
    """Seconds until the first word with nothing read beforehand, and with the guide read; and its peers."""

    prompt_tokens: int
    question_tokens: int
    cold_s: float
    prepared_s: float
    first_sentence_s: float  # prepared
    ratio: float  # cold / prepared
    floor_s: float  # reading the question and nothing else
    follow_up_s: float  # another question on the guide that is in the context
    load_s: float
    weights_s: float  # taking the sha256 of the weights, once
    state_bytes: int  # of the guide
    tokens_per_s: float  # writing, with mask and checks
    peak_rss_mb: int
    threads: int
    cache: str
    runs: int
    peer_cold_s: float | None = None  # bare llama-cpp-python
    peer_tokens_per_s: float | None = None
    peer_peak_rss_mb: int | None = None


def first_token(
    assistant: Assistant,
    path: Path,
    options: LlamaOptions,
    *,
    prompt_tokens: int,
    runs: int,
    peer: bool = True,
    progress: Progress = lambda _: None,
) -> FirstToken:
    """Ask one question on one guide, cold and prepared. Raises ModelError or EvaluationError."""
    progress("loading the model")
    options = replace(options, answer=max(options.answer, _WRITTEN), seconds=3600)
    start = time.perf_counter()
    model = LlamaModel(path, options)
    loaded = time.perf_counter() - start
    prompt = _prompt(assistant, model, prompt_tokens)
    tokens = model.prompt_tokens(prompt)
    with tempfile.TemporaryDirectory(prefix="assistant-bench-") as name:
        start = time.perf_counter()
        bench = _Bench(model, Path(name), prompt)
        weights = time.perf_counter() - start
        rounds = []
        for run in range(runs):
            progress(f"run {run + 1} of {runs}")
            rounds.append(bench.round())
        sizes = [state.stat().st_size for state in Path(name).glob("*.state")]
    middle = {name: statistics.median(getattr(found, name) for found in rounds) for name in asdict(rounds[0])}
    result = FirstToken(
        prompt_tokens=tokens.size,
        question_tokens=len(tokens.question),
        cold_s=round(middle["cold"], 3),
        prepared_s=round(middle["prepared"], 3),
        first_sentence_s=round(middle["sentence"], 3),
        ratio=round(middle["cold"] / middle["prepared"], 1),
        floor_s=round(middle["floor"], 3),
        follow_up_s=round(middle["follow_up"], 3),
        load_s=round(loaded, 2),
        weights_s=round(weights, 2),
        state_bytes=max(sizes),
        tokens_per_s=round(middle["speed"], 2),
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        threads=model.threads,
        cache=options.cache,
        runs=runs,
    )
    model.close()
    if not peer:
        return result
    progress("the peer: bare llama-cpp-python")
    bare = _peer(path, options, model.threads, tokens.rules + tokens.guide + tokens.question, runs)
    return replace(
        result,
        peer_cold_s=round(statistics.median(bare["first"]), 3),
        peer_tokens_per_s=round(statistics.median(bare["speed"]), 2),
        peer_peak_rss_mb=bare["rss"],
    )


def _prompt(assistant: Assistant, model: LlamaModel, size: int) -> Prompt:
    """A real question on real guides, cut to a prompt of so many tokens at most."""
    today = assistant.clock()
    guides = assistant.searcher.index.guides
    first = next(iter(guides))
    question = guides[first].questions[0]
    lines = "\n\n".join(assistant.prompt(id_, today).guide for id_ in list(guides)[:8]).split(" ")
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        prompt = replace(assistant.prompt(first, today, question), guide=" ".join(lines[:middle]))
        if model.prompt_tokens(prompt).size <= size:
            low = middle
        else:
            high = middle - 1
    if not low:
        raise EvaluationError(f"--prompt-tokens {size} leaves no room for a guide beside rules and question")
    return replace(assistant.prompt(first, today, question), guide=" ".join(lines[:low]))


@dataclass(frozen=True, slots=True)
class _Round:
    """One round's seconds, and tokens a second."""

    cold: float
    prepared: float
    sentence: float
    floor: float
    follow_up: float
    speed: float


class _Bench:
    """One prompt, asked again and again of one model."""

    def __init__(self, model: LlamaModel, folder: Path, prompt: Prompt) -> None:
        self._model = model
        self._folder = folder
        self._prompt = prompt
        self._turns = Turns(model, folder, 1 << 40)

    def round(self) -> _Round:
        """Everything once."""
        floor = self._floor()
        for state in self._folder.glob("*.state"):
            state.unlink()
        self._turns.forget()
        cold, *_ = _answer(self._turns, self._prompt)
        self._turns.forget()
        prepared, sentence, speed = _answer(self._turns, self._prompt)
        follow_up, *_ = _answer(self._turns, self._prompt)
        return _Round(cold, prepared, sentence, floor, follow_up, speed)

    def _floor(self) -> float:
        """Reading the question alone and drawing a token."""
        self._turns.forget()
        question = self._model.prompt_tokens(self._prompt).question
        rows = [Row(token, at, 0, at + 1 == len(question)) for at, token in enumerate(question)]
        start = time.perf_counter()
        self._model.decode(rows)
        self._model.sampler().draw(self._model.scores(len(rows) - 1), self._turns.sayable)
        return time.perf_counter() - start


def _answer(turns: Turns, prompt: Prompt) -> tuple[float, float, float]:
    """Seconds until the first token and the first sentence, and tokens a second after the first."""
    start = time.perf_counter()
    turn = turns.ask(prompt)
    times: list[float] = []
    sentence: list[float] = []

    def pieces() -> Iterator[str]:
        while not turn.ended and len(times) <= _WRITTEN:
            for _, piece in turns.step():
                if turn.written > len(times):
                    times.append(time.perf_counter() - start)
                yield piece

    for _ in checked(pieces(), Evidence(prompt.guide, prompt.question)):
        sentence.append(time.perf_counter() - start)
    turns.leave(turn)
    if len(times) < 2:
        raise ModelError(turn.error or f"{turns.name} says nothing to the question of the bench")
    shown = [when for when in sentence if when > times[0]] + [times[min(_SENTENCE, len(times)) - 1]]
    return times[0], shown[0], (len(times) - 1) / (times[-1] - times[0])


def _peer(
    path: Path, options: LlamaOptions, threads: int, tokens: Sequence[int], runs: int
) -> dict[str, Any]:
    task = {
        "path": str(path),
        "context": options.context,
        "threads": threads,
        "tokens": tokens,
        "runs": runs,
        "written": _WRITTEN,
        "sampling": _SAMPLING,
    }
    done = subprocess.run([sys.executable, "-c", _PEER], input=json.dumps(task).encode(), capture_output=True)
    if done.returncode:
        raise ModelError(f"the peer failed: {done.stderr.decode('utf-8', 'replace')[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# What this PC does with a model, in about a minute


@dataclass(frozen=True, slots=True)
class Speed:
    """Measured on this PC, as busy as it was."""

    model: str
    load_s: float
    prompt_tokens: int
    read_per_s: float  # tokens of the prompt
    written_per_s: float  # tokens of the answer
    first_word_s: float  # of a guide that was never read
    prepared_s: float  # of a second question on a guide that was just read
    ram_gb: float  # of this process at most, with all the product that is loaded


def speed(path: Path, settings: ModelSettings, first: Prompt, second: Prompt) -> Speed:
    """Load the model and ask it twice about the same guide. Raises ModelError."""
    start = time.perf_counter()
    options = LlamaOptions(
        context=settings.context,
        answer=_WRITTEN,
        seconds=_PATIENCE,
        threads=settings.threads,
        cache=settings.cache,
    )
    model = LlamaModel(path, options)
    turns = Turns(model)
    loaded = time.perf_counter() - start
    size = model.prompt_tokens(first).size
    cold, _, written = _answer(turns, first)
    prepared, *_ = _answer(turns, second)
    return Speed(
        model=model.name,
        load_s=round(loaded, 2),
        prompt_tokens=size,
        read_per_s=round(size / cold, 1),
        written_per_s=round(written, 1),
        first_word_s=round(cold, 2),
        prepared_s=round(prepared, 2),
        ram_gb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
    )


# Whole answers


class Asked(msgspec.Struct):
    """A line of a file of questions; what else stands in it does not matter."""

    question: str
    previous: list[str] = []
    today: date | None = None


@dataclass(slots=True)
class Answers:
    """What people waited, in milliseconds."""

    questions: int
    concurrency: int
    p50_ms: float = 0
    p95_ms: float = 0
    card_p50_ms: float = 0  # until the guide's card
    card_p95_ms: float = 0
    words_p50_ms: float | None = None  # until the first words of the model that are shown
    words_p95_ms: float | None = None
    answers_per_s: float = 0
    with_model: int = 0  # answers to which the model has added words
    errors: int = 0
    uncited: int = 0  # answered by a card without a citation
    peak_rss_mb: int = 0  # with the process of the model
    start_rss_mb: int = 0  # after everybody's first answer
    end_rss_mb: int = 0
    minutes: float = 0
    failures: list[str] = field(default_factory=list)


def read_asked(path: Path) -> list[Asked]:
    """Read a file of questions; raises EvaluationError with file and line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found += [msgspec.json.decode(line, type=Asked)] if line.strip() else []
        except msgspec.DecodeError as error:
            raise EvaluationError(f"{path}:{number}: {error}") from error
    if not found:
        raise EvaluationError(f"{path} holds no questions")
    return found


def answers(
    assistant: Assistant, questions: Sequence[Asked], *, concurrency: int, minutes: float = 0
) -> Answers:
    """Let so many people ask, each the next question of the file when answered.

    Once through the file, or over and over for so many minutes.
    """
    crowd = _Crowd(assistant, questions, time.monotonic() + 60 * minutes)
    start = time.monotonic()
    people = [threading.Thread(target=crowd.ask) for _ in range(concurrency)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    seconds = time.monotonic() - start
    result = crowd.result
    result.concurrency = concurrency
    result.minutes = round(seconds / 60, 2)
    result.answers_per_s = round(result.questions / seconds, 2)
    result.p50_ms, result.p95_ms = _percentiles(crowd.whole)
    result.card_p50_ms, result.card_p95_ms = _percentiles(crowd.card)
    if crowd.words:
        result.words_p50_ms, result.words_p95_ms = _percentiles(crowd.words)
    result.end_rss_mb, result.peak_rss_mb = _memory(assistant)
    return result


class _Crowd:
    """People who take questions from one pile."""

    def __init__(self, assistant: Assistant, questions: Sequence[Asked], until: float) -> None:
        self._assistant = assistant
        self._questions = questions
        self._until = until
        self._lock = threading.Lock()
        self._taken = 0
        self.result = Answers(0, 0)
        self.whole: list[float] = []
        self.card: list[float] = []
        self.words: list[float] = []

    def ask(self) -> None:
        """Ask until there are no more questions, and no more time."""
        while asked := self._next():
            try:
                times, cited, words = self._answer(asked)
            except AssistantError as error:
                with self._lock:
                    self.result.errors += 1
                    self.result.failures.append(f"{asked.question}: {error}")
                continue
            with self._lock:
                self.result.questions += 1
                self.result.uncited += not cited
                self.result.with_model += words is not None
                self.card.append(times[0])
                self.whole.append(times[-1])
                self.words += [] if words is None else [words]
                if len(self.whole) == len(self._questions):
                    self.result.start_rss_mb, _ = _memory(self._assistant)

    def _next(self) -> Asked | None:
        with self._lock:
            if self._taken >= len(self._questions) and time.monotonic() > self._until:
                return None
            self._taken += 1
            return self._questions[(self._taken - 1) % len(self._questions)]

    def _answer(self, asked: Asked) -> tuple[list[float], bool, float | None]:
        """When what came, whether a card was cited, and when the first words of the model came."""
        start = time.monotonic()
        times: list[float] = []
        words = None
        cited = True
        for answer in self._assistant.stream(asked.question, previous=asked.previous, today=asked.today):
            times.append(1000 * (time.monotonic() - start))
            cited = bool(answer.citations) or answer.card is None
            if words is None and answer.composer is Composer.MODEL:
                words = times[-1]
        return times, cited, words


def _percentiles(found: Sequence[float]) -> tuple[float, float]:
    if len(found) < 2:
        return tuple(round(value, 1) for value in [*found, *found][:2] or [0.0, 0.0])  # type: ignore[return-value]
    cuts = statistics.quantiles(found, n=20, method="inclusive")
    return round(cuts[9], 1), round(cuts[18], 1)


def _memory(assistant: Assistant) -> tuple[int, int]:
    """Resident now and at most, in MB, of this process and the model's."""
    model = assistant.model
    of_model = [model.pid] if isinstance(model, WorkerModel) and model.pid is not None else []
    now, peak = memory_of(os.getpid(), *of_model)
    return now >> 20, peak >> 20


def as_row(result: FirstToken | Answers | Speed) -> dict[str, Any]:
    """For JSON: the keys of the contract (design.md §4) and more."""
    return asdict(result)


def as_text(result: FirstToken | Answers) -> str:
    """For people."""
    return "\n".join(f"{key}: {value}" for key, value in asdict(result).items())
