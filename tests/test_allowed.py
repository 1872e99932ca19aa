"""What of Gradio's, and of the web at large, does not get past the gate: asked of a running server."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from conftest import served
from fake_pages import SCENES, UI, FakeAssistant

from assistant.config import AdminSettings, Settings, load_settings
from assistant.datatypes import Answer
from assistant.journal import load_journal
from assistant.toml import read_toml
from assistant.web.course import load_course
from assistant.web.maintain import Office
from assistant.web.password import hashed
from assistant.web.pause import Pause
from assistant.web.server import create_app, load_desk, meaning_of
from assistant.web.waiting import LoadingAssistant

PASSWORD = "mật khẩu trông coi"


@pytest.fixture(scope="module")
def fake() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture(scope="module")
def address(fake: FakeAssistant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Every page, over the fake, with the login."""
    admin = AdminSettings.model_validate({"password_hash": hashed(PASSWORD, cost=2**10)})
    settings = Settings(data=tmp_path_factory.mktemp("data"), admin=admin)
    words = read_toml(settings.home / "prompts" / "maintain.toml")
    loading = LoadingAssistant()
    journal = load_journal(settings)
    office = Office(settings, words, UI, journal, Pause(settings.data / "notice.txt"), loading)
    desk, course = load_desk(settings, UI, loading), load_course(settings.home, UI, loading)
    app = create_app(fake, UI, SCENES, desk, course, office, names=["tro-ly.phuong"])
    with served(app) as address:
        yield address
    journal.close()


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=20) as client:
        yield client


def spoken(address: str, request: bytes, wait: float = 5) -> bytes:
    """What the server says to these bytes, until it closes or is silent so long."""
    said = b""
    where = urlsplit(address)
    with socket.create_connection((where.hostname or "", where.port or 0), wait) as connection:
        connection.sendall(request)
        try:
            while more := connection.recv(65_536):
                said += more
        except TimeoutError:
            pass
    return said


def join(client: httpx.Client, **changes: object) -> httpx.Response:
    """Ask as the page would, but for the changes."""
    config = client.get("/config").json()
    box = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "box")
    asking = next(d["id"] for d in config["dependencies"] if [box, "submit"] in d["targets"])
    body = {"data": ["mất thẻ"], "fn_index": asking, "session_hash": "abc", "event_data": None} | changes
    return client.post("/gradio_api/queue/join", json=body)


def heard(client: httpx.Client, session: str) -> str:
    """What is told to those who name themselves so, until the server has no more to say or breaks off."""
    told = ""
    with (
        httpx.Client(base_url=client.base_url) as other,  # its connection may break
        suppress(httpx.RemoteProtocolError),
        other.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as events,
    ):
        for text in events.iter_text():
            told += text
    return told


# What Gradio has on by default (6.31), and no page of ours needs


CLOSED = """
upload upload_progress?upload_id=a call/ask call/v2/ask call/ask/1 run/predict run/0 api/predict info
info/ openapi.json runs run-history/buckets deep_link file=/etc/passwd file/etc/passwd
file=http://127.0.0.1/ proxy=http://127.0.0.1/ stream/a stream/a/b/1/playlist.m3u8 stream/a/close
component_server queue/status custom_component/a/client/b/c process_recording vibe-edit vibe-code
vibe-starter-queries undo-vibe-edit dev/reload mcp mcp/sse mcp/http user token login_check theme.css
profiling/traces profiling/clear
""".split()
WITHOUT = """
/docs /redoc /openapi.json /login /logout /monitoring /monitoring/summary /monitoring/x /robots.txt
/manifest.json /pwa_icon /pwa_icon/192 /theme /user /token /file=/etc/passwd /api/predict /run/predict
/.env /gradio_api /gradio_api/ /so-lieu /quan-tri/so-lieu
""".split()


@pytest.mark.parametrize("page", ["", "tap/", "lop-hoc/", "tra-cuu/", "quan-tri/"])
def test_what_gradio_has_on_by_default_is_not_there(client: httpx.Client, page: str) -> None:
    paths = [f"/{page}gradio_api/{path}" for path in CLOSED]
    assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 404)
    assert {path: client.post(path, json={}).status_code for path in paths} == dict.fromkeys(paths, 404)


def test_nor_is_what_it_has_beside_its_interface(client: httpx.Client) -> None:
    assert {path: client.get(path).status_code for path in WITHOUT} == dict.fromkeys(WITHOUT, 404)


def test_a_deep_link_and_a_page_by_parameter_are_not_known(client: httpx.Client) -> None:
    plain = client.get("/config").json()
    asked = client.get("/config", params={"deep_link": "a" * 20, "page": "x", "__theme": "dark"}).json()
    assert asked == plain
    assert client.get("/", params={"page": "x", "deep_link": "a"}).status_code == 200  # Gradio alone says 500


def test_the_configuration_tells_nothing_of_the_machine(client: httpx.Client) -> None:
    told = client.get("/config").text + client.get("/").text
    assert str(Settings().home) not in told
    assert str(Path.home()) + "/" not in told
    assert "site-packages" not in told


# Calls of a page's script


@pytest.mark.parametrize(
    "changes",
    [
        {"fn_index": 99_999},
        {"fn_index": -1},
        {"fn_index": "0"},
        {"fn_index": None},
        {"fn_index": 2**70},
        {"session_hash": None},
        {"session_hash": "a" * 65},
        {"session_hash": "../a"},
        {"session_hash": "a\n"},
        {"data": None},
        {"data": "mất thẻ"},
        {"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]},
        {"data": [[{"path": "http://127.0.0.1:9/", "meta": {"_type": "gradio.FileData"}}]]},
        {"event_data": {"a": {"b": "c"}}},
        {"trigger_id": "x"},
    ],
)
def test_a_call_that_no_page_makes_is_refused(client: httpx.Client, changes: dict[str, object]) -> None:
    response = join(client, **changes)
    assert response.status_code == 400
    assert response.json() == {"detail": UI["refused"]["none"]}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"data":["\xff"]}', b"[" * 60_000, b'{"data":[1e999]}']
)
def test_a_call_that_is_no_call_is_refused(client: httpx.Client, body: bytes) -> None:
    response = client.post(
        "/gradio_api/queue/join", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400


@pytest.mark.parametrize("told", [None, "x", ["x", "y"], {"index": [0, 1], "value": "x"}])
def test_what_an_event_tells_goes_on(client: httpx.Client, told: object) -> None:
    assert join(client, session_hash="told", event_data=told).status_code == 200


def test_only_what_was_understood_of_a_call_goes_on(client: httpx.Client) -> None:
    done = join(client, session_hash="only", batched=True, simple_format=True, oauth_token="x", request={})
    assert done.status_code == 200
    told = [json.loads(line[6:]) for line in heard(client, "only").splitlines() if line.startswith("data: ")]
    assert [message["success"] for message in told if message["msg"] == "process_completed"] == [True]


def test_what_somebody_else_was_told_cannot_be_had_without_his_name(client: httpx.Client) -> None:
    assert join(client, session_hash="mine").status_code == 200
    for params in ({}, {"session_hash": ""}, {"session_hash": "*"}, {"session_hash": ["mine", "other"]}):
        assert client.get("/gradio_api/queue/data", params=params).status_code == 404
    assert "mất thẻ" not in heard(client, "other")
    assert client.get("/gradio_api/heartbeat/a%20b").status_code == 404


def test_maintainers_doings_are_no_more_than_their_page(client: httpx.Client) -> None:
    body = {"data": [], "fn_index": 0, "session_hash": "abc"}
    response = client.post("/quan-tri/gradio_api/queue/join", json=body)
    assert response.status_code == 401
    assert response.json() == {"detail": UI["refused"]["none"]}


# Who asks, and how


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421),  # a name that somebody led here (DNS rebinding)
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:7860", 421),
        ("", 421),
        ("a b", 421),
        ("[::1", 421),
        ("127.0.0.1:abc", 421),
        ("localhost:7860", 200),
        ("LOCALHOST.", 200),
        ("[::1]:7860", 200),
        ("192.168.1.7", 200),
        ("Tro-ly.Phuong", 200),  # as configured
        (socket.gethostname(), 200),
    ],
)
def test_only_names_of_this_machine_are_answered(client: httpx.Client, host: str, status: int) -> None:
    assert client.get("/suc-khoe", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 401),
        ({}, 401),
    ],
)
def test_no_other_site_can_send_a_form_here(
    client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    sent = client.post("/quan-tri", data={"password": "sai"}, headers=headers)
    assert sent.status_code == status
    assert "access-control-allow-origin" not in sent.headers


def test_links_from_other_sites_open(client: httpx.Client) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"]
)
def test_other_methods_are_not_allowed(address: str, method: str) -> None:
    host = urlsplit(address).netloc.encode()
    for path in (b"/", b"/quan-tri", b"/suc-khoe", b"/tinh/kiosk.css"):
        said = spoken(
            address,
            method.encode() + b" " + path + b" HTTP/1.1\r\nConnection: close\r\nHost: " + host + b"\r\n\r\n",
        )
        assert said.startswith(b"HTTP/1.1 405 ")


CLIMBING = [
    f"/tinh/{up}etc/passwd"
    for up in (
        "../../../",
        "%2e%2e/%2e%2e/",
        "%252e%252e/",
        "..%2f..%2f",
        "..%5c..%5c",
        "..\\..\\",
        "%c0%ae%c0%ae/",
    )
] + [
    "/tinh/%00.css",
    "/tinh/kiosk.css%00",
    "/tinh//kiosk.css",
    "//tinh/kiosk.css",
    "/tinh/./kiosk.css",
    "/assets/.x",
]


@pytest.mark.parametrize("path", [*CLIMBING, "/static/../../__init__.py", "/assets/" + "a" * 300])
def test_no_path_leads_out_of_the_folders(address: str, path: str) -> None:
    host = urlsplit(address).netloc
    said = spoken(address, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert said.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))
    assert b"root:" not in said


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Encoding": "gzip"}, 415),  # a bomb
        ({"Content-Type": "text/plain"}, 415),  # what other sites may send unasked
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({f"X-{number}": "y" for number in range(100)}, 431),
    ],
)
def test_bodies_that_no_page_sends_are_refused(
    client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    headers = {"Content-Type": "application/json"} | headers
    response = client.post("/gradio_api/queue/join", content=b"{}", headers=headers)
    assert response.status_code == status


def test_a_question_in_an_address_is_short(client: httpx.Client) -> None:
    assert client.get("/", params={"bai": "a" * 1001}).status_code == 414
    assert client.request("GET", "/", content=b"x").status_code == 400


def test_what_a_proxy_would_say_is_not_believed(client: httpx.Client) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Gradio-Server": "["}
    assert "evil.example" not in client.get("/config", headers=headers).text
    # Who came through a proxy is not at this machine, and a password of his was not sent in secret.
    assert client.post("/quan-tri", data={"password": PASSWORD}, headers=headers).status_code == 403


def test_a_web_socket_is_not_opened(client: httpx.Client) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    assert client.get("/gradio_api/queue/join", headers=headers).status_code == 405


# What is said


@pytest.mark.parametrize(
    "path",
    [
        "/phieu/vneid?kho=a4",
        "/phieu/vneid.pdf?kho=a4",
        "/phieu/vneid?kho=",
        "/khong-co",
        "/assets/khong-co.js",
    ],
)
def test_people_are_refused_in_vietnamese(client: httpx.Client, path: str) -> None:
    page = client.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert UI["refused"]["none"] in page.text
    assert 'lang="vi"' in page.text
    assert client.get(path).json() == {"detail": UI["refused"]["none"]}


def test_what_breaks_tells_nobody_how(fake: FakeAssistant, tmp_path: Path) -> None:
    class Broken(FakeAssistant):
        def stream(self, question: str, **_: object) -> Iterator[Answer]:
            raise RuntimeError(f"at {tmp_path}")

    app = create_app(Broken(), UI, SCENES)

    @app.get("/goi")
    def broken() -> None:
        raise RuntimeError(f"at {tmp_path}")

    app.router.routes.insert(0, app.router.routes.pop())
    with served(app) as address, httpx.Client(base_url=address) as client:
        page = client.get("/goi", headers={"Accept": "text/html"})
        assert page.status_code == 500
        assert UI["refused"]["broken"] in page.text
        assert "RuntimeError" not in page.text + client.get("/goi").text
        assert page.headers["x-content-type-options"] == "nosniff"
        assert join(client, session_hash="a1").status_code == 200
        told = heard(client, "a1")
        assert str(tmp_path) not in told
        assert "Traceback" not in told


def test_headers_stand_on_every_answer(client: httpx.Client) -> None:
    for path in ("/", "/tinh/kiosk.css", "/khong-co", "/suc-khoe", "/config", "/quan-tri"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert client.get("/").cookies == {}


def test_an_address_without_its_last_stroke_keeps_its_parameters(client: httpx.Client) -> None:
    assert client.get("/tap?bai=vneid&x=1").headers["location"] == "/tap/?bai=vneid"


def test_the_machine_is_open_to_itself_alone_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "UVICORN_HOST"):
        monkeypatch.setenv(name, "0.0.0.0")
    monkeypatch.delenv("ASSISTANT_HOST", raising=False)
    assert load_settings().host == "127.0.0.1"


@pytest.mark.parametrize(("host", "scheme"), [("0.0.0.0", "http"), ("192.168.1.5", "https"), ("::", "http")])
def test_who_opens_the_machine_to_others_is_told_what_it_means(host: str, scheme: str) -> None:
    told = meaning_of(host, scheme, UI["operator"])
    assert host in told
    assert ("KHÔNG mã hóa" in told) is (scheme == "http")
    assert meaning_of("127.0.0.1", scheme, UI["operator"]) == meaning_of("::1", scheme, UI["operator"]) == ""


def test_slow_bodies_are_not_waited_for(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.web.allowed.BODY_WITHIN", 0.2)
    host = urlsplit(address).netloc
    head = f"POST /quan-tri HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n"
    kind = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    begun = time.monotonic()
    assert spoken(address, f"{head}{kind}pass".encode()).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun < 4  # and closed
