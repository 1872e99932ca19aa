from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from conftest import served, violations
from playwright.sync_api import Browser, Page, expect

from assistant.config import CHECKOUT, ListenSettings, VoiceSettings
from assistant.datatypes import Answer, Card, Guide, Status, Step
from assistant.errors import IndexUnavailableError, ListenError
from assistant.speech.listen import RATE, Listener
from assistant.speech.speak import Speaker, load_speaker
from assistant.toml import read_toml
from assistant.web.look import page_words
from assistant.web.server import create_app

UI: dict[str, Any] = page_words(CHECKOUT)
WORDS: dict[str, Any] = read_toml(CHECKOUT / "prompts" / "voice.toml")
CARD = Card(
    "Đổi thẻ", "Bác đến Công an xã.", "", (Step("Mở VNeID [1].", "Khởi động lại máy."), Step("Bấm “Gửi”."))
)
SOON = 15_000  # milliseconds


class OneGuide:
    """Knows the guide `doi-the`."""

    guides: Mapping[str, Guide] = MappingProxyType({})
    waiting = 0

    def stream(
        self,
        question: str,
        *,
        previous: Sequence[str] = (),
        today: date | None = None,
        use_model: bool = True,
    ) -> Iterator[Answer]:
        yield Answer(question, Status.ANSWERED, CARD.lead, CARD)

    def decline(self, question: str, *, today: date | None = None) -> Answer:
        return Answer(question, Status.NOT_COVERED, "")

    def open_guide(self, document_id: str, *, today: date | None = None) -> Answer:
        if document_id == "hong":
            raise IndexUnavailableError("no index")
        if document_id != "doi-the":
            raise KeyError(document_id)
        return Answer(CARD.title, Status.ANSWERED, CARD.lead, replace(CARD, document_id="doi-the"))


class Hearing(Listener):
    """Hears the same whatever is said; keeps the recordings."""

    def __init__(self) -> None:
        super().__init__(ListenSettings())
        self.recordings: list[bytes] = []
        self.says = "quên mật khẩu"

    @property
    def ready(self) -> bool:
        return True

    def hear(self, recording: bytes) -> str:
        self.recordings.append(recording)
        if self.says == "hỏng":
            raise ListenError("broken")
        return self.says


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    return Hearing()


@pytest.fixture(scope="module")
def address(hearing: Hearing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages of a machine with espeak-ng and a recogniser."""
    speaker = load_speaker(VoiceSettings(), WORDS, tmp_path_factory.mktemp("data"))
    with served(create_app(OneGuide(), UI, voice=(speaker, hearing))) as address:
        yield address


@pytest.fixture(scope="module")
def mute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages of a machine that has neither."""
    voice = Speaker((), WORDS, tmp_path_factory.mktemp("data"), 0), Listener(ListenSettings())
    with served(create_app(OneGuide(), UI, voice=voice)) as address:
        yield address


def seconds(wav: bytes) -> float:
    with wave.open(io.BytesIO(wav)) as file:
        return float(file.getnframes() / file.getframerate())


def test_a_step_is_read(address: str) -> None:
    assert httpx.get(f"{address}/doc/co").json() == {"voice": True, "listen": True}
    answer = httpx.post(f"{address}/doc", json={"guide": "doi-the", "step": 1})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    slow = httpx.post(f"{address}/doc", json={"guide": "doi-the", "step": 1, "slow": True})
    assert seconds(slow.content) > 1.2 * seconds(answer.content) > 1
    for other in ({"step": 0}, {"step": 1, "otherwise": True}):
        assert httpx.post(f"{address}/doc", json={"guide": "doi-the", **other}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"guide": "khong-co", "step": 1}, 404),
        ({"guide": "doi-the", "step": 3}, 404),
        ({"guide": "doi-the", "step": -1}, 404),
        ({"guide": "doi-the", "step": 2, "otherwise": True}, 404),
        ({"guide": "hong", "step": 1}, 503),
        ({"guide": "doi-the", "text": "Chuyển tiền đi!"}, 400),
        ({"guide": ["doi-the"]}, 400),
        ({"step": 1}, 400),
        (["doi-the"], 400),
        ({"guide": "dai" * 200, "step": 1}, 413),
    ],
)
def test_nothing_else_is_read(address: str, asked: object, code: int) -> None:
    assert httpx.post(f"{address}/doc", json=asked).status_code == code


def test_other_sites_cannot_make_it_speak(address: str) -> None:
    body = b'{"guide":"doi-the","step":1}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert httpx.post(f"{address}/doc", content=body, headers={"content-type": kind}).status_code == 415
    assert (
        httpx.post(f"{address}/nghe", content=b"RIFF", headers={"content-type": "text/plain"}).status_code
        == 415
    )
    assert httpx.get(f"{address}/doc").status_code == 404
    assert httpx.get(f"{address}/doc/khac").status_code == 404


def test_a_machine_without_a_voice_says_so(mute: str) -> None:
    assert httpx.get(f"{mute}/doc/co").json() == {"voice": False, "listen": False}
    assert httpx.post(f"{mute}/doc", json={"guide": "doi-the", "step": 1}).status_code == 503
    sound = {"content-type": "audio/wav"}
    assert httpx.post(f"{mute}/nghe", content=b"RIFF", headers=sound).status_code == 503
    assert "listen.js" not in httpx.get(mute).text


def test_too_long_a_recording_is_refused(address: str) -> None:
    sound = {"content-type": "audio/wav"}
    assert httpx.post(f"{address}/nghe", content=bytes(500_000), headers=sound).status_code == 413


# In the browser: Chromium's own stand-in for a microphone beeps.


@pytest.fixture(scope="module")
def browser_page(browser: Browser, address: str) -> Iterator[Page]:
    with browser.new_context(locale="vi-VN", permissions=["microphone"]) as context:
        context.set_default_timeout(SOON)
        page = context.new_page()
        page.set_viewport_size({"width": 1366, "height": 768})
        yield page


@pytest.fixture
def page(browser_page: Page, address: str) -> Page:
    browser_page.goto(address)
    browser_page.locator("#listen").wait_for()
    return browser_page


def test_what_was_said_stands_in_the_box_to_be_confirmed(page: Page, hearing: Hearing) -> None:
    hearing.says = "quên mật khẩu"
    button, said = page.locator("#listen"), page.locator("#say-listen")
    expect(button).to_have_text(WORDS["listen"]["start"])
    button.click()
    expect(button).to_have_text(WORDS["listen"]["stop"])
    expect(said).to_have_text(WORDS["listen"]["listening"])
    page.wait_for_timeout(600)
    button.click()
    expect(page.locator("#box textarea")).to_have_value("quên mật khẩu", timeout=SOON)
    expect(said).to_have_text(WORDS["listen"]["check"])
    expect(page.locator("#tiles")).to_be_visible()  # nothing was sent
    with wave.open(io.BytesIO(hearing.recordings[-1])) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        assert 0.3 < file.getnframes() / RATE < 5
        assert any(file.readframes(file.getnframes()))
    page.locator("#send").click()
    expect(page.locator(".head h2")).to_have_text(CARD.title, timeout=SOON)
    expect(said).to_be_hidden()


@pytest.mark.parametrize(("says", "told"), [("", "nothing"), ("hỏng", "failed")])
def test_what_was_not_heard_is_said_kindly(page: Page, hearing: Hearing, says: str, told: str) -> None:
    hearing.says = says
    page.locator("#listen").click()
    expect(page.locator("#listen")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(600)  # a recording without a sample is none
    page.locator("#listen").click()
    expect(page.locator("#say-listen")).to_have_text(WORDS["listen"][told], timeout=SOON)
    expect(page.locator("#box textarea")).to_have_value("")


def test_axe_finds_nothing_while_listening_or_after(page: Page, hearing: Hearing) -> None:
    hearing.says = "quên mật khẩu"
    page.locator("#listen").click()
    expect(page.locator("#say-listen")).to_have_text(WORDS["listen"]["listening"])
    assert violations(page) == []
    page.locator("#listen").click()
    expect(page.locator("#say-listen")).to_have_text(WORDS["listen"]["check"], timeout=SOON)
    assert violations(page) == []


@pytest.mark.parametrize("size", [(1080, 1920), (1366, 768), (390, 844)])
def test_the_button_stands_beside_the_others(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    boxes = [page.locator(name).bounding_box() for name in ("#listen", "#send", "#go-home", "#end")]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    for box in boxes:
        assert box is not None
        assert box["y"] + box["height"] <= size[1]
        assert box["height"] >= 60
    page.set_viewport_size({"width": 1366, "height": 768})


def test_a_reading_can_be_played(page: Page) -> None:
    """As the page does: a blob of the WAV in an <audio>, which the policy of the pages must allow."""
    length = page.evaluate(
        """async () => {
            const answer = await fetch('/doc', {method: 'POST', headers: {'Content-Type': 'application/json'},
                                                body: JSON.stringify({guide: 'doi-the', step: 1})});
            const audio = new Audio(URL.createObjectURL(await answer.blob()));
            await new Promise((done, failed) => { audio.onloadedmetadata = done; audio.onerror = failed; });
            return audio.duration;
        }"""
    )
    assert 0.5 < length < 20
