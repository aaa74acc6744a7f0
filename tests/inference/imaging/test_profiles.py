"""Colors mean what the file's ICC profile says."""

from __future__ import annotations

import io
import struct
import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageCms

from inference.imaging import Limits, decode
from inference.imaging.profiles import UNCHANGED, conversion_to_srgb
from inference.vocabulary import Layout, OutputFormat, RecolorOptions
from tests.inference.imaging.pictures import difference, file_of, luma_of, opened, recolor_as, scene

SCENE = scene(160, 120)


def s15_fixed16(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def matrix_profile(space: bytes, primaries: list[list[float]], gamma: float) -> bytes:
    """Return an ICC version 2 display profile of one gamma; primaries are XYZ (D50) of red, green and blue."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"wtpt": b"XYZ \0\0\0\0" + b"".join(map(s15_fixed16, (0.9642, 1.0, 0.8249)))}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 78
    tags[b"cprt"] = b"text\0\0\0\0none\0"
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        for name, xyz in zip((b"r", b"g", b"b"), primaries, strict=True):
            tags[name + b"XYZ"] = b"XYZ \0\0\0\0" + b"".join(map(s15_fixed16, xyz))
            tags[name + b"TRC"] = curve
    table, payload, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", offset + len(payload), len(data))
        payload += data
    header = struct.pack(">I4xI4s4s4s12x4s", offset + len(payload), 0x02400000, b"mntr", space, b"XYZ ", b"acsp")
    header = header.ljust(68, b"\0") + b"".join(map(s15_fixed16, (0.9642, 1.0, 0.8249)))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + payload


DISPLAY_P3 = matrix_profile(
    b"RGB ", [[0.51512, 0.2412, -0.00105], [0.29198, 0.69225, 0.04189], [0.1571, 0.06657, 0.78407]], 2.2
)
ADOBE_RGB = matrix_profile(
    b"RGB ", [[0.60974, 0.31111, 0.01947], [0.20528, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]], 2.19921875
)
GRAY_GAMMA_18 = matrix_profile(b"GRAY", [], 1.8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def in_profile(profile: bytes) -> Image.Image:
    """Return the scene with its levels expressed in a profile."""
    target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(
        SCENE, ImageCms.createProfile("sRGB"), target, ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    assert converted is not None
    return converted


@pytest.mark.parametrize("profile", [DISPLAY_P3, ADOBE_RGB], ids=["Display P3", "Adobe RGB"])
@pytest.mark.parametrize("file_type", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_wide_gamut_photos_are_shown_as_they_were(file_type: str, profile: bytes) -> None:
    stored = in_profile(profile)
    assert difference(stored, SCENE) > 3  # without the profile they would look wrong
    options = {"JPEG": {"quality": 97, "subsampling": 0}, "WEBP": {"lossless": True}}.get(file_type, {})
    data = file_of(stored, file_type, icc_profile=profile, **options)
    both = RecolorOptions(layout=Layout.SIDE_BY_SIDE, format=OutputFormat.PNG)
    photo, picture = recolor_as(SCENE, data, both)
    assert np.abs(np.asarray(photo.frames[0].luma).astype(int) - luma_of(SCENE)).mean() < 2
    result = opened(picture.data)
    assert difference(result.crop((0, 0, *SCENE.size)), SCENE) < 2.5
    assert "icc_profile" not in result.info


def test_gray_profiles_change_the_levels() -> None:
    gray = SCENE.convert("L")
    plain = decode(file_of(gray, "PNG"), Limits()).frames[0].luma
    brighter = decode(file_of(gray, "PNG", icc_profile=GRAY_GAMMA_18), Limits()).frames[0].luma
    middle = np.asarray(plain) == 128
    assert 138 < np.asarray(brighter)[middle].mean() < 152  # (128/255)^1.8 in sRGB
    opaque = decode(file_of(with_opacity(gray), "PNG", icc_profile=GRAY_GAMMA_18), Limits()).frames[0]
    assert np.array_equal(np.asarray(opaque.luma), np.asarray(brighter))
    assert opaque.alpha is not None
    assert opaque.alpha.getextrema() == (77, 77)


def with_opacity(gray: Image.Image) -> Image.Image:
    image = gray.copy()
    image.putalpha(77)
    return image


def test_srgb_by_another_name_costs_nothing() -> None:
    assert conversion_to_srgb(SRGB, "RGB") is UNCHANGED
    assert conversion_to_srgb(SRGB, "L") is UNCHANGED
    assert conversion_to_srgb(DISPLAY_P3, "RGB") is not UNCHANGED


def test_giant_profiles_are_not_kept_in_memory() -> None:
    tracemalloc.start()
    try:
        for number in range(4):
            assert conversion_to_srgb(bytes([number]) * 10_000_000, "RGB") is UNCHANGED
        assert tracemalloc.get_traced_memory()[0] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("profile", [b"no profile", SRGB[:200], GRAY_GAMMA_18])
def test_profiles_that_cannot_be_meant_are_ignored(profile: bytes) -> None:
    data = file_of(SCENE, "PNG", icc_profile=profile)
    assert np.array_equal(np.asarray(decode(data, Limits()).frames[0].luma), luma_of(SCENE))
