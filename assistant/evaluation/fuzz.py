"""Asks a real server of this product thousands of things that no browser asks, and tells how it stood them.

The server is a process of its own over a copy of the index, with the journal, the maintainers' page and the
figures on. The same seed asks the same things. A share is made of what the pages really send, so that much
gets past the gate.
"""

from __future__ import annotations

import json
import random
import re
import socket
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assistant.config import CHECKOUT, Settings
from assistant.errors import EvaluationError
from assistant.evaluation.server import Server, Usage, over_a_copy
from assistant.toml import read_toml

Progress = Callable[[str], None]
Headers = tuple[tuple[bytes, bytes], ...]

PAGES = ("", "tap/", "lop-hoc/", "tra-cuu/", "quan-tri/")
_PASSWORD = "one for the bench only"
_PEOPLE = 2000  # more than any page remembers
_PATIENCE = 5.0  # seconds for an answer; a broken request is given less
_CUT = 0.3
_SETTLES = 12.0  # seconds after the last request, in which what was left open is closed
_GROWN = 8  # threads or files more than when it was warm: the journal opens three, Gradio's pool grows
_WARM = 1000  # requests, or a fifth of fewer, after which it has loaded what it loads when first asked
_MOST_READ = 2_000_000  # bytes of an answer
_MAY_BE_BUSY = re.compile(r"/(?:doc|nghe|.*gradio_api/queue/join)$")  # say 503 where no voice is, no room
_CONTINUE = re.compile(rb"\AHTTP/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n")
_SPARED = {"pause-begin"}  # buttons that would switch off what is measured
_CLOSED = """
upload upload_progress?upload_id=a call/ask call/v2/ask run/predict api/predict info openapi.json runs
run-history/buckets deep_link file=/etc/passwd file/etc/passwd proxy=http://127.0.0.1/
stream/a/b/c/playlist.m3u8 component_server custom_component/a/client/b/c process_recording vibe-edit
vibe-code dev/reload mcp mcp/sse user token login_check app_id theme.css startup-events heartbeat/a
queue/data?session_hash=a queue/status profiling/traces
""".split()
_OTHERS = """
/docs /redoc /openapi.json /login /logout /monitoring /monitoring/summary /robots.txt /manifest.json
/pwa_icon /pwa_icon/192 /.git/config /.env /tinh/kiosk.css /tinh/icons/shield.svg /tinh/ /assets/
/static/ /svelte/a /suc-khoe /so-lieu /quan-tri/so-lieu /goi /doc/co /theme.css /favicon.ico /config
/tap /tra-cuu /lop-hoc /phieu/vneid-quen-mat-khau /phieu/vneid-quen-mat-khau.pdf /phieu/khong-co
/tra-cuu/trang/a/1.png /tra-cuu/nguon/vneid-quen-mat-khau/1.txt /tra-cuu/nguon/vneid-quen-mat-khau/1.png
/quan-tri /quan-tri/nhat-ky.csv /quan-tri/nhat-ky.xlsx /quan-tri/nhat-ky.exe
""".split()
_ODD: Sequence[str] = (
    *("", " ", "0", "-1", "1e400", "null", "true", "[]", "{}", "NaN", "9" * 40, "a5", "58", "a4", "1,3"),
    *("\x00", "\x1b[2J", "\u202e", "\ud800", "🙏" * 30, "a" * 600, "ắ" * 600, "OTP 123456", "VNeID"),
    *("' OR 1=1--", "${7*7}", "{{7*7}}", "<script>alert(1)</script>", "%00", "%2e%2e%2f", "..\\..\\x"),
    *("../" * 8 + "etc/passwd", "//evil.example/", "http://127.0.0.1:22/", "file:///etc/passwd"),
)
_METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "G\tT", "")
_HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Host", ("", "evil.example", "127.0.0.1:99999", "[::1", "localhost", "a b", "127.0.0.1\x00")),
    ("Origin", ("null", "http://evil.example", "http://127.0.0.1", "x")),
    ("X-Forwarded-Host", ("evil.example", "]", "a b")),
    ("X-Forwarded-Proto", ("https", "javascript")),
    ("X-Forwarded-For", ("10.0.0.1", "x")),
    ("X-Gradio-Server", ("http://evil.example", "://", "[")),
    ("Sec-Fetch-Site", ("cross-site", "same-origin", "x")),
    ("Accept", ("text/html", "*/*", "x" * 5000, "\xff")),
    ("Range", ("bytes=0-0", "bytes=a-b", "bytes=-1", "bytes=9-1", "bytes=" + "0-0," * 400)),
    ("If-Modified-Since", ("x", "Thu, 01 Jan 1970 00:00:00 GMT", "0")),
    ("If-None-Match", ('"x"', "*", "W/")),
    ("Cookie", ("quan-tri=x", "quan-tri=" + "a" * 4000, "=;=;", "\xff=\xff")),
    (
        "Content-Type",
        ("", "text/plain", "application/json", "multipart/form-data; boundary=x", "a/b; charset=utf-7"),
    ),
    ("Content-Encoding", ("gzip", "br", "identity")),
    ("Content-Length", ("0", "5", "99999999", "-1", "x", "1, 2")),
    ("Transfer-Encoding", ("chunked", "gzip, chunked", "x")),
    ("Expect", ("100-continue", "x")),
    ("Connection", ("keep-alive", "Upgrade", "close, x")),
    ("Upgrade", ("websocket", "h2c")),
    ("Authorization", ("Basic x", "Bearer " + "a" * 3000)),
    ("X" * 300, ("y" * 3000,)),
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, as bytes; `whole`: whether a server can see where it ends."""

    about: str  # method and path, for the report
    raw: bytes
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: 0 for nothing that is HTTP."""

    status: int
    body: bytes


@dataclass(slots=True)
class Report:
    """What was asked and what came of it."""

    requests: int
    seed: int
    seconds: float = 0
    statuses: Counter[int] = field(default_factory=Counter)
    silent: int = 0  # whole requests to which nothing was said
    busy: int = 0  # 503 where there is no voice, or no room in the queue
    broken: list[str] = field(default_factory=list)  # requests that were answered by 500 and above
    leaks: list[str] = field(default_factory=list)  # answers that told of this machine
    crashed: bool = False
    begun: Usage = Usage(0, 0, 0)
    warm: Usage = Usage(0, 0, 0)  # after the first _WARM requests
    ended: Usage = Usage(0, 0, 0)
    rss_mb: list[int] = field(default_factory=list)  # after each tenth of the requests

    @property
    def growth(self) -> float:
        """The part by which its memory has grown since it was warm."""
        return round(self.ended.rss_mb / self.warm.rss_mb - 1, 3) if self.warm.rss_mb else 0.0

    @property
    def passed(self) -> bool:
        """Whether nothing broke, told of the machine or stayed open."""
        grown = max(self.ended.threads - self.warm.threads, self.ended.files - self.warm.files) > _GROWN
        return not (self.broken or self.leaks or self.crashed or grown)


def fuzz(settings: Settings, requests: int, seed: int, progress: Progress = lambda _: None) -> Report:
    """Start a server and ask it so many things. Raises EvaluationError where it does not start."""
    from assistant.web.password import hashed

    report = Report(requests, seed)
    progress("starting a server")
    told = {
        "ASSISTANT_JOURNAL_ON": "true",
        "ASSISTANT_WATCH_METRICS": "true",
        "ASSISTANT_ADMIN_PASSWORD_HASH": hashed(_PASSWORD, cost=2**10),
    }
    with over_a_copy(settings, told) as server:
        port, process = server.port, server.process
        site = _read_site(port, read_toml(settings.home / "prompts" / "ui.toml")["models"]["questions"])
        asking = _Asking(random.Random(seed), site)
        report.begun = server.usage()
        start = time.monotonic()
        for number in range(requests):
            if number == min(_WARM, requests // 5):
                report.warm = server.usage()
            if number and number % max(1, requests // 10) == 0:
                report.rss_mb.append(server.usage().rss_mb)
            if number % 100 == 0:
                progress(f"{number} of {requests}")
            _ask(report, port, asking.next(), site.secrets)
            if process.poll() is not None:
                report.crashed = True
                report.broken.append(f"the server ended with {process.returncode} at request {number}")
                return report
        report.seconds = round(time.monotonic() - start, 1)
        progress("waiting until all is closed")
        report.ended = _settled(server, report.warm)
    return report


def _ask(report: Report, port: int, ask: Ask, secrets: Sequence[bytes]) -> None:
    reply = exchange(port, ask)
    report.statuses[reply.status] += 1
    if not reply.status:
        report.silent += ask.whole
    elif reply.status == 503 and _MAY_BE_BUSY.search(ask.about.split("?")[0]):
        report.busy += 1
    elif reply.status >= 500:
        report.broken.append(f"{reply.status}: {ask.raw[:300]!r}")
    for secret in secrets:
        if secret in reply.body:
            report.leaks.append(f"{secret.decode()} in the answer to {ask.about}")


def exchange(port: int, ask: Ask) -> Reply:
    """Ask once, on a connection of its own, and read the answer; of a stream only its beginning."""
    read = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), _PATIENCE) as connection:
        with suppress(OSError):  # it may have heard enough
            connection.sendall(ask.raw)
        deadline = time.monotonic() + (_PATIENCE if ask.whole else _CUT)
        while not _is_whole(read, ask.raw) and len(read) < _MOST_READ:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            if not (more := connection.recv(65_536)):
                break
            read = _CONTINUE.sub(b"", read + more)
    found = re.match(rb"HTTP/1\.1 (\d{3})", read)
    return Reply(int(found[1]) if found else 0, read.partition(b"\r\n\r\n")[2])


def _is_whole(read: bytes, asked: bytes) -> bool:
    head, ended, body = read.partition(b"\r\n\r\n")
    if not ended:
        return False
    head = head.lower()
    if b"text/event-stream" in head:
        return b"\n\n" in body
    if asked.startswith(b"HEAD ") or re.match(rb"http/1\.1 (?:304|204)", head):
        return True
    if length := re.search(rb"\r\ncontent-length: (\d+)", head):
        return len(body) >= int(length[1])
    return body.endswith(b"0\r\n\r\n")  # chunked; or to the end of the connection


def _settled(server: Server, warm: Usage) -> Usage:
    """What it takes when all that was left open is closed, or has had the time for it."""
    deadline = time.monotonic() + _SETTLES
    time.sleep(1)
    while (found := server.usage()).files > warm.files + _GROWN and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


# What is asked


@dataclass(frozen=True, slots=True)
class _Site:
    """What the server really has: its pages' doings and files, and a maintainer's cookie."""

    port: int
    doings: Mapping[str, Sequence[tuple[int, int]]]  # page → number, and count of values
    paths: Sequence[str]
    questions: Sequence[str]
    cookie: str
    secrets: Sequence[bytes]  # what no answer may hold


def _read_site(port: int, questions: Sequence[str]) -> _Site:
    form = urllib.parse.urlencode({"password": _PASSWORD}).encode()
    kind = (("Content-Type", "application/x-www-form-urlencoded"),)
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as connection:
        connection.sendall(_request(port, "POST", "/quan-tri", kind, form).raw)
        told = connection.recv(65_536)
    cookie = re.search(rb"set-cookie: ([^;]+)", told, re.IGNORECASE)
    if cookie is None:
        raise EvaluationError("the server of the bench does not let its own maintainer in")
    token = cookie[1].decode()
    doings, paths = {}, list(_OTHERS)
    for page in PAGES:
        inside = (("Cookie", token),) if page == "quan-tri/" else ()
        config = json.loads(exchange(port, _request(port, "GET", f"/{page}config", inside)).body)
        spared = {c["id"] for c in config["components"] if c["props"].get("elem_id") in _SPARED}
        doings[page] = [
            (each["id"], len(each["inputs"]))
            for each in config["dependencies"]
            if each["backend_fn"] and not spared & {target[0] for target in each["targets"]}
        ]
        html = exchange(port, _request(port, "GET", f"/{page}", inside)).body.decode("utf-8", "replace")
        paths += sorted(set(re.findall(r'(?:src|href)="\.?(/?[\w./-]+)"', html)))
        paths += [f"/{page}", f"/{page}config", f"/{page}theme.css"]
        paths += [f"/{page}gradio_api/{path}" for path in _CLOSED]
    paths = [path if path.startswith("/") else f"/{path}" for path in paths]
    secrets = [
        b"Traceback (most recent",
        b"site-packages",
        str(CHECKOUT).encode(),
        str(Path.home()).encode() + b"/",
    ]
    return _Site(port, doings, paths, questions, token, secrets)


def _request(
    port: int, method: str, path: str, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None
) -> Ask:
    told = {"Host": f"127.0.0.1:{port}", "Connection": "close"}
    if body is not None:
        told["Content-Length"] = str(len(body))
    told |= dict(headers)
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    head = "\r\n".join(lines).encode("utf-8", "replace")
    whole = method.isalpha() and not {"Content-Length", "Transfer-Encoding"} & {name for name, _ in headers}
    return Ask(f"{method} {path}", head + b"\r\n\r\n" + (body or b""), whole)


class _Asking:
    """Thinks of requests; what is thought of depends on the seed alone."""

    def __init__(self, chance: random.Random, site: _Site) -> None:
        self._chance = chance
        self._site = site

    def next(self) -> Ask:
        """Something to ask."""
        kinds = (self._doing, self._hearing, self._path, self._form, self._voice, self._climbing)
        ask = self._chance.choices(kinds, (40, 5, 25, 8, 7, 15))[0]()
        return self._cut_up(ask) if self._chance.random() < 0.12 else ask

    def _sent(
        self, method: str, path: str, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None
    ) -> Ask:
        chance = self._chance
        told = list(headers)
        if path.startswith("/quan-tri") and chance.random() < 0.5 and "ket-thuc" not in path:
            told.append(("Cookie", self._site.cookie))
        if chance.random() < 0.3:
            for name, values in chance.sample(_HEADERS, chance.randint(1, 3)):
                told.append((name, chance.choice(values)))
        if chance.random() < 0.02:
            told += [(f"X-{number}", "y") for number in range(chance.choice((50, 500)))]
        if chance.random() < 0.1:
            method = chance.choice(_METHODS)
        return _request(self._site.port, method, path, told, body)

    def _doing(self) -> Ask:
        """What a person does at a page, done oddly."""
        chance = self._chance
        page = chance.choices(PAGES, (6, 3, 3, 3, 1))[0]
        number, values = chance.choice(self._site.doings[page])
        body: dict[str, Any] = {
            "data": [self._value() for _ in range(values if chance.random() < 0.8 else chance.randint(0, 6))],
            "fn_index": number
            if chance.random() < 0.94
            else chance.choice((-1, 9999, 2**70, "0", None, 1.5)),
            "session_hash": f"s{chance.randint(0, _PEOPLE)}" if chance.random() < 0.95 else self._value(),
            "trigger_id": chance.choice((None, 1, 7, -1)) if chance.random() < 0.97 else "x",
            "event_data": chance.choice((None, self._event())) if chance.random() < 0.9 else self._value(),
        }
        if chance.random() < 0.1:
            body[chance.choice(("batched", "simple_format", "oauth_token", "request", "event_id"))] = (
                self._value()
            )
        if chance.random() < 0.05:
            body.pop(chance.choice(list(body)))
        call = chance.choices(("queue/join", "cancel", "reset"), (10, 1, 1))[0]
        raw = json.dumps(body).encode()
        return self._sent("POST", f"/{page}gradio_api/{call}", (("Content-Type", "application/json"),), raw)

    def _hearing(self) -> Ask:
        """What is told of it, to somebody who breaks off."""
        chance = self._chance
        page, number = chance.choice(PAGES), chance.randint(0, _PEOPLE)
        return self._sent("GET", f"/{page}gradio_api/queue/data?session_hash=s{number}")

    def _event(self) -> dict[str, Any]:
        chance = self._chance
        actions = ("topic", "open", "card", "coach", "step", "help", "call", "uncall", "nothing")
        kinds = ("guide", "procedure", "passage", "nothing")
        return {
            "action": chance.choice(actions),
            "item": chance.choice(("vneid", "vneid-quen-mat-khau", "1", "-1", self._value())),
            "kind": chance.choice(kinds),
            "id": chance.choice(("vneid-quen-mat-khau", "0", "99999", "a#1", self._value())),
            "text": self._value(),
            "seq": chance.choice((1, "x", None)),
        }

    def _value(self) -> Any:  # noqa: ANN401
        chance = self._chance
        file = {"path": "/etc/passwd", "url": "http://127.0.0.1:9/", "meta": {"_type": "gradio.FileData"}}
        odd: Sequence[object] = (
            None,
            True,
            0,
            -1,
            2**63,
            1.5,
            [],
            {},
            file,
            [file],
            [["a"] * 3],
            {"value": file},
        )
        return chance.choice(odd) if chance.random() < 0.12 else chance.choice((*_ODD, *self._site.questions))

    def _path(self) -> Ask:
        """Any path, open or closed, with parameters that it may not know."""
        chance = self._chance
        path = chance.choice(self._site.paths)
        if chance.random() < 0.4:
            names = ("kho", "co", "bai", "ve", "page", "deep_link", "session_hash", "__theme", "x")
            pairs = [(name, chance.choice(_ODD)) for name in chance.sample(names, chance.randint(1, 3))]
            query = urllib.parse.urlencode(pairs, errors="replace")
            path = f"{path}{'&' if '?' in path else '?'}{query}"
        return self._sent("POST" if chance.random() < 0.1 else "GET", path)

    def _form(self) -> Ask:
        chance = self._chance
        path = chance.choice(
            ("/quan-tri", "/quan-tri/ket-thuc", "/lop-hoc/chung-nhan.pdf", "/lop-hoc/tien-do.xlsx")
        )
        names = ("password", "token", "name", "ticket", "x")
        pairs = [(chance.choice(names), chance.choice(_ODD)) for _ in range(chance.randint(0, 3))]
        body = urllib.parse.urlencode(pairs, errors="replace").encode()
        return self._sent("POST", path, (("Content-Type", "application/x-www-form-urlencoded"),), body)

    def _voice(self) -> Ask:
        chance = self._chance
        if chance.random() < 0.5:
            body = {
                "guide": chance.choice(("vneid-quen-mat-khau", *_ODD[:6])),
                "step": chance.choice((0, 1, -1, 10**9)),
            }
            return self._sent(
                "POST", "/doc", (("Content-Type", "application/json"),), json.dumps(body).encode()
            )
        noise = b"RIFF" + chance.randbytes(4) + b"WAVEfmt " + chance.randbytes(chance.randint(0, 300))
        return self._sent("POST", "/nghe", (("Content-Type", "audio/wav"),), noise)

    def _climbing(self) -> Ask:
        """Paths that lead elsewhere."""
        chance = self._chance
        base = chance.choice(
            ("/tinh", "/assets", "/static", "/svelte", "/gradio_api/file=", "", "/phieu", "/tra-cuu/nguon")
        )
        ups = (
            "/..",
            "/%2e%2e",
            "/%252e%252e",
            "/..%2f",
            "/..%5c",
            "/..\\",
            "/%c0%ae%c0%ae",
            "/.%00.",
            "//",
            "/" + "a" * 300,
        )
        ends = ("/etc/passwd", "/pyproject.toml", "%00.css", "/.git/config", "", "\x00", "/ắ")
        return self._sent("GET", base + chance.choice(ups) * chance.randint(1, 6) + chance.choice(ends))

    def _cut_up(self, ask: Ask) -> Ask:
        """The same with bytes lost, doubled or changed."""
        chance, raw = self._chance, bytearray(ask.raw)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(raw))
            how = chance.randrange(4)
            if how == 0:
                raw[at] = chance.randrange(256)
            elif how == 1:
                del raw[at : at + chance.randint(1, 40)]
            elif how == 2:
                raw[at:at] = raw[at : at + chance.randint(1, 40)]
            else:
                raw[at:at] = chance.randbytes(chance.randint(1, 20))
            if not raw:
                break
        return Ask(ask.about, bytes(raw) or b"\r\n", whole=False)


def as_row(report: Report) -> dict[str, Any]:
    """The report as JSON."""
    statuses = {str(status): count for status, count in sorted(report.statuses.items())}
    return asdict(report) | {"statuses": statuses, "growth": report.growth, "passed": report.passed}


def as_text(report: Report) -> str:
    """The report for people."""
    row = as_row(report)
    lines = [f"{key}: {value}" for key, value in row.items() if key not in ("broken", "leaks")]
    lines += [f"BROKEN {told}" for told in report.broken]
    lines += [f"LEAK {told}" for told in report.leaks]
    return "\n".join(lines)
