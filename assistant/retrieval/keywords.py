"""BM25 over Vietnamese syllables: accent-exact, folded, and folded bigrams (reference table of the
studies: the best lexical recipe on all three of their sets).

An unaccented query uses the folded terms only; an accented one prefers exact matches, because folding
merges real words. What is kept are counts, so that an unchanged text is not counted again when others change.
"""

from __future__ import annotations

import itertools
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assistant.text.normalize import bare, syllables

Scores = npt.NDArray[np.float32]
_EXACT = "="  # marks an accent-exact term, so that "can" typed bare is not the exact "can"
_COMMON = (
    0.25  # part of the texts from which a term's weights are also kept for all of them, which adds faster
)
_MOST = 255  # occurrences in a text that are told apart: from there BM25 hardly grows


def folded_terms(words: Sequence[str]) -> list[str]:
    """Folded syllables and their bigrams."""
    single = [bare(word) for word in words]
    return single + [f"{left}_{right}" for left, right in pairwise(single)]


def exact_terms(words: Iterable[str]) -> list[str]:
    """The syllables as they are written."""
    return [_EXACT + word for word in words]


def document_terms(words: Sequence[str]) -> list[str]:
    """All three kinds of terms of an indexed text, given as syllables."""
    return exact_terms(words) + folded_terms(words)


def query_terms(words: Sequence[str]) -> list[str]:
    """The terms of a query, given as syllables; exact ones only where an accent was typed."""
    return exact_terms(word for word in words if not word.isascii()) + folded_terms(words)


@dataclass(frozen=True, eq=False)
class KeywordIndex:
    """A BM25 index of texts, in order. Scores come back as one number for each text.

    Of term t the texts are `owners[starts[t]:starts[t + 1]]`, ascending; `counts` says how often it stands
    in each. `common` holds the BM25 of frequent terms for every text; others' is worked out when asked for.
    """

    terms: dict[str, int] = field(repr=False)
    starts: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int32]
    counts: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int32]  # terms of each text
    soft: Scores  # for each text what a count is compared with
    rarity: Scores  # for each term
    common: dict[str, Scores] = field(repr=False)
    k1: float
    b: float

    @classmethod
    def build(
        cls, texts: Iterable[str], earlier: KeywordIndex | None = None, before: Iterable[str] = ()
    ) -> KeywordIndex:
        """Index the texts (k1 = 0.9, b = 0.5: chunks are short and of similar length).

        Of those that were among the texts `before`, of which `earlier` is the index, counts are taken over.
        """
        known: dict[str, list[int]] = {}
        for number, text in enumerate(before):
            known.setdefault(text, []).append(number)
        counted = (
            numbers.pop(0) if (numbers := known.get(text)) else Counter(document_terms(syllables(text)))
            for text in texts
        )
        return cls.count(counted, k1=0.9, b=0.5, earlier=earlier)

    @classmethod
    def count(
        cls,
        texts: Iterable[Counter[str] | int],
        *,
        k1: float,
        b: float,
        earlier: KeywordIndex | None = None,
    ) -> KeywordIndex:
        """Index texts given as their terms; a number stands for the text of that number in `earlier`."""
        terms: defaultdict[str, int] = defaultdict(itertools.count().__next__)
        for term in earlier.terms if earlier else ():
            terms[term]  # numbered in their order
        moved = np.full(earlier.size if earlier else 0, -1, np.int32)
        rows, owners, counts, lengths = array("i"), array("i"), array("i"), array("i")
        for number, text in enumerate(texts):
            if isinstance(text, int):
                assert earlier is not None
                moved[text] = number
                lengths.append(int(earlier.lengths[text]))
            else:
                rows.extend(map(terms.__getitem__, text))
                owners.extend([number] * len(text))
                counts.extend(text.values())
                lengths.append(text.total())
        row, owner = np.array(rows), np.array(owners)
        count = np.minimum(np.array(counts), _MOST).astype(np.uint8)
        order = np.argsort(row, kind="stable")
        row, owner, count = row[order], owner[order], count[order]
        if earlier is not None:
            stays = moved[earlier.owners] >= 0
            row = np.concatenate([earlier._rows()[stays], row])
            owner = np.concatenate([moved[earlier.owners[stays]], owner])
            count = np.concatenate([earlier.counts[stays], count])
            order = np.argsort(row * np.int64(len(lengths)) + owner, kind="stable")
            owner, count = owner[order], count[order]
        found = np.bincount(row, minlength=len(terms))
        starts = np.concatenate([[0], np.cumsum(found[found > 0])])
        names = [term for term, held in zip(terms, found, strict=True) if held]
        return cls._weighed(names, starts, owner, count, np.array(lengths), k1, b)

    @classmethod
    def _weighed(
        cls,
        terms: Iterable[str],
        starts: npt.NDArray[np.int64],
        owners: npt.NDArray[np.int32],
        counts: npt.NDArray[np.uint8],
        lengths: npt.NDArray[np.int32],
        k1: float,
        b: float,
    ) -> KeywordIndex:
        """The index of the counts, with what BM25 takes from all of them."""
        held = np.diff(starts)
        rarity = np.log(1 + (lengths.size - held + 0.5) / (held + 0.5)).astype(np.float32)
        average = max(1.0, float(lengths.mean())) if lengths.size else 1.0
        soft = (k1 * (1 - b + b * lengths / average)).astype(np.float32)
        rows = {term: row for row, term in enumerate(terms)}
        frequent = (held > _COMMON * lengths.size).tolist()
        common: dict[str, Scores] = {}
        index = cls(rows, starts, owners, counts, lengths, soft, rarity, common, k1, b)
        common |= {
            term: index.scores_of([term])
            for term, is_frequent in zip(rows, frequent, strict=True)
            if is_frequent
        }
        return index

    @property
    def size(self) -> int:
        """The number of texts."""
        return int(self.lengths.size)

    def scores(self, words: Sequence[str]) -> Scores:
        """BM25 of every text for the query syllables; all zero when no term is known."""
        return self.scores_of(query_terms(words))

    def scores_of(self, terms: Iterable[str]) -> Scores:
        """BM25 of every text for the terms, one that comes twice counting twice."""
        scores = np.zeros(self.size, dtype=np.float32)
        for term in terms:
            if term in self.common:
                scores += self.common[term]
            elif term in self.terms:
                owners, bm25 = self._bm25(term)
                np.add.at(scores, owners, bm25)
        return scores

    def _bm25(self, term: str) -> tuple[npt.NDArray[np.int32], Scores]:
        """The texts that hold a term, and its BM25 there as Lucene computes it (Kamphuis et al. 2020)."""
        part = self._part(term)
        owners, counts = self.owners[part], self.counts[part].astype(np.float32)
        counts /= counts + self.soft[owners]
        counts *= self.rarity[self.terms[term]]
        return owners, counts

    def frequency(self, term: str) -> int:
        """The number of texts that hold a term."""
        at = self.terms.get(term)
        return 0 if at is None else int(self.starts[at + 1] - self.starts[at])

    def holding(self, term: str, texts: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """For each of some texts, given by number, whether it holds the term."""
        owners = self.owners[self._part(term)]
        if not owners.size:
            return np.zeros(len(texts), np.bool_)
        found: npt.NDArray[np.bool_] = owners.take(owners.searchsorted(texts), mode="clip") == texts
        return found

    def occurrences(self) -> dict[str, int]:
        """How often each syllable stands in the texts, as it is written."""
        exact = (term for term in self.terms if term.startswith(_EXACT))
        return {term[1:]: int(self.counts[self._part(term)].sum()) for term in exact}

    def _part(self, term: str) -> slice:
        at = self.terms.get(term)
        return slice(0, 0) if at is None else slice(int(self.starts[at]), int(self.starts[at + 1]))

    def _rows(self) -> npt.NDArray[np.int32]:
        return np.repeat(np.arange(len(self.terms), dtype=np.int32), np.diff(self.starts))

    def save(self, path: Path) -> None:
        """Write one file (no pickle)."""
        np.savez(
            path,
            terms=np.frombuffer("\n".join(self.terms).encode(), np.uint8),
            starts=self.starts,
            owners=self.owners,
            counts=self.counts,
            lengths=self.lengths,
            parameters=np.array([self.k1, self.b]),
        )

    @classmethod
    def load(cls, path: Path) -> KeywordIndex:
        """Inverse of save()."""
        # Not mapped: a mapped file that is truncated kills the process.
        with np.load(path, allow_pickle=False) as kept:
            return cls._weighed(
                kept["terms"].tobytes().decode().split(),
                kept["starts"],
                kept["owners"],
                kept["counts"],
                kept["lengths"],
                *kept["parameters"].tolist(),
            )
