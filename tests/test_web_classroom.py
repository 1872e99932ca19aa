"""The officials' class in a real browser, over real lessons and guides."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlparse

import httpx
import pypdf
import pytest
from conftest import FakeModel, served, violations
from course_pages import NOTHING_KEPT, SIZES, UI, kept, some_course, too_wide
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from assistant.coaching.lessons import PASS
from assistant.config import CHECKOUT
from assistant.errors import ModelError
from assistant.pipeline import Assistant
from assistant.web.course import Course
from assistant.web.server import create_app
from assistant.web.waiting import LoadingAssistant

expect.set_options(timeout=15_000)
Made = tuple[Course, LoadingAssistant, Assistant]
GOOD = "Viết nháp lời mời bà con tới buổi hướng dẫn cài VNeID ở nhà văn hóa, vài câu ngắn, để trống tên."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return some_course(tmp_path_factory.mktemp("class"))


@pytest.fixture(scope="module")
def course(made: Made) -> Course:
    return made[0]


@pytest.fixture(scope="module")
def address(made: Made) -> Iterator[str]:
    course, loading, _ = made
    with served(create_app(loading, UI, course=course)) as found:
        yield found


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all, so that Gradio's files are fetched once."""
    with browser.new_context(locale="vi-VN", viewport=SIZES["desk"]) as context:
        context.set_default_timeout(15_000)
        yield context


def opened(profile: BrowserContext, address: str) -> Page:
    page = profile.new_page()
    page.goto(f"{address}/lop-hoc/")
    page.locator("#lesson-tiles button").first.wait_for()
    return page


@pytest.fixture
def page(profile: BrowserContext, address: str) -> Iterator[Page]:
    page = opened(profile, address)
    yield page
    page.close()


@pytest.fixture
def model(made: Made) -> Iterator[FakeModel]:
    """A model on this machine, until the end of the test."""
    _, loading, assistant = made
    model = FakeModel(["Kính mời bà con. ", "Phí là 90.000 đồng một lần. ", "Bác không đọc mã OTP cho ai."])
    loading.complete = replace(assistant, model=model)
    yield model
    loading.complete = None


def write(page: Page, text: str) -> None:
    page.locator("#to-sandbox").click()
    page.locator("#request textarea").fill(text)


def join(page: Page, code: str) -> None:
    page.locator("#to-class").click()
    page.locator("#code textarea, #code input").fill(code)
    page.locator("#join-button").click()


def test_a_lesson_is_read_its_exercises_scored_and_its_questions_answered(page: Page, course: Course) -> None:
    lesson, words = course.lessons[5], course.words
    expect(page.locator("#lesson-tiles button")).to_have_count(12)
    page.locator("#lesson-tiles button").nth(5).click()
    expect(page.locator(".lesson h2")).to_be_focused()
    expect(page.locator("#c-lesson details li")).to_have_count(len(lesson.sources))
    assert too_wide(page) == []
    boxes = page.locator(".rubric").first.get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(1).check()
    points = sum(criterion.points for criterion in lesson.exercises[0].criteria[:2])
    expect(page.locator("#c-lesson .points")).to_have_text(
        words["lessons"]["score"].format(points=points, total=10)
    )
    assert violations(page) == []
    page.locator("#to-quiz").click()
    for number, question in enumerate(lesson.questions):
        expect(page.locator(".task h2")).to_have_text(question.text)
        wrong = (question.right + 1) % 4
        page.locator("#c-quiz .choice").nth(wrong if number == 0 else question.right).click()
        expect(page.locator("#explained .good, #explained .bad")).to_be_visible()
        if number == 0:
            expect(page.locator("#explained")).to_contain_text(question.answers[question.right])
            assert violations(page) == []
        page.locator("#on").click()
    told = words["quiz"]["passed"].format(right=4, total=5)
    expect(page.locator(".result .large")).to_have_text(told)
    page.locator("#to-lessons").click()
    expect(page.locator("#lesson-tiles button").nth(5)).to_contain_text("đã xong, 4/5")


def test_a_secret_is_blocked_while_it_is_typed_with_the_reason_and_the_law(
    page: Page, model: FakeModel
) -> None:
    write(page, "Viết giấy mời bà Tạ Thị Nào, căn cước 079200001234")
    blocked = page.locator("#found .blocked")
    expect(blocked.locator("[data-ground=number]")).to_contain_text("91/2025/QH15")
    expect(blocked.locator("[data-ground=name]")).to_contain_text("Tạ Thị Nào")
    expect(blocked).to_contain_text("557/BKHCN-CĐSQG")
    expect(blocked).not_to_contain_text("079200001234")
    expect(page.locator("#send")).to_be_disabled()
    assert violations(page) == []
    assert too_wide(page) == []
    page.locator("#request textarea").fill(GOOD)
    expect(page.locator("#found .good")).to_be_visible()
    expect(page.locator("#send")).to_be_enabled()
    assert model.prompts == []


def test_a_clean_request_is_written_out_by_the_model_and_marked_as_unchecked(
    page: Page, model: FakeModel, course: Course
) -> None:
    write(page, GOOD)
    expect(page.locator("#send")).to_be_enabled()
    page.locator("#send").click()
    expect(page.locator("#draft .written")).to_contain_text("Kính mời bà con.")
    expect(page.locator("#draft")).to_contain_text(course.words["sandbox"]["draft_note"])
    assert [prompt.question for prompt in model.prompts] == [GOOD]
    assert violations(page) == []
    page.locator("#clear").click()
    expect(page.locator("#request textarea")).to_have_value("")
    expect(page.locator("#draft")).not_to_contain_text("Kính mời")
    expect(page.locator("#found")).not_to_contain_text("Máy")


def test_a_request_that_slipped_past_the_page_is_blocked_by_the_server(
    course: Course, model: FakeModel
) -> None:
    from assistant.web.classroom import MOST, ClassPage

    page = ClassPage(course)
    page.blocks()
    for text in ("Mã OTP vừa về là 482913", " ", "a" * (MOST + 1)):
        (update,) = page.write(text)
        assert "bad" in update[page.draft]
    assert model.prompts == []


def test_a_failing_model_leaves_a_sentence(page: Page, model: FakeModel, course: Course) -> None:
    model.pieces = ("Kính mời", ModelError("no"))
    write(page, GOOD)
    page.locator("#send").click()
    expect(page.locator("#draft .bad")).to_have_text(course.words["sandbox"]["busy"])
    expect(page.locator("#send")).to_be_visible()


def test_without_a_model_it_is_said_plainly_and_the_rest_works(page: Page, course: Course) -> None:
    words = course.words
    write(page, GOOD)
    expect(page.locator("#c-sandbox .note")).to_have_text(words["sandbox"]["no_model"])
    expect(page.locator("#send")).to_be_hidden()
    expect(page.locator("#score")).to_contain_text("7/10")
    page.locator("#poor").click()
    expect(page.locator("#score")).not_to_contain_text("7/10")
    page.locator("#to-compare").click()
    expect(page.locator("#c-compare .note")).to_have_text(words["compare"]["no_model"])
    expect(page.locator("#run")).to_be_hidden()
    expect(page.locator(".side.with .stands")).to_have_count(4)
    expect(page.locator(".side.without .falls")).to_have_count(4)
    assert violations(page) == []
    assert too_wide(page) == []
    page.locator("#pasted textarea").fill("Phí là 70.000 đồng. Bác không đọc mã OTP cho ai.")
    page.locator("#check").click()
    expect(page.locator("#checked .falls small")).to_have_text(words["verdicts"]["figure"])
    expect(page.locator("#checked .stands")).to_have_count(1)
    page.locator("#pasted textarea").fill("Gọi ông Lê Văn Nọ, số 0912345678")
    page.locator("#check").click()
    expect(page.locator("#checked .blocked")).to_be_visible()
    page.get_by_role("button", name="Khai sinh cho cháu").click()  # a guide that is not there
    expect(page.locator("#sides .bad")).to_have_text(words["compare"]["gone"])


def test_the_model_answers_with_and_without_the_guide(page: Page, model: FakeModel) -> None:
    page.locator("#to-compare").click()
    page.locator("#run").click()
    for side in ("without", "with"):
        expect(page.locator(f".side.{side} .falls").first).to_be_visible()
        expect(page.locator(f".side.{side} .stands")).to_contain_text("Bác không đọc mã OTP")
    without, using = model.prompts
    assert "07 ngày" in using.guide
    assert "07 ngày" not in without.guide
    assert without.question == using.question


def test_a_class_from_its_opening_to_its_end(
    profile: BrowserContext, page: Page, address: str, course: Course
) -> None:
    words = course.words["class"]
    page.locator("#to-class").click()
    expect(page.locator("#open-class")).to_be_visible()
    assert violations(page) == []
    page.locator("#open-class").click()
    code = page.locator(".class .code").inner_text()
    expect(page.locator("#progress")).to_contain_text(words["nobody"])
    learner = opened(profile, address)
    join(learner, "0")
    expect(learner.locator("#joined .bad")).to_have_text(course.words["errors"]["UnknownCodeError"])
    learner.locator("#code textarea, #code input").fill(code)
    learner.locator("#join-button").click()
    expect(learner.locator("#joined .good")).to_contain_text("số 1")
    (person,) = course.classrooms._classes[code.replace(" ", "")].learners
    person.record(course.lessons[0].activity, 5, 5)
    person.record("messages", 9, 10)
    page.locator("#refresh").click()
    expect(page.locator("td")).to_have_text(["1/12", "1", "9/10"])
    expect(page.locator(".chart b").first).to_have_text("1/1")
    assert violations(page) == []
    assert too_wide(page) == []
    with page.expect_download() as download:
        page.locator(".class form button").click()
    with zipfile.ZipFile(download.value.path()) as book:
        assert course.lessons[0].title in book.read("xl/sharedStrings.xml").decode()
    page.locator("#end-class").click()
    expect(page.locator("#end-class")).to_have_text(words["end_sure"])
    page.locator("#end-class").click()
    expect(page.locator("#progress")).to_have_text(words["ended"])
    assert not person.results
    learner.locator("#to-class").click()
    expect(learner.locator("#joined .bad")).to_have_text(words["gone"])
    learner.close()


def test_one_who_comes_back_finds_what_was_done_and_gets_the_certificate(
    page: Page, address: str, course: Course
) -> None:
    words, classroom = course.words["certificate"], course.classrooms.open()
    before = course.classrooms.join(classroom.code)
    for lesson in course.lessons[1:]:
        before.record(lesson.activity, PASS, 5)
    join(page, before.ticket)
    expect(page.locator("#paper")).to_contain_text(words["left"].format(count=12, left=1))
    before.record(course.lessons[0].activity, 5, 5)
    page.locator("#to-class").click()
    page.get_by_label(words["name"]).fill("0912345678")
    page.locator(".paper button").click()
    expect(page.locator(".paper .refused")).to_have_text(course.words["errors"]["UnfitNameError"])
    page.get_by_label(words["name"]).fill("Nguyễn Thị Ỷ")
    assert violations(page) == []
    with page.expect_download() as download:
        page.locator(".paper button").click()
    (paper,) = pypdf.PdfReader(download.value.path()).pages
    assert "Nguyễn Thị Ỷ" in paper.extract_text()
    token = page.locator(".paper input[type=hidden]").get_attribute("value")
    for form, told in (
        ({"token": token, "name": "0912345678"}, "UnfitNameError"),
        ({"token": "x", "name": "Lê Văn Ứng"}, "unfinished"),
        ({}, "unfinished"),
    ):
        refused = httpx.post(f"{address}/lop-hoc/chung-nhan.pdf", data=form)
        assert (refused.status_code, refused.text) == (403, course.words["errors"][told])
    assert httpx.post(f"{address}/lop-hoc/tien-do.xlsx", data={"ticket": before.ticket}).status_code == 403
    assert httpx.get(f"{address}/lop-hoc/tien-do.xlsx").status_code in (404, 405)
    course.classrooms.end(classroom)


def test_what_was_done_outlasts_a_reload_until_it_is_wiped(page: Page, course: Course) -> None:
    words, tile = course.words["lessons"], page.locator("#lesson-tiles button").first
    tile.click()
    page.locator("#to-quiz").click()
    for question in course.lessons[0].questions:
        expect(page.locator(".task h2")).to_have_text(question.text)
        page.locator("#c-quiz .choice").nth(question.right).click()
        page.locator("#on").click()
    page.locator(".result .large").wait_for()
    page.reload()
    expect(tile).to_contain_text("đã xong, 5/5")
    wipe = page.get_by_role("button", name=words["wipe"])
    expect(wipe).to_be_visible()
    progress = kept(page)["session"]["progress"]
    mark, told = progress.split(" ", 1)
    assert json.loads(told) == {course.lessons[0].activity: [5, 5]}
    assert violations(page) == []

    forged = f"{mark} {json.dumps({lesson.activity: (5, 5) for lesson in course.lessons})}"
    page.evaluate("forged => { sessionStorage.progress = forged; }", forged)
    page.evaluate("addEventListener('pagehide', () => { sessionStorage.seen = sessionStorage.progress; })")
    page.reload()
    expect(tile).to_contain_text("phút")
    expect(wipe).to_be_hidden()
    page.wait_for_function("!sessionStorage.progress")
    assert kept(page)["session"] == {"seen": forged}

    page.evaluate("progress => { sessionStorage.clear(); sessionStorage.progress = progress; }", progress)
    page.reload()
    wipe.click()
    page.get_by_role("button", name=words["wipe_sure"]).click()
    expect(tile).to_contain_text("phút")
    page.wait_for_function("!sessionStorage.progress")


def test_one_of_a_class_is_still_in_it_after_a_reload(page: Page, course: Course) -> None:
    classroom = course.classrooms.open()
    join(page, classroom.code)
    page.locator("#joined .good").wait_for()
    page.reload()
    page.locator("#to-class").click()
    expect(page.locator("#joined")).to_contain_text(classroom.learners[0].ticket[:4])
    course.classrooms.end(classroom)


def test_nothing_typed_is_kept_nothing_leaves_the_machine_and_little_is_open(
    browser: Browser, address: str
) -> None:
    with browser.new_context(locale="vi-VN") as context:
        page = context.new_page()
        hosts: set[str | None] = set()
        page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
        page.goto(f"{address}/lop-hoc/")
        write(page, "Mời bà Tạ Thị Nào tới họp")
        page.locator("#found .blocked").wait_for()
        assert kept(page) == NOTHING_KEPT
        assert hosts <= {"127.0.0.1", ""}
        page.reload()
        page.locator("#lesson-tiles button").first.wait_for()
        assert "Tạ Thị Nào" not in page.content()
    for path in ("upload", "info", "file=/etc/passwd", "runs"):
        assert httpx.get(f"{address}/lop-hoc/gradio_api/{path}").status_code == 404
    page_itself = httpx.get(f"{address}/lop-hoc", follow_redirects=True)
    assert page_itself.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in page_itself.headers["content-security-policy"]


def test_two_people_never_see_what_the_other_wrote(
    profile: BrowserContext, page: Page, address: str, model: FakeModel
) -> None:
    other = opened(profile, address)
    write(page, GOOD)
    write(other, "Gợi ý dàn ý buổi họp tổ dân phố về phân loại rác.")
    page.locator("#send").click()
    page.locator("#draft .written").wait_for()
    expect(other.locator("#draft")).not_to_contain_text("Kính mời")
    expect(other.locator("#request textarea")).to_have_value(
        "Gợi ý dàn ý buổi họp tổ dân phố về phân loại rác."
    )
    other.close()


def test_a_person_who_leaves_is_forgotten(profile: BrowserContext, address: str, course: Course) -> None:
    from assistant.web.classroom import Pupil
    from assistant.web.sessions import Sessions

    class Request:
        session_hash = "a"

    now = [0.0]
    sessions = Sessions(Pupil, 10, lambda: now[0])
    first = sessions.of(Request())  # type: ignore[arg-type]
    assert sessions.of(Request()) is first  # type: ignore[arg-type]
    now[0] = 11
    assert sessions.of(Request()) is not first  # type: ignore[arg-type]
    sessions.forget(Request())  # type: ignore[arg-type]
    assert len(sessions) == 0


# The README


@pytest.mark.skipif("ASSISTANT_PICTURES" not in os.environ, reason="draws the pictures of the README anew")
def test_the_pictures_of_the_readme(browser: Browser, address: str) -> None:
    def keep(page: Page, name: str) -> None:
        page.wait_for_timeout(500)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").resize((683, 480))
        folder = CHECKOUT / "assistant" / "web" / "pictures"
        picture.quantize(64).save(folder / f"{name}.png", optimize=True)

    with browser.new_context(locale="vi-VN", viewport={"width": 1366, "height": 960}) as context:
        page = context.new_page()
        page.goto(f"{address}/tap/?bai=vneid-quen-mat-khau")
        page.locator("#press").click()
        page.locator("#screen .pick:visible").first.wait_for()
        keep(page, "tap-bam-nut")
        page.goto(f"{address}/lop-hoc/")
        page.locator("#lesson-tiles button").first.wait_for()
        write(page, "Viết giấy mời ông Nguyễn Văn Nọ, số căn cước và số điện thoại như sau…")
        page.locator("#found .blocked").wait_for()
        keep(page, "lop-hoc-bi-chan")
        page.locator("#to-compare").click()
        page.locator(".two").wait_for()
        keep(page, "lop-hoc-so-sanh")
