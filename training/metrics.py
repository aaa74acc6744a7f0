"""How good the colours are: the paper's AuC and class-rebalanced AuC, PSNR and colourfulness.

Every metric streams: photos come in batches, sums are kept in float64.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from inference.model.color import srgb_from_lab
from inference.model.encoding import rebalancing_weights, soft_encoder

FARTHEST = 150.0
"""The largest threshold of the accuracy curve, in ab units."""


@dataclass(frozen=True)
class Scores:
    """Means over the photos seen; AuC in percent, PSNR in dB, colourfulness as Hasler & Süsstrunk define it."""

    photos: int
    auc: float
    rebalanced_auc: float
    psnr: float
    colorfulness: float
    chroma: float


class Scorer:
    """Streams recolored photos beside true ones into :class:`Scores`."""

    def __init__(self, prior: Tensor) -> None:
        """Weigh pixels for the rebalanced AuC by 1 / ``prior`` ``(313,)`` at their true bin (equation 4, λ = 0)."""
        # A bin the training photos hardly hold would otherwise outweigh all others by one stray pixel.
        self._weights = rebalancing_weights(prior.clamp_min(1e-5), 0.0)
        self._nearest = soft_encoder()
        self._closeness = torch.zeros(2, dtype=torch.float64)
        self._weight = torch.zeros(2, dtype=torch.float64)
        self._sums = torch.zeros(3, dtype=torch.float64)
        self._photos = 0

    def add(self, lightness: Tensor, predicted: Tensor, true: Tensor) -> None:
        """Add photos: L ``(N, 1, H, W)`` in [0, 100], predicted and true ab ``(N, 2, H, W)``, all float32.

        AuC with thresholds 0..150 is 1 - E[min(d, 150)] / 150, where d is the distance of predicted to true ab.
        """
        distance = (predicted - true).square().sum(1).sqrt().clamp_max(FARTHEST).double().cpu()
        closeness = 1 - distance / FARTHEST
        weights = self._weights[self._nearest.nearest(true.cpu())].double()
        self._closeness += torch.stack((closeness.sum(), (closeness * weights).sum()))
        self._weight += torch.tensor([closeness.numel(), float(weights.sum())], dtype=torch.float64)
        drawn = srgb_from_lab(torch.cat((lightness, predicted), 1))
        truth = srgb_from_lab(torch.cat((lightness, true), 1))
        chroma = predicted.square().sum(1).sqrt().mean((1, 2))
        self._sums += torch.stack((psnr(drawn, truth).sum(), colorfulness(drawn).sum(), chroma.sum())).double().cpu()
        self._photos += len(predicted)

    def scores(self) -> Scores:
        """Return the means over everything added so far.

        Raises:
            ValueError: nothing was added.

        """
        if not self._photos:
            raise ValueError("no photos were scored")
        auc = (self._closeness / self._weight * 100).tolist()
        means = (self._sums / self._photos).tolist()
        return Scores(self._photos, auc[0], auc[1], *means)


def psnr(drawn: Tensor, truth: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each sRGB photo ``(N, 3, H, W)`` in [0, 1]: dB, at most 60, ``(N,)``."""
    error = (drawn - truth).square().mean((1, 2, 3)).clamp_min(1e-6)
    return -10 * error.log10()


def colorfulness(srgb: Tensor) -> Tensor:
    """Return M^(3) of Hasler & Süsstrunk 2003 of each sRGB photo ``(N, 3, H, W)`` in [0, 1]: 8-bit scale, ``(N,)``."""
    red, green, blue = (srgb * 255).unbind(1)
    opponents = torch.stack((red - green, (red + green) / 2 - blue), 1).flatten(2)
    spread = opponents.var(-1, correction=0).sum(1).sqrt()
    offset = opponents.mean(-1).square().sum(1).sqrt()
    return spread + 0.3 * offset
