from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text.keystrokes import KeystrokeRepair, is_syllable, joined_letters, telex, vni
from assistant.text.normalize import syllables

SYLLABLES = syllables(
    "được không thẻ căn cước đổi thường trú quốc tịch khẩu nghiệp đường người thủy hòa quyết yêu giấy của "
    "cửa nước ngoài điện thoại đăng ký trực tuyến quên mật chuyển tiền bảo hiểm huyện phường xã lừa đảo lệ "
    "phí bác mấy tuổi ngày"
)
repair = KeystrokeRepair(SYLLABLES)


@pytest.mark.parametrize("syllable", SYLLABLES)
@pytest.mark.parametrize("method", [telex, vni])
def test_raw_keystrokes_become_the_syllable(syllable: str, method: Callable[[str], set[str]]) -> None:
    typed = method(syllable)
    assert {keys: repair([keys]) for keys in typed} == {keys: [syllable] for keys in typed}


@pytest.mark.parametrize(
    ("syllable", "keys"),
    [("được", "dduwowcj"), ("được", "dduowcj"), ("thẻ", "ther"), ("quốc", "quoocs"), ("đường", "dduwowngf")],
)
def test_telex_as_it_is_taught(syllable: str, keys: str) -> None:
    assert keys in telex(syllable)


@pytest.mark.parametrize(
    ("syllable", "keys"),
    [("được", "d9u7o7c5"), ("được", "d9uo7c5"), ("thẻ", "the3"), ("quốc", "quo6c1"), ("căn", "ca8n")],
)
def test_vni_as_it_is_taught(syllable: str, keys: str) -> None:
    assert keys in vni(syllable)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("kihc", "kich"), ("thuonng", "thuong"), ("thhe", "the"), ("quennnn", "quen")],
)
def test_a_slip_is_repaired_to_a_known_syllable(typed: str, meant: str) -> None:
    repair = KeystrokeRepair(["kích", "thường", "thẻ", "cước", "quên"])
    assert repair([typed]) == [meant]


@pytest.mark.parametrize("word", ["thẻ", "the", "vneid", "ma", "xk", "2026", "khoang", "k2"])
def test_what_may_be_meant_as_it_stands_is_left_alone(word: str) -> None:
    assert KeystrokeRepair(["thẻ", "mã", "xã", "vneid", "khoanh"])([word]) == [word]


def test_marks_that_were_typed_tell_a_slip_from_a_tone_key() -> None:
    repair = KeystrokeRepair(["mũ", "mức"])
    assert repair(["mux", "mứx"]) == ["mũ", "mức"]


def test_the_more_frequent_syllable_wins_a_slip() -> None:
    assert KeystrokeRepair(["nghị", "nghe", "nghị"])(["nghk"]) == ["nghi"]


@given(st.lists(st.sampled_from(SYLLABLES)))
def test_right_words_are_never_touched(words: list[str]) -> None:
    assert repair(words) == words


@given(st.lists(st.text("abdeghinouw123456789", min_size=1, max_size=9)))
def test_repair_loses_no_word(words: list[str]) -> None:
    assert len(repair(words)) >= len(words)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("căncước", "căn cước"),
        ("matkhau", "mat khau"),
        ("đượckhông", "được không"),
        ("xã", "xã"),
        ("đườngxyz", "đườngxyz"),
        ("khoan", "khoan"),
    ],
)
def test_two_words_typed_as_one_are_parted(typed: str, meant: str) -> None:
    assert repair([typed]) == meant.split()


def test_a_key_beside_the_right_one_is_likelier_than_any_other() -> None:
    assert KeystrokeRepair(["hành", "hành", "hạnh", "hang", "hanh", "bánh"])(["hanj"]) == ["hanh"]
    assert KeystrokeRepair(["thu", "thi", "thi"])(["thj"]) == ["thi"]


@pytest.mark.parametrize("folded", ["nghieng", "quyet", "giay", "a", "khuyu", "oan", "duoc"])
def test_possible_syllables(folded: str) -> None:
    assert is_syllable(folded)


@pytest.mark.parametrize("folded", ["kihc", "thhe", "vneid", "otp", "", "ngg", "web"])
def test_impossible_syllables(folded: str) -> None:
    assert not is_syllable(folded)


@pytest.mark.parametrize(
    ("typed", "joined"),
    [
        ("đọc o.t.p cho tôi", "đọc otp cho tôi"),
        ("mã O T P", "mã OTP"),
        ("o-t-p và p_i_n", "otp và pin"),
        ("tổ 1 khu A B", "tổ 1 khu A B"),
        ("căn cước", "căn cước"),
    ],
)
def test_words_cut_into_letters_are_put_together(typed: str, joined: str) -> None:
    assert joined_letters(typed) == joined


@pytest.mark.parametrize("number", ["62", "61", "75", "2027", "8"])
def test_a_number_is_never_repaired(number: str) -> None:
    assert KeystrokeRepair(["2", "1", "7", "căn", "cước"])([number]) == [number]
