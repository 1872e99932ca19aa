from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from guide_text import guide_text, line_of

from assistant.datatypes import Contact, Detail, Fact, Fee, Paper, Period, QuickAnswer, Source, Step
from assistant.errors import KnowledgeError, Problem
from assistant.knowledge.facts import NO_FACTS, SharedFacts
from assistant.knowledge.guides import guide_paths, read_guide

LAW = Source(1, "Quy định thẻ", "https://thuvien.gov.vn/the", "2026-07")
OFFER = Fact("mien-phi", "miễn phí", Source(0, "Nghị quyết"), "nộp trực tuyến", Period(date(2026, 8, 15)))
CALL = Contact("tong-dai", "Tổng đài", "1900 0000", "phone", LAW)
FACTS = SharedFacts({"mien-phi": OFFER}, {"tong-dai": CALL})


def write(folder: Path, text: str) -> Path:
    path = folder / "vneid" / "doi-the.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def problem_of(path: Path) -> Problem:
    with pytest.raises(KnowledgeError) as caught:
        read_guide(path, FACTS)
    return caught.value.problems[0]


def test_the_front_matter_becomes_a_document(tmp_path: Path) -> None:
    guide = read_guide(write(tmp_path, guide_text(supersedes="[cu, 06/2019/QH14]")), NO_FACTS)
    document = guide.document
    assert (document.id, document.title, document.agency) == ("doi-the", "Đổi thẻ thư viện", "Bộ Văn hóa")
    assert (document.sources, document.reviewed) == ((LAW,), date(2026, 11, 22))
    assert document.supersedes == ("cu", "06/2019/QH14")
    assert (guide.kind, guide.topic, guide.audience) == ("procedure", "vneid", ("learner",))
    assert len(guide.questions) == 10


def test_fees_times_places_and_papers_keep_their_source(tmp_path: Path) -> None:
    guide = read_guide(write(tmp_path, guide_text()), NO_FACTS)
    assert guide.fees == (Fee("50.000 đồng", LAW, purpose="Đổi thẻ"),)
    assert guide.time_limits == (Detail("07 ngày làm việc", LAW),)
    assert guide.places == (Detail("Thư viện tỉnh", LAW),)
    assert guide.papers == (Paper("Thẻ cũ", LAW, form="original", count=1),)


def test_a_fee_holds_between_its_days(tmp_path: Path) -> None:
    fees = "\n- {amount: 25.000 đồng, from: 2026-01-01, until: 2026-12-31, source: 1}"
    [fee] = read_guide(write(tmp_path, guide_text(fees=fees)), NO_FACTS).fees
    assert fee.period == Period(date(2026, 1, 1), date(2026, 12, 31))


def test_a_fee_by_a_shared_fact_takes_its_condition_days_and_source(tmp_path: Path) -> None:
    fees = "\n- {amount: 0 đồng, channel: online, fact: mien-phi}"
    [fee] = read_guide(write(tmp_path, guide_text(fees=fees)), FACTS).fees
    assert fee == Fee("0 đồng", OFFER.source, None, "online", "nộp trực tuyến", OFFER.period)


def test_steps_keep_what_to_do_otherwise_and_their_picture(tmp_path: Path) -> None:
    steps = (
        "1. Mở máy.\n   Nếu khác: Hỏi cán bộ.\n   ![màn hình](may.svg)\n"
        '2. Bấm nút Mở [1].\n   ![Nút mở.](nut.svg "Mở")\n3. Bấm nút [1].'
    )
    guide = read_guide(write(tmp_path, guide_text(steps=steps)), NO_FACTS)
    assert guide.steps == (
        Step("Mở máy.", "Hỏi cán bộ.", "may.svg", "màn hình"),
        Step("Bấm nút Mở [1].", None, "nut.svg", "Nút mở.", "Mở"),
        Step("Bấm nút [1]."),
    )


def test_the_other_parts_become_lines_without_their_dashes(tmp_path: Path) -> None:
    changes = {"summary": "Dòng một.\nDòng hai.", "cautions": "- Một.\n- Hai - ba.", "preparation": None}
    guide = read_guide(write(tmp_path, guide_text(**changes)), NO_FACTS)
    assert guide.summary == "Dòng một. Dòng hai."
    assert (guide.preparation, guide.cautions) == ((), ("Một.", "Hai - ba."))


def test_quick_answers_may_run_over_lines(tmp_path: Path) -> None:
    quick = "### Có lâu không?\nBác chờ\nvài hôm.\n### Ở đâu?"
    guide = read_guide(write(tmp_path, guide_text(quick=quick)), NO_FACTS)
    assert guide.quick_answers == (
        QuickAnswer("Có lâu không?", "Bác chờ vài hôm."),
        QuickAnswer("Ở đâu?", ""),
    )


@pytest.mark.parametrize(("encoding", "newline"), [("utf-8-sig", "\n"), ("utf-8", "\r\n")])
def test_a_guide_saved_on_windows_reads_the_same(tmp_path: Path, encoding: str, newline: str) -> None:
    path = write(tmp_path, guide_text())
    expected = read_guide(path, NO_FACTS)
    path.write_text(guide_text(), encoding=encoding, newline=newline)
    assert read_guide(path, NO_FACTS) == expected


def test_guides_are_found_in_one_order_everywhere(tmp_path: Path) -> None:
    for name in ("b/hai.md", "a/ba.md", "a/mot.md", "a/anh.svg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = list(guide_paths(tmp_path / "b", tmp_path / "a", tmp_path / "none"))
    assert [path.name for path in found] == ["hai.md", "ba.md", "mot.md"]


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"id": None}, "---", "`id` is missing"),
        ({"questions": "[]"}, "---", "`questions` is missing"),
        ({"fee": "[]"}, "fee: ", "unknown key `fee`"),
        ({"summary": None}, "---", "## Tóm tắt is missing"),
        ({"cautions": "- Một.\n## Kết luận\nHết."}, "---", "unknown heading ## Kết luận"),
        ({"cautions": "- Một.\n## Lưu ý"}, "## Lưu ý", "## Lưu ý stands twice"),
        ({"reviewed": "hôm qua"}, "reviewed: ", "reviewed: Invalid"),
        ({"questions": "[yes, no]"}, "questions: ", "questions: Expected `str`, got `bool`"),
        ({"audience": "learner"}, "audience: ", "audience: Expected `array`, got `str`"),
        ({"sources": "[{title: Luật}]"}, "sources: ", "`n` is missing"),
        ({"sources": "[{n: 1}]"}, "sources: ", "sources: Object missing required field `title`"),
        ({"fees": "[50.000 đồng]"}, "fees: ", "fees: "),
        ({"fees": "[{amount: 1, source: 1}]"}, "fees: ", "fees: Expected `str`, got `int`"),
        ({"fees": "[{amount: 1 đồng, source: 7}]"}, "fees: ", "fees: source 7 is not among `sources`"),
        ({"fees": "[{amount: 1 đồng}]"}, "fees: ", "fees: source None is not among `sources`"),
        ({"fees": "[{amount: 1 đồng, fact: la}]"}, "fees: ", "fees: fact `la` is not in facts.toml"),
        ({"fees": "[{amuont: 1 đồng, source: 1}]"}, "fees: ", "fees: unknown keys ['amuont']"),
        ({"time_limit": "[{source: 1}]"}, "time_limit: ", "time_limit: Object missing required field `text`"),
        (
            {"place": "[{text: A, from: 2026-02-01, until: 2026-01-01, source: 1}]"},
            "place: ",
            "place: `until` 2026-01-01 is before `from` 2026-02-01",
        ),
        ({"papers": "[{name: A, from: 1, source: 1}]"}, "papers: ", "papers: unknown keys ['from']"),
        ({"steps": "Mở máy."}, "Mở máy.", "a step must begin with `1. `"),
        ({"steps": "1. Mở máy.\n3. Bấm nút."}, "3. Bấm", "step 2 expected"),
        ({"steps": "1. Mở máy.\nNếu khác: Thôi."}, "Nếu khác", "inside ## Các bước only"),
        ({"steps": "1. Mở máy.\n   ![Máy.](a.svg)\n   ![Máy.](b.svg)"}, "b.svg", "a step has one picture"),
        ({"quick": "Bác chờ."}, "Bác chờ.", "## Hỏi nhanh must begin with ### question"),
        ({"title": "[Đổi"}, "audience", "while parsing a flow sequence"),
    ],
)
def test_what_cannot_be_understood_is_named_with_file_and_line(
    tmp_path: Path, changes: dict[str, str | None], where: str, message: str
) -> None:
    text = guide_text(**changes)
    path = write(tmp_path, text)
    problem = problem_of(path)
    assert (problem.path, problem.line) == (path, _last_line_of(text, where))
    assert problem.message.startswith(message)


def _last_line_of(text: str, words: str) -> int:
    """The opening --- for the whole file; of a heading that stands twice, the second."""
    if words == "---":
        return 1
    return len(text.split("\n")) + 1 - line_of("\n".join(reversed(text.split("\n"))), words)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "front matter must stand between two lines `---`"),
        ("id: a\n", 1, "front matter must stand between two lines `---`"),
        ("---\nid: a\n", 1, "front matter must stand between two lines `---`"),
        ("---\n---\n", 2, "front matter must be `key: value` lines"),
        ("---\n- a\n---\n", 2, "front matter must be `key: value` lines"),
        ("---\nid: a\n---\nXin chào\n", 4, "text before the first ## heading"),
    ],
)
def test_a_file_that_is_no_guide_is_named(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = write(tmp_path, text)
    assert problem_of(path) == Problem(path, line, message)


def test_every_missing_and_unknown_key_is_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, guide_text(id=None, agency=None, fee="1", prise="2"))
    with pytest.raises(KnowledgeError) as caught:
        read_guide(path, NO_FACTS)
    messages = [problem.message for problem in caught.value.problems]
    assert messages == [
        "`id` is missing",
        "`agency` is missing",
        "unknown key `fee`",
        "unknown key `prise`",
    ]


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    path.write_bytes(guide_text().encode("utf-16"))
    assert problem_of(path).message.startswith("cannot be read: ")
    assert problem_of(tmp_path / "none.md").message.startswith("cannot be read: ")
