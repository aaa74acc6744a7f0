"""The photos of a load test: every one is another file, and looks like the one it was made from."""

import io
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from bot.load import photos_in, varied

pillow_heif.register_heif_opener()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF"])
def test_a_varied_photo_is_another_file_that_looks_the_same(name: str) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(buffer, name)
    photo = buffer.getvalue()
    first, second = varied(photo), varied(photo)
    assert len({photo, first, second}) == 3
    seen = [Image.open(io.BytesIO(data)).convert("RGB").tobytes() for data in (photo, first, second)]
    assert seen[0] == seen[1] == seen[2]


def test_photos_come_from_a_folder_by_name_and_nothing_else_does(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).write_text(name)
    assert photos_in(tmp_path) == [b"a.png", b"b.JPG"]
    assert len(photos_in(None)) == 1
