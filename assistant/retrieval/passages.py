"""Sections of official documents for a query: what is searched where no guide answers, and what is newer.

BM25 finds the sections. Whether one is about the query is told by how much of its words, and of their pairs,
stand in the section and in its headings, by rarity: words of a long text alone say little.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import msgspec

from assistant.datatypes import Chunk, Document, Hit, OfficialText, Section
from assistant.retrieval.keywords import KeywordIndex, folded_terms
from assistant.text.dialect import Glossary, Phrase, mentions, standard
from assistant.text.normalize import syllables

_SEEN = 8  # sections, by BM25, that are looked at closely
_BESIDE = 0.6  # of the best section's score, from which another of its document is about the same


@dataclass(frozen=True)
class Passages:
    """The official documents, their sections, and the index of these (None where there are none)."""

    documents: tuple[Document, ...]
    sections: tuple[Section, ...]
    texts: tuple[str, ...]  # what is indexed for each section, in the glossary's words
    vocabulary: Mapping[str, int]  # accented syllable → occurrences

    keywords: KeywordIndex | None

    @classmethod
    def build(
        cls, officials: Iterable[OfficialText], glossary: Glossary, earlier: Passages | None = None
    ) -> Passages:
        """Index every section, with the title of its document and its heading.

        What is unchanged is taken over from `earlier`, built with the same glossary.
        """
        officials = tuple(officials)
        documents = tuple(official.document for official in officials)
        sections = tuple(section for official in officials for section in official.sections)
        written = _written(documents, sections)
        known: dict[str, str] = {}
        if earlier is not None:
            known = dict(zip(_written(earlier.documents, earlier.sections), earlier.texts, strict=True))
        texts = tuple(known.get(text) or _words(text, glossary) for text in written)
        if earlier is not None and earlier.texts == texts:
            keywords = earlier.keywords
        else:
            keywords = KeywordIndex.build(texts) if texts else None
        vocabulary = Counter(word for text in texts for word in text.split())
        return cls(documents, sections, texts, dict(vocabulary), keywords)

    def search(
        self, words: Sequence[str], signs: Sequence[Phrase] = (), *, limit: int = 3
    ) -> tuple[Hit, ...]:
        """The sections that are about what is asked, the likest first, each with a score of 0–1.

        Of the best document the section is taken whose heading holds one of `signs`, where one is nearly as
        much about it: a question for papers is answered by the list of papers.
        """
        if self.keywords is None or not words:
            return ()
        scores = self.keywords.scores(words)
        ranked = [int(number) for number in (-scores).argsort(kind="stable")[:_SEEN] if scores[number] > 0]
        hits = sorted((self._hit(number, words) for number in ranked), key=lambda hit: -hit.score)[:limit]
        if hits and signs:
            best = hits[0]
            beside = [self._hit(number, words) for number in self._numbers[best.section.document_id]]
            fit = [
                hit
                for hit in beside
                if hit.score >= _BESIDE * best.score
                and any(mentions(syllables(hit.section.heading), sign) for sign in signs)
            ]
            if fit:
                hits[0] = replace(max(fit, key=lambda hit: hit.score), score=best.score)
        return tuple(hits)

    def best_of(self, document_ids: Sequence[str], words: Sequence[str]) -> Hit:
        """The section of the given documents that says most of what is asked."""
        numbers = [number for id_ in document_ids for number in self._numbers.get(id_, ())]
        return max((self._hit(number, words) for number in numbers), key=lambda hit: hit.score)

    def document(self, document_id: str) -> Document:
        """The document of an id."""
        return self._by_id[document_id]

    def __contains__(self, document_id: str) -> bool:
        return document_id in self._by_id

    def _hit(self, number: int, words: Sequence[str]) -> Hit:
        section = self.sections[number]
        head, _, body = self.texts[number].partition("\n")
        named = set(folded_terms(head.split()))
        held = named | set(folded_terms(body.split()))
        terms = set(folded_terms(words))
        pairs = {term for term in terms if "_" in term}
        kinds = [kind for kind in (terms - pairs, pairs) if kind]
        shares = [self._share(kind, where) for kind in kinds for where in (named, held)]
        return Hit(section, sum(shares) / len(shares), Chunk(section.id, section.id, section.text))

    def _share(self, wanted: set[str], held: set[str]) -> float:
        """The part of the wanted terms, by rarity, that a section holds."""
        weights = {term: self._rarity(term) for term in wanted}
        total = math.fsum(weights.values())
        return math.fsum(weights[term] for term in wanted & held) / total if total else 0.0

    def _rarity(self, term: str) -> float:
        assert self.keywords is not None
        return math.log(1 + len(self.sections) / (0.5 + self.keywords.frequency(term)))

    @cached_property
    def _numbers(self) -> dict[str, list[int]]:
        numbers: dict[str, list[int]] = {}
        for number, section in enumerate(self.sections):
            numbers.setdefault(section.document_id, []).append(number)
        return numbers

    @cached_property
    def _by_id(self) -> dict[str, Document]:
        return {document.id: document for document in self.documents}

    def save(self, folder: Path) -> None:
        """Write documents, sections and index (no pickle)."""
        folder.mkdir()
        (folder / "passages.json").write_bytes(
            msgspec.json.encode((self.documents, self.sections, self.texts, self.vocabulary))
        )
        if self.keywords is not None:
            self.keywords.save(folder / "keywords")

    @classmethod
    def load(cls, folder: Path) -> Passages:
        """Inverse of save()."""
        kept = tuple[tuple[Document, ...], tuple[Section, ...], tuple[str, ...], dict[str, int]]
        documents, sections, texts, vocabulary = msgspec.json.decode(
            (folder / "passages.json").read_bytes(), type=kept
        )
        keywords = KeywordIndex.load(folder / "keywords") if texts else None
        return cls(documents, sections, texts, vocabulary, keywords)


def _written(documents: Sequence[Document], sections: Sequence[Section]) -> list[str]:
    """What is indexed for each section, as written: title and heading on the first line."""
    titles = {document.id: document.title for document in documents}
    return [f"{titles[s.document_id]}. {s.heading}\n{s.text}" for s in sections]


def _words(text: str, glossary: Glossary) -> str:
    head, _, body = text.partition("\n")
    return "\n".join(" ".join(standard(syllables(part), glossary)) for part in (head, body))
