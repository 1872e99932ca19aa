"""Makes the paper of a scanned page evenly white before it is recognised: a plugin of OCRmyPDF.

It is loaded by OCRmyPDF, by name. Without it, what lies in the shadow of a book's fold is lost in silence.
"""

from __future__ import annotations

import numpy as np
import pluggy
from PIL import Image, ImageFilter

_hook = pluggy.HookimplMarker("ocrmypdf")
_REDUCED = 8  # the paper is looked at this many times smaller
_LETTER = 9  # reduced pixels; wider than the strokes of a letter


@_hook
def filter_ocr_image(page: object, image: Image.Image) -> Image.Image:
    """The image that is recognised; the parameters are OCRmyPDF's."""
    return flatten(image)


def flatten(image: Image.Image) -> Image.Image:
    """Every pixel relative to the paper around it, in shades of grey."""
    grey = image.convert("L")
    paper = grey.reduce(_REDUCED).filter(ImageFilter.MaxFilter(_LETTER)).filter(ImageFilter.GaussianBlur(6))
    around = np.asarray(paper.resize(grey.size, Image.Resampling.BILINEAR), dtype=np.float32)
    relative = np.asarray(grey, dtype=np.float32) * 255 / np.maximum(around, 1)
    flat = Image.fromarray(np.clip(relative, 0, 255).astype(np.uint8))
    flat.info.update(image.info)  # OCRmyPDF needs its resolution
    return flat
