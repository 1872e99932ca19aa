from __future__ import annotations

import unicodedata

import pytest

from assistant.text.legacy import Encoding, decode, detect, to_unicode

PLAIN = "Cộng hòa xã hội chủ nghĩa Việt Nam. Độc lập - Tự do - Hạnh phúc."
CODED = {
    Encoding.TCVN3: "Céng hßa x· héi chñ nghÜa ViÖt Nam. §éc lËp - Tù do - H¹nh phóc.",
    Encoding.VNI: "Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam. Ñoäc laäp - Töï do - Haïnh phuùc.",
    Encoding.VISCII: "Cµng hòa xã hµi chü nghîa Vi®t Nam. Ðµc l§p - Tñ do - HÕnh phúc.",
}
LETTERS = "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ"
# The whole alphabet in each encoding: TCVN 5712 VN3, the VNI fonts.
ALPHABETS = {
    Encoding.TCVN3: "µ¶·¸¹¨»¼½¾Æ©ÇÈÉÊË®ÌÎÏÐÑªÒÓÔÕÖ×ØÜÝÞßáâãä«åæçèé¬êëìíîïñòóô\xadõö÷øùúûüýþ",
    Encoding.VNI: "aø aû aõ aù aï aê aè aú aü aé aë aâ aà aå aã aá aä ñ eø eû eõ eù eï eâ eà eå eã eá eä"
    " ì æ ó í ò oø oû oõ où oï oâ oà oå oã oá oä ô ôø ôû ôõ ôù ôï"
    " uø uû uõ uù uï ö öø öû öõ öù öï yø yû yõ yù î",
}


@pytest.mark.parametrize("encoding", CODED)
def test_an_old_encoding_is_detected_and_decoded(encoding: Encoding) -> None:
    assert detect(CODED[encoding]) is encoding
    assert to_unicode(CODED[encoding]) == PLAIN


@pytest.mark.parametrize("encoding", [Encoding.TCVN3, Encoding.VNI])
def test_every_letter_is_decoded(encoding: Encoding) -> None:
    codes = ALPHABETS[encoding].split(" ") if encoding is Encoding.VNI else list(ALPHABETS[encoding])
    assert [decode(f"x{code}", encoding)[1:] for code in codes] == list(LETTERS)


def test_viscii_has_a_code_for_every_letter_large_and_small() -> None:
    codes = [chr(code) for code in (*b"\x02\x05\x06\x14\x19\x1e", *range(0x80, 0x100))]
    decoded = decode("".join(codes), Encoding.VISCII)
    assert set(decoded) == {*LETTERS, *LETTERS.upper()}
    assert [decode(chr(code), Encoding.VISCII) for code in (0xA0, 0xB1, 0xF0, 0xFF, 0x19)] == list("ÕổđỮỸ")


def test_viscii_read_as_windows_1252_is_the_same() -> None:
    assert decode("\u20ac\u0192\u2022", Encoding.VISCII) == decode("\x80\x83\x95", Encoding.VISCII) == "ẠẶỚ"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        unicodedata.normalize("NFD", PLAIN),
        "Có gì là lá, cá và quà; ô tô có mùi cà phê; lúa, ngô và xoài.",
        "Naïve café, résumé, façade, jalapeño, über Zürich, señor, œuvre.",
        "® © ¶ § µ are signs; 20 °C ± 2, “quoted” – and « cited » ¬",
        "Quy dinh khong dau, 12.000 dong",
        "",
    ],
)
def test_what_is_unicode_already_is_never_changed(text: str) -> None:
    assert to_unicode(text) == text


def test_lines_in_unicode_stay_as_they_are_beside_old_ones() -> None:
    assert to_unicode(f"Độc lập – Tự do\n{CODED[Encoding.TCVN3]}") == f"Độc lập – Tự do\n{PLAIN}"


def test_a_text_too_short_to_tell_follows_its_document() -> None:
    assert to_unicode("LÖ phÝ", Encoding.TCVN3) == "Lệ phí"
    assert to_unicode("LÖ phÝ") == "LÖ phÝ"


def test_the_soft_hyphen_of_tcvn3_is_a_letter() -> None:
    assert (
        to_unicode("Ng\xadêi d©n ®\xadîc h\xadíng dÉn t¹i ph\xadêng") == "Người dân được hướng dẫn tại phường"
    )


@pytest.mark.parametrize(
    "noise",
    [
        "Ng-êi d©n ®-îc h-íng dÉn t¹i ph-êng",
        "Ngêi d©n ®îc híng dÉn t¹i phêng",
        "Ngêi d©n ®îc híng dÉn t¹i ph-\nêng",
    ],
)
def test_a_soft_hyphen_that_was_lost_or_replaced_is_put_back(noise: str) -> None:
    assert to_unicode(noise) == "Người dân được hướng dẫn tại phường"


def test_capitals_that_had_no_codes_are_capitals_again() -> None:
    assert to_unicode("H¦íNG DÉN §¡NG Ký TµI KHO¶N\nLÖ phÝ. ¸p dông t¹i x·.") == (
        "HƯỚNG DẪN ĐĂNG KÝ TÀI KHOẢN\nLệ phí. Áp dụng tại xã."
    )
