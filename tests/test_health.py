from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from assistant.datatypes import Contact, Document, Fact, Fee, Guide, Period, Source
from assistant.knowledge.facts import NO_FACTS, SharedFacts
from assistant.knowledge.health import Concern, Finding, findings

TODAY = date(2026, 11, 26)
SOURCE = Source(1, "Thông tư 73/2024")
DOCUMENT = Document("g", "Đổi thẻ", "Bộ Công an", (SOURCE,), reviewed=date(2026, 11, 1))
GUIDE = Guide(DOCUMENT, "procedure", "can-cuoc", ("learner",), (), "Tóm tắt [1].")


def concerns(guide: Guide, *officials: Document, facts: SharedFacts = NO_FACTS) -> list[Concern]:
    return [finding.concern for finding in findings([guide], officials, facts, TODAY)]


def test_a_guide_in_order_needs_nobody() -> None:
    assert concerns(GUIDE) == []


@pytest.mark.parametrize(
    ("ends", "concern"),
    [
        (date(2026, 11, 25), [Concern.EXPIRED]),
        (date(2026, 11, 26), [Concern.EXPIRING]),
        (date(2026, 12, 31), [Concern.EXPIRING]),
        (date(2027, 6, 30), []),
        (None, []),
    ],
)
def test_a_fee_that_ends(ends: date | None, concern: list[Concern]) -> None:
    fee = Fee("25.000 đồng", SOURCE, "Đổi thẻ", period=Period(None, ends))
    assert concerns(replace(GUIDE, fees=(fee,))) == concern


def test_a_shared_fact_and_a_contact_that_end() -> None:
    over = Period(None, date(2026, 1, 1))
    facts = SharedFacts(
        {"mien": Fact("mien", "Miễn phí", SOURCE, period=over)},
        {"so": Contact("so", "Tổng đài", "1900", "phone", SOURCE, period=over)},
    )
    guide = replace(GUIDE, summary="{{mien}}", contacts=("so",))
    found = findings([guide], (), facts, TODAY)
    assert [finding.what for finding in found] == ["Miễn phí", "Tổng đài: 1900"]


def test_reviews() -> None:
    year_old = replace(GUIDE, document=replace(DOCUMENT, reviewed=date(2025, 11, 25)))
    assert findings([year_old], (), NO_FACTS, TODAY) == [
        Finding(Concern.OLD, "g", "Đổi thẻ", day=date(2025, 11, 25))
    ]
    assert concerns(replace(GUIDE, document=replace(DOCUMENT, reviewed=None))) == [Concern.UNREVIEWED]


def test_what_something_newer_stands_in_for() -> None:
    newer = Document("moi", "Quy định mới", "Bộ", supersedes=("g",))
    assert concerns(GUIDE, newer) == [Concern.SUPERSEDED]
    law = Document("luat", "Thông tư mới", "Bộ", supersedes=("Thông tư 73/2024/TT-BCA",))
    assert findings([GUIDE], [law], NO_FACTS, TODAY) == [Finding(Concern.OLD_LAW, "g", "Đổi thẻ", "73/2024")]
    told = replace(GUIDE, document=replace(DOCUMENT, superseded_by=("khac",)))
    assert concerns(told) == [Concern.SUPERSEDED]


def test_an_official_document_out_of_force_comes_first() -> None:
    paper = Document("vb", "Thông báo", "Phường", period=Period(None, date(2026, 3, 1)))
    old = replace(GUIDE, document=replace(DOCUMENT, reviewed=None))
    assert concerns(old, paper) == [Concern.EXPIRED, Concern.UNREVIEWED]
