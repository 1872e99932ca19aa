"""A local GGUF model through llama.cpp. The only module that imports llama_cpp.

It knows tokens, the cells of the context and what each sequence sees of them; who is answered when is
decided in turns.py. The chat template is our own, never the GGUF's Jinja, which is code from a stranger.
Control tokens are put in by us as tokens; everything a person or a guide wrote is tokenised as plain text.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.answering.prompts import Prompt
from assistant.errors import ModelError
from assistant.models.packing import BLOCK, PACKED, Bytes, Convert, Room, pack, unpack

Tokens = tuple[int, ...]

BATCH = 512  # tokens of one step at most
_GGUF_MAGIC = b"GGUF"
_SEED = 20260926  # the same question gets the same words, on the page and in tests
_TEMPERATURE, _TOP_K, _TOP_P, _MIN_P = 0.2, 20, 0.9, 0.05
_REPEAT_PENALTY, _REPEAT_WINDOW = 1.1, 64
_CANDIDATES = 128  # the likeliest tokens, of which one is drawn; penalties cannot lift one from below
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
_LOG_ERROR = 4  # of enum ggml_log_level; llama-cpp-python has the numbers of an older one
_AT_ONCE = 1 << 10  # blocks of a state converted at once: on their way they stay in the processor's cache
_LONG = 8  # rows of a step from which it is worth being able to break it off


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """The control tokens of a family of models around system, user and assistant turns."""

    marker: str  # a model of this family knows it as one token
    system: tuple[str, str]
    user: tuple[str, str]
    assistant: str
    end: str


_TEMPLATES = (
    ChatTemplate(  # ChatML: Qwen, SmolLM2
        "<|im_start|>",
        ("<|im_start|>system\n", "<|im_end|>\n"),
        ("<|im_start|>user\n", "<|im_end|>\n"),
        "<|im_start|>assistant\n",
        "<|im_end|>",
    ),
    ChatTemplate(  # Gemma has no system turn: the rules open the user's
        "<start_of_turn>",
        ("<start_of_turn>user\n", "\n"),
        ("", "<end_of_turn>\n"),
        "<start_of_turn>model\n",
        "<end_of_turn>",
    ),
    ChatTemplate(  # Llama 3
        "<|start_header_id|>",
        ("<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"),
        ("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
    ),
)


@dataclass(frozen=True, slots=True)
class LlamaOptions:
    """How a model is loaded and what an answer may cost."""

    context: int = 4096  # cells for everything that is remembered at one time, in tokens
    answer: int = 220  # tokens
    seconds: float = 60  # an answer that takes longer is cut
    threads: int | None = None  # None: physical cores minus one
    cache: str = "f16"  # how the context is kept: f16 or q8_0
    people: int = 4  # answers written at the same time

    @property
    def sequences(self) -> int:
        """The rules, for each person a guide and an answer, one more guide, and one to copy from."""
        return 2 * self.people + 3


_NO_THOUGHT = "<think>\n\n</think>\n\n"
_DEFAULTS = LlamaOptions()


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A prompt, cut where what is known beforehand ends."""

    rules: Tokens
    guide: Tokens
    question: Tokens

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return len(self.rules) + len(self.guide) + len(self.question)


@dataclass(frozen=True, slots=True)
class Row:
    """A token to be read at a position of a sequence; `wanted`: what comes after it is asked for."""

    token: int
    position: int
    sequence: int
    wanted: bool = False


class LlamaModel:
    """One loaded GGUF."""

    def __init__(self, path: Path, options: LlamaOptions = _DEFAULTS) -> None:
        """Load the weights; raises ModelError that says what to do."""
        _verify(path)
        try:
            import llama_cpp

            self._quantise, self._expand = _conversions(llama_cpp.llama_cpp._lib)
        except (ImportError, OSError, RuntimeError, AttributeError) as error:
            raise ModelError(
                f"llama-cpp-python is not usable here ({error}); see README, the model part"
            ) from error
        self._api: Any = llama_cpp
        self.options = options
        self.path, self.name = path, path.name
        self.threads = options.threads or _free_cores()
        self.version = str(llama_cpp.__version__)
        self._complaints, _ = _listen()
        self._complaints.clear()
        self._context, self._vocabulary = self._load()
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(BATCH, 0, 1)
        self.vocabulary_size: int = llama_cpp.llama_vocab_n_tokens(self._vocabulary)
        self._template = self._family()
        self.ends = frozenset(self.tokens(self._template.end, special=True)) | {
            token
            for token in range(self.vocabulary_size)
            if llama_cpp.llama_vocab_is_eog(self._vocabulary, token)
        }
        self._room = Room()
        self._break_off: Callable[[], bool] = lambda: False
        self._aborts = llama_cpp.ggml_abort_callback(lambda _: self._break_off())
        self._never = llama_cpp.ggml_abort_callback()

    def _load(self) -> tuple[Any, Any]:
        api, options = self._api, self.options
        api.llama_backend_init()
        wanted = api.llama_model_default_params()
        wanted.load_mode = api.LLAMA_LOAD_MODE_NONE  # a mapped file that is truncated kills the process
        model = api.llama_model_load_from_file(os.fsencode(self.path), wanted)
        if not model:
            raise self._failed_to_load()
        shape = api.llama_context_default_params()
        shape.n_ctx, shape.n_batch, shape.n_ubatch = options.context, BATCH, BATCH
        shape.n_seq_max, shape.kv_unified = options.sequences, True  # so that guides can be shared
        shape.n_threads = shape.n_threads_batch = self.threads
        # Flash attention: a quantised cache needs it; over a cache of f16 it is the slower one on a CPU.
        shape.flash_attn_type = (
            api.LLAMA_FLASH_ATTN_TYPE_DISABLED
            if options.cache == "f16"
            else api.LLAMA_FLASH_ATTN_TYPE_ENABLED
        )
        kinds = {"f16": api.GGML_TYPE_F16, "q8_0": api.GGML_TYPE_Q8_0}
        shape.type_k = shape.type_v = kinds[options.cache]
        if api.llama_model_is_recurrent(model) or api.llama_model_is_hybrid(model):
            api.llama_model_free(model)
            raise ModelError(
                f"{self.name} remembers a text as a whole (Mamba, Qwen3.5 and the like), so that a guide"
                " cannot be read beforehand and shared; use another model"
            )
        context = api.llama_init_from_model(model, shape)
        if not context:
            api.llama_model_free(model)
            raise self._failed_to_load()
        self._close = weakref.finalize(self, lambda: (api.llama_free(context), api.llama_model_free(model)))
        self._close.atexit = False  # the process ends, and with it all it holds
        return context, api.llama_model_get_vocab(model)

    def _failed_to_load(self) -> ModelError:
        why = "; ".join(dict.fromkeys(self._complaints)) or "llama.cpp does not say why"
        return ModelError(
            f"models.path = {self.path} cannot be loaded ({why}); "
            "download it again, or use a smaller model or models.context"
        )

    def close(self) -> None:
        """Give the memory back."""
        self._close()

    # Text and tokens

    def _family(self) -> ChatTemplate:
        for template in _TEMPLATES:
            if len(self.tokens(template.marker, special=True)) == 1:
                return self._without_thinking(template)
        raise ModelError(
            f"{self.name} has none of the chat formats {[t.marker for t in _TEMPLATES]}; use another model"
        )

    def _without_thinking(self, template: ChatTemplate) -> ChatTemplate:
        """Qwen3 of 2025-04 thinks aloud first unless it finds an empty thought; its template tells."""
        model = self._api.llama_get_model(self._context)
        own = self._api.llama_model_chat_template(model, None) or b""
        if b"enable_thinking" not in own:
            return template
        return replace(template, assistant=template.assistant + _NO_THOUGHT)

    def tokens(self, text: str, *, special: bool) -> Tokens:
        """A text in this model's numbers; `special` ones are read as control tokens."""
        data = text.encode()
        room = len(data) + 8
        found = (ctypes.c_int32 * room)()
        count = self._api.llama_tokenize(self._vocabulary, data, len(data), found, room, False, special)
        if count < 0:
            raise ModelError(f"{self.name} cannot read a text of {len(data)} bytes")
        return tuple(found[:count])

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of a token; none for a control token unless `special`."""
        size = 256
        data = ctypes.create_string_buffer(size)
        count = self._api.llama_token_to_piece(self._vocabulary, token, data, size, 0, special)
        return data.raw[:count] if count > 0 else b""

    def prompt_tokens(self, prompt: Prompt) -> PromptTokens:
        """The prompt `[rules][guide][question]`; only the template's own tokens are control tokens."""
        template = self._template
        begin = (self._api.llama_vocab_bos(self._vocabulary),)
        return PromptTokens(
            (begin if self._api.llama_vocab_get_add_bos(self._vocabulary) else ())
            + self.tokens(template.system[0], special=True)
            + self.tokens(f"{prompt.rules}\n\n", special=False),
            self.tokens(prompt.guide, special=False)
            + self.tokens(template.system[1] + template.user[0], special=True),
            self.tokens(prompt.question, special=False)
            + self.tokens(template.user[1] + template.assistant, special=True),
        )

    # Steps

    def decode(self, rows: Sequence[Row], break_off: Callable[[], bool] = lambda: False) -> bool:
        """Read the rows; False if `break_off()` became true in the middle. Raises ModelError.

        What was broken off may have left cells behind: `drop` them.
        """
        batch = self._batch
        batch.n_tokens = len(rows)
        for at, row in enumerate(rows):
            batch.token[at], batch.pos[at] = row.token, row.position
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, row.sequence
            batch.logits[at] = row.wanted
        # It is called for each part of the network, which would slow single tokens down.
        self._break_off = break_off
        watch = self._aborts if len(rows) >= _LONG else self._never
        self._api.llama_set_abort_callback(self._context, watch, None)
        code = self._api.llama_decode(self._context, batch)
        if code not in (0, 2):
            raise ModelError(f"{self.name} failed while reading {len(rows)} tokens (llama_decode: {code})")
        return bool(code == 0)

    def scores(self, row: int) -> npt.NDArray[np.float32]:
        """How likely each token comes after a wanted row of the last step (logits, to be read at once)."""
        pointer = self._api.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, (self.vocabulary_size,))

    def sampler(self) -> Sampler:
        """What draws the tokens of one answer."""
        return Sampler(self._api, self.vocabulary_size)

    # Sequences

    def copy(self, source: int, target: int, start: int = 0) -> None:
        """Let a sequence see the cells of another one from a position on."""
        self._api.llama_memory_seq_cp(self._memory, source, target, start, -1)

    def drop(self, sequence: int, start: int = 0) -> None:
        """Forget a sequence from a position on; cells that another one sees stay."""
        self._api.llama_memory_seq_rm(self._memory, sequence, start, -1)

    def forget(self) -> None:
        """Forget all sequences."""
        self._api.llama_memory_clear(self._memory, True)

    def save(self, sequence: int) -> Bytes:
        """What the model has made of the tokens of a sequence, packed."""
        size = self._api.llama_state_seq_get_size(self._context, sequence)
        data = np.empty(size, np.uint8)
        wrote = self._api.llama_state_seq_get_data(self._context, _pointer(data), size, sequence)
        return pack(data[:wrote], self._quantise)

    def restore(self, sequence: int, data: Bytes) -> bool:
        """Inverse of save; False where the state does not fit this model."""
        try:
            state = unpack(data, self._expand, self._room)
        except ValueError:
            return False
        read = self._api.llama_state_seq_set_data(self._context, _pointer(state), len(state), sequence)
        return bool(read)


class Sampler:
    """Draws the tokens of one answer; remembers them, so as not to say the same over and over."""

    def __init__(self, api: ModuleType, vocabulary_size: int) -> None:
        self._api: Any = api
        self._chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        for part in (
            api.llama_sampler_init_penalties(vocabulary_size, _REPEAT_WINDOW, _REPEAT_PENALTY, 0.0, 0.0),
            api.llama_sampler_init_top_k(_TOP_K),
            api.llama_sampler_init_top_p(_TOP_P, 1),
            api.llama_sampler_init_min_p(_MIN_P, 1),
            api.llama_sampler_init_temp(_TEMPERATURE),
            api.llama_sampler_init_dist(_SEED),
        ):
            api.llama_sampler_chain_add(self._chain, part)
        self._close = weakref.finalize(self, api.llama_sampler_free, self._chain)
        self._close.atexit = False

    def draw(self, scores: npt.NDArray[np.float32], allowed: npt.NDArray[np.int32]) -> int:
        """One of the allowed tokens."""
        likely = scores[allowed]
        count = min(_CANDIDATES, len(likely))
        best = np.argpartition(likely, len(likely) - count)[-count:]
        candidates = np.zeros(count, _CANDIDATE)
        candidates["id"], candidates["logit"] = allowed[best], likely[best]
        data = candidates.ctypes.data_as(self._api.llama_token_data_p)
        array = self._api.llama_token_data_array(data=data, size=count, selected=-1, sorted=False)
        self._api.llama_sampler_apply(self._chain, ctypes.byref(array))
        token: int = array.data[array.selected].id
        self._api.llama_sampler_accept(self._chain, token)
        return token


def _pointer(data: Bytes) -> ctypes._Pointer[ctypes.c_uint8]:
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


def _conversions(library: ctypes.CDLL) -> tuple[Convert, Convert]:
    """From f16 to packed blocks and back, by functions of ggml that llama_cpp has no names for."""
    between = np.empty(32 * _AT_ONCE, np.float32)

    def function(name: str) -> Callable[[int, int, int], None]:
        found = library[name]
        found.argtypes, found.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64], None
        return found

    def conversion(first: str, step: int, second: str, stride: int) -> Convert:
        widen, narrow = function(first), function(second)

        def convert(source: Bytes, target: Bytes) -> None:
            blocks = len(source) // step
            for at in range(0, blocks, _AT_ONCE):
                numbers = 32 * min(_AT_ONCE, blocks - at)
                widen(source.ctypes.data + at * step, between.ctypes.data, numbers)
                narrow(between.ctypes.data, target.ctypes.data + at * stride, numbers)

        return convert

    return (
        conversion("ggml_cpu_fp16_to_fp32", BLOCK, "quantize_row_q8_0_ref", PACKED),
        conversion("dequantize_row_q8_0", PACKED, "ggml_cpu_fp32_to_fp16", BLOCK),
    )


@cache
def _listen() -> tuple[deque[str], Any]:
    """The last errors that llama.cpp has logged, which say what is wrong with a file, and what listens."""
    import llama_cpp

    found: deque[str] = deque(maxlen=3)

    def listen(level: int, text: bytes, _: object) -> None:
        if level == _LOG_ERROR:
            found.append(text.decode("utf-8", "replace").strip())

    listener = llama_cpp.llama_log_callback(listen)
    llama_cpp.llama_log_set(listener, None)
    return found, listener


def _free_cores() -> int:
    """Physical cores less one for the browser beside it; logical ones where Linux does not tell."""
    siblings = {
        path.read_text(encoding="ascii").strip()
        for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/thread_siblings_list")
    }
    return max(1, (len(siblings) or os.cpu_count() or 2) - 1)


def _verify(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(
            f"models.path = {path} cannot be read ({error.strerror}); check assistant.toml"
        ) from error
    if magic != _GGUF_MAGIC:
        raise ModelError(f"models.path = {path} is not a GGUF file; download it again")
