"""Text → vectors: the Protocol, the real sentence-transformers model behind it, and what it said before.

The only module that imports sentence_transformers. Nothing is fetched: the model is a local folder.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from assistant.errors import EmbedderError

LOG = logging.getLogger("assistant")

Vectors = npt.NDArray[np.float32]
_ENDS = 65_536  # bytes read of either end of a file for its fingerprint: weights are gigabytes
_BATCH = 32  # texts of about one length that a model reads at once
_BLOCK = 512  # texts after which what was embedded is kept: a large model takes minutes for them
_MODELS = 3  # of which vectors are kept
_PASSAGE_PROMPTS = ("passage", "document", "corpus")  # names under which models bring a prefix for passages


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

    E5 models want prefixes ("query: ", "passage: "); those not given are taken from the prompts in the
    model's config_sentence_transformers.json, where it brings some.
    """

    def __init__(
        self, path: Path, *, query_prefix: str | None = None, passage_prefix: str | None = None
    ) -> None:
        """Load the model; raises EmbedderError naming the folder."""
        if not path.is_dir():
            raise EmbedderError(f"embedder.path = {path} is not a folder with a sentence-transformers model")
        if not any(path.rglob("*.safetensors")):
            raise EmbedderError(
                f"embedder.path = {path} cannot be loaded: it holds no *.safetensors, and weights in "
                "pytorch_model.bin could run code; take a copy of the model that was saved as safetensors"
            )
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
        prompts = self._model.prompts
        self._query = prompts.get("query") or "" if query_prefix is None else query_prefix
        own = next((prompt for name in _PASSAGE_PROMPTS if (prompt := prompts.get(name))), "")
        self._passage = own if passage_prefix is None else passage_prefix
        self.name = f"{path.name}@{_fingerprint(path)}|{self._query}|{self._passage}"

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions."""
        return self._embed(self._model.encode_query, self._query, texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of indexed texts."""
        return self._embed(self._model.encode_document, self._passage, texts)

    def _embed(self, encode: Callable[..., Any], prefix: str, texts: Sequence[str]) -> Vectors:
        """The prefix is always told, even an empty one: else a model's default prompt stands in for it."""
        vectors = encode(
            list(texts),
            prompt=prefix,
            normalize_embeddings=True,
            convert_to_numpy=True,
            batch_size=_BATCH,
            show_progress_bar=False,
        )
        found = np.asarray(vectors, dtype=np.float32)
        if not np.isfinite(found).all():  # weights that were damaged; of such likeness nothing can be told
            raise EmbedderError(f"the embedder {self.name} makes vectors that are no numbers; get it anew")
        return found


class RememberingEmbedder:
    """An embedder that keeps its vectors in a folder, by the sha256 of each text: none is embedded twice.

    For building an index. What people ask is never given to it, so none of that is kept.
    """

    def __init__(
        self, embedder: Embedder, folder: Path, progress: Callable[[str], None] = lambda _: None
    ) -> None:
        self.name = embedder.name
        self._embedder = embedder
        self._progress = progress
        self._path = folder / f"{hashlib.sha256(embedder.name.encode()).hexdigest()[:16]}.npz"
        self._known = _read_vectors(self._path)
        self._wanted: set[bytes] = set()

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the guides' own questions, asked as questions."""
        return self._embed("query", texts, self._embedder.embed_queries)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of indexed texts."""
        return self._embed("passage", texts, self._embedder.embed_passages)

    def keep(self) -> None:
        """Keep what was wanted of it since it was made, and of the models used last: no more."""
        self._write({key: self._known[key] for key in sorted(self._wanted)})
        models = sorted(self._path.parent.glob("*.npz"), key=lambda path: -path.stat().st_mtime_ns)
        for path in models[_MODELS:]:
            path.unlink()

    def _embed(self, kind: str, texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors]) -> Vectors:
        keys = [hashlib.sha256(f"{kind}\0{text}".encode()).digest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        unread = list(missing)
        for start in range(0, len(unread), _BLOCK):
            self._progress(f"reading with the embedder: {start} of {len(unread)} texts")
            block = unread[start : start + _BLOCK]
            self._known |= zip(block, embed([missing[key] for key in block]), strict=True)
            if start + _BLOCK < len(unread):
                self._write(self._known)  # a build that is broken off goes on from here
        self._wanted.update(keys)
        return np.stack([self._known[key] for key in keys])

    def _write(self, vectors: Mapping[bytes, Vectors]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f".{self._path.stem}")
        keys = np.frombuffer(b"".join(vectors), np.uint8).reshape(-1, hashlib.sha256().digest_size)
        try:
            with fresh.open("wb") as file:
                np.savez(file, keys=keys, vectors=np.stack(list(vectors.values())))
            fresh.replace(self._path)
        except OSError:  # a full disk
            fresh.unlink(missing_ok=True)
            raise


def _read_vectors(path: Path) -> dict[bytes, Vectors]:
    """What was kept (no pickle; a zip checks its sums); nothing where the file is missing or damaged."""
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as kept:
            return dict(zip((key.tobytes() for key in kept["keys"]), kept["vectors"], strict=True))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        LOG.warning("%s is damaged (%s): its texts are embedded anew", path, error)
        if path.is_dir():
            shutil.rmtree(path)
        return {}


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
