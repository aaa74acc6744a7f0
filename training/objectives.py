"""The objectives of the paper (Zhang et al. 2016, section 2), on logits at single positions.

The loss reads positions drawn at random rather than the whole map: an unbiased estimate of the same mean at a fraction
of the cost, which on a CPU the softmax over 313 bins would otherwise dominate.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.model.bins import ab_bins
from inference.model.encoding import SoftEncoder, rebalancing_weights, soft_encoder

Objective = Callable[[Tensor, Tensor], Tensor]
"""Logits ``(P, 313)`` and true ab ``(P, 2)`` at P positions to the mean loss, a float32 scalar."""


def l2(logits: Tensor, ab: Tensor) -> Tensor:
    """Return equation 1: half the squared distance to the true ab, in units of the bins' grid.

    The prediction is the expectation over bins, so that all objectives train the same network.
    """
    predicted = torch.softmax(logits.float(), dim=-1) @ ab_bins().to(logits.device)
    return ((predicted - ab) / 10).square().sum(-1).mean() / 2


def classification(encoder: SoftEncoder, w: Tensor | None) -> Objective:
    """Return equation 2: -Σ_h,w v(Z) Σ_q Z_q log Ẑ_q, Z the soft targets; v is w of the nearest bin, else 1."""

    def loss(logits: Tensor, ab: Tensor) -> Tensor:
        bins, Z = (table[:, 0, 0] for table in encoder(ab[:, :, None, None]))
        log_Z_hat = F.log_softmax(logits.float(), dim=-1).gather(-1, bins)
        cross_entropy = -(Z * log_Z_hat).sum(-1)
        return (cross_entropy if w is None else w[bins[:, 0]] * cross_entropy).mean()

    return loss


def build_objective(
    name: Literal["l2", "classification", "rebalanced"], prior: Tensor, rebalancing: float, device: torch.device
) -> Objective:
    """Build an objective by name; ``prior`` is p̃ ``(313,)`` and ``rebalancing`` λ, which only ``rebalanced`` reads."""
    if name == "l2":
        return l2
    w = rebalancing_weights(prior, rebalancing).to(device) if name == "rebalanced" else None
    return classification(soft_encoder().to(device), w)


def random_positions(last: Tensor, ab: Tensor, count: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw ``count`` positions a photo: ``(N, C, h, w)``, ``(N, 2, h, w)`` to ``(N·count, C)``, ``(N·count, 2)``."""
    total = len(ab) * ab.shape[-2] * ab.shape[-1]
    drawn = torch.randperm(total, generator=chance)[: len(ab) * count].to(ab.device)
    rows = last.permute(0, 2, 3, 1).reshape(total, -1)
    return rows[drawn], ab.permute(0, 2, 3, 1).reshape(total, 2)[drawn]
