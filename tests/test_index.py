from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import FakeEmbedder, some_guides

from assistant.config import CHECKOUT
from assistant.datatypes import Document, OfficialText, Section, Source
from assistant.errors import IndexUnavailableError, KnowledgeError
from assistant.retrieval.embedder import RememberingEmbedder
from assistant.retrieval.index import (
    Index,
    KnowledgePaths,
    build,
    generations,
    go_back,
    load,
    save,
    with_vectors,
)
from assistant.retrieval.search import Searcher

FILES = [
    "acts.npz",
    "asked.npz",
    "corpus.json",
    "facts.json",
    "glossary.json",
    "guides.json",
    "keywords.npz",
    "manifest.json",
    "passages/keywords.npz",
    "passages/passages.json",
    "passages/places.npz",
    "passages/sections.jsonl",
    "procedures.json",
    "questions.npz",
    "titles.npz",
    "topics.npz",
    "vectors.faiss",
]
LAW = OfficialText(
    Document("luat", "Luật Cư trú", "Quốc hội", (Source(1, "Luật Cư trú", None, "2020"),)),
    tuple(Section(f"luat#{n}", "luat", f"Điều {n}", "Đăng ký thường trú " * n, n) for n in range(1, 9)),
)
GUIDE = "guides/can-cuoc/can-cuoc-cap-doi.md"


def marked(index: Index, inputs: str) -> Index:
    """The index with a mark by which a test knows its generation."""
    return replace(index, manifest=replace(index.manifest, inputs=inputs))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index of a few guides with vectors."""
    home = some_guides(tmp_path_factory.mktemp("small") / "home", "can-cuoc")
    return with_vectors(build(KnowledgePaths(home / "knowledge", home / "no-overlay"), [LAW]), FakeEmbedder())


@pytest.fixture(scope="module")
def saved(small: Index, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generations on disk, "old" and "new"; the new one is current."""
    folder = tmp_path_factory.mktemp("saved")
    save(marked(small, "old"), folder)
    save(marked(small, "new"), folder)
    return folder


@pytest.fixture
def root(saved: Path, tmp_path: Path) -> Path:
    """A copy of the two generations, to be damaged."""
    return shutil.copytree(saved, tmp_path / "index")


def serving(root: Path) -> str:
    return load(root).manifest.inputs


def current(root: Path) -> Path:
    return root / (root / "CURRENT").read_text().strip()


# Round trip


def test_what_was_saved_is_loaded(small: Index, tmp_path: Path) -> None:
    saved = save(small, tmp_path)
    loaded = load(tmp_path)
    assert loaded.corpus == small.corpus
    assert loaded.guides == small.guides
    assert loaded.facts == small.facts
    assert loaded.glossary == small.glossary
    assert loaded.manifest == saved.manifest
    assert loaded.vectors is not None
    assert small.vectors is not None
    anything = FakeEmbedder().embed_queries(["anything"])
    np.testing.assert_array_equal(loaded.vectors.scores(anything), small.vectors.scores(anything))


def test_what_is_in_memory_already_is_not_read_again(small: Index, tmp_path: Path) -> None:
    save(small, tmp_path)
    held = load(tmp_path)
    assert load(tmp_path, held) is held
    other = replace(held, manifest=replace(held.manifest, inputs="other"))
    assert load(tmp_path, other) is not other


def test_a_loaded_index_finds_what_the_built_one_found(small: Index, tmp_path: Path) -> None:
    save(small, tmp_path)
    for words in (["đổi", "thẻ"], ["mat", "the", "can", "cuoc"], ["trẻ", "em"], ["xyz"]):
        assert Searcher(load(tmp_path)).search(words) == Searcher(small).search(words)


def test_an_index_without_an_embedder_has_no_vectors(few_guides: KnowledgePaths, tmp_path: Path) -> None:
    save(build(few_guides), tmp_path / "index")
    loaded = load(tmp_path / "index")
    assert loaded.vectors is None
    assert loaded.manifest.embedder is None


def test_every_shipped_guide_is_in_the_index(index: Index, knowledge: KnowledgePaths) -> None:
    written = {path.stem for path in (knowledge.shipped / "guides").rglob("*.md")}
    assert set(index.guides) == written == {document.id for document in index.corpus.documents}
    assert index.manifest.documents == len(written)


def test_the_manifest_knows_every_file(root: Path) -> None:
    listed = sorted(load(root).manifest.files)
    on_disk = sorted(str(p.relative_to(current(root))) for p in current(root).rglob("*") if p.is_file())
    assert on_disk == FILES  # a new kind of file is to be damaged below, too
    assert listed == [name for name in FILES if name != "manifest.json"]


def test_nothing_is_pickled(root: Path) -> None:
    files = [path for path in root.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {
        "",
        ".json",
        ".jsonl",
        ".npz",
        ".faiss",
    }  # .npz is read with allow_pickle=False
    assert not any(path.read_bytes().startswith(b"\x80") for path in files)
    for path in root.rglob("*.npy"):
        np.load(path, allow_pickle=False)


# Damage


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def zero_tail(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-40] + b"\0" * 40)


@pytest.mark.parametrize("damage", [cut, flip, zero_tail, Path.unlink])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_generation_is_refused_and_the_one_before_serves(
    root: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(current(root) / name)
    assert serving(root) == "old"


@pytest.mark.parametrize("name", FILES)
def test_damage_in_every_generation_says_what_to_do(root: Path, name: str) -> None:
    for folder in map(Path, generations(root)):
        cut(root / folder / name)
    with pytest.raises(IndexUnavailableError, match=r"damaged.*run `assistant index build`"):
        load(root)


def test_a_generation_of_another_format_is_refused(root: Path) -> None:
    manifest = current(root) / "manifest.json"
    manifest.write_text(re.sub(r'"format": \d+', '"format": 99', manifest.read_text()))
    assert serving(root) == "old"


def test_a_file_the_manifest_does_not_know_is_not_read(few_guides: KnowledgePaths, tmp_path: Path) -> None:
    save(build(few_guides), tmp_path / "index")
    (current(tmp_path / "index") / "vectors.faiss").write_bytes(b"not vectors")
    assert load(tmp_path / "index").vectors is None


# Torn builds and the pointer


def test_no_index_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(IndexUnavailableError, match=r"no index under .*run `assistant index build`"):
        load(tmp_path / "nothing")


def test_a_build_that_did_not_end_is_ignored(root: Path) -> None:
    shutil.copytree(current(root), root / ".building-29991231T000000000000-1")
    shutil.copytree(current(root), root / "29991231T000000000000-1")
    (root / "29991231T000000000000-1" / "manifest.json").unlink()
    assert current(root).name == generations(root)[0]
    assert serving(root) == "new"


@pytest.mark.parametrize(
    "pointer", [b"20000101T000000-1\n", b"", b"\0" * 28, b"\xff\xfe\n", b"../../etc\n", b"/\n", b".\n"]
)
def test_a_pointer_to_nothing_leaves_the_newest_generation(root: Path, pointer: bytes) -> None:
    (root / "CURRENT").write_bytes(pointer)
    assert serving(root) == "new"


def test_a_missing_pointer_leaves_the_newest_generation(root: Path) -> None:
    (root / "CURRENT").unlink()
    assert serving(root) == "new"


def test_the_pointer_decides(root: Path) -> None:
    (root / "CURRENT").write_text(generations(root)[1] + "\n")
    assert serving(root) == "old"


@pytest.mark.slow
def test_a_build_killed_at_any_moment_leaves_the_old_or_the_new_index(small: Index, tmp_path: Path) -> None:
    save(marked(small, "oldest"), tmp_path / "earlier")
    save(marked(small, "old"), tmp_path / "earlier")
    moments = tmp_path / "moments"
    moments.mkdir()
    script = CHECKOUT / "tests" / "killed_builds.py"
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    subprocess.run([sys.executable, script, tmp_path / "earlier", moments], env=environment, check=True)
    served = [serving(folder) for folder in sorted(moments.glob("[0-9]*"))]
    switch = served.index("new")
    assert switch > 20
    assert served == ["old"] * switch + ["new"] * (len(served) - switch)


# Old generations


def test_one_goes_back_to_what_was_built_of_the_same_knowledge(root: Path) -> None:
    assert go_back(root, "unknown") is None
    assert go_back(root, "old", ("another",)) is None
    assert serving(root) == "new"
    before = go_back(root, "old")
    assert before is not None
    assert before.manifest.inputs == serving(root) == "old"


def test_generations_beyond_two_are_removed(small: Index, tmp_path: Path) -> None:
    for inputs in ("1", "2", "3", "4"):
        save(marked(small, inputs), tmp_path)
    assert len(generations(tmp_path)) == 2
    assert serving(tmp_path) == "4"
    shutil.rmtree(current(tmp_path))
    assert serving(tmp_path) == "3"


def test_a_clock_that_went_back_does_not_remove_the_new_generation(root: Path, small: Index) -> None:
    """The kiosk's battery is dead and it wakes up in the past."""
    for name in generations(root):
        (root / name).rename(root / f"2999{name[4:]}")
    save(marked(small, "past"), root)
    assert len(generations(root)) == 2
    assert serving(root) == "past"


def test_what_killed_builds_left_is_removed_after_a_while(root: Path, small: Index) -> None:
    left, running, half_removed = root / ".building-1-1", root / ".building-2-2", root / "20200101T000000-1"
    for folder in (left, running, half_removed):
        folder.mkdir()
        (folder / "corpus.json").write_text("{}")
    long_ago = time.time() - 2 * 86_400
    os.utime(left, (long_ago, long_ago))
    save(small, root)
    assert not left.exists()
    assert not half_removed.exists()
    assert running.exists()


# Vectors


def test_after_an_edit_only_what_is_new_is_embedded(few_guides: KnowledgePaths, tmp_path: Path) -> None:
    first = FakeEmbedder()
    remembering = RememberingEmbedder(first, tmp_path / "vectors")
    with_vectors(build(few_guides), remembering)
    remembering.keep()
    guide = few_guides.shipped / GUIDE
    question = "- Đổi thẻ căn cước mất bao nhiêu tiền?"
    assert question in guide.read_text()
    guide.write_text(guide.read_text().replace(question, "- Làm lại thẻ cũ có tốn kém không?"))

    again = FakeEmbedder()
    rebuilt = with_vectors(build(few_guides), RememberingEmbedder(again, tmp_path / "vectors"))
    assert again.texts == ["Làm lại thẻ cũ có tốn kém không?"]
    assert len(first.texts) > 100
    assert rebuilt.vectors is not None
    fresh = with_vectors(build(few_guides), FakeEmbedder()).vectors
    assert fresh is not None
    anything = FakeEmbedder().embed_queries(["anything"])
    np.testing.assert_array_equal(rebuilt.vectors.scores(anything), fresh.scores(anything))


def test_a_text_that_stands_twice_is_embedded_once(few_guides: KnowledgePaths) -> None:
    embedder = FakeEmbedder()
    with_vectors(build(few_guides), embedder)
    assert len(embedder.texts) == len(set(embedder.texts))


# Knowledge


def test_the_digest_changes_with_the_knowledge(few_guides: KnowledgePaths) -> None:
    before = few_guides.digest()
    assert few_guides.digest() == before
    guide = few_guides.shipped / GUIDE
    guide.write_text(guide.read_text() + " ")
    assert few_guides.digest() != before


def test_a_guide_of_the_ward_wins_over_the_shipped_one(few_guides: KnowledgePaths, tmp_path: Path) -> None:
    own = tmp_path / "overlay" / "guides" / "own.md"
    own.parent.mkdir(parents=True)
    text = (few_guides.shipped / GUIDE).read_text()
    own.write_text(text.replace("title: ", "title: Phường mình, ", 1))
    guides = build(replace(few_guides, overlay=tmp_path / "overlay")).guides
    assert guides["can-cuoc-cap-doi"].document.title.startswith("Phường mình, ")
    assert len(guides) == len(build(few_guides).guides)


def test_every_broken_guide_is_named_at_once(few_guides: KnowledgePaths) -> None:
    folder = few_guides.shipped / "guides" / "can-cuoc"
    for name in ("can-cuoc-cap-doi.md", "can-cuoc-tre-em.md"):
        (folder / name).write_text("no front matter")
    with pytest.raises(KnowledgeError) as caught:
        build(few_guides)
    assert {problem.path.name for problem in caught.value.problems} == {
        "can-cuoc-cap-doi.md",
        "can-cuoc-tre-em.md",
    }


def test_a_missing_knowledge_folder_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="ASSISTANT_HOME"):
        build(KnowledgePaths(tmp_path / "nowhere", tmp_path))


def test_no_guides_is_an_error(few_guides: KnowledgePaths) -> None:
    shutil.rmtree(few_guides.shipped / "guides" / "can-cuoc")
    with pytest.raises(KnowledgeError, match="holds no guides"):
        build(few_guides)
