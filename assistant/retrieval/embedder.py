"""Text → vectors: the Protocol, and the real sentence-transformers model behind it.

The only module that imports sentence_transformers. Nothing is fetched: the model is a local folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from assistant.errors import EmbedderError

Vectors = npt.NDArray[np.float32]
_ENDS = 65_536  # bytes read of either end of a file for its fingerprint: weights are gigabytes


class Embedder(Protocol):
    """Turns texts into unit vectors; `name` changes when its vectors do."""

    @property
    def name(self) -> str:
        """What the vectors depend on: model and prefixes."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension)."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), dimension)."""


class SentenceEmbedder:
    """A sentence-transformers model in a local folder.

    E5 models want prefixes ("query: ", "passage: "); others none.
    """

    def __init__(self, path: Path, *, query_prefix: str = "", passage_prefix: str = "") -> None:
        """Load the model; raises EmbedderError naming the folder."""
        if not path.is_dir():
            raise EmbedderError(f"embedder.path = {path} is not a folder with a sentence-transformers model")
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer

        try:
            self._model: Any = SentenceTransformer(
                str(path),
                device="cpu",
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise EmbedderError(f"embedder.path = {path} cannot be loaded: {error}") from error
        self._prefixes = query_prefix, passage_prefix
        self.name = f"{path.name}@{_fingerprint(path)}|{query_prefix}|{passage_prefix}"

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions."""
        return self._embed(self._prefixes[0], texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of indexed texts."""
        return self._embed(self._prefixes[1], texts)

    def _embed(self, prefix: str, texts: Sequence[str]) -> Vectors:
        vectors = self._model.encode(
            [prefix + text for text in texts],
            normalize_embeddings=True,
            convert_to_numpy=True,
            batch_size=32,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)


def _fingerprint(folder: Path) -> str:
    """Changes when the model in the folder is replaced, even by one of the same name."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            total.update(str(path.relative_to(folder)).encode() + b"\0" + file.read(_ENDS))
            size = file.seek(0, 2)
            file.seek(max(0, size - _ENDS))
            total.update(str(size).encode() + b"\0" + file.read())
    return total.hexdigest()[:12]
