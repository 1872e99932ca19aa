from __future__ import annotations

import io
import os
import sys
import wave
from pathlib import Path
from typing import Any

import pytest
from conftest import some_guides

from assistant.__main__ import main
from assistant.config import CHECKOUT, VoiceSettings
from assistant.datatypes import Card, Step
from assistant.errors import VoiceError
from assistant.speech import speak
from assistant.speech.speak import Speaker, Voice, find_voices, load_speaker, words_of
from assistant.toml import read_toml

WORDS: dict[str, Any] = read_toml(CHECKOUT / "prompts" / "voice.toml")
CARD = Card(
    title="Đổi thẻ",
    lead="Bác đến Công an xã.",
    summary="Bác mang thẻ cũ.",
    steps=(Step("Mở VNeID [1].", "Không mở được thì khởi động lại máy."), Step("Bấm “Gửi”.")),
)
ROOM = 10**9

# A program in place of Piper: keeps what it was asked in a file beside it, and writes a second of silence.
PROGRAM = f"""#!{sys.executable}
import pathlib, sys, wave
text = sys.stdin.read()
with pathlib.Path(__file__).with_suffix(".log").open("a", encoding="utf-8") as log:
    log.write(repr((sys.argv[1:-1], text)) + "\\n")
if "hỏng" in text:
    sys.exit("the voice is broken")
with wave.open(sys.argv[-1], "wb") as out:
    out.setnchannels(1); out.setsampwidth(2); out.setframerate(8000); out.writeframes(bytes(16000))
"""


@pytest.fixture
def piper(tmp_path: Path) -> VoiceSettings:
    """A stand-in for Piper and its voice."""
    program, voice = tmp_path / "piper", tmp_path / "vi.onnx"
    program.write_text(PROGRAM, encoding="utf-8")
    program.chmod(0o755)
    voice.write_bytes(b"weights")
    return VoiceSettings(path=voice, program=str(program))


def asked(settings: VoiceSettings) -> list[str]:
    log = Path(settings.program).with_suffix(".log")
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def seconds(wav: bytes) -> float:
    with wave.open(io.BytesIO(wav)) as file:
        return float(file.getnframes() / file.getframerate())


def test_espeak_reads_a_step_and_slowly_takes_longer(tmp_path: Path) -> None:
    speaker = load_speaker(VoiceSettings(), WORDS, tmp_path)
    assert [voice.name for voice in speaker.voices] == ["espeak-ng vi"]
    text = words_of(CARD, 1, WORDS)
    assert 0.8 < seconds(speaker.read(text)) < seconds(speaker.read(text, slow=True)) / 1.2


def test_a_ward_chooses_the_region_of_the_voice(tmp_path: Path) -> None:
    (south,) = find_voices(VoiceSettings(region="south"))
    assert south.name == "espeak-ng vi-vn-x-south"


def test_what_was_read_is_not_made_again(piper: VoiceSettings, tmp_path: Path) -> None:
    speaker = load_speaker(piper, WORDS, tmp_path)
    first = speaker.read("Mở VNeID.")
    assert load_speaker(piper, WORDS, tmp_path).read("Mở VNeID.") == first
    assert len(asked(piper)) == 1
    assert "vi en i ai đi" in asked(piper)[0]
    speaker.read("Mở VNeID.", slow=True)
    assert len(asked(piper)) == 2


def test_another_voice_reads_anew(piper: VoiceSettings, tmp_path: Path) -> None:
    load_speaker(piper, WORDS, tmp_path).read("Gửi.")
    assert piper.path is not None
    piper.path.write_bytes(b"other weights")
    load_speaker(piper, WORDS, tmp_path).read("Gửi.")
    assert len(asked(piper)) == 2


def test_espeak_stands_in_for_a_piper_that_fails(piper: VoiceSettings, tmp_path: Path) -> None:
    speaker = load_speaker(piper, WORDS, tmp_path)
    assert len(speaker.voices) == 2
    assert seconds(speaker.read("máy hỏng rồi")) != 1
    assert "hỏng" in asked(piper)[0]


def test_a_piper_without_its_voice_is_none(piper: VoiceSettings, tmp_path: Path) -> None:
    gone = piper.model_copy(update={"path": tmp_path / "gone.onnx"})
    assert [voice.name for voice in find_voices(gone)] == ["espeak-ng vi"]


def test_the_least_used_goes_when_there_is_no_room(piper: VoiceSettings, tmp_path: Path) -> None:
    speaker = Speaker(find_voices(piper)[:1], WORDS, tmp_path / "voice", 2 * 16_044)
    for hour, text in enumerate(("một", "hai")):
        speaker.read(text)
        kept = max((tmp_path / "voice").glob("*.wav"), key=os.path.getctime)
        os.utime(kept, (hour, hour))
    speaker.read("một")  # used again
    speaker.read("ba")
    assert [speaker.has(text) for text in ("một", "hai", "ba")] == [True, False, True]
    assert speaker.kept() == 2 * 16_044


def test_a_full_disk_costs_time_only(piper: VoiceSettings, tmp_path: Path) -> None:
    (tmp_path / "voice").write_text("in the way")
    speaker = load_speaker(piper, WORDS, tmp_path)
    assert seconds(speaker.read("một")) == 1
    assert seconds(speaker.read("một")) == 1
    assert len(asked(piper)) == 2


def test_steps_are_read_beforehand_as_far_as_there_is_room(piper: VoiceSettings, tmp_path: Path) -> None:
    speaker = Speaker(find_voices(piper)[:1], WORDS, tmp_path / "voice", ROOM)
    assert speaker.prepare([CARD]) == 6  # two steps and one "otherwise", at both paces
    assert speaker.prepare([CARD]) == 0
    assert speaker.has(words_of(CARD, 1, WORDS, otherwise=True), slow=True)
    small = Speaker(find_voices(piper)[:1], WORDS, tmp_path / "small", 16_044)
    assert small.prepare([CARD]) == 1
    tiny = Speaker(find_voices(piper)[:1], WORDS, tmp_path / "tiny", 1000)
    assert tiny.prepare([CARD]) == 0


def test_the_command_reads_the_guides(
    piper: VoiceSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSISTANT_HOME", str(some_guides(tmp_path / "home", "can-cuoc/can-cuoc-cap-doi.md")))
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ASSISTANT_VOICE_PATH", str(piper.path))
    monkeypatch.setenv("ASSISTANT_VOICE_PROGRAM", piper.program)
    monkeypatch.setenv("ASSISTANT_VOICE_CACHE", "0.00006")  # GB: three of the stand-in's readings
    with pytest.raises(SystemExit, match="0"):
        main(["voice", "prepare"])
    assert "Đã đọc sẵn thêm 3 bước" in capsys.readouterr().out
    assert len(list((tmp_path / "data" / "voice").glob("*.wav"))) == 3


def test_without_a_voice_it_is_said_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="espeak-ng"):
        Speaker((), WORDS, tmp_path, ROOM).read("một")


def test_a_voice_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speak, "_SECONDS", 0.1)
    hangs = Voice("hangs", ("sh", "-c", "exec sleep 60"), ())
    with pytest.raises(VoiceError, match="hangs failed"):
        Speaker([hangs], WORDS, tmp_path, ROOM).read("một")


def test_too_much_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="characters"):
        Speaker(find_voices(VoiceSettings()), WORDS, tmp_path, ROOM).read("dài " * 600)


def test_what_is_read_of_a_guide() -> None:
    assert words_of(CARD, 0, WORDS) == "Đổi thẻ. Bác đến Công an xã. Bác mang thẻ cũ."
    assert words_of(CARD, 2, WORDS) == "Bước 2. Bấm “Gửi”."
    assert words_of(CARD, 1, WORDS, otherwise=True).endswith("khởi động lại máy.")
    for step, otherwise in ((3, False), (-1, False), (2, True), (0, True)):
        with pytest.raises(KeyError):
            words_of(CARD, step, WORDS, otherwise=otherwise)
