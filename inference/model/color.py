"""Conversions between sRGB and CIE Lab (D65, 2° observer) on tensors.

All functions work on channel-first tensors ``(..., 3, H, W)`` and in float32: bfloat16 Lab errs by up to half a unit.
Constants: IEC 61966-2-1 (sRGB), CIE 15:2004 (Lab).
"""

import functools

import torch
from torch import Tensor

_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)
_EPSILON = (6 / 29) ** 3
_SLOPE = (29 / 6) ** 2 / 3


@functools.cache
@torch.inference_mode(False)  # a cached tensor must do for training too, whoever asks first
def _to_xyz(device: torch.device) -> Tensor:
    """Linear sRGB to XYZ relative to white, ``(3, 3)``."""
    matrix = torch.tensor(_RGB_TO_XYZ, dtype=torch.float64)
    return (matrix / torch.tensor(_WHITE, dtype=torch.float64)[:, None]).float().to(device)


@functools.cache
@torch.inference_mode(False)  # a cached tensor must do for training too, whoever asks first
def _to_linear_rgb(device: torch.device) -> Tensor:
    """XYZ relative to white to linear sRGB, ``(3, 3)``."""
    inverse: Tensor = torch.linalg.inv(_to_xyz(torch.device("cpu")).double()).float().to(device)
    return inverse


def _mix(matrix: Tensor, planes: Tensor) -> Tensor:
    return torch.einsum("ij,...jhw->...ihw", matrix, planes)


def linear_from_srgb(srgb: Tensor) -> Tensor:
    """Undo the sRGB transfer curve; values in [0, 1]."""
    return torch.where(srgb > 0.04045, ((srgb + 0.055) / 1.055).clamp_min(0) ** 2.4, srgb / 12.92)


def srgb_from_linear(linear: Tensor) -> Tensor:
    """Apply the sRGB transfer curve; values in [0, 1], negative ones become 0."""
    linear = linear.clamp_min(0)
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp_min(1e-8) ** (1 / 2.4) - 0.055, linear * 12.92)


def _lab_curve(t: Tensor) -> Tensor:
    return torch.where(t > _EPSILON, t.clamp_min(1e-8) ** (1 / 3), _SLOPE * t + 4 / 29)


def _lab_curve_inverse(f: Tensor) -> Tensor:
    return torch.where(f > 6 / 29, f**3, (f - 4 / 29) / _SLOPE)


def lab_from_srgb(srgb: Tensor) -> Tensor:
    """Convert sRGB ``(..., 3, H, W)`` in [0, 1] to Lab: L in [0, 100], a and b in about [-110, 110]."""
    f = _lab_curve(_mix(_to_xyz(srgb.device), linear_from_srgb(srgb.float())))
    x, y, z = f.unbind(-3)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-3)


def srgb_from_lab(lab: Tensor) -> Tensor:
    """Convert Lab ``(..., 3, H, W)`` to sRGB in [0, 1]; colours outside the gamut are clipped."""
    lightness, a, b = lab.float().unbind(-3)
    y = (lightness + 16) / 116
    xyz = _lab_curve_inverse(torch.stack((y + a / 500, y, y - b / 200), dim=-3))
    return srgb_from_linear(_mix(_to_linear_rgb(lab.device), xyz)).clamp(0, 1)


def gray_from_lightness(lightness: Tensor) -> Tensor:
    """Return the sRGB level in [0, 1] of the gray whose Lab lightness is given (L in [0, 100])."""
    return srgb_from_linear(_lab_curve_inverse((lightness.float() + 16) / 116)).clamp(0, 1)
