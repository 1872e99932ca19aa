from __future__ import annotations

import codecs
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from assistant.config import CHECKOUT
from assistant.models.llama import LlamaModel
from assistant.models.mask import LETTERS, WRITABLE, Mask, TokenIds

pytestmark = pytest.mark.slow

GUIDES = sorted((CHECKOUT / "knowledge" / "guides" / "vneid").glob("*.md"))
# A vocabulary that cuts every letter into its bytes, as models with few Vietnamese words do.
BYTES = [bytes([byte]) for byte in range(256)]


@pytest.fixture(scope="module")
def pieces(smollm: LlamaModel) -> list[bytes]:
    return [smollm.piece(token) for token in range(smollm.vocabulary_size)]


@pytest.fixture(scope="module")
def mask(smollm: LlamaModel, pieces: list[bytes]) -> Mask:
    return Mask(pieces, smollm.ends)


def refused(mask: Mask, pieces: list[bytes], tokens: list[int], words: TokenIds) -> list[bytes]:
    """The tokens of a text that may not be said where they stand."""
    letters = codecs.getincrementaldecoder("utf-8")()
    found = []
    for token in tokens:
        begun, _ = letters.getstate()
        if token in mask.allowed(begun, words):
            letters.decode(pieces[token])
        else:
            found.append(pieces[token])
    return found


def says(mask: Mask, model: LlamaModel, pieces: list[bytes], text: str) -> list[bytes]:
    return refused(mask, pieces, list(model.tokens(text, special=False)), mask.with_words(()))


# What passes


@pytest.mark.parametrize("letter", sorted(LETTERS))
def test_every_vietnamese_letter_may_be_written(
    mask: Mask, smollm: LlamaModel, pieces: list[bytes], letter: str
) -> None:
    for text in (letter, letter.upper(), f" {letter}"):
        assert says(mask, smollm, pieces, text) == []


def test_every_letter_may_be_written_byte_by_byte() -> None:
    mask = Mask(BYTES, ())
    for character in WRITABLE:
        assert refused(mask, BYTES, list(character.encode()), mask.with_words(())) == []


def test_vietnamese_text_may_be_written(mask: Mask, smollm: LlamaModel, pieces: list[bytes]) -> None:
    text = (
        "Bác mở ứng dụng, bấm “Đăng nhập” rồi nhập mã gửi về số 1900 0368. Lệ phí là 20.000 đồng – nộp"
        " trực tuyến thì giảm còn 10.000 đồng (đến hết ngày 31/12/2026).\n1. NGHIÊNG NGHỈ, thuở, khuya, quýt,"
        " giếng; hoà, thuỷ, ngoằn ngoèo, uống nước; Đắk Lắk: 50%!"
    )
    assert says(mask, smollm, pieces, text) == []


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_a_guide_can_be_repeated_word_for_word(
    mask: Mask, smollm: LlamaModel, pieces: list[bytes], path: Path
) -> None:
    tokens = list(smollm.tokens(path.read_text(encoding="utf-8"), special=False))
    assert refused(mask, pieces, tokens, mask.with_words(tokens)) == []
    alone = refused(mask, pieces, tokens, mask.with_words(()))
    assert len(alone) < 0.1 * len(tokens)  # names, links and the keys of the front matter


def test_the_answer_may_end(mask: Mask, smollm: LlamaModel) -> None:
    assert smollm.ends <= set(mask.with_words(()).tolist())


# What does not


@pytest.mark.parametrize(
    "text", ["政府", "こんにちは", "한국어", "привет", "สวัสดี", "😀", "，", "\x00", "ñ", "\u0323"]
)
def test_other_scripts_are_refused(mask: Mask, smollm: LlamaModel, pieces: list[bytes], text: str) -> None:
    assert says(mask, smollm, pieces, text) != []


@pytest.mark.parametrize("text", ["政", "あ", "한", "я", "😀", "，", "⺀"])
def test_other_scripts_are_refused_byte_by_byte(text: str) -> None:
    mask = Mask(BYTES, ())
    assert refused(mask, BYTES, list(text.encode()), mask.with_words(())) != []


@pytest.mark.parametrize(
    "text", ["Please do not share your password", "government services", "the application is free"]
)
def test_english_is_refused_unless_the_guide_says_it(
    mask: Mask, smollm: LlamaModel, pieces: list[bytes], text: str
) -> None:
    tokens = list(smollm.tokens(text, special=False))
    assert len(refused(mask, pieces, tokens, mask.with_words(()))) >= len(tokens) / 2
    assert refused(mask, pieces, tokens, mask.with_words(tokens)) == []


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_model_wants_it_can_write_vietnamese_letters_only(
    mask: Mask, smollm: LlamaModel, pieces: list[bytes], seed: int
) -> None:
    random = np.random.default_rng(seed)
    letters = codecs.getincrementaldecoder("utf-8")()  # strict
    words = mask.with_words(())
    between = np.setdiff1d(words, list(smollm.ends))
    text = ""
    for _ in range(500):
        begun, _ = letters.getstate()
        text += letters.decode(pieces[random.choice(mask.allowed(begun, between))])
    assert set(text) <= WRITABLE
    assert not re.search("[\u3000-\u9fff\uac00-\ud7ff]", text)
    assert unicodedata.normalize("NFC", text) == text
