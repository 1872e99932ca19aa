"""What kind of thing is said: a question on a task, a scam told, a secret offered, a greeting, the weather.

A dialogue act is recognised by a linear classifier (multinomial logistic regression) over folded words,
pairs of words and letters, fitted at build on knowledge/utterances.jsonl, so that it also knows what no list
of phrases foresaw. The only module that imports sklearn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt

from assistant.errors import KnowledgeError, Problem
from assistant.text.dialect import Glossary, standard
from assistant.text.normalize import bare, syllables

TASK = "task"  # asks how something is done, whether a guide covers it or not
ERRAND = "errand"  # asks the machine to do it
OUTSIDE = "outside"  # the weather, the price of gold
CONTACT = "contact"  # which number to call

_BUCKETS = 1 << 15  # weights a class; n-grams share them by hash (Weinberger et al. 2009)
_LETTERS = (3, 4)  # lengths of the runs of letters
_SOFTNESS = 20.0  # inverse strength of the L2 penalty, by five-fold cross-validation
_LONG_NUMBER = re.compile(r"\d{4,}")
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something a person says, and the act it is."""

    says: str
    act: str


def load_utterances(path: Path) -> tuple[Utterance, ...]:
    """Read utterances.jsonl; none where the file is missing. Raises KnowledgeError with file and line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError([Problem(path, 0, f"cannot be read: {error}")]) from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(msgspec.json.decode(line, type=Utterance))
        except msgspec.DecodeError as error:
            raise KnowledgeError([Problem(path, number, str(error))]) from error
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ActModel:
    """The fitted classifier: `weights` is acts × (buckets + 1), the last column the bias."""

    acts: tuple[str, ...]
    weights: Weights

    @classmethod
    def build(cls, utterances: Sequence[Utterance], glossary: Glossary) -> ActModel:
        """Fit on labelled utterances; of none, a model that knows no act."""
        if not utterances:
            return cls((), np.zeros((0, _BUCKETS + 1), np.float32))
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import LogisticRegression

        rows = [_features(standard(syllables(u.says), glossary)) for u in utterances]
        starts = np.cumsum([0, *(len(row) for row in rows)])
        values = np.concatenate([np.full(len(row), _norm(row)) for row in rows])
        columns = np.array([column for row in rows for column in row])
        matrix = csr_matrix((values, columns, starts), shape=(len(rows), _BUCKETS))
        fitted = LogisticRegression(C=_SOFTNESS, max_iter=300).fit(matrix, [u.act for u in utterances])
        weights = np.hstack([fitted.coef_, fitted.intercept_[:, None]]).astype(np.float32)
        return cls(tuple(fitted.classes_), weights)

    def likely(self, words: Sequence[str]) -> Mapping[str, float]:
        """The likelihood (0–1) of each act for a question's syllables; empty for a model that knows none."""
        if not self.acts:
            return {}
        row = _features(words)
        scores = self.weights[:, row].sum(axis=1) * _norm(row) + self.weights[:, -1]
        shares = np.exp(scores - scores.max())
        return dict(zip(self.acts, (float(share) for share in shares / shares.sum()), strict=True))

    def save(self, path: Path) -> None:
        """Write the weights as .npz (no pickle)."""
        with path.open("wb") as file:
            np.savez(file, acts=np.array(self.acts, dtype=np.str_), weights=self.weights.astype(np.float16))

    @classmethod
    def load(cls, path: Path) -> ActModel:
        """Inverse of save(), with the weights rounded to half precision."""
        with np.load(path, allow_pickle=False) as arrays:
            acts = tuple(str(act) for act in arrays["acts"])
            return cls(acts, arrays["weights"].astype(np.float32))


def _features(words: Sequence[str]) -> list[int]:
    """Buckets of the n-grams, each once; a long number is a number, whatever its digits."""
    folded = [_LONG_NUMBER.sub("0", bare(word)) for word in words]
    return sorted({crc32(gram.encode()) % _BUCKETS for gram in _grams(folded)})


def _grams(folded: Sequence[str]) -> Iterator[str]:
    yield from (f"1{word}" for word in folded)
    yield from (f"2{left} {right}" for left, right in pairwise(["^", *folded, "$"]))
    text = f" {' '.join(folded)} "
    for size in _LETTERS:
        yield from (f"c{text[at : at + size]}" for at in range(len(text) - size + 1))


def _norm(row: Sequence[int]) -> float:
    return float(1 / np.sqrt(max(1, len(row))))
