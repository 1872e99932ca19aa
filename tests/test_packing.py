from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.models.packing import Bytes, Room, pack, unpack

MAGIC, F16, Q8_0 = 0xAF143CD8, 1, 8
CELLS, WIDE, LAYERS = 7, 64, 2
EIGHT_BITS = np.dtype([("scale", "<f2"), ("numbers", "i1", 32)])


def quantise(source: Bytes, target: Bytes) -> None:
    """As ggml's q8_0."""
    numbers = source.view("<f2").astype(np.float32).reshape(-1, 32)
    scale = np.abs(numbers).max(1) / 127
    target.view(EIGHT_BITS)["scale"] = scale
    target.view(EIGHT_BITS)["numbers"] = np.round(numbers / np.maximum(scale, 1e-9)[:, None])


def expand(source: Bytes, target: Bytes) -> None:
    blocks = source.view(EIGHT_BITS)
    target.view("<f2")[:] = (blocks["numbers"] * blocks["scale"].astype(np.float32)[:, None]).ravel()


def state(
    *, magic: int = MAGIC, streams: int = 1, transposed: int = 1, kind: int = F16, wide: int = WIDE
) -> Bytes:
    """What llama.cpp writes of a sequence."""
    random = np.random.default_rng(1)
    cells = b"".join(struct.pack("<iIi", position, 1, 3) for position in range(CELLS))
    parts = [struct.pack("<IiII", magic, 3, streams, CELLS), cells, struct.pack("<II", transposed, LAYERS)]
    for values in (False, True):
        for _ in range(LAYERS):
            turned = values and transposed
            parts.append(struct.pack("<iII", kind, 2, wide) if turned else struct.pack("<iQ", kind, 2 * wide))
            parts.append(random.standard_normal(CELLS * wide).astype("<f2").tobytes())
    return np.frombuffer(b"".join(parts), np.uint8)


def numbers(data: Bytes, wide: int = WIDE) -> np.ndarray:
    """Those of the last layer's values, which end a state."""
    return data[-2 * CELLS * wide :].view("<f2").astype(np.float32)


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("wide", [WIDE, 33])  # with whole blocks, and with some numbers over
def test_a_state_takes_half_the_room_and_comes_back_nearly_as_it_was(transposed: int, wide: int) -> None:
    original = state(transposed=transposed, wide=wide)
    packed = pack(original, quantise)
    assert len(packed) < 0.7 * len(original)  # a small one: a third of it are cells
    back = unpack(packed, expand, Room())
    assert len(back) == len(original)
    assert np.abs(numbers(back, wide) - numbers(original, wide)).max() < 0.02
    exact = back == original
    assert exact[: 16 + 12 * CELLS + 8].all()  # where each number belongs to


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param(state(magic=1), id="another version"),
        pytest.param(state(streams=2), id="several streams"),
        pytest.param(state(kind=Q8_0), id="of eight bits already"),
        pytest.param(np.concatenate([state(), state()[8:]]), id="two caches"),  # models with a sliding window
        pytest.param(state()[:-2], id="cut"),
        pytest.param(state()[:10], id="only begun"),
        pytest.param(np.zeros(0, np.uint8), id="empty"),
    ],
)
def test_what_is_not_understood_stays_as_it_is(strange: Bytes) -> None:
    packed = pack(strange, quantise)
    assert len(packed) == len(strange) + 16
    assert (unpack(packed, expand, Room()) == strange).all()


@given(st.binary(max_size=200))
def test_any_bytes_come_back(data: bytes) -> None:
    given_bytes = np.frombuffer(data, np.uint8)
    assert unpack(pack(given_bytes, quantise), expand, Room()).tobytes() == data


@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_a_damaged_head_never_leads_beyond_the_state(at: int, damage: bytes) -> None:
    packed = pack(state(), quantise)
    packed[at : at + len(damage)] = np.frombuffer(damage, np.uint8)
    try:
        back = unpack(packed, expand, Room())
    except ValueError:
        return
    assert len(back) == len(state())
