"""Text of old Vietnamese fonts (TCVN3, which is ABC; VNI; VISCII) → Unicode, by evidence.

Such a font draws "ư" for a code that means "­" everywhere else, so what a program reads out of the document
is Latin-1 noise. The encoding is the one that turns the noise into Vietnamese syllables. Lines that hold
letters only Unicode has are never touched. Decode before any cleaning: the "ư" of TCVN3 is the soft hyphen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum

from assistant.text.spelling import is_spelled


class Encoding(StrEnum):
    """How the letters of a text are coded. UNICODE also stands for text that is left as it is."""

    UNICODE = "unicode"
    TCVN3 = "tcvn3"
    VNI = "vni"
    VISCII = "viscii"


# TCVN 5712:1993, third set. Capitals with a tone have no codes: fonts named …H draw small ones as capitals.
_TCVN3_LETTERS = "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵĂÂÊÔƠƯĐ"
_TCVN3_CODES = (
    "B5B6B7B8B9A8BBBCBDBEC6A9C7C8C9CACBAECCCECFD0D1AAD2D3D4D5D6D7D8DCDDDEDFE1E2E3E4"
    "ABE5E6E7E8E9ACEAEBECEDEEEFF1F2F3F4ADF5F6F7F8F9FAFBFCFDFEA1A2A3A4A5A6A7"
)
_TCVN3 = {
    ord(code): letter
    for code, letter in zip(bytes.fromhex(_TCVN3_CODES).decode("latin-1"), _TCVN3_LETTERS, strict=True)
} | {0x3BC: "à", 0x2219: "ã"}  # what programs make of µ and ·
# RFC 1456: everything from 0x80 on, and six control codes.
_VISCII_HIGH = (
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)
_VISCII = dict(enumerate(_VISCII_HIGH, 0x80)) | dict(zip(b"\x02\x05\x06\x14\x19\x1e", "ẲẴẪỶỸỴ", strict=True))
for _code in range(0x80, 0xA0):  # the same codes, read as Windows-1252
    _VISCII[ord(bytes([_code]).decode("cp1252", "ignore") or chr(_code))] = _VISCII[_code]
# VNI: the vowel as in ASCII, then a character for mark and tone together.
_VNI_TONE = {"": "", "\u0300": "ø", "\u0301": "ù", "\u0309": "û", "\u0303": "õ", "\u0323": "ï"}
_VNI_CIRCUMFLEX = {"": "â", "\u0300": "à", "\u0301": "á", "\u0309": "å", "\u0303": "ã", "\u0323": "ä"}
_VNI_BREVE = {"": "ê", "\u0300": "è", "\u0301": "é", "\u0309": "ú", "\u0303": "ü", "\u0323": "ë"}
_VNI_I = {"": "i", "\u0300": "ì", "\u0301": "í", "\u0309": "æ", "\u0303": "ó", "\u0323": "ò"}


def _vni_code(vowel: str, tone: str) -> str:
    base = unicodedata.normalize("NFD", vowel)[0]
    if vowel in "âêô":
        return base + _VNI_CIRCUMFLEX[tone]
    if vowel == "ă":
        return base + _VNI_BREVE[tone]
    if vowel == "i":
        return _VNI_I[tone]
    if vowel == "y" and tone == "\u0323":
        return "î"
    return {"ơ": "ô", "ư": "ö"}.get(vowel, vowel) + _VNI_TONE[tone]


_VNI = {"ñ": "đ", "Ñ": "Đ"}
for _vowel in "aăâeêioôơuưy":
    for _tone in _VNI_TONE:
        _written, _letter = _vni_code(_vowel, _tone), unicodedata.normalize("NFC", _vowel + _tone)
        _VNI |= {_written: _letter, _written.upper(): _letter.upper()}
        if len(_written) == 2:  # "Öï" of "Ự", and a capital followed by a small mark
            _VNI[_written[0].upper() + _written[1]] = _letter.upper()
_VNI_CODE = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))

_ONLY_UNICODE = re.compile(r"[\u1ea0-\u1ef9ăĂđơƠưƯ\u0300\u0301\u0303\u0309\u0323]")
# Not \s: codes of VISCII are among what counts as whitespace.
_BETWEEN_WORDS = re.compile(r"[ \t\r\n.,;:!?()\[\]{}\"'/\\|*=+<>–—…“”‘’-]+")
_MIN_WORDS = 3
_MIN_SHARE = 0.7
_MIN_GAIN = 0.15
# A soft hyphen that became "-": inside a word, alone after bare consonants, before "u"; and where a program
# broke the line there.
_HYPHEN = re.compile(
    r"(?<=[A-Za-z®§])[-\u2010](?=[¬a-zêëìíîõö÷øùª])"
    r"|(?:(?<=[\s(][bcdhlmnrstvx®])|(?<=[\s(][cknpt][hr]))[-\u2010](?=[ .,;:)])"
    r"|(?<![\w-])[-\u2010](?=u )"
)
_BROKEN_LINE = re.compile(r"((?:^|[\s(])[bcdghklmnpqrstvxBCDGHKLMNPQRSTVX®§]{1,3})[-\u2010]\n(?=[¬êëìíîa])")
_WORD = re.compile(r"[^\W\d_]+")
# "ư" lost, and what is left is a word, though a rare one beside what was meant.
_LOST = {"ngời": "người", "u": "ưu", "lu": "lưu", "dới": "dưới", "cời": "cười", "tơi": "tươi"} | {
    "lới": "lưới", "vờn": "vườn", "mợn": "mượn", "hu": "hưu", "nh": "như", "th": "thư", "c": "cư", "t": "tư"
}  # fmt: skip
_NOT_YET = re.compile(
    r"\b([Cc])ha(?= (?:có|được|đủ|đến|biết|nhận|làm|từng|kết|đăng|phải|thể|quá|hết)\b|[.,;)])"
)
_MIN_LOST = 2
# TCVN3 has no capitals with tones; where a sentence begins there was one.
_NEW_SENTENCE = re.compile(r"[.!?]\s+[àảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]")


def detect(text: str) -> Encoding:
    """The encoding under which most of the accented words become Vietnamese syllables."""
    noise = "\n".join(line for line in text.split("\n") if not _ONLY_UNICODE.search(line))
    words = [word for word in _BETWEEN_WORDS.split(noise) if _is_noise(word)]
    if len(words) < _MIN_WORDS:
        return Encoding.UNICODE
    shares = {
        encoding: sum(is_spelled(word) for word in _BETWEEN_WORDS.split(decoded(" ".join(words))))
        / len(words)
        for encoding, decoded in _DECODERS.items()
    }
    best = max(shares, key=lambda encoding: shares[encoding])
    good = shares[best] >= _MIN_SHARE and shares[best] >= shares[Encoding.UNICODE] + _MIN_GAIN
    return best if good else Encoding.UNICODE


def decode(text: str, encoding: Encoding) -> str:
    """The text in Unicode, given its encoding; lines with letters that only Unicode has stay as they are."""
    if encoding is Encoding.UNICODE:
        return text
    if encoding is Encoding.TCVN3 and "\xad" not in text:
        text = _BROKEN_LINE.sub(r"\1-", text)
    lines = [(line, _ONLY_UNICODE.search(line) is not None) for line in text.split("\n")]
    noise = "\n".join(line for line, is_unicode in lines if not is_unicode)
    decoded = iter(_DECODERS[encoding](noise).split("\n"))
    return "\n".join(line if is_unicode else next(decoded) for line, is_unicode in lines)


def to_unicode(text: str, otherwise: Encoding = Encoding.UNICODE) -> str:
    """The text in Unicode; `otherwise` is the encoding of the whole document, where this part says little."""
    encoding = detect(text)
    return decode(text, otherwise if encoding is Encoding.UNICODE else encoding)


def _is_noise(word: str) -> bool:
    """Whether a word may be an accented one; signs that stand alone (®, §) say nothing."""
    return len(word) > 1 and (not word.isascii() or any(ord(character) < 32 for character in word))


def _from_vni(text: str) -> str:
    return _VNI_CODE.sub(lambda match: _VNI[match[0]], text)


def _from_viscii(text: str) -> str:
    return text.translate(_VISCII)


def _from_tcvn3(text: str) -> str:
    kept = "\xad" in text
    text = text if kept else _HYPHEN.sub("\xad", text)
    text = text.translate(_TCVN3)
    text = "\n".join(map(_capitals, (text if kept else _with_lost_u(text)).split("\n")))
    return _NEW_SENTENCE.sub(lambda match: match[0].upper(), text)


def _capitals(line: str) -> str:
    """Words whose capitals with tones had no codes, as capitals again: "HƯớNG DẫN" → "HƯỚNG DẪN"."""
    told = [word for word in _WORD.findall(line) if sum("A" <= c <= "Z" for c in word) >= 2]
    loud = sum(not any("a" <= c <= "z" for c in word) for word in told)
    if loud >= 2 and not any("a" <= c <= "z" for word in _WORD.findall(line) for c in word[1:]):
        return line.upper()
    return _WORD.sub(lambda match: match[0].upper() if _is_loud(match[0]) else match[0], line)


def _is_loud(word: str) -> bool:
    return sum("A" <= c <= "Z" for c in word) >= 2 and not any("a" <= c <= "z" for c in word)


def _with_lost_u(text: str) -> str:
    """Puts "ư" back where a program dropped it as a soft hyphen: "đợc" → "được".

    Only where at least some words are none without it; then rare words that lack it are taken to have it.
    """
    lost = sum(not is_spelled(word) and _restored(word) != word for word in _WORD.findall(text))
    if lost < max(_MIN_LOST, text.count("ư")):
        return text
    text = _NOT_YET.sub(r"\1hưa", text)
    return _WORD.sub(lambda match: _restored(match[0]), text)


def _restored(word: str) -> str:
    found = _LOST.get(word.lower())
    if found is None and not is_spelled(word):
        places = [place for place in range(len(word) + 1) if is_spelled(word[:place] + "ư" + word[place:])]
        found = word[: places[-1]] + "ư" + word[places[-1] :] if places else None
    if found is None:
        return word
    return found[0].upper() + found[1:] if word[0].isupper() else found


_DECODERS: dict[Encoding, Callable[[str], str]] = {
    Encoding.UNICODE: str,
    Encoding.TCVN3: _from_tcvn3,
    Encoding.VNI: _from_vni,
    Encoding.VISCII: _from_viscii,
}
