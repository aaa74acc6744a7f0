"""What evaluation compares: the baselines of every table, and weights decoded as the worker does it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from inference.imaging.chroma import chroma_from_ab
from inference.imaging.guided import cell_means, fit_lines
from inference.imaging.joining import join
from inference.model.bins import ab_bins
from inference.model.color import gray_from_lightness, lab_from_srgb
from inference.model.colorizer import Colorizer
from training.views import STRIDE

_HINT = 7
"""Side of the patch that a hint covers, in pixels of the network's input."""
MODE = 1e-6
"""The temperature that stands for 0: so near to it that the annealed mean is the mode."""


@dataclass(frozen=True)
class Colored:
    """Photos in Lab, float32: L ``(N, 1, S, S)`` in [0, 100] and their true ab ``(N, 2, S, S)``."""

    lightness: Tensor
    ab: Tensor

    @classmethod
    def from_pixels(cls, pixels: Tensor) -> "Colored":
        """Convert uint8 sRGB ``(N, 3, S, S)``."""
        lab = lab_from_srgb(pixels.float() / 255)
        return cls(lab[:, :1], lab[:, 1:])


Predictor = Callable[[Colored], Tensor]
"""Photos to the predicted ab ``(N, 2, S, S)``, float32; only :func:`ceiling` looks at the true one."""


def gray(photos: Colored) -> Tensor:
    """Predict no colour at all."""
    return torch.zeros_like(photos.ab)


def truth(photos: Colored) -> Tensor:
    """Give the true colours back."""
    return photos.ab


def half_saturated(photos: Colored) -> Tensor:
    """Give the true colours back at half their chroma: right, but timid."""
    return photos.ab / 2


def mean_color(prior: Tensor) -> Predictor:
    """Predict the training photos' mean ab everywhere; ``prior`` is their p̃ ``(313,)``."""
    mean = (prior / prior.sum()) @ ab_bins()

    def predict(photos: Colored) -> Tensor:
        return mean.view(1, 2, 1, 1).expand_as(photos.ab).contiguous()

    return predict


def ceiling(side: int) -> Predictor:
    """Predict the true ab as far as the logits' grid can tell it, for a network that sees ``side`` × ``side`` pixels.

    The ab is averaged over the grid's cells and spread by the worker's guided filter: no weights do better than this.
    """

    def predict(photos: Colored) -> Tensor:
        return spread_guided(photos.lightness, F.adaptive_avg_pool2d(photos.ab, side // STRIDE))

    return predict


def square_side(colorizer: Colorizer) -> int:
    """Return the side of the most nearly square input that the network is meant to see, in pixels."""
    height, width = min(colorizer.shapes, key=lambda shape: abs(shape[0] - shape[1]))
    return min(height, width)


def as_the_worker(colorizer: Colorizer) -> Predictor:
    """Predict as the worker does: the network at its own square size, its ab spread with the photo as the guide."""
    side = square_side(colorizer)

    def predict(photos: Colored) -> Tensor:
        lightness = photos.lightness
        small = F.interpolate(lightness, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
        return spread_guided(lightness, colorizer.predict(small))

    return predict


def with_hints(colorizer: Colorizer, points: int) -> Predictor:
    """Predict as the worker does, told the true colour at ``points`` random places of each photo.

    Each hint is a patch of 7 pixels with its mean colour, as in Zhang et al. 2017, section 3.4; the places are the same
    at every call.

    Raises:
        ValueError: these weights take no hints.

    """
    if not colorizer.configuration.hints:
        raise ValueError(f"{colorizer.name} takes no colour hints; leave --hints out")
    side = square_side(colorizer)
    reach = _HINT // 2

    def predict(photos: Colored) -> Tensor:
        small, ab = (
            F.interpolate(plane, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
            for plane in (photos.lightness, photos.ab)
        )
        hints = ab.new_zeros(len(ab), 3, side, side)
        chance = torch.Generator().manual_seed(points)
        for photo in range(len(ab)):
            for row, column in torch.randint(reach, side - reach, (points, 2), generator=chance).tolist():
                rows, columns = (slice(at - reach, at + reach + 1) for at in (row, column))
                hints[photo, :2, rows, columns] = ab[photo, :, rows, columns].mean((1, 2), keepdim=True)
                hints[photo, 2, rows, columns] = 1
        return spread_guided(photos.lightness, colorizer.predict(small, hints))

    return predict


def decoding(
    colorizer: Colorizer,
    *,
    temperature: float | None = None,
    chroma: float | None = None,
    shrinkage: float | None = None,
) -> Colorizer:
    """Return a colorizer that decodes otherwise; None keeps the weights' own.

    A ``temperature`` of 0 decodes the mode, a ``shrinkage`` of infinity mutes nothing.

    Raises:
        ValueError: the temperature is below 0, or the shrinkage not above it.

    """
    if temperature is not None and not temperature >= 0:
        raise ValueError(f"a temperature is 0 or more, not {temperature:g}")
    if shrinkage is not None and not shrinkage > 0:
        raise ValueError(f"a shrinkage is above 0, not {shrinkage:g}; inf mutes nothing")
    warm = None if temperature is None else max(temperature, MODE)
    return colorizer.decoding(temperature=warm, chroma=chroma, shrinkage=shrinkage)


def spread_guided(lightness: Tensor, ab: Tensor) -> Tensor:
    """Bring ab ``(N, 2, h, w)`` to the size of L ``(N, 1, H, W)`` by the very code with which the worker draws."""
    levels = (gray_from_lightness(lightness[:, 0]) * 255).round().to(torch.uint8).cpu().numpy()
    pictures = [_drawn(Image.fromarray(level), plane) for level, plane in zip(levels, ab.cpu().numpy(), strict=True)]
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return lab_from_srgb(pixels.to(lightness.device).float() / 255)[:, 1:]


def _drawn(luma: Image.Image, ab: np.ndarray) -> np.ndarray:
    """Draw one photo: its luma (mode L) in the colours of ab ``(2, h, w)``; uint8 ``(H, W, 3)``."""
    cells = ab.shape[1:]
    size = (cells[1] * STRIDE, cells[0] * STRIDE)
    small = luma if luma.size == size else luma.resize(size, Image.Resampling.BICUBIC)
    levels = np.asarray(small, dtype=np.float32)
    lines = fit_lines(levels, chroma_from_ab(cell_means(levels, cells), ab))
    return np.asarray(join(luma, lines).convert("RGB"))
