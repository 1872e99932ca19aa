from __future__ import annotations

import numpy as np
from PIL import Image

from assistant.knowledge.flatten import flatten


def test_paper_in_the_shade_becomes_white_and_letters_stay_dark() -> None:
    shade = np.tile(np.linspace(90, 250, 400), (200, 1))
    shade[95:100, ::20] *= 0.2
    image = Image.fromarray(shade.astype(np.uint8))
    image.info["dpi"] = (300, 300)
    flat = flatten(image)
    pixels = np.asarray(flat)
    assert pixels[:90].min() > 190
    assert pixels[95:100, ::20].max() < 80
    assert (flat.size, flat.info["dpi"]) == (image.size, (300, 300))
