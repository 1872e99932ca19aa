from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from conftest import full_disk

from assistant.files import write_whole


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "ward" / "contacts.toml"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_what_was_there_and_gives_its_room_back(tmp_path: Path) -> None:
    path = tmp_path / "contacts.toml"
    write_whole(path, b"one")
    with full_disk(), pytest.raises(OSError, match="File too large"):
        write_whole(path, b"2" * 5000)
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_after_a_while(tmp_path: Path) -> None:
    path, left, running = (tmp_path / name for name in ("a.toml", ".a.toml-1", ".a.toml-2"))
    for half in (left, running):
        half.write_bytes(b"half")
    os.utime(left, (time.time() - 7200,) * 2)
    write_whole(path, b"whole")
    assert sorted(tmp_path.iterdir()) == sorted([path, running])
