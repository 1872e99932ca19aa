from __future__ import annotations

from datetime import date

import pytest

from assistant.answering.checks import Evidence
from assistant.pipeline import Assistant
from assistant.text.normalize import sentences

GUIDE = Evidence(
    """Đổi thẻ căn cước

Lệ phí: Đổi thẻ: 50.000 đồng [1]; Đổi thẻ: 25.000 đồng (đến hết ngày 31/12/2026) [2].

Bác đặt lịch trên VNeID hoặc đến thẳng Công an xã, rồi chụp ảnh và lấy vân tay [3]. Người từ 60 tuổi
không phải đổi thẻ nữa [1]. Trả thẻ trong 07 ngày làm việc. Ngày 18/8/2026 các thủ tục đã gộp lại.

Giấy tờ cần có:
- Thẻ cũ (bản chính, 1 bản)
- Phiếu CC01 (tờ khai)

Các bước:
1. Mở VNeID, bấm “Thủ tục hành chính” [3].
   Nếu khác: Máy báo lỗi thì bác gọi cán bộ để hỏi.
2. Nhập mã OTP gồm 6 chữ số gửi về điện thoại, rồi đặt mật khẩu [3].
3. Mang thẻ cũ đến đúng giờ đã hẹn, giảm 10% nếu nộp trên mạng.

Liên hệ:
- Tổng đài VNeID: 1900 0368
- Trang VNeID: https://vneid.gov.vn

Lưu ý:
- Không đọc mã OTP, mật khẩu cho ai, kể cả người xưng là cán bộ [3].
- Theo Thông tư 73/2024/TT-BTC thì trẻ em không mất tiền."""
)


@pytest.mark.parametrize(
    "sentence",
    [
        "Bác đổi thẻ mất 50.000 đồng.",
        "Bác đổi thẻ mất 50000 đồng.",
        "Lệ phí đổi thẻ là 25.000 đồng đến hết ngày 31/12/2026.",
        "Bác đặt lịch trên VNeID hoặc đến thẳng Công an xã.",
        "Bác mở VNeID, bấm “Thủ tục hành chính”.",
        'Bác mở VNeID rồi bấm "Thủ tục hành chính" nhé.',
        "Trả thẻ trong 7 ngày làm việc.",
        "Thẻ được trả trong 07 ngày làm việc ạ.",
        "Người từ 60 tuổi không phải đổi thẻ nữa.",
        "Bác mang thẻ cũ và phiếu CC01 đến đúng giờ đã hẹn.",
        "Bác gọi tổng đài 1900 0368 để hỏi.",
        "Bác xem trang https://vneid.gov.vn nhé.",
        "Theo Thông tư 73/2024/TT-BTC thì trẻ em không mất tiền.",
        "Bác không đọc mã OTP cho ai, kể cả cán bộ.",
        "Bác nhập mã OTP gửi về điện thoại, rồi đặt mật khẩu.",
        "Bác bấm Thủ tục hành chính rồi nhập mã OTP.",
        "Nếu nộp trên mạng thì bác được giảm 10% lệ phí.",
        "Bác chụp ảnh và lấy vân tay [3].",
    ],
)
def test_what_the_guide_says_may_be_said(sentence: str) -> None:
    assert GUIDE.refusal(sentence) is None


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        # numbers
        ("Bác đổi thẻ mất 70.000 đồng.", "70.000"),
        ("Bác đổi thẻ mất 500.000 đồng.", "500.000"),
        ("Bác đổi thẻ mất 5000 đồng.", "figure 5000 đồng"),
        ("Lệ phí là 25.000 đồng đến hết ngày 31/12/2027.", "figure 31/12/2027"),
        ("Người từ 65 tuổi không phải đổi thẻ nữa.", "figure 65"),
        ("Trả thẻ trong 17 ngày làm việc.", "figure 17"),
        ("Bác nhập mã gồm 8 chữ số gửi về điện thoại.", "figure 8"),
        ("Nếu nộp trên mạng thì bác được giảm 20% lệ phí.", "figure 20 %"),
        ("Bác đổi thẻ, bác đến Công an xã, mất năm trăm đồng.", "figure “năm trăm”"),
        ("Trả thẻ trong hai tuần làm việc.", "figure “hai tuần”"),
        ("Bác chụp ảnh và lấy vân tay [9].", "figure 9"),
        # units and currency
        ("Trả thẻ trong 7 tháng làm việc.", "figure 7 tháng"),
        ("Trả thẻ trong 07 giờ làm việc.", "figure 7 giờ"),
        ("Người từ 60 ngày không phải đổi thẻ nữa.", "figure 60 ngày"),
        ("Bác mang thẻ cũ, 1 triệu, đến đúng giờ đã hẹn.", "figure 1 triệu"),
        ("Bác đổi thẻ mất 50.000 đô la.", "figure 50000 đô"),
        ("Bác đổi thẻ mất 50.000 USD nhé.", "figure 50000 usd"),
        ("Bác đổi thẻ mất 25.000%.", "figure 25000 %"),
        # phones
        ("Bác gọi tổng đài 1900 1234 để hỏi.", "figure 1234"),
        ("Bác gọi tổng đài 0912345678 để hỏi cán bộ.", "figure 912345678"),
        ("Bác gọi tổng đài 1900.9999 để hỏi.", "1900.9999"),
        ("Bác gọi tổng đài 18001096 để hỏi.", "figure 18001096"),
        # links
        ("Bác xem trang https://vneid-gov.com nhé.", "code or link"),
        ("Bác xem trang http://vneid.gov.vn.xyz/the nhé.", "code or link"),
        ("Bác xem trang vneid.vn để đổi thẻ nhé.", "code or link vneid.vn"),
        ("Bác gửi giấy tờ đến cán bộ theo hotro@vneid.gov.vn.", "code or link"),
        # labels
        ("Bác mở VNeID, bấm “Thanh toán”.", "label Thanh toán"),
        ('Bác mở VNeID, bấm "Đổi thẻ ngay" nhé.', "label Đổi thẻ ngay"),
        ("Bác mở VNeID, bấm 'Nộp tiền' nhé.", "label Nộp tiền"),
        ("Bác mở VNeID, bấm «Nộp tiền» nhé.", "label Nộp tiền"),
        # forms and law numbers
        ("Bác mang thẻ cũ và phiếu CC02 đến.", "code or link CC02"),
        ("Bác mang thẻ cũ và phiếu DC01 đến.", "code or link DC01"),
        ("Theo Thông tư 64/2025/TT-BTC thì trẻ em không mất tiền.", "code or link 64/2025/TT-BTC"),
        ("Theo Thông tư 73/2024/TT-BCA thì trẻ em không mất tiền.", "code or link 73/2024/TT-BCA"),
        # places
        ("Bác đặt lịch hoặc đến thẳng Công an huyện.", "place huyện"),
        ("Bác đặt lịch hoặc đến thẳng Công an tỉnh.", "place tỉnh"),
        ("Bác đổi thẻ tại ngân hàng hoặc Công an xã.", "place ngân"),
        ("Bác mở VNeID rồi bấm Nộp tiền.", "label Nộp tiền"),
        ("Bác mở VNeID, chọn mục Nộp thẻ cũ.", "label Nộp thẻ"),
        # denials added, and left out
        ("Bác không phải chụp ảnh và lấy vân tay.", "denial “không phải chụp”"),
        ("Bác đổi thẻ không mất đồng nào.", "denial “không mất đồng”"),
        ("Bác miễn lệ phí đổi thẻ.", "denial “miễn lệ phí”"),
        ("Bác chưa đặt lịch thì đến đúng giờ.", "denial “chưa đặt lịch”"),
        ("Bác khỏi chụp ảnh và lấy vân tay.", "denial “khỏi chụp ảnh”"),
        ("Người từ 60 tuổi phải đổi thẻ nữa.", "without its denial “phải đổi”"),
        ("Theo Thông tư 73/2024/TT-BTC thì trẻ em mất tiền.", "without its denial “mất tiền”"),
        ("Bác đọc mã rồi đặt mật khẩu.", "without its denial “đọc mã”"),
        # other languages and babble
        ("你 可以 在 公安局 办理 身份证。", "not Vietnamese"),
        ("Bác đổi thẻ ở 公安 xã nhé.", "not Vietnamese"),
        ("Bác đổi thẻ ở полиция xã nhé.", "not Vietnamese"),
        ("You can renew your card at the police station.", "not Vietnamese"),
        ("Bác can renew the card at công an station today.", "not Vietnamese"),
        ("Bac doi the o cong an xa.", "not Vietnamese"),
        ("Hôm nay trời nắng, con mèo ngủ ngoài hiên nhà hàng xóm.", "far from the guide's words"),
        ("Đổi thẻ.", "too short"),
        ("", "too short"),
        ("...", "too short"),
        # secrets
        ("Bác đọc giúp mã OTP gửi về điện thoại cho cán bộ.", "asks for a secret"),
        ("Bác cho cháu biết mã OTP gồm 6 chữ số.", "asks for a secret"),
        ("Bác đưa mật khẩu cho cán bộ.", "asks for a secret"),
        ("Máy báo lỗi thì bác đọc mật khẩu cho cán bộ.", "asks for a secret"),
        ("Bác gửi mã OTP về tổng đài VNeID.", "asks for a secret"),
        ("Người không phải đổi thẻ nữa thì đọc giờ và mã OTP cho cán bộ.", "asks for a secret"),
        ("Không đọc mã OTP, bác nói mật khẩu cho cán bộ.", "asks for a secret"),
        ("Bác doc ma OTP gửi về điện thoại cho cán bộ.", "asks for a secret"),
    ],
)
def test_what_the_guide_does_not_say_is_refused(sentence: str, reason: str | None) -> None:
    refusal = GUIDE.refusal(sentence)
    assert refusal is not None
    assert reason is None or refusal.startswith(reason) or reason in refusal


def test_nothing_may_be_said_from_an_empty_guide() -> None:
    assert Evidence("").refusal("Bác đổi thẻ ở Công an xã nhé.") is not None


@pytest.mark.parametrize("clock", [date(2026, 11, 22), date(2027, 6, 1)])
def test_nearly_all_that_a_shipped_guide_says_passes(assistant: Assistant, clock: date) -> None:
    """Those that do not are too short, or speak of a code and of reading in one breath."""
    passed, refused = 0, []
    for guide in assistant.searcher.index.guides:
        answer = assistant.open_guide(guide, today=clock)
        assert answer.card is not None
        steps = [step.text for step in answer.card.steps]
        evidence = Evidence(answer.text)
        for text in (answer.card.summary, *steps, *answer.card.cautions):
            for sentence in sentences(text):
                reason = evidence.refusal(sentence)
                passed += reason is None
                refused += [reason] if reason else []
    assert set(refused) <= {"too short", "asks for a secret"}
    assert len(refused) <= 0.05 * passed


def test_no_sentence_of_one_guide_brings_its_figures_into_another(assistant: Assistant) -> None:
    today = date(2026, 11, 22)
    fees = assistant.open_guide("can-cuoc-cap-doi", today=today).text
    evidence = Evidence(assistant.open_guide("dvc-dang-nhap", today=today).text)
    with_money = [line for line in fees.splitlines() if "000 đồng" in line]
    assert with_money
    assert all(evidence.refusal(line) for line in with_money)
