from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assistant.errors import EmbedderError
from assistant.retrieval.embedder import SentenceEmbedder

WEIGHTS = "model.safetensors"


@pytest.fixture
def model_copy(minilm_folder: Path, tmp_path: Path) -> Path:
    """The model in a folder that a test may damage; the weights are a link, to be replaced, not written."""
    folder = tmp_path / "model"
    shutil.copytree(minilm_folder, folder, ignore=shutil.ignore_patterns(WEIGHTS))
    (folder / WEIGHTS).symlink_to(minilm_folder / WEIGHTS)
    return folder


def replaced(name: str, content: bytes) -> Callable[[Path], None]:
    """Damage: the file of that name now holds something else."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).write_bytes(content)

    return damage


def pickled_weights(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")


@pytest.mark.slow
def test_texts_become_unit_vectors(minilm: SentenceEmbedder) -> None:
    vectors = minilm.embed_passages(["Đổi thẻ căn cước", "Renew the identity card", ""])
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_texts_of_one_meaning_are_nearer(minilm: SentenceEmbedder) -> None:
    lost, missing, weather = minilm.embed_queries(["I lost my phone", "my phone is gone", "it rains today"])
    assert lost @ missing > lost @ weather + 0.2


@pytest.mark.slow
def test_a_text_has_the_same_vector_alone_and_among_others(minilm: SentenceEmbedder) -> None:
    texts = ["short", "a much longer text about cards and papers", "another"]
    alone = np.vstack([minilm.embed_queries([text]) for text in texts])
    np.testing.assert_allclose(alone, minilm.embed_queries(texts), atol=1e-5)


@pytest.mark.slow
def test_prefixes_change_the_vectors_and_the_name(minilm: SentenceEmbedder, minilm_folder: Path) -> None:
    prefixed = SentenceEmbedder(minilm_folder, query_prefix="query: ", passage_prefix="passage: ")
    assert prefixed.name != minilm.name
    query, passage = prefixed.embed_queries(["phone"]), prefixed.embed_passages(["phone"])
    np.testing.assert_allclose(query, minilm.embed_queries(["query: phone"]), atol=1e-5)
    np.testing.assert_allclose(passage, minilm.embed_passages(["passage: phone"]), atol=1e-5)
    assert float((query @ passage.T)[0, 0]) < 0.999


@pytest.mark.slow
def test_the_name_tells_another_model_in_a_folder_of_the_same_name(
    minilm: SentenceEmbedder, model_copy: Path
) -> None:
    """Else a rebuild would mix the vectors of both."""
    assert SentenceEmbedder(model_copy).name == minilm.name
    config = model_copy / "config_sentence_transformers.json"
    config.write_text(config.read_text().replace("{", '{"changed": true,', 1))
    assert SentenceEmbedder(model_copy).name != minilm.name


@pytest.mark.parametrize("path", ["nowhere", "a-file"])
def test_no_folder_is_an_error_that_names_it(tmp_path: Path, path: str) -> None:
    (tmp_path / "a-file").write_text("not a folder")
    with pytest.raises(EmbedderError, match=rf"embedder\.path = .*{path} is not a folder"):
        SentenceEmbedder(tmp_path / path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(replaced(WEIGHTS, b""), id="weights empty"),
        pytest.param(replaced(WEIGHTS, b"x" * 5000), id="weights garbage"),
        pytest.param(lambda folder: (folder / WEIGHTS).unlink(), id="weights missing"),
        pytest.param(pickled_weights, id="weights only pickled"),
        pytest.param(replaced("config.json", b'{"model_ty'), id="config cut"),
        pytest.param(replaced("config.json", b"{}"), id="config empty"),
        pytest.param(replaced("modules.json", b'[{"idx": 0'), id="modules cut"),
        pytest.param(replaced("modules.json", b'["a"]'), id="modules of another shape"),
        pytest.param(replaced("tokenizer.json", b"{"), id="tokenizer cut"),
        pytest.param(lambda folder: shutil.rmtree(folder / "1_Pooling"), id="pooling missing"),
    ],
)
def test_a_broken_folder_is_an_error_that_names_it(model_copy: Path, damage: Callable[[Path], None]) -> None:
    damage(model_copy)
    with pytest.raises(EmbedderError, match=rf"embedder\.path = {model_copy} cannot be loaded"):
        SentenceEmbedder(model_copy)


@pytest.mark.slow
def test_weights_cut_short_are_refused(model_copy: Path, minilm_folder: Path) -> None:
    with (minilm_folder / WEIGHTS).open("rb") as file:
        replaced(WEIGHTS, file.read(1_000_000))(model_copy)
    with pytest.raises(EmbedderError, match="cannot be loaded"):
        SentenceEmbedder(model_copy)


@pytest.mark.slow
def test_code_in_the_folder_is_never_run(model_copy: Path, tmp_path: Path) -> None:
    proof = tmp_path / "code-was-run"
    (model_copy / "evil.py").write_text(f"open({str(proof)!r}, 'w')\nclass Model: pass\n")
    replaced("modules.json", b'[{"idx": 0, "name": "0", "path": "", "type": "evil.Model"}]')(model_copy)
    with pytest.raises(EmbedderError):
        SentenceEmbedder(model_copy)
    assert not proof.exists()
