from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.coaching.lookup import NO_FILTERS, Filters, Lookup, channels
from assistant.datatypes import Procedure
from assistant.pipeline import Assistant


@pytest.fixture(scope="module")
def lookup(assistant: Assistant) -> Lookup:
    return Lookup(assistant)


@pytest.mark.parametrize(
    ("typed", "guide"),
    [
        ("mat can cuoc", "can-cuoc-mat-hong"),
        ("mất căn c", "can-cuoc-mat-hong"),
        ("quên mật khẩu vn", "vneid-quen-mat-khau"),
        ("khai sin", "khai-sinh"),
        ("đổi căn cước hết bao nhiêu tiền", "can-cuoc-cap-doi"),
        ("bà tôi muốn đăng ký tạm trú thì ra đâu", "dang-ky-tam-tru"),
        ("bang lai xe", "doi-giay-phep-lai-xe"),
    ],
)
def test_the_guide_stands_among_the_first_while_it_is_typed(lookup: Lookup, typed: str, guide: str) -> None:
    assert guide in [found.document.id for found in lookup.find(typed).guides[:3]]


def test_without_words_all_guides_are_there(lookup: Lookup) -> None:
    found = lookup.find(" ")
    assert len(found.guides) == len(lookup.guides)
    assert found.procedures == ()


def test_filters_narrow_down(lookup: Lookup) -> None:
    cards = lookup.find("", Filters(topic="can-cuoc")).guides
    assert {guide.topic for guide in cards} == {"can-cuoc"}
    posted = lookup.find("", Filters(channel="post")).guides
    assert posted
    assert all("post" in channels(guide) for guide in posted)
    agency = lookup.agencies[0]
    assert {guide.document.agency for guide in lookup.find("the", Filters(agency=agency)).guides} == {agency}
    assert lookup.find("thẻ", Filters(topic="khong-co")).guides == ()


def test_official_names_by_their_words_and_codes(lookup: Lookup) -> None:
    names = [procedure.name for procedure in lookup.find("cap giay phep xay").procedures]
    assert names
    assert all("giấy phép" in name.lower() for name in names)
    assert [p.code for p in lookup.find("1.0135").procedures if p.code]
    assert lookup.find("cấp giấy phép", replace(NO_FILTERS, topic="vneid")).procedures == ()
    first = lookup.find("cham dut hoat dong ho kinh doanh").procedures[0]
    assert (
        lookup.procedures[lookup.number_of(first)] == first == Procedure("Chấm dứt hoạt động hộ kinh doanh")
    )


def test_a_scam_is_warned_of_while_it_is_typed(lookup: Lookup) -> None:
    found = lookup.find("công an gọi điện đòi đọc mã OTP")
    assert found.warning
    assert "\n\n" not in found.warning
    assert lookup.find("đổi căn cước").warning is None


def test_nonsense_finds_nothing(lookup: Lookup) -> None:
    found = lookup.find("qwxz")
    assert (found.guides, found.procedures, found.passages) == ((), (), ())


def test_a_passage_that_is_not_there(lookup: Lookup) -> None:
    for name in ("", "a", "a#1", "a#x"):
        assert lookup.passage(name) is None
