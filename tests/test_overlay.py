from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.datatypes import Contact, Period, Source
from assistant.errors import KnowledgeError
from assistant.knowledge.facts import load_shared_facts
from assistant.knowledge.overlay import new_id, own_contacts, with_contact, without_contact, write

CONTACT = Contact(
    "mot-cua",
    "Bộ phận một cửa",
    'Thứ 2 đến thứ 6, "sáng" 7h30',
    "hours",
    Source(0, "Thông báo 12", "https://phuong.gov.vn/a", "2026-11-01"),
    "nghỉ lễ",
    Period(None, date(2026, 12, 31)),
)
FILE = """# Của phường, ngày 1/11.
[cong-an]
name = "Công an phường"  # trực ban
value = "024 0000 0000"
kind = "phone"
source = { title = "Thông báo" }
"""


@pytest.fixture
def local(tmp_path: Path) -> Path:
    (tmp_path / "knowledge").mkdir()
    for name in ("facts.toml", "contacts.toml"):
        (tmp_path / "knowledge" / name).write_text("", encoding="utf-8")
    folder = tmp_path / "local"
    write(folder / "contacts.toml", FILE)
    return folder


def read(local: Path) -> dict[str, Contact]:
    return dict(load_shared_facts(local.parent / "knowledge", local).contacts)


def test_a_new_entry_reads_back_and_leaves_the_rest_as_it_was(local: Path) -> None:
    text = with_contact(local / "contacts.toml", CONTACT)
    assert text.startswith(FILE)
    write(local / "contacts.toml", text)
    assert read(local)["mot-cua"] == CONTACT
    assert own_contacts(local / "contacts.toml") == ["cong-an", "mot-cua"]


WRITTEN = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WRITTEN, WRITTEN, WRITTEN.filter(bool), st.dates())
def test_whatever_is_written_into_an_entry_reads_back(
    local: Path, name: str, value: str, title: str, day: date
) -> None:
    contact = Contact("mot-cua", name, value, "phone", Source(0, title), value or None, Period(None, day))
    for _ in range(2):  # new, then in the place of itself
        write(local / "contacts.toml", with_contact(local / "contacts.toml", contact))
        assert read(local)["mot-cua"] == contact
    write(local / "contacts.toml", without_contact(local / "contacts.toml", "mot-cua"))
    assert (local / "contacts.toml").read_text(encoding="utf-8").rstrip() == FILE.rstrip()


def test_an_entry_is_changed_where_it_stands(local: Path) -> None:
    changed = Contact("cong-an", "Công an phường", "024 1111 1111", "phone", Source(0, "Thông báo 2"))
    write(local / "contacts.toml", with_contact(local / "contacts.toml", changed))
    assert read(local) == {"cong-an": changed}
    assert "# Của phường" in (local / "contacts.toml").read_text(encoding="utf-8")


def test_a_note_that_was_taken_back_is_gone(local: Path) -> None:
    write(local / "contacts.toml", with_contact(local / "contacts.toml", CONTACT))
    bare = Contact("mot-cua", CONTACT.name, CONTACT.value, "hours", CONTACT.source)
    write(local / "contacts.toml", with_contact(local / "contacts.toml", bare))
    assert read(local)["mot-cua"] == bare


def test_an_entry_is_taken_out(local: Path) -> None:
    write(local / "contacts.toml", without_contact(local / "contacts.toml", "cong-an"))
    assert read(local) == {}
    assert without_contact(local / "contacts.toml", "cong-an") == (local / "contacts.toml").read_text("utf-8")


def test_the_first_entry_needs_no_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "contacts.toml"
    assert own_contacts(path) == []
    write(path, with_contact(path, CONTACT))
    assert own_contacts(path) == ["mot-cua"]


def test_a_broken_file_is_told_and_kept(local: Path) -> None:
    (local / "contacts.toml").write_text("[cong-an\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="contacts.toml:1"):
        with_contact(local / "contacts.toml", CONTACT)


def test_ids() -> None:
    assert new_id("Công an phường (trực ban)", ()) == "cong-an-phuong-truc-ban"
    assert new_id("Công an", {"cong-an", "cong-an-2"}) == "cong-an-3"
    assert new_id("…", ()) == "muc"
