"""The practice page in a real browser, over real guides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlparse

import pytest
from conftest import served, violations
from course_pages import NOTHING_KEPT, SIZES, UI, kept, some_course, too_wide
from playwright.sync_api import Browser, BrowserContext, Page, expect

from assistant.web.course import Course
from assistant.web.server import create_app
from assistant.web.waiting import LoadingAssistant

expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, LoadingAssistant]:
    return some_course(tmp_path_factory.mktemp("practice"))[:2]


@pytest.fixture(scope="module")
def course(made: tuple[Course, LoadingAssistant]) -> Course:
    return made[0]


@pytest.fixture(scope="module")
def address(made: tuple[Course, LoadingAssistant]) -> Iterator[str]:
    course, loading = made
    with served(create_app(loading, UI, course=course)) as found:
        yield f"{found}/tap/"


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all, so that Gradio's files are fetched once."""
    with browser.new_context(locale="vi-VN", viewport=SIZES["desk"]) as context:
        context.set_default_timeout(15_000)
        yield context


@pytest.fixture
def page(profile: BrowserContext, address: str) -> Iterator[Page]:
    page = profile.new_page()
    page.goto(address)
    page.locator("#tiles button").first.wait_for()
    yield page
    page.close()


def tile(page: Page, label: str) -> None:
    page.get_by_role("button", name=label).click()


def press(page: Page, label: str) -> None:
    page.locator("#screen").get_by_role("button", name=label, exact=True).click()


def test_the_right_button_is_found_by_trying(page: Page, course: Course) -> None:
    words = course.practice
    tile(page, "Kích hoạt VNeID")
    expect(page.locator("#p-games h2")).to_be_focused()
    page.locator("#press").click()
    expect(page.locator(".mark")).to_contain_text(words["screen"])
    expect(page.locator(".task")).to_contain_text("Mở VNeID")  # what was done before
    press(page, "Gửi yêu cầu")
    expect(page.locator("#told .bad")).to_contain_text("bước 4")
    assert violations(page) == []
    press(page, "Kích hoạt tài khoản định danh điện tử")
    expect(page.locator("#told .good")).to_be_visible()
    expect(page.locator("#next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".task")).to_contain_text("Bước 4")
    press(page, "Gửi yêu cầu")
    page.locator("#next").click()
    expect(page.locator(".result .large")).to_have_text(words["done"]["score"].format(right=1, total=2))
    assert violations(page) == []


def test_steps_are_put_in_order_by_taps(page: Page, course: Course) -> None:
    tile(page, "Kích hoạt VNeID")
    page.locator("#order").click()
    assert too_wide(page) == []
    for step in ("Mở VNeID", "Bấm “Kích hoạt", "Nhập số định danh", "Bấm “Gửi", "Nhập mã OTP"):
        page.locator("#screen button").filter(has_text=step).first.click()
        expect(page.locator(".placed li").last).to_contain_text(step)
    expect(page.locator("#told .good")).to_be_visible()
    assert violations(page) == []
    page.locator("#next").click()
    progress = course.practice["order"]["progress"].format(number=2, count=2)
    expect(page.locator(".task")).to_contain_text(progress)


def test_messages_are_told_with_their_source_and_counted(page: Page, course: Course) -> None:
    words = course.practice["messages"]
    by_text = {message.text: message for message in course.messages}
    tile(page, course.practice["games"]["messages"])
    for number in range(words["count"]):
        expect(page.locator(".task")).to_contain_text(words["progress"].format(number=number + 1, count=10))
        message = by_text[page.locator(".bubble p").last.inner_text()]
        press(page, words["scam"] if message.scam or number == 0 else words["genuine"])
        told = page.locator("#told section")
        expect(told).to_contain_text(words["is_scam" if message.scam else "is_genuine"])
        expect(told).to_contain_text(message.source.title)
        if number == 0:
            assert violations(page) == []
            assert too_wide(page) == []
            first = message
        page.locator("#next").click()
    score = course.practice["done"]["score"].format(right=10 if first.scam else 9, total=10)
    expect(page.locator(".result .large")).to_have_text(score)


def test_a_link_opens_a_guide_and_an_unknown_one_is_said_to_be_missing(
    page: Page, address: str, course: Course
) -> None:
    page.goto(f"{address}?bai=vneid-quen-mat-khau")
    expect(page.locator("#p-games")).to_contain_text("mật khẩu")
    for unknown in ("khong-co", "../../etc/passwd", "<script>"):
        page.goto(f"{address}?bai={unknown}")
        expect(page.locator("#p-home .bad")).to_have_text(course.practice["gone"])


def test_a_class_counts_what_is_done_without_a_name(page: Page, course: Course) -> None:
    classroom = course.classrooms.open()
    page.locator("#code textarea, #code input").fill("12")
    page.locator("#join-button").click()
    expect(page.locator("#joined .bad")).to_be_visible()
    page.locator("#code textarea, #code input").fill(classroom.code)
    page.locator("#join-button").click()
    expect(page.locator("#joined .good")).to_contain_text("số 1")
    assert violations(page) == []
    tile(page, "Kích hoạt VNeID")
    page.locator("#press").click()
    press(page, "Kích hoạt tài khoản định danh điện tử")
    page.locator("#next").click()
    expect(page.locator(".task")).to_contain_text("Bước 4")
    press(page, "Gửi yêu cầu")
    page.locator("#next").click()
    page.locator(".result").wait_for()
    (learner,) = classroom.learners
    assert {name: (result.right, result.total) for name, result in learner.results.items()} == {
        "press vneid-kich-hoat": (2, 2)
    }
    course.classrooms.end(classroom)


def test_the_first_page_fits_and_can_be_used_by_everybody(page: Page) -> None:
    assert violations(page) == []
    assert too_wide(page) == []
    for size, least in (("phone", 44), ("kiosk", 90)):
        page.set_viewport_size(SIZES[size])
        boxes = [button.bounding_box() for button in page.locator("button:visible, a.link").all()]
        assert min(box["height"] for box in boxes if box) >= least
    page.set_viewport_size(SIZES["desk"])


def test_it_is_used_with_the_keyboard_alone(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Tin này thật hay lừa?")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".task h2")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#told section")).to_be_visible()
    expect(page.locator("#next")).to_be_focused()


def test_a_page_opened_at_the_kiosk_goes_back_to_it_when_nobody_is_there(page: Page, address: str) -> None:
    page.goto(f"{address}?ve=1")
    page.wait_for_url(re.compile(r"//[^/]+/$"))


def test_nothing_is_kept_and_nothing_leaves_the_machine(browser: Browser, address: str) -> None:
    with browser.new_context(locale="vi-VN") as context:
        page = context.new_page()
        hosts: set[str | None] = set()
        page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
        page.goto(address)
        tile(page, "Tin này thật hay lừa?")
        picks = page.locator("#screen .pick:visible")
        expect(picks).to_have_count(2)
        expect(picks.last).to_be_enabled()
        picks.first.click()
        page.locator("#told section").wait_for()
        assert kept(page) == NOTHING_KEPT
        assert hosts <= {"127.0.0.1", ""}
        assert page.locator("html").get_attribute("lang") == "vi"


def test_the_kiosk_leads_here_and_this_page_leads_back(profile: BrowserContext, address: str) -> None:
    page = profile.new_page()
    page.goto(address.removesuffix("tap/"))
    page.get_by_role("button", name=UI["practise"]["home"]).click()
    expect(page.locator("#p-home h2")).to_be_visible()
    assert page.url.endswith("/tap/?ve=150")
    page.get_by_role("link", name=re.compile("trang đầu")).click()
    expect(page.get_by_role("button", name=UI["practise"]["home"])).to_be_visible()
    page.close()
