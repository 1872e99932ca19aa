from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from io import BytesIO

import pypdfium2
import pytest
import zxingcpp
from PIL.Image import Image
from pypdf import PdfReader

from assistant.coaching.paper import FONTS
from assistant.coaching.sheet import open_sheet
from assistant.coaching.slip import LAYOUTS, Carried, Size, Slip, carried, message, slip_of, slip_pdf
from assistant.config import CHECKOUT
from assistant.datatypes import Step
from assistant.pipeline import Assistant
from assistant.toml import read_toml

WORDS = read_toml(CHECKOUT / "prompts" / "slip.toml")
CHANGE = "can-cuoc-cap-doi"
DAY = date(2026, 11, 26)
SLIP = Slip(
    title="Đổi thẻ căn cước",
    lead="Bác đặt lịch trên VNeID [1].",
    papers=("Thẻ cũ (bản chính) [1]", "Phiếu CC01 [2]"),
    steps=(Step("Mở VNeID, bấm “Thủ tục hành chính” [1].", "Đến thẳng Công an xã [2]."), Step("Bấm gửi.")),
    fees=("Đổi thẻ: 25.000 đồng (đến hết ngày 31/12/2026) [2]",),
    times=(),
    places=("Công an cấp xã (trực tiếp) [1]",),
    contacts=("Tổng đài VNeID: 1900 0368",),
    cautions=("Không đọc mã OTP cho ai.",),
    sources=((1, "Luật Căn cước (01/07/2024)"), (2, "Thông tư 64/2025/TT-BTC")),
    reviewed=date(2026, 11, 23),
    printed=DAY,
)


def slip_on(assistant: Assistant, guide: str, day: date = DAY) -> Slip:
    return slip_of(open_sheet(replace(assistant, clock=lambda: day), guide), WORDS)


def pages(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages]


def printed(pdf: bytes, dpi: int) -> list[Image]:
    return [page.render(scale=dpi / 72).to_pil() for page in pypdfium2.PdfDocument(pdf)]


def scanned(pdf: bytes, dpi: int) -> list[str]:
    return [code.text for page in printed(pdf, dpi) for code in zxingcpp.read_barcodes(page)]


@pytest.mark.parametrize("size", Size)
def test_the_paper_holds_everything_in_vietnamese(size: Size) -> None:
    text = " ".join(pages(slip_pdf(SLIP, WORDS, size)))
    for said in (
        *(
            SLIP.title,
            "Bác đặt lịch trên VNeID.",
            "Thẻ cũ (bản chính)",
            "1. Mở VNeID, bấm “Thủ tục hành chính”.",
        ),
        *("25.000 đồng (đến hết ngày 31/12/2026)", "Công an cấp xã"),
        *("Tổng đài VNeID: 1900 0368", "Không đọc mã OTP", "Luật Căn cước (01/07/2024)"),
        *("In ngày 26/11/2026", "rà soát ngày 23/11/2026"),
    ):
        assert said in text
    assert "[" not in text
    assert ("Nếu khác: Đến thẳng Công an xã." in text) == (size is Size.A5)


@pytest.mark.parametrize("size", Size)
def test_the_fonts_are_on_the_paper(size: Size) -> None:
    pdf = slip_pdf(SLIP, WORDS, size)
    fonts = set(re.findall(rb"/BaseFont /[A-Z]+\+(\w+)", pdf))
    assert fonts == {b"BeVietnamPro", b"BeVietnamProBold"}
    assert pdf.count(b"/FontFile2") == len(fonts)


def test_the_paper_has_its_size_and_a_roll_ends_with_the_slip() -> None:
    sheet = PdfReader(BytesIO(slip_pdf(SLIP, WORDS, Size.A5))).pages[0].mediabox
    assert (round(sheet.width * 25.4 / 72), round(sheet.height * 25.4 / 72)) == (148, 210)
    (roll,) = PdfReader(BytesIO(slip_pdf(SLIP, WORDS, Size.ROLL))).pages
    assert round(roll.mediabox.width * 25.4 / 72) == 58
    ink = printed(slip_pdf(SLIP, WORDS, Size.ROLL), 72)[0].convert("L").point(lambda grey: grey < 128 and 255)
    box = ink.getbbox()
    assert box is not None
    assert 0 < ink.height - box[3] < 40  # points of paper under the last line


@pytest.mark.parametrize(("size", "dpi"), [(Size.A5, 150), (Size.ROLL, 203)])
def test_a_camera_reads_the_steps_from_the_paper(assistant: Assistant, size: Size, dpi: int) -> None:
    slip = slip_on(assistant, CHANGE)
    held = carried(slip, WORDS, LAYOUTS[size].qr_bytes)
    assert scanned(slip_pdf(slip, WORDS, size), dpi) == [held.text]
    assert held.text.startswith(f"{slip.title}\n1. Mở VNeID")
    assert "[" not in held.text


def test_the_code_is_cut_at_whole_steps_and_the_paper_says_so() -> None:
    slip = replace(SLIP, steps=tuple(Step(f"Bước thứ {n}, bấm tiếp.") for n in range(20)))
    whole = carried(slip, WORDS, 2000)
    assert whole.steps == 20
    assert whole.note == WORDS["qr"]["whole"].format(count=20)
    cut = carried(slip, WORDS, 300)
    assert 0 < cut.steps < 20
    assert f"{cut.steps}. {slip.steps[cut.steps - 1].text}\n" in cut.text
    assert slip.steps[cut.steps].text not in cut.text
    assert len(cut.text.encode()) <= 300
    assert f"bước {cut.steps}." in cut.note
    assert "xem trên giấy" in cut.text


def test_every_guide_fits_on_both_papers(assistant: Assistant) -> None:
    def codes(guide: str) -> list[Carried]:
        slip = slip_on(assistant, guide)
        return [carried(slip, WORDS, layout.qr_bytes) for layout in LAYOUTS.values()]

    held = {guide: codes(guide) for guide in assistant.searcher.index.guides}
    for guide, both in held.items():
        for code, layout in zip(both, LAYOUTS.values(), strict=True):
            assert len(code.text.encode()) <= layout.qr_bytes
            assert code.steps or not assistant.searcher.index.guides[guide].steps
    most = max(held, key=lambda guide: len(message(slip_on(assistant, guide), WORDS)))
    for size in Size:
        assert len(pages(slip_pdf(slip_on(assistant, most), WORDS, size))) <= 6


def test_nothing_is_torn_at_the_end_of_a_page() -> None:
    slip = replace(SLIP, steps=tuple(Step(f"Bước số {n}: " + "đọc kỹ rồi bấm " * 9) for n in range(14)))
    told = pages(slip_pdf(slip, WORDS, Size.A5))
    assert len(told) > 1
    for n, step in enumerate(slip.steps):
        assert sum(" ".join(step.text.split()) in page for page in told) == 1, n
    assert f"Trang 1/{len(told)}" in told[0]


def test_what_has_expired_is_never_printed(assistant: Assistant) -> None:
    before, after = (" ".join(slip_on(assistant, CHANGE, day).fees) for day in (DAY, date(2027, 1, 1)))
    assert "25.000 đồng (đến hết ngày 31/12/2026)" in before
    assert "25.000" not in after
    assert "50.000 đồng" in after


def test_only_the_sources_of_what_is_printed_are_named(assistant: Assistant) -> None:
    slip = slip_on(assistant, CHANGE)
    told = " ".join([slip.lead, *slip.papers, *slip.fees, *slip.times, *slip.places, *slip.cautions])
    told += " ".join(f"{step.text} {step.otherwise}" for step in slip.steps)
    assert {number for number, _ in slip.sources} == set(map(int, re.findall(r"\[(\d+)\]", told)))
    assert any("64/2025/TT-BTC" in source and "(30/06/2025)" in source for _, source in slip.sources)


def test_papers_that_are_there_are_ticked() -> None:
    none, one = (printed(slip_pdf(SLIP, WORDS, Size.A5, have), 72)[0].tobytes() for have in ((), (1,)))
    assert none != one


def test_the_message_is_plain_and_complete() -> None:
    text = message(SLIP, WORDS)
    assert text.startswith("ĐỔI THẺ CĂN CƯỚC\n\nBác đặt lịch")
    assert "- Thẻ cũ (bản chính)\n- Phiếu CC01" in text
    assert "1. Mở VNeID, bấm “Thủ tục hành chính”.\n2. Bấm gửi." in text
    assert "Nguồn:\n- Luật Căn cước (01/07/2024)" in text
    assert "23/11/2026" in text
    assert "[" not in text


def test_a_text_that_looks_like_markup_is_printed_as_it_is() -> None:
    slip = replace(SLIP, lead="Gõ **123** --- [x](y) __a__ rồi “bấm”.")
    assert "**123** --- [x](y) __a__" in pages(slip_pdf(slip, WORDS, Size.A5))[0]


def test_the_fonts_are_free_and_small() -> None:
    assert "SIL Open Font License" in (FONTS / "OFL.txt").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in FONTS.glob("*.ttf")) <= 300_000
