from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Thread
from urllib.parse import urlparse

import gradio.routes
import httpx
import pytest
from conftest import served
from fake_pages import CARD, SCENES, UI, FakeAssistant, until
from fastapi import FastAPI

from assistant import errors
from assistant.config import CHECKOUT, Settings
from assistant.datatypes import Also, Answer, Status, Step
from assistant.errors import AssistantError, ConfigError, ModelError
from assistant.operations.keys import certificate
from assistant.pipeline import Assistant
from assistant.web.kiosk import Kiosk
from assistant.web.render import Renderer, day, rows
from assistant.web.screens import Screens
from assistant.web.server import Server, configured, create_app, listen, serve
from assistant.web.visits import FORGOTTEN_AFTER, Visit, Visits
from assistant.web.waiting import LoadingAssistant


@pytest.fixture(scope="module")
def fake() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture(scope="module")
def address(fake: FakeAssistant) -> Iterator[str]:
    """The pages over the fake, on a free port."""
    with served(create_app(fake, UI, SCENES)) as address:
        yield address


# Where they are served


def test_this_machine_needs_no_https_where_others_do(tmp_path: Path) -> None:
    app = FastAPI()
    app.get("/")(lambda: "here")
    taken, own = listen("0.0.0.0", 0, secured=True)
    port = taken.getsockname()[1]
    server = Server(configured(app, certificate(tmp_path)), own)
    with pytest.raises(ConfigError, match="in use"):
        listen("127.0.0.1", port, secured=False)
    thread = Thread(target=server.run, args=([taken],), daemon=True)
    thread.start()
    until(lambda: len(getattr(server, "servers", ())) == 2)
    try:
        assert httpx.get(f"http://127.0.0.1:{port}/").json() == "here"
        other = f"127.0.0.2:{port}/"  # as from the network: not the address of the machine's own socket
        assert httpx.get(f"https://{other}", verify=False).json() == "here"
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://{other}")
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
    assert listen("127.0.0.1", 0, secured=True)[1] is listen("0.0.0.0", 0, secured=False)[1] is None


def test_a_stream_that_breaks_does_not_tell_where(address: str) -> None:
    assert httpx.get(address).status_code == 200
    told = vars(gradio.routes)["UnexpectedErrorMessage"](message="at /opt/a.py", session_not_found=False)
    assert json.loads(told.model_dump_json())["message"] == ""


# Words


QUESTION_ERRORS = [errors.EmptyQuestionError, errors.QuestionTooLongError, errors.KnowledgeError]
LOADING_ERRORS = [errors.IndexUnavailableError, errors.ModelError, errors.ConfigError, errors.EmbedderError]


@pytest.mark.parametrize("error", [*QUESTION_ERRORS, *LOADING_ERRORS, errors.AssistantError])
def test_every_error_a_person_meets_has_a_sentence(error: type[Exception]) -> None:
    assert UI["errors"][error.__name__].endswith(".")


def test_tiles_name_guides_and_icons_that_exist() -> None:
    guides = {path.stem for path in (CHECKOUT / "knowledge" / "guides").rglob("*.md")}
    icons = {path.stem for path in (CHECKOUT / "assistant/web/static/icons").iterdir()}
    assert len(UI["tiles"]) == 8
    assert {tile["icon"] for tile in UI["tiles"]} <= icons
    lists = [listed["guides"] for tile in UI["tiles"] for listed in tile["lists"]]
    assert sorted(id_ for listed in lists for id_ in listed) == sorted(guides)  # each once
    assert max(len(listed) for listed in lists) <= 8


def test_labels_of_guides_are_short_and_tell_them_apart() -> None:
    labels = [
        *(label for tile in UI["tiles"] for listed in tile["lists"] for label in listed["guides"].values())
    ]
    assert len(set(labels)) == len(labels)
    assert max(map(len, labels)) <= 32


# HTML


def test_rows_split_outside_parentheses() -> None:
    assert rows("a (b; c); d; ") == ["a (b; c)", "d"]


@pytest.mark.parametrize(
    ("iso", "shown"), [("2026-07-15", "15/07/2026"), ("2026-07", "07/2026"), ("2026", "2026"), ("x", "x")]
)
def test_day(iso: str, shown: str) -> None:
    assert day(iso) == shown


def test_words_are_escaped_and_marks_raised() -> None:
    html = Renderer(UI).words("<b>5 & 6</b> [2] [1]. Gọi 1900 0368.")
    assert "&lt;b&gt;5 &amp; 6&lt;/b&gt;<sup>" in html
    assert ">2, 1<" in html
    assert "<b class='tel'>1900 0368</b>" in html


def test_amounts_and_dates_are_no_hotlines() -> None:
    assert "tel" not in Renderer(UI).words("113.000 đồng, 156/2025, 1.115 hồ sơ, ngày 5/113")


def test_fees_say_channel_and_dates() -> None:
    html = Renderer(UI).facts(CARD)
    assert "<b>25.000 đồng</b><small>trực tuyến, đến hết ngày 31/12/2026</small>" in html


def test_what_the_lead_says_is_not_said_again() -> None:
    card = replace(CARD, lead="Lệ phí: Đổi thẻ: 25.000 đồng; 0 đồng.")
    assert "25.000" not in Renderer(UI).facts(card)
    assert "Đổi thẻ: <b>25.000 đồng</b>" in Renderer(UI).head(Answer("q", Status.ANSWERED, "", card), "q", 1)


def test_what_else_the_sentence_asked_is_answered_below() -> None:
    also = (Also("Đăng ký tạm trú", "Nơi làm: Công an xã <1> [3]."), Also("Việc còn lại", "Chưa có."))
    html = Renderer(UI).head(Answer("q", Status.ANSWERED, "", CARD, also=also), "q", 1)
    assert (
        html.index(CARD.title) < html.index("<h2>Đăng ký tạm trú</h2>") < html.index("<h2>Việc còn lại</h2>")
    )
    assert "Công an xã &lt;1&gt;" in html


def test_each_line_of_the_lead_is_read_by_itself() -> None:
    card = replace(CARD, lead="Lệ phí: Đổi thẻ: 25.000 đồng; 0 đồng.\nThời hạn: 7 ngày.")
    html = Renderer(UI).head(Answer("q", Status.ANSWERED, "", card), "q", 1)
    assert "<li>Đổi thẻ: <b>25.000 đồng</b></li>" in html
    assert "<p>Thời hạn: 7 ngày.</p>" in html


def test_a_step_shows_no_words_that_it_does_not_say() -> None:
    picture = Renderer(UI, SCENES).picture
    step = Step("Bấm “Gửi”.", image="hai-nut.svg", alt="Hai nút.")
    assert picture(step) == ""
    assert picture(replace(step, image="nut-la.svg")) == ""
    assert "<svg" in picture(replace(step, image="bam-nut.svg"))


# Screens


@pytest.fixture
def screens() -> Screens:
    return Screens(UI, Renderer(UI, SCENES))


def test_a_guide_of_a_ward_stands_in_the_list_of_its_topic(screens: Screens) -> None:
    guides = FakeAssistant().guides
    vehicles = screens.stage(Visit(view="topic", topic="vehicles"), guides)
    assert "Giữ xe ở phường ta" in vehicles
    assert "Giữ xe ở phường ta" not in screens.stage(Visit(view="topic", topic="vneid"), guides)


def test_a_guide_that_a_ward_has_taken_away_stands_in_no_list(screens: Screens) -> None:
    shown = screens.stage(Visit(view="topic", topic="vneid"), FakeAssistant().guides)
    assert "vneid-quen-mat-khau" in shown
    assert "vneid-khoa-tai-khoan" not in shown


def test_a_slip_is_offered_where_the_server_has_slips_and_the_card_is_a_guides(screens: Screens) -> None:
    answer = Answer("q", Status.ANSWERED, "", replace(CARD, document_id="khai-sinh"))
    with_slips = replace(screens, slips=True)
    assert 'data-slip="khai-sinh"' in with_slips.stage(Visit(view="answer", answer=answer), {})
    assert 'data-slip="khai-sinh"' in with_slips.stage(Visit(view="coach", answer=answer, position=3), {})
    assert "data-slip" not in screens.stage(Visit(view="answer", answer=answer), {})
    assert "data-slip" not in with_slips.stage(Visit(view="answer", answer=replace(answer, card=CARD)), {})


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("Bấm “Gửi”.", ["label", "error", "nothing", "other"]),
        ("Nhập mã OTP vừa nhận.", ["code", "wrong", "error", "nothing", "other"]),
        ("Đặt mật khẩu ở phần “Mật khẩu”.", ["label", "secret", "error", "nothing", "other"]),
        ("Nhập mật khẩu, mã OTP rồi bấm “Gửi”.", ["label", "code", "secret", "wrong", "other"]),
        ("Mang giấy tờ ra phường.", ["error", "nothing", "other"]),
    ],
)
def test_mistakes_are_those_that_a_step_invites(screens: Screens, text: str, problems: list[str]) -> None:
    assert [problem["id"] for problem in screens.problems(Step(text))] == problems


def test_every_problem_of_every_step_can_be_told(screens: Screens, assistant: Assistant) -> None:
    for id_, guide in assistant.guides.items():
        answer = assistant.open_guide(id_)
        assert answer.card is not None
        for position, step in enumerate(answer.card.steps):
            for problem in screens.problems(step):
                visit = Visit(view="coach", answer=answer, position=position, help=problem["id"])
                assert "{" not in screens.stage(visit, assistant.guides), (id_, guide.topic, problem["id"])


def test_calls_tell_which_step_is_reached_and_the_longest_comes_first() -> None:
    class Request:
        def __init__(self, name: str) -> None:
            self.session_hash = name

    now = [0.0]
    visits = Visits(lambda: now[0])
    for name, position in (("a", 1), ("b", 2)):
        now[0] += 10
        visit = visits.of(Request(name))  # type: ignore[arg-type]
        visit.take(Answer("q", Status.ANSWERED, "", CARD), "q")
        visit.view, visit.position = "coach", position
        visits.call(visit)
    kiosk = Kiosk(FakeAssistant(), UI, visits, SCENES)
    assert kiosk.calls() == [f"Cần giúp: {CARD.title}, bước {step}/3" for step in (2, 3)]
    visits.forget(Request("a"))  # type: ignore[arg-type]
    assert len(kiosk.calls()) == 1


def test_visits_of_dead_pages_are_dropped() -> None:
    class Request:
        session_hash = "a"

    now = [0.0]
    visits = Visits(lambda: now[0])
    visits.of(Request()).remember("câu hỏi")  # type: ignore[arg-type]
    now[0] = FORGOTTEN_AFTER + 1
    assert visits.of(Request()).questions == []  # type: ignore[arg-type]


def test_four_questions_are_remembered() -> None:
    visit = Visit()
    for number in range(6):
        visit.remember(f"câu {number}")
    assert visit.questions == ["câu 2", "câu 3", "câu 4", "câu 5"]


# Loading


def test_questions_wait_for_loading_and_get_its_error() -> None:
    waiting = LoadingAssistant()
    waiting.load(FakeAssistant, UI["operator"])
    assert next(waiting.stream("mất thẻ")).status is Status.ANSWERED

    def broken() -> FakeAssistant:
        raise ModelError("no such file")

    failed = LoadingAssistant()
    failed.load(broken, UI["operator"])
    with pytest.raises(ModelError):
        failed.open_guide("g")


def test_the_guides_answer_before_the_models_and_without_them() -> None:
    first, later = FakeAssistant(), FakeAssistant()
    seen: list[str] = []

    def load_models() -> FakeAssistant:
        seen.append(waiting.open_guide("vneid-quen-mat-khau").question)
        return later

    waiting = LoadingAssistant()
    waiting.load(lambda: first, UI["operator"], load_models)
    waiting.open_guide("vneid-quen-mat-khau")
    assert len(seen) == len(first.opened) == len(later.opened) == 1

    def broken() -> FakeAssistant:
        raise ModelError("damaged")

    alone = LoadingAssistant()
    alone.load(FakeAssistant, UI["operator"], broken)
    assert next(alone.stream("mất thẻ")).status is Status.ANSWERED


def test_of_an_assistant_that_was_taken_over_from_nothing_is_kept() -> None:
    loading, first, second = LoadingAssistant(), FakeAssistant(), FakeAssistant()
    gone = weakref.ref(first)
    loading.take_over(first)
    del first
    loading.take_over(second)
    assert loading.answering is second
    gc.collect()
    assert gone() is None


def test_a_crash_while_loading_leaves_nobody_waiting() -> None:
    def crash() -> FakeAssistant:
        raise ZeroDivisionError

    waiting = LoadingAssistant()
    with pytest.raises(ZeroDivisionError):
        waiting.load(crash, UI["operator"])
    with pytest.raises(AssistantError):
        waiting.open_guide("g")


def test_a_taken_port_is_told(address: str, tmp_path: Path) -> None:
    port = urlparse(address).port
    assert port is not None
    with pytest.raises(errors.ConfigError, match=str(port)):
        serve(Settings(data=tmp_path, port=port))


# The server


@pytest.mark.parametrize(
    "path",
    ["/docs", "/openapi.json", "/gradio_api/info", "/monitoring/summary", "/gradio_api/runs", "/login"],
)
def test_what_no_page_needs_is_not_there(address: str, path: str) -> None:
    assert httpx.get(address + path).status_code == 404


def test_uploads_and_huge_bodies_are_refused(address: str) -> None:
    assert httpx.post(f"{address}/gradio_api/upload", files={"files": b"x"}).status_code == 404
    assert httpx.post(f"{address}/gradio_api/queue/join", content=b"x" * 70_000).status_code == 413
    assert httpx.post(f"{address}/gradio_api/queue/join", content=iter([b"x"])).status_code == 411


def test_thirty_people_at_once_are_all_answered(address: str) -> None:
    """As their browsers would ask: more than the four whom Gradio would serve at once by itself."""
    config = httpx.get(f"{address}/config").json()
    box = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "box")
    asking = next(d["id"] for d in config["dependencies"] if [box, "submit"] in d["targets"])
    queue = f"{address}/gradio_api/queue"

    def ask(number: int) -> str:
        who = {"session_hash": f"person{number}"}
        body = who | {"data": [f"nghĩ về việc {number}"], "fn_index": asking}
        with httpx.Client(timeout=120) as client:
            assert client.post(f"{queue}/join", json=body).status_code == 200
            with client.stream("GET", f"{queue}/data", params=who) as events:
                return next(line for line in events.iter_lines() if "class=" in line and "head" in line)

    with ThreadPoolExecutor(30) as people:
        cards = list(people.map(ask, range(30)))
    for number, card in enumerate(cards):
        assert f"nghĩ về việc {number}<" in str(json.loads(card.removeprefix("data: "))["output"]["data"])


def test_headers(address: str) -> None:
    foreign = httpx.get(address, headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers
    response = httpx.get(address)
    assert "connect-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in response.headers
    assert 'lang="vi"' in response.text
    assert httpx.get(f"{address}/suc-khoe").json()["ok"] is True
