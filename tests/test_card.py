from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from assistant.answering.card import CardWriter
from assistant.answering.prompts import load_replies
from assistant.config import CHECKOUT
from assistant.datatypes import Contact, Detail, Document, Fact, Fee, Guide, Intent, Period, Source, Step
from assistant.knowledge.facts import SharedFacts

SOURCE = Source(1, "Thông tư 1", "https://example.gov.vn/1", "2026-01-01")
OTHER = Source(7, "Thông tư 7")
LATER = Fact("luat-moi", "làm ở xã bất kỳ", Source(0, "Luật 9"), period=Period(date(2027, 3, 1)))
ENDED = Fact("da-het", "được miễn", Source(0, "Nghị quyết 2"), period=Period(None, date(2026, 6, 30)))
HOTLINE = Contact("tong-dai", "Tổng đài", "1900 0000", "phone", SOURCE)
ADDRESS = Contact("phuong", "Ủy ban phường", "12 đường Lê Lợi", "address", SOURCE)
FACTS = SharedFacts({fact.id: fact for fact in (LATER, ENDED)}, {"tong-dai": HOTLINE, "phuong": ADDRESS})
GUIDE = Guide(
    document=Document("viec", "Làm một việc", "Bộ X", (SOURCE, OTHER), date(2026, 11, 1)),
    kind="procedure",
    topic="viec",
    audience=("learner",),
    questions=("Làm việc thế nào?",),
    summary="Bác làm ở xã [7]. Việc này {{luat-moi}}. Bác {{da-het}}.",
    contacts=("tong-dai",),
    fees=(
        Fee("50.000 đồng", SOURCE, "Đổi thẻ"),
        Fee("25.000 đồng", OTHER, "Đổi thẻ", period=Period(None, date(2026, 12, 31))),
    ),
    places=(Detail("Công an xã", SOURCE, channel="in_person"),),
    steps=(Step("Mở máy [1].", "Gọi {{tong-dai}}."),),
)


def writer(today: date) -> CardWriter:
    return CardWriter(FACTS, load_replies(CHECKOUT / "prompts"), today, date(2026, 11, 23))


def test_sources_are_numbered_in_the_order_they_are_read() -> None:
    card, citations = writer(date(2026, 11, 23)).write(GUIDE, Intent.GENERAL)
    assert card.summary.startswith("Bác làm ở xã [1].")
    assert [citation.title for citation in citations][:1] == ["Thông tư 7"]


def test_a_future_fact_says_from_when_and_an_ended_one_is_silent() -> None:
    card, citations = writer(date(2026, 11, 23)).write(GUIDE, Intent.GENERAL)
    assert "từ ngày 01/03/2027: làm ở xã bất kỳ" in card.summary
    assert "được miễn" not in card.summary
    assert "Nghị quyết 2" not in {citation.title for citation in citations}


def test_a_fact_in_force_is_stated_with_its_own_source() -> None:
    card, citations = writer(date(2027, 4, 1)).write(GUIDE, Intent.GENERAL)
    assert "Việc này làm ở xã bất kỳ [2]." in card.summary
    assert citations[1].title == "Luật 9"


@pytest.mark.parametrize(
    ("today", "amount", "day"),
    [(date(2026, 12, 31), "25.000 đồng", "31/12/2026"), (date(2027, 1, 1), "50.000 đồng", "")],
)
def test_a_dated_fee_stands_in_for_the_normal_one_while_it_holds(today: date, amount: str, day: str) -> None:
    card, _ = writer(today).write(GUIDE, Intent.FEE)
    assert [fee.amount for fee in card.fees] == [amount]
    assert amount in card.lead
    assert day in card.lead


def test_what_the_guide_lacks_is_admitted() -> None:
    card, _ = writer(date(2026, 11, 23)).write(GUIDE, Intent.TIME)
    assert "chưa có thời hạn" in card.lead


def test_the_case_that_was_asked_about_comes_first() -> None:
    fees = (Fee("1 đồng", SOURCE, "Cấp lại thẻ"), Fee("2 đồng", SOURCE, "Đổi thẻ"))
    card, _ = writer(date(2026, 11, 23)).write(replace(GUIDE, fees=fees), Intent.FEE, asked=["đổi", "thẻ"])
    assert [fee.amount for fee in card.fees] == ["2 đồng", "1 đồng"]


def test_the_wards_own_address_goes_with_what_is_done_in_person() -> None:
    card, _ = writer(date(2026, 11, 23)).write(GUIDE, Intent.GENERAL)
    assert [contact.value for contact in card.contacts] == ["1900 0000", "12 đường Lê Lợi"]
    online = replace(GUIDE, places=(Detail("Ứng dụng", SOURCE, channel="online"),))
    card, _ = writer(date(2026, 11, 23)).write(online, Intent.GENERAL)
    assert [contact.value for contact in card.contacts] == ["1900 0000"]


def test_an_expired_contact_is_not_shown() -> None:
    ended = replace(HOTLINE, period=Period(None, date(2026, 1, 1)))
    facts = SharedFacts(FACTS.facts, {"tong-dai": ended})
    card, _ = replace(writer(date(2026, 11, 23)), facts=facts).write(GUIDE, Intent.GENERAL)
    assert card.contacts == ()
    assert card.steps[0].otherwise is None


def test_the_text_is_everything_a_person_reads_of_the_card() -> None:
    author = writer(date(2026, 11, 23))
    card, _ = author.write(GUIDE, Intent.FEE)
    text = author.text(card)
    for part in (card.title, card.lead, card.summary, "1. Mở máy", "Gọi 1900 0000.", "Công an xã"):
        assert part in text
