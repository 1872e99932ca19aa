"""Read aloud: a program on this machine makes a WAV of a guide's step; what was read once is kept.

Programs are run, never imported: Piper and espeak-ng are under the GPL.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore
from typing import Any

from assistant.config import VoiceSettings
from assistant.datatypes import Card
from assistant.errors import VoiceError
from assistant.speech.speakable import spoken

LOG = logging.getLogger("assistant")

LONGEST = 2000  # characters; no step comes near
_SECONDS = 30  # what a reading may take before it is given up
_AT_ONCE = 2  # readings made at the same time; more people wait
_PATIENCE = 20  # seconds that one waits for a turn
_GB = 1e9
_REGIONS = {"north": "vi", "central": "vi-vn-x-central", "south": "vi-vn-x-south"}  # of espeak-ng
_PACES = {False: ("145", "1.1"), True: ("105", "1.5")}  # slow? → words a minute of espeak-ng, length of Piper

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Voice:
    """A program that reads stdin aloud into the file behind its last argument."""

    name: str  # changes with whatever changes the sound
    command: tuple[str, ...]
    slow: tuple[str, ...]

    def arguments(self, wav: Path, *, slow: bool) -> list[str]:
        """What is run."""
        return [*(self.slow if slow else self.command), str(wav)]


def find_voices(wanted: VoiceSettings) -> tuple[Voice, ...]:
    """The voices that this machine has, best first: Piper where it is configured, then espeak-ng."""
    return tuple(voice for voice in (_piper(wanted), _espeak(wanted.region)) if voice is not None)


def _piper(wanted: VoiceSettings) -> Voice | None:
    program = find_program(wanted.program)
    if wanted.path is None or program is None or not wanted.path.is_file():
        return None
    stat = wanted.path.stat()
    name = f"piper {wanted.path.stem} {stat.st_size} {stat.st_mtime_ns}"
    normal, slow = (
        (program, "-m", str(wanted.path), "--sentence-silence", "0.4", "--length-scale", scale, "-f")
        for _, scale in (_PACES[False], _PACES[True])
    )
    return Voice(name, normal, slow)


def _espeak(region: str) -> Voice | None:
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    voice = _REGIONS[region]
    normal, slow = (
        (program, "-v", voice, "-s", pace, "-b", "1", "--stdin", "-w")
        for pace, _ in (_PACES[False], _PACES[True])
    )
    return Voice(f"espeak-ng {voice}", normal, slow)


def find_program(name: str) -> str | None:
    """Where a program lies: beside this Python first, since Debian calls another program "piper", too."""
    beside = Path(sys.executable).parent / name  # a whole path stays what it is
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)


def words_of(card: Card, step: int, words: Mapping[str, Any], *, otherwise: bool = False) -> str:
    """What is read of a guide: step 1, 2, …, or 0 for what the guide is about; KeyError if there is none."""
    if step == 0 and not otherwise:
        return f"{card.title}. {card.lead}" + (f" {card.summary}" if card.summary != card.lead else "")
    if not 0 < step <= len(card.steps):
        raise KeyError(step)
    found = card.steps[step - 1]
    if not otherwise:
        return str(words["step"]).format(number=step, text=found.text)
    if not found.otherwise:
        raise KeyError(step)
    return str(words["otherwise"]).format(text=found.otherwise)


class Speaker:
    """The voices of this machine, how they say names, and what was read before."""

    def __init__(self, voices: Sequence[Voice], words: Mapping[str, Any], folder: Path, budget: int) -> None:
        self.voices = tuple(voices)
        self.words = words
        self._folder = folder
        self._budget = budget
        self._turns = BoundedSemaphore(_AT_ONCE)

    def read(self, text: str, *, slow: bool = False) -> bytes:
        """A WAV of the text; a voice that fails is stood in for by the next. Raises VoiceError."""
        said = spoken(text, self.words["sounds"])
        if not said or len(said) > LONGEST:
            raise VoiceError(f"a text of {len(said)} characters cannot be read aloud; 1 to {LONGEST} can")
        failed = "no voice is installed; install the Debian package espeak-ng"
        for voice in self.voices:
            path = self._folder / f"{_key(voice, said, slow)}.wav"
            try:
                wav = path.read_bytes()
                os.utime(path)  # the least used goes first
                return wav
            except OSError:
                pass
            try:
                wav = self._made(voice, said, slow)
            except VoiceError as error:
                LOG.warning("%s", error)
                failed = str(error)
                continue
            self._keep(path, wav)
            return wav
        raise VoiceError(failed)

    def has(self, text: str, *, slow: bool = False) -> bool:
        """Whether the best voice has read it before."""
        said = spoken(text, self.words["sounds"])
        return bool(self.voices) and (self._folder / f"{_key(self.voices[0], said, slow)}.wav").is_file()

    def prepare(self, cards: Iterable[Card], progress: Progress = lambda _: None) -> int:
        """Read every step of the guides beforehand, at both paces, as far as there is room: how many."""
        read = 0
        for card in cards:
            progress(card.title)
            for text in steps_of(card, self.words):
                for slow in (False, True):
                    if self.has(text, slow=slow):
                        continue
                    kept = self.kept()
                    if kept + len(self.read(text, slow=slow)) > self._budget:
                        return read
                    read += 1
        return read

    def kept(self) -> int:
        """Bytes of what was read before."""
        return sum(size for _, size, _ in self._files())

    def _made(self, voice: Voice, said: str, slow: bool) -> bytes:
        if not self._turns.acquire(timeout=_PATIENCE):
            raise VoiceError("other people are being read to; try again")
        try:
            with TemporaryDirectory(prefix="voice-") as folder:
                wav = Path(folder) / "said.wav"
                done = subprocess.run(
                    voice.arguments(wav, slow=slow),
                    input=said.encode(),
                    capture_output=True,
                    timeout=_SECONDS,
                    check=False,
                )
                if done.returncode or not wav.is_file() or wav.stat().st_size <= 44:  # a header alone
                    told = done.stderr.decode(errors="replace").strip().splitlines()
                    raise VoiceError(f"{voice.name} failed ({done.returncode}): {' '.join(told[-1:])}")
                return wav.read_bytes()
        except (OSError, subprocess.TimeoutExpired) as error:
            raise VoiceError(f"{voice.name} failed: {error}") from error
        finally:
            self._turns.release()

    def _keep(self, path: Path, wav: bytes) -> None:
        """Keep it for the next person; without room people wait each time, and that is all."""
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if len(wav) <= self._budget:
                part.write_bytes(wav)
                part.replace(path)
            self._make_room()
        except OSError as error:
            LOG.warning("%s cannot be kept: %s", path, error)

    def _make_room(self) -> None:
        files = sorted(self._files())
        surplus = sum(size for _, size, _ in files) - self._budget
        for _, size, path in files:
            if surplus <= 0:
                return
            path.unlink(missing_ok=True)
            surplus -= size

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self._folder.glob("*.wav"):
            try:
                stat = path.stat()
            except FileNotFoundError:  # another has made room
                continue
            yield stat.st_mtime, stat.st_size, path


def steps_of(card: Card, words: Mapping[str, Any]) -> Iterator[str]:
    """All that is read of a guide's steps."""
    for number, step in enumerate(card.steps, 1):
        yield words_of(card, number, words)
        if step.otherwise:
            yield words_of(card, number, words, otherwise=True)


def _key(voice: Voice, said: str, slow: bool) -> str:
    told = "\0".join([voice.name, *voice.arguments(Path(), slow=slow), said])
    return hashlib.sha256(told.encode()).hexdigest()


def load_speaker(wanted: VoiceSettings, words: Mapping[str, Any], data: Path) -> Speaker:
    """The voices of this machine, keeping what they read in ASSISTANT_DATA/voice."""
    return Speaker(find_voices(wanted), words, data / "voice", round(wanted.cache * _GB))
