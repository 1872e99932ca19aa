"""Query → Hits: one for each document, best first, with a score that can be compared between queries.

A multinomial logit over the documents that may be meant and "none of them" (features.py says what speaks for
each) gives the score: of the best document the likelihood that some document answers, of the others that
times their share. A model's vectors are one more thing that speaks against the documents that are less alike,
with the weight they earned at build (`earned_weight`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from assistant.datatypes import Document, Hit, Procedure, Section
from assistant.retrieval.classifier import NOTHING, OUTSIDE, Topics
from assistant.retrieval.embedder import Embedder, Vectors
from assistant.retrieval.features import NAMES, UNHEARD, Features, Matrix, ranking
from assistant.retrieval.index import Index
from assistant.retrieval.keywords import Scores, folded_terms
from assistant.text.dialect import Phrase, mentions, standard
from assistant.text.normalize import bare, sentences, syllables, without_marks

# Fitted by `assistant evaluate weights` (evaluation/fitting.py), in the order of NAMES and NONE_NAMES.
_WEIGHTS = (
    1.21,  # learned
    0.68,  # asked
    0.68,  # asked by some
    2.20,  # said
    0.72,  # said by some
    -0.54,  # title
    -0.64,  # lacks the topic
    -0.12,  # names another
    0.48,  # words asked
    0.99,  # words said
    2.41,  # pairs said
    2.18,  # pairs asked
    1.42,  # total
    -0.63,  # length
)
NONE_NAMES = ("always", "learned none", "outside")
_NONE = (
    2.19,  # always
    0.15,  # learned none
    1.84,  # outside
)
_COVERS = (  # in the order of COVER_NAMES
    0.34,  # learned
    -0.94,  # asked
    0.05,  # asked by some
    0.83,  # said
    -0.84,  # said by some
    -1.33,  # title
    -0.62,  # lacks the topic
    0.27,  # names another
    0.41,  # words asked
    0.62,  # words said
    5.05,  # pairs said
    -0.23,  # pairs asked
    -0.03,  # total
    0.24,  # length
    -1.96,  # always
    -0.16,  # topic
    -0.38,  # topic, none
    0.72,  # question
    -1.30,  # question, none
    0.57,  # asked alike
    -2.03,  # in vain alike
    1.21,  # rather asked than in vain
    -0.25,  # rarest not asked
    -0.15,  # not asked
    -0.35,  # number not asked
    -0.86,  # rarest not said
    0.30,  # not said
    0.40,  # number not said
    2.22,  # whole length
    0.09,  # no accents
    -0.53,  # names something else
    0.14,  # never heard
    -3.43,  # another matter
)
_WHOLE = 0.65  # weight of what is learned from whole questions, in the order of documents (README.md)
_DENSE_WEIGHTS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0)  # tried for a standard deviation of likeness
_SURE_GAIN = 2.0  # standard errors of the gain: of several weights one wins by chance
_HELD_OUT = 400  # questions asked at least when the weight is measured, where there are so many
_NEAR = 5  # documents by vectors alone that are compared with the others
_SAYS_IT = 0.35  # share of what is asked, by rarity, from which a sentence answers it
_NAMED, _NAMES = 0.8, 0.4  # shares, by rarity, of what is asked about and of a procedure's name that are both
_NAMES_SEEN, _NAMES_SHOWN = 20, 3
_NAMES_ANOTHER = 1.5  # taken from the logit of a document that names the other of two things, beyond the fit
_LAW_NUMBER = re.compile(r"\b\d{1,4}/(?:19|20)\d\d\b")
_NOTHING_KNOWN: Mapping[str, float] = {}


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
        acts: Mapping[str, float] = _NOTHING_KNOWN,
        limit: int = 5,
    ) -> tuple[Hit, ...]:
        """The best documents for the query's syllables, each with its best section.

        `asked` is the whole question, where `words` are what it is about: the section is chosen by it.
        `acts` are the likelihoods of what kind of thing is said.
        """
        if not words:
            return ()
        words = self.features.heard(words)
        dense = self._dense(words)
        numbers, matrix = self.features.candidates(words, also=nearest(dense)[:_NEAR])
        if not numbers:
            return ()
        dense = dense[numbers] if dense.size else np.zeros(len(numbers), np.float32)
        logits = self.in_order(numbers, matrix, asked or words) + dense
        order = np.argsort(-logits, kind="stable")
        best = int(order[0])
        some = self.covered(words, asked or words, acts, numbers[best], matrix[best])
        scores = np.exp(logits[order] - logits.max())
        found = [numbers[at] for at in order]
        passages = self.index.keywords.scores(asked or words)
        return tuple(
            self._hit(number, float(some * score), passages)
            for number, score in zip(found[:limit], scores, strict=False)
        )

    def covered(
        self,
        words: Sequence[str],
        asked: Sequence[str],
        acts: Mapping[str, float],
        number: int,
        row: Matrix,
    ) -> float:
        """The likelihood (0–1) that a document answers, of which `row` are the features."""
        outside = acts.get(OUTSIDE, 0.0)
        logit = float(self.features.covering(words, asked, number, row, outside) @ np.array(_COVERS))
        return 1 / (1 + math.exp(-max(logit, -50.0)))

    def some_likely(self, matrix: Matrix, none: Sequence[float]) -> float:
        """The likelihood (0–1) that one of the candidates is meant, where a query leans on another."""
        exponents = np.append(self.speaking_for(matrix), np.dot(none, _NONE))
        shares = np.exp(exponents - exponents.max())
        return float(shares[:-1].sum() / shares.sum())

    def speaking_for(self, matrix: Matrix) -> Matrix:
        """For each candidate all that speaks for it, weighed (a logit)."""
        weighed: Matrix = (
            matrix @ np.array(_WEIGHTS) - _NAMES_ANOTHER * matrix[:, NAMES.index("names another")]
        )
        return weighed

    def in_order(
        self, numbers: Sequence[int], matrix: Matrix, asked: Sequence[str], topics: Topics | None = None
    ) -> Matrix:
        """The logits that put candidates in order: whole questions tell near guides apart."""
        return self.speaking_for(matrix) + _WHOLE * self.features.learned_whole(numbers, asked, topics)

    def likely(
        self, words: Sequence[str], *, also: str, asked: Sequence[str] | None = None
    ) -> dict[str, float]:
        """The likelihood of each document that the words could mean, and of `also`; empty for no words.

        `asked` is the whole question, where `words` are what it is about.
        """
        if not words:
            return {}
        numbers, matrix = self.features.candidates(words, also=[self.features.number(also)])
        ids = [self.index.corpus.documents[number].id for number in numbers]
        some = self.some_likely(matrix, self.none_features(words, _NOTHING_KNOWN))
        logits = self.in_order(numbers, matrix, asked or words)
        shares = np.exp(logits - logits.max())
        return {id_: some * float(share) for id_, share in zip(ids, shares / shares.sum(), strict=True)}

    def none_features(
        self, words: Sequence[str], acts: Mapping[str, float], topics: Topics | None = None
    ) -> tuple[float, ...]:
        """What speaks for no document being meant, in the order of NONE_NAMES."""
        learned = (topics or self.index.topics).by_topic.likely(words).get(NOTHING, 0.0)
        return (1.0, math.log(learned + UNHEARD), acts.get(OUTSIDE, 0.0))

    def closest_procedures(self, words: Sequence[str]) -> tuple[Procedure, ...]:
        """Official names that are about what is asked about, the likest first; few or none."""
        if self.index.names is None:
            return ()
        accented = not all(word.isascii() for word in words)
        wanted = {word if accented else bare(word) for word in words}
        ranked = ranking(self.index.names.scores(words))[:_NAMES_SEEN]
        found = [number for number in ranked if self._is_about(number, wanted, accented)]
        return tuple(self.index.procedures[number] for number in found[:_NAMES_SHOWN])

    def _is_about(self, number: int, wanted: set[str], accented: bool) -> bool:
        name = {word if accented else bare(word) for word in self._names[number]}
        shared = self._weight(wanted & name)
        return shared >= _NAMED * self._weight(wanted) and shared >= _NAMES * self._weight(name)

    def _weight(self, words: set[str]) -> float:
        """Sum of rarity among the names; a word that no name has weighs most."""
        count = len(self._names)
        return math.fsum(math.log(1 + count / (0.5 + self._name_frequency[word])) for word in words)

    @cached_property
    def _names(self) -> list[list[str]]:
        return [standard(syllables(p.name), self.index.glossary) for p in self.index.procedures]

    @cached_property
    def _name_frequency(self) -> Counter[str]:
        return Counter(word for name in self._names for word in {*name, *map(bare, name)})

    @cached_property
    def vocabulary(self) -> Mapping[str, int]:
        """Every accented syllable of guides and official documents, with its occurrences."""
        return Counter(self.index.corpus.vocabulary) + Counter(self.index.passages.vocabulary)

    @cached_property
    def features(self) -> Features:
        """What speaks for each document."""
        return Features(self.index)

    def _dense(self, words: Sequence[str]) -> Scores:
        """What vectors say for each document; of size 0 where they have earned no weight."""
        manifest = self.index.manifest
        accented = not all(word.isascii() for word in words)
        weight = manifest.dense_weight if accented else manifest.dense_weight_bare
        if self.embedder is None or weight <= 0:
            return np.zeros(0, np.float32)
        return self.closeness(self.embedder.embed_queries([" ".join(words)])) * np.float32(weight)

    def closeness(self, vector: Vectors, hidden: Collection[int] = ()) -> Scores:
        """How much less alike than the likest each document is, in standard deviations: 0 or less.

        Models differ in what likeness they give to texts that have nothing in common (E5: 0.7).
        """
        assert self.index.vectors is not None
        similarity = self.index.vectors.scores(vector)
        similarity[list(hidden)] = -1.0
        totals = self.features.totals(similarity)
        spread = max(float(totals.std()), 1e-6)
        closeness: Scores = ((totals - totals.max()) / spread).astype(np.float32)
        return closeness

    def hit(self, words: Sequence[str], document_id: str, *, asked: Sequence[str]) -> Hit:
        """A given document as a hit: its best section for the query, and the likelihood that it is meant."""
        score = self.likely(words, also=document_id)[document_id]
        return self._hit(self.features.number(document_id), score, self.index.keywords.scores(asked))

    def document(self, document_id: str) -> Document:
        """The guide's document, or the official one, of an id."""
        guide = self.index.guides.get(document_id)
        return guide.document if guide else self.index.passages.document(document_id)

    def standing_in(self, document_id: str, today: date) -> tuple[str, ...]:
        """The documents in force that supersede one."""
        found = self._standing_in.get(document_id, ())
        return tuple(id_ for id_ in found if self.document(id_).period.covers(today))

    def best_of(self, document_ids: Sequence[str], words: Sequence[str], asked: Sequence[str]) -> Hit:
        """The likeliest of some guides, or the best section of some official documents; newest first."""
        guides = [id_ for id_ in document_ids if id_ in self.index.guides]
        if guides:
            return max((self.hit(words, id_, asked=asked) for id_ in guides), key=lambda hit: hit.score)
        return self.index.passages.best_of(document_ids, asked)

    def is_later(self, document: Document, than: Hit) -> bool:
        """Whether an official document is dated after the guide of a hit was reviewed."""
        dated = document.sources[0].date if document.sources else None
        reviewed = self.document(than.section.document_id).reviewed
        return dated is not None and reviewed is not None and dated > reviewed.isoformat()

    @cached_property
    def _standing_in(self) -> dict[str, list[str]]:
        """For each document the ids of those that supersede it, as it says itself or they say."""
        guides = [guide.document for guide in self.index.guides.values()]
        documents = [*guides, *self.index.passages.documents]
        names = {name: d.id for d in documents for name in (d.id, law_number(d.title)) if name}
        found: dict[str, list[str]] = {}
        for document in documents:
            told = [(old, document.id) for old in document.supersedes]
            told += [(document.id, new) for new in document.superseded_by]
            for old, new in told:
                older, newer = (names.get(name) or names.get(law_number(name)) for name in (old, new))
                if older and newer and older != newer:
                    found.setdefault(older, []).append(newer)
        return found

    def coverage(self, words: Sequence[str], document_id: str) -> tuple[float, float]:
        """The shares (0–1, by rarity) of the words that people ask this document for, and that it says."""
        asked, said = self.features.terms_of(self.features.number(document_id))
        single = {term for term in folded_terms(words) if "_" not in term}
        return self.features.share(single, asked), self.features.share(single, said)

    def _hit(self, number: int, score: float, scores: Vectors) -> Hit:
        said = (row for row in self.features.rows(number) if not self.features.is_question[row])
        chunk = max(said, key=lambda row: float(scores[row]))
        return Hit(self._section(chunk), score, self.index.corpus.chunks[chunk])

    def closest_questions(self, document_id: str, asked: Sequence[str]) -> list[tuple[str, float]]:
        """The questions that a document answers by themselves, the likest to the one asked first (0–1)."""
        number = self.features.number(document_id)
        chunks = self.index.corpus.chunks
        summary = chunks[self.features.rows(number)[0]].section_id
        terms = set(folded_terms(asked))
        alike = [
            (chunks[row].text, self._likeness(terms, self.features.terms(row)))
            for row in self.features.questions(number)
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
        named = set(folded_terms(self.features.titles[self.features.number(document_id)]))
        wanted = set(folded_terms(asked)) - named
        texts = [*guide.cautions, *guide.preparation, *(quick.answer for quick in guide.quick_answers)]
        best, best_share = None, 0.0 if signs else _SAYS_IT
        for sentence in (sentence for text in texts for sentence in sentences(text)):
            words = standard(syllables(without_marks(sentence)), self.index.glossary)
            share = self.features.share(wanted, set(folded_terms(words)))
            if share >= best_share and (not signs or any(mentions(words, sign) for sign in signs)):
                best, best_share = sentence, share
        return best

    def _likeness(self, left: set[str], right: set[str]) -> float:
        """Dice coefficient of two sets of terms, weighed by rarity."""
        both = math.fsum(self.features.rarity(term) for term in left & right)
        total = math.fsum(self.features.rarity(term) for term in (*left, *right))
        return 2 * both / total if total else 0.0

    def _section(self, chunk: int) -> Section:
        return self._sections[self.index.corpus.chunks[chunk].section_id]

    @cached_property
    def _sections(self) -> dict[str, Section]:
        return {section.id: section for section in self.index.corpus.sections}


def law_number(text: str) -> str:
    """The number of a law or decree named in a text, "59/2022/NĐ-CP" → "59/2022"; empty if there is none."""
    match = _LAW_NUMBER.search(text)
    return match[0] if match else ""


def nearest(dense: Scores) -> list[int]:
    """Documents by what vectors say, best first."""
    return [int(number) for number in np.argsort(-dense, kind="stable")]


@dataclass(frozen=True, slots=True)
class DenseTrial:
    """What vectors did for the guides' own questions, each held out in turn (MRR, 0–1)."""

    questions: int
    lexical_mrr: float
    fused_mrr: float
    weight: float


def earned_weight(searcher: Searcher, *, accents: bool = True) -> DenseTrial:
    """Ask the guides' own questions, each left out of the index, with and without vectors.

    Dense search gets the weight under which the meant guides are likeliest, if the ranking of questions
    that took no part in choosing it is surely better; else 0 (design.md §6). Without `accents` the
    questions are asked as they are typed without: few models know such text.
    """
    trials = _held_out(searcher, accents)
    halves = trials[::2], trials[1::2]
    chosen = [_likeliest_weight(half) for half in halves]
    lexical = [_reciprocal(trial, 0.0) for half in halves for trial in half]
    fused = [
        _reciprocal(trial, weight)
        for half, weight in zip(halves, reversed(chosen), strict=True)
        for trial in half
    ]
    gains = np.subtract(fused, lexical)
    error = float(gains.std()) / math.sqrt(len(gains))
    earned = gains.mean() > max(_SURE_GAIN * error, 0.0)
    return DenseTrial(
        len(trials),
        float(np.mean(lexical)),
        float(np.mean(fused)),
        _likeliest_weight(trials) if earned else 0.0,
    )


@dataclass(frozen=True, slots=True)
class _Trial:
    """A held-out question: what speaks for each candidate, and which of them is meant (-1: none of them)."""

    lexical: Matrix
    dense: Scores
    meant: int


def _held_out(searcher: Searcher, accents: bool) -> list[_Trial]:
    assert searcher.embedder is not None
    corpus = searcher.index.corpus
    asked = [row for row, chunk in enumerate(corpus.chunks) if "?" in chunk.id]
    asked = asked[:: max(1, len(asked) // _HELD_OUT)]
    glossary = searcher.index.glossary
    typed = list if accents else lambda words: [bare(word) for word in words]
    about = [typed(corpus.texts[row].split()) for row in asked]
    whole = [typed(standard(syllables(corpus.chunks[row].text), glossary)) for row in asked]
    vectors = searcher.embedder.embed_queries([" ".join(words) for words in about])
    topics = Topics.fit(corpus, glossary, (), asked)
    trials = []
    for row, words, said, vector in zip(asked, about, whole, vectors, strict=True):
        dense = searcher.closeness(vector[np.newaxis], [row])
        near = nearest(dense)[:_NEAR]
        numbers, matrix = searcher.features.candidates(words, hidden=[row], also=near, topics=topics)
        meant = numbers.index(corpus.owner[row]) if corpus.owner[row] in numbers else -1
        trials.append(_Trial(searcher.in_order(numbers, matrix, said, topics), dense[numbers], meant))
    return trials


def _likeliest_weight(trials: Sequence[_Trial]) -> float:
    """The weight of vectors under which what is meant is likeliest."""

    def likelihood(weight: float) -> float:
        return math.fsum(_log_share(trial, weight) for trial in trials if trial.meant >= 0)

    return max(_DENSE_WEIGHTS, key=likelihood)


def _log_share(trial: _Trial, weight: float) -> float:
    exponents = trial.lexical + weight * trial.dense
    return float(exponents[trial.meant] - np.logaddexp.reduce(exponents))


def _reciprocal(trial: _Trial, weight: float) -> float:
    if trial.meant < 0:
        return 0.0
    exponents = trial.lexical + weight * trial.dense
    return 1 / (1 + int((exponents > exponents[trial.meant]).sum()))
