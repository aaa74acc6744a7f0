"""JPEG in, JPEG out: luma is quantised as it was, so that saving it again changes next to nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from inference.imaging import Limits, decode, decoding
from inference.problems import BrokenImage
from inference.vocabulary import RecolorOptions
from tests.inference.imaging.pictures import difference, file_of, luma_of, opened, recolor_as, scene

SCENE = scene(403, 265)
KINDS = {
    "gray": (SCENE.convert("L"), {}),
    "color": (SCENE, {}),
    "progressive": (SCENE, {"progressive": True}),
    "4:4:4": (SCENE, {"subsampling": "4:4:4"}),
    "4:2:2": (SCENE, {"subsampling": "4:2:2"}),
    "stored as RGB": (SCENE, {"keep_rgb": True}),
    "CMYK": (SCENE.convert("CMYK"), {}),
}


def jpeg_luma(data: bytes) -> NDArray[np.int16]:
    """Return the luma as stored, without the detour through RGB."""
    image = opened_jpeg(data)
    image.draft("YCbCr" if image.mode == "RGB" else None, None)
    return np.asarray(image.getchannel(0)).astype(np.int16)


def opened_jpeg(data: bytes) -> JpegImageFile:
    image = Image.open(io.BytesIO(data))
    assert isinstance(image, JpegImageFile)
    return image


@pytest.mark.parametrize("quality", [40, 75, 95])
@pytest.mark.parametrize("kind", ["gray", "color", "progressive", "4:4:4", "4:2:2"])
def test_luma_changes_no_more_than_by_pillows_own_saving_again(kind: str, quality: int) -> None:
    image, options = KINDS[kind]
    data = file_of(image, "JPEG", quality=quality, **options)
    _, picture = recolor_as(SCENE, data)
    original = opened_jpeg(data)
    plain = file_of(original, "JPEG", qtables=original.quantization, subsampling=0)
    ours, pillows = (np.abs(jpeg_luma(saved) - jpeg_luma(data)) for saved in (picture.data, plain))
    assert ours.mean() <= pillows.mean() + 0.02
    shown, shown_plain = (np.abs(luma_of(opened(saved)) - luma_of(opened(data))) for saved in (picture.data, plain))
    assert shown.mean() <= shown_plain.mean() + 0.2
    assert difference(opened(picture.data), SCENE) < 8


@pytest.mark.parametrize("kind", ["stored as RGB", "CMYK"])
def test_jpegs_without_luma_of_their_own_keep_what_is_shown(kind: str) -> None:
    image, options = KINDS[kind]
    data = file_of(image, "JPEG", quality=90, **options)
    _, picture = recolor_as(SCENE, data)
    assert np.abs(luma_of(opened(picture.data)) - luma_of(opened(data))).mean() < 2
    assert difference(opened(picture.data), SCENE) < 5


def test_cmyk_of_adobe_is_not_a_negative() -> None:
    data = file_of(Image.new("CMYK", (64, 64), (0, 0, 0, 0)), "JPEG")
    assert np.asarray(decode(data, Limits()).frames[0].luma).min() >= 254


def test_quantisation_is_kept_and_chroma_is_fine() -> None:
    data = file_of(SCENE, "JPEG", quality=50)
    _, picture = recolor_as(SCENE, data)
    before, after = opened_jpeg(data), opened_jpeg(picture.data)
    assert after.quantization[0] == before.quantization[0]
    assert max(after.quantization[1]) <= 20 < max(before.quantization[1])
    assert get_sampling(after) == 2


def test_lumas_quantisation_is_the_one_that_its_component_names() -> None:
    data = file_of(SCENE, "JPEG", quality=50)
    plain = opened_jpeg(data).quantization
    exchanged = bytearray(data)
    for number in (0, 1):
        exchanged[data.index(b"\xff\xdb\0\x43" + bytes([number])) + 4] = 1 - number
    frame = data.index(b"\xff\xc0")
    for component in range(3):
        exchanged[frame + 12 + 3 * component] ^= 1
    photo, picture = recolor_as(SCENE, bytes(exchanged))
    assert np.array_equal(np.asarray(photo.frames[0].luma), np.asarray(decode(data, Limits()).frames[0].luma))
    assert opened_jpeg(picture.data).quantization[0] == plain[0]


def test_quantisation_turns_with_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = file_of(SCENE, "JPEG", quality=50, exif=exif)
    _, picture = recolor_as(SCENE.transpose(Image.Transpose.ROTATE_270), data)
    before, after = opened_jpeg(data).quantization[0], opened_jpeg(picture.data).quantization[0]
    assert after != before
    assert after == np.array(before).reshape(8, 8).T.ravel().tolist()


def test_full_chroma_stays_full() -> None:
    _, picture = recolor_as(SCENE, file_of(SCENE, "JPEG", subsampling="4:4:4"))
    assert get_sampling(opened_jpeg(picture.data)) == 0


def test_of_several_pictures_in_a_phones_jpeg_the_first_is_taken() -> None:
    depth_map = Image.new("L", (50, 40))
    data = file_of(SCENE, "MPO", save_all=True, append_images=[depth_map.convert("RGB")])
    _, picture = recolor_as(SCENE, data)
    assert picture.media_type == "image/jpeg"
    assert opened(picture.data).size == SCENE.size
    assert getattr(opened(picture.data), "n_frames", 1) == 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_the_film_behind_a_motion_photo_is_no_matter(options: dict[str, bool]) -> None:
    """By chance alone, megabytes of film hold a hundred pairs of bytes that look like starts of scans."""
    data = file_of(SCENE, "JPEG", **options)
    _, picture = recolor_as(SCENE, data + b"\xff\xda" * 200)
    assert picture.data == recolor_as(SCENE, data)[1].data


def test_no_vividness_gives_the_gray_photo() -> None:
    _, picture = recolor_as(SCENE, file_of(SCENE, "JPEG"), RecolorOptions(vividness=0))
    assert np.ptp(np.asarray(opened(picture.data)).astype(int), axis=2).max() == 0


def test_more_vividness_is_more_colorful() -> None:
    def colorfulness(vividness: float) -> float:
        _, picture = recolor_as(SCENE, file_of(SCENE, "JPEG"), RecolorOptions(vividness=vividness))
        return float(np.ptp(np.asarray(opened(picture.data)).astype(int), axis=2).mean())

    assert colorfulness(0.5) < 0.7 * colorfulness(1)
    assert colorfulness(1) < 0.8 * colorfulness(1.8)


@pytest.mark.parametrize("kind", KINDS)
def test_large_photos_are_seen_as_small_ones_are(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large ones are gone through twice, for their luma and for what color they have."""
    image, options = KINDS[kind]
    toned = Image.merge("RGB", [image.convert("L").point(lambda level, by=by: level * by) for by in (1, 0.85, 0.7)])
    for picture in (image, image if image.mode != "RGB" else toned):
        data = file_of(picture, "JPEG", quality=85, **options)
        small = decode(data, Limits())
        monkeypatch.setattr(decoding, "_LARGE_PIXELS", 0)
        large = decode(data, Limits())
        monkeypatch.undo()
        assert np.array_equal(np.asarray(small.frames[0].luma), np.asarray(large.frames[0].luma))
        assert small.kind is large.kind


def test_a_large_photo_cut_short_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_LARGE_PIXELS", 0)
    data = file_of(SCENE, "JPEG")
    with pytest.raises(BrokenImage):
        decode(data[: len(data) // 2], Limits())
