from __future__ import annotations

from datetime import date

import pytest

from assistant.answering.decide import certainty, cheapest
from assistant.datatypes import Chunk, Hit, Section, Status
from assistant.pipeline import Assistant

TODAY = date(2026, 11, 26)


def guide_after(assistant: Assistant, previous: str, question: str) -> str:
    answer = assistant.answer(question, previous=[previous], today=TODAY)
    assert answer.status is Status.ANSWERED, answer.text
    return answer.citations[0].document_id


@pytest.mark.parametrize(
    ("previous", "question", "guide"),
    [
        ("Đăng ký tạm trú thế nào?", "bao nhiêu tiền?", "dang-ky-tam-tru"),
        ("Đăng ký tạm trú thế nào?", "can giay to gi", "dang-ky-tam-tru"),
        ("Đăng ký thường trú ở đâu?", "còn thời gian thì sao?", "dang-ky-thuong-tru"),
        ("Xin lý lịch tư pháp thế nào?", "cái đó mất bao lâu", "ly-lich-tu-phap"),
        ("Kích hoạt VNeID thế nào?", "rồi sao nữa?", "vneid-kich-hoat"),
        ("Làm hộ chiếu cho cháu 8 tuổi", "ai ký giấy?", "ho-chieu-tre-em"),
    ],
)
def test_a_question_that_leans_stays_with_the_guide_in_view(
    assistant: Assistant, previous: str, question: str, guide: str
) -> None:
    assert guide_after(assistant, previous, question) == guide


@pytest.mark.parametrize(
    ("previous", "question", "guide"),
    [
        ("Quên mật khẩu VNeID thì làm sao?", "còn passcode thì sao?", "vneid-quen-passcode"),
        ("Đăng ký tạm trú cần giấy tờ gì?", "thế còn thường trú?", "dang-ky-thuong-tru"),
    ],
)
def test_another_thing_of_the_same_kind_turns_to_its_guide(
    assistant: Assistant, previous: str, question: str, guide: str
) -> None:
    assert guide_after(assistant, previous, question) == guide


@pytest.mark.parametrize("previous", ["Làm hộ chiếu ở đâu?", "Quên passcode VNeID", "Đóng tiền điện"])
@pytest.mark.parametrize(
    ("question", "guide"),
    [
        ("Xin phiếu lý lịch tư pháp ở đâu?", "ly-lich-tu-phap"),
        ("dang ky tam tru can giay to gi", "dang-ky-tam-tru"),
        ("Mẹ tôi bị mất thẻ căn cước thì làm lại thế nào?", "can-cuoc-mat-hong"),
    ],
)
def test_a_question_that_stands_alone_is_answered_the_same_after_any_other(
    assistant: Assistant, previous: str, question: str, guide: str
) -> None:
    assert guide_after(assistant, previous, question) == guide


@pytest.mark.parametrize("question", ["thời tiết ngày mai thế nào", "giá vàng hôm nay bao nhiêu"])
def test_another_matter_is_not_taken_for_a_follow_up(assistant: Assistant, question: str) -> None:
    answer = assistant.answer(question, previous=["Đăng ký tạm trú thế nào?"], today=TODAY)
    assert answer.status in (Status.OUT_OF_SCOPE, Status.NOT_COVERED)


@pytest.mark.parametrize(
    "question",
    ["Đăng ký nghĩa vụ quân sự lần đầu cần gì", "Thủ tục ly hôn thế nào?", "xin visa đi Nhật ở đâu"],
)
def test_what_no_guide_covers_is_declined_after_any_other(assistant: Assistant, question: str) -> None:
    answer = assistant.answer(question, previous=["bang lai xe may het han doi o dau"], today=TODAY)
    assert answer.status in (Status.NOT_COVERED, Status.OUT_OF_SCOPE)


@pytest.mark.parametrize(
    "question",
    [
        "quen so hop dong bao hiem nhan tho tra cuu the nao",
        "Hộ chiếu công vụ cho cán bộ đi công tác do ai cấp?",
    ],
)
def test_what_only_shares_words_with_a_guide_is_declined(assistant: Assistant, question: str) -> None:
    assert assistant.answer(question, today=TODAY).status in (Status.NOT_COVERED, Status.OUT_OF_SCOPE)


@pytest.mark.parametrize("place", ["Krông Păk", "Zuprang"])
def test_a_place_that_nobody_has_named_does_not_hide_what_is_asked(assistant: Assistant, place: str) -> None:
    answer = assistant.answer(f"Đăng ký khai sinh ở {place}", today=TODAY)
    assert answer.citations[0].document_id == "khai-sinh"


@pytest.mark.parametrize("before", ["", "x" * 600, "🙂", "giá vàng hôm nay"])
def test_what_nobody_answered_before_is_leant_on_by_nothing(assistant: Assistant, before: str) -> None:
    alone = assistant.answer("Xin phiếu lý lịch tư pháp ở đâu?", today=TODAY)
    after = assistant.answer("Xin phiếu lý lịch tư pháp ở đâu?", previous=[before], today=TODAY)
    assert after.text == alone.text


def hits(count: int) -> list[Hit]:
    return [
        Hit(Section(f"{n}#1", str(n), "", ""), 0.0, Chunk(f"{n}#1.1", f"{n}#1", "")) for n in range(count)
    ]


@pytest.mark.parametrize(
    ("likely", "status", "offered"),
    [
        ([0.95, 0.04], Status.ANSWERED, 1),
        ([0.7, 0.2, 0.1], Status.ANSWERED, 1),
        ([0.4, 0.35, 0.25], Status.CLARIFY, 3),
        ([0.4, 0.3, 0.2, 0.07, 0.03], Status.CLARIFY, 4),
        ([0.4, 0.03], Status.ANSWERED, 1),  # nothing else is worth offering
        ([0.3, 0.1, 0.1], Status.ANSWERED, 1),  # the choice would hardly hold it
    ],
)
def test_a_choice_is_offered_where_it_costs_less(likely: list[float], status: Status, offered: int) -> None:
    decision = cheapest(hits(len(likely)), likely)
    assert decision.status is status
    assert len(decision.hits) == offered
    assert decision.likelihood == pytest.approx(sum(likely[:offered]))


def test_guides_that_cannot_be_told_apart_are_offered_at_any_cost() -> None:
    assert cheapest(hits(2), [0.9, 0.1], at_least=2).status is Status.CLARIFY


def test_certainty_rises_with_likelihood_and_stays_one() -> None:
    certain = [certainty(n / 10) for n in range(11)]
    assert certain == sorted(certain)
    assert 0 <= certain[0] < certain[-1] <= 1
    assert certainty(0.6) > 0.7  # the weights are too careful


@pytest.mark.parametrize(
    "question", ["Xin phiếu lý lịch tư pháp ở đâu?", "đăng ký cư trú", "nau pho bo the nao cho ngon"]
)
def test_every_decision_tells_how_likely_it_is_right(assistant: Assistant, question: str) -> None:
    answer = assistant.answer(question, today=TODAY)
    assert answer.likelihood is not None
    assert 0 < answer.likelihood <= 1


def test_what_was_not_weighed_has_no_likelihood(assistant: Assistant) -> None:
    assert assistant.answer("Chào cháu").likelihood is None


def test_what_a_chain_of_questions_is_about_is_carried_on(assistant: Assistant) -> None:
    previous = ["Đăng ký tạm trú cần giấy tờ gì?", "bao nhiêu tiền?", "mấy ngày thì có?"]
    answer = assistant.answer("nộp ở đâu?", previous=previous, today=TODAY)
    assert answer.citations[0].document_id == "dang-ky-tam-tru"
