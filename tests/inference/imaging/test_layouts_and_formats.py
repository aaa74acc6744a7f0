"""The picture comes back in the layout and the format asked for."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inference.imaging.webp_chunks import inspect
from inference.problems import InvalidOption
from inference.vocabulary import Layout, OutputFormat, RecolorOptions
from tests.inference.imaging.pictures import difference, file_of, luma_of, opened, recolor_as, scene

SCENE = scene(240, 160)
CLEAR = SCENE.copy()
CLEAR.putalpha(Image.linear_gradient("L").resize(SCENE.size))


@pytest.mark.parametrize(
    ("image", "file_type", "expected"),
    [
        (SCENE, "JPEG", "image/jpeg"),
        (SCENE, "PNG", "image/png"),
        (SCENE, "WEBP", "image/webp"),
        (SCENE, "TIFF", "image/png"),
        (SCENE, "GIF", "image/png"),
        (SCENE, "AVIF", "image/jpeg"),
        (CLEAR, "AVIF", "image/png"),
        (SCENE, "HEIF", "image/jpeg"),
        (CLEAR, "HEIF", "image/png"),
    ],
)
def test_left_to_itself_the_format_is_the_inputs_or_one_for_the_web(
    image: Image.Image, file_type: str, expected: str
) -> None:
    _, picture = recolor_as(SCENE, file_of(image, file_type))
    assert picture.media_type == expected == Image.MIME[str(opened(picture.data).format)]


@pytest.mark.parametrize("file_type", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("output", [OutputFormat.JPEG, OutputFormat.PNG, OutputFormat.WEBP])
@pytest.mark.parametrize("layout", Layout)
def test_any_input_gives_any_format_and_layout(file_type: str, output: OutputFormat, layout: Layout) -> None:
    _, picture = recolor_as(SCENE, file_of(SCENE, file_type), RecolorOptions(format=output, layout=layout))
    result = opened(picture.data)
    assert result.format == output.name
    assert (picture.width, picture.height) == SCENE.size
    assert result.size == ((480, 160) if layout is Layout.SIDE_BY_SIDE else SCENE.size)


@pytest.mark.parametrize("lossless", [True, False])
def test_webp_stays_lossless_or_lossy(lossless: bool) -> None:
    _, picture = recolor_as(SCENE, file_of(SCENE, "WEBP", lossless=lossless))
    assert inspect(picture.data).lossless is lossless


def test_side_by_side_shows_the_original_in_its_own_colors() -> None:
    sepia = Image.merge(
        "RGB", [SCENE.convert("L").point([int(level * k) for level in range(256)]) for k in (1, 0.8, 0.5)]
    )
    _, picture = recolor_as(SCENE, file_of(sepia, "PNG"), RecolorOptions(layout=Layout.SIDE_BY_SIDE))
    result = opened(picture.data)
    assert np.array_equal(np.asarray(result.crop((0, 0, 240, 160))), np.asarray(sepia))
    assert np.abs(luma_of(result.crop((240, 0, 480, 160))) - luma_of(sepia)).max() <= 1
    assert difference(result.crop((240, 0, 480, 160)), sepia) > 5


def test_wide_photos_are_scaled_down_side_by_side_only() -> None:
    wide = SCENE.resize((3000, 900))
    data = file_of(wide, "JPEG", quality=90)
    photo, picture = recolor_as(SCENE, data, RecolorOptions(layout=Layout.SIDE_BY_SIDE))
    assert opened(picture.data).size == (4096, 614)
    assert (picture.width, picture.height) == (2048, 614)
    right = opened(picture.data).crop((2048, 0, 4096, 614))
    assert difference(right, wide.resize((2048, 614))) < 5
    assert opened(recolor_as(SCENE, data)[1].data).size == (3000, 900)
    assert photo.size == (3000, 900)


@pytest.mark.parametrize("tag", [1, 6])
def test_the_original_of_a_very_wide_jpeg_is_as_good_beside_it(tag: int) -> None:
    """It is decoded at a fraction of its size, whichever way it is turned."""
    wide = scene(4400, 300)
    stored = wide.transpose(Image.Transpose.ROTATE_90) if tag == 6 else wide
    exif = Image.Exif()
    exif[0x0112] = tag
    data = file_of(stored, "JPEG", quality=95, subsampling="4:4:4", exif=exif)
    _, picture = recolor_as(wide, data, RecolorOptions(layout=Layout.SIDE_BY_SIDE, format=OutputFormat.PNG))
    left = opened(picture.data).crop((0, 0, 2048, picture.height))
    assert difference(left, wide.resize(left.size, Image.Resampling.LANCZOS)) < 1.5


def test_opacity_is_kept_side_by_side() -> None:
    _, picture = recolor_as(SCENE, file_of(CLEAR, "PNG"), RecolorOptions(layout=Layout.SIDE_BY_SIDE))
    alpha = np.asarray(opened(picture.data).getchannel("A"))
    assert np.array_equal(alpha[:, :240], np.asarray(CLEAR.getchannel("A")))
    assert np.array_equal(alpha[:, :240], alpha[:, 240:])


def test_a_photo_too_long_for_a_format_is_told_which_one_will_do() -> None:
    data = file_of(Image.new("L", (16_400, 20), 99), "PNG")
    with pytest.raises(InvalidOption, match=r"at most 16383 pixels.*please choose the format png"):
        recolor_as(SCENE, data, RecolorOptions(format=OutputFormat.WEBP))
    assert opened(recolor_as(SCENE, data)[1].data).size == (16_400, 20)
