"""Query → Hits: one for each document, best first, with a score that can be compared between queries.

BM25 ranks. The best document's score is the likelihood that it is what was asked for; the others' is that
times their share of its BM25. A model's vectors take part by
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
from assistant.text.dialect import Phrase, mentions, standard
from assistant.text.normalize import sentences, syllables, without_marks

# Logistic regression over the guides' own questions (each held out, or its guide held out), the tuning
# set, 400 questions of general knowledge and 400 titles of procedures no guide covers.
_RELEVANCE = (1.41, 1.29, 1.36, 2.12, 3.24, -0.57)
_BIAS = -4.40
_ENOUGH_PAIRS = 8.0  # rarity of shared pairs from which more tells nothing
_ENOUGH_BM25 = 60.0
_NO_ACCENTS = 1.5  # by how much BM25 is lower without the accent-exact terms
_ENOUGH_EACH = 9.0  # BM25 for each word, that a short query gathers when it fits
_LONG = 9  # words of a query from which more tells nothing
_OTHER_NAME = 0.6  # of the score of a document whose title names the other of two things
_TITLE = 1.0  # weight of a document's title beside its best question and its best passage
_OTHER_TOPIC = 0.30  # likelihood left when a query names only procedures that no document is known by
_SAYS_IT = 0.35  # share of what is asked, by rarity, from which a sentence answers it
_RRF = 60  # Cormack, Clarke, Buettcher 2009
_WEIGHTS = (0.25, 0.5, 1.0)  # tried for dense ranks; lexical has 1
_SURE_GAIN = 2.0  # standard errors of the gain: of three weights one wins by chance
_HELD_OUT = 400  # questions asked at most when the weight is measured


@dataclass(frozen=True)
class Searcher:
    """A loaded index with what searching it needs at hand."""

    index: Index
    embedder: Embedder | None = None

    def search(
        self,
        words: Sequence[str],
        *,
        asked: Sequence[str] | None = None,
        limit: int = 5,
        hidden: int | None = None,
    ) -> tuple[Hit, ...]:
        """The best documents for the query's syllables, each with its best section.

        `asked` is the whole question, where `words` are what it is about: the section is chosen by it.
        `hidden` is a chunk that takes no part: how held-out questions are asked.
        """
        if not words:
            return ()
        scores = self._keyword_scores(words, hidden)
        totals = self._with_titles(words, self._totals(scores))
        order = ranking(totals)
        dense = self.index.manifest.dense_weight
        if self.embedder is not None and dense > 0:
            order = fuse(order, ranking(self._totals(self._similarity(words, hidden))), dense)
        if not order:
            return ()
        best = max(float(totals[order[0]]), 1e-9)
        likely = self.relevance(words, order[0], best, hidden)
        if self._names_something_else(words):
            likely *= _OTHER_TOPIC
        passages = self.index.keywords.scores(asked or words)
        return tuple(
            self._hit(number, likely * min(1.0, float(totals[number]) / best), passages)
            for number in order[:limit]
        )

    def _keyword_scores(self, words: Sequence[str], hidden: int | None) -> Scores:
        scores = self.index.keywords.scores(words)
        if hidden is not None:
            scores = scores.copy()
            scores[hidden] = 0.0
        return scores

    def _similarity(self, words: Sequence[str], hidden: int | None) -> Vectors:
        assert self.embedder is not None
        assert self.index.vectors is not None
        similarity = self.index.vectors.scores(self.embedder.embed_queries([" ".join(words)]))
        if hidden is not None:
            similarity[hidden] = -1.0
        return similarity

    def _totals(self, scores: Scores) -> Scores:
        """For each document, the score of its best question plus that of its best passage."""
        count = len(self.index.corpus.documents)
        asked, said = np.zeros(count, np.float32), np.zeros(count, np.float32)
        np.maximum.at(asked, self._owner[self._is_question], scores[self._is_question])
        np.maximum.at(said, self._owner[~self._is_question], scores[~self._is_question])
        return asked + said

    def _with_titles(self, words: Sequence[str], totals: Scores) -> Scores:
        """The totals with the titles' share; a title that names the other of two things counts against."""
        totals = totals + _TITLE * self.index.titles.scores(words)
        for number in self._naming_another(words):
            totals[number] *= _OTHER_NAME
        return totals

    def names_another(self, words: Sequence[str], document_id: str) -> bool:
        """Whether the words name one of two things of which the document's title names the other."""
        return self._number(document_id) in self._naming_another(words)

    def _naming_another(self, words: Sequence[str]) -> set[int]:
        found = set()
        for row in self.index.glossary.exclusive:
            named = [name for name in row if mentions(words, name)]
            if len(named) == 1:
                others = [name for name in row if name not in named]
                found |= {
                    number
                    for number, title in enumerate(self._titles)
                    if any(mentions(title, name) for name in others) and not mentions(title, named[0])
                }
        return found

    @cached_property
    def _titles(self) -> list[list[str]]:
        return [
            standard(syllables(document.title), self.index.glossary)
            for document in self.index.corpus.documents
        ]

    def relevance(self, words: Sequence[str], number: int, total: float, hidden: int | None = None) -> float:
        """0–1: the calibrated likelihood that a document with this BM25 is what was asked for."""
        terms = set(folded_terms(words))
        if all(word.isascii() for word in words):
            total *= _NO_ACCENTS
        asked, said = self._document_terms(number, hidden)
        pairs = {term for term in terms if "_" in term}
        single = terms - pairs
        # A short query has little BM25 to gather: of one asked for in these very words it counts by the word.
        each = self._share(pairs, asked) * total / (_ENOUGH_EACH * len(single))
        features = (
            self._share(single, asked),
            self._share(single, said),
            self._share(pairs or single, said),
            min(sum(self._rarity(term) for term in pairs & asked), _ENOUGH_PAIRS) / _ENOUGH_PAIRS,
            min(1.0, max(total / _ENOUGH_BM25, each)),
            min(len(single), _LONG) / 10,
        )
        return 1 / (1 + math.exp(-_BIAS - sum(w * x for w, x in zip(_RELEVANCE, features, strict=True))))

    def _names_something_else(self, words: Sequence[str]) -> bool:
        """Whether the query names procedures, and all of them are ones that no document is known by."""
        named = [topic for topic in self.index.glossary.topics if mentions(words, topic)]
        return bool(named) and not any(topic in self._known_topics for topic in named)

    @cached_property
    def _known_topics(self) -> frozenset[Phrase]:
        """The glossary's topics by which people ask for some document: in its title or many questions."""
        known: set[Phrase] = set()
        for number in range(len(self.index.corpus.documents)):
            title, *asked = (self.index.corpus.texts[row].split() for row in self._questions(number))
            for topic in set(self.index.glossary.topics) - known:
                if mentions(title, topic) or sum(mentions(text, topic) for text in asked) > len(asked) / 4:
                    known.add(topic)
        return frozenset(known)

    def _rows(self, number: int) -> range:
        owner = self.index.corpus.owner
        return range(bisect_left(owner, number), bisect_left(owner, number + 1))

    def _questions(self, number: int, hidden: int | None = None) -> list[int]:
        return [row for row in self._rows(number) if self._is_question[row] and row != hidden]

    def _document_terms(self, number: int, hidden: int | None) -> tuple[set[str], set[str]]:
        """Terms of how people ask for a document, and of all it says."""
        found = self._known_documents.get(number) if hidden is None else None
        if found is None:
            asked = set[str]().union(*(self._terms(row) for row in self._questions(number, hidden)))
            said = asked.union(
                *(self._terms(row) for row in self._rows(number) if not self._is_question[row])
            )
            found = asked, said
            if hidden is None:
                self._known_documents[number] = found
        return found

    def _terms(self, row: int) -> set[str]:
        found = self._known_terms.get(row)
        if found is None:
            found = self._known_terms[row] = set(folded_terms(self.index.corpus.texts[row].split()))
        return found

    def _share(self, wanted: set[str], found: set[str]) -> float:
        total = sum(self._rarity(term) for term in wanted)
        return sum(self._rarity(term) for term in wanted & found) / total if total else 0.0

    def _rarity(self, term: str) -> float:
        """Inverse document frequency; a term no document has weighs most."""
        count = len(self.index.corpus.documents)
        weight = math.log(1 + count / (0.5 + self.index.corpus.frequency.get(term, 0)))
        return weight / 2 if "_" in term else weight

    def hit(self, words: Sequence[str], document_id: str, *, asked: Sequence[str]) -> Hit:
        """A given document as a hit: its best section for the query, and its score."""
        number = self._number(document_id)
        scores = self.index.keywords.scores(words)
        totals = self._with_titles(words, self._totals(scores))
        score = self.relevance(words, number, float(totals[number]))
        return self._hit(number, score, self.index.keywords.scores(asked))

    def coverage(self, words: Sequence[str], document_id: str) -> tuple[float, float]:
        """The shares (0–1, by rarity) of the words that people ask this document for, and that it says."""
        asked, said = self._document_terms(self._number(document_id), None)
        single = {term for term in folded_terms(words) if "_" not in term}
        return self._share(single, asked), self._share(single, said)

    def _number(self, document_id: str) -> int:
        return next(n for n, document in enumerate(self.index.corpus.documents) if document.id == document_id)

    def _hit(self, number: int, score: float, scores: Scores) -> Hit:
        said = (row for row in self._rows(number) if not self._is_question[row])
        chunk = max(said, key=lambda row: float(scores[row]))
        return Hit(self._section(chunk), score, self.index.corpus.chunks[chunk])

    def closest_questions(self, document_id: str, asked: Sequence[str]) -> list[tuple[str, float]]:
        """The questions that a document answers by themselves, the likest to the one asked first (0–1)."""
        number = self._number(document_id)
        chunks = self.index.corpus.chunks
        summary = chunks[self._rows(number)[0]].section_id
        terms = set(folded_terms(asked))
        alike = [
            (chunks[row].text, self._likeness(terms, self._terms(row)))
            for row in self._questions(number)
            if chunks[row].section_id != summary
        ]
        return sorted(alike, key=lambda pair: -pair[1])

    def closest_sentence(
        self, document_id: str, asked: Sequence[str], signs: Sequence[Phrase] = ()
    ) -> str | None:
        """The sentence of a guide, marks and all, that says most of what is asked beside its title; or none.

        Where `signs` are given the sentence must hold one of them, and that is enough.
        """
        guide = self.index.guides[document_id]
        named = set(folded_terms(self._titles[self._number(document_id)]))
        wanted = set(folded_terms(asked)) - named
        texts = [*guide.cautions, *guide.preparation, *(quick.answer for quick in guide.quick_answers)]
        best, best_share = None, 0.0 if signs else _SAYS_IT
        for sentence in (sentence for text in texts for sentence in sentences(text)):
            words = standard(syllables(without_marks(sentence)), self.index.glossary)
            share = self._share(wanted, set(folded_terms(words)))
            if share >= best_share and (not signs or any(mentions(words, sign) for sign in signs)):
                best, best_share = sentence, share
        return best

    def _likeness(self, left: set[str], right: set[str]) -> float:
        """Dice coefficient of two sets of terms, weighed by rarity."""
        both = sum(self._rarity(term) for term in left & right)
        total = sum(self._rarity(term) for term in left) + sum(self._rarity(term) for term in right)
        return 2 * both / total if total else 0.0

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
    def _known_terms(self) -> dict[int, set[str]]:
        return {}

    @cached_property
    def _known_documents(self) -> dict[int, tuple[set[str], set[str]]]:
        return {}


def ranking(totals: Scores) -> list[int]:
    """Documents with a score, best first."""
    return [int(number) for number in np.argsort(-totals, kind="stable") if totals[number] > 0]


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
    lexical_ranks: list[float] = []
    fused_ranks: dict[float, list[float]] = {weight: [] for weight in _WEIGHTS}
    for row in asked:
        words = index.corpus.texts[row].split()
        owner = index.corpus.owner[row]
        lexical = ranking(searcher._totals(searcher._keyword_scores(words, row)))
        dense = ranking(searcher._totals(searcher._similarity(words, row)))
        lexical_ranks.append(_reciprocal(lexical, owner))
        for weight, ranks in fused_ranks.items():
            ranks.append(_reciprocal(fuse(lexical, dense, weight), owner))
    lexical_mrr = float(np.mean(lexical_ranks))
    best = max(_WEIGHTS, key=lambda weight: float(np.mean(fused_ranks[weight])))
    fused_mrr = float(np.mean(fused_ranks[best]))
    gains = np.subtract(fused_ranks[best], lexical_ranks)
    error = float(np.std(gains)) / math.sqrt(len(gains))
    earned = fused_mrr - lexical_mrr > _SURE_GAIN * error and fused_mrr > lexical_mrr
    return DenseTrial(len(asked), lexical_mrr, fused_mrr, best if earned else 0.0)


def _reciprocal(ranking: Sequence[int], wanted: int) -> float:
    return 1 / (1 + ranking.index(wanted)) if wanted in ranking else 0.0
