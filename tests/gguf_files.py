"""Tiny GGUF files with a vocabulary of single bytes: what a model of another kind looks like to llama.cpp."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

SPECIAL = ["<|im_start|>", "<|im_end|>", "<think>", "</think>"]
_WIDE = 32  # of a hidden layer


def _bytes_as_letters() -> list[str]:
    """The 256 bytes as GPT-2's tokenizer writes them."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def _begin(path: Path, kind: str, template: str) -> gguf.GGUFWriter:
    letters = _bytes_as_letters()
    file = gguf.GGUFWriter(path, kind)
    file.add_context_length(512)
    file.add_embedding_length(_WIDE)
    file.add_block_count(1)
    file.add_layer_norm_rms_eps(1e-6)
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("qwen2")
    file.add_token_list(letters + SPECIAL)
    file.add_token_types([gguf.TokenType.NORMAL] * len(letters) + [gguf.TokenType.CONTROL] * len(SPECIAL))
    file.add_token_merges([f"{letters[0]} {letters[1]}"])
    file.add_eos_token_id(len(letters) + SPECIAL.index("<|im_end|>"))
    file.add_bos_token_id(len(letters) + SPECIAL.index("<|im_start|>"))
    file.add_chat_template(template)
    for name, rows in (("token_embd", len(letters) + len(SPECIAL)), ("output_norm", 1)):
        _tensor(file, name, *([rows] if rows > 1 else []), _WIDE)
    return file


def _tensor(file: gguf.GGUFWriter, name: str, *shape: int, part: str = ".weight") -> None:
    file.add_tensor(name + part, np.full(shape, 0.01, np.float32))


def _end(file: gguf.GGUFWriter) -> None:
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def write_qwen3(path: Path, template: str) -> None:
    """A model of Qwen3's shape, with a chat template."""
    file = _begin(path, "qwen3", template)
    file.add_feed_forward_length(_WIDE)
    file.add_head_count(2)
    file.add_head_count_kv(1)
    file.add_key_length(_WIDE)
    file.add_value_length(_WIDE)
    block = "blk.0."
    for name in ("attn_norm", "ffn_norm", "attn_q_norm", "attn_k_norm"):
        _tensor(file, block + name, _WIDE)
    for name, rows, columns in (
        ("attn_q", 2 * _WIDE, _WIDE),
        ("attn_k", _WIDE, _WIDE),
        ("attn_v", _WIDE, _WIDE),
        ("attn_output", _WIDE, 2 * _WIDE),
        *((name, _WIDE, _WIDE) for name in ("ffn_gate", "ffn_up", "ffn_down")),
    ):
        _tensor(file, block + name, rows, columns)
    _end(file)


def write_mamba(path: Path) -> None:
    """A model that remembers a text as a whole."""
    state, inner, rank, window = 8, 2 * _WIDE, 4, 4
    file = _begin(path, "mamba", "")
    file.add_ssm_conv_kernel(window)
    file.add_ssm_inner_size(inner)
    file.add_ssm_state_size(state)
    file.add_ssm_time_step_rank(rank)
    block = "blk.0."
    _tensor(file, block + "attn_norm", _WIDE)
    _tensor(file, block + "ssm_in", 2 * inner, _WIDE)
    _tensor(file, block + "ssm_conv1d", inner, window)
    _tensor(file, block + "ssm_conv1d", inner, part=".bias")
    _tensor(file, block + "ssm_x", rank + 2 * state, inner)
    _tensor(file, block + "ssm_dt", inner, rank)
    _tensor(file, block + "ssm_dt", inner, part=".bias")
    _tensor(file, block + "ssm_a", inner, state, part="")
    _tensor(file, block + "ssm_d", inner, part="")
    _tensor(file, block + "ssm_out", _WIDE, inner)
    _end(file)
