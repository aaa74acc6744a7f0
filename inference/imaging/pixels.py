"""Brings decoded pictures of any Pillow mode to upright 8-bit sRGB: L, LA, RGB or RGBA."""

from __future__ import annotations

import struct

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from inference.imaging.profiles import conversion_to_srgb

_SIXTEEN_BIT = 65535
_WHITE_IS_ZERO = 0
"""Among a TIFF's photometric interpretations."""
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
QUARTER_TURNS = frozenset(_TRANSPOSITIONS[tag] for tag in (5, 6, 7, 8))
"""The transpositions that swap width and height."""
# Modes that hold plain 8-bit sRGB in another arrangement.
_ARRANGED = {"1": "L", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB", "La": "LA", "RGBa": "RGBA"}


def orientation(image: Image.Image) -> Image.Transpose | None:
    """Return the transposition that turns the decoded picture upright (EXIF tag 0x0112), if it needs one.

    EXIF data that can't be read turn nothing, as in browsers: they are no reason to refuse a photo. Nor does what XMP
    says, to which ``Image.getexif`` would resort.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif") or b"")
        tag = exif.get(ExifTags.Base.Orientation)
    except (SyntaxError, ValueError, OSError, struct.error):
        return None
    return _TRANSPOSITIONS.get(tag) if isinstance(tag, int) else None


def upright(image: Image.Image, transposition: Image.Transpose | None) -> Image.Image:
    """Apply what ``orientation`` returned."""
    return image if transposition is None else image.transpose(transposition)


def standardize(image: Image.Image) -> Image.Image:
    """Return the picture in 8-bit sRGB, in mode L, LA, RGB or RGBA, whatever mode and profile it came in."""
    profile = image.info.get("icc_profile")
    plain = _eight_bit(image)
    plain = conversion_to_srgb(profile, plain.mode).apply(plain)
    return plain.convert("RGB") if plain.mode == "CMYK" else plain


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _eight_bit_gray(image)
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode in ("1", "L", "RGB") and "transparency" in image.info:
        return image.convert("RGBA" if image.mode == "RGB" else "LA")
    if image.mode in _ARRANGED:
        return image.convert(_ARRANGED[image.mode])
    return image


def _eight_bit_gray(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and floating-point gray to 8 bits; Pillow's own conversion would clip it to white."""
    levels = np.asarray(image)
    tags = getattr(image, "tag_v2", {})  # only a TIFF has them
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (16,))[0]
    white = _white(image.mode, bits, levels)
    scaled = np.clip(levels.astype(np.float32) * (255 / white) + 0.5, 0, 255).astype(np.uint8)
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO:
        scaled = 255 - scaled  # Pillow does so with 8 bits only
    gray = Image.fromarray(scaled)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        gray.putalpha(Image.fromarray(np.where(levels == transparent, 0, 255).astype(np.uint8)))
    return gray


def _white(mode: str, bits: int, levels: np.ndarray) -> float:
    """Return the level that is shown as white: the format's, or the brightest one where it exceeds that."""
    if mode.startswith("I;16"):
        return float(2**bits - 1)
    nominal = 1.0 if mode == "F" else _SIXTEEN_BIT
    return max(nominal, float(levels.max()))
