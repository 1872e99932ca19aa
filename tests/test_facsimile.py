from __future__ import annotations

from pathlib import Path

import pytest
from pdf_files import clean
from PIL import Image, ImageChops

from assistant.errors import DocumentError
from assistant.knowledge.facsimile import WIDTH, draw_page, saying
from assistant.knowledge.reading import picture_of_page

FIRST = """Công dân mang thẻ căn cước đến Công an xã, phường nơi cư trú để làm thủ tục.
Cán bộ tiếp nhận sẽ chụp ảnh khuôn mặt, thu nhận vân tay và kiểm tra thông tin."""
SECOND = """Thời hạn giải quyết không quá bảy ngày làm việc, kể từ ngày nhận đủ hồ sơ.
Người cao tuổi, người khuyết tật được ưu tiên phục vụ tại nhà khi có đề nghị."""


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clean(tmp_path_factory.mktemp("paper") / "a.pdf", (FIRST, SECOND))


def marked(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """The box around what is yellow."""
    red, _, blue = picture.convert("RGB").split()
    return ImageChops.subtract(red, blue).point(lambda value: value > 100 and 255).getbbox()


def test_the_passage_is_marked_where_it_stands(paper: Path) -> None:
    picture = draw_page(paper, 1, FIRST.split("\n")[1])
    assert picture.width == pytest.approx(WIDTH, abs=2)
    box = marked(picture)
    assert box is not None
    millimetre = picture.width / 210
    assert 30 < box[1] / millimetre < 38  # the second line stands at 37 mm
    assert box[3] / millimetre < 42
    assert marked(draw_page(paper, 2, FIRST)) is None


def test_the_page_that_says_it_is_found(paper: Path) -> None:
    box = marked(draw_page(paper, 0, "Bác chờ không quá bảy ngày làm việc từ ngày nhận đủ hồ sơ."))
    assert box is not None
    assert draw_page(paper, 0, "Giá vàng hôm nay.").tobytes() == draw_page(paper, 1, "").tobytes()


def test_what_cannot_be_drawn_is_said(paper: Path, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no page 9"):
        draw_page(paper, 9, "")
    broken = tmp_path / "b.pdf"
    broken.write_bytes(b"%PDF-1.4 nothing")
    with pytest.raises(DocumentError):
        draw_page(broken, 1, "")


def test_a_child_draws(paper: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(picture_of_page(paper, 2, SECOND))
    assert marked(Image.open(path)) is not None
    text = tmp_path / "a.txt"
    text.write_text(FIRST, encoding="utf-8")
    with pytest.raises(DocumentError, match="no PDF"):
        picture_of_page(text, 1, "")


def test_sentences_that_say_the_same_in_other_words() -> None:
    text = f"{FIRST}\n{SECOND}\nLiên hệ tòa soạn."
    said = ["Thời hạn không quá bảy ngày làm việc kể từ ngày nhận đủ hồ sơ.", "Mở ứng dụng Zalo."]
    assert saying(text, said) == [
        "Thời hạn giải quyết không quá bảy ngày làm việc, kể từ ngày nhận đủ hồ sơ."
    ]
