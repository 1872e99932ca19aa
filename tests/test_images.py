from __future__ import annotations

import io
from pathlib import Path

import pytest
from office_files import picture
from PIL import Image

from assistant.errors import DocumentError
from assistant.knowledge.images import parse_picture, picture_alone, save_picture


def saved(folder: Path, data: bytes) -> Image.Image:
    name = save_picture(data, folder)
    assert name is not None
    return Image.open(folder / name)


def test_a_picture_is_saved_once_under_the_sum_of_its_bytes(tmp_path: Path) -> None:
    names = {save_picture(picture(), tmp_path) for _ in range(2)} | {
        save_picture(picture(shade="red"), tmp_path)
    }
    assert len(names) == 2
    assert {path.name for path in tmp_path.iterdir()} == names
    assert all(name and name.endswith(".png") for name in names)
    assert str(save_picture(picture(kind="JPEG"), tmp_path)).endswith(".jpg")


def test_a_small_picture_is_not_saved(tmp_path: Path) -> None:
    assert save_picture(picture(400, 199), tmp_path) is None
    assert not any(tmp_path.iterdir())


def test_what_a_file_holds_beside_its_picture_is_left_behind(tmp_path: Path) -> None:
    image = Image.new("RGB", (300, 300))
    exif = image.getexif()
    exif[0x010F] = "nhà của Lan"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    name = save_picture(buffer.getvalue() + b"<script>", tmp_path)
    assert not any(word in (tmp_path / str(name)).read_bytes() for word in (b"Lan", b"<script>"))


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_colours_is_saved(tmp_path: Path, mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (2000, 240)).save(buffer, "TIFF")
    assert saved(tmp_path, buffer.getvalue()).size == (1600, 192)


@pytest.mark.parametrize("data", [b"", b"%!PS-Adobe-3.0", picture()[:100]])
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DocumentError, match="broken"):
        save_picture(data, tmp_path)


def test_a_picture_too_large_for_the_memory_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("1", (9000, 9000)).save(buffer, "PNG")
    with pytest.raises(DocumentError, match="too large"):
        save_picture(buffer.getvalue(), tmp_path)


def test_each_picture_of_a_tiff_is_a_page(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    pages = [Image.new("L", (300, 400), shade) for shade in (10, 200)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    parsed = parse_picture(path)
    assert parsed.for_ocr == (1, 2)
    picture_alone(path, 2, tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as page:
        assert page.getpixel((0, 0)) == 200
        assert page.size == (600, 800)  # too small to be recognised as it was


def test_a_photograph_is_put_upright_and_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.png", exif=exif)
    picture_alone(tmp_path / "a.png", 1, tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as page:
        assert (page.size, page.getpixel((0, 0))) == ((600, 800), 255)
