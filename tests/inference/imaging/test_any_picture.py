"""Whatever decodes comes back in the same size with its own luma."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from inference.imaging import Limits, decode, encode
from inference.vocabulary import OutputFormat, RecolorOptions
from tests.inference.imaging.pictures import file_of, opened
from tests.inference.imaging.test_jpeg import jpeg_luma

SHAPES = ((32, 32), (32, 64), (64, 32))
BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


@st.composite
def pictures(draw: st.DrawFn, modes: tuple[str, ...]) -> Image.Image:
    mode = draw(st.sampled_from(modes))
    height, width = draw(st.integers(1, 50)), draw(st.integers(1, 50))
    if draw(st.booleans()):
        levels = draw(arrays.arrays(np.uint8, (height, width, BANDS[mode])))
    else:
        seed = draw(st.integers(0, 2**32 - 1))
        levels = np.random.default_rng(seed).integers(0, 256, (height, width, BANDS[mode]), dtype=np.uint8)
    bands = [Image.fromarray(np.ascontiguousarray(levels[..., band])) for band in range(BANDS[mode])]
    return Image.merge(mode, bands)


def recolored(data: bytes, seed: int, options: RecolorOptions) -> tuple[np.ndarray, Image.Image, bytes]:
    photo = decode(data, Limits())
    height, width = photo.network_input(SHAPES)[0].shape
    ab = np.random.default_rng(seed).uniform(-110, 110, (2, height // 4, width // 4)).astype(np.float32)
    picture = encode(photo, [ab], options)
    return np.asarray(photo.frames[0].luma).astype(int), opened(picture.data), picture.data


@settings(max_examples=80, deadline=None)
@given(
    image=pictures(("L", "LA", "RGB", "RGBA")),
    file_type=st.sampled_from(["PNG", "TIFF"]),
    vividness=st.floats(0, 2),
    seed=st.integers(0, 2**16),
)
def test_luma_is_untouched_to_rounding(image: Image.Image, file_type: str, vividness: float, seed: int) -> None:
    data = file_of(image, file_type)
    luma, result, _ = recolored(data, seed, RecolorOptions(vividness=vividness, format=OutputFormat.PNG))
    assert result.size == image.size
    assert np.abs(np.asarray(result.convert("RGB").convert("L")).astype(int) - luma).max() <= 1
    plain = image.getchannel("L") if "L" in image.mode else image.convert("RGB").convert("L")
    assert np.abs(luma - np.asarray(plain)).max() <= 1
    if "A" in image.mode:
        assert np.array_equal(np.asarray(result.convert("RGBA").getchannel("A")), np.asarray(image.getchannel("A")))


@settings(max_examples=40, deadline=None)
@given(
    image=pictures(("L", "RGB")),
    quality=st.integers(20, 98),
    subsampling=st.sampled_from([0, 1, 2]),
    seed=st.integers(0, 2**16),
)
def test_luma_of_a_jpeg_changes_as_by_saving_again(
    image: Image.Image, quality: int, subsampling: int, seed: int
) -> None:
    data = file_of(image, "JPEG", quality=quality, subsampling=subsampling)
    luma, result, written = recolored(data, seed, RecolorOptions())
    again = file_of(Image.fromarray(luma.astype(np.uint8)), "JPEG", qtables=[opened(data).quantization[0]])
    assert result.size == image.size
    ours, pillows = (np.abs(jpeg_luma(saved) - luma) for saved in (written, again))
    assert ours.max() <= pillows.max() + 1
    assert ours.mean() <= pillows.mean() + 0.1


@settings(max_examples=40, deadline=None)
@given(image=pictures(("L", "LA", "RGB", "RGBA")), file_type=st.sampled_from(["GIF", "WEBP", "AVIF", "HEIF"]))
def test_other_types_keep_their_size(image: Image.Image, file_type: str) -> None:
    stored = image.convert("RGB") if file_type == "HEIF" and image.mode == "LA" else image
    data = file_of(stored, file_type)
    _, result, _ = recolored(data, 0, RecolorOptions())
    assert result.size == image.size
