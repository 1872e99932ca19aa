from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from assistant.datatypes import ALWAYS, Period, Procedure, Source
from assistant.errors import KnowledgeError
from assistant.knowledge.facts import (
    load_procedures,
    load_shared_facts,
    references,
    source_from,
    source_numbers,
)

FACTS = """
[mien-phi]
text = "miễn lệ phí"
condition = "nộp trực tuyến"
from = 2026-08-15
until = "2027-02-28"
source = { title = "Nghị quyết 66.22", url = "https://chinhphu.vn", date = "2026-07-09" }
"""
CONTACTS = """
[cong-an]
name = "Công an"
value = "113"
kind = "phone"
source = { title = "Thông tư 22", date = 2014-12-22 }
"""


@pytest.fixture
def knowledge(tmp_path: Path) -> Path:
    (tmp_path / "facts.toml").write_text(FACTS, encoding="utf-8")
    (tmp_path / "contacts.toml").write_text(CONTACTS, encoding="utf-8")
    return tmp_path


def test_a_fact_keeps_its_condition_days_and_source(knowledge: Path) -> None:
    fact = load_shared_facts(knowledge).facts["mien-phi"]
    assert (fact.id, fact.text, fact.condition) == ("mien-phi", "miễn lệ phí", "nộp trực tuyến")
    assert fact.period == Period(date(2026, 8, 15), date(2027, 2, 28))
    assert fact.source == Source(0, "Nghị quyết 66.22", "https://chinhphu.vn", "2026-07-09")


@pytest.mark.parametrize(
    ("day", "holds"),
    [
        (date(2026, 8, 14), False),
        (date(2026, 8, 15), True),
        (date(2027, 2, 28), True),
        (date(2027, 3, 1), False),
    ],
)
def test_a_fact_holds_on_its_first_and_last_day(knowledge: Path, day: date, holds: bool) -> None:
    assert load_shared_facts(knowledge).facts["mien-phi"].period.covers(day) is holds


def test_a_fact_may_hold_for_one_day(knowledge: Path) -> None:
    (knowledge / "facts.toml").write_text(FACTS.replace("2027-02-28", "2026-08-15"), encoding="utf-8")
    day = date(2026, 8, 15)
    assert load_shared_facts(knowledge).facts["mien-phi"].period == Period(day, day)


def test_facts_and_contacts_are_known_by_one_name(knowledge: Path) -> None:
    shared = load_shared_facts(knowledge)
    assert "mien-phi" in shared
    assert "cong-an" in shared
    assert "la" not in shared
    assert shared.contacts["cong-an"].source.date == "2014-12-22"
    assert shared.contacts["cong-an"].period is ALWAYS


def test_the_wards_own_contacts_win_entry_by_entry(knowledge: Path) -> None:
    local = knowledge / "local"
    local.mkdir()
    shipped = CONTACTS + CONTACTS.replace("cong-an", "cap-cuu").replace("113", "115")
    own = CONTACTS.replace("113", "0203 9") + CONTACTS.replace("113", "0203 1").replace(
        "cong-an", "cong-an-xa"
    )
    (knowledge / "contacts.toml").write_text(shipped, encoding="utf-8")
    (local / "contacts.toml").write_text(own, encoding="utf-8")
    contacts = load_shared_facts(knowledge, local).contacts
    assert {key: contact.value for key, contact in contacts.items()} == {
        "cong-an": "0203 9",
        "cap-cuu": "115",
        "cong-an-xa": "0203 1",
    }


def test_an_overlay_without_contacts_changes_nothing(knowledge: Path) -> None:
    assert load_shared_facts(knowledge, knowledge / "local") == load_shared_facts(knowledge)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('text = "miễn lệ phí"', "", "[mien-phi]: Object missing required field `text`"),
        ('text = "miễn lệ phí"', "text = 0", "[mien-phi]: Expected `str`"),
        ("source =", "# source =", "[mien-phi]: `source` is missing"),
        ("until =", "untill =", "[mien-phi]: unknown keys ['untill']"),
        ("2027-02-28", "2027-02-30", "[mien-phi]: Invalid RFC3339"),
        ("2027-02-28", "2026-08-14", "[mien-phi]: `until` 2026-08-14 is before `from` 2026-08-15"),
        ("[mien-phi]", "loose = 1\n[mien-phi]", "[loose]: "),
        ('title = "Nghị quyết 66.22", ', "", "[mien-phi]: Object missing required field `title`"),
    ],
)
def test_a_wrong_fact_is_named(knowledge: Path, right: str, wrong: str, message: str) -> None:
    path = knowledge / "facts.toml"
    path.write_text(FACTS.replace(right, wrong), encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        load_shared_facts(knowledge)
    [problem] = caught.value.problems
    assert problem.path == path
    assert problem.message.startswith(message)


def test_a_wrong_contact_of_the_ward_is_named_in_its_own_file(knowledge: Path) -> None:
    path = knowledge / "local" / "contacts.toml"
    path.parent.mkdir()
    path.write_text(CONTACTS.replace('kind = "phone"', ""), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"local/contacts\.toml:0: \[cong-an\]: .*`kind`"):
        load_shared_facts(knowledge, path.parent)


def test_one_id_cannot_be_a_fact_and_a_contact(knowledge: Path) -> None:
    (knowledge / "contacts.toml").write_text(CONTACTS.replace("cong-an", "mien-phi"), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"facts\.toml:0: also in contacts\.toml: mien-phi"):
        load_shared_facts(knowledge)


@pytest.mark.parametrize(
    ("written", "read"),
    [(date(2026, 7, 9), "2026-07-09"), ("2026-07", "2026-07"), (2026, "2026"), (None, None)],
)
def test_a_sources_date_may_be_whole_reduced_or_unknown(written: object, read: str | None) -> None:
    assert source_from({"n": 3, "title": "Luật", "date": written}, 3) == Source(3, "Luật", None, read)


def test_references_and_source_marks_are_found_in_order() -> None:
    text = "Gọi {{cong-an}} [2], được {{mien-phi}} [1][12]; {{Sai}} và [x] thì không."
    assert references(text) == ["cong-an", "mien-phi"]
    assert source_numbers(text) == [2, 1, 12]


# Names of procedures


def test_procedures_are_read_with_and_without_code(tmp_path: Path) -> None:
    path = tmp_path / "procedures.tsv"
    path.write_text("# remark\n1.004222\tĐăng ký thường trú\n\tTách thửa đất\n", encoding="utf-8")
    assert load_procedures(path) == (
        Procedure("Đăng ký thường trú", "1.004222"),
        Procedure("Tách thửa đất"),
    )
    assert load_procedures(tmp_path / "none.tsv") == ()


@pytest.mark.parametrize("line", ["Tách thửa đất", "1.004222\t"])
def test_a_broken_line_of_procedures_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "procedures.tsv"
    path.write_text(f"\tĐăng ký khai sinh\n{line}\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"procedures\.tsv:2"):
        load_procedures(path)
