"""A local GGUF model through llama.cpp. The only module that imports llama_cpp.

The chat template is our own, never the GGUF's Jinja, which is code from a stranger. Control tokens are
put in by us as tokens; everything a person or a guide wrote is tokenised as plain text.
"""

from __future__ import annotations

import codecs
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.answering.prompts import Prompt
from assistant.errors import ModelError

_GGUF_MAGIC = b"GGUF"
_SEED = 20260926  # the same question gets the same words, on the page and in tests
_SAMPLING = {"temp": 0.2, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "repeat_penalty": 1.1}


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


class LlamaModel:
    """One loaded GGUF; answers one prompt at a time, others wait."""

    def __init__(
        self, path: Path, *, context: int, answer: int, threads: int | None = None, seconds: float = 60
    ) -> None:
        """Load the weights; raises ModelError that says what to do."""
        _verify(path)
        try:
            import llama_cpp
        except (ImportError, OSError, RuntimeError) as error:
            raise ModelError(
                f"llama-cpp-python is not usable here ({error}); see README, the model part"
            ) from error
        try:
            self._llama: Any = llama_cpp.Llama(
                str(path),
                n_ctx=context,
                n_threads=threads or _free_cores(),
                n_threads_batch=threads or _free_cores(),
                seed=_SEED,
                use_mmap=False,  # a mapped file that is truncated kills the process
                verbose=False,
            )
        except (ValueError, RuntimeError, OSError, MemoryError) as error:
            raise ModelError(f"models.path = {path} cannot be loaded ({error}); download it again") from error
        self.name = path.name
        self._limits = context, answer, seconds
        self._turn = threading.Lock()
        self._template = self._family()

    def _family(self) -> ChatTemplate:
        for template in _TEMPLATES:
            if len(self._tokens(template.marker, special=True)) == 1:
                return template
        raise ModelError(
            f"{self.name} has none of the chat formats {[t.marker for t in _TEMPLATES]}; use another model"
        )

    def _tokens(self, text: str, *, special: bool) -> list[int]:
        tokens: list[int] = self._llama.tokenize(text.encode(), add_bos=False, special=special)
        return tokens

    def prompt_tokens(self, prompt: Prompt) -> list[int]:
        """The prompt `[rules][guide][question]`; only the template's own tokens are control tokens."""
        template = self._template
        tokens: list[int] = []
        if self._llama.metadata.get("tokenizer.ggml.add_bos_token") == "true":
            tokens.append(self._llama.token_bos())
        parts = (
            (template.system[0], True),
            (f"{prompt.rules}\n\n{prompt.guide}", False),
            (template.system[1], True),
            (template.user[0], True),
            (prompt.question, False),
            (template.user[1], True),
            (template.assistant, True),
        )
        for text, special in parts:
            if text:
                tokens += self._tokens(text, special=special)
        return tokens

    def stream(self, prompt: Prompt, *, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Pieces of the answer; ends at the end token, the length, the time limit, or when told to."""
        context, answer, seconds = self._limits
        tokens = self.prompt_tokens(prompt)
        if len(tokens) + answer > context:
            raise ModelError(
                f"the prompt has {len(tokens)} tokens and the answer {answer}; models.context = {context}"
            )
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        ends = {self._llama.token_eos(), *self._tokens(self._template.end, special=True)}
        with self._turn:
            until = time.monotonic() + seconds
            try:
                for count, token in enumerate(self._llama.generate(tokens, **_SAMPLING), 1):
                    if token in ends or count > answer or time.monotonic() > until or stop():
                        return
                    if piece := decoder.decode(self._llama.detokenize([token])):
                        yield piece
            except (RuntimeError, ValueError) as error:
                raise ModelError(f"{self.name} failed while answering: {error}") from error


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
