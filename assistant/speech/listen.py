"""Hear a question: a recording → text for the person to confirm. Nothing of it is kept.

The only module that imports sherpa_onnx. It works in a child process for each question, since the library
ends the whole process over a broken model: `python -m assistant.speech.listen FOLDER < WAV`.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.config import CHECKOUT, ListenSettings
from assistant.errors import ListenError
from assistant.text.normalize import clean

LONGEST = 15  # seconds of a recording
RATE = 16_000  # samples a second, as the page sends them
LARGEST = 2 * RATE * LONGEST + 1_000  # bytes of a recording
_PARTS = ("encoder", "decoder", "joiner")
_PATIENCE = 10  # seconds that one waits for others to be heard
_HOW = "`assistant models pull zipformer-vi` gets what is needed"
_NOT_INSTALLED = "sherpa-onnx is not installed; run `sh assistant/operations/install.sh listen`"


class Recogniser(Protocol):
    """What turns samples between -1 and 1 into text."""

    def text(self, samples: NDArray[np.float32]) -> str:
        """The words that were said, however they are cased."""


@dataclass(frozen=True, slots=True)
class Zipformer:
    """A transducer of sherpa-onnx."""

    recogniser: object

    def text(self, samples: NDArray[np.float32]) -> str:
        """The words that were said."""
        stream = self.recogniser.create_stream()  # type: ignore[attr-defined]
        stream.accept_waveform(RATE, samples)
        self.recogniser.decode_stream(stream)  # type: ignore[attr-defined]
        return str(stream.result.text)


def files_of(folder: Path) -> dict[str, str]:
    """The files of a transducer in a folder, 8-bit ones preferred. Raises ListenError."""
    found = {}
    for part in _PARTS:
        paths = sorted(folder.glob(f"{part}*.onnx"), key=lambda path: ".int8." not in path.name)
        if not paths:
            raise ListenError(f"{folder} holds no {part}*.onnx; {_HOW}")
        found[part] = str(paths[0])
    if not (folder / "tokens.txt").is_file():
        raise ListenError(f"{folder} holds no tokens.txt; {_HOW}")
    return found | {"tokens": str(folder / "tokens.txt")}


def load_recogniser(folder: Path) -> Recogniser:
    """The recogniser of a folder. Raises ListenError."""
    files = files_of(folder)
    try:
        import sherpa_onnx
    except ImportError as error:
        raise ListenError(f"{_NOT_INSTALLED} ({error})") from error
    try:
        loaded = sherpa_onnx.OfflineRecognizer.from_transducer(**files, num_threads=1, sample_rate=RATE)
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ListenError(f"{folder} cannot be loaded: {error}") from error
    return Zipformer(loaded)


def samples_of(recording: bytes) -> NDArray[np.float32]:
    """The samples of a WAV of one channel, 16 bits, 16 kHz, up to 15 seconds. Raises ListenError."""
    try:
        with wave.open(io.BytesIO(recording)) as file:
            shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            frames = file.readframes(LONGEST * RATE + 1)
    except (wave.Error, EOFError) as error:
        raise ListenError(f"the recording is no WAV: {error}") from error
    if shape != (1, 2, RATE):
        raise ListenError(f"the recording has channels, bytes, rate {shape}, not {(1, 2, RATE)}")
    whole = np.frombuffer(frames[: len(frames) // 2 * 2], dtype="<i2")
    samples = whole.astype(np.float32) / np.float32(32768)
    if not 0 < samples.size <= LONGEST * RATE:
        raise ListenError(f"the recording has {samples.size} samples; 1 to {LONGEST * RATE} can be heard")
    return samples


def heard(recogniser: Recogniser, recording: bytes) -> str:
    """The question as one would type it; empty where nothing was made out. Raises ListenError."""
    return clean(recogniser.text(samples_of(recording))).lower()


class Listener:
    """Hears one person after the other, each in a process of its own."""

    def __init__(self, wanted: ListenSettings) -> None:
        self._wanted = wanted
        self._turn = Lock()

    @property
    def ready(self) -> bool:
        """Whether a recogniser is configured and its files are there."""
        try:
            return self._wanted.path is not None and bool(files_of(self._wanted.path))
        except ListenError:
            return False

    def hear(self, recording: bytes) -> str:
        """The question that was said. Raises ListenError."""
        if self._wanted.path is None:
            raise ListenError(f"no recogniser is configured; {_HOW}")
        if not self._turn.acquire(timeout=_PATIENCE):
            raise ListenError("other people are being heard; try again")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "assistant.speech.listen", str(self._wanted.path)],
                input=recording,
                capture_output=True,
                timeout=self._wanted.seconds,
                check=False,
                cwd=CHECKOUT,
                env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
            )
        except subprocess.TimeoutExpired as error:
            raise ListenError(f"hearing took more than {self._wanted.seconds:g} seconds") from error
        finally:
            self._turn.release()
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip().splitlines()
            raise ListenError(f"the recogniser ended with {done.returncode}: {' '.join(told[-1:])}")
        return done.stdout.decode(errors="replace").strip()


def main(arguments: list[str]) -> None:
    """The child: a WAV on stdin, the text on stdout, what went wrong on stderr."""
    try:
        text = heard(load_recogniser(Path(arguments[0])), sys.stdin.buffer.read(LARGEST + 1))
    except ListenError as error:
        sys.exit(str(error))
    sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
