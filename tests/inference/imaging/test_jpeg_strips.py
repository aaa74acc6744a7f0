"""A JPEG put together from strips is the JPEG that would have been written at once."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from inference.imaging.guided import ChromaLines, Spreader, spread
from inference.imaging.joining import join, join_by_strips
from inference.imaging.jpeg_strips import STRIP_UNIT, join_strips
from tests.inference.imaging.pictures import file_of, opened, scene


def pixels(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    image.draft("YCbCr", None)
    return np.asarray(image)


def strips_of(image: Image.Image, rows: int) -> list[Image.Image]:
    width, height = image.size
    return [image.crop((0, top, width, min(top + rows, height))) for top in range(0, height, rows)]


def random_lines() -> ChromaLines:
    rng = np.random.default_rng(0)
    slope, offset = rng.normal(0, 0.2, (2, 12, 17)), rng.normal(0, 30, (2, 12, 17))
    return ChromaLines(slope.astype(np.float32), offset.astype(np.float32))


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize(("width", "height"), [(403, 265), (16, 481), (33, 32), (130, 17), (50, 16), (7, 5)])
def test_joined_strips_are_the_whole(width: int, height: int, subsampling: str) -> None:
    # Chroma is even within every 2 x 2 pixels: else halving it at the bottom edge depends on the rows below.
    image = scene(width, height).convert("YCbCr")
    halved = image.reduce(2).resize((width + width % 2, height + height % 2), Image.Resampling.NEAREST)
    planes = [image.getchannel(0), *(halved.getchannel(band).crop((0, 0, width, height)) for band in (1, 2))]
    image = Image.merge("YCbCr", planes)
    for rows in (STRIP_UNIT, 3 * STRIP_UNIT):
        coded = [file_of(strip, "JPEG", quality=85, subsampling=subsampling) for strip in strips_of(image, rows)]
        joined = join_strips(coded, height)
        whole = file_of(image, "JPEG", quality=85, subsampling=subsampling)
        assert opened(joined).size == (width, height)
        assert np.array_equal(pixels(joined), pixels(whole))
        assert len(joined) < len(whole) + 8 + 6 * len(coded) * STRIP_UNIT


def test_it_stays_a_plain_baseline_file() -> None:
    """Any viewer is to show it: one interleaved scan, no progression, and each restart marker in its turn."""
    image = scene(64, 400).convert("YCbCr")
    joined = join_strips([file_of(strip, "JPEG") for strip in strips_of(image, STRIP_UNIT)], 400)
    parsed = Image.open(io.BytesIO(joined))
    assert isinstance(parsed, JpegImageFile)
    assert "progressive" not in parsed.info
    assert joined.count(b"\xff\xda") == 1
    markers = [joined[at + 1] for at in range(len(joined) - 1) if joined[at] == 0xFF and 0xD0 <= joined[at + 1] <= 0xD7]
    assert markers == [0xD0 + number % 8 for number in range(24)]


@pytest.mark.parametrize(("width", "height"), [(3001, 403), (6000, 97), (9, 700)])
def test_strips_of_full_chroma_are_those_of_the_whole(width: int, height: int) -> None:
    luma = scene(300, 100).convert("L").resize((width, height))
    strips = list(join_by_strips(luma, random_lines(), halve=False))
    assert all(strip.height % STRIP_UNIT == 0 for strip in strips[:-1])
    stacked = np.concatenate([np.asarray(strip) for strip in strips])
    assert np.abs(stacked.astype(int) - np.asarray(join(luma, random_lines()))).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(3001, 403), (9, 701)])
def test_strips_of_halved_chroma_are_those_of_the_halved_luma(width: int, height: int) -> None:
    luma = scene(300, 100).convert("L").resize((width, height))
    stacked = np.concatenate([np.asarray(strip) for strip in join_by_strips(luma, random_lines(), halve=True)])
    expected = spread(random_lines(), np.asarray(luma.reduce(2))).transpose(1, 2, 0)
    assert np.array_equal(stacked[..., 0], np.asarray(luma))
    for row, column in ((0, 0), (1, 0), (0, 1), (1, 1)):
        shown = stacked[row::2, column::2, 1:].astype(int)
        assert np.abs(shown - expected[: shown.shape[0], : shown.shape[1]]).max() <= 1


def test_rows_can_be_had_in_any_order() -> None:
    luma = np.asarray(scene(200, 150).convert("L"))
    spreader = Spreader(random_lines(), luma.shape)
    low, high = spreader.rows(90, luma[90:]), spreader.rows(0, luma[:90])
    whole = spread(random_lines(), luma)
    assert np.abs(np.concatenate([high, low], axis=1).astype(int) - whole).max() <= 1
