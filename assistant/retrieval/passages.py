"""Sections of official documents for a query: what is searched where no guide answers, and what is newer.

BM25 ranks the sections (README.md beside this file says what each part of it brings). Whether one is about
the query is told by how much of its words, and of their pairs, stand in the section and in its headings, by
rarity: words of a long text alone say little.

Memory holds what ranking needs; what the sections say stays on the disk until it is quoted.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
import weakref
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain
from pathlib import Path
from typing import overload

import msgspec
import numpy as np
import numpy.typing as npt

from assistant.datatypes import Chunk, Document, Hit, OfficialText, Section
from assistant.errors import IndexUnavailableError
from assistant.retrieval.keywords import KeywordIndex, document_terms, exact_terms, folded_terms
from assistant.text.dialect import Glossary, Phrase, mentions, standard, with_gaps
from assistant.text.normalize import bare, syllables

_K1, _B = 1.2, 0.75  # Lucene's: unlike chunks, sections are of any length
_HEAD = 2  # times that title and heading count
_BESIDE = 0.6  # of the best section's score, from which another of its document is about the same
_BARE = 0.9  # part of the sections with a word in any spelling, from which it is one without accents
_DIGEST = 16  # bytes
Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Passages:
    """The official documents, their sections, and the index of these (None where there are none).

    The sections of one document stand together; those of document d begin at `starts[d]`.
    """

    documents: tuple[Document, ...]
    starts: tuple[int, ...]  # one more than documents
    sections: Sequence[Section]
    headings: tuple[str, ...]  # of the sections
    heads: Mapping[str, str]  # each title and heading in the glossary's words
    questions: tuple[Phrase, ...]  # what only makes a question of a sentence
    digests: tuple[bytes, ...]  # of what each section is
    keywords: KeywordIndex | None

    @classmethod
    def build(
        cls, officials: Iterable[OfficialText], glossary: Glossary, earlier: Passages | None = None
    ) -> Passages:
        """Index every section, with the title of its document and its heading.

        What is unchanged is taken over from `earlier`, built with the same glossary.
        """
        officials = tuple(officials)
        sections = tuple(chain.from_iterable(official.sections for official in officials))
        titles = [official.document.title for official in officials for _ in official.sections]
        digests = tuple(_digest(msgspec.json.encode(section)) for section in sections)
        known = earlier._numbered() if earlier else {}
        same = [
            numbers.pop() if (numbers := known.get(key)) else None
            for key in zip(titles, digests, strict=True)
        ]
        headings = tuple(section.heading for section in sections)
        named = {*(official.document.title for official in officials), *headings}
        heads = {name: " ".join(standard(syllables(name), glossary)) for name in named}

        def terms(number: int) -> Counter[str]:
            head = document_terms([*heads[titles[number]].split(), *heads[headings[number]].split()])
            body = document_terms(standard(syllables(sections[number].text), glossary))
            return Counter(chain(body, *[head] * _HEAD))

        if earlier is not None and same == list(range(len(earlier.sections))):
            keywords = earlier.keywords
        elif not sections:
            keywords = None
        else:
            keywords = KeywordIndex.count(
                (terms(number) if old is None else old for number, old in enumerate(same)),
                k1=_K1,
                b=_B,
                earlier=earlier.keywords if earlier else None,
            )
        return cls(
            documents=tuple(official.document for official in officials),
            starts=tuple(accumulate((len(official.sections) for official in officials), initial=0)),
            sections=sections,
            headings=headings,
            heads=heads,
            questions=glossary.questions,
            digests=digests,
            keywords=keywords,
        )

    def _numbered(self) -> dict[tuple[str, bytes], list[int]]:
        """The sections by title of the document and digest; of those alike the last comes first."""
        sizes = np.diff(self.starts)
        titles = [d.title for d, size in zip(self.documents, sizes, strict=True) for _ in range(size)]
        found: dict[tuple[str, bytes], list[int]] = {}
        for number in reversed(range(len(titles))):
            found.setdefault((titles[number], self.digests[number]), []).append(number)
        return found

    def search(
        self, words: Sequence[str], signs: Sequence[Phrase] = (), *, limit: int = 3
    ) -> tuple[Hit, ...]:
        """The sections for what is asked, the likest first, each with how much it is about it (0–1).

        Of the best document the section is taken whose heading holds one of `signs`, where one is nearly as
        much about it: a question for papers is answered by the list of papers.
        """
        ranked = self._ranked(words, limit)
        rarity = self._rarity(words)
        scores = self._scores(ranked, rarity)
        if ranked.size and signs:
            beside = self._sections_of(self._document_of(int(ranked[0])))
            headings = [self.headings[number] for number in beside]
            fits = {h: any(mentions(syllables(h), sign) for sign in signs) for h in set(headings)}
            about = self._scores(beside, rarity) * [fits[heading] for heading in headings]
            if about.max() >= _BESIDE * scores[0]:
                ranked[0] = beside[about.argmax()]
        return tuple(
            self._hit(int(number), float(score)) for number, score in zip(ranked, scores, strict=True)
        )

    def best_of(self, document_ids: Sequence[str], words: Sequence[str]) -> Hit:
        """The section of the given documents that says most of what is asked."""
        documents = [self._by_id[id_] for id_ in document_ids if id_ in self._by_id]
        numbers = np.concatenate([self._sections_of(document) for document in documents])
        scores = self._scores(numbers, self._rarity(words))
        return self._hit(int(numbers[scores.argmax()]), float(scores.max()))

    def document(self, document_id: str) -> Document:
        """The document of an id."""
        return self.documents[self._by_id[document_id]]

    def __contains__(self, document_id: str) -> bool:
        return document_id in self._by_id

    @cached_property
    def vocabulary(self) -> Mapping[str, int]:
        """Every syllable of the sections and their headings, with its occurrences."""
        return self.keywords.occurrences() if self.keywords else {}

    def _ranked(self, words: Sequence[str], limit: int) -> Numbers:
        """The best sections by BM25.

        What only makes a question of it is left out: passages tell. A word that was typed without accents
        is taken as it stands only where nearly all that it may be is written so: "VNeID", but not "can".
        """
        if self.keywords is None:
            return np.empty(0, np.int32)
        told = with_gaps(words, self.questions)
        written = (word for word in told if not word.isascii() or self._is_bare(word))
        scores = self.keywords.scores_of(chain(exact_terms(written), folded_terms(told)))
        least = np.partition(scores, -limit)[-limit] if limit < scores.size else 0.0
        found = np.flatnonzero((scores > 0) & (scores >= least)).astype(np.int32)
        return found[np.argsort(-scores[found], kind="stable")][:limit]

    def _is_bare(self, word: str) -> bool:
        assert self.keywords is not None
        (exact,) = exact_terms([word])
        return self.keywords.frequency(exact) >= _BARE * self.keywords.frequency(bare(word))

    def _rarity(self, words: Sequence[str]) -> dict[str, float]:
        """The inverse document frequencies of the folded terms of a query."""
        if self.keywords is None:
            return {}
        frequency = {term: self.keywords.frequency(term) for term in folded_terms(words)}
        return {term: math.log(1 + len(self.sections) / (0.5 + held)) for term, held in frequency.items()}

    def _scores(self, numbers: Numbers, rarity: Mapping[str, float]) -> npt.NDArray[np.float64]:
        """How much sections are about the terms: shares of words and pairs in the head and in all of each."""
        if self.keywords is None or not rarity or not numbers.size:
            return np.zeros(numbers.size)
        heads = [(self._document_of(int(number)), self.headings[number]) for number in numbers]
        named = {head: self._named(*head) for head in set(heads)}
        shown = np.array([[term in named[head] for term in rarity] for head in heads])
        held = np.array([self.keywords.holding(term, numbers) for term in rarity]).T
        weights, pairs = np.array(list(rarity.values())), np.array(["_" in term for term in rarity])
        shares = [
            where[:, kind] @ weights[kind] / weights[kind].sum()
            for kind in (~pairs, pairs)
            if kind.any()
            for where in (shown, held)
        ]
        mean: npt.NDArray[np.float64] = np.mean(shares, axis=0)
        return mean

    def _named(self, document: int, heading: str) -> set[str]:
        """The folded terms of title and heading."""
        title = self.heads[self.documents[document].title]
        return set(folded_terms([*title.split(), *self.heads[heading].split()]))

    def _sections_of(self, document: int) -> Numbers:
        return np.arange(self.starts[document], self.starts[document + 1], dtype=np.int32)

    def _hit(self, number: int, score: float) -> Hit:
        section = self.sections[number]
        return Hit(section, score, Chunk(section.id, section.id, section.text))

    def _document_of(self, number: int) -> int:
        return bisect_right(self.starts, number) - 1

    @cached_property
    def _by_id(self) -> dict[str, int]:
        return {document.id: number for number, document in enumerate(self.documents)}

    def save(self, folder: Path) -> None:
        """Write documents, sections and index (no pickle)."""
        folder.mkdir()
        told = (self.documents, self.starts, self.headings, self.heads, self.questions)
        (folder / "passages.json").write_bytes(msgspec.json.encode(told))
        places = [0]
        with (folder / "sections.jsonl").open("wb") as file:
            for section in self.sections:
                places.append(places[-1] + file.write(msgspec.json.encode(section) + b"\n"))
        digests = np.frombuffer(b"".join(self.digests), np.uint8)
        np.savez(folder / "places.npz", places=np.array(places, np.int64), digests=digests)
        if self.keywords is not None:
            self.keywords.save(folder / "keywords.npz")

    @classmethod
    def load(cls, folder: Path) -> Passages:
        """Inverse of save(); the file of the sections stays open."""
        kept = tuple[
            tuple[Document, ...], tuple[int, ...], tuple[str, ...], dict[str, str], tuple[Phrase, ...]
        ]
        documents, starts, headings, heads, questions = msgspec.json.decode(
            (folder / "passages.json").read_bytes(), type=kept
        )
        with np.load(folder / "places.npz", allow_pickle=False) as kept_places:
            places, digest = kept_places["places"], kept_places["digests"].tobytes()
        digests = tuple(digest[at : at + _DIGEST] for at in range(0, len(digest), _DIGEST))
        return cls(
            documents=documents,
            starts=starts,
            sections=StoredSections(folder / "sections.jsonl", places, digests),
            headings=tuple(map(sys.intern, headings)),
            heads=heads,
            questions=questions,
            digests=digests,
            keywords=KeywordIndex.load(folder / "keywords.npz") if digests else None,
        )


class StoredSections(Sequence[Section]):
    """Sections in a file, a line each, read when one is asked for.

    The file is read, not mapped: a mapped file that is truncated kills the process. What was read is compared
    with its digest; raises IndexUnavailableError where the file is no longer what it was.
    """

    def __init__(self, path: Path, places: npt.NDArray[np.int64], digests: Sequence[bytes]) -> None:
        self._path, self._places, self._digests = path, places, digests
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return len(self._digests)

    @overload
    def __getitem__(self, number: int) -> Section: ...

    @overload
    def __getitem__(self, number: slice) -> tuple[Section, ...]: ...

    def __getitem__(self, number: int | slice) -> Section | tuple[Section, ...]:
        if isinstance(number, slice):
            return tuple(self[one] for one in range(*number.indices(len(self))))
        digest = self._digests[number]  # before the places: raises IndexError at the end
        begin, end = (int(place) for place in self._places[number : number + 2])
        line = os.pread(self._file, end - begin, begin).rstrip(b"\n")
        if _digest(line) != digest:
            raise IndexUnavailableError(f"{self._path} has changed under way; run `assistant index build`")
        return msgspec.json.decode(line, type=Section)


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=_DIGEST).digest()
