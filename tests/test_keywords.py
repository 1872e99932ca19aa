from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.retrieval.keywords import KeywordIndex, document_terms, query_terms
from assistant.text.normalize import fold, syllables

TEXTS = (
    "đổi thẻ căn cước ở công an xã",
    "quên mật khẩu vneid",
    "làm giấy khai sinh cho con",
    "khai báo mất điện thoại",
    "người bán hàng rong",
    "cái bàn gỗ",
)


@pytest.fixture(scope="module")
def keywords() -> KeywordIndex:
    return KeywordIndex.build(TEXTS)


def best(keywords: KeywordIndex, query: str) -> str:
    return TEXTS[int(np.argmax(keywords.scores(syllables(query))))]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("đổi căn cước", TEXTS[0]),
        ("doi the can cuoc", TEXTS[0]),
        ("quen mat khau", TEXTS[1]),
        ("mất điện thoại", TEXTS[3]),
        ("mat dien thoai", TEXTS[3]),
        ("Khai Sinh", TEXTS[2]),
        ("thẻ ở xã", TEXTS[0]),
    ],
)
def test_finds_a_text_with_and_without_accents(keywords: KeywordIndex, query: str, expected: str) -> None:
    assert best(keywords, query) == expected


@pytest.mark.parametrize(("query", "expected"), [("bàn", TEXTS[5]), ("bán", TEXTS[4])])
def test_an_accent_that_was_typed_counts(keywords: KeywordIndex, query: str, expected: str) -> None:
    assert best(keywords, query) == expected


@given(st.text("abcdđeghinotuưăâ", min_size=1, max_size=7).filter(lambda word: "đ" in word))
def test_a_word_with_đ_is_never_the_same_with_d_as_it_is_written(word: str) -> None:
    keywords = KeywordIndex.build([word, word.replace("đ", "d")])
    with_bar, without = keywords.scores([word])
    assert with_bar > without > 0  # the folded terms are the same
    assert len(set(keywords.scores([fold(word)]))) == 1 or not word.replace("đ", "d").isascii()


def test_an_unaccented_word_finds_every_reading_alike(keywords: KeywordIndex) -> None:
    scores = keywords.scores(["ban"])
    assert {TEXTS[row] for row in np.flatnonzero(scores)} == {TEXTS[4], TEXTS[5]}


def test_neighbouring_words_count_more_than_scattered_ones() -> None:
    keywords = KeywordIndex.build(["khai sinh ở xã", "sinh viên khai ở trường", "đường phố"])
    scores = keywords.scores(["khai", "sinh"])
    assert scores[0] > scores[1] > scores[2] == 0


@pytest.mark.parametrize("words", [(), ("xyz",), ("=đổi",), ("_",)])
def test_words_that_no_text_holds_score_nothing(keywords: KeywordIndex, words: tuple[str, ...]) -> None:
    assert not keywords.scores(words).any()
    assert len(keywords.scores(words)) == len(TEXTS)


def test_unknown_words_beside_known_ones_do_no_harm(keywords: KeywordIndex) -> None:
    assert best(keywords, "zzz qqq quên mật khẩu xyz") == TEXTS[1]


def test_a_bare_word_is_never_the_accent_exact_term() -> None:
    assert query_terms(["can"]) == ["can"]
    assert query_terms(["căn", "cước"]) == ["=căn", "=cước", "can", "cuoc", "can_cuoc"]
    assert "=căn" in document_terms(["căn"])


def test_what_was_saved_is_loaded(keywords: KeywordIndex, tmp_path: Path) -> None:
    keywords.save(tmp_path / "keywords.npz")
    loaded = KeywordIndex.load(tmp_path / "keywords.npz")
    assert loaded.size == len(TEXTS)
    for query in ("đổi thẻ căn cước", "quen mat khau", "xyz"):
        np.testing.assert_array_equal(loaded.scores(syllables(query)), keywords.scores(syllables(query)))


def test_files_cut_short_after_loading_do_no_harm(keywords: KeywordIndex, tmp_path: Path) -> None:
    """Were they mapped into memory, the process would die with SIGBUS."""
    keywords.save(tmp_path / "keywords.npz")
    loaded = KeywordIndex.load(tmp_path / "keywords.npz")
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    assert best(loaded, "quên mật khẩu") == TEXTS[1]


def counted(*texts: str | int, earlier: KeywordIndex | None = None) -> KeywordIndex:
    terms = (text if isinstance(text, int) else Counter(document_terms(syllables(text))) for text in texts)
    return KeywordIndex.count(terms, k1=1.2, b=0.75, earlier=earlier)


def test_scores_are_bm25_as_lucene_computes_it() -> None:
    texts = ["thẻ thẻ thẻ", "thẻ căn cước", "thẻ", "xã", "phường xã"]  # "thẻ" in many, "cước" in one
    keywords = counted(*texts)
    terms = [document_terms(text.split()) for text in texts]
    average = sum(map(len, terms)) / len(texts)
    for query in (["thẻ"], ["cước"], ["cước", "thẻ", "thẻ"]):
        wanted = query_terms(query)
        for text, score in zip(terms, keywords.scores(query), strict=True):
            expected = 0.0
            for term in wanted:
                held = sum(term in other for other in terms)
                rarity = math.log(1 + (len(texts) - held + 0.5) / (held + 0.5))
                soft = 1.2 * (0.25 + 0.75 * len(text) / average)
                expected += rarity * text.count(term) / (text.count(term) + soft)
            assert score == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "texts",
    [
        (0, 1, 2),
        (2, 0),
        (1, "mất điện thoại", 0, "đổi thẻ ở xã"),
        ("khai sinh",),
        (),
    ],
)
def test_texts_taken_over_are_as_if_counted_again(texts: tuple[str | int, ...]) -> None:
    written = ("đổi thẻ căn cước", "làm giấy khai sinh", "đổi thẻ " * 200)
    earlier = counted(*written)
    taken = counted(*texts, earlier=earlier)
    again = counted(*(written[text] if isinstance(text, int) else text for text in texts))
    assert taken.terms.keys() == again.terms.keys()
    for query in ("đổi thẻ", "khai sinh", "doi the o xa", "điện thoại"):
        np.testing.assert_array_equal(taken.scores(query.split()), again.scores(query.split()))


def test_an_index_built_upon_an_earlier_one_is_the_same() -> None:
    before = [TEXTS[0], TEXTS[1], TEXTS[0]]
    after = [TEXTS[0], TEXTS[2], TEXTS[0], TEXTS[0]]
    built = KeywordIndex.build(after, KeywordIndex.build(before), before)
    for query in ("đổi thẻ", "khai sinh", "mật khẩu"):
        np.testing.assert_array_equal(
            built.scores(query.split()), KeywordIndex.build(after).scores(query.split())
        )


def test_it_tells_what_texts_hold(keywords: KeywordIndex) -> None:
    texts = np.array([5, 0, 4], np.int32)
    assert keywords.holding("ban", texts).tolist() == [True, False, True]
    assert keywords.holding("=bàn", texts).tolist() == [True, False, False]
    assert keywords.holding("xyz", texts).tolist() == [False, False, False]
    assert [keywords.frequency(term) for term in ("ban", "=bàn", "xyz")] == [2, 1, 0]


def test_occurrences_are_of_syllables_as_they_are_written() -> None:
    assert counted("bàn ban bàn", "ban").occurrences() == {"bàn": 2, "ban": 2}
    assert counted().occurrences() == {}
