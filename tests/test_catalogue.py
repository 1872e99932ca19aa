from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import pytest
from huggingface_hub import constants

from assistant.config import CHECKOUT
from assistant.errors import KnowledgeError, WeightsError
from assistant.models.catalogue import (
    GB,
    Weights,
    WeightsFile,
    copy,
    is_complete,
    load_catalogue,
    named,
    pull,
    ram_found,
    recommended,
    settings_for,
    verify,
)

BIG = b"GGUF" + bytes(range(256)) * 4000
SMALL = b'{"a": 1}\n'
COMMIT = "5617a9f61b028005a4858fdac845db406aefb181"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


WEIGHTS = Weights(
    "thu",
    "answers",
    "A test.",
    "ai/do-gguf",
    COMMIT,
    "MIT",
    4,
    (
        WeightsFile("a.gguf", len(BIG), digest(BIG)),
        WeightsFile("1_Pooling/config.json", len(SMALL), digest(SMALL)),
    ),
)
UNPINNED = replace(WEIGHTS, files=tuple(WeightsFile(file.path) for file in WEIGHTS.files))


class Asked(NamedTuple):
    method: str
    path: str
    range: str | None
    authorization: str | None


@dataclass
class Hub:
    """What a hub says: LFS files by a redirect to where they lie, others by themselves."""

    url: str
    cdn: str
    files: dict[str, bytes] = field(default_factory=lambda: {"a.gguf": BIG, "1_Pooling/config.json": SMALL})
    cut: int | None = None  # bytes of an answer after which the connection breaks
    hang: bool = False  # it stops there instead
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    closing: Event = field(default_factory=Event)
    asked: list[Asked] = field(default_factory=list)

    @property
    def got(self) -> list[Asked]:
        return [one for one in self.asked if one.method == "GET" and one.path.startswith("/cdn")]


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub = self.hub
        hub.asked.append(Asked(self.command, self.path, self.headers["Range"], self.headers["Authorization"]))
        found = re.fullmatch(rf"/(?:cdn|ai/do-gguf/resolve/{COMMIT})/(.+)", self.path)
        data = hub.files.get(found[1]) if found else None
        if hub.status != 200 or data is None:
            self._send(404 if data is None else hub.status, hub.headers)
            return
        told = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}
        if len(data) < 100:
            self._send(200, told, data)
        elif self.path.startswith("/cdn"):
            self._send_from(data)
        else:
            told |= {"X-Linked-Etag": f'"{digest(data)}"', "X-Linked-Size": str(len(data))}
            name = self.path.partition(COMMIT)[2]
            self._send(302, told | {"Location": f"{hub.cdn}/cdn{name}"})

    def _send_from(self, data: bytes) -> None:
        asked = self.headers["Range"] if self.hub.ranges else None
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        told = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        self._send(206 if start else 200, told, data[start:])

    def _send(self, status: int, headers: dict[str, str], data: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(data[: self.hub.cut])
        self.wfile.flush()
        if self.hub.hang:
            self.hub.closing.wait(30)
        self.close_connection = self.hub.cut is not None

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked went away: that is what many tests are about."""


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub and, at another address, the place where its large files lie."""

    class Answering(_Answering):
        pass

    with _Quiet(("127.0.0.1", 0), Answering) as server, _Quiet(("127.0.0.1", 0), Answering) as cdn:
        for one in (server, cdn):
            Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url, place = (f"http://127.0.0.1:{one.server_port}" for one in (server, cdn))
        hub = Answering.hub = Hub(url, place)
        yield hub
        hub.closing.set()
        for one in (server, cdn):
            one.shutdown()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", "hf_khong_gui")
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models" / "thu"


def holds(folder: Path) -> dict[str, bytes]:
    """The files of a folder, without the record and the lock."""
    files = [
        path for path in folder.rglob("*") if path.is_file() and path.name not in (".lock", "weights.json")
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


WHOLE = {"a.gguf": BIG, "1_Pooling/config.json": SMALL}


# The catalogue


def test_every_file_of_the_catalogue_is_of_one_commit_and_pinned() -> None:
    models = load_catalogue()
    assert len({weights.name for weights in models}) == len(models)
    for weights in models:
        assert re.fullmatch(r"[0-9a-f]{40}", weights.revision)
        assert weights.pinned
        for file in weights.files:
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "")
            assert file.bytes
            assert not file.path.startswith(("/", ".."))


def test_the_model_for_search_brings_its_prefixes(tmp_path: Path) -> None:
    weights = named(load_catalogue(), "e5-small")
    assert settings_for(weights, tmp_path) == (
        f'[embedder]\npath = "{tmp_path}"\nquery = "query: "\npassage = "passage: "'
    )


def test_a_voice_and_a_recogniser_are_put_to_use_where_they_belong(tmp_path: Path) -> None:
    models = load_catalogue()
    voice = settings_for(named(models, "piper-vi"), tmp_path)
    assert voice == f'[voice]\npath = "{tmp_path}/vi/vi_VN/vais1000/medium/vi_VN-vais1000-medium.onnx"'
    assert settings_for(named(models, "zipformer-vi"), tmp_path) == f'[listen]\npath = "{tmp_path}"'


def test_a_name_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(WeightsError, match="`gpt` is not in the catalogue; it has qwen3-4b, "):
        named(load_catalogue(), "gpt")


@pytest.mark.parametrize(
    ("ram", "name"),
    [
        (2, None),
        (2.8, "sailor2-1b"),
        (3.8, "qwen3-1.7b"),
        (5.8, "qwen3-1.7b-q8"),
        (7.6, "qwen3-4b"),
        (64, "qwen3-4b"),
    ],
)
def test_the_largest_that_fits_the_ram_is_recommended(ram: float, name: str | None) -> None:
    best = recommended(load_catalogue(), round(ram * GB))
    assert (best.name if best else None) == name


def test_this_pc_has_some_ram() -> None:
    assert 0.5 * GB < ram_found() < 100_000 * GB


def test_a_broken_catalogue_is_named(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text('[[model]]\nname = "x"\n', encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"catalogue\.toml:0: .*use"):
        load_catalogue(path)


# Downloading


@pytest.mark.parametrize("weights", [WEIGHTS, UNPINNED], ids=["pinned", "unpinned"])
def test_what_was_pulled_is_whole_and_can_be_verified(hub: Hub, folder: Path, weights: Weights) -> None:
    pull(weights, folder, hub.url)
    assert holds(folder) == WHOLE
    record = json.loads((folder / "weights.json").read_text())
    assert record == {
        "repo": "ai/do-gguf",
        "revision": COMMIT,
        "sha256": {"a.gguf": digest(BIG), "1_Pooling/config.json": digest(SMALL)},
    }
    assert verify(weights, folder).reason == ""
    assert f'path = "{folder}/a.gguf"' in settings_for(weights, folder)


def test_no_login_is_sent_and_the_hub_is_asked_in_spite_of_offline(hub: Hub, folder: Path) -> None:
    pull(WEIGHTS, folder, hub.url)
    assert {one.authorization for one in hub.asked} == {None}
    assert constants.HF_HUB_OFFLINE is True  # and again nothing else can


def test_what_is_here_is_not_asked_for_again(hub: Hub, folder: Path) -> None:
    pull(WEIGHTS, folder, hub.url)
    hub.asked.clear()
    pull(WEIGHTS, folder, hub.url)
    assert hub.asked == []


def test_a_damaged_file_is_got_anew(hub: Hub, folder: Path) -> None:
    pull(WEIGHTS, folder, hub.url)
    (folder / "a.gguf").write_bytes(BIG[:-1] + b"?")
    hub.asked.clear()
    pull(WEIGHTS, folder, hub.url)
    assert holds(folder) == WHOLE
    assert len(hub.got) == 1


def test_a_connection_that_breaks_is_taken_up_again_by_itself(hub: Hub, folder: Path) -> None:
    hub.cut = 1 << 18
    pull(WEIGHTS, folder, hub.url)
    assert holds(folder) == WHOLE
    assert [one.range for one in hub.got] == [None, "bytes=262144-", "bytes=524288-", "bytes=786432-"]


def test_a_hub_that_goes_away_leaves_what_came_for_the_next_time(hub: Hub, folder: Path) -> None:
    hub.cut = 1 << 18

    def gone(_: float) -> None:
        hub.cut = 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.file_download.time.sleep", gone)
        with pytest.raises(WeightsError, match="run it again, it goes on where it stopped"):
            pull(WEIGHTS, folder, hub.url)
    assert holds(folder) == {"a.gguf.part": BIG[: 1 << 18]}
    assert not is_complete(folder)
    hub.cut = None
    hub.asked.clear()
    pull(WEIGHTS, folder, hub.url)
    assert holds(folder) == WHOLE
    assert [one.range for one in hub.got] == ["bytes=262144-"]


def test_a_pull_that_is_killed_goes_on_the_next_time(hub: Hub, folder: Path) -> None:
    hub.cut, hub.hang = 1 << 18, True
    code = f"""
from pathlib import Path
from assistant.models.catalogue import Weights, WeightsFile, pull
pull({WEIGHTS!r}, Path({str(folder)!r}), {hub.url!r})
"""
    part = folder / "a.gguf.part"
    with subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT) as process:
        for _ in range(600):
            if part.exists() and part.stat().st_size:
                break
            hub.closing.wait(0.05)
        process.send_signal(signal.SIGKILL)
    came = part.stat().st_size
    assert 0 < came <= 1 << 18
    hub.cut, hub.hang = None, False
    hub.closing.set()
    hub.asked.clear()
    pull(WEIGHTS, folder, hub.url)
    assert holds(folder) == WHOLE
    assert [one.range for one in hub.got] == [f"bytes={came}-"]


def test_a_server_that_cannot_go_on_begins_anew(hub: Hub, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "a.gguf.part").write_bytes(BIG[:1000])
    hub.ranges = False
    pull(WEIGHTS, folder, hub.url)
    assert holds(folder) == WHOLE


@pytest.mark.parametrize("began", [b"other bytes", BIG + b"more"], ids=["other", "longer"])
def test_what_an_earlier_try_left_may_be_wrong(hub: Hub, folder: Path, began: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "a.gguf.part").write_bytes(began)
    if began == b"other bytes":
        with pytest.raises(WeightsError, match="not taken; run it again"):
            pull(WEIGHTS, folder, hub.url)
    pull(WEIGHTS, folder, hub.url)
    assert holds(folder) == WHOLE


@pytest.mark.parametrize("weights", [WEIGHTS, replace(WEIGHTS, files=WEIGHTS.files[:1])])
def test_other_bytes_than_the_catalogue_tells_are_not_taken(hub: Hub, folder: Path, weights: Weights) -> None:
    hub.files["a.gguf"] = BIG[:-1] + b"?"
    with pytest.raises(WeightsError, match=rf"serves a a\.gguf with the sha256 .*, not {digest(BIG)}"):
        pull(weights, folder, hub.url)
    assert holds(folder) == {}
    assert not is_complete(folder)


def test_a_file_of_another_size_is_not_taken(hub: Hub, folder: Path) -> None:
    hub.files["a.gguf"] = BIG[:-10]
    with pytest.raises(WeightsError, match="should be of size"):
        pull(WEIGHTS, folder, hub.url)
    assert "a.gguf" not in holds(folder)


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (401, {"X-Error-Code": "GatedRepo"}, "answers 401: it wants a login or an accepted licence"),
        (401, {}, "answers 401"),
        (403, {}, "answers 403: it wants"),
        (404, {"X-Error-Code": "RepoNotFound"}, "answers 404: repository, commit or file is not there"),
        (404, {"X-Error-Code": "EntryNotFound"}, "answers 404"),
        (404, {"X-Error-Code": "RevisionNotFound"}, "answers 404"),
        (500, {}, "answers 500; try again later"),
        (503, {}, "answers 503"),
    ],
)
@pytest.mark.parametrize("weights", [WEIGHTS, UNPINNED], ids=["pinned", "unpinned"])
def test_what_a_hub_refuses_is_told_with_a_way_out(
    hub: Hub, folder: Path, weights: Weights, status: int, headers: dict[str, str], said: str
) -> None:
    hub.status, hub.headers = status, headers
    with pytest.raises(WeightsError, match=rf"ai/do-gguf at {hub.url} {said}") as caught:
        pull(weights, folder, hub.url)
    assert "--from" in str(caught.value)


@pytest.mark.parametrize("weights", [WEIGHTS, UNPINNED], ids=["pinned", "unpinned"])
def test_without_a_network_it_says_so(folder: Path, weights: Weights) -> None:
    with serving() as gone:
        pass
    with pytest.raises(WeightsError, match=f"ai/do-gguf at {gone.url}: .*--from"):
        pull(weights, folder, gone.url)


def test_the_disk_is_looked_at_before_anything_is_downloaded(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder.parents[1])
    monkeypatch.setattr(
        "assistant.models.catalogue.shutil.disk_usage", lambda _: usage._replace(free=200_000_000)
    )
    with pytest.raises(WeightsError, match=r"has 0\.2 GB free, 0\.2 GB are needed; make room"):
        pull(WEIGHTS, folder, hub.url)
    assert hub.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_disk_that_fills_up_meanwhile_is_told(hub: Hub, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "a.gguf.part").symlink_to("/dev/full")
    with pytest.raises(WeightsError, match="is full; make room and run it again"):
        pull(WEIGHTS, folder, hub.url)


def test_two_pulls_of_one_model_do_not_mix(hub: Hub, folder: Path) -> None:
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(WeightsError, match="another `models pull` is at work"):
            pull(WEIGHTS, folder, hub.url)
    pull(WEIGHTS, folder, hub.url)


# From a USB stick


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """A folder with the files as another PC pulled them."""
    stick = tmp_path / "usb"
    for name, data in WHOLE.items():
        path = stick / "thu" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return stick


def test_files_of_a_stick_are_taken_without_a_network(stick: Path, folder: Path) -> None:
    copy(WEIGHTS, folder, stick)
    assert holds(folder) == WHOLE
    assert verify(WEIGHTS, folder).reason == ""
    copy(WEIGHTS, folder, stick.parent / "pulled-out")  # all is here


def test_the_folder_of_the_model_itself_will_do(stick: Path, folder: Path) -> None:
    copy(WEIGHTS, folder, stick / "thu")
    assert holds(folder) == WHOLE


def test_a_damaged_file_of_a_stick_is_not_taken(stick: Path, folder: Path) -> None:
    (stick / "thu" / "a.gguf").write_bytes(BIG[:-1] + b"?")
    with pytest.raises(WeightsError, match=rf"{stick}/thu/a\.gguf holds a a\.gguf with the sha256"):
        copy(WEIGHTS, folder, stick)
    assert holds(folder) == {}


def test_a_stick_that_lacks_a_file_is_told(stick: Path, folder: Path) -> None:
    (stick / "thu" / "a.gguf").unlink()
    with pytest.raises(WeightsError, match=rf"{stick} has no a\.gguf of thu: neither"):
        copy(WEIGHTS, folder, stick)


@pytest.mark.parametrize("damaged", [False, True])
def test_what_another_pc_recorded_stands_in_for_a_missing_pin(
    hub: Hub, stick: Path, folder: Path, damaged: bool
) -> None:
    pull(UNPINNED, stick / "thu", hub.url)
    if damaged:
        (stick / "thu" / "a.gguf").write_bytes(b"GGUF")
        with pytest.raises(WeightsError, match="damaged"):
            copy(UNPINNED, folder, stick)
    else:
        copy(UNPINNED, folder, stick)
        assert verify(UNPINNED, folder).reason == ""


def test_a_full_disk_is_told_before_copying(
    stick: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(stick)
    monkeypatch.setattr("assistant.models.catalogue.shutil.disk_usage", lambda _: usage._replace(free=0))
    with pytest.raises(WeightsError, match=r"0\.0 GB free"):
        copy(WEIGHTS, folder, stick)


# Verifying


@pytest.mark.parametrize("weights", [WEIGHTS, UNPINNED], ids=["pinned", "unpinned"])
def test_damage_is_found(hub: Hub, folder: Path, weights: Weights) -> None:
    pull(weights, folder, hub.url)
    (folder / "1_Pooling" / "config.json").write_bytes(b"{}")
    assert verify(weights, folder).reason == f"{folder}/1_Pooling/config.json is damaged; pull it again"
    (folder / "a.gguf").unlink()
    assert verify(weights, folder).reason == f"{folder}/a.gguf is missing; pull it again"


@pytest.mark.parametrize("record", [None, "", "{}", "[]"])
def test_without_a_record_nothing_is_taken_for_complete(folder: Path, record: str | None) -> None:
    folder.mkdir(parents=True)
    if record is not None:
        (folder / "weights.json").write_text(record)
    assert "cannot be read" in verify(WEIGHTS, folder).reason
