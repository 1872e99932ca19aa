from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import urlparse

import httpx
import pdf_files
import pytest
from conftest import served, some_guides, violations
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from assistant.config import CHECKOUT, AdminSettings, JournalSettings, Settings
from assistant.datatypes import Answer, Citation, Status
from assistant.errors import PausedError
from assistant.journal import Journal, Kind, Server, load_journal
from assistant.knowledge import pages
from assistant.knowledge.health import Concern
from assistant.knowledge.official import Side, keep_reading, read_side, write_side
from assistant.knowledge.overlay import KINDS
from assistant.loading import load_assistant
from assistant.toml import read_toml
from assistant.web.look import page_words
from assistant.web.maintain import MaintenancePage, Office, _picture
from assistant.web.password import hashed
from assistant.web.pause import Attended, Pause
from assistant.web.server import create_app, load_desk
from assistant.web.waiting import LoadingAssistant

UI = page_words(CHECKOUT)
WORDS = read_toml(CHECKOUT / "prompts" / "maintain.toml")
TODAY = date(2026, 11, 26)
PASSWORD = "trông coi máy"
PAGE = "/quan-tri"
SCAN = "Bộ phận một cửa làm việc từ 7 giờ 30 đến 17 giờ các ngày trong tuần."
NAMES = ("names.toml", "places.txt", "tagger.json", "utterances.jsonl", "sources.toml", "lessons", "pictures")


def settings_of(folder: Path, *, journal: bool = True, password: bool = True) -> Settings:
    hash_ = hashed(PASSWORD, cost=2**10) if password else None
    return Settings(
        home=folder / "home",
        data=folder / "data",
        today=TODAY,
        journal=JournalSettings(on=journal),
        admin=AdminSettings.model_validate({"password_hash": hash_}),
    )


def desk_of(settings: Settings) -> Office:
    """A desk over the guides on identity cards, loaded."""
    loading = LoadingAssistant()
    journal = load_journal(settings)
    journal._clock = lambda: datetime(2026, 11, 26, 9, 41, 37)
    return Office(settings, WORDS, UI, journal, Pause(settings.data / "notice.txt"), loading)


def answer(question: str, status: Status, document: str = "") -> Answer:
    cited = (Citation(1, document, "T", "A", None, None, None, ""),) if document else ()
    return Answer(question, status, "text", citations=cited)


def scanned(settings: Settings) -> Path:
    """A picture of a page that is known to have been read by OCR."""
    folder = settings.overlay / "official"
    folder.mkdir(parents=True)
    path = folder / "thong-bao.png"
    Image.new("RGB", (600, 800), "white").save(path)
    write_side(path, Side("Thông báo giờ làm việc", "UBND phường", date="2026-11-01"))
    read = pages.Reading("x", (pages.Page(1, SCAN, pages.Method.OCR, 0.97),), None, 1.0)
    keep_reading(settings.data / "documents", hashlib.sha256(path.read_bytes()).hexdigest(), read)
    return path


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("maintain")
    some_guides(folder / "home", "can-cuoc")
    for name in NAMES:
        source = CHECKOUT / "knowledge" / name
        (folder / "home" / "knowledge" / name).symlink_to(source)
    settings = settings_of(folder)
    scanned(settings)
    desk = desk_of(settings)
    desk.loading.load(lambda: load_assistant(settings), UI["operator"])
    for status, document, question, times in (
        (Status.NOT_COVERED, "", "cấp lại sổ đỏ bị mất", 3),
        (Status.NOT_COVERED, "", "làm lại sổ đỏ bị mất", 1),
        (Status.OUT_OF_SCOPE, "", "giá vàng hôm nay", 1),
        (Status.ANSWERED, "can-cuoc-cap-doi", "đổi thẻ căn cước", 4),
    ):
        for _ in range(times):
            desk.journal.asked(answer(question, status, document))
    desk.journal.judged(answer("đổi thẻ", Status.ANSWERED, "can-cuoc-cap-doi"), Kind.WRONG, "figures")
    desk.journal.judged(answer("đổi thẻ", Status.ANSWERED, "can-cuoc-cap-doi"), Kind.HELPED)
    desk.journal.flush()
    yield desk
    desk.journal.close()


@pytest.fixture(scope="module")
def address(desk: Office) -> Iterator[str]:
    with served(create_app(desk.loading, UI, office=desk)) as address:
        yield address


@pytest.fixture(scope="module")
def inside(address: str) -> Iterator[httpx.Client]:
    """Somebody who is logged in."""
    with httpx.Client(base_url=address) as client:
        assert client.post(PAGE, data={"password": PASSWORD}).status_code == 303
        yield client


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(locale="vi-VN", viewport=ViewportSize(width=1366, height=768))
    page = context.new_page()
    page.goto(address + PAGE)
    page.get_by_label(WORDS["login"]["password"]).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("#part-overview h2").wait_for()
    yield page
    context.close()


def opened(page: Page, name: str) -> Page:
    page.locator(f"#go-{name}").click()
    page.locator(f"#part-{name} h2").first.wait_for()
    return page


def test_everything_that_is_shown_has_words() -> None:
    assert set(WORDS["status"]) == {status.value for status in Status}
    assert {concern.value for concern in Concern} <= set(WORDS["health"])
    assert set(WORDS["journal"]["kinds"]) == {kind.value for kind in Kind}
    assert set(WORDS["contacts"]["kinds"]) == set(KINDS)
    assert max(map(len, WORDS["opinion"]["reasons"])) <= 16  # of the journal's column


def test_a_page_of_any_scan_is_drawn_and_of_nothing_else(tmp_path: Path) -> None:
    pdf = pdf_files.clean(tmp_path / "a.pdf")
    assert _picture(pdf, 1, "Ảnh <1>").startswith('<img alt="Ảnh &lt;1&gt;" src="data:image/png;base64,')
    assert _picture(pdf, 99, "") == ""
    word = tmp_path / "a.docx"
    word.write_bytes(b"PK")
    assert _picture(word, 1, "") == ""


# Over HTTP


def test_without_a_password_there_is_no_page(tmp_path: Path) -> None:
    desk = desk_of(settings_of_checkout(tmp_path))
    with served(create_app(desk.loading, UI, office=desk)) as address:
        for path in (PAGE, f"{PAGE}/", f"{PAGE}/config", f"{PAGE}/nhat-ky.csv"):
            assert httpx.get(address + path).status_code == 404
        assert httpx.post(address + PAGE, data={"password": PASSWORD}).status_code == 404


def settings_of_checkout(folder: Path) -> Settings:
    return Settings(data=folder, today=TODAY, journal=JournalSettings(on=True))


@pytest.mark.parametrize("journal", [True, False])
def test_people_are_told_and_asked_only_where_a_journal_is_kept(tmp_path: Path, journal: bool) -> None:
    settings = Settings(data=tmp_path, journal=JournalSettings(on=journal))
    with served(create_app(LoadingAssistant(), UI, office=desk_of(settings))) as address:
        page = httpx.get(address).text
    assert (WORDS["journal"]["kept"] in page) is journal
    assert (UI["page"]["promise"] in page) is not journal
    assert (WORDS["opinion"]["wrong"] in page) is journal


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (PAGE, 200),
        (f"{PAGE}/", 303),
        (f"{PAGE}/config", 401),
        (f"{PAGE}/nhat-ky.csv", 401),
        (f"{PAGE}/nhat-ky.xlsx", 401),
        (f"{PAGE}/gradio_api/info", 404),
        (f"{PAGE}/gradio_api/runs", 404),
        (f"{PAGE}/monitoring/summary", 404),
        (f"{PAGE}/login", 404),
        (f"{PAGE}/nhat-ky.sqlite", 404),
    ],
)
def test_what_a_stranger_gets(address: str, path: str, status: int) -> None:
    response = httpx.get(address + path)
    assert response.status_code == status
    assert "sổ đỏ" not in response.text


def test_a_stranger_starts_nothing(address: str) -> None:
    body = {"data": [], "fn_index": 0, "session_hash": "abc", "trigger_id": 1}
    assert httpx.post(f"{address}{PAGE}/gradio_api/queue/join", json=body).status_code == 401
    assert httpx.post(f"{address}{PAGE}/gradio_api/upload", files={"files": b"x"}).status_code == 404


def test_guessing_is_slowed_down(tmp_path: Path) -> None:
    settings = settings_of_checkout(tmp_path).model_copy(
        update={"admin": AdminSettings.model_validate({"password_hash": hashed(PASSWORD, cost=2**10)})}
    )
    desk = desk_of(settings)
    with served(create_app(desk.loading, UI, office=desk)) as address:
        codes = [httpx.post(address + PAGE, data={"password": "sai"}).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]


def test_the_journal_comes_as_a_table(inside: httpx.Client) -> None:
    table = inside.get(f"{PAGE}/nhat-ky.csv")
    assert table.headers["cache-control"] == "no-store"
    assert "attachment" in table.headers["content-disposition"]
    assert "cấp lại sổ đỏ bị mất" in table.content.decode("utf-8-sig")
    assert inside.get(f"{PAGE}/nhat-ky.xlsx").content.startswith(b"PK")


def test_the_question_is_noted_when_it_is_asked(desk: Office) -> None:
    before = len(desk.journal.read())
    attended = Attended(desk.loading, desk.pause, desk.journal)
    list(attended.stream("Tôi là Nguyễn Văn An, đổi thẻ căn cước ở đâu"))
    desk.journal.flush()
    entries = desk.journal.read()
    assert len(entries) == before + 1
    assert not any("Nguyễn" in entry.question for entry in entries)


def test_without_the_journal_nothing_is_noted(desk: Office) -> None:
    before = len(desk.journal.read())
    list(Attended(desk.loading, desk.pause, None).stream("đổi thẻ căn cước"))
    desk.journal.flush()
    assert len(desk.journal.read()) == before


def test_maintainers_see_that_the_journal_fails(desk: Office, tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file where the folder should be", encoding="utf-8")
    journal = Journal(tmp_path / "journal" / "journal.sqlite", str, days=90)
    journal.asked(answer("một", Status.ANSWERED))
    journal.flush()
    shown = MaintenancePage(replace(desk, journal=journal)).overview()
    assert WORDS["overview"]["journal_trouble"].split("{")[0] in shown
    server = Journal(Server("postgresql://tro-ly@127.0.0.1:1/nhat_ky"), str, days=90)
    gone = MaintenancePage(replace(desk, journal=server)).overview()
    assert WORDS["overview"]["index"] in gone  # the rest is shown all the same
    assert "127.0.0.1:1/nhat_ky" in gone
    journal.close()
    server.close()


def test_a_pause_outlasts_a_restart(tmp_path: Path, desk: Office) -> None:
    pause = Pause(tmp_path / "data" / "notice.txt")
    pause.begin("Nghỉ <trưa>")
    again = Pause(tmp_path / "data" / "notice.txt")
    assert again.notice == "Nghỉ <trưa>"
    with pytest.raises(PausedError):
        next(Attended(desk.loading, again, None).stream("đổi thẻ"))
    with pytest.raises(PausedError):
        Attended(desk.loading, again, None).open_guide("can-cuoc-cap-doi")
    for damage in (b"\xff\xfe", b"", b"\0\0\0"):  # does not switch it on; people read the usual words
        (tmp_path / "data" / "notice.txt").write_bytes(damage)
        assert Pause(tmp_path / "data" / "notice.txt").notice == ""
    again.end()
    assert Pause(tmp_path / "data" / "notice.txt").notice is None


def test_switched_off_no_slip_is_printed(desk: Office) -> None:
    own = load_desk(desk.settings, UI, desk.loading)
    with served(create_app(desk.loading, UI, desk=own, office=desk)) as address:
        slip = f"{address}/phieu/can-cuoc-cap-doi.pdf"
        assert httpx.get(slip).content.startswith(b"%PDF")
        desk.pause.begin("Nghỉ")
        try:
            closed = httpx.get(slip)
        finally:
            desk.pause.end()
        assert (closed.status_code, closed.json()) == (503, {"detail": UI["refused"]["broken"]})
        assert httpx.get(slip).status_code == 200


# In a browser


def test_the_overview_shows_how_the_machine_is_and_was_used(page: Page) -> None:
    opened(page, "overview")
    expect(page.locator("#part-overview")).to_contain_text(WORDS["overview"]["open_yes"])
    expect(page.locator(".columns svg")).to_be_visible()
    expect(page.locator(".bars").first).to_contain_text(WORDS["status"]["not_covered"])
    assert page.evaluate("document.documentElement.lang") == "vi"
    assert violations(page) == []


def test_unanswered_questions_stand_in_groups(page: Page) -> None:
    opened(page, "unanswered")
    first = page.locator("#part-unanswered tbody tr").first
    expect(first).to_contain_text("cấp lại sổ đỏ bị mất")
    expect(first.locator("td").nth(1)).to_have_text("4")
    first.locator("summary").click()
    expect(first).to_contain_text("làm lại sổ đỏ bị mất")
    assert violations(page) == []


def test_opinions_name_guide_and_reason(page: Page) -> None:
    opened(page, "opinions")
    expect(page.locator("#part-opinions table").nth(1)).to_contain_text(
        WORDS["opinion"]["reasons"]["figures"]
    )
    assert violations(page) == []


def test_guides_to_look_at(page: Page) -> None:
    opened(page, "health")
    expect(page.locator("#part-health")).to_contain_text(WORDS["health"]["expiring"])  # until 31/12/2026
    assert violations(page) == []


def test_a_scanned_page_is_compared_and_released(page: Page, desk: Office) -> None:
    opened(page, "approve")
    expect(page.locator("#part-approve pre")).to_have_text(SCAN)
    assert page.locator("#part-approve img").evaluate("image => image.naturalWidth") == 600
    assert violations(page) == []
    page.locator("#approve").click()
    expect(page.locator("#say")).to_contain_text("Đã duyệt trang 1")
    expect(page.locator("#part-approve")).to_contain_text(WORDS["approve"]["none"])
    path = desk.settings.overlay / "official" / "thong-bao.png"
    assert len(read_side(path).approved) == 1


def test_a_contact_is_checked_kept_and_used(page: Page, desk: Office) -> None:
    opened(page, "contacts")
    page.locator("#contact-name textarea").fill("Bộ phận một cửa phường")
    page.locator("#contact-value textarea").fill("không phải số")
    page.locator("#contact-source textarea").fill("Thông báo 12 của UBND phường")
    page.locator("#contact-save").click()
    expect(page.locator("#say")).to_contain_text(WORDS["contacts"]["bad_phone"])
    assert violations(page) == []
    page.locator("#contact-value textarea").fill("024 0000 0000")
    page.locator("#contact-save").click()
    expect(page.locator("#say .good")).to_contain_text("Bộ phận một cửa phường")
    kept = (desk.settings.overlay / "contacts.toml").read_text(encoding="utf-8")
    assert "024 0000 0000" in kept
    assert "2026-11-26" in kept
    opened(page, "overview")
    expect(page.locator("#part-overview")).to_contain_text("Tệp đã thay đổi")
    page.locator("#renew").click()
    expect(page.locator("#say .good")).to_have_text(WORDS["overview"]["renewed"], timeout=30_000)
    assert desk.assistant is not None
    text = desk.assistant.answer("số điện thoại bộ phận một cửa phường").text
    assert "024 0000 0000" in text


def test_switched_off_people_see_the_notice(page: Page, address: str, desk: Office) -> None:
    opened(page, "pause")
    page.locator("#notice textarea").fill("Máy nghỉ <trưa>, mời bác quay lại lúc 14 giờ.")
    page.locator("#pause-begin").click()
    expect(page.locator("#pause-end")).to_be_visible()
    assert violations(page) == []
    visitor = page.context.new_page()
    response = visitor.goto(address)
    assert response is not None
    assert response.status == 503
    expect(visitor.locator("main")).to_contain_text("Máy nghỉ <trưa>")
    assert violations(visitor) == []
    visitor.close()
    page.locator("#pause-end").click()
    expect(page.locator("#pause-begin")).to_be_visible()
    assert httpx.get(address, headers={"Accept": "text/html"}).status_code == 200
    assert desk.pause.notice is None


def test_a_person_says_what_is_wrong(browser: Browser, address: str, desk: Office) -> None:
    visitor = browser.new_page()
    visitor.goto(address)
    expect(visitor.locator(".promise")).to_contain_text(WORDS["journal"]["kept"])
    visitor.locator("#box textarea").fill("đổi thẻ căn cước")
    visitor.keyboard.press("Enter")
    visitor.locator("#wrong").click()
    reason = visitor.get_by_role("button", name=WORDS["opinion"]["reasons"]["steps"])
    expect(reason).to_be_in_viewport()
    assert violations(visitor) == []
    reason.click()
    expect(visitor.locator("#say")).to_have_text(WORDS["opinion"]["thanks_wrong"])
    desk.journal.flush()
    assert [entry.reason for entry in desk.journal.read() if entry.kind is Kind.WRONG][-1:] != []
    assert "steps" in {entry.reason for entry in desk.journal.read()}
    visitor.close()


def test_entries_are_deleted(page: Page, desk: Office) -> None:
    opened(page, "journal")
    expect(page.locator("#part-journal .load a")).to_have_count(2)
    assert violations(page) == []
    page.locator("#forget-all").click()
    expect(page.locator("#say")).to_have_text(WORDS["journal"]["need_sure"])
    page.locator("#holding textarea").fill("giá vàng")
    page.locator("#forget").click()
    expect(page.locator("#say")).to_contain_text("Đã xoá 1 dòng.")
    page.get_by_label(WORDS["journal"]["sure"]).check()
    page.locator("#forget-all").click()
    expect(page.locator("#part-journal")).to_contain_text(WORDS["journal"]["empty"])
    assert desk.journal.read() == []


@pytest.mark.parametrize("width", [1366, 390])
def test_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size(ViewportSize(width=width, height=800))
    for name in WORDS["sections"]:
        opened(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_leaves_the_machine_or_stays_in_the_browser(page: Page) -> None:
    outside: list[str] = []
    page.on("request", lambda r: outside.append(r.url) if urlparse(r.url).hostname != "127.0.0.1" else None)
    page.reload()
    for name in ("overview", "unanswered", "journal"):
        opened(page, name)
    assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []
    kept = "async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length]"
    assert page.evaluate(kept) == [0, 0, 0]


def test_leaving_closes_the_page(page: Page, address: str) -> None:
    page.get_by_role("button", name=WORDS["page"]["leave"]).click()
    page.get_by_label(WORDS["login"]["password"]).wait_for()
    assert violations(page) == []
    page.goto(f"{address}{PAGE}/")
    expect(page.get_by_label(WORDS["login"]["password"])).to_be_visible()
    assert page.context.cookies() == []


# The README


@pytest.mark.skipif("ASSISTANT_PICTURES" not in os.environ, reason="draws the pictures of the README anew")
def test_the_pictures_of_the_readme(browser: Browser, address: str, desk: Office) -> None:
    ends = [
        answer("đổi thẻ căn cước", Status.ANSWERED, "can-cuoc-cap-doi"),
        answer("mất thẻ căn cước", Status.ANSWERED, "can-cuoc-mat-hong"),
        answer("căn cước cho trẻ", Status.ANSWERED, "can-cuoc-tre-em"),
        answer("cấp lại sổ đỏ bị mất", Status.NOT_COVERED),
        answer("làm lại sổ đỏ bị mất", Status.NOT_COVERED),
        answer("xin trích lục bản đồ", Status.NOT_COVERED),
        answer("giá vàng hôm nay", Status.OUT_OF_SCOPE),
    ]
    for at in range(160):
        day = datetime(2026, 11, 26, 9, 30) - timedelta(days=at * 7 % (at % 23 + 8))
        desk.journal._clock = lambda day=day: day  # type: ignore[misc]
        desk.journal.asked(ends[at % 11 % len(ends)])
        desk.journal.flush()
    with browser.new_context(viewport=ViewportSize(width=1366, height=1020)) as context:
        page = context.new_page()
        page.goto(address + PAGE)
        page.get_by_label(WORDS["login"]["password"]).fill(PASSWORD)
        page.keyboard.press("Enter")
        for part, name in (("overview", "tong-quan"), ("unanswered", "cau-chua-tra-loi")):
            opened(page, part)
            page.wait_for_timeout(500)
            picture = Image.open(BytesIO(page.screenshot())).convert("RGB").resize((910, 680))
            path = CHECKOUT / "assistant" / "web" / "pictures" / f"trong-coi-{name}.png"
            picture.quantize(64).save(path, optimize=True)
