"""What speaks for each document that could answer a query: the numbers by which search.py ranks and decides.

BM25 of the ways people ask for it, of its passages and of its title; how much of the query, by rarity, people
ask it for and it says; whether the query names something else.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from assistant.retrieval.classifier import NOTHING, Topics
from assistant.retrieval.index import Index
from assistant.retrieval.keywords import Scores, folded_terms
from assistant.text.dialect import Phrase, mentioned, mentions, standard
from assistant.text.normalize import bare, syllables

NAMES = (
    "learned",  # logarithm of the likelihood by the classifier of topics
    "asked",  # BM25 of the likest question; this and the next four as shares of the best document's total
    "asked by some",  # mean of the four likest questions
    "said",  # BM25 of the best passage
    "said by some",  # mean of the four best passages
    "title",  # BM25 of the title
    "lacks the topic",  # the query names procedures or subjects, and nobody asks for this document by them
    "names another",  # the query names one of two things of which the title names the other
    "words asked",  # share of the words, by rarity, in the ways people ask for it
    "words said",  # the same in all it says
    "pairs said",  # the same for pairs of neighbouring words
    "pairs asked",  # rarity of the pairs of words that people also ask it by
    "total",  # BM25 of likest question, best passage and title, not relative to other documents
    "length",  # words of the query
)
# What tells whether the likeliest document answers: the above, and:
COVER_NAMES = (
    *NAMES,
    "always",
    "topic",  # logits of the document, and of none, by the classifiers of topics and of whole questions
    "topic, none",
    "question",
    "question, none",
    "asked alike",  # BM25 of its likest way of asking
    "in vain alike",  # the same of what no guide answers
    "rather asked than in vain",  # logarithm of their ratio
    "rarest not asked",  # rarity of words by which nobody asks for it: of the rarest, of all; their number
    "not asked",
    "number not asked",
    "rarest not said",  # the same of words that it never says
    "not said",
    "number not said",
    "whole length",  # words of the question
    "no accents",
    "names something else",
    "never heard",  # words that neither guides hold nor people use
    "another matter",  # likelihood of an act
)
_SOME = 4
_CANDIDATES = 8  # documents by BM25
_LEARNED = 4  # documents by the classifier
UNHEARD = 1e-3
_OTHER_NAME = 0.6  # of the BM25 of a document whose title names the other of two things
_ENOUGH_PAIRS = 8.0  # rarity of shared pairs from which more tells nothing
_ENOUGH_BM25 = 60.0
_NO_ACCENTS = 1.5  # by how much BM25 is lower without the accent-exact terms
_ENOUGH_EACH = 9.0  # BM25 for each word, that a short query gathers when it fits
_LONG = 9  # words of a query from which more tells nothing
_UNKNOWN = -4.0  # logit of a document that a classifier has not learned; of none 0, which tells nothing
_LOGIT, _ALIKE, _RARE, _RARES = 2.0, 20.0, 5.0, 10.0  # what is much, so that weights are of one size
_HEARD, _NEVER_HEARD = 3, 1  # words at least that are known, and at most that are not, of which these tell
_HARDLY = 3.0  # BM25 that says little
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """An index, and what comparing queries with its documents needs at hand."""

    index: Index

    def candidates(
        self,
        words: Sequence[str],
        *,
        hidden: Collection[int] = (),
        also: Sequence[int] = (),
        topics: Topics | None = None,
    ) -> tuple[list[int], Matrix]:
        """The documents that may be meant, best BM25 first, and for each its features (documents × NAMES).

        `hidden` are chunks that take no part: how held-out questions are asked; `also` are documents that
        are compared whatever speaks for them; `topics` stands in for the classifiers of the index.
        """
        learned = (topics or self.index.topics).by_topic.likely(words)
        scores = self.index.keywords.scores(words)
        if hidden:
            scores = scores.copy()
            scores[list(hidden)] = 0.0
        titles = self.index.titles.scores(words)
        another = self.naming_another(words)
        named = self._named(words)
        totals = self.totals(scores) + titles
        for number in another:
            totals[number] *= _OTHER_NAME
        numbers = ranking(totals)[:_CANDIDATES]
        likely = (
            sorted(learned.keys() - {NOTHING}, key=lambda id_: -learned[id_])[:_LEARNED] if numbers else []
        )
        also = [*(self.number(id_) for id_ in likely), *also]
        if hidden:
            also = [number for number in also if not set(self.rows(number)) <= set(hidden)]
        numbers += [number for number in dict.fromkeys(also) if number not in numbers]
        best = max(float(totals[number]) for number in numbers) if numbers else 0.0
        rows = [
            [
                math.log(learned.get(self.index.corpus.documents[number].id, 0.0) + UNHEARD),
                *(part / max(best, 1e-9) for part in self._parts(number, scores)),
                float(titles[number]) / max(best, 1e-9),
                float(bool(named) and not any(number in known for known in named)),
                float(number in another),
                *self._shares(words, number, float(totals[number]), hidden),
            ]
            for number in numbers
        ]
        return numbers, np.array(rows, dtype=np.float64).reshape(len(numbers), len(NAMES))

    def learned_whole(
        self, numbers: Sequence[int], asked: Sequence[str], topics: Topics | None = None
    ) -> Matrix:
        """For each document the logarithm of its likelihood by the classifier of whole questions."""
        learned = (topics or self.index.topics).by_question.likely(asked)
        ids = (self.index.corpus.documents[number].id for number in numbers)
        return np.log([learned.get(id_, 0.0) + UNHEARD for id_ in ids])

    def covering(
        self,
        words: Sequence[str],
        asked: Sequence[str],
        number: int,
        row: Matrix,
        outside: float,
        *,
        hidden: Collection[int] = (),
        in_vain: Collection[int] = (),
        topics: Topics | None = None,
    ) -> Matrix:
        """What tells whether a document answers, in the order of COVER_NAMES; `row` are its features.

        `hidden` are chunks, and `in_vain` places in the index of ways of asking, that take no part.
        """
        topics = topics or self.index.topics
        by_topic, by_question = topics.by_topic.scores(words), topics.by_question.scores(asked)
        id_ = self.index.corpus.documents[number].id
        scores = self.index.asked.scores(words)
        if hidden or in_vain:
            ways = [int(self._ways.searchsorted(chunk)) for chunk in hidden if self.is_question[chunk]]
            scores[[*ways, *in_vain]] = 0.0
        rows = self.rows(number)
        own = float(scores[slice(*self._ways.searchsorted([rows.start, rows.stop]))].max(initial=0.0))
        vain = float(scores[len(self._ways) :].max(initial=0.0))
        single = {bare(word) for word in words}
        never_heard = {
            term for term in single if not self._is_known(term, len(hidden), len(hidden) + len(in_vain))
        }
        single -= never_heard
        missing = [
            sorted(map(self.rarity, single - known), reverse=True) for known in self.terms_of(number, hidden)
        ]
        return np.array(
            [
                *row,
                1.0,
                by_topic.get(id_, _UNKNOWN) / _LOGIT,
                by_topic.get(NOTHING, 0.0) / _LOGIT,
                by_question.get(id_, _UNKNOWN) / _LOGIT,
                by_question.get(NOTHING, 0.0) / _LOGIT,
                own / _ALIKE,
                vain / _ALIKE,
                math.log((own + _HARDLY) / (vain + _HARDLY)),
                *(
                    number
                    for rare in missing
                    for number in (max(rare, default=0.0) / _RARE, math.fsum(rare) / _RARES, len(rare) / 5)
                ),
                len(asked) / 20,
                float(all(word.isascii() for word in asked)),
                float(self.names_something_else(words)),
                len(never_heard) / 2,
                outside,
            ]
        )

    def heard(self, words: Sequence[str]) -> Sequence[str]:
        """The words without those that neither guides hold nor people use: a place's name, mostly.

        All of them where little else is said.
        """
        known = [word for word in words if self._is_known(bare(word), 0, 0)]
        return known if len(known) >= max(_HEARD, len(words) - _NEVER_HEARD) else words

    def _is_known(self, term: str, but: int, or_but: int) -> bool:
        """Whether a word is said in more texts than those that take no part."""
        index = self.index
        return index.keywords.frequency(term) > but or index.asked.frequency(term) > or_but

    def totals(self, scores: Scores) -> Scores:
        """For each document, the score of its likest question plus that of its best passage."""
        count = len(self.index.corpus.documents)
        asked, said = np.zeros(count, np.float32), np.zeros(count, np.float32)
        np.maximum.at(asked, self._owner[self.is_question], scores[self.is_question])
        np.maximum.at(said, self._owner[~self.is_question], scores[~self.is_question])
        return asked + said

    def _parts(self, number: int, scores: Scores) -> tuple[float, float, float, float]:
        rows = np.arange(self.rows(number).start, self.rows(number).stop)
        asked = np.sort(scores[rows[self.is_question[rows]]])[::-1][:_SOME]
        said = np.sort(scores[rows[~self.is_question[rows]]])[::-1][:_SOME]
        return (
            float(asked.max(initial=0.0)),
            float(asked.sum()) / _SOME,
            float(said.max(initial=0.0)),
            float(said.sum()) / _SOME,
        )

    def _shares(
        self, words: Sequence[str], number: int, total: float, hidden: Collection[int]
    ) -> tuple[float, ...]:
        terms = set(folded_terms(words))
        if all(word.isascii() for word in words):
            total *= _NO_ACCENTS
        asked, said = self.terms_of(number, hidden)
        pairs = {term for term in terms if "_" in term}
        single = terms - pairs
        # A short query has little BM25 to gather: of one asked for in these very words it counts by the word.
        each = self.share(pairs, asked) * total / (_ENOUGH_EACH * max(1, len(single)))
        return (
            self.share(single, asked),
            self.share(single, said),
            self.share(pairs or single, said),
            min(math.fsum(map(self.rarity, pairs & asked)), _ENOUGH_PAIRS) / _ENOUGH_PAIRS,
            min(1.0, max(total / _ENOUGH_BM25, each)),
            min(len(single), _LONG) / 10,
        )

    def naming_another(self, words: Sequence[str]) -> set[int]:
        """Documents whose title names one of two things of which the words name the other."""
        found = set()
        for row in self.index.glossary.exclusive:
            named = mentioned(words, row)
            if len(named) == 1:
                others = [name for name in row if name not in named]
                found |= {
                    number
                    for number, title in enumerate(self.titles)
                    if any(mentions(title, name) for name in others) and not mentions(title, named[0])
                }
        return found

    def names_something_else(self, words: Sequence[str]) -> bool:
        """Whether the words name procedures or subjects, and nobody asks for any document by one of them."""
        named = self._named(words)
        return bool(named) and not any(named)

    def _named(self, words: Sequence[str]) -> list[set[int]]:
        """For each of the glossary's topics that the words name, the documents that people ask for by it."""
        return [self._known_by(topic) for topic in mentioned(words, self.index.glossary.topics)]

    def _known_by(self, topic: Phrase) -> set[int]:
        """The documents that people ask for by a topic of the glossary: in the title or many questions."""
        found = self._topics.get(topic)
        if found is None:
            documents = range(len(self.index.corpus.documents))
            found = self._topics[topic] = {n for n in documents if self._is_known_by(n, topic)}
        return found

    def _is_known_by(self, number: int, topic: Phrase) -> bool:
        asked = self.questions(number)  # the title is the first
        parts = set(map(bare, topic))
        near = (row for row in asked if parts <= self.terms(row))
        named = [row for row in near if mentions(self.index.corpus.texts[row].split(), topic)]
        return asked[0] in named or len(named) > len(asked) / 4

    @cached_property
    def _topics(self) -> dict[Phrase, set[int]]:
        return {}

    def rows(self, number: int) -> range:
        """The chunks of a document."""
        owner = self.index.corpus.owner
        return range(bisect_left(owner, number), bisect_left(owner, number + 1))

    def questions(self, number: int) -> list[int]:
        """The chunks that are ways of asking for a document."""
        return [row for row in self.rows(number) if self.is_question[row]]

    def terms_of(self, number: int, hidden: Collection[int] = ()) -> tuple[set[str], set[str]]:
        """Folded terms of how people ask for a document, and of all it says."""
        rows = self.rows(number)
        hides = any(row in rows for row in hidden)
        found = None if hides else self._known_documents.get(number)
        if found is None:
            asked, said = set[str](), set[str]()
            for row in rows:
                if row not in hidden:
                    (asked if self.is_question[row] else said).update(self.terms(row))
            found = asked, asked | said
            if not hides:
                self._known_documents[number] = found
        return found

    def warm(self) -> None:
        """Work out at once what is kept of each document, instead of at the first questions: 1 s, 15 MB."""
        for number in range(len(self.index.corpus.documents)):
            self.terms_of(number)

    def terms(self, row: int) -> set[str]:
        """Folded terms of a chunk."""
        found = self._known_terms.get(row)
        if found is None:  # all kept as sets of strings of their own would take 38 MB instead of 7
            terms = set(folded_terms(self.index.corpus.texts[row].split()))
            found = self._known_terms[row] = tuple(map(sys.intern, terms))
        return set(found)

    def share(self, wanted: set[str], found: set[str]) -> float:
        """The part of the wanted terms, by rarity, that is among those found (0–1)."""
        total = math.fsum(map(self.rarity, wanted))  # of a set: fsum does not depend on the order
        return math.fsum(map(self.rarity, wanted & found)) / total if total else 0.0

    def rarity(self, term: str) -> float:
        """Inverse document frequency; a term no document has weighs most."""
        count = len(self.index.corpus.documents)
        weight = math.log(1 + count / (0.5 + self.index.corpus.frequency.get(term, 0)))
        return weight / 2 if "_" in term else weight

    def number(self, document_id: str) -> int:
        """Where a document stands in the corpus."""
        return self._numbers[document_id]

    @cached_property
    def titles(self) -> list[list[str]]:
        """Each document's title in the glossary's words."""
        return [
            standard(syllables(document.title), self.index.glossary)
            for document in self.index.corpus.documents
        ]

    @cached_property
    def is_question(self) -> npt.NDArray[np.bool_]:
        """For each chunk, whether it is a way of asking."""
        return np.array(["?" in chunk.id for chunk in self.index.corpus.chunks])

    @cached_property
    def _ways(self) -> npt.NDArray[np.int64]:
        """The chunks that are ways of asking, in the order of their index."""
        return np.flatnonzero(self.is_question)

    @cached_property
    def _owner(self) -> npt.NDArray[np.int64]:
        return np.array(self.index.corpus.owner, dtype=np.int64)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {document.id: number for number, document in enumerate(self.index.corpus.documents)}

    @cached_property
    def _known_terms(self) -> dict[int, tuple[str, ...]]:
        return {}

    @cached_property
    def _known_documents(self) -> dict[int, tuple[set[str], set[str]]]:
        return {}


def ranking(totals: Scores) -> list[int]:
    """Documents with a score, best first."""
    return [int(number) for number in np.argsort(-totals, kind="stable") if totals[number] > 0]
