from __future__ import annotations

from pathlib import Path

import pytest
from guide_text import guide_text, line_of

from assistant.errors import KnowledgeError, Problem
from assistant.knowledge.guides import read_guide_file
from assistant.knowledge.plain import (
    PlainWords,
    actions,
    check_lessons,
    load_plain_words,
    plain_problems,
)

KNOWLEDGE = Path(__file__).resolve().parents[1] / "knowledge"
WORDS = PlainWords(
    known=frozenset({"otp", "zalo", "wi-fi", "chip"}),
    explained={"passcode": "dãy số riêng", "nfc": "phần đọc được chip"},
    places=("Công an",),
)
# Eight words; the guide of guide_text() has short sentences, so one long one leaves the median alone.
EIGHT = "rồi chờ cán bộ gọi tên bác nhé"


def problems(folder: Path, **changes: str | None) -> list[tuple[int, str]]:
    """Line and message of every problem of a guide with these parts."""
    path = folder / "doi-the.md"
    path.write_text(guide_text(**changes), encoding="utf-8")
    return [(problem.line, problem.message) for problem in plain_problems(read_guide_file(path), WORDS)]


def of_cautions(folder: Path, *sentences: str) -> list[str]:
    """The messages about sentences that stand one a line; each must be told at its own line."""
    text = "\n".join(f"- {sentence}" for sentence in sentences)
    return [message for _, message in problems(folder, cautions=text)]


def test_a_sentence_has_at_most_28_words(tmp_path: Path) -> None:
    long = f"Bác ngồi ghế {EIGHT} {EIGHT} {EIGHT}"
    assert of_cautions(tmp_path, f"{long} [1].") == []
    line = line_of(guide_text(cautions=f"- {long} ạ và nhớ."), long)
    [problem] = problems(tmp_path, cautions=f"- {long} ạ và nhớ.")
    assert problem == (line, f"sentence of 30 words, at most 28: “{long} ạ và nhớ.”")


def test_half_of_the_sentences_have_at_most_18_words(tmp_path: Path) -> None:
    parts = {
        "summary": f"Bác đến {EIGHT} {EIGHT} {EIGHT}. Bác ngồi {EIGHT} {EIGHT} {EIGHT}.",
        "preparation": f"- Bác mang thẻ {EIGHT} {EIGHT}.\n- Bác mang giấy {EIGHT} {EIGHT}.",
        "steps": "\n".join(f"{n}. Mở máy tính {EIGHT} {EIGHT}." for n in (1, 2, 3)),
    }
    assert problems(tmp_path, **parts) == [(1, "median sentence of 19 words, at most 18")]
    eighteen = "\n".join(f"- Bác nhớ {EIGHT} {EIGHT}." for _ in range(9))
    assert problems(tmp_path, cautions=eighteen) == []


def test_the_reader_is_addressed(tmp_path: Path) -> None:
    parts = {
        "summary": "Đổi thẻ ở thư viện.",
        "steps": "1. Mở trang.\n2. Bấm nút.\n3. Nhận thẻ.",
        "cautions": "- Không đọc mã.",
        "quick": "### Có lâu không?\nVài hôm.",
    }
    assert problems(tmp_path, **parts) == [(1, "the text never addresses the reader as “bác”")]


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("Bác hỏi HTX nhé.", "“HTX” is not explained where it first stands: write “… (HTX)”, use a plainer"),
        ("Bác mở browser nhé.", "“browser” is not explained where it first stands: write “browser (…)”, use"),
        ("Bác nhập passcode nhé.", "“passcode” is not explained where it first stands: write “passcode (dãy"),
        (
            "Bác bật NFC lên.",
            "“NFC” is not explained where it first stands: write “NFC (phần đọc được chip)”",
        ),
        ("Bác bấm nút Gửi đi nhé.", "put the label that begins with “Gửi” in quotes"),
        ("Bác chọn Công an xã - chọn mục Tạo mới nhé.", "put the label that begins with “Tạo” in quotes"),
    ],
)
def test_what_an_old_person_would_stumble_over(tmp_path: Path, sentence: str, message: str) -> None:
    text = guide_text(cautions=f"- Bác cẩn thận.\n- {sentence}")
    [(line, told)] = problems(tmp_path, cautions=f"- Bác cẩn thận.\n- {sentence}")
    assert line == line_of(text, sentence)
    assert told.startswith(message)


@pytest.mark.parametrize(
    "sentence",
    [
        "Bác hỏi hợp tác xã (HTX). HTX sẽ giúp bác.",
        "Bác nhập passcode (mã để mở giấy) nhé.",
        "Bác nhập passcode. Đó là dãy số riêng của bác.",
        "Bác bật NFC [1], tức là phần đọc chip.",
        "Có phần mềm đọc tin (gọi là browser).",
        "Mã OTP gửi qua Zalo, máy phải có Wi-Fi.",
        "Bác vào thuvien.gov.vn theo Quyết định 69/2024/NĐ-CP, mẫu CT01.",
        "Bác bấm “Submit” và “ĐỒNG Ý” [1].",
        "Bác gõ aa để ra chữ mũ.",
        "Bác chọn Công an xã, bấm hình kính lúp, mở mục về màn hình.",
        "Bác bấm nút {{trang}} nhé.",
    ],
)
def test_what_a_sentence_may_say(tmp_path: Path, sentence: str) -> None:
    assert of_cautions(tmp_path, sentence) == []


def test_a_word_is_explained_where_it_first_stands_and_told_once(tmp_path: Path) -> None:
    early = "1. Bấm nút.\n2. Nhập passcode.\n3. Nhập passcode lần nữa."
    late = "- Bác cẩn thận.\n- Passcode là dãy số riêng."
    text = guide_text(steps=early, cautions=late)
    [(line, message)] = problems(tmp_path, steps=early, cautions=late)
    assert line == line_of(text, "2. Nhập passcode")
    assert message.startswith("“passcode” is not explained")


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("Mở VNeID, bấm “Ví giấy tờ” rồi nhập mã [2].", ["Mở VNeID", "bấm “Ví giấy tờ”", "nhập mã"]),
        ("Chọn “Cá nhân”, rồi “Cài đặt” [1].", ["Chọn “Cá nhân”", "“Cài đặt”"]),
        ("Nộp trên mạng thì chọn tỉnh rồi chọn xã.", ["Nộp trên mạng thì chọn tỉnh", "chọn xã"]),
        ("Bác tự gõ tên và gửi đi.", ["Bác tự gõ tên", "gửi đi"]),
    ],
)
def test_a_step_that_asks_for_more_than_one_thing(step: str, found: list[str]) -> None:
    assert actions(step) == found


@pytest.mark.parametrize(
    "step",
    [
        "Đọc phần giới thiệu, bấm “Bắt đầu” [3].",
        "Bấm “Lưu và gửi đi” [3].",
        "Chọn “Bản thân” nếu làm cho mình, hoặc “Khai hộ” nếu làm giúp [9].",
        "Nhập passcode, hoặc dùng vân tay [8].",
        "Viết đơn: ghi tên, ký tên, dán ảnh.",
        "Chọn tỉnh, xã ở phần “Cơ quan” [1].",
        "Mở trang (vào mạng, gõ địa chỉ).",
        "Mang thẻ đến xã rồi chờ gọi tên.",
    ],
)
def test_a_step_that_asks_for_one_thing(step: str) -> None:
    assert len(actions(step)) <= 1


def test_a_step_of_several_actions_or_sentences_is_told_at_its_line(tmp_path: Path) -> None:
    steps = (
        "1. Mở máy rồi gõ tên.\n   Nếu khác: Bác tắt máy rồi mở lại.\n2. Chờ nhé. Bác ngồi. Bác nghỉ.\n3. Về."
    )
    text = guide_text(steps=steps)
    assert problems(tmp_path, steps=steps) == [
        (line_of(text, "1. Mở máy"), "2 actions in a step, one is allowed: “Mở máy”; “gõ tên”"),
        (line_of(text, "2. Chờ nhé"), "3 sentences in a step, at most 2"),
    ]


def test_lessons_need_known_words_and_short_sentences_but_may_say_anh_chi(tmp_path: Path) -> None:
    lesson = "---\nid: a\n---\n## Nội dung\nAnh chị mở máy.\n- a) Dùng browser\n"
    (tmp_path / "a.md").write_text(lesson, encoding="utf-8")
    [problem] = check_lessons(tmp_path, WORDS)
    assert (problem.path.name, problem.line) == ("a.md", 6)
    assert "browser" in problem.message


def test_a_broken_lesson_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("không phải bài", encoding="utf-8")
    [problem] = check_lessons(tmp_path, WORDS)
    assert problem.line == 1


def test_the_shipped_lessons_have_no_problem() -> None:
    words = load_plain_words(KNOWLEDGE / "glossary.toml")
    assert list(check_lessons(KNOWLEDGE / "lessons", words)) == []


def test_explanations_in_the_shipped_glossary_are_themselves_plain() -> None:
    words = load_plain_words(KNOWLEDGE / "glossary.toml")
    assert not words.known & words.explained.keys()
    for word, meaning in words.explained.items():
        assert word not in meaning.lower().split()


@pytest.mark.parametrize(
    "table", ["[other]", '[plain]\nknown = ["OTP"]', "[plain]\nknown = 1\nplaces = []\n[plain.explained]"]
)
def test_a_glossary_without_its_words_is_told(tmp_path: Path, table: str) -> None:
    path = tmp_path / "glossary.toml"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(KnowledgeError, match="table `plain`") as caught:
        load_plain_words(path)
    assert caught.value.problems[0] == Problem(path, 0, caught.value.problems[0].message)
