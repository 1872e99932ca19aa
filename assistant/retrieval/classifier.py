"""What is meant, learned from what people say: which kind of thing it is, and which guide answers it.

Lists of phrases and BM25 know words that were foreseen; a linear classifier weighs all words of a question
together. One logistic regression for each label (one against the rest, scikit-learn), over hashed folded
words and pairs of neighbours, fitted at build in seconds on the guides' own questions and on
knowledge/utterances.jsonl. The only module that imports sklearn.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt

from assistant.datatypes import Corpus, Guide
from assistant.errors import KnowledgeError, Problem
from assistant.text.dialect import Glossary, standard, topic_words
from assistant.text.normalize import bare, syllables
from assistant.toml import read_lines

# Dialogue acts that code asks for; the others are named by prompts/safety.toml and prompts/replies.toml.
TASK = "task"  # asks how something is done, whether a guide covers it or not
ERRAND = "errand"  # asks the machine to do it
OUTSIDE = "outside"  # the weather, the price of gold
CONTACT = "contact"  # which number to call

_COVERED = 0.75  # share of a procedure's name, by rarity, that people ask one guide by: it covers it
NOTHING = ""  # label of the classifier of topics for a procedure that no guide covers

_BUCKETS = 1 << 15  # weights a label; terms share them by hash (Weinberger et al. 2009)
_SOFTNESS = 5.0  # inverse strength of the L2 penalty, by cross-validation
_TOLERANCE = 0.1  # a finer one takes twice as long and answers no question better
_LONG_NUMBER = re.compile(r"\d{4,}")
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something a person says: the act, and the guide that answers it.

    The act is None where it could be more than one; the guide is "" where it is known that none answers.
    """

    says: str
    act: str | None = None
    guide: str | None = None


def load_utterances(path: Path) -> tuple[Utterance, ...]:
    """Read utterances.jsonl; none where the file is missing. Raises KnowledgeError with file and line."""
    found = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            found.append(msgspec.json.decode(line, type=Utterance))
        except (msgspec.DecodeError, RecursionError) as error:
            raise KnowledgeError([Problem(path, number, str(error))]) from error
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Classifier:
    """A fitted classifier: `weights` is labels × (buckets + 1), the last column the bias."""

    labels: tuple[str, ...]
    weights: Weights

    @classmethod
    def fit(cls, texts: Sequence[Sequence[str]], labels: Sequence[str]) -> Classifier:
        """Fit on texts given as syllables; of fewer than two labels, a classifier that knows nothing."""
        if len(set(labels)) < 2:
            return cls((), np.zeros((0, _BUCKETS + 1), np.float32))
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier

        rows = [_terms(text) for text in texts]
        starts = np.cumsum([0, *(len(row) for row in rows)])
        values = np.concatenate([np.full(len(row), _norm(row)) for row in rows])
        columns = np.array([column for row in rows for column in row])
        matrix = csr_matrix((values, columns, starts), shape=(len(rows), _BUCKETS))
        one = LogisticRegression(
            C=_SOFTNESS,
            solver="liblinear",
            dual=True,
            tol=_TOLERANCE,
            class_weight="balanced",
            random_state=0,
        )
        fitted = OneVsRestClassifier(one).fit(matrix, list(labels))
        weights = [np.append(each.coef_[0], each.intercept_[0]) for each in fitted.estimators_]
        if len(weights) == 1:  # two labels share one estimator, for the second
            weights = [-weights[0], weights[0]]
        # Stored at half precision; rounded here, so that a loaded classifier answers as the fitted one.
        rounded = np.array(weights).astype(np.float16).astype(np.float32)
        return cls(tuple(str(label) for label in fitted.classes_), rounded)

    def likely(self, words: Sequence[str]) -> Mapping[str, float]:
        """The likelihood (0–1) of each label, in all 1; empty for a classifier that knows nothing."""
        if not self.labels:
            return {}
        shares = 1 / (1 + np.exp(-self._scores(words)))
        return dict(zip(self.labels, (float(share) for share in shares / shares.sum()), strict=True))

    def scores(self, words: Sequence[str]) -> Mapping[str, float]:
        """What speaks for each label, whatever speaks for the others (a logit)."""
        return dict(zip(self.labels, map(float, self._scores(words)), strict=True)) if self.labels else {}

    def _scores(self, words: Sequence[str]) -> Weights:
        row = _terms(words)
        scores: Weights = self.weights[:, row].sum(axis=1) * _norm(row) + self.weights[:, -1]
        return scores

    def save(self, path: Path) -> None:
        """Write labels and weights as .npz (no pickle)."""
        with path.open("wb") as file:
            np.savez(file, labels=np.array(self.labels, np.str_), weights=self.weights.astype(np.float16))

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Inverse of save()."""
        with np.load(path, allow_pickle=False) as arrays:
            labels = tuple(str(label) for label in arrays["labels"])
            return cls(labels, arrays["weights"].astype(np.float32))


def _terms(words: Sequence[str]) -> list[int]:
    """Buckets of words as typed where they have accents, of folded words and of pairs, each once.

    A long number is a number, whatever its digits.
    """
    exact = (f"={word}" for word in words if not word.isascii())
    folded = [_LONG_NUMBER.sub("0", bare(word)) for word in words]
    pairs = (f"{left} {right}" for left, right in pairwise(["^", *folded, "$"]))
    return sorted({crc32(term.encode()) % _BUCKETS for term in (*exact, *folded, *pairs)})


def _norm(row: Sequence[int]) -> float:
    return float(1 / np.sqrt(max(1, len(row))))


def act_examples(utterances: Sequence[Utterance], guides: Mapping[str, Guide]) -> list[tuple[str, str]]:
    """What is said, and which kind of thing it is.

    A guide's own questions ask about a task, unless it is a guide for safety.
    """
    said = [(utterance.says, utterance.act) for utterance in utterances if utterance.act is not None]
    asked = [(text, TASK) for guide in guides.values() if guide.kind != "safety" for text in guide.questions]
    return [*said, *asked] if said else []


def act_classifier(examples: Sequence[tuple[str, str]], glossary: Glossary) -> Classifier:
    """Which kind of thing is said."""
    texts = [standard(syllables(text), glossary) for text, _ in examples]
    return Classifier.fit(texts, [act for _, act in examples])


def uncovered(
    names: Iterable[str], utterances: Iterable[Utterance], corpus: Corpus, glossary: Glossary
) -> list[str]:
    """What no guide answers, in the glossary's words.

    Of the procedures' names those by which people ask for no guide, and what people ask in vain.
    """
    asked: list[set[str]] = [set() for _ in corpus.documents]
    for chunk, text, owner in zip(corpus.chunks, corpus.texts, corpus.owner, strict=True):
        if "?" in chunk.id:
            asked[owner].update(map(bare, text.split()))
    known_by = Counter(word for words in asked for word in words)
    left = [" ".join(standard(syllables(u.says), glossary)) for u in utterances if u.guide == NOTHING]
    for name in names:
        words = {bare(word) for word in name.split()}
        rarity = {word: math.log(1 + len(asked) / (0.5 + known_by[word])) for word in words}
        most = max(math.fsum(rarity[word] for word in words & known) for known in asked)
        if most < _COVERED * math.fsum(rarity.values()):
            left.append(name)
    return left


def topic_of(asked: str, glossary: Glossary) -> list[str]:
    """What is asked about, in the glossary's words, as keywords and the classifier of topics know it."""
    words = asked.split()
    return topic_words(words, glossary) or words


@dataclass(frozen=True, slots=True)
class Topics:
    """Which document answers, or NOTHING: learned once by what questions are about, once by whole questions.

    What is said around the topic ("bị mất", "ở đâu") misleads keywords; learned, it tells near guides apart.
    """

    by_topic: Classifier
    by_question: Classifier

    @classmethod
    def fit(
        cls, corpus: Corpus, glossary: Glossary, uncovered: Sequence[str], hidden: Collection[int] = ()
    ) -> Topics:
        """Learn from each document's ways of being asked, and as NOTHING from names of uncovered procedures.

        `hidden` are chunks they may not learn from.
        """
        rows = [row for row, chunk in enumerate(corpus.chunks) if "?" in chunk.id and row not in hidden]
        labels = [corpus.documents[corpus.owner[row]].id for row in rows] + [NOTHING] * len(uncovered)
        about = [corpus.texts[row].split() for row in rows]
        about += [topic_of(name, glossary) for name in uncovered]
        asked = [standard(syllables(corpus.chunks[row].text), glossary) for row in rows]
        asked += [name.split() for name in uncovered]
        return cls(Classifier.fit(about, labels), Classifier.fit(asked, labels))
