from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import FakeEmbedder

from assistant.errors import EmbedderError
from assistant.retrieval.embedder import RememberingEmbedder, SentenceEmbedder, Vectors

WEIGHTS = "model.safetensors"
PROMPTS = {"query": "query: ", "passage": "passage: "}
TEXTS = ["đổi thẻ căn cước", "quên mật khẩu", "a"]


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
    """As bge-m3 is published."""
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the shape of E5, in the small: random weights, reads letters, takes the mean of all."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny") / "e5-tiny"
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *" :.?0123456789abcdefghijklmnopqrstuvwxyzăâđêôơư"]
    letters = Tokenizer(models.WordLevel({name: n for n, name in enumerate(names)}, unk_token="[UNK]"))
    letters.normalizer = normalizers.Lowercase()
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    letters.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call,unused-ignore]
        tokenizer_object=letters, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    shape = BertConfig(
        vocab_size=len(names),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        initializer_range=0.5,
    )
    torch.manual_seed(7)
    BertModel(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    kinds = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 128, "do_lower_case": false}')
    return folder


def with_prompts(folder: Path, copy: Path, **more: object) -> Path:
    """A copy of the model that brings prompts."""
    shutil.copytree(folder, copy)
    config = {"prompts": PROMPTS, **more}
    (copy / "config_sentence_transformers.json").write_text(json.dumps(config))
    return copy


def prefixed(embedder: SentenceEmbedder, prefix: str) -> Vectors:
    """Vectors of the texts with a prefix written before each, by a model that has none."""
    return embedder.embed_passages([prefix + text for text in TEXTS])


# Prefixes


def test_a_model_without_prompts_reads_the_texts_alone(tiny: Path) -> None:
    plain = SentenceEmbedder(tiny)
    np.testing.assert_allclose(plain.embed_queries(TEXTS), plain.embed_passages(TEXTS), atol=1e-6)
    assert float(plain.embed_queries(TEXTS)[0] @ plain.embed_queries(TEXTS)[1]) < 0.99


def test_the_prompts_that_a_model_brings_are_its_prefixes(tiny: Path, tmp_path: Path) -> None:
    plain, own = SentenceEmbedder(tiny), SentenceEmbedder(with_prompts(tiny, tmp_path / "model"))
    np.testing.assert_allclose(own.embed_queries(TEXTS), prefixed(plain, "query: "), atol=1e-6)
    np.testing.assert_allclose(own.embed_passages(TEXTS), prefixed(plain, "passage: "), atol=1e-6)
    assert "query: " in own.name
    assert "passage: " in own.name


def test_prefixes_of_the_settings_win_even_empty_ones(tiny: Path, tmp_path: Path) -> None:
    folder = with_prompts(tiny, tmp_path / "model", default_prompt_name="query")
    plain = SentenceEmbedder(tiny)
    told = SentenceEmbedder(folder, query_prefix="hỏi: ", passage_prefix="")
    np.testing.assert_allclose(told.embed_queries(TEXTS), prefixed(plain, "hỏi: "), atol=1e-6)
    np.testing.assert_allclose(told.embed_passages(TEXTS), prefixed(plain, ""), atol=1e-6)


def test_a_default_prompt_of_the_model_is_not_put_before_a_prefix(tiny: Path, tmp_path: Path) -> None:
    folder = with_prompts(tiny, tmp_path / "model", default_prompt_name="query")
    np.testing.assert_allclose(
        SentenceEmbedder(folder).embed_passages(TEXTS),
        prefixed(SentenceEmbedder(tiny), "passage: "),
        atol=1e-6,
    )


def test_a_model_is_loaded_and_asked_without_the_network(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert SentenceEmbedder(tiny).embed_queries(TEXTS).shape == (3, 32)


def test_many_texts_are_read_in_batches_with_the_vectors_they_have_alone(tiny: Path) -> None:
    embedder = SentenceEmbedder(tiny)
    texts = ["thẻ " * (number % 17 + 1) + str(number) for number in range(100)]
    vectors = embedder.embed_passages(texts)
    for number in (0, 16, 50, 99):
        alone = embedder.embed_passages([texts[number]])
        np.testing.assert_allclose(vectors[number], alone[0], atol=1e-5)


def test_weights_that_make_no_numbers_are_refused(tiny: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = with_prompts(tiny, tmp_path / "model")
    weights = load_file(folder / WEIGHTS)
    save_file({name: np.full_like(array, np.nan) for name, array in weights.items()}, folder / WEIGHTS)
    with pytest.raises(EmbedderError, match="no numbers"):
        SentenceEmbedder(folder).embed_passages(TEXTS)


# Remembering


def test_no_text_is_embedded_twice_by_one_model(tmp_path: Path) -> None:
    first, second = FakeEmbedder(), FakeEmbedder()
    remembering = RememberingEmbedder(first, tmp_path)
    vectors = remembering.embed_passages([*TEXTS, *TEXTS])
    remembering.keep()
    assert first.texts == TEXTS
    again = RememberingEmbedder(second, tmp_path)
    np.testing.assert_array_equal(again.embed_passages([*TEXTS, *TEXTS]), vectors)
    assert second.texts == []


def test_a_question_and_a_passage_of_the_same_words_are_two_texts(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    remembering = RememberingEmbedder(fake, tmp_path)
    remembering.embed_passages(["quên mật khẩu"])
    remembering.embed_queries(["quên mật khẩu"])
    assert fake.texts == ["quên mật khẩu"] * 2


def test_each_model_has_its_own_vectors(tmp_path: Path) -> None:
    for fake in (FakeEmbedder(), FakeEmbedder("other", dimension=8)):
        remembering = RememberingEmbedder(fake, tmp_path)
        assert remembering.embed_passages(TEXTS).shape == (3, fake.dimension)
        remembering.keep()
    again = FakeEmbedder()
    assert RememberingEmbedder(again, tmp_path).embed_passages(TEXTS).shape == (3, 16)
    assert again.texts == []


def test_only_what_the_index_holds_is_kept(tmp_path: Path) -> None:
    for texts in (TEXTS, TEXTS[:1]):
        remembering = RememberingEmbedder(FakeEmbedder(), tmp_path)
        remembering.embed_passages(texts)
        remembering.keep()
    later = FakeEmbedder()
    RememberingEmbedder(later, tmp_path).embed_passages(TEXTS)
    assert later.texts == TEXTS[1:]


def test_models_that_were_left_long_ago_are_forgotten(tmp_path: Path) -> None:
    for name in "abcde":
        remembering = RememberingEmbedder(FakeEmbedder(name), tmp_path)
        remembering.embed_passages(TEXTS)
        remembering.keep()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_reading_that_was_broken_off_goes_on_where_it_was(tmp_path: Path) -> None:
    class Interrupted(FakeEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Vectors:
            if len(self.texts) >= 1000:
                raise KeyboardInterrupt
            return super().embed_passages(texts)

    texts = [f"text {number}" for number in range(1500)]
    interrupted, after = Interrupted(), FakeEmbedder()
    with pytest.raises(KeyboardInterrupt):
        RememberingEmbedder(interrupted, tmp_path).embed_passages(texts)
    RememberingEmbedder(after, tmp_path).embed_passages(texts)
    assert interrupted.texts + after.texts == texts


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut", b"\x80\x04 pickled"])
def test_kept_vectors_that_are_damaged_are_made_anew(tmp_path: Path, damage: bytes) -> None:
    remembering = RememberingEmbedder(FakeEmbedder(), tmp_path)
    vectors = remembering.embed_passages(TEXTS)
    remembering.keep()
    for path in tmp_path.iterdir():
        path.write_bytes(damage)
    again = FakeEmbedder()
    np.testing.assert_array_equal(RememberingEmbedder(again, tmp_path).embed_passages(TEXTS), vectors)
    assert again.texts == TEXTS


def test_a_folder_in_the_place_of_kept_vectors_is_removed(tmp_path: Path) -> None:
    remembering = RememberingEmbedder(FakeEmbedder(), tmp_path)
    remembering.embed_passages(TEXTS)
    remembering.keep()
    (path,) = tmp_path.iterdir()
    path.unlink()
    path.mkdir()
    again = RememberingEmbedder(FakeEmbedder(), tmp_path)
    again.embed_passages(TEXTS)
    again.keep()
    assert path.is_file()


# A real model


def test_texts_become_unit_vectors(minilm: SentenceEmbedder) -> None:
    vectors = minilm.embed_passages(["Đổi thẻ căn cước", "Renew the identity card", ""])
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_texts_of_one_meaning_are_nearer(minilm: SentenceEmbedder) -> None:
    lost, missing, weather = minilm.embed_queries(["I lost my phone", "my phone is gone", "it rains today"])
    assert lost @ missing > lost @ weather + 0.2


def test_a_text_has_the_same_vector_alone_and_among_others(minilm: SentenceEmbedder) -> None:
    texts = ["short", "a much longer text about cards and papers", "another"]
    alone = np.vstack([minilm.embed_queries([text]) for text in texts])
    np.testing.assert_allclose(alone, minilm.embed_queries(texts), atol=1e-5)


def test_the_name_tells_another_model_in_a_folder_of_the_same_name(
    minilm: SentenceEmbedder, model_copy: Path
) -> None:
    """Else a rebuild would mix the vectors of both."""
    assert SentenceEmbedder(model_copy).name == minilm.name
    assert SentenceEmbedder(model_copy, query_prefix="query: ").name != minilm.name
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


def test_weights_cut_short_are_refused(model_copy: Path, minilm_folder: Path) -> None:
    with (minilm_folder / WEIGHTS).open("rb") as file:
        replaced(WEIGHTS, file.read(1_000_000))(model_copy)
    with pytest.raises(EmbedderError, match="cannot be loaded"):
        SentenceEmbedder(model_copy)


def test_code_in_the_folder_is_never_run(model_copy: Path, tmp_path: Path) -> None:
    proof = tmp_path / "code-was-run"
    (model_copy / "evil.py").write_text(f"open({str(proof)!r}, 'w')\nclass Model: pass\n")
    replaced("modules.json", b'[{"idx": 0, "name": "0", "path": "", "type": "evil.Model"}]')(model_copy)
    with pytest.raises(EmbedderError):
        SentenceEmbedder(model_copy)
    assert not proof.exists()
