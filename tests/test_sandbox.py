from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from assistant.answering.card import CardWriter
from assistant.answering.checks import Evidence
from assistant.answering.prompts import load_replies
from assistant.coaching.lessons import load_lessons
from assistant.coaching.sandbox import Sandbox, load_sandbox, verdicts
from assistant.config import CHECKOUT
from assistant.errors import KnowledgeError
from assistant.knowledge.facts import load_shared_facts
from assistant.knowledge.guides import read_guide
from assistant.text.normalize import without_marks
from assistant.toml import read_toml

PATH = CHECKOUT / "prompts" / "classroom.toml"
WORDS = read_toml(PATH)
LESSONS = load_lessons(CHECKOUT / "knowledge" / "lessons")
EXAMPLES = {lesson.id: " ".join(lesson.example) for lesson in LESSONS}
POOR = re.compile(r"Yêu cầu chưa tốt:.*?“([^”]+)”")
BETTER = re.compile(r"Yêu cầu tốt hơn:.*?“([^”]+)”")
# What the lessons themselves call wrong in their poor requests; those of the others hold no secret.
WRONG = {
    "02-viet-yeu-cau-tot": "name",
    "03-tom-tat-van-ban": "list",
    "04-soan-thao-van-ban": "name",
    "06-khong-nhap-vao-ai": "list",
    "07-luat-du-lieu-ca-nhan": "list",
    "08-deepfake-noi-dung-gia": "name",
    "10-giao-vien-lop-hoc-so": "name",
    "11-huong-dan-nguoi-cao-tuoi": "name",
}
BLOCKED = [
    ("Mật khẩu email cơ quan là Abc12345, viết thư giúp tôi", "secret"),
    ("Mã OTP vừa về là 482913, đăng nhập giúp tôi", "secret"),
    ("Tóm tắt công văn mật này giúp tôi", "state-secret"),
    ("MẬT\nKế hoạch số 12 của huyện\nTóm tắt giúp tôi", "state-secret"),
    ("Độ mật: Tối mật. Viết lại đoạn này cho gọn", "state-secret"),
    ("Sửa câu chữ tài liệu nội bộ dưới đây", "internal"),
    ("Góp ý dự thảo chưa công bố của phường", "internal"),
    ("Soát lỗi dự thảo nhân sự khóa tới", "internal"),
    ("Viết giấy mời cho người có căn cước 079200001234", "number"),
    ("Soạn đơn, số tài khoản 0123456789012 ở Agribank", "number"),
    ("Nhắn cho bà con số 0912 345 678 giúp tôi", "contact"),
    ("Gửi thư tới nguyenvana@gmail.com nội dung mời họp", "contact"),
    ("Dưới đây là danh sách hộ nghèo, xếp theo tổ giúp tôi", "list"),
    ("Kèm danh sách học sinh, nhận xét từng em", "list"),
    ("Tóm tắt bệnh án sau cho dễ hiểu", "health"),
    ("Viết thư thăm hỏi bà Lò Thị Nọ đang ốm", "name"),
    ("viết thư trả lời ông nguyễn văn nọ", "name"),
    ("Viet thu tra loi ong Nguyen Van No", "name"),
    ("Trả lời đơn của Đỗ Minh Nào Đó về tiếng ồn", "name"),
    ("Viết thư mời đến số nhà 12, tổ 3", "home"),
    ("Soạn thư cho người ở số 5 ngõ Mận", "home"),
    ("Ngày sinh: 3/5/1950, viết lời chúc thọ", "home"),
]
FINE = [
    "Viết bài tuyên truyền Luật Bảo vệ bí mật nhà nước cho bà con, ngắn gọn",
    "Tóm tắt thông báo công khai về lịch cắt nước ở phường thành ba ý",
    "Gợi ý dàn ý buổi họp tổ dân phố về phân loại rác",
    "Viết bài tuyên truyền phòng bệnh tiểu đường cho người cao tuổi",
    "Giải thích Nghị định 142/2026/NĐ-CP có hiệu lực từ 1/5/2026 cho người dân",
    "Viết lời nhắc bà con không đọc mã OTP, mật khẩu cho ai",
    "Soạn thông báo họp ở nhà văn hóa đường Trần Hưng Đạo",
    "Gợi ý hoạt động kỷ niệm ngày sinh Chủ tịch Hồ Chí Minh",
    "Viết giới thiệu Thành phố Hồ Chí Minh, tỉnh Hà Giang và Lạng Sơn trong năm câu",
    "Lập mẫu danh sách hộ cần hỗ trợ, để trống mọi ô",
    "Nêu cách lọc danh sách người cao tuổi trong bảng tính, tôi không gửi dữ liệu",
    "Viết lời mời Hội Người cao tuổi dự lớp Bình dân học vụ số",
    "So sánh phí 50.000 đồng và 25.000 đồng khi đổi thẻ căn cước",
    "Gợi ý 3 phương án trả lời phản ánh, mỗi phương án nêu cơ quan thẩm quyền và căn cứ",
    "Soạn nội quy lớp học số, không ghi thông tin cá nhân",
    "Nhắc bà con gọi tổng đài 1900 0368 khi cần hỏi về VNeID",
]


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return load_sandbox(PATH, LESSONS, CHECKOUT / "knowledge")


def found(sandbox: Sandbox, text: str) -> list[str]:
    return [finding.ground.id for finding in sandbox.findings(text)]


# What may not be sent


@pytest.mark.parametrize(("lesson", "ground"), WRONG.items())
def test_the_lessons_poor_requests_are_blocked(sandbox: Sandbox, lesson: str, ground: str) -> None:
    (poor,) = POOR.findall(EXAMPLES[lesson])
    assert ground in found(sandbox, poor), poor


@pytest.mark.parametrize("lesson", EXAMPLES)
def test_the_lessons_better_requests_pass(sandbox: Sandbox, lesson: str) -> None:
    requests = BETTER.findall(EXAMPLES[lesson])
    if lesson not in WRONG:
        requests += POOR.findall(EXAMPLES[lesson])
    assert requests
    for request in requests:
        assert found(sandbox, request) == [], request


@pytest.mark.parametrize(("text", "ground"), BLOCKED)
def test_secrets_and_personal_data_are_found(sandbox: Sandbox, text: str, ground: str) -> None:
    assert ground in found(sandbox, text)


@pytest.mark.parametrize("text", FINE)
def test_ordinary_requests_are_not_blocked(sandbox: Sandbox, text: str) -> None:
    assert found(sandbox, text) == []


def test_a_number_is_never_repeated(sandbox: Sandbox) -> None:
    text = "Mời bà Tạ Thị Nào, căn cước 079200001234, điện thoại 0912345678, mã OTP 482913"
    told = " ".join(finding.words for finding in sandbox.findings(text))
    assert "Tạ Thị Nào" in told
    assert not re.search(r"\d", told)


def test_the_gravest_comes_first(sandbox: Sandbox) -> None:
    assert found(sandbox, "Mã OTP là 482913, gửi ông Lê Văn Nọ số 0912345678") == [
        "secret",
        "contact",
        "name",
    ]


def test_whatever_is_typed_is_judged(sandbox: Sandbox) -> None:
    for text in ("", " \n ", "“”", "A" * 5000, "ông Nguyễn", "\ud83d\ude00", "Nguyễn " * 400):
        sandbox.marks(text, sandbox.findings(text))


def test_the_law_that_is_told_stands_in_the_lessons_that_are_cited(sandbox: Sandbox) -> None:
    texts = {
        lesson.id: " ".join([*lesson.content, *(source.title for source in lesson.sources)])
        for lesson in LESSONS
    }
    for ground in sandbox.grounds:
        assert ground.reason
        assert ground.cites
        cited = " ".join(texts[cite.split()[0]] for cite in ground.cites)
        for number in re.findall(r"\d+/[\w/-]*[\w-]", ground.law):
            assert number in cited, (ground.id, number)


# The rubric


def test_better_requests_earn_more_than_poor_ones(sandbox: Sandbox) -> None:
    def points(text: str) -> int:
        return sum(mark.points for mark in sandbox.marks(text, sandbox.findings(text)))

    poor = [points(text) for example in EXAMPLES.values() for text in POOR.findall(example)]
    better = [points(BETTER.findall(EXAMPLES[lesson.id])[0]) for lesson in LESSONS[:10]]
    assert max(poor) < 5
    assert min(better) >= 5
    assert sum(points >= 7 for points in better) >= 6


def test_what_is_missing_is_told(sandbox: Sandbox) -> None:
    marks = sandbox.marks("Viết thông báo họp.", ())
    assert [mark.points for mark in marks] == [1, 0, 0, 0]
    assert all(mark.hints for mark in marks)
    assert [mark.criterion.points for mark in marks] == [3, 3, 2, 2]


def test_nothing_is_earned_for_names_left_out_while_a_name_stands_there(sandbox: Sandbox) -> None:
    text = "Viết thư cho bà Tạ Thị Nào, để trống tên"
    assert sandbox.marks(text, sandbox.findings(text))[2].points == 0


def test_tables_that_do_not_fit_the_lessons_are_refused(tmp_path: Path) -> None:
    text = PATH.read_text(encoding="utf-8")
    for old, new in (
        ("points = 2", "points = 3"),
        ('cites = ["06-khong-nhap-vao-ai 1"', 'cites = ["06-khong-nhap-vao-ai 77"'),
        ('none = ["negations", "about"]', 'none = ["negation"]'),
        ('lesson = "02-viet-yeu-cau-tot"', 'lesson = "13"'),
    ):
        assert old in text
        (tmp_path / "classroom.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(KnowledgeError):
            load_sandbox(tmp_path / "classroom.toml", LESSONS, CHECKOUT / "knowledge")


# Answers held against a guide


@pytest.fixture(scope="module")
def evidence(sandbox: Sandbox) -> dict[str, Evidence]:
    """By guide of the comparisons."""
    knowledge = CHECKOUT / "knowledge"
    facts = load_shared_facts(knowledge, knowledge / "no-overlay")
    day = date(2026, 11, 26)
    writer = CardWriter(facts, load_replies(CHECKOUT / "prompts"), day, day)
    paths = {path.stem: path for path in (knowledge / "guides").rglob("*.md")}
    return {
        c.guide: Evidence(without_marks(writer.whole_text(read_guide(paths[c.guide], facts))), c.question)
        for c in sandbox.comparisons
    }


def test_the_prepared_answers_show_the_difference(sandbox: Sandbox, evidence: dict[str, Evidence]) -> None:
    assert len(sandbox.comparisons) >= 4
    for comparison in sandbox.comparisons:
        using = verdicts(comparison.using, evidence[comparison.guide])
        assert [v for v in using if v.kind != "stands"] == []
        without = verdicts(comparison.without, evidence[comparison.guide])
        assert len(without) >= 4
        assert [v for v in without if v.kind == "stands"] == []


def test_every_verdict_has_its_words(sandbox: Sandbox, evidence: dict[str, Evidence]) -> None:
    held = evidence["vneid-kich-hoat"]
    answer = (
        "Dạ được.\n- Phí là 70.000 đồng một lần.\n1. Bác bấm “Xin cấp lại ngay”.\n"
        "Xem ở trang vneid-that.com nhé.\nPlease open the application now.\n"
        "Bác đọc mã OTP cho cháu nhé.\nCá chép om dưa rất ngon bổ."
    )
    kinds = {verdict.kind for verdict in verdicts(answer, held)}
    assert {"short", "figure", "label", "secret"} <= kinds
    assert kinds | {"stands", "instead", "left_out", "unsaid", "place"} <= WORDS["verdicts"].keys()
