"""BM25 over Vietnamese syllables: accent-exact, folded, and folded bigrams (reference table of the
studies: the best lexical recipe on all three of their sets). The only module that imports bm25s.

An unaccented query uses the folded terms only; an accented one prefers exact matches, because folding
merges real words.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from assistant.text.normalize import bare, syllables

if TYPE_CHECKING:
    import bm25s

Scores = npt.NDArray[np.float32]
_EXACT = "="  # marks an accent-exact term, so that "can" typed bare is not the exact "can"


def folded_terms(words: Sequence[str]) -> list[str]:
    """Folded syllables and their bigrams."""
    single = [bare(word) for word in words]
    return single + [f"{left}_{right}" for left, right in pairwise(single)]


def document_terms(text: str) -> list[str]:
    """All three kinds of terms of an indexed text."""
    words = syllables(text)
    return [_EXACT + word for word in words] + folded_terms(words)


def query_terms(words: Sequence[str]) -> list[str]:
    """The terms of a query, given as syllables; exact ones only where an accent was typed."""
    exact = [_EXACT + word for word in words if not word.isascii()]
    return exact + folded_terms(words)


class KeywordIndex:
    """A BM25 index of texts, in order. Scores come back as one number for each text."""

    def __init__(self, scorer: bm25s.BM25, size: int) -> None:
        self._scorer = scorer
        self.size = size

    @classmethod
    def build(cls, texts: Iterable[str]) -> KeywordIndex:
        """Index the texts (k1 = 0.9, b = 0.5: chunks are short and of similar length)."""
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)
        terms = [document_terms(text) for text in texts]
        scorer = bm25s.BM25(k1=0.9, b=0.5)
        scorer.index(terms, show_progress=False)
        return cls(scorer, len(terms))

    def scores(self, words: Sequence[str]) -> Scores:
        """BM25 of every text for the query syllables; all zero when no term is known."""
        known = [term for term in query_terms(words) if term in self._scorer.vocab_dict]
        if not known:
            return np.zeros(self.size, dtype=np.float32)
        scores: Scores = self._scorer.get_scores(known)
        return scores

    def frequency(self, term: str) -> int:
        """The number of texts that hold a term."""
        at = self._scorer.vocab_dict.get(term)
        starts = self._scorer.scores["indptr"]
        return 0 if at is None else int(starts[at + 1] - starts[at])

    def save(self, folder: Path) -> None:
        """Write arrays and vocabulary (no pickle)."""
        self._scorer.save(str(folder), show_progress=False)

    @classmethod
    def load(cls, folder: Path) -> KeywordIndex:
        """Inverse of save()."""
        import bm25s

        # Not mapped: a mapped file that is truncated kills the process.
        scorer = bm25s.BM25.load(str(folder), mmap=False, show_progress=False)
        return cls(scorer, int(scorer.scores["num_docs"]))
