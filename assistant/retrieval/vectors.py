"""Nearest neighbours by inner product of unit vectors. The only module that imports faiss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assistant.retrieval.embedder import Vectors

if TYPE_CHECKING:
    import faiss


class VectorIndex:
    """Exact search: at this size (thousands of chunks) it takes under a millisecond."""

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Vectors) -> VectorIndex:
        """Index vectors of shape (n, dimension), in order."""
        import faiss

        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        return cls(index)

    def scores(self, vector: Vectors) -> Vectors:
        """The similarity of every indexed vector with one of shape (1, dimension); shape (n,)."""
        similarity, rows = self._index.search(vector, self._index.ntotal)
        scores = np.empty(self._index.ntotal, dtype=np.float32)
        scores[rows[0]] = similarity[0]
        return scores

    def save(self, path: Path) -> None:
        """Write one file."""
        import faiss

        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> VectorIndex:
        """Inverse of save()."""
        import faiss

        return cls(faiss.read_index(str(path)))
