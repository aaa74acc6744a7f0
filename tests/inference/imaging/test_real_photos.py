"""Real photographs, where the shared corpus is at hand: colors at edges, kinds, and old prints."""

from __future__ import annotations

import io
import os
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.imaging import Limits, decode
from inference.vocabulary import InputKind
from tests.inference.imaging.pictures import difference, file_of, luma_of, opened, recolor_as

CORPUS = Path(os.environ.get("COLORIZEBOT_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
pytestmark = pytest.mark.skipif(
    not (CORPUS / "main-00.tar").is_file(), reason=f"there is no corpus in {CORPUS}; set COLORIZEBOT_CORPUS"
)


@cache
def photographs(shard: str, count: int) -> list[bytes]:
    """Return some files of a shard, evenly drawn."""
    with tarfile.open(CORPUS / shard) as tar:
        members = [member for member in tar.getmembers() if member.isfile()]
        chosen = members[:: max(1, len(members) // count)][:count]
        files = (tar.extractfile(member) for member in chosen)
        return [file.read() for file in files if file is not None]


def test_color_photos_are_color() -> None:
    kinds = [decode(data, Limits()).kind for data in photographs("main-01.tar", 150) + photographs("more-02.tar", 150)]
    assert kinds.count(InputKind.COLOR) >= 0.98 * len(kinds)


def test_old_prints_are_gray_or_tinted() -> None:
    kinds = [decode(data, Limits()).kind for data in photographs("legacy.tar", 1000)]
    assert len(kinds) >= 80
    assert kinds.count(InputKind.COLOR) <= 0.03 * len(kinds)
    assert kinds.count(InputKind.TINTED) >= 10


def test_photos_turned_to_sepia_are_tinted() -> None:
    for data in photographs("main-02.tar", 40):
        gray = np.asarray(opened(data).convert("L")).astype(np.float32)
        sepia = np.stack([gray * 0.98 + 5, gray * 0.85 + 4, gray * 0.66 + 3], axis=-1)
        stored = file_of(Image.fromarray(sepia.clip(0, 255).astype(np.uint8)), "JPEG", quality=75)
        assert decode(stored, Limits()).kind is InputKind.TINTED


def test_true_colors_at_a_quarter_of_the_networks_size_nearly_restore_the_photo() -> None:
    guided, bilinear = [], []
    for data in photographs("main-03.tar", 12):
        photo = opened(data).convert("RGB")
        # Chroma in the corpus is stored at half size; only a smaller copy has edges of color as sharp as of luma.
        photo = photo.reduce(2).resize((photo.width, photo.height), Image.Resampling.LANCZOS)
        _, picture = recolor_as(photo, file_of(photo.convert("L"), "PNG"))
        result = opened(picture.data)
        assert np.abs(luma_of(result) - luma_of(photo)).max() <= 1
        guided.append(difference(result, photo))
        bilinear.append(difference(bilinearly(photo), photo))
    assert np.mean(guided) < 2
    assert np.mean(guided) < 0.9 * np.mean(bilinear)


def bilinearly(photo: Image.Image) -> Image.Image:
    """Return the photo with its chroma averaged down to the network's cells and upsampled bilinearly."""
    luma, *chroma = photo.convert("YCbCr").split()
    cells = (72, 48) if photo.width > photo.height else (48, 72) if photo.width < photo.height else (56, 56)
    blurred = (
        plane.resize(cells, Image.Resampling.BOX).resize(photo.size, Image.Resampling.BILINEAR) for plane in chroma
    )
    return Image.merge("YCbCr", (luma, *blurred)).convert("RGB")


def test_old_prints_keep_their_luma() -> None:
    colors = opened(photographs("main-00.tar", 1)[0])
    for data in photographs("legacy.tar", 10):
        original = Image.open(io.BytesIO(data))
        _, picture = recolor_as(colors, data)
        before, after = luma_of(original), luma_of(opened(picture.data))
        assert before.shape == after.shape
        assert np.abs(before - after).mean() < 1
