"""The objectives of the paper (Zhang et al. 2016, section 2), and the default's mixture.

The symbols are the paper's: Y is the true ab, Z its soft encoding over the Q = 313 bins, Ẑ the prediction (the softmax
of the logits), H the annealed mean, Ŷ = H(Ẑ), v(Z) the rebalancing factor of a pixel.

The loss reads small patches drawn at random rather than the whole map: an unbiased estimate of the same mean at a
fraction of the cost, which on a CPU the softmax over 313 bins would otherwise dominate. Logits come as
``(K, p, p, 313)`` and ab as ``(K, p, p, 2)``, for K patches of p × p positions.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.model.bins import GRID, ab_bins
from inference.model.encoding import SoftEncoder, rebalancing_weights, soft_encoder
from training.recipe import Recipe

Objective = Callable[[Tensor, Tensor], Tensor]
"""Logits ``(..., 313)`` and true ab Y ``(..., 2)`` to the mean loss, a float32 scalar."""


@functools.cache
def _bins_on(device: torch.device) -> Tensor:
    return ab_bins().to(device)


def decoded(logits: Tensor, T: float = 1.0) -> Tensor:
    """Return Ŷ = H(Ẑ), float32 ``(..., 2)``, for logits ``(..., 313)``: equation 5, where T = 1 is the expectation."""
    return torch.softmax(logits.float() / T, dim=-1) @ _bins_on(logits.device)


def l2(logits: Tensor, Y: Tensor) -> Tensor:
    """Return equation 1: ½ Σ_h,w ‖Y - Ŷ‖², in units of the bins' grid.

    Ŷ is the expectation over bins, so that all objectives train the same network.
    """
    return ((decoded(logits) - Y) / GRID).square().sum(-1).mean() / 2


def classification(encoder: SoftEncoder, w: Tensor | None) -> Objective:
    """Return equation 2: -Σ_h,w v(Z) Σ_q Z_q log Ẑ_q, Z the soft targets; v is w of the nearest bin, else 1."""

    def loss(logits: Tensor, Y: Tensor) -> Tensor:
        bins, Z = (table[:, 0, 0] for table in encoder(Y.reshape(-1, 2, 1, 1)))
        log_Z_hat = F.log_softmax(logits.float().flatten(0, -2), dim=-1).gather(-1, bins)
        cross_entropy = -(Z * log_Z_hat).sum(-1)
        return (cross_entropy if w is None else w[bins[:, 0]] * cross_entropy).mean()

    return loss


def huber(Y_hat: Tensor, Y: Tensor) -> Tensor:
    """Return the mean Huber distance of Ŷ ``(..., 2)`` to Y, in units of the bins' grid; linear beyond one of them."""
    return F.huber_loss(Y_hat / GRID, Y / GRID)


def gradient_difference(Y_hat: Tensor, Y: Tensor) -> Tensor:
    """Return the mean distance of the gradients of Ŷ to those of Y, ``(K, p, p, 2)`` with p > 1.

    In units of the bins' grid per position; blotches on plain walls and colour that bleeds over edges cost here.
    """
    error = (Y_hat - Y) / GRID
    return (error.diff(dim=1).abs().mean() + error.diff(dim=2).abs().mean()) / 2


def mixture(cross_entropy: Objective, recipe: Recipe) -> Objective:
    """Return the default's: cross-entropy plus Huber and gradients on Ŷ as it is decoded, weighted by the recipe."""

    def loss(logits: Tensor, Y: Tensor) -> Tensor:
        Y_hat = decoded(logits, recipe.temperature)
        regression = recipe.huber * huber(Y_hat, Y)
        if recipe.gradient:
            regression = regression + recipe.gradient * gradient_difference(Y_hat, Y)
        return cross_entropy(logits, Y) + regression

    return loss


def build_objective(recipe: Recipe, prior: Tensor, device: torch.device) -> Objective:
    """Build the recipe's objective; ``prior`` is p̃ ``(313,)``, which gives the rebalancing weights w."""
    if recipe.objective == "l2":
        return l2
    encoder = soft_encoder().to(device)
    if recipe.objective == "classification":
        return classification(encoder, None)
    rebalanced = classification(encoder, rebalancing_weights(prior, recipe.rebalancing).to(device))
    return mixture(rebalanced, recipe) if recipe.objective == "default" else rebalanced


Places = tuple[Tensor, Tensor, Tensor]
"""Indices of photos ``(K, 1, 1)``, rows ``(K, p, p)`` and columns ``(K, p, p)``, int64, of K patches in a batch."""


def random_places(ab: Tensor, positions: int, side: int, chance: torch.Generator) -> Places | None:
    """Draw where in a batch the loss reads.

    Args:
        ab: Y ``(N, 2, h, w)``.
        positions: how many to read for each photo on average.
        side: p, the side of a patch in positions.
        chance: lives on the CPU, so that a run draws the same patches on every device.

    Returns:
        The places, on the device of ``ab``; None for all of them, where there are no more than that.

    """
    count, _, height, width = ab.shape
    if positions >= height * width:
        return None
    patches = max(1, round(count * positions / side**2))
    rows, columns = height - side + 1, width - side + 1
    if side == 1:  # without repeats
        corners = torch.randperm(count * rows * columns, generator=chance)[:patches]
    else:
        corners = torch.randint(0, count * rows * columns, (patches,), generator=chance)
    corners = corners.to(ab.device)
    photo, place = corners // (rows * columns), corners % (rows * columns)
    top, left = place // columns, place % columns
    offsets = torch.arange(side, device=ab.device)
    y = (top[:, None] + offsets)[:, :, None].expand(-1, -1, side)
    x = (left[:, None] + offsets)[:, None, :].expand(-1, side, -1)
    return photo[:, None, None], y, x


def patches_at(planes: Tensor, places: Places | None) -> Tensor:
    """Read patches ``(K, p, p, C)`` of ``(N, C, h, w)``; without places the whole, ``(N, h, w, C)``."""
    last = planes.permute(0, 2, 3, 1)
    return last if places is None else last[places]
