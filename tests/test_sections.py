from __future__ import annotations

from pathlib import Path

import pytest
from guide_text import guide_text
from hypothesis import given
from hypothesis import strategies as st

from assistant.datatypes import Contact, Fact, Guide, Section, Source
from assistant.knowledge.facts import SharedFacts
from assistant.knowledge.guides import read_guide
from assistant.knowledge.sections import chunks_of, question_chunks, sections_of

LAW = Source(0, "Luật")
FACTS = SharedFacts(
    {"mien-phi": Fact("mien-phi", "miễn lệ phí", LAW)},
    {"tong-dai": Contact("tong-dai", "Tổng đài", "1900 0000", "phone", LAW)},
)


def read(folder: Path, **changes: str | None) -> Guide:
    (folder / "doi-the.md").write_text(guide_text(**changes), encoding="utf-8")
    return read_guide(folder / "doi-the.md", FACTS)


def texts(guide: Guide) -> dict[str, str]:
    return {section.id: section.text for section in sections_of(guide, FACTS)}


def test_a_guide_becomes_its_headed_parts_in_reading_order(tmp_path: Path) -> None:
    sections = sections_of(read(tmp_path), FACTS)
    assert [(section.id, section.heading) for section in sections] == [
        ("doi-the#tom-tat", "Tóm tắt"),
        ("doi-the#chuan-bi", "Chuẩn bị"),
        ("doi-the#cac-buoc", "Các bước"),
        ("doi-the#luu-y", "Lưu ý"),
        ("doi-the#hoi-1", "Có lâu không?"),
    ]
    assert {section.document_id for section in sections} == {"doi-the"}


def test_source_marks_are_not_searched_and_shared_facts_are(tmp_path: Path) -> None:
    summary = "Bác được {{mien-phi}} [1]. Gọi {{tong-dai}} [1]."
    assert texts(read(tmp_path, summary=summary, fees=None))["doi-the#tom-tat"] == (
        "Bác được miễn lệ phí. Gọi 1900 0000."
    )


def test_what_a_fee_is_for_is_found_but_said_once(tmp_path: Path) -> None:
    fees = (
        "\n- {for: Cấp lại, amount: 1 đồng, source: 1}"
        "\n- {for: Cấp lại, amount: 2 đồng, condition: từ 2027, source: 1}"
        "\n- {for: Cấp lại, amount: 3 đồng, source: 1}"
    )
    summary = texts(read(tmp_path, summary="Bác đổi thẻ.", fees=fees))["doi-the#tom-tat"]
    assert summary == "Bác đổi thẻ. Cấp lại Cấp lại từ 2027"


def test_papers_are_part_of_what_to_prepare(tmp_path: Path) -> None:
    papers = "\n- {name: Thẻ cũ, note: nếu còn, source: 1}"
    guide = read(tmp_path, papers=papers, preparation=None)
    assert texts(guide)["doi-the#chuan-bi"] == "Thẻ cũ nếu còn"


def test_steps_are_found_also_by_what_to_do_otherwise(tmp_path: Path) -> None:
    steps = "1. Mở máy [1].\n   Nếu khác: Hỏi cán bộ.\n2. Bấm nút."
    assert texts(read(tmp_path, steps=steps))["doi-the#cac-buoc"] == "Mở máy. Hỏi cán bộ. Bấm nút."


def test_parts_that_are_not_there_give_no_section(tmp_path: Path) -> None:
    guide = read(tmp_path, preparation=None, papers=None, steps=None, cautions=None, quick="### Sao?")
    assert list(texts(guide)) == ["doi-the#tom-tat"]


@given(st.integers(1, 400))
def test_chunks_are_small_and_lose_no_word(length: int) -> None:
    words = [f"chữ{n}" for n in range(length)]
    chunks = list(chunks_of(Section("a#b", "a", "B", " ".join(words))))
    assert [word for chunk in chunks for word in chunk.text.split()] == words
    assert all(0 < len(chunk.text.split()) <= 60 for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    assert {chunk.section_id for chunk in chunks} == {"a#b"}


@pytest.mark.parametrize(("length", "pieces"), [(60, [60]), (61, [31, 30]), (150, [50, 50, 50])])
def test_a_long_section_is_cut_into_even_pieces(length: int, pieces: list[int]) -> None:
    section = Section("a#b", "a", "B", " ".join("x" * length))
    assert [len(chunk.text.split()) for chunk in chunks_of(section)] == pieces


def test_title_and_every_way_of_asking_are_searched(tmp_path: Path) -> None:
    guide = read(tmp_path)
    chunks = list(question_chunks(guide))
    asked = [chunk.text for chunk in chunks]
    assert asked == ["Đổi thẻ thư viện", *guide.questions, "Có lâu không?"]
    assert [chunk.section_id for chunk in chunks] == ["doi-the#tom-tat"] * 11 + ["doi-the#hoi-1"]
    assert len({chunk.id for chunk in chunks}) == len(chunks)
