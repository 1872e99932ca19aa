"""Fits the weights of retrieval/search.py and answering/decide.py: `assistant evaluate weights FILE…`.

Lines whose id begins with HELD are left out.

Examples that some document is meant: the guides' own questions, each hidden from the index while it is asked,
and the lines of question sets that name documents. Examples that none is: the same questions with their
whole guide hidden, utterances about other things, and the lines that expect a decline. The likelihood of
the expected document, or of none, is maximised (multinomial logit with an L2 penalty).
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assistant.answering.decide import ANSWER_FROM, WEIGHTS, lean, likelihoods
from assistant.datatypes import Status
from assistant.errors import QuestionError
from assistant.evaluation.answers import ExpectedAnswer
from assistant.retrieval.classifier import (
    NOTHING,
    OUTSIDE,
    Topics,
    Utterance,
    act_classifier,
    act_examples,
    topic_of,
    uncovered,
)
from assistant.retrieval.features import COVER_NAMES, NAMES, Matrix
from assistant.retrieval.index import Index
from assistant.retrieval.search import NONE_NAMES, Searcher
from assistant.text.dialect import standard
from assistant.text.normalize import syllables

if TYPE_CHECKING:
    from assistant.pipeline import Assistant

_PENALTY = 1e-3
_PENALTY_COVERED = 1e-4  # by cross-validation
_SEED = 20261126
_LEANING = 2.0  # weight of a true follow-up: there are fewer of them than questions that stand alone
_PARTS = 5  # the guides' questions are held out in so many parts
_REAL = 4.0  # weight of a line of a question set: closer to what people ask than a guide's own questions
_HIDDEN_GUIDE = 0.05  # weight of an example whose guide is hidden: a neighbour may answer it as well
_DECLINES = {Status.NOT_COVERED, Status.OUT_OF_SCOPE}


@dataclass(frozen=True, slots=True)
class Example:
    """What one query could mean: the features of each outcome, and which outcomes are the expected ones."""

    matrix: Matrix  # outcomes × weights
    meant: tuple[bool, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Fit:
    """Fitted weights by name, and the share of examples whose likeliest outcome is an expected one."""

    weights: dict[str, float]
    right: float
    examples: int


def fit_search(
    assistant: Assistant, questions: Iterable[ExpectedAnswer], utterances: Iterable[Utterance]
) -> Fit:
    """The weights of retrieval/search.py, from the guides' own questions, question sets and utterances."""
    utterances = tuple(utterances)
    outside = _outside(assistant.searcher.index, utterances)
    examples = [
        *_own_questions(assistant.searcher, utterances, outside),
        *_question_sets(assistant, questions),
        *_utterances(assistant, utterances, outside),
    ]
    return _fit((*NAMES, *NONE_NAMES), examples)


def fit_covered(
    assistant: Assistant, questions: Iterable[ExpectedAnswer], utterances: Iterable[Utterance]
) -> Fit:
    """The weights by which the likeliest document is said to answer, or none (retrieval/search.py).

    The ways of asking for guides, and what people ask in vain, each of classifiers and an index of ways that
    have not learned it; the lines of question sets, and what is said about other things.
    """
    utterances = tuple(utterances)
    searcher, index = assistant.searcher, assistant.searcher.index
    outside = _outside(index, utterances)
    ways = sum("?" in chunk.id for chunk in index.corpus.chunks)
    said_in_vain = [utterance.says for utterance in utterances if utterance.guide == NOTHING]
    examples: list[Example | None] = []
    for held, in_vain, topics in _parts(index, utterances):
        for row in sorted(held):
            text, about = index.corpus.chunks[row].text, index.corpus.texts[row].split()
            said = standard(syllables(text), index.glossary)
            other = outside.get(text, 0.0)
            examples.append(_covered(searcher, about, said, other, True, hidden=[row], topics=topics))
        for at in in_vain:
            said = standard(syllables(said_in_vain[at]), index.glossary)
            about, other = topic_of(" ".join(said), index.glossary), outside.get(said_in_vain[at], 0.0)
            place = [ways + at]
            examples.append(
                _covered(searcher, about, said, other, False, _REAL, in_vain=place, topics=topics)
            )
    for utterance in utterances:
        if utterance.act == OUTSIDE:
            reading = assistant.understand(utterance.says)
            words = reading.topic or reading.words
            examples.append(_covered(searcher, words, reading.words, outside[utterance.says], False))
    for expected in questions:
        declined = set(expected.status) <= _DECLINES
        if expected.previous or not (declined or (Status.ANSWERED in expected.status and expected.documents)):
            continue
        try:
            reading = assistant.understand(expected.question)
        except QuestionError:
            continue
        words, other = reading.topic or reading.words, reading.acts.get(OUTSIDE, 0.0)
        examples.append(_covered(searcher, words, reading.words, other, not declined, _REAL))
    return _fit(COVER_NAMES, [example for example in examples if example is not None], _PENALTY_COVERED)


def _covered(
    searcher: Searcher,
    words: Sequence[str],
    asked: Sequence[str],
    outside: float,
    answers: bool,
    weight: float = 1.0,
    *,
    hidden: Sequence[int] = (),
    in_vain: Sequence[int] = (),
    topics: Topics | None = None,
) -> Example | None:
    """The likeliest document and none as outcomes; None where no document could be meant."""
    numbers, matrix = searcher.features.candidates(words, hidden=hidden, topics=topics)
    if not numbers:
        return None
    best = int(np.argmax(searcher.in_order(numbers, matrix, asked, topics)))
    row = searcher.features.covering(
        words, asked, numbers[best], matrix[best], outside, hidden=hidden, in_vain=in_vain, topics=topics
    )
    return Example(np.array([row, np.zeros(len(row))]), (answers, not answers), weight)


def fit_order(assistant: Assistant, utterances: Iterable[Utterance]) -> Fit:
    """The weight of whole questions in the order of documents (retrieval/search.py), the others standing.

    Keywords know no more ways of asking than the classifiers do: with all but one they are too good. A
    question that a guide answers by itself is left out: it stands as a heading above that answer, too.
    """
    searcher, index = assistant.searcher, assistant.searcher.index
    chunks = index.corpus.chunks
    examples = []
    for row, held, topics in _held_out(index, tuple(utterances)):
        summary = chunks[searcher.features.rows(index.corpus.owner[row])[0]].section_id
        if chunks[row].section_id != summary:
            continue
        words = index.corpus.texts[row].split()
        said = standard(syllables(chunks[row].text), index.glossary)
        numbers, matrix = searcher.features.candidates(words, hidden=held, topics=topics)
        meant = tuple(number == index.corpus.owner[row] for number in numbers)
        if any(meant):
            whole = searcher.features.learned_whole(numbers, said, topics)
            examples.append(Example(np.column_stack([searcher.speaking_for(matrix), whole]), meant))
    fit = _fit(("all else", "learned whole"), examples)
    return replace(fit, weights={"learned whole": fit.weights["learned whole"] / fit.weights["all else"]})


def fit_follow_up(assistant: Assistant, questions: Sequence[ExpectedAnswer]) -> Fit:
    """The weights of answering/decide.py, from follow-ups and from questions asked after any other."""
    told = [expected for expected in questions if expected.documents or set(expected.status) <= _DECLINES]
    before = [expected.question for expected in told if expected.documents and not expected.previous]
    chance = random.Random(_SEED)
    examples = []
    for expected in told:
        weight = _LEANING if expected.previous else 1.0
        previous = expected.previous or (chance.choice(before),)
        example = _after(assistant, replace(expected, previous=previous), weight)
        if example is not None:
            examples.append(example)
    return _fit(tuple(WEIGHTS), examples)


def fit_certainty(assistant: Assistant, questions: Iterable[ExpectedAnswer]) -> Fit:
    """Slope and shift by which answering/decide.py calibrates the best guide's likelihood (Platt 1999)."""
    examples = []
    for expected in questions:
        if expected.previous or not (expected.documents or set(expected.status) <= _DECLINES):
            continue
        try:
            reading = assistant.understand(expected.question)
        except QuestionError:
            continue
        words = reading.topic or reading.words
        hits = assistant.searcher.search(words, asked=reading.words, acts=reading.acts)
        if hits and hits[0].score >= ANSWER_FROM:
            likely = min(max(likelihoods(hits)[0], 1e-9), 1 - 1e-9)
            right = hits[0].section.document_id in expected.documents
            odds = math.log(likely / (1 - likely))
            examples.append(Example(np.array([[odds, 1.0], [0.0, 0.0]]), (right, not right)))
    return _fit(("slope", "shift"), examples)


def _after(assistant: Assistant, expected: ExpectedAnswer, weight: float) -> Example | None:
    """One question after others; None where the one before was answered by no guide."""
    *earlier, before = expected.previous
    decision, reading = assistant.retrieve(assistant.understand(before), earlier)
    if not decision.hits:
        return None
    in_view = decision.hits[0].section.document_id
    asked = assistant.put_right(assistant.understand(expected.question))
    alone, asked = assistant.retrieve(asked, ())
    leaning = lean(asked, reading, in_view, alone, assistant.searcher)
    wanted = expected.documents or (NOTHING,)
    meant = tuple(document in wanted for document in leaning.documents)
    return Example(leaning.matrix, meant, weight) if any(meant) else None


def _outside(index: Index, utterances: Sequence[Utterance]) -> dict[str, float]:
    """For each text that acts are learned from, how likely it is another matter, said by one that did not."""
    said = act_examples(utterances, index.guides)
    found: dict[str, float] = {}
    for part in range(_PARTS):
        rest = [example for number, example in enumerate(said) if number % _PARTS != part]
        acts = act_classifier(rest, index.glossary)
        for text, _ in said[part::_PARTS]:
            found[text] = acts.likely(standard(syllables(text), index.glossary)).get(OUTSIDE, 0.0)
    return found


def _own_questions(
    searcher: Searcher, utterances: Sequence[Utterance], outside: Mapping[str, float]
) -> Iterator[Example]:
    """Each of the guides' own questions, asked of classifiers that have not learned it."""
    corpus = searcher.index.corpus
    for row, _, topics in _held_out(searcher.index, utterances):
        words, number = corpus.texts[row].split(), corpus.owner[row]
        other = outside.get(corpus.chunks[row].text, 0.0)
        yield _example(searcher, words, {number}, other, hidden=[row], topics=topics)
        rows = searcher.features.rows(number)
        yield _example(searcher, words, set(), other, hidden=rows, weight=_HIDDEN_GUIDE, topics=topics)


def _held_out(index: Index, utterances: Sequence[Utterance]) -> Iterator[tuple[int, Collection[int], Topics]]:
    """Each way of asking, by its chunk; those of its part, and classifiers that have learned none of them."""
    for held, _, topics in _parts(index, utterances):
        yield from ((row, held, topics) for row in sorted(held))


def _parts(
    index: Index, utterances: Sequence[Utterance]
) -> Iterator[tuple[Collection[int], Collection[int], Topics]]:
    """Ways of asking, by their chunks, what is asked in vain, and classifiers that have learned neither."""
    names = [" ".join(standard(syllables(p.name), index.glossary)) for p in index.procedures]
    nothing = uncovered(names, utterances, index.corpus, index.glossary)
    count = sum(utterance.guide == NOTHING for utterance in utterances)
    asked = [row for row, chunk in enumerate(index.corpus.chunks) if "?" in chunk.id]
    for part in range(_PARTS):
        held, in_vain = frozenset(asked[part::_PARTS]), range(part, count, _PARTS)
        left = [text for at, text in enumerate(nothing) if at not in in_vain]
        yield held, in_vain, Topics.fit(index.corpus, index.glossary, left, held)


def _question_sets(assistant: Assistant, questions: Iterable[ExpectedAnswer]) -> Iterator[Example]:
    searcher = assistant.searcher
    for expected in questions:
        declined = set(expected.status) <= _DECLINES
        answered = Status.ANSWERED in expected.status and bool(expected.documents)
        if expected.previous or not (declined or answered):
            continue
        try:
            reading = assistant.understand(expected.question)
        except QuestionError:
            continue
        known = [id_ for id_ in expected.documents if id_ in searcher.index.guides]
        meant = {searcher.features.number(id_) for id_ in known}
        words = reading.topic or reading.words
        yield _example(searcher, words, meant, reading.acts.get(OUTSIDE, 0.0), weight=_REAL)


def _utterances(
    assistant: Assistant, utterances: Iterable[Utterance], outside: Mapping[str, float]
) -> Iterator[Example]:
    """What is said about other things: no document is meant."""
    for utterance in utterances:
        if utterance.act == OUTSIDE:
            reading = assistant.understand(utterance.says)
            words = reading.topic or reading.words
            yield _example(assistant.searcher, words, set(), outside[utterance.says])


def _example(
    searcher: Searcher,
    words: Sequence[str],
    meant: set[int],
    outside: float,
    *,
    hidden: Sequence[int] = (),
    weight: float = 1.0,
    topics: Topics | None = None,
) -> Example:
    """The candidates as outcomes, and last that none is meant."""
    numbers, matrix = searcher.features.candidates(words, hidden=hidden, topics=topics)
    outcomes = np.zeros((len(numbers) + 1, len(NAMES) + len(NONE_NAMES)))
    outcomes[:-1, : len(NAMES)] = matrix
    outcomes[-1, len(NAMES) :] = searcher.none_features(words, {OUTSIDE: outside}, topics)
    marks = tuple(number in meant for number in numbers)
    return Example(outcomes, (*marks, not any(marks)), weight)


def _fit(names: Sequence[str], examples: Sequence[Example], penalty: float = _PENALTY) -> Fit:
    weights = maximise(examples, penalty)
    right = float(np.mean([example.meant[int(np.argmax(example.matrix @ weights))] for example in examples]))
    return Fit(dict(zip(names, map(float, weights), strict=True)), right, len(examples))


def maximise(examples: Sequence[Example], penalty: float = _PENALTY) -> Matrix:
    """The weights under which what is meant is likeliest."""
    from scipy.optimize import minimize

    size = examples[0].matrix.shape[1]
    total = sum(example.weight for example in examples)

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        value, slope = 0.0, np.zeros(size)
        for example in examples:
            scores = example.matrix @ weights
            shares = np.exp(scores - scores.max())
            shares /= shares.sum()
            meant = np.where(example.meant, shares, 0.0)
            likely = max(float(meant.sum()), 1e-12)
            value -= example.weight * float(np.log(likely))
            slope -= example.weight * ((meant / likely - shares) @ example.matrix)
        large = penalty * float(weights @ weights)
        return value / total + large, slope / total + 2 * penalty * weights

    found: Matrix = minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B").x
    return found
