from __future__ import annotations

import re
from typing import Any

import pytest

from assistant.config import CHECKOUT
from assistant.knowledge.facts import load_shared_facts
from assistant.knowledge.guides import read_guide
from assistant.speech.speakable import digit_by_digit, number_in_words, spoken
from assistant.toml import read_toml

SOUNDS: dict[str, Any] = read_toml(CHECKOUT / "prompts" / "voice.toml")["sounds"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "không"),
        (5, "năm"),
        (10, "mười"),
        (11, "mười một"),
        (15, "mười lăm"),
        (21, "hai mươi mốt"),
        (24, "hai mươi bốn"),
        (55, "năm mươi lăm"),
        (100, "một trăm"),
        (105, "một trăm linh năm"),
        (110, "một trăm mười"),
        (1_005, "một nghìn không trăm linh năm"),
        (2_026, "hai nghìn không trăm hai mươi sáu"),
        (25_000, "hai mươi lăm nghìn"),
        (1_500_000, "một triệu năm trăm nghìn"),
        (2_000_000_001, "hai tỷ không trăm linh một"),
    ],
)
def test_numbers_are_said_as_people_say_them(number: int, words: str) -> None:
    assert number_in_words(number) == words


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Bấm “Gửi” [1] [2].", "Bấm, Gửi."),
        ("Lệ phí 25.000 đồng.", "Lệ phí hai mươi lăm nghìn đồng."),
        ("Phạt 1.500.000đ", "Phạt một triệu năm trăm nghìn đồng"),
        ("Gọi 1900 0368 ngay.", "Gọi một chín không không, không ba sáu tám ngay."),
        ("Gọi 113 hoặc 18001096.", "Gọi một một ba hoặc một tám không không, một không chín sáu."),
        ("Hết 113.000 đồng", "Hết một trăm mười ba nghìn đồng"),
        (
            "đến hết ngày 31/12/2026",
            "đến hết ngày ba mươi mốt tháng mười hai năm hai nghìn không trăm hai mươi sáu",
        ),
        ("từ 2/9", "từ ngày hai tháng chín"),
        ("tháng 7/2026", "tháng bảy năm hai nghìn không trăm hai mươi sáu"),
        ("Mở cửa 7h30 đến 17h", "Mở cửa bảy giờ ba mươi phút đến mười bảy giờ"),
        ("trong 07 ngày", "trong bảy ngày"),
        ("từ 10–15 phút", "từ mười đến mười lăm phút"),
        ("giảm 2,5%", "giảm hai phẩy năm phần trăm"),
        ("Mở VNeID mức 2", "Mở vi en i ai đi mức hai"),
        ("Mang CCCD đến UBND xã", "Mang căn cước công dân đến ủy ban nhân dân xã"),
        ("Nhập mã OTP (6 số)", "Nhập mã ô tê pê, sáu số"),
        ("Ai hỏi thì đừng nói", "Ai hỏi thì đừng nói"),
        ("Máy có AI", "Máy có ây ai"),
        ("Tờ khai CT01", "Tờ khai xê tê không một"),
        ("Vào https://vneid.gov.vn để xem.", "Vào vi en i ai đi chấm gờ o vê chấm vê en để xem."),
        ("Nghị định 59/2022/NĐ-CP", "Nghị định năm mươi chín năm hai nghìn không trăm hai mươi hai"),
        ("số 012345678901", "số không một hai, ba bốn năm, sáu bảy tám, chín không một"),
        ("Có mặt 24/7", "Có mặt suốt ngày đêm"),
    ],
)
def test_text_is_put_into_words(written: str, said: str) -> None:
    assert spoken(written, SOUNDS) == said


def test_digits_come_in_groups_that_can_be_followed() -> None:
    assert digit_by_digit("1234567").count(",") == 2
    assert digit_by_digit("113") == "một một ba"


def test_every_guide_can_be_said() -> None:
    """Nothing of any step is left that a voice would stumble over."""
    knowledge = CHECKOUT / "knowledge"
    facts = load_shared_facts(knowledge, knowledge / "no-overlay")
    left = {}
    for path in sorted((knowledge / "guides").rglob("*.md")):
        for step in read_guide(path, facts).steps:
            said = spoken(step.text.replace("{{", "").replace("}}", ""), SOUNDS)
            if found := re.findall(r"\d+|[A-ZĐ]{2,}|[^\w\s.,;:!?+'-]", said):
                left[said] = found
    assert left == {}
