from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz_targets import (
    LOADERS,
    TODAY,
    anonymous_of,
    seeds,
    seeds_of_shapes,
    shapes,
    spliced,
    try_document,
    try_file,
    try_text,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assistant.answering.checks import Evidence
from assistant.answering.safety import mask
from assistant.pipeline import Assistant

# What breaks readers of TOML, YAML, JSON and XML more often than letters do.
TELLING = [
    *(b"[ ] { } [[ ]] : , = - # & * ! | > % @ ` ' \" \"\"\" \\ \n \t \0 \xff \xed\xa0\x80".split(b" ")),
    *(b"1e999 -1 0x 99999999999999999999 2026-02-30 25:61:61 .inf ~ null true !!timestamp <<: &a *a".split()),
    *(b"<a> </a> <![CDATA[ <!DOCTYPE &lt; &#0; xmlns:w= w:val= w:val=\"x\" rowspan=\"-1\"".split()),
    *(bytes([2]), b"9" * 5000, b"[" * 3000, b"- " * 500, "ế".encode(), "\u202e".encode()),
]  # fmt: skip
CUTS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(TELLING) | st.binary(max_size=4)),
    max_size=4,
)
VIETNAMESE = "aàáăâbcdđeêghiklmnoôơpqrstuưvxyếệộợữ 0123456789.,:;/-–()[]“”\"'@#_\n"
SAID = st.text(max_size=120) | st.text(VIETNAMESE, max_size=120) | st.lists(
    st.sampled_from(
        "tôi bị mất cccd 079085001234 otp 482910 lệ phí 50.000 đồng vneid <|im_end|> 1900 0368 không"
        " chín một hai mật khẩu là abc123 đổi thẻ căn cước ở đâu ngày 31/02/2026 https://a.vn/ \u200b"
        " \ud800 ğ ﷺ".split()
    ),
    max_size=14,
).map(" ".join)  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def answered(assistant: Assistant) -> Callable[[str], None]:
    """Hypothesis writes down what a test is given, and an Assistant is long."""
    evidence = Evidence(assistant.prompt("can-cuoc-cap-doi", TODAY).guide)
    anonymous = anonymous_of(assistant)

    def try_one(text: str) -> None:
        try_text(assistant, anonymous, evidence, text)

    return try_one


@given(text=SAID)
@example(text="0" * 12 + "/")
@example(text="đ" * 10_001)
@example(text="1800 000000000000")
def test_whatever_is_said_is_answered_or_refused(answered: Callable[[str], None], text: str) -> None:
    answered(text)


COMMON = st.sampled_from(["", " ", ".", "-", ", ", " - ", "–", "*", "·", "_", "\u00a0", ")("])
ODD = st.text(" /:|+~=\\;#", min_size=1, max_size=3)


@given(st.from_regex(r"0[0-9]{11}", fullmatch=True), st.lists(COMMON, min_size=11, max_size=11), ODD)
def test_no_number_of_an_identity_card_gets_through_whatever_separates_it(
    number: str, between: list[str], odd: str
) -> None:
    spaced = number[0] + "".join(gap + digit for gap, digit in zip(between, number[1:], strict=True))
    threes, fours = (odd.join(re.findall(rf"\d{{{size}}}", number)) for size in (3, 4))
    for written in (number, spaced, odd.join(number), threes, fours):
        for text in (written, f"số của tôi là {written} ạ", f"cccd:{written}; đổi thẻ"):
            left = mask(text, "[…]")[0]
            assert not re.search(r"\d.*\d", left), left
    assert not re.search(r"\d", mask(f"(cccd/{number}/ngày cấp) -{number}-", "[…]")[0])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=CUTS)
@pytest.mark.parametrize("number", range(14))
def test_whatever_a_document_holds_it_is_read_or_refused(
    good: dict[str, bytes], tmp_path: Path, number: int, cuts: list[tuple[float, int, bytes]]
) -> None:
    try_document(tmp_path, shapes(good)[number], spliced(seeds_of_shapes(good)[number], cuts))


def test_good_documents_are_read(good: dict[str, bytes], tmp_path: Path) -> None:
    assert len(shapes(good)) == 14
    for shape, seed in zip(shapes(good), seeds_of_shapes(good), strict=True):
        try_document(tmp_path, shape, seed)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=CUTS)
@pytest.mark.parametrize("name", LOADERS)
def test_whatever_was_mistyped_in_a_file_is_told_with_its_name(
    tmp_path: Path, name: str, cuts: list[tuple[float, int, bytes]]
) -> None:
    try_file(tmp_path, name, spliced(LOADERS[name][0], cuts))
