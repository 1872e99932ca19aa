from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from conftest import FakeModel

from assistant.datatypes import Answer, Document, OfficialText, Period, Section, Source, Status
from assistant.errors import IndexUnavailableError
from assistant.pipeline import Assistant
from assistant.retrieval.keywords import document_terms
from assistant.retrieval.passages import Passages
from assistant.retrieval.search import Searcher
from assistant.text.dialect import Glossary

TODAY = date(2026, 11, 26)
MILITARY = (
    ("Trình tự thực hiện", "Bước 1: Nộp hồ sơ cho Ban Chỉ huy quân sự cấp xã.\nBước 2: Chờ giấy gọi khám."),
    ("Thành phần hồ sơ", "Phiếu tự khai sức khỏe. Bản chụp thẻ căn cước."),
    ("Thời hạn giải quyết", "Giải quyết ngay trong ngày."),
)


def official(
    id_: str = "nghia-vu-quan-su",
    title: str = "Đăng ký nghĩa vụ quân sự lần đầu",
    sections: tuple[tuple[str, str], ...] = MILITARY,
    issued: str = "2025-06-09",
    **told: object,
) -> OfficialText:
    document = Document(id_, title, "Bộ Quốc phòng", (Source(1, title, None, issued),))
    return OfficialText(
        replace(document, **told),  # type: ignore[arg-type]
        tuple(Section(f"{id_}#{n}", id_, heading, text, n) for n, (heading, text) in enumerate(sections, 1)),
    )


def knowing(assistant: Assistant, *texts: OfficialText) -> Assistant:
    index = assistant.searcher.index
    passages = Passages.build(texts, index.glossary)
    return replace(assistant, searcher=Searcher(replace(index, passages=passages)))


def ask(assistant: Assistant, question: str, *texts: OfficialText, today: date = TODAY) -> Answer:
    return knowing(assistant, *texts).answer(question, today=today)


@pytest.mark.parametrize(
    "question",
    ["Đăng ký nghĩa vụ quân sự lần đầu thế nào?", "dang ky nghia vu quan su lan dau the nao"],
)
def test_a_document_answers_what_no_guide_does(assistant: Assistant, question: str) -> None:
    assert assistant.answer(question).status is Status.NOT_COVERED
    answer = ask(assistant, question, official())
    assert answer.status is Status.ANSWERED
    assert answer.card is not None
    assert [step.text for step in answer.card.steps] == [
        "Bước 1: Nộp hồ sơ cho Ban Chỉ huy quân sự cấp xã.",
        "Bước 2: Chờ giấy gọi khám.",
    ]
    (citation,) = answer.citations
    assert (citation.title, citation.date, citation.page) == (
        "Đăng ký nghĩa vụ quân sự lần đầu",
        "2025-06-09",
        1,
    )
    assert "09/06/2025" in answer.text


def test_the_section_that_answers_is_quoted(assistant: Assistant) -> None:
    answer = ask(assistant, "Đăng ký nghĩa vụ quân sự lần đầu cần giấy tờ gì?", official())
    assert "Phiếu tự khai sức khỏe" in answer.text
    assert answer.citations[0].heading == "Thành phần hồ sơ"


def test_the_model_reads_what_is_quoted(assistant: Assistant) -> None:
    model = FakeModel(["Bác nộp hồ sơ cho Ban Chỉ huy quân sự cấp xã. Bác nộp ở công an huyện."])
    asked = replace(knowing(assistant, official()), model=model)
    answer = asked.answer("Đăng ký nghĩa vụ quân sự lần đầu thế nào?", today=TODAY)
    assert answer.text.endswith("\n\nBác nộp hồ sơ cho Ban Chỉ huy quân sự cấp xã.")
    assert "Bước 2: Chờ giấy gọi khám." in model.prompts[0].guide


def test_a_guide_answers_before_a_document_does(assistant: Assistant) -> None:
    old = official("luat-cu-tru", "Đăng ký tạm trú", (("Hồ sơ", "Nộp ở công an huyện."),), "2021-07-01")
    answer = ask(assistant, "Đăng ký tạm trú cần giấy tờ gì?", old)
    assert {citation.document_id for citation in answer.citations} == {"dang-ky-tam-tru"}
    assert "công an huyện" not in answer.text


def test_a_document_later_than_the_guide_is_named(assistant: Assistant) -> None:
    later = official("thong-tu-moi", "Đăng ký tạm trú", (("Hồ sơ", "Mẫu mới."),), "2027-02-01")
    answer = ask(assistant, "Đăng ký tạm trú cần giấy tờ gì?", later, today=date(2027, 2, 2))
    assert answer.citations[0].document_id == "dang-ky-tam-tru"
    assert answer.citations[-1].document_id == "thong-tu-moi"
    assert answer.notice is not None
    assert f"“Đăng ký tạm trú” (ngày 01/02/2027) [{len(answer.citations)}]" in answer.notice


def test_what_is_superseded_is_answered_from_what_stands_in_for_it(assistant: Assistant) -> None:
    new = official(
        "nvqs-2027",
        "Nghĩa vụ quân sự theo Luật mới",
        (("Đăng ký lần đầu", "Đăng ký qua mạng."),),
        "2027-01-01",
    )
    new = replace(new, document=replace(new.document, supersedes=("nghia-vu-quan-su",)))
    answer = ask(assistant, "Đăng ký nghĩa vụ quân sự lần đầu thế nào?", official(), new)
    assert {citation.document_id for citation in answer.citations} == {"nvqs-2027"}
    assert "Đăng ký qua mạng." in answer.text
    assert answer.notice is not None
    assert "“Đăng ký nghĩa vụ quân sự lần đầu” (ngày 09/06/2025) không còn áp dụng" in answer.notice


def test_a_law_is_superseded_by_its_number(assistant: Assistant) -> None:
    old = official(title="Nghị định 13/2016/NĐ-CP về đăng ký nghĩa vụ quân sự lần đầu")
    new = official("nd-moi", "Nghị định 9/2027/NĐ-CP", supersedes=("Nghị định 13/2016",))
    answer = ask(assistant, "Đăng ký nghĩa vụ quân sự lần đầu thế nào?", old, new)
    assert answer.citations[0].document_id == "nd-moi"


def test_a_question_that_names_an_old_law_is_told_so(assistant: Assistant) -> None:
    answer = assistant.answer("Theo Nghị định 59/2022 thì kích hoạt VNeID thế nào?")
    assert answer.citations[0].document_id == "vneid-kich-hoat"
    assert answer.notice is not None
    assert "Nghị định 59/2022/NĐ-CP không còn áp dụng" in answer.notice
    asked = assistant.answer("Theo Nghị định 69/2024 thì kích hoạt VNeID thế nào?")
    assert "không còn áp dụng" not in (asked.notice or "")


def test_a_guide_that_a_document_supersedes_answers_no_more(assistant: Assistant) -> None:
    new = official(
        "tam-tru-2027", "Đăng ký tạm trú", (("Hồ sơ", "Mẫu CT99."),), supersedes=("dang-ky-tam-tru",)
    )
    answer = ask(assistant, "Đăng ký tạm trú cần giấy tờ gì?", new)
    assert {citation.document_id for citation in answer.citations} == {"tam-tru-2027"}
    assert "CT99" in answer.text
    assert answer.notice is not None
    assert "không còn áp dụng" in answer.notice


@pytest.mark.parametrize(
    "period", [Period(ends=date(2026, 11, 25)), Period(starts=date(2026, 11, 27))], ids=["over", "not yet"]
)
def test_a_document_out_of_force_answers_nothing(assistant: Assistant, period: Period) -> None:
    question = "Đăng ký nghĩa vụ quân sự lần đầu thế nào?"
    assert ask(assistant, question, official(period=period)).status is Status.NOT_COVERED


def test_a_long_section_is_cut_at_a_sentence_and_says_so(assistant: Assistant) -> None:
    long = official(sections=(("Trình tự", " ".join(f"Câu số {n} của văn bản này." for n in range(90))),))
    answer = ask(assistant, "Đăng ký nghĩa vụ quân sự lần đầu thế nào?", long)
    assert answer.card is not None
    assert "bác xem tiếp trong văn bản" in answer.card.summary
    assert len(answer.card.summary.split()) < 160


@pytest.mark.parametrize(
    "question", ["Kết quả bóng đá hôm qua?", "Con tôi muốn đi bộ đội thì ăn gì cho khỏe?", "di chúc"]
)
def test_words_alone_do_not_make_a_document_answer(assistant: Assistant, question: str) -> None:
    assert ask(assistant, question, official()).status is not Status.ANSWERED


def titled(*titles: str) -> list[OfficialText]:
    """A document for each title, all saying the same."""
    return [official(f"d{n}", title, (("", "Xem văn bản."),)) for n, title in enumerate(titles)]


def first(passages: Passages, question: str) -> str:
    return passages.search(question.split())[0].section.document_id


def test_what_only_asks_is_not_searched_for(glossary: Glossary) -> None:
    texts = [*titled("Nuôi con"), official("hoi", "Khi nào và ở đâu", (("", "Bao nhiêu, như thế nào."),))]
    passages = Passages.build(texts, glossary)
    assert first(passages, "nuôi trẻ khi nào ở đâu như thế nào bao nhiêu") == "d0"
    assert first(passages, "khi nào") == "hoi"  # there is nothing else to go by


def test_a_word_typed_bare_is_any_of_its_spellings(glossary: Glossary) -> None:
    passages = Passages.build(titled("căn nhà cũ", "cần câu cũ", "can xăng cũ"), glossary)
    assert first(passages, "can") == "d0"
    assert first(passages, "cần") == "d1"


def test_a_title_counts_more_than_a_mention(glossary: Glossary) -> None:
    mention = official("khac", "Xem văn bản", (("", "Hộ chiếu."),))
    passages = Passages.build([mention, *titled("Hộ chiếu")], glossary)
    assert first(passages, "hộ chiếu") == "d0"


def test_saved_and_loaded_it_finds_the_same(glossary: Glossary, tmp_path: Path) -> None:
    built = Passages.build([official(), *titled("Đăng ký tạm trú")], glossary)
    built.save(tmp_path / "passages")
    loaded = Passages.load(tmp_path / "passages")
    for question in ("đăng ký nghĩa vụ quân sự", "dang ky tam tru", "xyz", ""):
        assert loaded.search(question.split()) == built.search(question.split())
    assert loaded.sections[1:] == built.sections[1:]
    assert list(loaded.sections) == list(built.sections)
    assert loaded.vocabulary == built.vocabulary


def test_without_documents_nothing_is_found(glossary: Glossary, tmp_path: Path) -> None:
    Passages.build([], glossary).save(tmp_path / "passages")
    assert Passages.load(tmp_path / "passages").search(["đăng", "ký"]) == ()


def test_a_file_that_changes_while_it_serves_is_an_error(glossary: Glossary, tmp_path: Path) -> None:
    Passages.build([official()], glossary).save(tmp_path / "passages")
    loaded = Passages.load(tmp_path / "passages")
    path = tmp_path / "passages" / "sections.jsonl"
    path.write_bytes(path.read_bytes().replace(b"xu", b"XU").replace(b"n", b"m"))
    with pytest.raises(IndexUnavailableError, match=r"sections\.jsonl has changed under way"):
        loaded.search("nghĩa vụ quân sự".split())
    path.write_bytes(b"")
    with pytest.raises(IndexUnavailableError, match="index build"):
        loaded.search("nghĩa vụ quân sự".split())


def test_an_unchanged_text_is_not_worked_out_again(
    glossary: Glossary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Passages.build([official(), *titled("Hộ chiếu")], glossary).save(tmp_path / "passages")
    before = Passages.load(tmp_path / "passages")
    assert Passages.build([official(), *titled("Hộ chiếu")], glossary, before).keywords is before.keywords
    changed = [official("khac", "Văn bản khác"), *titled("Hộ chiếu", "Hộ chiếu")]
    fresh = Passages.build(changed, glossary)
    counted = []

    def terms(words: Sequence[str]) -> list[str]:
        counted.append(words)
        return document_terms(words)

    monkeypatch.setattr("assistant.retrieval.passages.document_terms", terms)
    after = Passages.build(changed, glossary, before)
    assert len(counted) == 2 * (len(MILITARY) + 1)  # heads and bodies of "khac" and the second "Hộ chiếu"
    for question in ("văn bản khác", "hộ chiếu", "nghia vu quan su", "xem văn bản"):
        assert after.search(question.split()) == fresh.search(question.split())


@pytest.fixture
def glossary(assistant: Assistant) -> Glossary:
    return assistant.searcher.index.glossary
