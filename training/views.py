"""What the network is shown of a photo: a crop, its lightness, and the ab it should predict, all made on the device."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.model.color import lab_from_srgb
from training.aging import age

STRIDE = 4
"""Targets are ab averaged over STRIDE × STRIDE pixels, the resolution of the logits."""


@dataclass(frozen=True)
class View:
    """A batch for training: L ``(N, 1, S, S)`` in [0, 100] and ab ``(N, 2, S/4, S/4)``, float32."""

    lightness: Tensor
    ab: Tensor


def plain_view(pixels: Tensor) -> View:
    """Show uint8 photos ``(N, 3, S, S)`` as they are."""
    lab = lab_from_srgb(pixels.float() / 255)
    return View(lab[:, :1], F.avg_pool2d(lab[:, 1:], STRIDE))


def random_view(pixels: Tensor, chance: torch.Generator, *, smallest_crop: float, augment: bool) -> View:
    """Show uint8 photos ``(N, 3, S, S)`` flipped and, all alike, cropped at random; some look old, in gray alone.

    ``chance`` lives on the CPU, so that a run draws the same views on every device.
    """
    side = pixels.shape[-1]
    photos = pixels.float() / 255
    crop = STRIDE * round(side / STRIDE * (1 - (1 - smallest_crop) * torch.rand((), generator=chance).item()))
    if crop < side:
        top, left = torch.randint(0, side - crop + 1, (2,), generator=chance).tolist()
        photos = F.interpolate(
            photos[..., top : top + crop, left : left + crop], size=(side, side), mode="bilinear", align_corners=False
        )
    flips = (torch.rand(len(photos), generator=chance) < 0.5).to(photos.device)
    photos = torch.where(flips[:, None, None, None], photos.flip(-1), photos)
    lab = lab_from_srgb(photos)
    lightness = lab[:, :1]
    if augment:
        lightness = age(lightness, photos, chance)
    return View(lightness, F.avg_pool2d(lab[:, 1:], STRIDE))
