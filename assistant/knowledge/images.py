"""Pictures: those of a document as files of their own, and those that are pages to be recognised."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps

from assistant.errors import DocumentError
from assistant.knowledge.ocr import MEGAPIXELS
from assistant.knowledge.pages import SCREENSHOT, Method, Page, Parsed

_PAGES = 500  # pictures in one file
_LARGEST = 1600  # pixels each way; a screen shows no more
_NAME = 16  # hexadecimal digits of the sum that names a file
_PAPER = 11.7  # inches: the longer side of A4
_LOWEST, _HIGHEST = 70, 400  # dots an inch
_FEW_DOTS = 200  # dots an inch; with fewer, letters are too small to be recognised
_FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP")  # others start programs, or are seldom seen
_PLAIN_MODES = {"1", "L", "LA", "P", "RGB", "RGBA"}


def parse_picture(path: Path) -> Parsed:
    """The pages of a picture file, all of them for OCR. Raises DocumentError for one that is broken."""
    with _opened(path.read_bytes()) as image:
        count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        if count > _PAGES:
            raise DocumentError(f"it holds {count} pictures; split it into files of at most {_PAGES}")
        image.load()
    pages = tuple(Page(number, "", Method.PLAIN, 0.0) for number in range(1, count + 1))
    return Parsed(pages, tuple(page.number for page in pages))


def picture_alone(path: Path, number: int, out: Path) -> None:
    """Write one page of a picture file as a PNG for OCR. Raises DocumentError."""
    with _opened(path.read_bytes(), number - 1) as image:
        upright = ImageOps.exif_transpose(image)
        grey = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
        grey = grey.convert("L")
    dots = max(grey.size) / _PAPER
    if dots < _FEW_DOTS:
        grey = ImageOps.scale(grey, 2, Image.Resampling.LANCZOS)
        dots *= 2
    dots = min(max(dots, _LOWEST), _HIGHEST)
    grey.save(out, dpi=(dots, dots))


def draw_picture(path: Path, number: int) -> bytes:
    """One page of a picture file as a PNG for a screen. Raises DocumentError."""
    with _opened(path.read_bytes(), number - 1) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((_LARGEST, _LARGEST))
    out = io.BytesIO()
    upright.quantize(64).save(out, "PNG")
    return out.getvalue()


def save_picture(picture: Image.Image | bytes, folder: Path) -> str | None:
    """Save a picture as PNG or JPEG under the sum of its bytes; the name, or None for one that is too small.

    Drawn anew: what else a file of another's making may hold (places, names, a second file) is left behind.
    Raises DocumentError for what is no picture.
    """
    with _opened(picture) as image:
        if min(image.size) < SCREENSHOT:
            return None
        kind = "JPEG" if image.format in {"JPEG", "MPO"} else "PNG"
        drawn = ImageOps.exif_transpose(image)
        if kind == "JPEG" or drawn.mode not in _PLAIN_MODES:
            drawn = drawn.convert("L" if drawn.mode == "L" else "RGB")
        elif max(drawn.size) > _LARGEST or "transparency" in drawn.info:
            drawn = drawn.convert("RGBA")
        drawn.thumbnail((_LARGEST, _LARGEST))
        drawn.info.clear()
        buffer = io.BytesIO()
        drawn.save(buffer, kind, optimize=True)
    data = buffer.getvalue()
    name = f"{hashlib.sha256(data).hexdigest()[:_NAME]}.{'jpg' if kind == 'JPEG' else 'png'}"
    (folder / name).write_bytes(data)
    return name


@contextmanager
def _opened(picture: Image.Image | bytes, number: int = 0) -> Iterator[Image.Image]:
    """One picture, of a size that fits in the memory."""
    try:
        image = Image.open(io.BytesIO(picture), formats=_FORMATS) if isinstance(picture, bytes) else picture
        if number:
            image.seek(number)
        if image.width * image.height > MEGAPIXELS * 1_000_000:
            raise DocumentError(f"a picture of {image.width}×{image.height} pixels is too large")
        yield image
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DocumentError(f"the picture is broken or cut off ({error}); get it again") from error
