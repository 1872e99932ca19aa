"""One page as a picture → its text: straightened, evenly white, recognised.

Knows no documents: it is given a file of one page, a picture or a PDF.
"""

from __future__ import annotations

from pathlib import Path

from assistant.errors import DocumentError
from assistant.knowledge.pages import Method, Page, make_page, repaired

MEGAPIXELS = 60  # of one page: A3 at 600 dpi


def recognise(alone: Path, number: int, *, seconds: float) -> Page:
    """Read a file of one page; what is written for it stands beside it.

    Raises DocumentError where OCR is not installed or fails.
    """
    try:
        import ocrmypdf
    except ImportError as error:
        raise DocumentError("OCR is not installed; install the extra `ocr` and tesseract-ocr-vie") from error
    out = alone.with_suffix(".txt")
    try:
        ocrmypdf.ocr(
            alone,
            "-",
            sidecar=out,
            output_type="none",
            language=["vie"],
            force_ocr=True,
            deskew=True,
            tesseract_thresholding="sauvola",  # each spot by what is around it: stamps, folds
            plugins=["assistant.knowledge.flatten"],
            jobs=1,
            use_threads=True,
            optimize=0,
            max_image_mpixels=MEGAPIXELS,
            tesseract_timeout=seconds,
            progress_bar=False,
        )
    except ocrmypdf.exceptions.ExitCodeException as error:
        raise DocumentError(f"OCR of page {number} failed: {error}") from error
    return make_page(number, repaired(out.read_text(encoding="utf-8")), Method.OCR)
