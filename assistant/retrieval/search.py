"""Query → Hits: one for each document, best first, with a score that can be compared between queries.

BM25 ranks; the score says how much of what was asked a document is about. A model's vectors take part by
reciprocal rank fusion, with the weight they earned at build (`earned_weight`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assistant.datatypes import Hit, Section
from assistant.retrieval.embedder import Embedder, Vectors
from assistant.retrieval.index import Index
from assistant.retrieval.keywords import Scores, folded_terms

_CANDIDATES = 8  # documents compared with the query term by term
_RRF = 60  # Cormack, Clarke, Buettcher 2009
_WEIGHTS = (0.25, 0.5, 1.0)  # tried for dense ranks; lexical has 1
_HELD_OUT = 400  # questions asked at most when the weight is measured


@dataclass(frozen=True)
class Searcher:
    """A loaded index with what searching it needs at hand."""

    index: Index
    embedder: Embedder | None = None

    def search(self, words: Sequence[str], *, limit: int = 5, hidden: int | None = None) -> tuple[Hit, ...]:
        """The best documents for the query's syllables, each with its best section.

        `hidden` is a chunk that takes no part: how held-out questions are asked.
        """
        if not words:
            return ()
        scores = self._keyword_scores(words, hidden)
        order = self._documents(scores)
        dense = self.index.manifest.dense_weight
        if self.embedder is not None and dense > 0:
            order = fuse(order, self._documents(self._similarity(words, hidden)), dense)
        terms = set(folded_terms(words))
        candidates = [(number, self._relevance(terms, number, hidden)) for number in order[:_CANDIDATES]]
        return tuple(
            Hit(self._section(chunk), score, self.index.corpus.chunks[chunk])
            for number, score in candidates[:limit]
            for chunk in [self._best_chunk(scores, number)]
        )

    def _keyword_scores(self, words: Sequence[str], hidden: int | None) -> Scores:
        scores = self.index.keywords.scores(words)
        if hidden is not None:
            scores = scores.copy()
            scores[hidden] = 0.0
        return scores

    def _similarity(self, words: Sequence[str], hidden: int | None) -> Vectors:
        assert self.embedder is not None and self.index.vectors is not None
        similarity = self.index.vectors.scores(self.embedder.embed_queries([" ".join(words)]))
        if hidden is not None:
            similarity[hidden] = -1.0
        return similarity

    def _documents(self, scores: Scores) -> list[int]:
        """Documents by their best question plus their best passage, best first; none that has neither."""
        count = len(self.index.corpus.documents)
        asked, said = np.zeros(count, np.float32), np.zeros(count, np.float32)
        np.maximum.at(asked, self._owner[self._is_question], scores[self._is_question])
        np.maximum.at(said, self._owner[~self._is_question], scores[~self._is_question])
        total = asked + said
        order = np.argsort(-total, kind="stable")
        return [int(number) for number in order if total[number] > 0]

    def _relevance(self, terms: set[str], number: int, hidden: int | None) -> float:
        """0–1: how much of what the query says, weighed by rarity, the document is about.

        A mean of four shares: of single syllables and of pairs, found in how people ask for the document
        (title, questions) and in all of its text, and the likeness of its closest question.
        """
        rows = range(bisect_left(self.index.corpus.owner, number), bisect_left(self.index.corpus.owner, number + 1))
        texts = [(row, self._terms(row)) for row in rows if row != hidden]
        asked = set().union(*(found for row, found in texts if self._is_question[row]))
        said = set().union(*(found for _, found in texts))
        pairs = {term for term in terms if "_" in term}
        closest = max((self._likeness(terms, found) for row, found in texts if self._is_question[row]), default=0.0)
        single = terms - pairs
        return (
            0.35 * self._share(single, asked)
            + 0.20 * self._share(single, said)
            + 0.20 * (self._share(pairs, said) if pairs else self._share(single, asked))
            + 0.25 * closest
        )

    def _terms(self, row: int) -> set[str]:
        found = self._cache.get(row)
        if found is None:
            found = self._cache[row] = set(folded_terms(self.index.corpus.texts[row].split()))
        return found

    def _share(self, wanted: set[str], found: set[str]) -> float:
        total = sum(self._rarity(term) for term in wanted)
        return sum(self._rarity(term) for term in wanted & found) / total if total else 0.0

    def _likeness(self, left: set[str], right: set[str]) -> float:
        """Dice coefficient of two sets of terms, weighed by rarity."""
        both = sum(self._rarity(term) for term in left & right)
        total = sum(self._rarity(term) for term in left) + sum(self._rarity(term) for term in right)
        return 2 * both / total if total else 0.0

    def _rarity(self, term: str) -> float:
        """Inverse document frequency; a term no document has weighs most."""
        count = len(self.index.corpus.documents)
        weight = math.log(1 + count / (0.5 + self.index.corpus.frequency.get(term, 0)))
        return weight / 2 if "_" in term else weight

    def _best_chunk(self, scores: Scores, number: int) -> int:
        owner = self.index.corpus.owner
        rows = range(bisect_left(owner, number), bisect_left(owner, number + 1))
        return max(rows, key=lambda row: float(scores[row]))

    def _section(self, chunk: int) -> Section:
        return self._sections[self.index.corpus.chunks[chunk].section_id]

    @cached_property
    def _sections(self) -> dict[str, Section]:
        return {section.id: section for section in self.index.corpus.sections}

    @cached_property
    def _owner(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array(self.index.corpus.owner, dtype=np.int64)

    @cached_property
    def _is_question(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.array(["?" in chunk.id for chunk in self.index.corpus.chunks])

    @cached_property
    def _cache(self) -> dict[int, set[str]]:
        return {}


def fuse(lexical: Sequence[int], dense: Sequence[int], weight: float) -> list[int]:
    """Reciprocal rank fusion of two rankings; the second counts `weight` times."""
    scores: dict[int, float] = {}
    for share, ranking in ((1.0, lexical), (weight, dense)):
        for rank, number in enumerate(ranking):
            scores[number] = scores.get(number, 0.0) + share / (_RRF + rank + 1)
    return sorted(scores, key=lambda number: -scores[number])


@dataclass(frozen=True, slots=True)
class DenseTrial:
    """What vectors did for the guides' own questions, each held out in turn (MRR, 0–1)."""

    questions: int
    lexical_mrr: float
    fused_mrr: float
    weight: float


def earned_weight(searcher: Searcher) -> DenseTrial:
    """Ask the guides' own questions, each left out of the index, with and without vectors.

    Dense search gets the weight whose fused ranking beats the lexical one, or 0 (design.md §6).
    """
    index = searcher.index
    asked = [row for row, chunk in enumerate(index.corpus.chunks) if "?" in chunk.id]
    asked = asked[:: max(1, len(asked) // _HELD_OUT)]
    lexical_ranks, fused_ranks = [], {weight: [] for weight in _WEIGHTS}
    for row in asked:
        words = index.corpus.texts[row].split()
        owner = index.corpus.owner[row]
        lexical = searcher._documents(searcher._keyword_scores(words, row))
        dense = searcher._documents(searcher._similarity(words, row))
        lexical_ranks.append(_reciprocal(lexical, owner))
        for weight, ranks in fused_ranks.items():
            ranks.append(_reciprocal(fuse(lexical, dense, weight), owner))
    lexical_mrr = float(np.mean(lexical_ranks))
    best = max(_WEIGHTS, key=lambda weight: float(np.mean(fused_ranks[weight])))
    fused_mrr = float(np.mean(fused_ranks[best]))
    return DenseTrial(len(asked), lexical_mrr, fused_mrr, best if fused_mrr > lexical_mrr else 0.0)


def _reciprocal(ranking: Sequence[int], wanted: int) -> float:
    return 1 / (1 + ranking.index(wanted)) if wanted in ranking else 0.0
