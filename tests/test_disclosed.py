from __future__ import annotations

import pytest

from assistant.answering.disclosed import disclosed


def hidden(text: str) -> str:
    """The text without what people tell of themselves in no fixed form."""
    for start, end in reversed(disclosed(text, "…", {"vneid"}.__contains__)):
        text = f"{text[:start]}…{text[end:]}"
    return text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mk vneid Hoamai#75 sai", "mk vneid … sai"),
        ("mật khẩu là con mèo đen nhưng sai", "mật khẩu là … nhưng sai"),
        ("mật khẩu em đặt bachlong nhé", "mật khẩu em đặt … nhé"),
        ("mat khau toi de la tranhung1960", "mat khau toi de la …"),
        ("sinh mười hai tháng ba năm một chín sáu lăm", "sinh …"),
        ("bố sinh ngày 2 tháng 9 năm 45", "bố sinh …"),
        ("ông tôi tuổi Mậu Ngọ, tức 1978", "ông tôi tuổi …"),
        ("xe biển 18 B2 - 456.78 mất", "xe biển … mất"),
        ("mail binhminh2020 at gmail dot com", "mail …"),
        ("thẻ bhyt hát tê bốn … hết hạn", "thẻ bhyt … hết hạn"),
        ("ô ti pi không ba không chín sáu ba", "ô ti pi …"),
    ],
)
def test_what_is_told_is_found(text: str, left: str) -> None:
    assert hidden(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "mật khẩu phải có mấy ký tự",
        "mật khẩu là chữ hoa hay chữ thường",
        "nhập sai mật khẩu 5 lần",
        "người sinh trước 15/10/1993 phải đổi",
        "ngày 30/4/1975 là ngày gì",
        "nghị định ngày 12/3/2009",
        "sinh con được 2 tháng 10 ngày",
        "biển số 5 số và 4 số",
        "mã lỗi 4021",
        "mã hồ sơ 000.00.00.H26-221122-0001",
        "quen6 passcode sau1 so61 cua3 vneid",
        "email của phường là gì",
    ],
)
def test_what_tells_nothing_stays(text: str) -> None:
    assert hidden(text) == text
