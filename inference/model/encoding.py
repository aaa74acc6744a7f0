"""From ab to a distribution over bins and back (Zhang et al. 2016, sections 2.1-2.3).

Symbols follow the paper: Z is the target distribution over the Q = 313 bins, p̃ the prior over bins, w the
rebalancing weights, λ their mix with the uniform distribution, H the annealed mean and T its temperature.
"""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.model.bins import BINS, ab_bins

SIGMA = 5.0
"""Width of the Gaussian of the soft encoding and of the prior's smoothing, in ab units."""

NEIGHBOURS = 5
"""Bins that share a soft-encoded colour (5 in the paper)."""

TEMPERATURE = 0.38
"""The paper's T: 1 decodes the mean of the distribution, towards 0 its mode."""

_RADIUS = 112
_SIDE = 2 * _RADIUS + 1


@dataclass(frozen=True)
class SoftEncoder:
    """Soft encoding by table look-up over ab rounded to whole units.

    ``indices`` and ``weights`` are ``(225 * 225, 5)``: the nearest bins of each whole ab, and their share of Z, which
    sums to 1. Looking up is about forty times faster than computing distances, and exact to half a unit of ab.
    """

    indices: Tensor
    weights: Tensor

    def to(self, device: torch.device | str) -> "SoftEncoder":
        """Return the same tables on another device."""
        return SoftEncoder(self.indices.to(device), self.weights.to(device))

    def __call__(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """Encode ab ``(N, 2, H, W)``: bins (int64) and weights (float32), both ``(N, H, W, 5)``, nearest first."""
        cell = _cell(ab)
        return self.indices[cell], self.weights[cell]

    def nearest(self, ab: Tensor) -> Tensor:
        """Return the nearest bin of each pixel: ab ``(N, 2, H, W)`` to int64 ``(N, H, W)``."""
        return self.indices[_cell(ab), 0]


def _cell(ab: Tensor) -> Tensor:
    a, b = ab.round().long().clamp(-_RADIUS, _RADIUS).unbind(1)
    return (a + _RADIUS) * _SIDE + (b + _RADIUS)


def _whole_ab() -> Tensor:
    axis = torch.arange(-_RADIUS, _RADIUS + 1, dtype=torch.float32)
    return torch.cartesian_prod(axis, axis)


@functools.cache
@torch.inference_mode(False)  # a cached tensor must do for training too, whoever asks first
def soft_encoder() -> SoftEncoder:
    """Build the look-up table (about half a second, once a process)."""
    distances, indices = torch.cdist(_whole_ab(), ab_bins()).topk(NEIGHBOURS, largest=False)
    # Relative to the nearest bin, so that colours far outside the gamut don't underflow to 0 / 0.
    closeness = torch.exp(-(distances**2 - distances[:, :1] ** 2) / (2 * SIGMA**2))
    return SoftEncoder(indices, closeness / closeness.sum(1, keepdim=True))


def ab_histogram(ab: Tensor) -> Tensor:
    """Count the pixels of ab ``(N, 2, H, W)`` at every whole ab: float64 ``(225, 225)``."""
    return torch.bincount(_cell(ab).flatten(), minlength=_SIDE**2).reshape(_SIDE, _SIDE).double()


def smoothed_prior(histogram: Tensor) -> Tensor:
    """Turn a histogram of whole ab ``(225, 225)`` into p̃, float32 ``(313,)``: smoothed in 2-D with sigma 5, sum 1."""
    reach = int(4 * SIGMA)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    kernel /= kernel.sum()
    plane = histogram.double().cpu()[None, None]
    plane = F.conv2d(plane, kernel.view(1, 1, -1, 1), padding=(reach, 0))
    plane = F.conv2d(plane, kernel.view(1, 1, 1, -1), padding=(0, reach))[0, 0]
    at = (ab_bins().long() + _RADIUS).clamp(0, _SIDE - 1)
    prior = plane[at[:, 0], at[:, 1]]
    return (prior / prior.sum()).float()


def rebalancing_weights(prior: Tensor, mix: float = 0.5) -> Tensor:
    """Return w ``(313,)`` of equation 4: w ∝ ((1 - λ) p̃ + λ / Q)^-1 with Σ p̃ w = 1; ``mix`` is λ in [0, 1]."""
    weights = 1 / ((1 - mix) * prior + mix / BINS)
    return weights / (prior * weights).sum()


def annealed_mean(logits: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Decode logits ``(N, 313, H, W)`` to ab, float32 ``(N, 2, H, W)``: the annealed mean of equation 5.

    That is the expectation over bin centres under softmax(logits / T); ``temperature`` is T > 0.
    """
    share = torch.softmax(logits.permute(0, 2, 3, 1).float() / temperature, dim=-1)
    return _expectation(share, ab_bins().to(logits.device)).permute(0, 3, 1, 2)


def shrunk_mean(logits: Tensor, temperature: float, shrinkage: float) -> Tensor:
    """Decode logits ``(N, 313, H, W)`` to ab, float32 ``(N, 2, H, W)``: the annealed mean, muted where it is a guess.

    A network trained with rebalancing is boldest where it knows least. As in Wiener's filter, each mean is multiplied
    by S² / (S² + σ²), where σ² is the variance of ab under softmax(logits / T).

    Args:
        logits: of the ab bins.
        temperature: T > 0.
        shrinkage: S > 0, the standard deviation in Lab units at which chroma is halved.

    """
    share = torch.softmax(logits.permute(0, 2, 3, 1).float() / temperature, dim=-1)
    bins = ab_bins().to(logits.device)
    moments = _expectation(share, torch.cat((bins, bins.square().sum(1, keepdim=True)), 1))
    mean = moments[..., :2]
    variance = (moments[..., 2:] - mean.square().sum(-1, keepdim=True)).clamp_min(0)
    return (mean / (1 + variance / shrinkage**2)).permute(0, 3, 1, 2)


def _expectation(share: Tensor, of_bins: Tensor) -> Tensor:
    """Return the means of ``of_bins`` (313, K) under ``share`` (..., 313)."""
    # Five times faster on CPUs than ``share @ of_bins``, whose few columns lie apart in memory.
    return F.linear(share, of_bins.T.contiguous())
