"""A pretended assistant behind the pages, and what its answers are made of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from assistant.config import CHECKOUT
from assistant.datatypes import (
    Answer,
    Card,
    Choice,
    Citation,
    Composer,
    Document,
    Guide,
    Paper,
    ShownContact,
    ShownFee,
    Source,
    Status,
    Step,
)
from assistant.errors import EmptyQuestionError, QuestionTooLongError
from assistant.knowledge.pictures import load_scenes
from assistant.web.look import page_words

UI: dict[str, Any] = page_words(CHECKOUT)
SCENES = load_scenes(CHECKOUT / "knowledge" / "pictures")[0]
SOON = 15_000  # milliseconds
GONE = "vneid-khoa-tai-khoan"  # as if a ward had taken it away
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


def guide(id_: str, topic: str = "", title: str = "") -> Guide:
    """A guide of which nothing but its place is needed."""
    document = Document(id_, title or f"Bài {id_}", "")
    return Guide(document, "procedure", topic, (), (), "")


class FakeAssistant:
    """Answers by the words of the question; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.opened: list[str] = []
        self.go_on = threading.Event()  # lets a model go on writing
        self.closed = threading.Event()  # the generator has ended
        self.waiting = 0  # people before the one who asked last
        self.guides: Mapping[str, Guide] = {
            id_: guide(id_)
            for tile in UI["tiles"]
            for listed in tile["lists"]
            for id_ in listed["guides"]
            if id_ != GONE
        } | {"xe-rieng": guide("xe-rieng", "giao-thong", "Giữ xe ở phường ta")}

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

    def decline(self, question: str, *, today: date | None = None) -> Answer:
        return Answer(question, Status.NOT_COVERED, "Chưa có trong hướng dẫn.")

    def open_guide(self, document_id: str, *, today: date | None = None) -> Answer:
        self.opened.append(document_id)
        if document_id == GONE:
            raise KeyError(document_id)
        card = replace(CARD, title=f"Bài {document_id}", document_id=document_id)
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


def until(condition: Callable[[], bool]) -> None:
    """Waits for what the server does on its own."""
    deadline = time.monotonic() + SOON / 1000
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)
