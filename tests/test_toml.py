from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from assistant.errors import KnowledgeError
from assistant.toml import read_toml


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_is_read_as_tables_also_when_saved_by_notepad(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "facts.toml"
    path.write_text('[mot]\ntext = "miễn phí"\nfrom = 2026-08-15\n', encoding=encoding)
    assert read_toml(path) == {"mot": {"text": "miễn phí", "from": date(2026, 8, 15)}}


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b'[a]\ntext = "x"\nname = oops\n', 3, "Invalid value"),
        (b'[a]\ntext = "x"\n[a]\n', 3, "Cannot declare"),
        (b'text = "x', 0, "Unterminated string"),
        (b'text = "\xff"\n', 0, "is not UTF-8"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, content: bytes, line: int, message: str
) -> None:
    path = tmp_path / "facts.toml"
    path.write_bytes(content)
    with pytest.raises(KnowledgeError) as caught:
        read_toml(path)
    [problem] = caught.value.problems
    assert (problem.path, problem.line) == (path, line)
    assert message in problem.message


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"contacts\.toml:0: is missing; restore it from the project"):
        read_toml(tmp_path / "contacts.toml")


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="cannot be read: "):
        read_toml(tmp_path)
