"""Looks over the machine and tells what is well, what is missing and what to do: `assistant doctor`.

Each check gives Findings; their words stand in prompts/operate.toml.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from assistant.config import LEAST_DISK, Settings
from assistant.errors import IndexUnavailableError, KnowledgeError
from assistant.knowledge.health import last_known_day
from assistant.operations.bundle import FEATURES
from assistant.operations.keys import certificate_of
from assistant.speech.listen import Listener
from assistant.speech.speak import find_program, find_voices

_GB = 1e9
_RAM = (2.0, 3.6)  # GB: below the first nothing goes well, below the second no model
_DISK = (LEAST_DISK / _GB, 3.0)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SECONDS = 60  # for what is asked of another program
_OFFSET = 7  # hours: Vietnam has one time zone and no summer time


class State(StrEnum):
    """How a part of the machine is: WARN works without, BAD does not."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `about` picks its words, `values` fill them."""

    check: str
    state: State
    about: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def text(self, words: Mapping[str, Any]) -> str:
        """What a person reads."""
        return str(words[self.check][self.about]).format(**self.values)


def examine(settings: Settings) -> list[Finding]:
    """Everything that can be told of this machine."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        processor,
        memory,
        lambda: disk(settings.data),
        lambda: writable(settings.data),
        lambda: overlay(settings),
        lambda: index(settings),
        lambda: clock(settings),
        lambda: port(settings),
        lambda: model(settings),
        lambda: embedder(settings),
        lambda: voice(settings),
        lambda: hearing(settings),
        browser,
        fonts,
    )
    return [finding for check in checks for finding in check()]


def worst(findings: list[Finding]) -> State:
    """The state of the whole."""
    return max((finding.state for finding in findings), key=list(State).index, default=State.OK)


def as_row(findings: list[Finding], words: Mapping[str, Any]) -> dict[str, Any]:
    """The findings as JSON."""
    checks = [
        {"check": f.check, "state": f.state.value, "found": f.about, **f.values, "text": f.text(words)}
        for f in findings
    ]
    return {"state": worst(findings).value, "checks": checks}


def as_text(findings: list[Finding], words: Mapping[str, Any]) -> str:
    """The findings as lines, and what they come to."""
    lines = [f"[{words['marks'][finding.state]}] {finding.text(words)}" for finding in findings]
    return "\n".join([*lines, "", words["verdict"][worst(findings)]])


# The machine


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Iterator[Finding]:
    """Whether it can do what the bundled model was built for; the guides need none of it."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    flags = next((set(line.split()) for line in lines if line.startswith("flags")), set())
    lacking = [flag for flag in FEATURES.values() if flag not in flags]
    if not flags:
        yield Finding("processor", State.WARN, "unknown", {"machine": platform.machine()})
    elif lacking:
        yield Finding("processor", State.WARN, "old", {"lacking": ", ".join(lacking)})
    else:
        yield Finding("processor", State.OK, "ok", {"count": os.cpu_count()})


def memory(found: int | None = None) -> Iterator[Finding]:
    """The RAM; `found` stands for it in tests."""
    bytes_ = found or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield _amount("memory", bytes_ / _GB, _RAM)


def disk(data: Path) -> Iterator[Finding]:
    """The room where things are written."""
    folder = next(path for path in (data, *data.absolute().parents) if path.exists())
    yield _amount("disk", shutil.disk_usage(folder).free / _GB, _DISK)


def _amount(check: str, amount: float, limits: tuple[float, float]) -> Finding:
    little, some = limits
    state = State.BAD if amount < little else State.WARN if amount < some else State.OK
    return Finding(check, state, state.value, {"gb": round(amount, 1)})


def writable(data: Path) -> Iterator[Finding]:
    """Whether ASSISTANT_DATA can be written."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=data).close()
    except OSError as error:
        yield Finding("data", State.BAD, "bad", {"folder": str(data), "reason": str(error)})
    else:
        yield Finding("data", State.OK, "ok", {"folder": str(data)})


def port(settings: Settings) -> Iterator[Finding]:
    """Whether the pages can be served there, or are; and whether others on the LAN are told in secret."""
    values: dict[str, Any] = {"host": settings.host, "port": settings.port}
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if is_served(settings):
                yield Finding("port", State.OK, "served", values)
            else:
                yield Finding("port", State.BAD, "taken", values | {"reason": str(error)})
        else:
            yield Finding("port", State.OK, "free", values)
    if settings.host not in _LOOPBACK and not settings.https:
        yield Finding("port", State.WARN, "plain", values)


def is_served(settings: Settings) -> bool:
    """Whether what listens there is this product."""
    alone = settings.host in _LOOPBACK  # else it listens at 127.0.0.1 as well, without HTTPS
    host, scheme = (settings.host, "https" if settings.https else "http") if alone else ("127.0.0.1", "http")
    try:
        secured = scheme == "https"
        trust = ssl.create_default_context(cafile=certificate_of(settings.data)) if secured else None
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        with opener.open(f"{scheme}://{host}:{settings.port}/suc-khoe", timeout=5) as answer:
            return bool(json.load(answer).get("ok"))
    except (OSError, ValueError, AttributeError):
        return False


def clock(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """Whether the day can be right: fees and dates are told by it. `now` stands for the clock in tests."""
    now = now or datetime.now().astimezone()
    if settings.today is not None:
        yield Finding("clock", State.WARN, "fixed", {"day": _day(settings.today)})
    known = _last_known_day(settings)
    if known is not None and now.date() < known:
        yield Finding("clock", State.BAD, "behind", {"now": f"{now:%d/%m/%Y %H:%M}", "day": _day(known)})
        return
    offset = now.utcoffset()
    hours = offset.total_seconds() / 3600 if offset else 0.0
    if hours != _OFFSET:
        yield Finding("clock", State.WARN, "zone", {"now": f"{now:%d/%m/%Y %H:%M}", "hours": f"{hours:+g}"})
    else:
        yield Finding("clock", State.OK, "ok", {"now": f"{now:%d/%m/%Y %H:%M}"})


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _last_known_day(settings: Settings) -> date | None:
    """A day that is past for certain: that of the index, or on which a guide was reviewed."""
    from assistant.retrieval.index import load

    try:
        found = load(settings.data / "index")
    except IndexUnavailableError:
        return None
    return last_known_day(found.guides.values(), found.manifest.built.date())


# What the product is made of


def overlay(settings: Settings) -> Iterator[Finding]:
    """Whether the shipped knowledge and the ward's own can be read, together."""
    from assistant.retrieval.index import KnowledgePaths, read_knowledge

    try:
        guides, *_ = read_knowledge(KnowledgePaths(settings.knowledge, settings.overlay))
    except KnowledgeError as error:
        yield Finding("overlay", State.BAD, "broken", {"problems": str(error)})
        return
    own = settings.overlay.is_dir() and any(settings.overlay.iterdir())
    values = {"guides": len(guides), "folder": str(settings.overlay)}
    yield Finding("overlay", State.OK if own else State.WARN, "ok" if own else "none", values)


def index(settings: Settings) -> Iterator[Finding]:
    """Whether there is an index, whole, and of today's knowledge."""
    from assistant.loading import listed_officials
    from assistant.retrieval.index import KnowledgePaths, load

    root = settings.data / "index"
    try:
        manifest = load(root).manifest
    except IndexUnavailableError as error:
        about = "damaged" if (root / "CURRENT").exists() else "none"
        state = State.BAD if about == "damaged" else State.WARN
        yield Finding("index", state, about, {"reason": str(error)})
        return
    values = {"guides": manifest.documents, "day": _day(manifest.built.date())}
    paths = KnowledgePaths(settings.knowledge, settings.overlay)
    try:
        behind = manifest.inputs != paths.digest(listed_officials(settings).digest)
    except KnowledgeError:  # told by `overlay`
        behind = True
    yield Finding("index", State.WARN if behind else State.OK, "behind" if behind else "ok", values)


def model(settings: Settings) -> Iterator[Finding]:
    """Whether the configured language model is there and can be run here."""
    wanted = settings.models
    if wanted.backend == "openai":
        yield Finding("model", State.OK, "servers", {"servers": ", ".join(wanted.endpoints)})
        return
    if wanted.path is None:
        yield Finding("model", State.OK, "none")
        return
    values = {"path": str(wanted.path)}
    try:
        with wanted.path.open("rb") as file:
            is_gguf = file.read(4) == b"GGUF"
    except OSError as error:
        yield Finding("model", State.BAD, "missing", values | {"reason": str(error)})
        return
    if not is_gguf:
        yield Finding("model", State.BAD, "broken", values)
        return
    if find_spec("llama_cpp") is None:
        yield Finding("model", State.BAD, "no_llama")
        return
    # In a process of its own: built for another processor, the library ends whatever loads it.
    code = "from llama_cpp import llama_print_system_info as told; told()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=_SECONDS, check=False)
    if done.returncode < 0:
        yield Finding("model", State.BAD, "crashes", {"code": done.returncode})
        return
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        yield Finding("model", State.BAD, "unloadable", {"reason": reason})
        return
    yield Finding("model", State.OK, "ok", values | {"gb": round(wanted.path.stat().st_size / _GB, 1)})


def embedder(settings: Settings) -> Iterator[Finding]:
    """Whether the configured model for search by meaning is there; nothing is told where none is."""
    path = settings.embedder.path
    if path is None:
        return
    if not (path / "config.json").is_file():
        yield Finding("embedder", State.BAD, "missing", {"path": str(path)})
    elif find_spec("sentence_transformers") is None:
        yield Finding("embedder", State.BAD, "no_library")
    else:
        yield Finding("embedder", State.OK, "ok", {"path": str(path)})


def voice(settings: Settings) -> Iterator[Finding]:
    """What can read aloud."""
    voices = find_voices(settings.voice)
    if settings.voice.path is not None and not any(found.name.startswith("piper") for found in voices):
        program = find_program(settings.voice.program) or settings.voice.program
        yield Finding("voice", State.WARN, "no_piper", {"path": str(settings.voice.path), "program": program})
    if voices:
        yield Finding("voice", State.OK, "ok", {"name": voices[0].name})
    else:
        yield Finding("voice", State.WARN, "none")


def hearing(settings: Settings) -> Iterator[Finding]:
    """Whether a configured recogniser can hear; nothing is told where none is."""
    if settings.listen.path is None:
        return
    values = {"path": str(settings.listen.path)}
    if not Listener(settings.listen).ready:
        yield Finding("hearing", State.WARN, "missing", values)
    elif find_spec("sherpa_onnx") is None:
        yield Finding("hearing", State.WARN, "no_library", values)
    else:
        yield Finding("hearing", State.OK, "ok", values)


# What shows the pages


def browser() -> Iterator[Finding]:
    """Whether Chromium is there, for a kiosk."""
    found = shutil.which("chromium")
    yield Finding("browser", State.OK if found else State.WARN, "ok" if found else "none")


def fonts() -> Iterator[Finding]:
    """Whether the machine has a font with Vietnamese letters, beside the page's own."""
    program = shutil.which("fc-list")
    if program is None:
        yield Finding("fonts", State.WARN, "unknown")
        return
    done = subprocess.run(
        [program, ":lang=vi", "family"], capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    count = len(set(done.stdout.splitlines()))
    yield Finding("fonts", State.OK if count else State.WARN, "ok" if count else "none", {"count": count})
