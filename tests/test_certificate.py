from __future__ import annotations

import io
from datetime import date

import pypdf
import pytest

from assistant.coaching.certificate import LONGEST_NAME, certificate, certificate_name
from assistant.coaching.lessons import load_lessons
from assistant.config import CHECKOUT
from assistant.errors import UnfitNameError
from assistant.toml import read_toml

WORDS = read_toml(CHECKOUT / "prompts" / "classroom.toml")["certificate"]
TITLES = [lesson.title for lesson in load_lessons(CHECKOUT / "knowledge" / "lessons")]


def test_it_says_who_did_what_when_on_one_page() -> None:
    name = "Nguyễn Thị Ỷ Lưỡng"
    read = pypdf.PdfReader(io.BytesIO(certificate(WORDS, name, date(2026, 11, 26), TITLES)))
    assert len(read.pages) == 1
    text = " ".join(read.pages[0].extract_text().split())
    for told in (name, "26/11/2026", WORDS["title"], WORDS["note"], *TITLES):
        assert told in text, told


def test_its_letters_are_embedded() -> None:
    file = certificate(WORDS, "Lê Văn Ứng", date(2026, 1, 2), TITLES)
    assert file.count(b"/FontFile2") == 2  # regular and bold


@pytest.mark.parametrize("name", ["Lê  Văn\tỨng", " Y-Blô Niê ", "Trần Thị B."])
def test_names_as_people_write_them(name: str) -> None:
    assert certificate_name(name) == " ".join(name.split())


@pytest.mark.parametrize("name", ["", "  ", "123", "Lê 079200001234", "<b>Lê</b>", "L" * (LONGEST_NAME + 1)])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UnfitNameError):
        certificate_name(name)
