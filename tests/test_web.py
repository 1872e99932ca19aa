from __future__ import annotations

import re
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import httpx
import pytest
from conftest import served
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from assistant import errors
from assistant.config import CHECKOUT, Settings
from assistant.datatypes import (
    Answer,
    Card,
    Choice,
    Citation,
    Composer,
    Paper,
    ShownContact,
    ShownFee,
    Source,
    Status,
    Step,
)
from assistant.errors import AssistantError, EmptyQuestionError, ModelError, QuestionTooLongError
from assistant.knowledge.pictures import load_scenes
from assistant.web.render import Renderer, day, rows
from assistant.web.server import create_app, serve
from assistant.web.visits import FORGOTTEN_AFTER, Visit, Visits
from assistant.web.waiting import LoadingAssistant

UI: dict[str, Any] = tomllib.loads((CHECKOUT / "prompts" / "ui.toml").read_text(encoding="utf-8"))
SCENES = load_scenes(CHECKOUT / "knowledge" / "pictures")[0]
SIZES = {
    "kiosk": ViewportSize(width=1080, height=1920),
    "desk": ViewportSize(width=1366, height=768),
    "phone": ViewportSize(width=390, height=844),
}
SOON = 15_000  # milliseconds
expect.set_options(timeout=SOON)
EVIL = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'

CARD = Card(
    title="Lấy lại mật khẩu VNeID",
    lead="Bác tự lấy lại mật khẩu ngay trên điện thoại [1]. Bác cần thẻ căn cước [1] [2].",
    summary="Bác tự lấy lại mật khẩu ngay trên điện thoại [1]. Bác cần thẻ căn cước [1] [2].",
    steps=(
        Step(
            "Mở VNeID, bấm “Quên mật khẩu” [1].",
            "Máy còn đăng nhập thì vào “Cá nhân”.",
            "bam-nut.svg",
            "Bàn tay chỉ nút “Quên mật khẩu”.",
        ),
        Step("Nhập số định danh cá nhân [1]."),
        Step("Đặt mật khẩu mới, bấm “Xác nhận” [1]."),
    ),
    papers=(Paper("Thẻ căn cước", Source(1, "Dân trí"), "original", 1, "để xem ngày cấp"),),
    fees=(ShownFee("Đổi thẻ", "25.000 đồng", "online", None, None, date(2026, 12, 31)),),
    time_limit="05 ngày (trực tuyến; tính từ khi nộp) [1]; 07 ngày (trực tiếp) [2].",
    place="Trên điện thoại của bác [1].",
    contacts=(
        ShownContact("Tổng đài VNeID", "1900 0368"),
        ShownContact("Trang VNeID", "https://vneid.gov.vn"),
    ),
    cautions=("Không đọc mã xác thực cho ai.",),
)
CITATIONS = (
    Citation(1, "g", "Dân trí", "Bộ Công an", "https://dantri.com.vn/a", "2025-12-04", None, "Các bước"),
    Citation(2, "g", "Luật căn cước", "Bộ Công an", None, "2024", 3, "Tóm tắt"),
)


class FakeAssistant:
    """Answers by the words of the question; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.opened: list[str] = []
        self.go_on = threading.Event()  # lets a model go on writing
        self.closed = threading.Event()  # the generator has ended
        self.waiting = 0  # people before the one who asked last

    def stream(
        self,
        question: str,
        *,
        previous: Sequence[str] = (),
        today: date | None = None,
        use_model: bool = True,
    ) -> Iterator[Answer]:
        self.asked.append((question, tuple(previous)))
        if not question.strip():
            raise EmptyQuestionError("no words")
        if len(question) > 500:
            raise QuestionTooLongError("501 characters")
        if "hỏng" in question:
            raise RuntimeError("nobody foresaw this")
        answer = answer_to(question)
        yield answer
        if "đông" in question:
            yield replace(answer, busy=True)
        try:
            if "viết" in question:
                for words in ("Bác bấm", "Bác bấm nút [1]. Xong ạ."):
                    yield replace(answer, text=f"{answer.text}\n\n{words}", composer=Composer.MODEL)
                    self.go_on.wait(SOON / 1000)
            while "nghĩ" in question and not self.go_on.wait(0.1):
                yield answer  # still at work
        finally:
            self.closed.set()

    def open_guide(self, document_id: str, *, today: date | None = None) -> Answer:
        self.opened.append(document_id)
        if document_id == "vneid-khoa-tai-khoan":  # as if a ward had taken it away
            raise KeyError(document_id)
        card = replace(CARD, title=f"Bài {document_id}")
        return Answer(card.title, Status.ANSWERED, f"{card.title}\n\n{card.lead}", card, CITATIONS)


def answer_to(question: str) -> Answer:
    text = f"{CARD.title}\n\n{CARD.lead}"
    if "OTP" in question:
        return Answer(question, Status.SAFETY, f"Bác cúp máy. Gọi 113 ngay.\n\n{text}", CARD, CITATIONS)
    if "việc nào" in question:
        choices = (Choice("mot", "Việc thứ nhất"), Choice("hai", "Việc thứ hai"))
        text = "Ý bác là việc nào dưới đây ạ?\n1. Việc thứ nhất\n2. Việc thứ hai"
        return Answer(question, Status.CLARIFY, text, choices=choices)
    if "giá vàng" in question:
        return Answer(question, Status.OUT_OF_SCOPE, "Dạ, máy không trả lời được ạ.")
    if "mã độc" in question:
        steps = (Step(EVIL, EVIL, "bam-nut.svg", EVIL, EVIL),)
        card = replace(CARD, title=EVIL, lead=EVIL, summary=EVIL, steps=steps, cautions=(EVIL,))
        return Answer(question, Status.ANSWERED, EVIL, card, CITATIONS, notice=EVIL)
    return Answer(
        question, Status.ANSWERED, text, CARD, CITATIONS, notice="Máy đã che số." * ("số" in question)
    )


@pytest.fixture(scope="module")
def fake() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture(scope="module")
def address(fake: FakeAssistant) -> Iterator[str]:
    """The pages over the fake, on a free port."""
    with served(create_app(fake, UI, SCENES)) as address:
        yield address


Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all, so that Gradio's files are fetched once."""
    context = browser.new_context(locale="vi-VN")
    context.set_default_timeout(SOON)
    yield context
    context.close()


def open_page(profile: BrowserContext, address: str, size: str = "desk", query: str = "") -> Page:
    """The page, ready for use; each time a new visit."""
    page = profile.new_page()
    page.set_viewport_size(SIZES[size])
    page.goto(address + "/" + query)
    page.locator("#tiles button").first.wait_for()
    page.wait_for_function("document.documentElement.style.getPropertyValue('--foot')")
    return page


@pytest.fixture
def opened(profile: BrowserContext, address: str) -> Iterator[Opener]:
    """Opens pages that are closed after the test."""
    pages = []

    def opener(size: str = "desk", query: str = "") -> Page:
        pages.append(open_page(profile, address, size, query))
        return pages[-1]

    yield opener
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def shared_page(profile: BrowserContext, address: str) -> Page:
    return open_page(profile, address)


@pytest.fixture
def page(shared_page: Page) -> Page:
    """The page at its beginning: opening it anew for each test would take most of the time."""
    welcome = shared_page.locator(".welcome")
    turn = welcome.get_attribute("data-turn") if welcome.is_visible() else None
    shared_page.locator("#go-home").click()
    if turn is not None:  # the answer to the click empties the question box: wait for it
        expect(welcome).not_to_have_attribute("data-turn", turn)
    shared_page.locator("#tiles button").first.wait_for()
    expect(shared_page.locator(".head, .coach, #say section").filter(visible=True)).to_have_count(0)
    return shared_page


def ask(page: Page, question: str, wait_for: str = ".head") -> None:
    box = page.locator("#box textarea")
    box.fill(question)
    with page.expect_request(re.compile("/queue/join")):
        box.press("Enter")
    page.locator(wait_for).first.wait_for()


def until(condition: Callable[[], bool]) -> None:
    """Waits for what the server does on its own."""
    deadline = time.monotonic() + SOON / 1000
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


# Words


QUESTION_ERRORS = [errors.EmptyQuestionError, errors.QuestionTooLongError, errors.KnowledgeError]
LOADING_ERRORS = [errors.IndexUnavailableError, errors.ModelError, errors.ConfigError, errors.EmbedderError]


@pytest.mark.parametrize("error", [*QUESTION_ERRORS, *LOADING_ERRORS, errors.AssistantError])
def test_every_error_a_person_meets_has_a_sentence(error: type[Exception]) -> None:
    assert UI["errors"][error.__name__].endswith(".")


def test_tiles_name_guides_and_icons_that_exist() -> None:
    guides = {path.stem for path in (CHECKOUT / "knowledge" / "guides").rglob("*.md")}
    icons = {path.stem for path in (CHECKOUT / "assistant/web/static/icons").iterdir()}
    assert len(UI["topics"]) == 8
    for topic in UI["topics"].values():
        named = topic.get("guides") or [topic["guide"]]
        assert set(named) <= guides
        assert 1 <= len(named) <= 4
        assert topic["icon"] in icons


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


def test_a_step_shows_no_words_that_it_does_not_say() -> None:
    shown = Renderer(UI, SCENES)
    step = Step("Bấm “Gửi”.", image="hai-nut.svg", alt="Hai nút.")
    assert "<svg" not in shown.step(replace(CARD, steps=(step,)), 0, 1)
    assert "<svg" not in shown.step(replace(CARD, steps=(replace(step, image="nut-la.svg"),)), 0, 1)
    assert "<svg" in shown.step(replace(CARD, steps=(replace(step, image="bam-nut.svg"),)), 0, 1)


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


def test_headers(address: str) -> None:
    response = httpx.get(address, headers={"Origin": "http://evil.example"})
    assert "connect-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in response.headers
    assert 'lang="vi"' in response.text
    assert httpx.get(f"{address}/suc-khoe").json()["ok"] is True


# The page


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_everything_stands_on_the_screen(opened: Opener, size: str) -> None:
    page = opened(size)
    assert page.evaluate("document.documentElement.lang") == "vi"
    assert page.locator("#tiles button").count() == 8
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    for name in ("#box textarea", "#send", "#go-home", "#end"):
        box = page.locator(name).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= SIZES[size]["height"]
        assert box["height"] >= {"kiosk": 96, "desk": 72, "phone": 60}[size]
    assert page.evaluate("getComputedStyle(document.body).fontSize") == {
        "kiosk": "28px",
        "desk": "22px",
        "phone": "20px",
    }[size]  # fmt: skip
    assert page.evaluate("document.fonts.check('700 20px \"Be Vietnam Pro\"', 'ệ')")


@pytest.mark.browser
def test_the_card_comes_with_facts_and_sources(page: Page) -> None:
    ask(page, "quên mật khẩu")
    expect(page.locator(".head h2")).to_have_text(CARD.title)
    expect(page.locator(".head h2")).to_be_focused()
    expect(page.locator(".head")).to_be_in_viewport()
    expect(page.locator(".papers li")).to_contain_text("bản chính, 1 bản")
    expect(page.locator(".time li")).to_have_count(2)
    expect(page.locator(".contacts .number")).to_have_text("1900 0368")
    expect(page.locator("#box textarea")).to_have_value("")
    page.locator(".sources summary").click()
    expect(page.locator(".sources li").nth(1)).to_contain_text("trang 3")
    expect(page.locator(".sources")).to_contain_text("trí tuệ nhân tạo")
    assert page.locator(".sources a").count() == 0


@pytest.mark.browser
def test_steps_one_at_a_time(page: Page) -> None:
    ask(page, "quên mật khẩu")
    page.locator("#start").click()
    expect(page.locator(".coach h2")).to_have_text("Bước 1/3")
    expect(page.locator("#back")).to_be_disabled()
    picture = page.get_by_role("img", name="Bàn tay chỉ nút “Quên mật khẩu”.")
    expect(picture).to_contain_text("Hình minh hoạ")
    expect(picture).to_contain_text("khẩu")
    page.locator("#stuck").click()
    expect(page.locator(".stuck .other")).to_have_text("Máy còn đăng nhập thì vào “Cá nhân”.")
    expect(page.locator(".stuck .number")).to_have_text("1900 0368")
    page.locator("#next").click()
    expect(page.locator(".coach h2")).to_have_text("Bước 2/3")
    expect(picture).to_have_count(0)
    expect(page.locator(".stuck")).to_be_hidden()
    page.locator("#stuck").click()
    expect(page.locator(".stuck .other")).to_have_text(UI["coach"]["no_otherwise"])
    page.locator("#back").click()
    expect(page.locator(".coach h2")).to_have_text("Bước 1/3")
    for number in (2, 3):
        page.locator("#next").click()
        expect(page.locator(".coach h2")).to_have_text(f"Bước {number}/3")
    page.locator("#to-card").click()
    expect(page.locator("#start")).to_have_text("Làm tiếp từ bước 3")
    page.locator("#start").click()
    page.locator("#next").click()
    expect(page.locator(".coach h2")).to_have_text(UI["coach"]["done_title"])
    expect(page.locator("#next")).to_be_hidden()


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_a_picture_leaves_the_words_and_the_buttons_in_sight(opened: Opener, size: str) -> None:
    page = opened(size)
    ask(page, "quên mật khẩu")
    page.locator("#start").click()
    page.locator(".picture svg").wait_for()
    names = (".steptext", ".picture svg", "#next", "#foot")
    text, picture, button, foot = (page.locator(name).bounding_box() for name in names)
    assert text
    assert picture
    assert button
    assert foot
    assert button["y"] + button["height"] <= foot["y"]
    assert picture["width"] >= 300
    if size == "desk":
        assert text["x"] + text["width"] <= picture["x"]
    else:
        assert text["y"] + text["height"] <= picture["y"]


@pytest.mark.browser
def test_words_of_a_model_come_under_the_card(page: Page, fake: FakeAssistant) -> None:
    fake.go_on.clear()
    ask(page, "viết thêm", ".written")
    expect(page.locator(".written p").first).to_have_text("Bác bấm")
    expect(page.locator("#stop")).to_be_visible()
    fake.go_on.set()
    expect(page.locator(".written p").first).to_contain_text("Xong ạ.")
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator(".written")).to_contain_text(UI["sources"]["written_note"])


@pytest.mark.browser
@pytest.mark.parametrize("button", ["#stop", "#go-home"])
def test_leaving_stops_the_model(page: Page, fake: FakeAssistant, button: str) -> None:
    fake.go_on.clear()
    ask(page, "viết thêm", ".written")
    fake.closed.clear()
    page.locator(button).click()
    expect(page.locator("#send")).to_be_visible()
    fake.go_on.set()
    until(fake.closed.is_set)
    ask(page, "quên mật khẩu")
    expect(page.locator(".written")).to_be_hidden()


@pytest.mark.browser
def test_leaving_stops_a_model_that_has_not_said_a_word(page: Page, fake: FakeAssistant) -> None:
    fake.go_on.clear()
    ask(page, "nghĩ lâu", ".head h2")
    fake.closed.clear()
    page.locator("#stop").click()
    until(fake.closed.is_set)
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator(".written")).to_be_hidden()


@pytest.mark.browser
def test_a_new_question_ends_the_answer_to_the_one_before(page: Page, fake: FakeAssistant) -> None:
    fake.go_on.clear()
    ask(page, "nghĩ lâu", "#stop:visible")
    fake.closed.clear()
    box = page.locator("#box textarea")
    box.fill("giá vàng")
    expect(page.locator("#stop")).to_be_hidden()
    page.locator("#send").click()
    expect(page.locator(".head .lead")).to_have_text("Dạ, máy không trả lời được ạ.")
    until(fake.closed.is_set)
    expect(page.locator("#stop")).to_be_hidden()
    expect(page.locator("#say section")).to_be_hidden()


@pytest.mark.browser
def test_a_double_tap_asks_once(page: Page, fake: FakeAssistant) -> None:
    fake.go_on.clear()
    ask(page, "nghĩ lâu", "#stop:visible")
    asked = len(fake.asked)
    with page.expect_request(re.compile("/queue/join")):
        page.locator("#box textarea").press("Enter")  # the box is empty by now
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#say section")).to_be_hidden()
    assert len(fake.asked) == asked
    fake.go_on.set()
    expect(page.locator("#stop")).to_be_hidden()


@pytest.mark.browser
def test_one_who_waits_for_the_model_is_told_how_many_come_before(page: Page, fake: FakeAssistant) -> None:
    fake.go_on.clear()
    fake.waiting = 2
    ask(page, "nghĩ lâu", "#say .wait")
    expect(page.locator("#say")).to_contain_text("còn 2 người trước bác")
    fake.waiting = 1
    expect(page.locator("#say")).to_contain_text("còn 1 người trước bác")
    fake.waiting = 0
    expect(page.locator("#say section")).to_be_hidden()
    fake.go_on.set()


@pytest.mark.browser
def test_a_crowd_leaves_the_card_and_a_sentence(page: Page) -> None:
    ask(page, "đông người hỏi", "#say .wait")
    expect(page.locator("#say")).to_have_text(UI["ask"]["crowded"])
    expect(page.locator(".head h2")).to_have_text(CARD.title)
    expect(page.locator(".written, #stop").filter(visible=True)).to_have_count(0)


@pytest.mark.browser
def test_choices_open_guides(page: Page, fake: FakeAssistant) -> None:
    ask(page, "việc nào")
    expect(page.locator("#choices button:visible")).to_have_text(["Việc thứ nhất", "Việc thứ hai"])
    page.locator("#choices button").nth(1).click()
    expect(page.locator(".head h2")).to_have_text("Bài hai")
    ask(page, "hết bao nhiêu tiền", "text=hết bao nhiêu tiền")
    assert fake.asked[-1] == ("hết bao nhiêu tiền", ("việc nào", "Bài hai"))


@pytest.mark.browser
def test_a_tile_asks_which_guide_and_leaves_out_what_is_gone(page: Page) -> None:
    page.locator("#tiles button").nth(2).click()
    expect(page.locator("#choices button:visible")).to_have_text(
        ["Bài vneid-quen-mat-khau", "Bài vneid-quen-passcode", "Bài vneid-doi-dien-thoai"]
    )
    page.locator("#choices button").nth(0).click()
    expect(page.locator(".head h2")).to_have_text("Bài vneid-quen-mat-khau")


@pytest.mark.browser
def test_safety_comes_first_and_large(page: Page) -> None:
    ask(page, "có người hỏi mã OTP", ".warning")
    expect(page.locator(".warning h2")).to_be_focused()
    expect(page.locator(".warning")).to_contain_text("Bác cúp máy.")
    number = page.locator(".warning .calls .number")
    expect(number).to_have_text("1900 0368")
    expect(number).to_be_in_viewport()
    assert float(number.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 40


@pytest.mark.browser
def test_a_decline_and_a_notice(page: Page) -> None:
    ask(page, "giá vàng")
    expect(page.locator(".head .lead")).to_have_text("Dạ, máy không trả lời được ạ.")
    expect(page.locator("#start")).to_be_hidden()
    ask(page, "số của tôi", ".notice")
    expect(page.locator(".notice")).to_have_text("Máy đã che số.")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("question", "error"),
    [(" ", "EmptyQuestionError"), ("a" * 501, "QuestionTooLongError"), ("hỏng", "AssistantError")],
)
def test_errors_are_said_in_vietnamese(page: Page, question: str, error: str) -> None:
    ask(page, question, "#say .bad")
    expect(page.locator("#say")).to_have_text(UI["errors"][error])
    assert "Error" not in page.locator("body").inner_text()
    ask(page, "quên mật khẩu")
    expect(page.locator("#say section")).to_be_hidden()


@pytest.mark.browser
def test_nothing_of_a_guide_or_a_question_runs(page: Page) -> None:
    ask(page, f"mã độc {EVIL}")
    expect(page.locator(".head h2")).to_have_text(EVIL)
    page.locator("#start").click()
    page.locator("#stuck").click()
    page.locator(".stuck").wait_for()
    assert page.evaluate("window.broken") is None


@pytest.mark.browser
def test_nothing_leaves_the_machine_or_stays_in_the_browser(opened: Opener) -> None:
    page = opened()
    outside: list[str] = []
    hosts = ("127.0.0.1", "", None)
    page.on("request", lambda r: outside.append(r.url) if urlparse(r.url).hostname not in hosts else None)
    page.reload()
    page.locator("#tiles button").first.wait_for()
    ask(page, "số căn cước của tôi 012345678901")
    page.locator("#start").click()
    page.locator(".coach").wait_for()
    kept = "async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length]"
    assert page.evaluate(kept) == [0, 0, 0]
    assert page.context.cookies() == []
    assert outside == []


@pytest.mark.browser
def test_the_visit_is_gone_when_the_person_ends_it(opened: Opener, address: str) -> None:
    def visits() -> int:
        count: int = httpx.get(f"{address}/suc-khoe").json()["visits"]
        return count

    page = opened()
    before = visits()
    ask(page, "câu một")
    assert visits() == before + 1
    page.locator("#end").click()
    page.locator("#tiles button").first.wait_for()
    until(lambda: visits() == before)
    page.go_back()
    assert "câu một" not in page.content()


@pytest.mark.browser
def test_home_forgets(page: Page, fake: FakeAssistant) -> None:
    ask(page, "câu một")
    page.locator("#go-home").click()
    page.locator("#tiles button").first.wait_for()
    ask(page, "câu hai")
    assert fake.asked[-1] == ("câu hai", ())


@pytest.mark.browser
def test_silence_is_asked_about_then_wipes(opened: Opener) -> None:
    page = opened(query="?idle=0.6&warn=1.5")
    ask(page, "quên mật khẩu")
    dialog = page.locator("#idle")
    expect(dialog).to_be_visible()
    page.locator("#idle-stay").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".head")).to_be_visible()
    expect(dialog).to_be_visible()
    expect(page.locator(".head")).to_have_count(0)
    expect(page.locator("#tiles")).to_be_visible()
