from __future__ import annotations

from pathlib import Path

import pytest
from guide_text import guide_text, line_of

from assistant.datatypes import Contact, Fact, Source
from assistant.errors import Problem
from assistant.knowledge.check import check_knowledge
from assistant.knowledge.facts import SharedFacts, load_shared_facts
from assistant.knowledge.pictures import load_scenes
from assistant.knowledge.plain import PlainWords, load_plain_words

KNOWLEDGE = Path(__file__).resolve().parents[1] / "knowledge"
LAW = Source(0, "Luật")
FACTS = SharedFacts(
    {"mien-phi": Fact("mien-phi", "miễn lệ phí", LAW)},
    {"trang": Contact("trang", "Trang thư viện", "https://thuvien.gov.vn", "link", LAW)},
)
WORDS = PlainWords(frozenset({"otp"}), {}, ())
SCENES = load_scenes(KNOWLEDGE / "pictures")[0]


def check(folder: Path, **texts: str) -> tuple[Problem, ...]:
    """The problems of guides written as <keyword with - for _>.md."""
    for name, text in texts.items():
        (folder / f"{name.replace('_', '-')}.md").write_text(text, encoding="utf-8")
    return check_knowledge([folder], FACTS, WORDS, SCENES)[1]


def other(name: str, **changes: str) -> str:
    """A correct second guide that asks nothing the first one asks."""
    questions = "".join(f"\n- Kiểu {n} của {name}?" for n in range(10))
    return guide_text(**{"id": name, "questions": questions} | changes)


def test_the_shipped_guides_have_no_problem() -> None:
    words = load_plain_words(KNOWLEDGE / "glossary.toml")
    facts = load_shared_facts(KNOWLEDGE)
    guides, problems = check_knowledge([KNOWLEDGE / "guides"], facts, words, SCENES)
    assert [str(problem) for problem in problems] == []
    assert len(guides) >= 33


def test_a_correct_guide_has_no_problem(tmp_path: Path) -> None:
    assert check(tmp_path, doi_the=guide_text()) == ()


@pytest.mark.parametrize("kind", ["explain", "safety"])
def test_only_a_procedure_needs_steps_and_preparation(tmp_path: Path, kind: str) -> None:
    assert check(tmp_path, doi_the=guide_text(kind=kind, steps=None, preparation=None)) == ()


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"id": "doi-the-moi"}, "id: ", "id `doi-the-moi` must be the file name without .md"),
        ({"kind": "howto"}, "kind: ", "kind `howto` is none of procedure, explain, safety"),
        ({"audience": "[nurse]"}, "audience: ", "audience `nurse` is none of learner, volunteer, official"),
        (
            {"sources": "[{n: 1, title: A}, {n: 3, title: B}, {n: 2, title: C}]"},
            "sources: ",
            "source numbers must rise, each once: [1, 3, 2]",
        ),
        (
            {"sources": "[{n: 1, title: A, url: chinhphu.vn}]"},
            "sources: ",
            "source 1: url `chinhphu.vn` is not",
        ),
        (
            {"sources": "[{n: 1, title: A, date: 22/11/2026}]"},
            "sources: ",
            "source 1: date `22/11/2026` is not",
        ),
        ({"questions": "[Đổi thẻ sao]"}, "questions: ", "1 questions; 10–25 are needed"),
        ({"contacts": "[cong-an]"}, "contacts: ", "contact `cong-an` is not in contacts.toml"),
        (
            {"papers": "[{name: A, form: scan, source: 1}]"},
            "papers: ",
            "form `scan` is none of original, copy",
        ),
        ({"fees": "[{amount: A, channel: fax, source: 1}]"}, "fees: ", "channel `fax` is none of online"),
        ({"place": "[{text: A, channel: fax, source: 1}]"}, "place: ", "channel `fax` is none of online"),
        ({"time_limit": "[{text: A, channel: fax, source: 1}]"}, "time_limit: ", "channel `fax` is none of"),
        ({"related": "[mat-the]"}, "related: ", "related guide `mat-the` does not exist"),
    ],
)
def test_a_broken_rule_of_the_front_matter(
    tmp_path: Path, changes: dict[str, str], where: str, message: str
) -> None:
    text = guide_text(**changes)
    [problem] = check(tmp_path, doi_the=text)
    assert (problem.path, problem.line) == (tmp_path / "doi-the.md", line_of(text, where))
    assert problem.message.startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"summary": "Bác đổi.\n## Lưu ý\n- Cẩn thận.", "cautions": None},
            "headings must stand in the order",
        ),
        ({"cautions": None}, "## Lưu ý is missing or empty"),
        ({"preparation": ""}, "## Chuẩn bị is missing or empty"),
        ({"steps": "1. Mở máy.\n2. Bấm nút."}, "2 steps; a procedure needs at least 3"),
        ({"quick": "### Có lâu không?\n### Ở đâu?\nỞ xã, bác ạ."}, "### Có lâu không? has no answer"),
        ({"summary": "Bác đổi thẻ ở xã. " * 13}, "## Tóm tắt has 65 words, at most 60"),
    ],
)
def test_a_broken_rule_of_the_whole_guide_is_told_at_its_first_line(
    tmp_path: Path, changes: dict[str, str | None], message: str
) -> None:
    [problem] = check(tmp_path, doi_the=guide_text(**changes))
    assert (problem.path, problem.line) == (tmp_path / "doi-the.md", 1)
    assert problem.message.startswith(message)


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("Bác đổi thẻ [2].", "source [2] is not in the front matter"),
        ("Bác được {{giam-gia}}.", "{{giam-gia}} is in neither facts.toml nor contacts.toml"),
        ("Bác nộp 2 ảnh.", "a number or a button label needs its source [n]: “Bác nộp 2 ảnh.”"),
        ("Bác bấm “Gửi đi”.", "a number or a button label needs its source [n]"),
        ("Bác trả 50.000 đồng [1].", "“50.000 đồng”: amounts stand in `fees` or facts.toml"),
        ("Bác trả 20 nghìn [1].", "“20 nghìn”: amounts stand in `fees` or facts.toml"),
        ("Bác gọi 1900 0368 [1].", "“1900 0368”: write a hotline as {{id}} of contacts.toml"),
        ("Bác gọi 113 [1].", "“113”: write a hotline as {{id}} of contacts.toml"),
        ("Bác vào the-moi.com để đổi.", "“the-moi.com” stands in no source of this guide"),
        ('Bác bấm "Gửi đi".', "button labels stand in “…”, not in straight quotes"),
    ],
)
def test_a_broken_rule_of_a_sentence_is_told_at_its_line(tmp_path: Path, sentence: str, message: str) -> None:
    text = guide_text(cautions=f"- Bác cẩn thận.\n- {sentence}")
    [problem] = check(tmp_path, doi_the=text)
    assert (problem.path, problem.line) == (tmp_path / "doi-the.md", line_of(text, sentence))
    assert problem.message.startswith(message)


@pytest.mark.parametrize(
    "sentence",
    [
        "Bác bấm “Gửi đi” [1].",
        "Bác được {{mien-phi}} từ ngày 15 tháng 8.",
        "Bác vào thuvien.gov.vn hoặc {{trang}}.",
        "Bác không đọc mã OTP cho ai.",
    ],
)
def test_what_a_sentence_may_say(tmp_path: Path, sentence: str) -> None:
    assert check(tmp_path, doi_the=guide_text(cautions=f"- {sentence}")) == ()


def test_sixty_words_of_summary_are_still_plain(tmp_path: Path) -> None:
    assert check(tmp_path, doi_the=guide_text(summary="Bác đổi thẻ ở xã. " * 12)) == ()


def test_a_guide_must_be_plain_too(tmp_path: Path) -> None:
    text = guide_text(steps="1. Mở trang.\n2. Bấm nút rồi gõ tên.\n3. Nhận thẻ.")
    [problem] = check(tmp_path, doi_the=text)
    assert problem.line == line_of(text, "gõ tên")


def test_what_to_do_otherwise_and_quick_answers_are_read_too(tmp_path: Path) -> None:
    steps = "1. Mở máy.\n   Nếu khác: Gọi 113 [1].\n2. Bấm nút.\n3. Nhận thẻ."
    text = guide_text(steps=steps, quick="### Lâu không?\nBác chờ 7 hôm.")
    lines = [problem.line for problem in check(tmp_path, doi_the=text)]
    assert lines == [line_of(text, "Gọi 113"), line_of(text, "7 hôm")]


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        ("![](bam-nut.svg)", "the text for a picture, in ![…], has 0 words; 1–20 are needed"),
        ("![Nút" + " này" * 24 + ".](bam-nut.svg)", "the text for a picture, in ![…], has 25 words"),
        ("![Một nút.](nut-la.svg)", "picture `nut-la.svg` is not in knowledge/pictures"),
        ("![Nút “Gửi”.](bam-nut.svg)", "“Gửi” does not stand in the step"),
        ('![Một nút.](cup-may.svg "Gửi")', "“Gửi” does not stand in the step"),
        ("![Hai nút.](hai-nut.svg)", "picture `hai-nut.svg` shows a “label” number 2, and the step has none"),
        ("![Trang.](go-dia-chi.svg)", "picture `go-dia-chi.svg` shows a web address, and the step has none"),
    ],
)
def test_a_broken_rule_of_a_picture_is_told_at_its_line(tmp_path: Path, picture: str, message: str) -> None:
    text = guide_text(steps=f"1. Mở trang.\n2. Bấm “Đổi thẻ” [1].\n   {picture}\n3. Nhận thẻ.")
    [problem] = check(tmp_path, doi_the=text)
    assert (problem.path, problem.line) == (tmp_path / "doi-the.md", line_of(text, picture))
    assert problem.message.startswith(message)


def test_a_label_that_no_picture_has_room_for_is_told(tmp_path: Path) -> None:
    label = "Xác nhận thông tin đăng ký " * 4
    text = guide_text(steps=f"1. Mở trang.\n2. Bấm “{label}” [1].\n   ![Nút.](bam-nut.svg)\n3. Nhận thẻ.")
    assert [problem.message for problem in check(tmp_path, doi_the=text)] == [
        f"picture `bam-nut.svg` has no room for “{label}”"
    ]


def test_pictures_show_labels_and_addresses_of_their_step(tmp_path: Path) -> None:
    pictures = (
        "1. Mở {{trang}} [1].\n   ![Trang mạng.](go-dia-chi.svg)\n"
        "2. Bấm “Vào” [1].\n   ![Nút “Vào”.](bam-nut.svg)\n"
        '3. Bấm kết nối.\n   ![Nút.](bam-nut.svg "kết nối")\n4. Cúp máy.\n   ![Nút đỏ.](cup-may.svg)'
    )
    assert check(tmp_path, doi_the=guide_text(steps=pictures)) == ()


def test_an_explanation_may_name_an_amount(tmp_path: Path) -> None:
    text = guide_text(kind="safety", cautions="- Kẻ gian đòi bác 5 triệu đồng [1].")
    assert check(tmp_path, doi_the=text) == ()


def test_two_guides_cannot_share_an_id(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert check(tmp_path / "a", doi_the=guide_text()) == ()
    check(tmp_path / "b", doi_the=guide_text())
    [problem] = check(tmp_path)
    assert problem.path == tmp_path / "b" / "doi-the.md"
    assert problem.line == line_of(guide_text(), "id: ")
    assert problem.message == f"id `doi-the` is also in {tmp_path / 'a' / 'doi-the.md'}"


def test_two_guides_cannot_answer_the_same_question(tmp_path: Path) -> None:
    questions = "".join(f"\n- Việc khác {n}?" for n in range(9)) + "\n- doi the thu vien kieu 3 the nao"
    text = other("mat-the", questions=questions)
    [problem] = check(tmp_path, doi_the=guide_text(), mat_the=text)
    assert (problem.path, problem.line) == (tmp_path / "mat-the.md", line_of(text, "questions: "))
    assert problem.message == "“doi the thu vien kieu 3 the nao” is also a question of doi-the"


def test_guides_may_point_to_each_other(tmp_path: Path) -> None:
    first = guide_text(related="[mat-the]")
    assert check(tmp_path, doi_the=first, mat_the=other("mat-the", related="[doi-the]")) == ()


def test_an_unreadable_guide_is_told_and_the_others_are_still_checked(tmp_path: Path) -> None:
    problems = check(tmp_path, a_hong="không phải bài", doi_the=guide_text(kind="howto"))
    assert [(problem.path.name, problem.line) for problem in problems] == [
        ("a-hong.md", 1),
        ("doi-the.md", line_of(guide_text(), "kind: ")),
    ]
    guides, _ = check_knowledge([tmp_path], FACTS, WORDS)
    assert [guide.document.id for guide in guides] == ["doi-the"]
