from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text.normalize import (
    Figure,
    clean,
    figures,
    fold,
    has_accents,
    modern_tones,
    sentences,
    syllables,
    without_marks,
)

# Text as it may really arrive: letters with loose accents, invisible and broken characters among them.
any_text = st.text(st.characters(codec=None), max_size=60) | st.text(
    "aeoudđ \t\n\u0301\u0302\u031b\u200b\u200d\u00ad\ufeff\ud83d\x00\ue000", max_size=20
)
prose = st.text('aBđ1 .!?…”")[]2\n,:', max_size=60)


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  đổi \t thẻ\r\n căn   cước ", "đổi thẻ căn cước"),
        (unicodedata.normalize("NFD", "đổi thẻ căn cước"), "đổi thẻ căn cước"),
        ("O\u200bT\u2060P\ufeff", "OTP"),
        ("mật\u00adkhẩu", "mậtkhẩu"),
        ("e\u200d\u0301", "é"),
        ("O\u0334T\u0335P\u0336", "OTP"),
        ("mã\x00OTP\ue000là", "mã OTP là"),
        ("thẻ\ud83dmới", "thẻ mới"),
        ("căn\u00a0cước\u3000mới", "căn cước mới"),
        ("\u200b\x07\n", ""),
    ],
)
def test_clean_leaves_readable_text(typed: str, cleaned: str) -> None:
    assert clean(typed) == cleaned


@given(any_text)
def test_folding_takes_off_what_unicode_calls_an_accent(text: str) -> None:
    apart = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    assert fold(text) == unicodedata.normalize(
        "NFC", "".join(c for c in apart if not unicodedata.combining(c))
    )


@given(any_text)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(any_text)
def test_clean_text_has_no_control_or_surrogate_characters_and_single_spaces(text: str) -> None:
    cleaned = clean(text)
    categories = {unicodedata.category(character)[0] for character in cleaned.replace(" ", "")}
    assert not categories & {"C", "Z"}
    assert "  " not in cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)


@pytest.mark.parametrize(
    ("written", "modern"),
    [
        ("Thuỷ Hoà", "thủy hòa"),
        ("xoá khoẻ", "xóa khỏe"),
        ("uỷ quyền", "ủy quyền"),
        ("quý quỹ", "quý quỹ"),
        ("hoàn thoát", "hoàn thoát"),
    ],
)
def test_old_and_new_tone_placement_become_one(written: str, modern: str) -> None:
    assert modern_tones(written) == modern


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Đổi thẻ Căn cước", "doi the can cuoc"),
        ("QUÊN MẬT KHẨU", "quen mat khau"),
        ("đường Nguyễn Huệ 12/3", "duong nguyen hue 12/3"),
        (unicodedata.normalize("NFD", "lừa đảo"), "lua dao"),
    ],
)
def test_fold_gives_what_a_plain_keyboard_types(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(any_text)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_syllables_are_words_and_numbers_without_punctuation() -> None:
    assert syllables("Hoà mạng 4G, mức 2 (VNeID)?") == ["hòa", "mạng", "4g", "mức", "2", "vneid"]


@pytest.mark.parametrize(("text", "expected"), [("Đổi thẻ", True), ("đi", True), ("DOI THE 2026", False)])
def test_an_unaccented_question_is_recognised(text: str, expected: bool) -> None:
    assert has_accents(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bác mở máy. Bác bấm nút!", ["Bác mở máy.", "Bác bấm nút!"]),
        ("Phí là 20.000 đồng. Bác nộp.", ["Phí là 20.000 đồng.", "Bác nộp."]),
        ("Vào vneid.gov.vn rồi bấm. Xong.", ["Vào vneid.gov.vn rồi bấm.", "Xong."]),
        ("Ở TP. Hồ Chí Minh. Gần chợ.", ["Ở TP. Hồ Chí Minh.", "Gần chợ."]),
        ("Bấm “Gửi.” Chờ tin.", ["Bấm “Gửi.”", "Chờ tin."]),
        ("Gọi 113. Bác cúp máy.", ["Gọi 113.", "Bác cúp máy."]),
        ("Từ 1. 7. 2026 bác đổi.", ["Từ 1. 7. 2026 bác đổi."]),
        ("1. Mở máy. 2. Bấm nút.", ["1. Mở máy.", "2. Bấm nút."]),
        ("Bác chờ… rồi bấm tiếp.", ["Bác chờ… rồi bấm tiếp."]),
        ("Bác ơi", ["Bác ơi"]),
        ("  \n ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    "text", ["Lệ phí giảm một nửa [1] [2]. Bác nộp.", "Lệ phí giảm một nửa. [1] [2] Bác nộp."]
)
def test_a_source_mark_stays_with_its_sentence(text: str) -> None:
    first, second = sentences(text)
    assert "[1] [2]" in first
    assert second == "Bác nộp."


@given(prose)
def test_sentences_lose_no_text(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@given(prose)
def test_no_sentence_is_empty_or_padded(text: str) -> None:
    assert all(sentence and sentence == sentence.strip() for sentence in sentences(text))


def test_marks_are_not_spoken() -> None:
    assert without_marks("Đổi thẻ [1] ở xã [2][3].") == "Đổi thẻ ở xã."


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("20.000 đồng", Figure("20000", "đồng")),
        ("20000 đồng", Figure("20000", "đồng")),
        ("hai mươi nghìn đồng", Figure("20000", "đồng")),
        ("50 nghìn đồng", Figure("50000", "đồng")),
        ("1 triệu rưỡi đồng", Figure("1500000", "đồng")),
        ("một trăm linh năm ngàn đồng", Figure("105000", "đồng")),
        ("hai mươi nhăm ngày", Figure("25", "ngày")),
        ("2 tháng rưỡi", Figure("2,5", "tháng")),
        ("20.000 usd", Figure("20000", "usd")),
        ("07 ngày làm việc", Figure("7", "ngày")),
        ("bảy ngày", Figure("7", "ngày")),
        ("hai mươi mốt tuổi", Figure("21", "tuổi")),
        ("ngày 31 tháng 12 năm 2026", Figure("31/12/2026", "date")),
        ("31/12/2026", Figure("31/12/2026", "date")),
        ("tháng 8/2026", Figure("8/2026", "date")),
        ("năm 2026", Figure("2026", "date")),
        ("1900 0368", Figure("19000368", "")),
        ("mức 2", Figure("2", "mức")),
        ("từ 8 tuổi", Figure("8", "tuổi", "≥")),
        ("60 tuổi trở lên", Figure("60", "tuổi", "≥")),
        ("dưới 16 tuổi", Figure("16", "tuổi", "≤")),
        ("tối đa 2 năm", Figure("2", "năm", "≤")),
        ("mỗi tháng", Figure("mỗi", "tháng")),
        ("cả hai", Figure("2", None)),
    ],
)
def test_a_figure_is_a_number_with_its_unit_and_bound(text: str, figure: Figure) -> None:
    assert figures(text)[0] == [figure]


def test_a_range_has_two_figures() -> None:
    assert figures("từ 3 đến 5 ngày")[0] == [Figure("3", "", "≥"), Figure("5", "ngày", "≤")]


@pytest.mark.parametrize("text", ["một số giấy tờ", "ba mẹ", "thẻ cũ", ""])
def test_a_word_that_is_no_number_is_no_figure(text: str) -> None:
    assert [figure for figure in figures(text)[0] if figure.unit is not None] == []


def test_the_words_around_a_figure_are_left() -> None:
    assert figures("bác nộp hai mươi nghìn đồng ở xã")[1] == ["bác", "nộp", "#20000", "ở", "xã"]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (Figure("31/12/2026", "date"), Figure("31/12/2026", "date"), True),
        (Figure("2026", "date"), Figure("31/12/2026", "date"), True),
        (Figure("12/2026", "date"), Figure("31/12/2026", "date"), True),
        (Figure("31/12", "date"), Figure("31/12/2026", "date"), True),
        (Figure("2027", "date"), Figure("31/12/2026", "date"), False),
        (Figure("2/2026", "date"), Figure("31/12/2026", "date"), False),
        (Figure("3", "ngày"), Figure("3", "tháng"), False),
        (Figure("3", "ngày", "≥"), Figure("3", "ngày"), True),
    ],
)
def test_figures_are_equal_by_value_and_unit(one: Figure, other: Figure, equal: bool) -> None:
    assert one.equals(other) is equal


@given(prose)
def test_figures_are_found_in_any_text(text: str) -> None:
    found, words = figures(text.lower())
    assert all(figure.value for figure in found)
    assert all(words)
