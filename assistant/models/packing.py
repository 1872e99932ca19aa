"""States at half their size on disk: their f16 numbers as blocks of eight bits with a scale (ggml's q8_0).

Knows the layout of llama.cpp's states, no llama_cpp: who calls says how numbers are converted.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import chain, pairwise, repeat
from math import prod

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Part = tuple[int, int]  # from one byte to another
Convert = Callable[[Bytes, Bytes], None]  # from, to

VERSION = 1  # of what pack() makes; another one makes other states
BLOCK, PACKED = 64, 34  # bytes of 32 numbers: of f16, and of a scale and eight bits each
_MAGIC = 0xAF143CD8  # of llama.cpp's states of a sequence
_F16 = 1  # of enum ggml_type


class Room:
    """Memory that is used again and again: fresh memory takes longer than reading into it."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)

    def __call__(self, size: int) -> Bytes:
        """So many bytes, until the next are asked for."""
        if size > len(self._memory):
            self._memory = np.empty(size, np.uint8)
        return self._memory[:size]


def pack(state: Bytes, quantise: Convert) -> Bytes:
    """A state in half its room; as it is where it is not understood. Inverse but for rounding: unpack.

    `quantise` turns blocks of f16 into packed ones.
    """
    parts = list(_numbers(state))
    head = np.array([len(state), len(parts), *chain.from_iterable(parts)], "<u8").view(np.uint8)
    rest = [state[start:end] for start, end in _between(parts, len(state))]
    blocks = sum(end - start for start, end in parts) // BLOCK
    packed = np.empty(len(head) + sum(map(len, rest)) + blocks * PACKED, np.uint8)
    at = len(packed) - blocks * PACKED
    np.concatenate([head, *rest], out=packed[:at])
    for start, end in parts:
        size = (end - start) // BLOCK * PACKED
        quantise(state[start:end], packed[at : at + size])
        at += size
    return packed


def unpack(packed: Bytes, expand: Convert, room: Room) -> Bytes:
    """The state. Raises ValueError when it is not one that pack() has made.

    `expand` turns packed blocks into f16. The state stands in `room`.
    """
    size, parts, head = _head(packed)
    if not parts:
        return packed[head:]
    state = room(size)
    at = head
    for start, end in _between(parts, size):
        state[start:end] = packed[at : at + end - start]
        at += end - start
    for start, end in parts:
        taken = (end - start) // BLOCK * PACKED
        expand(packed[at : at + taken], state[start:end])
        at += taken
    return state


def _head(packed: Bytes) -> tuple[int, list[Part], int]:
    """The size of the state, where its numbers are, and where the head ends."""
    size, count = (int(number) for number in packed[:16].view("<u8"))
    end = 16 * (count + 1)
    bounds = [int(bound) for bound in packed[16:end].view("<u8")]
    parts = list(zip(bounds[::2], bounds[1::2], strict=True))
    whole = len(parts) == count and all((end - start) % BLOCK == 0 for start, end in parts)
    ordered = all(one <= other for one, other in pairwise([0, *bounds, size]))
    blocks = sum(end - start for start, end in parts) // BLOCK
    if not whole or not ordered or len(packed) != end + size - blocks * (BLOCK - PACKED):
        raise ValueError(f"{len(packed)} bytes are no packed state")
    return size, parts, end


def _between(parts: list[Part], size: int) -> Iterator[Part]:
    """What is not in the parts."""
    return zip([0, *(end for _, end in parts)], [*(start for start, _ in parts), size], strict=True)


def _numbers(state: Bytes) -> list[Part]:
    """Where whole blocks of f16 are; nowhere, unless all of the state is understood.

    The layout is that of llama_kv_cache::state_write in llama.cpp (src/llama-kv-cache.cpp) as of
    llama-cpp-python 0.3.36: the cells of one sequence, then keys layer by layer, then values.
    """
    found = []
    at = 0

    def read(layout: str) -> tuple[int, ...]:
        nonlocal at
        values = struct.unpack_from(layout, state.data, at)
        at += struct.calcsize(layout)
        return values

    try:
        magic, _, streams, cells = read("<IiII")
        at += 12 * cells  # of each its position, that it has one sequence, and which
        transposed, layers = read("<II")
        for shape in chain(repeat("<iQ", layers), repeat("<iII" if transposed else "<iQ", layers)):
            kind, *width = read(shape)
            size = cells * prod(width)
            if kind == _F16:
                found.append((at, at + size // BLOCK * BLOCK))
            at += size
    except struct.error:
        return []
    return found if (magic, streams, at) == (_MAGIC, 1, len(state)) else []
