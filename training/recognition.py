"""Semantic interpretability (Zhang et al. 2016, section 3.2): whether recoloring helps a network to see.

The judge never saw the colorizer, and its own answer on the original photo stands for the label: so any photo will do.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_RESAMPLES = 2000
_TAIL = 0.025


@dataclass(frozen=True)
class Recognition:
    """How well the judge gets along with recolored photos; shares are of 1, and of gray photos 0 of the gap."""

    agreement: float
    """Share of the photos on which its first answer is the one it gives on the original."""
    gap_closed: float
    """Share of the gap in agreement from gray to original that recoloring closes; below 0 it misleads."""
    gap_low: float
    """Lower end of the 95 % interval of ``gap_closed``, by bootstrap over photos."""
    gap_high: float
    certainty_closed: float
    """The same share for the probability that it gives its own answer on the original: less noisy than agreement."""
    distance: float
    """Squared distance of its mean logits to those of the originals, as a share of gray's; 0 is best."""


def recognition(original: Tensor, gray: Tensor, drawn: Tensor) -> Recognition:
    """Compare the judge's logits ``(N, 1000)`` for the same photos as they were, without colour, and recolored."""
    answers = original.argmax(1)
    agrees = torch.stack([(logits.argmax(1) == answers).double() for logits in (gray, drawn)], 1)
    certain = torch.stack([own_answer(logits, answers) for logits in (gray, drawn, original)], 1).double()
    chance = torch.Generator().manual_seed(0)
    drawn_again = torch.randint(0, len(agrees), (_RESAMPLES, len(agrees)), generator=chance)
    resampled = torch.stack([agrees[chosen].mean(0) for chosen in drawn_again])
    gaps = _share_closed(resampled[:, 0], resampled[:, 1], torch.ones(()))
    means = agrees.mean(0)
    gray_certain, drawn_certain, original_certain = certain.mean(0)
    return Recognition(
        agreement=float(means[1]),
        gap_closed=float(_share_closed(means[0], means[1], torch.ones(()))),
        gap_low=float(gaps.nanquantile(_TAIL)),
        gap_high=float(gaps.nanquantile(1 - _TAIL)),
        certainty_closed=float(_share_closed(gray_certain, drawn_certain, original_certain)),
        distance=_distance(original, drawn) / max(_distance(original, gray), 1e-12),
    )


def own_answer(logits: Tensor, answers: Tensor) -> Tensor:
    """Return the probability of ``answers`` ``(N,)`` under logits ``(N, 1000)``: ``(N,)``."""
    return torch.softmax(logits, 1).gather(1, answers[:, None])[:, 0]


def misled(original: Tensor, gray: Tensor, drawn: Tensor) -> Tensor:
    """Return by how much recoloring took the judge from its own answer, each photo ``(N,)``; below 0 it helped."""
    answers = original.argmax(1)
    return own_answer(gray, answers) - own_answer(drawn, answers)


def _share_closed(start: Tensor, reached: Tensor, goal: Tensor) -> Tensor:
    """Return how much of the way from ``start`` to ``goal`` was gone; NaN where there is none to go."""
    way = goal - start
    return torch.where(way > 0, (reached - start) / way, torch.nan)


def _distance(original: Tensor, drawn: Tensor) -> float:
    return float((original.double().mean(0) - drawn.double().mean(0)).square().sum())
