"""Converts pictures from their ICC profile to sRGB."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

# Two profiles that agree within this many of 255 levels all over the color cube are the same for our purposes: most
# photos carry some vendor's sRGB profile, and needn't be converted pixel by pixel.
_SAME_LEVELS = 2
_CUBE_STEPS = 6
# Profiles of cameras and screens, which come again and again, have a few KiB. A file may hold one of 50 MiB.
_MOST_REMEMBERED_BYTES = 2**20
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


@dataclass(frozen=True, slots=True)
class Conversion:
    """How to bring pixels of one mode to sRGB: a table of gray levels, or a transform."""

    levels: tuple[int, ...] | None = None
    transform: ImageCms.ImageCmsTransform | None = None

    def apply(self, image: Image.Image) -> Image.Image:
        """Return the picture in sRGB; L and LA stay so, CMYK and LAB become RGB."""
        if self.levels is not None:
            tables = self.levels if image.mode == "L" else (*self.levels, *range(256))
            return image.point(tables)
        if self.transform is not None:
            return _applied(image, self.transform)
        return image


UNCHANGED = Conversion()


def conversion_to_srgb(profile: bytes | None, mode: str) -> Conversion:
    """Return how to bring pixels of ``mode`` (L, LA, RGB, RGBA, CMYK or LAB) from ``profile`` to sRGB.

    A missing profile, one that can't be read, one for another kind of pixels and one that is as good as sRGB need no
    conversion; browsers treat them so too. CMYK is then Pillow's plain ``convert``, and LAB is taken as D50 Lab.
    """
    if profile is not None and len(profile) > _MOST_REMEMBERED_BYTES:
        return _conversion_to_srgb(profile, mode)
    return _remembered_conversion_to_srgb(profile, mode)


def _conversion_to_srgb(profile: bytes | None, mode: str) -> Conversion:
    if mode == "LAB":
        return Conversion(transform=_transform(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), mode, "RGB"))
    if not profile:
        return UNCHANGED
    try:
        return _conversion(ImageCms.ImageCmsProfile(io.BytesIO(profile)), mode)
    except (OSError, ImageCms.PyCMSError):
        return UNCHANGED


_remembered_conversion_to_srgb = lru_cache(maxsize=16)(_conversion_to_srgb)


def _conversion(source: ImageCms.ImageCmsProfile, mode: str) -> Conversion:
    space = source.profile.xcolor_space.strip()
    if mode in ("L", "LA") and space in ("GRAY", "RGB"):
        return _gray_conversion(source, space)
    if mode == "CMYK" and space == "CMYK":
        return Conversion(transform=_transform(source, mode, "RGB"))
    if mode in ("RGB", "RGBA") and space == "RGB":
        return UNCHANGED if _is_srgb(source) else Conversion(transform=_transform(source, mode, mode))
    return UNCHANGED


def _transform(source: ImageCms.ImageCmsProfile, source_mode: str, target_mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), source_mode, target_mode, _INTENT, _FLAGS)


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    if converted is None:
        raise TypeError("applyTransform gives a picture unless told to work in place")
    return converted


def _gray_conversion(source: ImageCms.ImageCmsProfile, space: str) -> Conversion:
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    if space == "RGB":
        converted = _applied(ramp.convert("RGB"), _transform(source, "RGB", "RGB"))
    else:
        converted = _applied(ramp, _transform(source, "L", "RGB"))
    levels = np.asarray(converted.convert("L"))[0]
    if np.abs(levels.astype(int) - np.arange(256)).max() <= _SAME_LEVELS:
        return UNCHANGED
    return Conversion(levels=tuple(int(level) for level in levels))


def _is_srgb(source: ImageCms.ImageCmsProfile) -> bool:
    steps = np.linspace(0, 255, _CUBE_STEPS).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    converted = np.asarray(_applied(Image.fromarray(cube), _transform(source, "RGB", "RGB")))
    return bool(np.abs(converted.astype(int) - cube.astype(int)).max() <= _SAME_LEVELS)
