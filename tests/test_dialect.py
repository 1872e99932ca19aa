from __future__ import annotations

from pathlib import Path

import pytest

from assistant.errors import KnowledgeError
from assistant.text.dialect import (
    Glossary,
    Hearing,
    find,
    load_glossary,
    mentioned,
    mentions,
    neighbours,
    put_together,
    sound,
    standard,
    topic_words,
    with_gaps,
    without,
)
from assistant.text.normalize import bare, syllables

REAL = Path(__file__).resolve().parents[1] / "knowledge" / "glossary.toml"
TABLES = """
[dialect]
"mô" = "đâu"
"mần răng" = "làm sao"
"đt" = "điện thoại"
"dt" = "điện thoại"
"bán hàng rong" = "bán rong"
"bạn hàng rong" = "khách quen"
[names]
"thẻ cccd" = "thẻ căn cước"
"cccd" = "căn cước"
[questions]
phrases = ["bao nhiêu", "gì"]
[fillers]
phrases = ["ạ", "hỏi", "cho tôi hỏi"]
[intent]
fee = ["bao nhiêu tiền", "mất bao nhiêu tiền"]
place = ["ở đâu"]
[letters]
d = ["dê", "đê"]
e = ["e", "i"]
i = ["i", "ai"]
n = ["nờ", "en nờ"]
v = ["vê"]
[spelled]
words = ["vneid", "vnd"]
[ages]
child = "trẻ em dưới 14 tuổi"
[leaving]
phrases = ["thôi khỏi"]
[headings]
papers = ["hồ sơ"]
[signs]

[pointing]
little = []
phrases = ["cái đó"]
[exclusive]
rows = [["mật khẩu", "passcode"]]
[topic]
phrases = ["căn cước"]
[field]
phrases = ["ly hôn"]
"""


@pytest.fixture
def glossary(tmp_path: Path) -> Glossary:
    (tmp_path / "glossary.toml").write_text(TABLES, encoding="utf-8")
    return load_glossary(tmp_path / "glossary.toml")


@pytest.fixture(scope="module")
def real() -> Glossary:
    return load_glossary(REAL)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("mần răng đây", "làm sao đây"),
        ("man rang day", "lam sao day"),
        ("ở mô", "ở đâu"),
        ("mổ ruột thừa", "mổ ruột thừa"),
        ("thẻ CCCD mới", "thẻ căn cước mới"),
        ("đổi đt", "đổi điện thoại"),
        ("doi dt", "doi dien thoai"),
        ("bán hàng rong, bạn hàng rong", "bán rong khách quen"),
        ("hôm nay trời đẹp", "hôm nay trời đẹp"),
        ("", ""),
    ],
)
def test_what_people_say_becomes_what_guides_write(glossary: Glossary, said: str, written: str) -> None:
    assert standard(syllables(said), glossary) == written.split()


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("cho tôi hỏi đổi thẻ căn cước mất bao nhiêu tiền ạ", "đổi thẻ căn cước"),
        ("cho toi hoi doi the mat bao nhieu tien", "doi the"),
        ("mất bao nhiêu tiền", ""),
        ("ở đâu ạ", ""),
    ],
)
def test_the_topic_is_what_remains_without_fillers_and_what_is_asked(
    glossary: Glossary, question: str, topic: str
) -> None:
    assert topic_words(question.split(), glossary) == topic.split()


@pytest.mark.parametrize(
    ("words", "phrase", "at"),
    [
        ("đổi căn cước", "căn cước", 1),
        ("doi can cuoc", "căn cước", 1),
        ("đi mô", "mô", 1),
        ("di mo", "mô", -1),
        ("đổi cán cước", "căn cước", -1),
        ("quén mật khẩu", "quên mật khẩu", 0),
        ("quén mặt khẩu", "quên mật khẩu", -1),
        ("căn", "căn cước", -1),
        ("căn cước", "", -1),
    ],
)
def test_the_longer_a_phrase_the_more_of_its_accents_may_be_missing(words: str, phrase: str, at: int) -> None:
    assert find(words.split(), tuple(phrase.split())) == at


@pytest.mark.parametrize(("words", "stands"), [("di mo", True), ("đi mo", False), ("đi mô", True)])
def test_a_bare_syllable_is_a_mention_only_where_nothing_has_an_accent(words: str, stands: bool) -> None:
    assert mentions(words.split(), ("mô",)) is stands


@pytest.mark.parametrize(
    "words",
    ["đăng ký tạm trú cho con", "dang ky tam tru o dau", "quén mật khẩu vneid", "hộ chiếu", "ho chieu", ""],
)
def test_many_phrases_are_found_at_once_as_one_by_one(real: Glossary, words: str) -> None:
    phrases = (*real.topics, *real.field, *real.cues, ())
    said = words.split()
    assert mentioned(said, phrases) == [phrase for phrase in phrases if mentions(said, phrase)]


@pytest.mark.parametrize(
    "words", ["con tôi 10 tuổi", "cháu mới lên năm", "con mười ba tuổi", "chau 5 tuoi", "con 13 tuổi"]
)
def test_a_young_age_tells_that_it_is_about_a_child(glossary: Glossary, words: str) -> None:
    found = standard(words.split(), glossary)
    assert found[: len(words.split())] == words.split()
    assert {"tre", "em", "duoi"} <= set(map(bare, found))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("bác 60 tuổi", ["tuổigià"]),
        ("ông sáu mươi ba tuổi", ["tuổigià"]),
        ("bà bảy mươi tuổi", ["tuổigià"]),
        ("bà bảy mươi nhăm tuổi", ["tuổigià"]),
        ("bà bảy lăm tuổi", ["tuổigià"]),
        ("con 14 tuổi", ["tuổilớn"]),
        ("mười bốn tuổi", ["tuổilớn"]),
        ("lên lớp 2", []),
        ("lên 2 tầng", []),
        ("đổi 2 thẻ", []),
    ],
)
def test_an_age_from_14_tells_of_a_grown_up_or_an_elder(
    glossary: Glossary, words: str, told: list[str]
) -> None:
    assert standard(words.split(), glossary) == words.split() + told


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("chú", "trú"),
        ("xổ", "sổ"),
        ("dì", "gì"),
        ("dấy", "giấy"),
        ("rồi", "dồi"),
        ("nại", "lại"),
        ("hàn", "hàng"),
        ("đột", "độc"),
        ("sữa", "sửa"),
        ("kí", "ký"),
        ("chíu", "chiếu"),
        ("ngụi", "nguội"),
        ("kinh", "kin"),
        ("danh", "doanh"),
    ],
)
def test_what_regions_do_not_tell_apart_has_one_sound(heard: str, meant: str) -> None:
    assert sound(heard) == sound(meant)


@pytest.mark.parametrize(("one", "other"), [("lá", "là"), ("đi", "di"), ("tôi", "tối"), ("căn", "cân")])
def test_what_everybody_tells_apart_does_not(one: str, other: str) -> None:
    assert sound(one) != sound(other)


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    texts = [
        "đăng ký thường trú ở đâu",
        "chú tôi làm lại căn cước",
        "sổ đỏ sang tên cần giấy tờ gì",
        "rồi",
        "bà dì",
    ]
    pairs = neighbours(syllables(text) for text in texts * 500)
    others = {f"x{number}": 1 for number in range(4000)}  # as many words as people use
    return Hearing({"xa": 50, "nên": 9, **others}, pairs)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("đăng kí thường chú", "đăng ký thường trú"),
        ("nàm nại căng cước dồi", "làm lại căn cước rồi"),
        ("xổ đỏ xang tên cần dấy tờ dì", "sổ đỏ sang tên cần giấy tờ gì"),
        ("chú tôi nên xa", "chú tôi nên xa"),
        ("bà dì 2 xyz", "bà dì 2 xyz"),
        ("dang ki thuong chu", "dang ky thuong tru"),
        ("", ""),
    ],
)
def test_words_are_written_as_their_neighbours_tell(hearing: Hearing, heard: str, meant: str) -> None:
    assert hearing(heard.split()) == meant.split()


def test_a_hearing_without_texts_changes_nothing() -> None:
    assert Hearing({}, {})(["tạm", "chú"]) == ["tạm", "chú"]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("tải vê en nờ e i đê ở đâu", "tải vneid ở đâu"),
        ("vê nờ i ai dê", "vneid"),
        ("vn e id", "vneid"),
        ("vê nờ đê", "vnd"),
        ("về i đi", "về i đi"),
        ("ve no e i de", "vneid"),
        ("vneid", "vneid"),
    ],
)
def test_abbreviations_said_letter_by_letter_are_put_together(
    glossary: Glossary, said: str, written: str
) -> None:
    assert put_together(said.split(), glossary) == written.split()


def test_every_occurrence_of_a_phrase_is_taken_out() -> None:
    assert without(["ạ", "đổi", "thẻ", "ạ", "ở", "xã"], [("ở", "xã"), ("ạ",)]) == ["đổi", "thẻ"]


def test_the_vocabulary_holds_both_sides_of_the_glossary(glossary: Glossary) -> None:
    words = set(glossary.words())
    assert {"mô", "đâu", "cccd", "căn", "hỏi", "tiền", "hôn"} <= words


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("[field]", "[fields]"),
        ('phrases = ["ly hôn"]', ""),
        ('"mô" = "đâu"', '"mô" = 1'),
        ('fee = ["bao nhiêu tiền", "mất bao nhiêu tiền"]', "fee = 1"),
    ],
)
def test_a_broken_glossary_names_its_file(tmp_path: Path, right: str, wrong: str) -> None:
    path = tmp_path / "glossary.toml"
    path.write_text(TABLES.replace(right, wrong), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="table or key missing or of another type") as caught:
        load_glossary(path)
    assert caught.value.problems[0].path == path


def test_each_entry_of_the_real_glossary_does_what_it_says(real: Glossary) -> None:
    """Said without any accent, it is also written without."""
    wrong = [
        said
        for said, written in real.replace
        if standard(said, real) != (list(map(bare, written)) if " ".join(said).isascii() else list(written))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("đk vneid mần răng rứa", "đăng ký vneid làm sao vậy"),
        ("mất CMND ở mô", "mất căn cước ở đâu"),
        ("tui hổng biết mk", "tôi không biết mật khẩu"),
        ("sđt của mạ tui", "số điện thoại của mẹ tôi"),
        ("đổi số điện thoại", "đổi số điện thoại"),
    ],
)
def test_the_real_glossary_knows_everyday_speech(real: Glossary, said: str, written: str) -> None:
    assert standard(syllables(said), real) == written.split()


def test_gaps_keep_apart_what_a_question_stood_between() -> None:
    asks = (("bao", "nhiêu"), ("gì",))
    assert with_gaps("có bao nhiêu lần gì đó".split(), asks) == ["có", "", "lần", "", "đó"]
    assert with_gaps(["bao", "nhiêu"], asks) == ["bao", "nhiêu"]
