from __future__ import annotations

import io

from PIL import Image

from inference.bench.photographs import photograph


def test_made_photos_cost_a_codec_what_photos_do() -> None:
    data = photograph(1280, 800)
    picture = Image.open(io.BytesIO(data))
    assert picture.size == (1280, 800)
    assert picture.mode == "RGB"
    assert 1.5 < len(data) * 8 / (1280 * 800) < 3
