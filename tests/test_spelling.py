from __future__ import annotations

import pytest

from assistant.text.spelling import is_spelled, readable_words, spelled_share


@pytest.mark.parametrize("word", "người nghiêng quyển gì Ủy thuỷ khuỷu được yêu ỐC giếng hoà hòa".split())
def test_syllables_are_known_by_their_letters_and_tone(word: str) -> None:
    assert is_spelled(word)


@pytest.mark.parametrize("word", "ngươi2 nghieng các2 cac tôc ng bvớg nước_ window đợc ủngh".split())
def test_what_is_no_syllable_is_told(word: str) -> None:
    assert not is_spelled(word)


def test_decomposed_letters_count_like_composed_ones() -> None:
    assert is_spelled("nu\u031bo\u031b\u0301c")


def test_addresses_codes_and_abbreviations_say_nothing() -> None:
    text = "Vào https://dichvucong.gov.vn hoặc VNeID, mã G22-240115, theo NĐ 69/2024/NĐ-CP của UBND"
    assert readable_words(text) == (5, 5)


def test_foreign_words_say_nothing_unless_they_are_most() -> None:
    assert spelled_share("Mở Google Play, tìm passcode của Zalo rồi bấm vào đó") == 1.0
    assert spelled_share("The quick brown window jumps over some lazy dogs and menus") < 0.5


@pytest.mark.parametrize("text", ["C \n ă \n n \n c \n ư \n ớ \n c", "\x01\x02 \x03\x04", "\ufffd\ufffd ba"])
def test_text_that_was_read_wrongly_has_a_low_share(text: str) -> None:
    assert spelled_share(text) < 0.6


def test_an_empty_text_has_no_share() -> None:
    assert spelled_share("") == 0.0
