"""Which colours a model uses too much, and what it makes of each region of the ab plane."""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.model.bins import BINS, ab_bins
from inference.model.encoding import soft_encoder

_GRAY = 10.0
_STEP = 2
"""Every second pixel in each direction is counted."""


@dataclass(frozen=True)
class Region:
    """A part of the ab plane: all that is nearly gray, or a sector of hues; hue angles in degrees, from +a to +b."""

    name: str
    begin: float
    end: float


REGIONS = (
    Region("nearly gray", 0, 0),
    Region("red", 5, 45),
    Region("orange, brown", 45, 80),
    Region("yellow", 80, 105),
    Region("green", 105, 165),
    Region("teal", 165, 225),
    Region("blue", 225, 300),
    Region("violet, pink", 300, 365),
)
"""Skin and wood lie in the third, foliage in the fourth and fifth, skies in the seventh."""


@functools.cache
@torch.inference_mode(False)  # a cached tensor must do for training too, whoever asks first
def region_of_bins() -> Tensor:
    """Return the index of the region that each bin's centre lies in: int64 ``(313,)``."""
    return torch.tensor([_region(a, b) for a, b in ab_bins().tolist()])


def _region(a: float, b: float) -> int:
    if math.hypot(a, b) <= _GRAY:
        return 0
    hue = math.degrees(math.atan2(b, a)) % 360
    hues = (hue, hue + 360)
    return next(index for index, at in enumerate(REGIONS) if any(at.begin <= angle < at.end for angle in hues))


@dataclass(frozen=True)
class RegionUse:
    """How much of the pixels is truly, and how much was drawn, in a region; where its true pixels were drawn."""

    region: Region
    true_share: float
    drawn_share: float
    drawn_as: tuple[float, ...]
    """Share of the region's true pixels that were drawn in each of :data:`REGIONS`."""


class ColorUse:
    """Counts pixels by their true bin and the bin they were drawn in."""

    def __init__(self) -> None:
        self._counts = torch.zeros(BINS, BINS, dtype=torch.float64)

    def add(self, predicted: Tensor, true: Tensor) -> None:
        """Add photos: predicted and true ab ``(N, 2, H, W)``."""
        drawn, actual = (
            soft_encoder().nearest(ab[..., ::_STEP, ::_STEP].contiguous().cpu()).flatten() for ab in (predicted, true)
        )
        self._counts += torch.bincount(actual * BINS + drawn, minlength=BINS**2).view(BINS, BINS)

    @property
    def true_shares(self) -> Tensor:
        """Share of the pixels whose true colour is nearest to each bin: float64 ``(313,)``."""
        return self._counts.sum(1) / self._total

    @property
    def drawn_shares(self) -> Tensor:
        """Share of the pixels that were drawn nearest to each bin: float64 ``(313,)``."""
        return self._counts.sum(0) / self._total

    @property
    def _total(self) -> Tensor:
        return self._counts.sum().clamp_min(1)

    def regions(self) -> list[RegionUse]:
        """Return the same counts by region."""
        of_bins = torch.nn.functional.one_hot(region_of_bins(), len(REGIONS)).double()
        joint = of_bins.T @ self._counts @ of_bins / self._total
        true, drawn = joint.sum(1), joint.sum(0)
        shares = joint / true[:, None].clamp_min(1e-12)
        return [
            RegionUse(region, float(true[index]), float(drawn[index]), tuple(shares[index].tolist()))
            for index, region in enumerate(REGIONS)
        ]
