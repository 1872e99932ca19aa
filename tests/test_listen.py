from __future__ import annotations

import io
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.config import ListenSettings
from assistant.errors import ListenError
from assistant.speech.listen import RATE, Listener, heard, load_recogniser, samples_of

# A stand-in for the library, in the words of its interface: hears how long it was spoken to.
LIBRARY = """
import os
class Stream:
    def accept_waveform(self, rate, samples):
        self.heard = f"QUÊN MẬT KHẨU {len(samples) // rate} GIÂY"
class OfflineRecognizer:
    @classmethod
    def from_transducer(cls, encoder, decoder, joiner, tokens, num_threads, sample_rate):
        text = open(encoder).read()
        if text == "crash":
            os.abort()  # as the library does over a broken model
        assert text == "weights", f"{encoder} is broken"
        return cls()
    def create_stream(self):
        return Stream()
    def decode_stream(self, stream):
        stream.result = type("Result", (), {"text": stream.heard})
"""


def recording(seconds: float = 1.0, rate: int = RATE, channels: int = 1, width: int = 2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes(int(seconds * rate) * channels * width))
    return out.getvalue()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "zipformer"
    folder.mkdir()
    for name in ("encoder.onnx", "encoder.int8.onnx", "decoder.onnx", "joiner.int8.onnx", "tokens.txt"):
        (folder / name).write_text("weights" if name != "encoder.onnx" else "the larger one")
    return folder


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in, where the child process finds it."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "sherpa_onnx.py").write_text(LIBRARY, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.usefixtures("library")
def test_a_question_is_heard_as_one_would_type_it(weights: Path) -> None:
    listener = Listener(ListenSettings(path=weights))
    assert listener.ready
    assert listener.hear(recording(2)) == "quên mật khẩu 2 giây"


@pytest.mark.usefixtures("library")
def test_a_library_that_crashes_takes_nobody_along(weights: Path) -> None:
    (weights / "encoder.int8.onnx").write_text("crash")
    with pytest.raises(ListenError, match="ended with -6"):
        Listener(ListenSettings(path=weights)).hear(recording())


@pytest.mark.usefixtures("library")
def test_broken_weights_are_told(weights: Path) -> None:
    (weights / "encoder.int8.onnx").write_text("half a file")
    with pytest.raises(ListenError, match="cannot be loaded: .*encoder.int8.onnx is broken"):
        Listener(ListenSettings(path=weights)).hear(recording())


def test_without_the_library_it_is_said_what_to_install(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    with pytest.raises(ListenError, match=r"install\.sh listen"):
        load_recogniser(weights)


def test_without_weights_it_is_said_how_to_get_them(weights: Path, tmp_path: Path) -> None:
    listener = Listener(ListenSettings())
    assert not listener.ready
    with pytest.raises(ListenError, match="models pull zipformer-vi"):
        listener.hear(recording())
    (weights / "joiner.int8.onnx").unlink()
    listener = Listener(ListenSettings(path=weights))
    assert not listener.ready
    with pytest.raises(ListenError, match=r"no joiner\*\.onnx"):
        listener.hear(recording())
    assert not Listener(ListenSettings(path=tmp_path / "gone")).ready


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "no WAV"),
        (b"RIFF" + bytes(100), "no WAV"),
        (recording()[:30], "no WAV"),
        (recording(rate=48_000), "rate"),
        (recording(channels=2), "channels"),
        (recording(width=1), "bytes"),
        (recording(0), "0 samples"),
        (recording(15.5), "samples"),
    ],
)
def test_what_is_no_recording_is_refused(sent: bytes, why: str) -> None:
    with pytest.raises(ListenError, match=why):
        samples_of(sent)


def test_samples_lie_between_minus_one_and_one() -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.array([-32768, 0, 32767], dtype="<i2").tobytes())
    assert samples_of(out.getvalue()).tolist() == pytest.approx([-1, 0, 1], abs=1e-4)


def test_what_was_heard_is_cleaned() -> None:
    class Mumbling:
        def text(self, samples: NDArray[np.float32]) -> str:
            return "  MẤT\u200b THẺ\n CĂN CƯỚC "

    assert heard(Mumbling(), recording()) == "mất thẻ căn cước"
