from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from assistant.coaching.sheet import Kind, marks_of, open_sheet
from assistant.datatypes import Document
from assistant.pipeline import Assistant

CHANGE = "can-cuoc-cap-doi"


def on(assistant: Assistant, day: date) -> Assistant:
    return replace(assistant, clock=lambda: day)


def test_every_line_names_a_source_of_the_sheet(assistant: Assistant) -> None:
    for id_ in assistant.searcher.index.guides:
        sheet = open_sheet(assistant, id_)
        numbers = {citation.number for citation in sheet.citations}
        assert {line.source for line in sheet.lines} <= numbers, id_
        assert set(sheet.papers) <= numbers, id_


def test_what_has_expired_is_gone_and_what_ends_soon_is_told(assistant: Assistant) -> None:
    before = open_sheet(on(assistant, date(2026, 11, 26)), CHANGE)
    half = [line for line in before.of(Kind.FEE) if line.text == "25.000 đồng"]
    assert [line.is_ending(before.today) for line in half] == [True]
    after = open_sheet(on(assistant, date(2027, 1, 1)), CHANGE)
    assert "25.000 đồng" not in {line.text for line in after.lines}
    assert "50.000 đồng" in {line.text for line in after.lines}


def test_a_question_that_the_guide_answers_comes_first(assistant: Assistant) -> None:
    plain, asked = open_sheet(assistant, CHANGE), open_sheet(assistant, CHANGE, "đổi căn cước bao lâu có thẻ")
    assert "07 ngày làm việc" in asked.card.lead
    assert "07 ngày làm việc" not in plain.card.lead
    other = open_sheet(assistant, "vneid-cai-dat", "đổi căn cước bao lâu có thẻ")
    assert other.card.title == assistant.searcher.index.guides["vneid-cai-dat"].document.title


@pytest.mark.parametrize("question", ["?", "x" * 501])
def test_a_question_that_cannot_be_asked_is_left_out(assistant: Assistant, question: str) -> None:
    assert open_sheet(assistant, CHANGE, question).card == open_sheet(assistant, CHANGE).card


def test_what_rests_on_a_source_is_said_without_marks(assistant: Assistant) -> None:
    sheet = open_sheet(assistant, CHANGE)
    for citation in sheet.citations:
        said = sheet.resting_on(citation.number)
        assert not any("[" in sentence for sentence in said)
    assert any("25.000 đồng" in text for c in sheet.citations for text in sheet.resting_on(c.number))


def test_a_guide_that_a_paper_replaced_says_so(assistant: Assistant) -> None:
    searcher = assistant.searcher
    paper = Document("qd-1", "Quyết định mới", "Bộ Công an", supersedes=(CHANGE,))
    passages = replace(searcher.index.passages, documents=(paper,), starts=(0, 0))
    replaced = replace(
        assistant, searcher=replace(searcher, index=replace(searcher.index, passages=passages))
    )
    assert open_sheet(replaced, CHANGE).standing_in == (paper,)
    assert open_sheet(assistant, CHANGE).standing_in == ()


def test_an_unknown_guide(assistant: Assistant) -> None:
    with pytest.raises(KeyError):
        open_sheet(assistant, "khong-co")


def test_marks() -> None:
    assert marks_of("Bấm gửi [3]. Chờ [1] [3].") == "3, 1"
