"""Luma, chroma and CIE Lab (D65) on small NumPy arrays.

Luma Y' and chroma Cb, Cr are those of JPEG (Rec. ITU-R BT.601, full range), here with chroma centred on 0; the color
spaces behind them are sRGB (IEC 61966-2-1) and CIE 1976 L*a*b* with its white point.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

LUMA_WEIGHTS: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)
CR_TO_RED: Final = 1.402
CB_TO_BLUE: Final = 1.772
CB_TO_GREEN: Final = -0.344136
CR_TO_GREEN: Final = -0.714136

_XYZ_FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
_WHITE = _XYZ_FROM_RGB.sum(axis=1)
_RGB_FROM_RELATIVE_XYZ = (np.linalg.inv(_XYZ_FROM_RGB) * _WHITE).astype(np.float32)
_LINEAR_SLOPE = 12.92
_LINEAR_END = 0.0031308
_GAMMA = 2.4
_KNEE = 6 / 29
_KNEE_SLOPE = 3 * _KNEE**2

_NEWTON_STEPS = 5
_LARGEST_STEP = 20.0


def lightness(luma: Float) -> Float:
    """Return L* in 0..100 (float32) of the gray with luma in 0..255."""
    level = np.clip(luma, 0, 255).astype(np.float32) / np.float32(255)
    dark = level <= _LINEAR_SLOPE * _LINEAR_END
    linear = np.where(dark, level / _LINEAR_SLOPE, ((level + 0.055) / 1.055) ** np.float32(_GAMMA))
    return (116 * np.where(linear > _KNEE**3, np.cbrt(linear), linear / _KNEE_SLOPE + 4 / 29) - 16).astype(np.float32)


LIGHTNESS_OF_LEVEL: Final[Float] = lightness(np.arange(256, dtype=np.float32))
"""L* in 0..100 of the gray levels 0..255."""


def chroma_from_ab(luma: Float, ab: Float) -> Float:
    """Return the chroma that colors of a given luma and a given Lab ab have.

    ``luma`` is (h, w) in 0..255, ``ab`` (2, h, w) in Lab units; the answer is (2, h, w), Cb and Cr centred on 0, in
    the same units as luma. The ab of a color and its own luma give exactly its own chroma back. Colors outside the
    sRGB gamut come out beyond what luma allows, and are for the caller to fit in.
    """
    target = luma.astype(np.float32) / 255
    a, b = ab.astype(np.float32)
    light = lightness(luma)
    for _ in range(_NEWTON_STEPS):
        rgb, slope = _rgb_and_slope(light, a, b)
        error = np.tensordot(LUMA_WEIGHTS, rgb, 1) - target
        step = error / np.maximum(np.tensordot(LUMA_WEIGHTS, slope, 1), 1e-3)
        light = np.clip(light - np.clip(step, -_LARGEST_STEP, _LARGEST_STEP), 0, 100)
    rgb, _ = _rgb_and_slope(light, a, b)
    gray = np.tensordot(LUMA_WEIGHTS, rgb, 1)
    return 255 * np.stack([(rgb[2] - gray) / CB_TO_BLUE, (rgb[0] - gray) / CR_TO_RED])


def _rgb_and_slope(light: Float, a: Float, b: Float) -> tuple[Float, Float]:
    """Return unclipped sRGB (3, h, w) of Lab colors, black at 0 and white at 1, and its derivative by L*."""
    fy = (light + 16) / 116
    f = np.stack([fy + a / 500, fy, fy - b / 200])
    above = f > _KNEE
    relative_xyz = np.where(above, f**3, (f - 4 / 29) * _KNEE_SLOPE)
    xyz_slope = np.where(above, 3 * f**2, np.float32(_KNEE_SLOPE)) / 116
    linear = np.tensordot(_RGB_FROM_RELATIVE_XYZ, relative_xyz, 1)
    linear_slope = np.tensordot(_RGB_FROM_RELATIVE_XYZ, xyz_slope, 1)
    bright = np.maximum(linear, _LINEAR_END)
    power = bright ** np.float32(1 / _GAMMA)
    curved = linear > _LINEAR_END
    rgb = np.where(curved, 1.055 * power - 0.055, _LINEAR_SLOPE * linear)
    slope = np.where(curved, 1.055 / _GAMMA * power / bright, np.float32(_LINEAR_SLOPE)) * linear_slope
    return rgb.astype(np.float32), slope.astype(np.float32)
