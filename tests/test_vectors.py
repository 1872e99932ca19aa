from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.retrieval.embedder import Vectors
from assistant.retrieval.vectors import VectorIndex


@pytest.fixture
def units() -> Vectors:
    found = np.random.default_rng(7).standard_normal((50, 8)).astype(np.float32)
    unit: Vectors = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def test_scores_are_the_similarities_in_the_order_of_the_index(units: Vectors) -> None:
    scores = VectorIndex.build(units).scores(units[3:4])
    np.testing.assert_allclose(scores, units @ units[3], atol=1e-6)
    assert int(np.argmax(scores)) == 3


def test_what_was_saved_is_loaded(units: Vectors, tmp_path: Path) -> None:
    VectorIndex.build(units).save(tmp_path / "vectors.faiss")
    loaded = VectorIndex.load(tmp_path / "vectors.faiss")
    np.testing.assert_allclose(loaded.scores(units[:1]), units @ units[0], atol=1e-6)


def test_a_single_vector_is_an_index() -> None:
    assert VectorIndex.build(np.ones((1, 4), np.float32)).scores(np.ones((1, 4), np.float32)).tolist() == [
        4.0
    ]
