from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from io import BytesIO
from urllib.parse import urlparse

import httpx
import pytest
from conftest import served, violations
from pdf_files import clean
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from assistant.answering.card import section_images
from assistant.coaching.originals import Originals
from assistant.config import CHECKOUT
from assistant.datatypes import Card, Document, OfficialText, Section, Source
from assistant.knowledge.images import save_picture
from assistant.knowledge.pictures import NO_SCENES
from assistant.pipeline import Assistant
from assistant.retrieval.passages import Passages
from assistant.toml import read_toml
from assistant.web.look import page_words
from assistant.web.render import Renderer
from assistant.web.server import create_app
from assistant.web.volunteer import Desk

UI = page_words(CHECKOUT)
WORDS, SLIP = (read_toml(CHECKOUT / "prompts" / f"{name}.toml") for name in ("volunteer", "slip"))
SIZES = {
    "desk": ViewportSize(width=1366, height=768),
    "kiosk": ViewportSize(width=1080, height=1920),
    "phone": ViewportSize(width=390, height=844),
}
CHANGE, CARD = "can-cuoc-cap-doi", "Làm thẻ căn cước lần đầu và đổi thẻ căn cước"
PAPER = """Hồ sơ trợ cấp đặc biệt của phường gồm đơn đề nghị và giấy xác nhận của tổ dân phố.
Người đề nghị nộp hồ sơ tại bộ phận một cửa vào buổi sáng."""
COPY = "Làm xong, công dân nộp thẻ cũ và nhận giấy hẹn CC02."
SOON = 15_000  # milliseconds
expect.set_options(timeout=SOON)


@pytest.fixture(scope="module")
def desk(assistant: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The shipped guides, one paper of the ward, one copied web page and one copied PDF."""
    folder = tmp_path_factory.mktemp("originals")
    source = Source(1, "Quyết định 12 của phường", None, "2026-09-01")
    document = Document("quyet-dinh-12", source.title, "UBND phường", (source,))
    (folder / "read" / "sum").mkdir(parents=True)
    image = save_picture(Image.new("RGB", (240, 320), "navy"), folder / "read" / "sum")
    assert image is not None
    section = Section("quyet-dinh-12#1", document.id, "Hồ sơ trợ cấp đặc biệt", PAPER, 1, (image,))
    searcher = assistant.searcher
    passages = Passages.build([OfficialText(document, (section,))], searcher.index.glossary)
    index = replace(searcher.index, passages=passages)
    known = replace(assistant, searcher=replace(searcher, index=index), clock=lambda: date(2026, 11, 26))
    urls = [source.url for source in index.guides[CHANGE].document.sources if source.url]
    page = folder / "a.html"
    page.write_text(f"<html lang='vi'><body><article>{f'<p>{COPY}</p>' * 3}</article></body></html>", "utf-8")
    originals = Originals(
        {document.id: clean(folder / "quyet-dinh-12.pdf", [PAPER])},
        {urls[0]: page, urls[1]: clean(folder / "b.pdf", [PAPER, COPY])},
        folder / "read",
    )
    return Desk(lambda: known, UI, WORDS, SLIP, originals)


@pytest.fixture(scope="module")
def address(desk: Desk) -> Iterator[str]:
    with served(create_app(desk.reference(), UI, NO_SCENES, desk)) as address:
        yield address


@pytest.fixture(scope="module")
def shared_page(browser: Browser, address: str) -> Iterator[Page]:
    """The page, opened once: Gradio's files are fetched once."""
    context = browser.new_context(locale="vi-VN", permissions=["clipboard-read", "clipboard-write"])
    context.set_default_timeout(SOON)
    # Paper is not at hand in a test: what would be printed is noted instead.
    context.add_init_script("window.print = () => { top.printed = location.pathname + location.search; }")
    page = context.new_page()
    page.goto(f"{address}/tra-cuu/")
    yield page
    context.close()


@pytest.fixture
def page(shared_page: Page) -> Page:
    """The page as it is when it is opened: without words, filters, sheet and paper."""
    page = shared_page
    page.set_viewport_size(SIZES["desk"])
    page.locator("#options").wait_for(state="attached")
    page.keyboard.press("Escape")
    for name in ("topic", "agency", "channel"):
        page.locator(f"#{name}").select_option("")
    page.evaluate("window.printed = null")
    expect(page.locator("#found [role=status]")).to_contain_text("86 hướng dẫn")
    page.locator("#q").focus()
    return page


def look_up(page: Page, words: str, title: str) -> None:
    page.locator("#q").fill(words)
    page.locator("#options [aria-selected=true]", has_text=title).wait_for()
    page.keyboard.press("Enter")
    expect(page.locator(".sheet h2")).to_contain_text(title)


# Slips over HTTP


@pytest.mark.parametrize("size", ["a5", "58"])
def test_a_slip_as_pdf_and_as_a_page(address: str, size: str) -> None:
    pdf = httpx.get(f"{address}/phieu/{CHANGE}.pdf?kho={size}&co=1", timeout=60)
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    assert pdf.headers["cache-control"] == "no-store"
    page = httpx.get(f"{address}/phieu/{CHANGE}?kho={size}&co=1")
    assert 'lang="vi"' in page.text
    assert page.text.count("class=have") == 1
    assert "25.000 đồng" in page.text
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["/phieu/", "/phieu/khong-co", "/phieu/khong-co.pdf", "/phieu/../etc/passwd", f"/phieu/{CHANGE}.docx"]
    + [
        f"/tra-cuu/nguon/{CHANGE}/99.txt",
        f"/tra-cuu/nguon/{CHANGE}/1.exe",
        "/tra-cuu/trang/quyet-dinh-12/2.png",
    ]
    + [
        "/tra-cuu/trang/khong-co/1.png",
        "/tra-cuu/gradio_api/info",
        "/tra-cuu/gradio_api/upload",
        "/tra-cuu/x",
    ],
)
def test_what_is_not_there_is_not_there(address: str, path: str) -> None:
    assert httpx.get(address + path).status_code == 404


def test_the_page_is_found_without_a_slash(address: str) -> None:
    page = httpx.get(f"{address}/tra-cuu", follow_redirects=True)
    assert page.url.path == "/tra-cuu/"
    assert WORDS["page"]["title"] in page.text


def test_a_guide_that_was_replaced_is_not_printed(desk: Desk) -> None:
    from fastapi.testclient import TestClient

    known = desk.reference()
    index = known.searcher.index
    paper = replace(index.passages.documents[0], supersedes=(CHANGE,))
    index = replace(index, passages=replace(index.passages, documents=(paper,)))
    replaced = replace(known, searcher=replace(known.searcher, index=index))
    client = TestClient(
        create_app(replaced, UI, NO_SCENES, replace(desk, reference=lambda: replaced)), "http://127.0.0.1"
    )
    assert client.get(f"/phieu/{CHANGE}").status_code == 404
    assert client.get("/phieu/can-cuoc-mat-hong").status_code == 200


def test_originals_with_the_passage_marked(address: str) -> None:
    assert httpx.get(f"{address}/tra-cuu/trang/quyet-dinh-12/1.png", timeout=60).content.startswith(
        b"\x89PNG"
    )
    told = httpx.get(f"{address}/tra-cuu/nguon/{CHANGE}/1.txt", timeout=60)
    assert told.status_code == 200
    assert "<mark>" in told.text


def test_pictures_of_a_quoted_section_and_no_others(address: str, desk: Desk) -> None:
    hit = desk.lookup.passage("quyet-dinh-12#1")
    assert hit is not None
    (image,) = section_images(hit.section)
    shown = Renderer(UI).facts(Card("Quyết định 12 của phường", "", "", images=(image,)))
    assert f'src="/tra-cuu/hinh/{image}"' in shown
    assert 'alt="Hình 1/1 ở phần này của văn bản “Quyết định 12 của phường”"' in shown
    found = httpx.get(f"{address}/tra-cuu/hinh/{image}")
    assert (found.status_code, found.headers["content-type"]) == (200, "image/png")
    for other in (
        "quyet-dinh-12/2/" + image[-20:],
        f"quyet-dinh-12/1/{'0' * 16}.png",
        image[:-20] + "..%2fa.png",
    ):
        assert httpx.get(f"{address}/tra-cuu/hinh/{other}").status_code == 404


# The page


def test_from_the_question_to_the_printed_slip_by_keyboard(page: Page) -> None:
    expect(page.locator("#q")).to_be_focused()
    keys = [*"mat can cuoc", "Enter", "Control+p"]
    for key in keys:  # as fast as it goes: nothing is waited for
        page.keyboard.press("Space" if key == " " else key)
    page.wait_for_function("window.printed")
    assert page.evaluate("window.printed") == "/phieu/can-cuoc-mat-hong?kho=a5&co="
    assert len(keys) == 14
    expect(page.locator(".sheet h2")).to_be_focused()


def test_arrows_choose_and_escape_goes_back(page: Page) -> None:
    page.keyboard.type("can cuoc")
    expect(page.locator("#options [role=option]").nth(1)).to_contain_text(
        re.compile("căn cước", re.IGNORECASE)
    )
    second = page.locator("#options [role=option]").nth(1).get_attribute("id")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#q")).to_have_attribute("aria-activedescendant", second or "")
    page.keyboard.press("Enter")
    expect(page.locator(".sheet h2")).to_be_focused()
    expect(page.locator(".sheet")).to_have_attribute("data-id", (second or "").removeprefix("o-guide-"))
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#q")).to_have_value("")
    expect(page.locator(".sheet")).to_be_hidden()


def test_filters(page: Page) -> None:
    page.locator("#topic").select_option("can-cuoc")
    expect(page.locator("#options [role=option]")).to_have_count(4)
    page.locator("#agency").select_option("Bộ Công an")
    page.locator("#channel").select_option("post")
    expect(page.locator("#found [role=status]")).not_to_have_text("4 hướng dẫn, 0 tên thủ tục")


def test_ticks_tell_what_is_missing_and_go_onto_the_slip(page: Page) -> None:
    look_up(page, "doi the can cuoc", CARD)
    boxes = page.locator("[name=have]")
    expect(page.locator(".missing")).to_have_text(f"Còn thiếu {boxes.count()}")
    boxes.first.check()
    expect(page.locator(".missing")).to_have_text(f"Còn thiếu {boxes.count() - 1}")
    page.locator("[data-copy=missing]").click()
    expect(page.locator(".done")).to_have_text(WORDS["sheet"]["copied"])
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("Bác còn thiếu")
    assert "Thẻ cũ" not in text
    assert len(text.splitlines()) == boxes.count()
    page.locator("[name=size][value='58']").check()
    page.keyboard.press("Control+p")
    page.wait_for_function("window.printed")
    assert page.evaluate("window.printed") == f"/phieu/{CHANGE}?kho=58&co=1"
    page.locator("[name=size][value='a5']").check()


def test_channels_stand_side_by_side_with_their_days(page: Page) -> None:
    look_up(page, "doi the can cuoc", CARD)
    expect(page.locator("thead th")).to_have_text(["Mọi cách làm", "Trực tuyến", "Trực tiếp"])
    expect(page.locator("tbody th")).to_have_text(["Lệ phí", "Thời hạn", "Nơi làm"])
    expect(page.locator(".flag", has_text="31/12/2026").first).to_be_visible()
    expect(page.locator(".warn").first).to_contain_text("Sắp hết hạn")
    expect(page.locator(".notes")).to_contain_text("Rà soát ngày 23/11/2026")


def test_the_message_for_zalo(page: Page) -> None:
    look_up(page, "doi the can cuoc", CARD)
    page.locator("[data-copy=message]").click()
    text = page.evaluate("navigator.clipboard.readText()")
    assert "Nguồn:" in text
    assert "1. Mở VNeID mức 2." in text


def test_sources_open_beside_the_text(page: Page) -> None:
    look_up(page, "doi the can cuoc", CARD)
    page.locator(".steps .mark").first.click()
    number = page.locator(".steps .mark").first.get_attribute("data-source")
    source = page.locator(f".source[data-number='{number}']")
    expect(source).to_have_attribute("open", "")
    expect(source).to_contain_text("Mở VNeID mức 2")
    copied = page.locator(".source", has=page.locator(".original"))
    copied.locator("summary").click()
    expect(copied.locator("mark").first).to_contain_text("giấy hẹn CC02")


def test_a_paper_of_the_ward_beside_its_page(page: Page) -> None:
    page.locator("#q").fill("hồ sơ trợ cấp đặc biệt của phường")
    page.locator("#options [data-kind=passage]").click()
    expect(page.locator(".sheet h2")).to_have_text("Quyết định 12 của phường")
    picture = page.locator(".page img")
    expect(picture).to_be_visible()
    page.wait_for_function("document.querySelector('.page img').naturalWidth > 500")
    expect(page.locator(".sheet .text")).to_contain_text("giấy xác nhận của tổ dân phố")
    page.wait_for_function("document.querySelector('.text img').naturalWidth === 240")
    assert violations(page) == []


def test_a_name_without_a_guide_can_be_copied(page: Page) -> None:
    page.locator("#q").fill("cham dut hoat dong ho kinh doanh")
    page.locator("#options [data-kind=procedure]").first.click()
    expect(page.locator(".sheet h2")).to_have_text("Chấm dứt hoạt động hộ kinh doanh")
    assert violations(page) == []
    page.locator("[data-copy=name]").click()
    assert page.evaluate("navigator.clipboard.readText()") == "Chấm dứt hoạt động hộ kinh doanh"


def test_what_is_typed_is_nowhere_and_cannot_run(page: Page) -> None:
    outside: list[str] = []
    page.on("request", lambda r: outside.append(r.url) if urlparse(r.url).hostname != "127.0.0.1" else None)
    page.locator("#q").fill("<img src=x onerror=window.broken=1> 012345678901")
    expect(page.locator("#found [role=status]")).to_be_visible()
    look_up(page, "doi the can cuoc", CARD)
    kept = "async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length]"
    assert page.evaluate(kept) == [0, 0, 0]
    assert page.context.cookies() == []
    assert page.evaluate("window.broken") is None
    assert page.evaluate("document.documentElement.lang") == "vi"
    assert outside == []
    page.reload()
    expect(page.locator("#q")).to_have_value("")


@pytest.mark.parametrize("size", ["a5", "58"])
def test_the_page_to_print(page: Page, address: str, size: str) -> None:
    printed = page.context.new_page()
    printed.goto(f"{address}/phieu/{CHANGE}?kho={size}&co=1")
    assert violations(printed) == []
    printed.get_by_role("button", name=SLIP["print"]).click()
    assert printed.evaluate("window.printed") == f"/phieu/{CHANGE}?kho={size}&co=1"
    printed.close()


@pytest.mark.parametrize("size", SIZES)
def test_nothing_stands_in_the_way_of_anybody(page: Page, size: str) -> None:
    page.set_viewport_size(SIZES[size])
    page.locator("#q").fill("can cuoc")
    expect(page.locator("#options [data-kind=procedure]").first).to_be_visible()
    assert violations(page) == []
    look_up(page, "doi the can cuoc", CARD)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    assert violations(page) == []
    heights = "all => all.filter(e => e.offsetParent).map(e => e.getBoundingClientRect().height)"
    targets = page.locator("#finder :is(input, select), .sheet button, .sheet summary")
    assert min(targets.evaluate_all(heights)) >= 44


def test_a_call_at_the_kiosk_reaches_the_volunteer(page: Page, address: str) -> None:
    kiosk = page.context.new_page()
    kiosk.goto(f"{address}/?tap=0")
    kiosk.get_by_role("button", name="Tài khoản VNeID").click()
    kiosk.get_by_role("button", name="Kích hoạt VNeID").click()
    kiosk.locator("#first-done").click()
    kiosk.locator(".coach").wait_for()
    kiosk.locator("#call").click()
    expect(page.locator("#calls")).to_have_text("Cần giúp: Kích hoạt tài khoản VNeID, bước 2/10")
    assert violations(page) == []
    kiosk.locator(".calling button").click()
    expect(page.locator("#calls p")).to_have_count(0)
    kiosk.close()


# The README


@pytest.mark.skipif("ASSISTANT_PICTURES" not in os.environ, reason="draws the pictures of the README anew")
def test_the_pictures_of_the_readme(page: Page, address: str) -> None:
    def keep(name: str, width: int, height: int) -> None:
        page.wait_for_timeout(500)
        picture = Image.open(BytesIO(page.screenshot())).convert("RGB").resize((width, height))
        folder = CHECKOUT / "assistant" / "web" / "pictures"
        picture.quantize(64).save(folder / f"{name}.png", optimize=True)

    page.set_viewport_size({"width": 1366, "height": 960})
    page.locator("#q").fill("the can cuoc")
    page.locator("#options [aria-selected=true]", has_text="căn cước").wait_for()
    keep("tra-cuu-tim", 683, 480)
    look_up(page, "lam the can cuoc", CARD)
    page.locator("input[name=have]").first.check()
    keep("tra-cuu-bai", 683, 480)
    page.set_viewport_size({"width": 700, "height": 980})
    page.goto(f"{address}/phieu/{CHANGE}?kho=a5")
    keep("phieu-a5", 343, 480)
    page.goto(f"{address}/tra-cuu/")
