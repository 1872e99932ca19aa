from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from conftest import some_guides

from assistant.pipeline import Assistant
from assistant.retrieval.embedder import SentenceEmbedder, Vectors
from assistant.retrieval.index import Index, KnowledgePaths, build, load, save, with_vectors
from assistant.retrieval.search import Searcher, earned_weight
from assistant.text.normalize import bare, syllables


class KnowsEveryGuide:
    """A perfect embedder: all that belongs to a guide has the guide's own unit vector."""

    name = "perfect"

    def __init__(self, index: Index) -> None:
        self._dimension = len(index.corpus.documents)
        self._guide: dict[str, int] = {}
        corpus = index.corpus
        for chunk, text, number in zip(corpus.chunks, corpus.texts, corpus.owner, strict=True):
            title = corpus.documents[number].title
            self._guide |= dict.fromkeys((chunk.text, f"{title}. {chunk.text}", text, bare(text)), number)

    def knows(self, text: str, number: int) -> None:
        self._guide[text] = number

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return np.eye(self._dimension, dtype=np.float32)[[self._guide[text] for text in texts]]


# search


@pytest.fixture(scope="module")
def searcher(index: Index) -> Searcher:
    return Searcher(index)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("đổi thẻ căn cước", "can-cuoc-cap-doi"),
        ("doi the can cuoc", "can-cuoc-cap-doi"),
        ("cấp lại thẻ căn cước bị mất", "can-cuoc-mat-hong"),
        ("kích hoạt tài khoản vneid", "vneid-kich-hoat"),
        ("kich hoat tai khoan vneid", "vneid-kich-hoat"),
        ("quên mật khẩu vneid", "vneid-quen-mat-khau"),
        ("quen mat khau vneid", "vneid-quen-mat-khau"),
        ("quên passcode", "vneid-quen-passcode"),
        ("đăng ký tạm trú nhà thuê", "dang-ky-tam-tru"),
        ("dang ky thuong tru", "dang-ky-thuong-tru"),
        ("theo dõi hồ sơ đã nộp", "dvc-theo-doi-ho-so"),
        ("xin phiếu lý lịch tư pháp", "ly-lich-tu-phap"),
        ("xin phieu ly lich tu phap", "ly-lich-tu-phap"),
        ("sổ sức khỏe điện tử", "vneid-so-suc-khoe"),
    ],
)
def test_the_guide_comes_first(searcher: Searcher, question: str, expected: str) -> None:
    hits = searcher.search(syllables(question))
    assert hits[0].section.document_id == expected


def test_a_document_is_found_once_with_its_own_section_and_chunk(searcher: Searcher) -> None:
    hits = searcher.search(["thẻ", "căn", "cước", "vneid", "tài", "khoản"], limit=8)
    found = [hit.section.document_id for hit in hits]
    assert len(found) == len(set(found)) > 3
    for hit in hits:
        assert hit.chunk.section_id == hit.section.id
        assert hit.section.id.startswith(f"{hit.section.document_id}#")
        assert 0 <= hit.score <= 1


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_no_more_than_the_limit(searcher: Searcher, limit: int) -> None:
    hits = searcher.search(["căn", "cước"], limit=limit)
    assert hits == searcher.search(["căn", "cước"], limit=8)[:limit]
    assert len(hits) == limit


@pytest.mark.parametrize("words", [(), ("zzzz",), ("qqq", "www", "xxx")])
def test_what_no_guide_says_finds_nothing(searcher: Searcher, words: tuple[str, ...]) -> None:
    assert searcher.search(words) == ()


def test_the_same_question_finds_the_same(searcher: Searcher, index: Index) -> None:
    words = syllables("cấp lại thẻ căn cước bị hỏng")
    assert searcher.search(words) == searcher.search(words) == Searcher(index).search(words)


def test_the_section_that_says_it_is_the_one_found(searcher: Searcher) -> None:
    hit = searcher.search(syllables("không có điện thoại thông minh thì kích hoạt vneid"))[0]
    assert hit.section.document_id == "vneid-kich-hoat"
    assert "điện thoại" in f"{hit.section.heading} {hit.section.text}"


# Vectors take part as far as they earned it


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index of one topic: enough questions, and few enough to be embedded soon."""
    home = some_guides(tmp_path_factory.mktemp("few") / "home", "can-cuoc")
    return build(KnowledgePaths(home / "knowledge", home / "no-overlay"))


class Guesses(KnowsEveryGuide):
    """Knows passages perfectly, and of questions one in `knows`; for the others it takes another guide."""

    def __init__(self, index: Index, *, right: float) -> None:
        super().__init__(index)
        self._right = right

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        known = self.embed_passages(texts)
        wrong = np.array([crc32(text.encode()) % 1000 >= 1000 * self._right for text in texts])
        known[wrong] = np.roll(known[wrong], 1, axis=1)
        return known


class NeedsAccents(KnowsEveryGuide):
    """Of what is typed without accents it knows nothing."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._alike(text) for text in texts])

    def _alike(self, text: str) -> Vectors:
        if text.isascii():
            return np.full(self._dimension, self._dimension**-0.5, np.float32)
        (vector,) = self.embed_passages([text])
        return np.asarray(vector, np.float32)


@pytest.mark.slow
def test_a_model_that_knows_no_vietnamese_earns_no_weight(few: Index, minilm: SentenceEmbedder) -> None:
    searcher = Searcher(with_vectors(few, minilm), minilm)
    trial = earned_weight(searcher)
    assert trial.questions >= 100
    assert trial.weight == 0
    assert earned_weight(searcher, accents=False).weight == 0


def test_a_perfect_model_earns_weight(few: Index) -> None:
    perfect = KnowsEveryGuide(few)
    searcher = Searcher(with_vectors(few, perfect), perfect)
    trial = earned_weight(searcher)
    assert trial.questions >= 100
    assert trial.weight > 0
    assert trial.fused_mrr > trial.lexical_mrr
    assert earned_weight(searcher, accents=False).weight > 0


def test_a_better_model_earns_more_weight(few: Index) -> None:
    weights = []
    for right in (0.2, 0.8, 1.0):
        model = Guesses(few, right=right)
        weights.append(earned_weight(Searcher(with_vectors(few, model), model)).weight)
    assert weights == sorted(weights)
    assert weights[0] == 0 < weights[-1]


def test_a_model_that_needs_accents_is_asked_only_where_they_were_typed(few: Index) -> None:
    model = NeedsAccents(few)
    searcher = Searcher(with_vectors(few, model), model)
    assert earned_weight(searcher).weight > 0
    assert earned_weight(searcher, accents=False).weight == 0


def weighted(index: Index, weight: float) -> tuple[Searcher, KnowsEveryGuide]:
    """With that weight for what is typed without accents."""
    perfect = KnowsEveryGuide(index)
    with_dense = with_vectors(index, perfect)
    manifest = replace(with_dense.manifest, dense_weight_bare=weight)
    return Searcher(replace(with_dense, manifest=manifest), perfect), perfect


def test_vectors_find_what_shares_no_word(few: Index) -> None:
    searcher, perfect = weighted(few, 1.0)
    perfect.knows("zzzz qqqq", 3)
    hits = searcher.search(["zzzz", "qqqq"])
    assert hits[0].section.document_id == few.corpus.documents[3].id


def test_vectors_tell_near_guides_apart_and_where_they_contradict_the_words_less_is_sure(few: Index) -> None:
    searcher, perfect = weighted(few, 1.0)
    words = ["can", "cuoc", "bi", "mat"]
    ids = [document.id for document in few.corpus.documents]
    lost, child = ids.index("can-cuoc-mat-hong"), ids.index("can-cuoc-tre-em")
    by_words = Searcher(few).search(words)[0]
    perfect.knows(" ".join(words), lost)
    agreeing = searcher.search(words)[0]
    perfect.knows(" ".join(words), child)
    contradicted = searcher.search(words)
    assert agreeing.section.document_id == by_words.section.document_id == ids[lost]
    assert all(hit.score <= by_words.score for hit in contradicted if hit.section.document_id == ids[lost])


def test_vectors_without_weight_take_no_part(few: Index) -> None:
    unweighted, _ = weighted(few, 0.0)
    words = ["can", "cuoc"]
    assert unweighted.search(words) == Searcher(few).search(words)  # the embedder would not know them
    assert unweighted.search(["zzzz", "qqqq"]) == ()


def test_the_earned_weight_survives_on_disk(few: Index, tmp_path: Path) -> None:
    searcher, perfect = weighted(few, 2.0)
    perfect.knows("zzzz qqqq", 2)
    save(searcher.index, tmp_path)
    hits = Searcher(load(tmp_path), perfect).search(["zzzz", "qqqq"])
    assert hits[0].section.document_id == few.corpus.documents[2].id


# Through the product


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("tra cuwus hoof sow ddax noopj treen mangj", "dvc-theo-doi-ho-so"),
        ("Quên mật khẩu VNeID thì làm sao?", "vneid-quen-mat-khau"),
        ("quen mat khau vneid thi lam sao", "vneid-quen-mat-khau"),
        ("Xin phiếu lý lịch tư pháp ở đâu?", "ly-lich-tu-phap"),
        ("Kích hoạt VNeID thế nào?", "vneid-kich-hoat"),
    ],
)
def test_a_question_is_answered_from_its_guide(assistant: Assistant, question: str, expected: str) -> None:
    answer = assistant.answer(question, today=date(2026, 11, 22))
    assert answer.card is not None
    assert answer.card.title == assistant.searcher.index.guides[expected].document.title


def test_words_around_the_topic_tell_near_guides_apart(assistant: Assistant) -> None:
    """The topic alone is an identity card; for whom is said around it."""
    who = "Thằng cháu ngoại lên 5, mẹ nó muốn làm cái thẻ căn cước cho nó"
    assert assistant.answer(f"{who}, khỏi phải bế lên đồn được không?").citations[0].document_id in (
        "can-cuoc-tre-em",
        "vneid-tre-em",
    )
