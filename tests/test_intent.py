from __future__ import annotations

import pytest

from assistant.answering.intent import details_asked, find_intent, meant_instead, splits
from assistant.datatypes import Intent
from assistant.pipeline import Assistant
from assistant.retrieval.index import Index
from assistant.text.normalize import syllables


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("Đổi thẻ căn cước mất bao nhiêu tiền?", Intent.FEE),
        ("doi the can cuoc mat bao nhieu tien", Intent.FEE),
        ("Kích hoạt VNeID có mất tiền không?", Intent.FEE),
        ("Đăng ký tạm trú cần giấy tờ gì?", Intent.PAPERS),
        ("dang ky tam tru can giay to gi", Intent.PAPERS),
        ("Đi làm căn cước mang theo gì?", Intent.PAPERS),
        ("Làm căn cước bao lâu thì có thẻ?", Intent.TIME),
        ("lam can cuoc may ngay thi co", Intent.TIME),
        ("Xin phiếu lý lịch tư pháp ở đâu?", Intent.PLACE),
        ("xin phieu ly lich tu phap o dau", Intent.PLACE),
        ("Bao nhiêu tuổi thì phải đổi thẻ căn cước?", Intent.WHO),
        ("Kích hoạt VNeID thế nào?", Intent.STEPS),
        ("kich hoat vneid the nao", Intent.STEPS),
        ("Cách nộp hồ sơ trên mạng", Intent.STEPS),
        ("Thanh toán lệ phí bằng cách nào?", Intent.STEPS),
        ("thanh toan phi tren cong the nao", Intent.STEPS),
        ("Thanh toán lệ phí thế nào, mất bao nhiêu tiền?", Intent.FEE),
        ("Lý lịch tư pháp có giá trị bao lâu?", Intent.VALIDITY),
        ("tam tru toi da bao lau", Intent.VALIDITY),
        ("Thẻ căn cước dùng được mấy năm?", Intent.VALIDITY),
        ("VNeID", Intent.GENERAL),
        ("căn cước công dân", Intent.GENERAL),
    ],
)
def test_what_is_asked_about_a_thing(index: Index, question: str, intent: Intent) -> None:
    assert find_intent(syllables(question), index.glossary) is intent


def test_a_fee_is_sharper_than_how(index: Index) -> None:
    """Of "thế nào" and "bao nhiêu tiền" the second tells what is wanted."""
    for question in ("Làm thẻ thế nào, mất bao nhiêu tiền?", "Mất bao nhiêu tiền, làm thế nào?"):
        assert find_intent(syllables(question), index.glossary) is Intent.FEE


def test_no_words_ask_nothing(index: Index) -> None:
    assert find_intent([], index.glossary) is Intent.GENERAL


@pytest.mark.parametrize(
    "question", ["đổi căn cước bi nhiêu tiền", "doi can cuoc het bnhieu tien", "ddooir thẻ mất bao nhiu tiền"]
)
def test_dialect_and_slips_do_not_hide_the_fee(assistant: Assistant, question: str) -> None:
    assert assistant.understand(question).intent is Intent.FEE


def test_a_figure_that_was_heard_asks_for_the_fee(assistant: Assistant) -> None:
    assert assistant.understand("nghe nói đổi căn cước phải nộp 200 nghìn").intent is Intent.FEE


def test_all_details_asked_are_told_in_order(index: Index) -> None:
    words = syllables("khai sinh cần giấy tờ gì, hết bao nhiêu tiền, mấy ngày thì có")
    assert details_asked(words, index.glossary) == (Intent.PAPERS, Intent.FEE, Intent.TIME)
    assert details_asked(syllables("khai sinh thế nào"), index.glossary) == ()


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("không, ý tôi là gia hạn cơ", "gia hạn"),
        ("nhầm, tạm trú mà", "tạm trú"),
        ("khong phai, xe cu sang ten", "xe cu sang ten"),
        ("không phải cho tôi, làm cho cháu 8 tuổi cơ", "làm cho cháu 8 tuổi"),
        ("à nhầm, bằng tôi bị mất chứ không phải hết hạn", "bằng tôi bị mất"),
        ("Khai tử, không phải khai sinh", "Khai tử"),
        ("mức 2 cơ", "mức 2"),
    ],
)
def test_what_puts_the_question_before_right_tells_what_is_meant(question: str, meant: str) -> None:
    assert meant_instead(question) == meant


@pytest.mark.parametrize(
    "question",
    [
        "không có hợp đồng thuê nhà thì sao?",
        "không phải ra công an tỉnh chứ?",
        "lớn tuổi rồi có phải đổi không",
        "đồng ý là được à",
        "bao lau co",
        "mất rồi, làm lại thế nào?",
        "được chứ",
        "...",
    ],
)
def test_a_plain_question_puts_nothing_right(question: str) -> None:
    assert meant_instead(question) is None


def test_a_sentence_is_split_where_another_question_could_begin() -> None:
    assert list(splits("Đăng ký tạm trú ở đâu? Còn hộ chiếu với căn cước thì sao")) == [
        ("Đăng ký tạm trú ở đâu", "hộ chiếu với căn cước thì sao", False),
        ("Đăng ký tạm trú ở đâu? Còn hộ chiếu", "căn cước thì sao", True),
    ]
    assert list(splits("phí 20.000 đồng và?")) == []
