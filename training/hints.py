"""A user's colour hints, simulated while training as in Zhang et al. 2017 (section 3.2).

A photo gets a geometric number of points, placed by a Gaussian around its centre; each reveals the mean colour of a
patch of 1 to 9 pixels. Now and then all of the photo's colour is revealed, so that the network learns to copy hints.
"""

import torch
from torch import Tensor

from inference.model.topdown import scaled_hints
from training.views import STRIDE

_MORE = 1 / 8
"""Success rate of the geometric distribution of the number of points."""
_MOST = 32
_LARGEST = 9
"""Largest side of a patch, in pixels of the photo."""
_WHOLE = 0.01
"""Share of photos whose colour is revealed everywhere."""


def simulated_hints(ab: Tensor, share: float, chance: torch.Generator) -> Tensor:
    """Draw hints for a batch.

    Args:
        ab: the colours to hint at, ``(N, 2, S/4, S/4)``.
        share: of the photos that get any.
        chance: lives on the CPU, so that a run draws the same hints on every device.

    Returns:
        What :func:`inference.model.topdown.pooled_hints` makes of hints: ``(N, 3, S/4, S/4)``.

    """
    count, _, height, width = ab.shape
    hinted = torch.rand(count, generator=chance) < share
    whole = torch.rand(count, generator=chance) < _WHOLE
    points = _geometric(count, chance).where(hinted, torch.zeros(()))
    there = (torch.arange(_MOST) < points[:, None]).to(ab.device).float()
    sides = 1 + (torch.rand(count, _MOST, generator=chance) * _LARGEST).floor()
    rows = _covered(height, sides, chance).to(ab.device) * there[:, :, None]
    columns = _covered(width, sides, chance).to(ab.device)

    cells = (rows.sum(-1) * columns.sum(-1)).clamp_min(1)
    means = torch.einsum("nkh,nchw,nkw->nkc", rows, ab, columns) / cells[:, :, None]
    cover = torch.einsum("nkh,nkw->nhw", rows, columns)[:, None]
    # Where patches overlap, their colours are averaged.
    colours = torch.einsum("nkh,nkc,nkw->nchw", rows, means, columns) / cover.clamp_min(1)
    mask = (cover > 0).float()

    revealed = (hinted & whole).to(ab.device)[:, None, None, None]
    colours, mask = torch.where(revealed, ab, colours), torch.where(revealed, torch.ones_like(mask), mask)
    return scaled_hints(colours, mask)


def _geometric(count: int, chance: torch.Generator) -> Tensor:
    """Draw numbers of points from 1 to 32: geometric, eight in the mean."""
    return torch.empty(count).geometric_(_MORE, generator=chance).clamp_max(_MOST)


def _covered(length: int, sides: Tensor, chance: torch.Generator) -> Tensor:
    """Place patches ``(N, K)`` of ``sides`` pixels along an axis of ``length`` cells: 1 at the cells that each touches.

    Centres are drawn from a Gaussian at the middle whose deviation is a quarter of the axis.
    """
    pixels = length * STRIDE
    centres = pixels * (0.5 + 0.25 * torch.randn(sides.shape, generator=chance))
    first = (centres - sides / 2).round().clamp_min(0).minimum(pixels - sides)
    cells = torch.arange(length)
    starts, ends = (first // STRIDE)[..., None], ((first + sides - 1) // STRIDE)[..., None]
    return ((cells >= starts) & (cells <= ends)).float()
