from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant.errors import KnowledgeError
from assistant.pipeline import Assistant
from assistant.retrieval.classifier import NOTHING, Classifier, Topics, Utterance, load_utterances
from assistant.retrieval.index import KnowledgePaths, corpus_of, read_knowledge
from assistant.text.dialect import topic_words
from assistant.text.normalize import syllables

SAID = [
    ("chào cháu", "hello"),
    ("chào con nhé", "hello"),
    ("kính chào máy", "hello"),
    ("đổi thẻ căn cước ở đâu", "task"),
    ("quên mật khẩu thì làm sao", "task"),
    ("nộp hồ sơ trên mạng thế nào", "task"),
    ("mai trời có mưa không", "outside"),
    ("giá vàng hôm nay bao nhiêu", "outside"),
    ("kể chuyện cười đi", "outside"),
]


def fitted() -> Classifier:
    return Classifier.fit([syllables(text) for text, _ in SAID], [act for _, act in SAID])


def likeliest(classifier: Classifier, text: str) -> str:
    likely = classifier.likely(syllables(text))
    return max(likely, key=lambda label: likely[label])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("chào bác", "hello"),
        ("chao may", "hello"),
        ("thẻ căn cước mất thì nộp ở đâu", "task"),
        ("the can cuoc", "task"),
        ("hôm nay có mưa to không", "outside"),
    ],
)
def test_what_was_not_said_before_is_recognised(text: str, label: str) -> None:
    assert likeliest(fitted(), text) == label


def test_likelihoods_are_shares() -> None:
    likely = fitted().likely(syllables("chào cháu, giá vàng"))
    assert set(likely) == {"hello", "task", "outside"}
    assert sum(likely.values()) == pytest.approx(1)


def test_a_long_number_is_a_number_whatever_its_digits() -> None:
    classifier = Classifier.fit([["mã", "55501"], ["mã", "77702"], ["sau", "12"], ["còn", "5"]], list("aabb"))
    assert classifier.likely(["482913"]) == classifier.likely(["1234"])
    assert classifier.likely(["482913"])["a"] > 0.5 > classifier.likely(["12"])["a"]


def test_two_labels_are_told_apart() -> None:
    two = Classifier.fit([["chào", "cháu"], ["chào", "con"], ["căn", "cước"], ["mật", "khẩu"]], list("aabb"))
    assert likeliest(two, "chào bà") == "a"
    assert likeliest(two, "căn cước") == "b"


@pytest.mark.parametrize("texts", [[], [["chào"]]])
def test_of_nothing_to_tell_apart_nothing_is_known(texts: list[list[str]], tmp_path: Path) -> None:
    nothing = Classifier.fit(texts, ["hello"] * len(texts))
    assert nothing.likely(["chào"]) == {}
    nothing.save(tmp_path / "x.npz")
    assert Classifier.load(tmp_path / "x.npz").likely(["chào"]) == {}


def test_a_loaded_classifier_answers_as_the_fitted_one(tmp_path: Path) -> None:
    classifier = fitted()
    classifier.save(tmp_path / "acts.npz")
    loaded = Classifier.load(tmp_path / "acts.npz")
    assert loaded.labels == classifier.labels
    assert np.array_equal(loaded.weights, classifier.weights)
    assert loaded.likely(["chào", "cháu"]) == classifier.likely(["chào", "cháu"])


def test_fitting_twice_gives_the_same() -> None:
    assert np.array_equal(fitted().weights, fitted().weights)


# utterances.jsonl


def test_utterances_are_read(tmp_path: Path) -> None:
    path = tmp_path / "utterances.jsonl"
    path.write_text('{"says": "chào", "act": "hello"}\n{"says": "a", "act": "task", "guide": "x"}\n', "utf-8")
    first, second = load_utterances(path)
    assert (first.act, first.guide, second.guide) == ("hello", None, "x")


def test_a_missing_file_is_no_utterances(tmp_path: Path) -> None:
    assert load_utterances(tmp_path / "none.jsonl") == ()


@pytest.mark.parametrize("line", ['{"act": "hello"}', "not json", '{"says": 1, "act": "x"}', ""])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "utterances.jsonl"
    path.write_text(f'{{"says": "a", "act": "hello"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"utterances\.jsonl:2"):
        load_utterances(path)


def test_every_act_and_guide_of_the_shipped_utterances_exists(assistant: Assistant) -> None:
    utterances = load_utterances(Path(__file__).parents[1] / "knowledge" / "utterances.jsonl")
    known = {"task", "errand", "outside", "contact"}
    known |= {rule.act for rule in assistant.safety.rules if rule.act}
    known |= {talk.id for talk in assistant.replies.smalltalk}
    assert {utterance.act for utterance in utterances} - {None} <= known
    guides = {utterance.guide for utterance in utterances} - {None, NOTHING}
    assert guides <= assistant.searcher.index.guides.keys()


# Through the product: words that no list holds


@pytest.mark.parametrize(
    "question",
    [
        "Có đứa gọi nói bà có món đồ ngoài bưu cục, muốn lấy thì bấm số chín",
        "thang nao no nhan vao may bao nap the moi cho nhan luong",
    ],
)
def test_a_scam_in_new_words_is_warned_of(assistant: Assistant, question: str) -> None:
    answer = assistant.answer(question)
    assert answer.status.value == "safety" or answer.notice


def test_words_around_the_topic_tell_near_guides_apart(few_guides: KnowledgePaths) -> None:
    """What a question asks for is cut from its topic; learned from whole questions, it still counts."""
    guides, facts, glossary, _ = read_knowledge(few_guides)
    said = [
        *(Utterance(f"{who} mất bao lâu", None, "can-cuoc-mat-hong") for who in ("thẻ", "giấy", "nó")),
        *(Utterance(f"{who} ở đâu", None, "can-cuoc-cap-doi") for who in ("thẻ", "giấy", "nó")),
    ]
    corpus = corpus_of([replace(guide, questions=()) for guide in guides.values()], facts, glossary, said)
    topics = Topics.fit(corpus, glossary, ())
    asked = syllables("cái đó mất bao lâu")
    whole = topics.by_question.likely(asked)
    assert whole["can-cuoc-mat-hong"] > whole["can-cuoc-cap-doi"]
    about = topic_words(asked, glossary)
    assert topics.by_topic.likely(about) != topics.by_question.likely(about)


def test_what_is_hidden_is_not_learned(few_guides: KnowledgePaths) -> None:
    guides, facts, glossary, _ = read_knowledge(few_guides)
    corpus = corpus_of(guides.values(), facts, glossary)
    rows = [row for row, chunk in enumerate(corpus.chunks) if "?" in chunk.id]
    row = next(row for row in rows if "trẻ" in corpus.chunks[row].text.casefold())
    words, right = syllables(corpus.chunks[row].text), corpus.documents[corpus.owner[row]].id
    every = Topics.fit(corpus, glossary, ()).by_question.likely(words)[right]
    assert Topics.fit(corpus, glossary, (), [row]).by_question.likely(words)[right] < every
