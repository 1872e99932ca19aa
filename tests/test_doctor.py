from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from conftest import some_guides

from assistant.__main__ import main
from assistant.config import CHECKOUT, Settings, load_settings
from assistant.loading import build_index
from assistant.operations import doctor
from assistant.operations.doctor import Finding, State, as_row, as_text, worst
from assistant.toml import read_toml

WORDS: dict[str, Any] = read_toml(CHECKOUT / "prompts" / "operate.toml")["doctor"]
VIETNAM = timezone(timedelta(hours=7))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine with a few guides and their index."""
    folder = tmp_path_factory.mktemp("machine")
    some_guides(folder / "home", "can-cuoc")
    settings = load_settings({"home": folder / "home", "data": folder / "data"})
    build_index(settings, None, None, None, lambda _: None)
    return folder


@pytest.fixture
def machine(built: Path, tmp_path: Path) -> Settings:
    """A copy of it that a test may break."""
    shutil.copytree(built, tmp_path / "machine")
    return settings_of(tmp_path / "machine")


def settings_of(folder: Path, **changes: object) -> Settings:
    return load_settings({"home": folder / "home", "data": folder / "data", **changes})


def told(findings: Iterator[Finding]) -> list[tuple[State, str]]:
    """States and kinds; every finding must have words, too."""
    listed = list(findings)
    assert all(finding.text(WORDS) for finding in listed)
    return [(finding.state, finding.about) for finding in listed]


def test_an_old_processor_runs_no_model(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    new = "flags\t\t: fpu sse4_2 avx avx2 fma f16c bmi2"
    cpuinfo.write_text(f"processor : 0\n{new}\n")
    assert told(doctor.processor(cpuinfo)) == [(State.OK, "ok")]
    cpuinfo.write_text(f"processor : 0\n{new.replace(' avx2', '')}\n")
    (finding,) = doctor.processor(cpuinfo)
    assert finding.state is State.WARN
    assert "avx2" in finding.text(WORDS)
    assert told(doctor.processor(tmp_path / "none")) == [(State.WARN, "unknown")]


@pytest.mark.parametrize(("gb", "state"), [(1, State.BAD), (3, State.WARN), (8, State.OK)])
def test_memory_decides_what_can_be_used(gb: int, state: State) -> None:
    assert told(doctor.memory(gb * 10**9)) == [(state, state.value)]


def test_a_data_folder_that_cannot_be_written_is_bad(tmp_path: Path) -> None:
    assert told(doctor.writable(tmp_path / "new")) == [(State.OK, "ok")]
    (tmp_path / "file").write_text("in the way")
    assert told(doctor.writable(tmp_path / "file" / "data")) == [(State.BAD, "bad")]
    assert next(doctor.disk(tmp_path / "not" / "there" / "yet")).values["gb"] > 0


def test_a_clock_before_the_guides_is_bad(machine: Settings) -> None:
    def at(now: datetime, settings: Settings = machine) -> list[tuple[State, str]]:
        return told(doctor.clock(settings, now))

    today = datetime.now(VIETNAM)
    assert at(today) == [(State.OK, "ok")]
    assert at(datetime(2020, 1, 1, tzinfo=VIETNAM)) == [(State.BAD, "behind")]
    assert at(today.astimezone(UTC)) == [(State.WARN, "zone")]
    fixed = machine.model_copy(update={"today": today.date()})
    assert at(today, fixed) == [(State.WARN, "fixed"), (State.OK, "ok")]


def test_the_index_is_looked_into(machine: Settings) -> None:
    assert told(doctor.index(machine)) == [(State.OK, "ok")]
    guide = next((machine.home / "knowledge" / "guides").rglob("*.md"))
    guide.write_text(guide.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert told(doctor.index(machine)) == [(State.WARN, "behind")]
    for path in (machine.data / "index").rglob("manifest.json"):
        path.write_text("{")
    assert told(doctor.index(machine)) == [(State.BAD, "damaged")]
    shutil.rmtree(machine.data / "index")
    assert told(doctor.index(machine)) == [(State.WARN, "none")]


def test_the_wards_own_part_is_read(machine: Settings) -> None:
    assert told(doctor.overlay(machine)) == [(State.WARN, "none")]
    machine.overlay.mkdir()
    contacts = machine.overlay / "contacts.toml"
    contacts.write_text(
        '[bo-phan]\nname = "Bộ phận"\nvalue = "024 0000 0000"\nkind = "phone"\n'
        'source = { title = "Thông báo", date = "2026-11-01" }\n',
        encoding="utf-8",
    )
    assert told(doctor.overlay(machine)) == [(State.OK, "ok")]
    contacts.write_text("[bo-phan\n", encoding="utf-8")
    (finding,) = doctor.overlay(machine)
    assert finding.state is State.BAD
    assert "contacts.toml:1" in finding.text(WORDS)


def test_a_model_must_be_there_and_be_one(machine: Settings, smollm_path: Path) -> None:
    def with_model(path: Path | None) -> list[tuple[State, str]]:
        models = machine.models.model_copy(update={"path": path})
        return told(doctor.model(machine.model_copy(update={"models": models})))

    assert with_model(None) == [(State.OK, "none")]
    assert with_model(machine.data / "gone.gguf") == [(State.BAD, "missing")]
    (machine.data / "page.gguf").write_text("<html>404</html>")
    assert with_model(machine.data / "page.gguf") == [(State.BAD, "broken")]
    assert with_model(smollm_path) == [(State.OK, "ok")]


@pytest.mark.parametrize(
    ("ends", "kind"),
    [("echo libgomp.so.1: no such file >&2; exit 1", "unloadable"), ("kill -ILL $$", "crashes")],
)
def test_a_library_that_is_missing_is_not_a_wrong_processor(
    machine: Settings, monkeypatch: pytest.MonkeyPatch, ends: str, kind: str
) -> None:
    python, path = machine.data / "python", machine.data / "tiny.gguf"
    python.write_text(f"#!/bin/sh\n{ends}\n")
    python.chmod(0o755)
    path.write_bytes(b"GGUF")
    monkeypatch.setattr("sys.executable", str(python))
    models = machine.models.model_copy(update={"path": path})
    (finding,) = doctor.model(machine.model_copy(update={"models": models}))
    assert (finding.state, finding.about) == (State.BAD, kind)
    assert ("libgomp.so.1" in finding.text(WORDS)) is (kind == "unloadable")


def test_what_is_configured_but_not_there_is_told(machine: Settings) -> None:
    gone = machine.data / "gone"
    embedder = machine.embedder.model_copy(update={"path": gone})
    voice = machine.voice.model_copy(update={"path": gone / "vi.onnx"})
    listen = machine.listen.model_copy(update={"path": gone})
    wanted = machine.model_copy(update={"embedder": embedder, "voice": voice, "listen": listen})
    assert told(doctor.embedder(wanted)) == [(State.BAD, "missing")]
    assert told(doctor.voice(wanted)) == [(State.WARN, "no_piper"), (State.OK, "ok")]
    assert told(doctor.hearing(wanted)) == [(State.WARN, "missing")]
    assert list(doctor.embedder(machine)) == list(doctor.hearing(machine)) == []


def test_a_machine_without_programs_is_told(machine: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(machine.data))
    assert told(doctor.voice(machine)) == [(State.WARN, "none")]
    assert told(doctor.browser()) == [(State.WARN, "none")]
    assert told(doctor.fonts()) == [(State.WARN, "unknown")]


def test_a_port_is_free_taken_or_ours(machine: Settings) -> None:
    def at(port: int, **changes: object) -> list[tuple[State, str]]:
        return told(doctor.port(machine.model_copy(update={"port": port, **changes})))

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert at(port) == [(State.OK, "free")]
    assert at(port, host="0.0.0.0") == [(State.OK, "free"), (State.WARN, "plain")]
    assert at(port, host="0.0.0.0", https=True) == [(State.OK, "free")]

    class Health(BaseHTTPRequestHandler):
        ok = True

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"ok": self.ok}).encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert at(server.server_port) == [(State.OK, "served")]
        Health.ok = False
        assert at(server.server_port) == [(State.BAD, "taken")]
        server.shutdown()


def test_the_worst_decides() -> None:
    ok, warn, bad = (Finding("fonts", state, "none") for state in State)
    assert worst([ok, warn]) is State.WARN
    assert worst([bad, ok]) is State.BAD
    assert as_text([ok], WORDS).endswith(WORDS["verdict"]["ok"])
    assert as_row([bad, ok], WORDS)["state"] == "bad"


def test_every_word_that_a_check_picks_is_there_and_no_other() -> None:
    source = (CHECKOUT / "assistant" / "operations" / "doctor.py").read_text(encoding="utf-8")
    picked = set(re.findall(r'"([a-z_]+)"', source))
    for check, words in WORDS.items():
        if check not in ("marks", "verdict"):
            assert check in picked
            assert set(words) <= picked, check


@pytest.mark.parametrize("day", ["", "2020-01-01"])
def test_the_command_tells_all_and_fails_where_something_is_bad(
    machine: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], day: str
) -> None:
    monkeypatch.setenv("ASSISTANT_HOME", str(machine.home))
    monkeypatch.setenv("ASSISTANT_DATA", str(machine.data))
    if day:
        (machine.data / "page.gguf").write_text("<html>404</html>")
        monkeypatch.setenv("ASSISTANT_MODELS_PATH", str(machine.data / "page.gguf"))
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json"])
    row = json.loads(capsys.readouterr().out)
    assert (ended.value.code or 0) == (1 if row["state"] == "bad" else 0)
    checks = {check["check"]: check for check in row["checks"]}
    assert {"processor", "memory", "disk", "data", "overlay", "index", "clock", "port", "model"} <= set(
        checks
    )
    assert checks["model"]["state"] == ("bad" if day else "ok")
    assert checks["index"]["guides"] == checks["overlay"]["guides"] > 2
