from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import FakeEmbedder, full_disk, some_guides

from assistant.answering.prompts import Prompt
from assistant.config import Settings, load_settings
from assistant.errors import ConfigError, IndexUnavailableError, KnowledgeError, ModelError
from assistant.knowledge.facts import NO_FACTS
from assistant.knowledge.official import Officials
from assistant.loading import (
    build_index,
    check_prompts,
    current_index,
    load_assistant,
    load_model,
    prepare_guides,
    reading_list,
    renewed,
)
from assistant.models.prefix import count_asked, times_asked
from assistant.models.worker import WorkerModel
from assistant.retrieval.search import Searcher


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    paths = "vneid/vneid-cai-dat.md", "vneid/vneid-quen-passcode.md", "can-cuoc/can-cuoc-cap-doi.md"
    return load_settings({"home": some_guides(tmp_path / "home", *paths), "data": tmp_path / "data"})


def test_the_first_start_builds_the_index_and_the_next_uses_it(settings: Settings) -> None:
    said: list[str] = []
    first = load_assistant(settings, progress=said.append)
    again = load_assistant(settings, progress=said.append)
    assert said
    assert again.searcher.index.manifest == first.searcher.index.manifest


def test_changed_knowledge_is_taken_up_at_the_next_start(settings: Settings) -> None:
    first = load_assistant(settings)
    guide = settings.knowledge / "guides" / "vneid" / "vneid-cai-dat.md"
    guide.unlink()
    again = load_assistant(settings)
    assert "vneid-cai-dat" in first.searcher.index.guides
    assert "vneid-cai-dat" not in again.searcher.index.guides


def test_documents_are_not_read_at_a_start_that_finds_all_as_it_was(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_assistant(settings)
    monkeypatch.setattr("assistant.loading.read_officials", None)
    assert load_assistant(settings).searcher.index.manifest == first.searcher.index.manifest


def test_broken_knowledge_is_an_error_at_first_and_later_the_old_index_serves(settings: Settings) -> None:
    load_assistant(settings)
    guide = settings.knowledge / "guides" / "vneid" / "vneid-cai-dat.md"
    guide.write_text("---\nid: [\n---\n", encoding="utf-8")
    assert "vneid-cai-dat" in load_assistant(settings).searcher.index.guides
    with pytest.raises(KnowledgeError, match="vneid-cai-dat.md:"):
        current_index(settings, None, lambda _: None, strict=True)
    shutil.rmtree(settings.data)
    with pytest.raises(KnowledgeError, match="vneid-cai-dat.md:"):
        load_assistant(settings)


def test_a_choice_of_a_guide_that_does_not_exist_is_a_problem(settings: Settings) -> None:
    path = settings.home / "prompts" / "choices.toml"
    path.write_text('[[near]]\nask = "Việc nào ạ?"\nguides = { viec-la = "Việc lạ" }\n', encoding="utf-8")
    problems = check_prompts(settings, {"vneid-cai-dat"}, NO_FACTS)
    assert [p.message for p in problems if p.path == path] == [
        "“Việc nào ạ?”: guide `viec-la` does not exist"
    ]


def test_missing_knowledge_says_where_it_was_looked_for(settings: Settings) -> None:
    shutil.rmtree(settings.knowledge)
    with pytest.raises(KnowledgeError, match="ASSISTANT_HOME"):
        load_assistant(settings)


def test_a_wards_own_guide_and_contact_win(settings: Settings) -> None:
    own = settings.overlay / "guides" / "vneid"
    own.mkdir(parents=True)
    shipped = settings.knowledge / "guides" / "vneid" / "vneid-cai-dat.md"
    text = shipped.read_text(encoding="utf-8").replace("title: ", "title: Phường ta – ", 1)
    (own / "vneid-cai-dat.md").write_text(text, encoding="utf-8")
    (settings.overlay / "contacts.toml").write_text(
        '[phuong]\nname = "Phường"\nvalue = "Số 1 Lê Lợi"\nkind = "address"\nsource = {title = "Phường"}\n',
        encoding="utf-8",
    )
    assistant = load_assistant(settings)
    assert assistant.open_guide("vneid-cai-dat").text.startswith("Phường ta – ")
    assert "Số 1 Lê Lợi" in assistant.open_guide("can-cuoc-cap-doi").text


def test_a_model_file_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    missing = tmp_path / "qwen.gguf"
    wrong = load_settings({"home": settings.home, "data": settings.data, "models": {"path": missing}})
    with pytest.raises(ModelError, match=r"qwen\.gguf"):
        load_model(wrong)


@pytest.mark.slow
def test_the_model_reads_what_is_asked_for_most_first(settings: Settings) -> None:
    assistant = load_assistant(settings)
    *_, often, once = sorted(assistant.searcher.index.guides)
    for document_id in (once, often, often):
        count_asked(settings.states, document_id)
    first = [prompt.document_id for prompt in reading_list(assistant, settings)]
    assert first[:2] == [often, once]
    assert sorted(first) == sorted(assistant.searcher.index.guides)


@pytest.mark.slow
def test_an_answer_of_a_real_model_leaves_the_guide_read(settings: Settings, smollm_path: Path) -> None:
    wanted = {"path": smollm_path, "context": 2048, "answer": 16, "threads": 1}
    with_model = load_settings({"home": settings.home, "data": settings.data, "models": wanted})
    model = load_assistant(with_model).model
    assert isinstance(model, WorkerModel)
    with closing(model):  # in English, because a guide costs this model four times its tokens
        assert list(model.stream(Prompt("Answer.", "The sky is blue.", "What is blue?", "vneid-cai-dat")))
    assert times_asked(with_model.states) == {"vneid-cai-dat": 1}
    assert len(list(with_model.states.glob("*.state"))) == 2  # the rules and the guide


def test_reading_beforehand_without_a_model_says_what_to_set(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"models\.path"):
        prepare_guides(load_assistant(settings), settings, lambda _: None)


def test_an_index_with_vectors_serves_while_their_model_loads(settings: Settings) -> None:
    built = build_index(settings, FakeEmbedder(), None, Officials((), ()), lambda _: None)
    assert built.manifest.embedder == "fake"
    guides_alone = load_assistant(settings, with_embedder=False)
    assert guides_alone.searcher.index.manifest == built.manifest
    assert guides_alone.answer("Quên passcode VNeID").card is not None


def test_switching_models_reads_the_texts_and_learns_nothing_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other, again = FakeEmbedder(), FakeEmbedder("other", dimension=8), FakeEmbedder()
    before = current_index(settings, first, lambda _: None)
    for learning in ("act_classifier", "uncovered"):
        monkeypatch.setattr(f"assistant.retrieval.index.{learning}", None)
    switched = current_index(settings, other, lambda _: None)
    assert set(other.texts) == set(first.texts)
    assert (before.manifest.embedder, switched.manifest.embedder) == ("fake", "other")
    assert switched.corpus == before.corpus
    back = current_index(settings, again, lambda _: None)
    assert again.texts == []  # its vectors were kept
    assert back.manifest.embedder == "fake"
    assert current_index(settings, None, lambda _: None).vectors is None


def test_what_people_ask_is_not_kept_with_the_vectors(settings: Settings) -> None:
    assistant = load_assistant(settings)
    embedder = FakeEmbedder()
    index = build_index(settings, embedder, None, Officials((), ()), lambda _: None)
    kept = {path: path.read_bytes() for path in (settings.data / "vectors").iterdir()}
    index = replace(index, manifest=replace(index.manifest, dense_weight=1.0))
    asked = replace(assistant, searcher=Searcher(index, embedder))
    before = len(embedder.texts)
    asked.answer("Quên passcode VNeID thì làm sao?")
    assert len(embedder.texts) > before
    assert {path: path.read_bytes() for path in (settings.data / "vectors").iterdir()} == kept


def test_a_damaged_index_without_another_is_built_anew(settings: Settings) -> None:
    load_assistant(settings)
    for file in (settings.data / "index").rglob("guides.json"):
        file.write_bytes(b"")
    try:
        assistant = load_assistant(settings)
    except IndexUnavailableError:
        pytest.fail("a start repairs what it can build")
    assert assistant.searcher.index.guides


def test_a_data_folder_that_cannot_be_written_is_told_before_anything_is_built(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be", encoding="utf-8")
    said: list[str] = []
    with pytest.raises(ConfigError, match=r"ASSISTANT_DATA = .*data cannot be written"):
        build_index(load_settings({"data": tmp_path / "data"}), None, None, Officials((), ()), said.append)
    assert said == []


def test_where_a_new_index_cannot_be_written_the_old_one_serves(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    load_assistant(settings)
    (settings.knowledge / "guides" / "vneid" / "vneid-cai-dat.md").unlink()
    with full_disk(room=1024):
        assert "vneid-cai-dat" in load_assistant(settings).searcher.index.guides
        with pytest.raises(ConfigError, match="cannot be written"):
            current_index(settings, None, lambda _: None, strict=True)
    assert "serves on" in caplog.text
    assert [path.name for path in (settings.data / "index").iterdir() if path.name[0] == "."] == []


@pytest.mark.parametrize("name", ["guides/vneid/vneid-cai-dat.md", "facts.toml"])
def test_where_knowledge_cannot_be_read_the_old_index_serves(settings: Settings, name: str) -> None:
    load_assistant(settings)
    path = settings.knowledge / name
    path.unlink()
    path.mkdir()
    assert "vneid-cai-dat" in load_assistant(settings).searcher.index.guides
    path.rmdir()
    path.symlink_to("/proc/self/mem")  # reading it is an input/output error
    (settings.data / "index" / "CURRENT").unlink()
    (settings.data / "index" / "CURRENT").symlink_to("/proc/self/mem")
    assert "vneid-cai-dat" in load_assistant(settings).searcher.index.guides


def test_what_has_not_changed_goes_on_when_it_is_read_again(settings: Settings) -> None:
    before = load_assistant(settings)
    assert renewed(before, settings) is before
    words = settings.home / "prompts" / "safety.toml"
    words.write_text(words.read_text(encoding="utf-8").replace("Bác", "Bà"), encoding="utf-8")
    after = renewed(before, settings)
    assert after.safety != before.safety
    assert after.searcher is before.searcher
