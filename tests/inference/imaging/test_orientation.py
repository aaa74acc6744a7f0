"""Photos come back upright, whichever way the camera was held."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from inference.imaging import Limits, decode
from inference.vocabulary import Layout, OutputFormat, RecolorOptions
from tests.inference.imaging.pictures import difference, file_of, luma_of, opened, recolor_as, scene

SCENE = scene(150, 90)
ORIENTATION = 0x0112
# How pixels lie in the file, for the picture to be upright once the tag is followed.
STORED = {
    1: lambda image: image,
    2: ImageOps.mirror,
    3: lambda image: image.transpose(Image.Transpose.ROTATE_180),
    4: ImageOps.flip,
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.transpose(Image.Transpose.ROTATE_90),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.transpose(Image.Transpose.ROTATE_270),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("file_type", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_every_orientation_comes_out_upright(file_type: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}, "AVIF": {"quality": 95}}.get(file_type, {})
    data = file_of(STORED[orientation](SCENE), file_type, exif=exif, **options)
    _, picture = recolor_as(SCENE, data)
    recolored = opened(picture.data)
    assert recolored.size == SCENE.size == (picture.width, picture.height)
    assert ORIENTATION not in recolored.getexif()
    assert np.abs(luma_of(recolored) - luma_of(SCENE)).mean() < 3
    assert difference(recolored, SCENE) < 5


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_is_turned_once(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = STORED[orientation](SCENE)
    stored.info["exif"] = exif.tobytes()  # from here, and not from a parameter, pillow-heif derives the rotation box
    data = file_of(stored, "HEIF", quality=95)
    assert (b"irot" in data) is (orientation == 6)
    photo = decode(data, Limits())
    assert photo.size == SCENE.size
    assert np.abs(np.asarray(photo.frames[0].luma) - luma_of(SCENE)).mean() < 3


def test_both_halves_are_upright() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = file_of(STORED[6](SCENE), "JPEG", exif=exif, quality=95)
    _, picture = recolor_as(SCENE, data, RecolorOptions(layout=Layout.SIDE_BY_SIDE, format=OutputFormat.PNG))
    original = opened(picture.data).crop((0, 0, *SCENE.size))
    assert np.abs(luma_of(original) - luma_of(SCENE)).mean() < 3


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
def test_unreadable_exif_is_no_reason_to_refuse_a_photo(exif: bytes) -> None:
    _, picture = recolor_as(SCENE, file_of(SCENE, "JPEG", exif=exif))
    assert opened(picture.data).size == SCENE.size


def test_nonsense_in_the_tag_is_left_alone() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 77
    assert decode(file_of(SCENE, "JPEG", exif=exif), Limits()).size == SCENE.size


@pytest.mark.parametrize("file_type", ["JPEG", "WEBP", "AVIF"])
def test_only_exif_turns_a_photo_as_in_browsers(file_type: str) -> None:
    """Editors that turn the pixels, and drop the EXIF tag, leave the one in XMP behind."""
    name = b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf ' + name + b' tiff:Orientation="6"/></x:xmpmeta>'
    assert decode(file_of(SCENE, file_type, xmp=xmp), Limits()).size == SCENE.size
