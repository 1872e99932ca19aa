from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.errors import ModelError
from assistant.models.packing import Bytes
from assistant.models.prefix import (
    StateStore,
    count_asked,
    refuse_others,
    state_key,
    times_asked,
    weights_digest,
)

MANY = 10**9
MADE_BY: dict[str, str | int] = {"weights": "0" * 64, "library": "1", "cache": "q8_0", "context": 4096}


def key(number: int) -> str:
    return state_key(MADE_BY, [number])


def state(number: int, size: int = 1000) -> Bytes:
    return np.random.default_rng(number).integers(0, 256, size, np.uint8)


def used_at(folder: Path, number: int, when: int) -> None:
    os.utime(folder / f"{key(number)}.state", (when, when))


def there(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.state")}


# States


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    store = StateStore(tmp_path, MANY)
    assert store.find(key(1)) is None
    assert store.save(key(1), state(1))
    found = StateStore(tmp_path, MANY).find(key(1))
    assert found is not None
    assert (found == state(1)).all()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[:20], id="header cut"),
        pytest.param(lambda data: data[:-1], id="cut"),
        pytest.param(lambda data: data + b"x", id="longer"),
        pytest.param(lambda data: data[:-1] + bytes([data[-1] ^ 1]), id="one bit"),
        pytest.param(lambda data: b"kvstate0" + data[8:], id="another format"),
        pytest.param(lambda data: bytes(len(data)), id="zeros after a power cut"),
    ],
)
def test_a_damaged_state_is_as_if_it_were_not_there(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    store = StateStore(tmp_path, MANY)
    store.save(key(1), state(1))
    path = tmp_path / f"{key(1)}.state"
    path.write_bytes(damage(path.read_bytes()))
    assert store.find(key(1)) is None
    assert not path.exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1063), st.integers(0, 20), st.binary(max_size=20))
def test_a_state_is_what_was_saved_or_nothing(tmp_path: Path, at: int, gone: int, put: bytes) -> None:
    store = StateStore(tmp_path, MANY)
    store.save(key(1), state(1))
    path = tmp_path / f"{key(1)}.state"
    data = path.read_bytes()
    path.write_bytes(data[:at] + put + data[at + gone :])
    found = store.find(key(1))
    assert found is None or (found.tobytes() == state(1).tobytes() and path.read_bytes() == data)


def test_a_state_under_the_name_of_another_is_not_taken(tmp_path: Path) -> None:
    store = StateStore(tmp_path, MANY)
    store.save(key(1), state(1))
    (tmp_path / f"{key(1)}.state").rename(tmp_path / f"{key(2)}.state")
    assert store.find(key(2)) is None


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    store = StateStore(tmp_path, 3500)
    for number in (1, 2, 3):
        store.save(key(number), state(number))
        used_at(tmp_path, number, 1000 + number)
    store.find(key(1))  # used just now
    assert store.save(key(4), state(4))
    assert there(tmp_path) == {key(1), key(3), key(4)}
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3500


def test_a_state_beyond_the_whole_budget_pushes_nothing_out(tmp_path: Path) -> None:
    store = StateStore(tmp_path, 2500)
    store.save(key(1), state(1))
    assert not store.save(key(2), state(2, 3000))
    assert there(tmp_path) == {key(1)}


def test_what_is_to_be_kept_is_not_pushed_out(tmp_path: Path) -> None:
    store = StateStore(tmp_path, 2500)
    for number in (1, 2):
        store.save(key(number), state(number))
    assert not store.save(key(3), state(3), keep=[key(1), key(2)])
    assert store.save(key(3), state(3), keep=[key(1)])
    assert there(tmp_path) == {key(1), key(3)}


def test_a_budget_that_was_made_smaller_holds_at_the_next_start(tmp_path: Path) -> None:
    store = StateStore(tmp_path, MANY)
    for number in (1, 2, 3):
        store.save(key(number), state(number))
        used_at(tmp_path, number, 1000 + number)
    StateStore(tmp_path, 2500)
    assert there(tmp_path) == {key(2), key(3)}


def test_a_state_that_was_not_written_to_the_end_is_never_seen(tmp_path: Path) -> None:
    left = tmp_path / f"{key(1)}.123.part"
    left.write_bytes(b"half")
    assert key(1) not in StateStore(tmp_path, MANY)
    assert left.exists()  # another process may be writing it
    os.utime(left, (0, 0))
    StateStore(tmp_path, MANY)
    assert not left.exists()


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    store = StateStore(tmp_path / "file" / "states", MANY)
    assert not store.save(key(1), state(1))
    assert store.find(key(1)) is None
    count_asked(tmp_path / "file" / "states", "vneid-kich-hoat")


# Keys


@pytest.mark.parametrize(
    "change", [{"weights": "1" * 64}, {"library": "2"}, {"cache": "f16"}, {"context": 8}]
)
def test_whatever_a_state_depends_on_changes_its_key(change: dict[str, str | int]) -> None:
    assert state_key(MADE_BY | change, [1, 2]) != state_key(MADE_BY, [1, 2])


def test_another_text_has_another_key() -> None:
    assert len({state_key(MADE_BY, tokens) for tokens in ([1, 2], [2, 1], [1], [258])}) == 4


def test_weights_are_digested_once_until_the_file_changes(tmp_path: Path) -> None:
    weights, folder = tmp_path / "model.gguf", tmp_path / "states"
    weights.write_bytes(b"one")
    os.utime(weights, (1000, 1000))
    assert weights_digest(weights, folder) == hashlib.sha256(b"one").hexdigest()
    weights.write_bytes(b"two")
    os.utime(weights, (1000, 1000))  # nobody can tell: what is remembered stands
    assert weights_digest(weights, folder) == hashlib.sha256(b"one").hexdigest()
    os.utime(weights, (1001, 1001))
    assert weights_digest(weights, folder) == hashlib.sha256(b"two").hexdigest()


# Counting


def test_weights_that_are_not_those_that_were_downloaded_are_refused(tmp_path: Path) -> None:
    weights, states = tmp_path / "a.gguf", tmp_path / "states"
    weights.write_bytes(b"GGUF weights")
    refuse_others(weights, states)  # a file that somebody brought: nothing is known of it
    record = {
        "repo": "a/b",
        "revision": "0",
        "sha256": {"a.gguf": hashlib.sha256(b"GGUF weights").hexdigest()},
    }
    (tmp_path / "weights.json").write_text(json.dumps(record))
    refuse_others(weights, states)
    weights.write_bytes(b"GGUF Weights and more")
    with pytest.raises(ModelError, match=r"a\.gguf is not the file that was downloaded"):
        refuse_others(weights, states)


def test_what_is_asked_for_is_counted_over_starts_and_damage_starts_anew(tmp_path: Path) -> None:
    for document_id in ("a", "b", "a"):
        count_asked(tmp_path, document_id)
    assert times_asked(tmp_path) == {"a": 2, "b": 1}
    (tmp_path / "asked.json").write_bytes(b'{"a": "x')
    assert times_asked(tmp_path) == {}
    count_asked(tmp_path, "a")
    assert times_asked(tmp_path) == {"a": 1}


def test_what_is_remembered_and_was_damaged_is_forgotten(tmp_path: Path) -> None:
    count_asked(tmp_path, "can-cuoc")
    file = tmp_path / "asked.json"
    for damage in (b'{"can-cu\xefc":1}', b"\0" * 8, b"", b"[]"):
        file.write_bytes(damage)
        assert times_asked(tmp_path) == {}
    count_asked(tmp_path, "can-cuoc")
    assert times_asked(tmp_path) == {"can-cuoc": 1}
