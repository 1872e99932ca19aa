from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlparse

import httpx
import pytest
from conftest import CHROMIUM, served, violations
from fake_pages import CARD, EVIL, SCENES, SOON, UI, FakeAssistant, until
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Route,
    ViewportSize,
    expect,
)

from assistant.config import CHECKOUT
from assistant.pipeline import Assistant
from assistant.web.server import create_app
from assistant.web.waiting import LoadingAssistant

SIZES = {
    "kiosk": ViewportSize(width=1080, height=1920),
    "desk": ViewportSize(width=1366, height=768),
    "phone": ViewportSize(width=390, height=844),
}
expect.set_options(timeout=SOON)


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
    page.goto(f"{address}/?{query or 'tap=0'}")  # tests tap faster than people
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


@pytest.mark.parametrize("size", SIZES)
def test_everything_stands_on_the_screen(opened: Opener, size: str) -> None:
    page = opened(size)
    assert page.evaluate("document.documentElement.lang") == "vi"
    assert page.locator("#tiles button").count() == 8
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    names = ["#box textarea", "#send", "#go-home", "#end", "#call", "[data-tool=bigger]"]
    for name in [*names, "#keys-open"] if size != "phone" else names:
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


def test_steps_one_at_a_time(page: Page) -> None:
    ask(page, "quên mật khẩu")
    page.locator("#start").click()
    expect(page.locator(".coach h2")).to_have_text("Bước 1/3")
    expect(page.locator("#back")).to_be_disabled()
    picture = page.get_by_role("img", name="Bàn tay chỉ nút “Quên mật khẩu”.")
    expect(picture).to_contain_text("Hình minh hoạ")
    expect(picture).to_contain_text("khẩu")
    page.locator("#different").click()
    expect(page.locator(".stuck .other")).to_have_text("Máy còn đăng nhập thì vào “Cá nhân”.")
    expect(page.locator(".stuck h3")).to_be_focused()
    page.locator("#different").click()
    expect(page.locator(".stuck")).to_have_count(0)
    page.locator("#next").click()
    expect(page.locator(".coach h2")).to_have_text("Bước 2/3")
    expect(picture).to_have_count(0)
    expect(page.locator(".stuck")).to_be_hidden()
    page.locator("#different").click()
    expect(page.locator(".stuck .other")).to_have_text(UI["coach"]["no_otherwise"])
    page.locator("#back").click()
    expect(page.locator(".coach h2")).to_have_text("Bước 1/3")
    for number in (2, 3):
        page.locator("#next").click()
        expect(page.locator(".coach h2")).to_have_text(f"Bước {number}/3")
    page.locator("#to-card").click()
    expect(page.locator("#start")).to_have_text("Làm tiếp từ bước 3")
    expect(page.locator("#first-done")).to_have_count(0)
    page.locator("#start").click()
    page.locator("#next").click()
    expect(page.locator(".coach h2")).to_have_text(UI["coach"]["done_title"])
    expect(page.locator("#next")).to_be_hidden()


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


def test_words_of_a_model_come_under_the_card(page: Page, fake: FakeAssistant) -> None:
    fake.go_on.clear()
    ask(page, "viết thêm", ".written")
    expect(page.locator(".written p").first).to_have_text("Bác bấm")
    expect(page.locator("#stop")).to_be_visible()
    fake.go_on.set()
    expect(page.locator(".written p").first).to_contain_text("Xong ạ.")
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator(".written")).to_contain_text(UI["sources"]["written_note"])


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


def test_leaving_stops_a_model_that_has_not_said_a_word(page: Page, fake: FakeAssistant) -> None:
    fake.go_on.clear()
    ask(page, "nghĩ lâu", ".head h2")
    fake.closed.clear()
    page.locator("#stop").click()
    until(fake.closed.is_set)
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator(".written")).to_be_hidden()


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


def test_a_crowd_leaves_the_card_and_a_sentence(page: Page) -> None:
    ask(page, "đông người hỏi", "#say .wait")
    expect(page.locator("#say")).to_have_text(UI["ask"]["crowded"])
    expect(page.locator(".head h2")).to_have_text(CARD.title)
    expect(page.locator(".written, #stop").filter(visible=True)).to_have_count(0)


def test_choices_open_guides(page: Page, fake: FakeAssistant) -> None:
    ask(page, "việc nào")
    expect(page.locator("#stage .menu button")).to_have_text(["Việc thứ nhất", "Việc thứ hai"])
    page.locator("#none").click()
    expect(page.locator("#stage")).to_contain_text("Chưa có trong hướng dẫn.")
    expect(page.locator("#none")).to_have_count(0)
    ask(page, "việc nào")
    page.locator("#stage .menu button").nth(1).click()
    expect(page.locator(".head h2")).to_have_text("Bài hai")
    ask(page, "hết bao nhiêu tiền", "text=hết bao nhiêu tiền")
    assert fake.asked[-1] == ("hết bao nhiêu tiền", ("việc nào", "Bài hai"))


def test_three_taps_lead_from_the_first_page_past_the_first_step(opened: Opener) -> None:
    page = opened()
    page.get_by_role("button", name="Tài khoản VNeID").click()
    expect(page.locator("#stage h2")).to_be_focused()
    page.get_by_role("button", name="Kích hoạt VNeID").click()
    expect(page.locator(".first .steptext")).to_contain_text("Mở VNeID")
    expect(page.locator(".first .steptext")).to_be_in_viewport()
    page.locator("#first-done").click()
    expect(page.locator(".coach h2")).to_have_text("Bước 2/3")


@pytest.mark.parametrize(
    ("tile", "guide", "id_"),
    [
        ("Khai sinh, kết hôn, hộ khẩu", "Khai sinh cho con, cháu", "khai-sinh"),
        ("Bằng lái, xe cộ", "Đổi bằng lái", "doi-giay-phep-lai-xe"),
        ("Bảo hiểm, trợ cấp, khám bệnh", "Mua bảo hiểm y tế gia đình", "bhyt-ho-gia-dinh"),
    ],
)
def test_guides_are_reached_by_taps(page: Page, fake: FakeAssistant, tile: str, guide: str, id_: str) -> None:
    page.get_by_role("button", name=tile).click()
    page.get_by_role("button", name=guide).click()
    expect(page.locator(".head h2")).to_have_text(f"Bài {id_}")
    assert fake.opened[-1] == id_


def test_while_the_machine_starts_anew_people_are_told_to_wait(
    profile: BrowserContext, fake: FakeAssistant
) -> None:
    loading = LoadingAssistant()  # what is asked of it is never answered, as by a server that has gone
    with served(create_app(loading, UI, SCENES)) as address:
        page = open_page(profile, address)
        page.route("**/suc-khoe", lambda route: route.abort())
        page.get_by_role("button", name="Tài khoản VNeID").click()
        expect(page.locator("#pending")).to_have_text(UI["own"]["away"])
        page.unroute("**/suc-khoe")
        page.wait_for_function("!document.documentElement.hasAttribute('data-away')")  # begins anew
        expect(page.locator("#pending")).to_be_hidden()
        loading.load(lambda: fake, UI["operator"])
        page.close()


def test_a_tap_waits_for_the_assistant_to_load(profile: BrowserContext, fake: FakeAssistant) -> None:
    loading = LoadingAssistant()
    with served(create_app(loading, UI, SCENES)) as address:
        page = open_page(profile, address)
        page.get_by_role("button", name="Tài khoản VNeID").click()
        expect(page.locator("#pending")).to_have_text(UI["ask"]["busy"])
        expect(page.locator("#pending")).to_be_visible()
        assert "processing" not in page.locator("body").aria_snapshot()  # Gradio's own, only made transparent
        loading.load(lambda: fake, UI["operator"])
        expect(page.locator(".list").first).to_be_visible()
        expect(page.locator("#pending")).to_be_hidden()
        page.close()


def test_one_who_is_stuck_is_offered_likely_mistakes_then_a_volunteer(page: Page) -> None:
    ask(page, "quên mật khẩu")
    page.locator("#start").click()
    page.locator("#stuck").click()
    expect(page.locator(".stuck h3")).to_have_text(UI["coach"]["stuck_title"])
    expect(page.locator(".stuck .menu button").first).to_have_text("Không thấy chữ “Quên mật khẩu”")
    page.locator(".stuck .menu button").first.click()
    expect(page.locator(".stuck .other").first).to_contain_text("vào “Cá nhân”")
    expect(page.locator(".stuck .number")).to_have_text("1900 0368")
    page.locator("#stuck").click()
    page.locator(".stuck .menu button").last.click()
    page.locator(".stuck [data-do=call]").click()
    expect(page.locator(".calling")).to_contain_text("Lấy lại mật khẩu VNeID, bước 1/3")
    expect(page.locator(".coach h2")).to_have_text("Bước 1/3")
    page.locator(".calling button").click()
    expect(page.locator(".calling")).to_have_count(0)
    expect(page.locator("#call")).to_be_focused()


def test_letters_grow_and_the_ground_turns_black_until_the_person_ends(opened: Opener) -> None:
    page = opened()
    size = "parseFloat(getComputedStyle(document.body).fontSize)"
    sizes = []
    for _ in range(3):
        page.locator("[data-tool=bigger]").click()
        sizes.append(page.evaluate(size))
    assert sizes == pytest.approx([22 * 1.3, 22 * 1.6, 22])
    page.locator("[data-tool=bigger]").click()
    page.locator("[data-tool=contrast]").click()
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(0, 0, 0)"
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["desk"]["width"]
    page.locator("#end").click()
    page.locator("#tiles button").first.wait_for()
    page.wait_for_function(f"{size} === 22 && {ground} === 'rgb(255, 255, 255)'")


# The keyboard on the screen


def test_words_are_tapped_with_their_marks(opened: Opener, fake: FakeAssistant) -> None:
    page = opened("kiosk")
    expect(page.locator("#keys")).to_have_count(0)
    page.locator("#keys-open").click()
    box = page.locator("#box textarea")
    for key in ["q", "u", "ê", "n", "Dấu cách", "m", "a", "dấu nặng", "t"]:
        page.locator("#keys").get_by_role("button", name=key, exact=True).click()
    expect(box).to_have_value("quên mạt")
    page.locator("#keys").get_by_role("button", name="Xoá chữ").click()
    expect(box).to_have_value("quên mạ")
    for button in page.locator("#keys button").all():
        bounds = button.bounding_box()
        assert bounds is not None
        assert bounds["height"] >= 80
    page.locator("#keys").get_by_role("button", name="Gửi").click()
    expect(page.locator(".asked q")).to_have_text("quên mạ")
    expect(page.locator("#keys")).to_have_count(0)
    assert fake.asked[-1][0] == "quên mạ"


TELEX = {
    "khoong": "không", "tieengs": "tiếng", "vieetj": "việt", "dduwowngf": "đường", "nguwowif": "người",
    "muoons": "muốn", "hoaf": "hòa", "hoafn": "hoàn", "hoasf": "hòa", "toans": "toán", "quyeenf": "quyền",
    "quas": "quá", "giups": "giúp", "gif": "gì", "dangd": "đang", "thuyr": "thủy", "mass": "mas",
    "lamf": "làm", "nghieengsz": "nghiêng", "caawn": "căn", "cuowcs": "cước", "cooo": "coo", "vneid": "vneid",
}  # fmt: skip
TAPPED = {
    "baá": "bá",
    "bàá": "bá",
    "quaâà": "quầ",
    "tiêná": "tiến",
    "dđi": "đi",
    "thuươ": "thươ",
    "nguoơ": "nguơ",
}


def test_telex_and_tone_keys_write_vietnamese(page: Page) -> None:
    typed = """async ([keys, telex]) => {
        const { pressed } = await import('/tinh/keyboard.js');
        return [...keys].reduce((text, key) => pressed(text, key, telex), '');
    }"""
    assert {keys: page.evaluate(typed, [keys, True]) for keys in TELEX} == TELEX
    assert {keys: page.evaluate(typed, [keys, False]) for keys in TAPPED} == TAPPED


# Reading aloud

SILENCE = (
    b"RIFF$>\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0@\x1f\0\0\x01\0\x08\0data\0>\0\0" + b"\x80" * 15872
)


def test_a_step_is_read_aloud_with_its_words_marked(opened: Opener) -> None:
    page = opened()
    asked: list[object] = []

    def read(route: Route) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(body=SILENCE, content_type="audio/wav")

    page.route("**/doc/co", lambda route: route.fulfill(json={"voice": True}))
    page.route("**/doc", read)
    page.reload()
    page.get_by_role("button", name="Tài khoản VNeID").click()
    page.get_by_role("button", name="Kích hoạt VNeID").click()
    page.locator("#start").click()
    page.locator(".coach").wait_for()
    slowly = page.get_by_role("button", name=UI["coach"]["slowly"])
    slowly.click()
    expect(page.locator(".said")).to_have_count(1)
    expect(page.get_by_role("button", name=UI["coach"]["silence"])).to_be_visible()
    assert asked == [{"guide": "vneid-kich-hoat", "step": 1, "slow": True, "otherwise": False}]
    page.get_by_role("button", name=UI["coach"]["silence"]).click()
    expect(page.locator(".said")).to_have_count(0)
    expect(slowly).to_be_visible()


def test_nobody_is_offered_a_voice_that_is_not_there(page: Page) -> None:
    ask(page, "quên mật khẩu")
    page.locator("#start").click()
    page.locator("#next").wait_for()
    expect(page.locator(".voice").first).to_be_hidden()


def test_safety_comes_first_and_large(page: Page) -> None:
    ask(page, "có người hỏi mã OTP", ".warning")
    expect(page.locator(".warning h2")).to_be_focused()
    expect(page.locator(".warning")).to_contain_text("Bác cúp máy.")
    number = page.locator(".warning .calls .number")
    expect(number).to_have_text("1900 0368")
    expect(number).to_be_in_viewport()
    assert float(number.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 40


def test_a_decline_and_a_notice(page: Page) -> None:
    ask(page, "giá vàng")
    expect(page.locator(".head .lead")).to_have_text("Dạ, máy không trả lời được ạ.")
    expect(page.locator("#start")).to_be_hidden()
    ask(page, "số của tôi", ".notice")
    expect(page.locator(".notice")).to_have_text("Máy đã che số.")


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


def test_nothing_of_a_guide_or_a_question_runs(page: Page) -> None:
    ask(page, f"mã độc {EVIL}")
    expect(page.locator(".head h2")).to_have_text(EVIL)
    page.locator("#start").click()
    for button in ("#different", "#stuck"):
        page.locator(button).click()
        page.locator(".stuck").wait_for()
    assert page.evaluate("window.broken") is None


def test_no_word_of_a_person_is_a_template(page: Page) -> None:
    ask(page, "giá vàng ${1+1} {{value}} {{#each value}}")
    expect(page.locator(".asked q")).to_have_text("giá vàng ${1+1} {{value}} {{#each value}}")


# Nothing leaves, nothing stays


QUIET = [  # as operations/ starts Chromium on a kiosk
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-features=OptimizationHints,Translate,AutofillServerCommunication,SpellcheckService",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]


def test_no_request_leaves_the_machine(browser: Browser, address: str, tmp_path: Path) -> None:
    """Told by the page's own requests, and by Chromium's log of whatever it connects to."""
    log, wanted = tmp_path / "net.json", set()
    options = ["--no-sandbox", "--disable-gpu", f"--log-net-log={log}", *QUIET]
    chromium = browser.browser_type.launch(executable_path=CHROMIUM, args=options)
    page = chromium.new_page(locale="vi-VN")
    page.on("request", lambda request: wanted.add(urlparse(request.url).hostname))
    page.goto(address)
    page.locator("#keys-open").click()
    ask(page, "số căn cước của tôi 012345678901")
    page.locator("#start").click()
    page.locator(".coach").wait_for()
    chromium.close()
    assert wanted <= {"127.0.0.1", "", None}
    told = json.loads(log.read_text(encoding="utf-8", errors="replace"))
    connecting = told["constants"]["logEventTypes"]["TCP_CONNECT_ATTEMPT"]
    begun = [event["params"] for event in told["events"] if event["type"] == connecting and "params" in event]
    addresses = {params["address"].rpartition(":")[0] for params in begun if "address" in params}
    assert addresses == {"127.0.0.1"}


def test_nothing_stays_in_the_browser(browser: Browser, address: str) -> None:
    with browser.new_context(locale="vi-VN") as context:
        page = context.new_page()
        page.goto(address)
        ask(page, "số căn cước của tôi 012345678901")
        page.locator("#start").click()
        page.locator(".coach").wait_for()
        kept = (
            "async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length]"
        )
        workers = "async () => (await navigator.serviceWorker.getRegistrations()).length"
        caches = "async () => (await caches.keys()).length"
        for _ in ("in use", "ended"):
            assert page.evaluate(kept) == [0, 0, 0]
            assert page.evaluate(caches) == page.evaluate(workers) == 0
            assert context.cookies() == []
            page.locator("#end").click()
            page.locator("#tiles button").first.wait_for()
        for _ in range(3):
            page.go_back()
            page.wait_for_load_state()
            assert "căn cước của tôi" not in page.content()


def visits(address: str) -> int:
    count: int = httpx.get(f"{address}/suc-khoe").json()["visits"]
    return count


def test_the_visit_is_gone_when_the_person_ends_it(opened: Opener, address: str) -> None:
    page = opened()
    before = visits(address)
    ask(page, "câu một")
    assert visits(address) == before + 1
    page.locator("#end").click()
    page.locator("#tiles button").first.wait_for()
    until(lambda: visits(address) == before)
    page.go_back()
    assert "câu một" not in page.content()


@pytest.mark.parametrize("how", ["reload", "close"])
def test_leaving_in_the_middle_of_an_answer_ends_it(
    opened: Opener, fake: FakeAssistant, address: str, how: str
) -> None:
    page = opened()
    before = visits(address)
    fake.go_on.clear()
    ask(page, "nghĩ lâu", "#stop:visible")
    fake.closed.clear()
    if how == "reload":
        page.reload()
        page.locator("#tiles button").first.wait_for()
        expect(page.locator(".head")).to_have_count(0)
        expect(page.locator("#stop")).to_be_hidden()
    else:
        page.close()
    until(fake.closed.is_set)
    until(lambda: visits(address) == before)


def test_two_people_at_once_never_see_each_others_words(opened: Opener, fake: FakeAssistant) -> None:
    fake.go_on.clear()
    one, other = opened(), opened()
    ask(one, "viết về sổ đỏ", ".written")
    ask(other, "viết về khai sinh", ".written")
    fake.go_on.set()
    for mine, page, theirs in (("sổ đỏ", one, "khai sinh"), ("khai sinh", other, "sổ đỏ")):
        expect(page.locator(".written p").first).to_contain_text("Xong ạ.")
        expect(page.locator(".asked q")).to_have_text(f"viết về {mine}")
        assert f"viết về {theirs}" not in page.content()
    asked = dict(fake.asked[-2:])
    assert asked == {"viết về sổ đỏ": (), "viết về khai sinh": ()}


def test_home_forgets(page: Page, fake: FakeAssistant) -> None:
    ask(page, "câu một")
    page.locator("#go-home").click()
    page.locator("#tiles button").first.wait_for()
    ask(page, "câu hai")
    assert fake.asked[-1] == ("câu hai", ())


def test_silence_is_asked_about_then_wipes(opened: Opener) -> None:
    page = opened(query="idle=0.6&warn=1.5")
    ask(page, "quên mật khẩu")
    dialog = page.locator("#idle")
    expect(dialog).to_be_visible()
    page.locator("#idle-stay").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".head")).to_be_visible()
    expect(dialog).to_be_visible()
    expect(page.locator(".head")).to_have_count(0)
    expect(page.locator("#tiles")).to_be_visible()


def test_one_who_waits_for_a_volunteer_is_given_time(opened: Opener) -> None:
    page = opened(query="idle=0.6&warn=9")
    page.locator("#call").click()
    page.locator(".calling").wait_for()
    page.wait_for_timeout(1500)
    expect(page.locator("#idle")).to_be_hidden()
    expect(page.locator("#idle")).to_be_visible()


# Accessibility


@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_in_any_state(opened: Opener, fake: FakeAssistant, size: str) -> None:
    page = opened(size)
    found: dict[str, list[str]] = {}

    def look(state: str) -> None:
        for contrast in (False, True) if size == "kiosk" else (False,):
            page.evaluate("on => document.documentElement.toggleAttribute('data-contrast', on)", contrast)
            found[f"{state}{', black' if contrast else ''}"] = violations(page)
        page.evaluate("document.documentElement.removeAttribute('data-contrast')")

    look("first page")
    page.get_by_role("button", name="Bằng lái, xe cộ").click()
    page.locator(".list").first.wait_for()
    look("list")
    ask(page, "việc nào", ".menu")
    look("choice")
    expect(page.locator("#box textarea")).to_have_value("")  # an answer empties it, and comes in parts
    fake.go_on.clear()
    ask(page, "viết thêm, che số", ".written")
    page.locator(".sources summary").click()
    page.locator("details.all summary").click()
    look("answer")
    fake.go_on.set()
    expect(page.locator("#stop")).to_be_hidden()
    page.locator("#start").click()
    page.locator(".picture").wait_for()
    look("step")
    page.locator("#different").click()
    page.locator(".stuck .other").wait_for()
    look("screen is different")
    page.locator("#stuck").click()
    page.locator(".stuck .menu").wait_for()
    look("stuck")
    page.locator(".stuck .menu button").first.click()
    page.locator(".stuck .number").wait_for()
    page.locator("#call").click()
    page.locator(".calling").wait_for()
    look("problem, volunteer called")
    page.locator(".calling button").click()
    for number in (2, 3):
        page.locator("#next").click()
        expect(page.locator(".coach h2")).to_have_text(f"Bước {number}/3")
    page.locator("#next").click()
    page.locator(".coach.done").wait_for()
    look("done")
    page.locator("#go-home").click()
    page.locator("#tiles").wait_for()
    ask(page, "có người hỏi mã OTP", ".warning")
    look("warning")
    ask(page, "giá vàng")
    look("decline")
    ask(page, "đông người hỏi", "#say .wait")
    look("crowd")
    ask(page, " ", "#say .bad")
    look("error")
    if size != "phone":
        page.locator("#keys-open").click()
        page.locator("#keys").wait_for()
        look("keyboard")
    page.evaluate("document.getElementById('idle').showModal()")
    look("nobody there")
    assert {state: each for state, each in found.items() if each} == {}


def test_what_is_tapped_on_a_kiosk_is_twenty_millimetres_high(opened: Opener) -> None:
    """96 pixels are 24 mm where 1080 of them are as wide as a panel of 21.5 inches stands upright."""
    page = opened("kiosk")

    def heights() -> list[float]:
        return [box["height"] for b in page.locator("button:visible").all() if (box := b.bounding_box())]

    assert min(heights()) >= 80
    page.get_by_role("button", name="Tài khoản VNeID").click()
    page.locator(".list").first.wait_for()
    assert min(heights()) >= 80
    page.get_by_role("button", name="Kích hoạt VNeID").click()
    page.locator("#start").click()
    page.locator("#stuck").click()
    page.locator(".stuck .menu").wait_for()
    assert min(heights()) >= 80


def test_nothing_is_lost_at_twice_the_size(profile: BrowserContext, address: str) -> None:
    """WCAG 1.4.4: 200 % on a laptop leaves 683 x 384."""
    page = profile.new_page()
    page.set_viewport_size({"width": 683, "height": 384})
    page.goto(address)
    page.locator("#tiles button").first.wait_for()
    ask(page, "quên mật khẩu")
    page.locator("#start").click()
    page.locator(".coach").wait_for()
    for name in (".steptext", "#next", "#stuck", "#box textarea", "#end"):
        page.locator(name).scroll_into_view_if_needed()
        expect(page.locator(name)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 683
    page.close()


def test_a_hand_that_trembles_goes_one_step_on(opened: Opener) -> None:
    page = opened(query="tap=0.4")
    ask(page, "quên mật khẩu")
    page.locator("#start").click()
    page.locator(".coach").wait_for()
    page.wait_for_timeout(500)
    page.locator("#next").dblclick(delay=20)
    expect(page.locator(".coach h2")).to_have_text("Bước 2/3")
    page.wait_for_timeout(500)
    expect(page.locator(".coach h2")).to_have_text("Bước 2/3")


def test_the_first_sight_weighs_little(browser: Browser, address: str) -> None:
    with browser.new_context() as context:
        page, weight = context.new_page(), []
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", lambda event: weight.append(event["encodedDataLength"]))
        page.goto(address)
        page.locator("#tiles button").first.wait_for()
        page.evaluate("async () => { await document.fonts.ready; }")
    assert 100_000 < sum(weight) <= 500_000


def test_all_of_it_is_done_with_the_keyboard(opened: Opener) -> None:
    page = opened()

    def press(words: str, key: str = "Enter") -> None:
        for _ in range(60):
            if page.locator("button:focus", has_text=words).count():
                page.keyboard.press(key)
                return
            page.keyboard.press("Tab")
        raise AssertionError(words)

    press("Tài khoản VNeID")
    expect(page.locator("#stage h2")).to_be_focused()
    press("Kích hoạt VNeID")
    expect(page.locator(".head h2")).to_be_focused()
    press(UI["first"]["done"], "Space")
    expect(page.locator(".coach h2")).to_be_focused()
    press(UI["coach"]["stuck"])
    expect(page.locator(".stuck h3")).to_be_focused()


# The README


@pytest.mark.skipif("ASSISTANT_PICTURES" not in os.environ, reason="draws the pictures of the README anew")
def test_the_pictures_of_the_readme(browser: Browser, assistant: Assistant) -> None:
    def keep(page: Page, name: str) -> None:
        page.wait_for_timeout(500)
        picture = Image.open(BytesIO(page.screenshot())).convert("RGB").resize((432, 768))
        picture.quantize(64).save(
            CHECKOUT / "assistant" / "web" / "pictures" / f"kiosk-{name}.png", optimize=True
        )

    with served(create_app(assistant, UI, SCENES)) as address, browser.new_context() as context:
        page = context.new_page()
        page.set_viewport_size(SIZES["kiosk"])
        page.goto(f"{address}/?tap=0")
        page.locator("#tiles button").first.wait_for()
        keep(page, "trang-dau")
        page.get_by_role("button", name="Tài khoản VNeID").click()
        page.get_by_role("button", name="Kích hoạt VNeID").click()
        page.locator("#first-done").click()
        page.locator(".picture").wait_for()
        keep(page, "tung-buoc")
        page.locator("#stuck").click()
        page.locator(".stuck .menu").wait_for()
        keep(page, "bi-vuong")
        ask(page, "có người gọi bảo đọc mã OTP", ".warning")
        keep(page, "lua-dao")
