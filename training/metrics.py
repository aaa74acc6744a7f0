"""How good the colours are: the paper's AuC and class-rebalanced AuC, PSNR, SSIM and colourfulness.

Every metric streams: photos come in batches, sums are kept in float64.
"""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.model.color import srgb_from_lab
from inference.model.encoding import rebalancing_weights, soft_encoder

FARTHEST = 150.0
"""The largest threshold of the accuracy curve, in ab units."""

_WINDOW = 11
_WINDOW_SIGMA = 1.5
# (K1 L)^2 and (K2 L)^2 of Wang et al. 2004 for levels in [0, 1].
_STABLE_MEAN, _STABLE_SPREAD = 0.01**2, 0.03**2


@dataclass(frozen=True)
class Scores:
    """Means over the photos seen; AuC in percent, PSNR in dB, colourfulness as Hasler & Süsstrunk define it."""

    photos: int
    auc: float
    rebalanced_auc: float
    psnr: float
    ssim: float
    colorfulness: float
    colorfulness_error: float
    """Mean absolute difference of a photo's colourfulness to the truth's."""
    chroma: float


@dataclass(frozen=True)
class Comparison:
    """Recolored photos beside true ones: ab ``(N, 2, H, W)`` and, with the true L, sRGB ``(N, 3, H, W)`` in [0, 1]."""

    predicted: Tensor
    true: Tensor
    drawn: Tensor
    original: Tensor

    @classmethod
    def of(cls, lightness: Tensor, predicted: Tensor, true: Tensor, original: Tensor | None = None) -> "Comparison":
        """Draw L ``(N, 1, H, W)`` in [0, 100] with both ab; ``original`` is the true sRGB, where it is at hand."""
        if original is None:
            original = srgb_from_lab(torch.cat((lightness, true), 1))
        return cls(predicted, true, srgb_from_lab(torch.cat((lightness, predicted), 1)), original)


class Scorer:
    """Streams recolored photos beside true ones into :class:`Scores`."""

    def __init__(self, prior: Tensor) -> None:
        """Weigh pixels for the rebalanced AuC by 1 / ``prior`` ``(313,)`` at their true bin (equation 4, λ = 0)."""
        # A bin the training photos hardly hold would otherwise outweigh all others by one stray pixel.
        self._weights = rebalancing_weights(prior.cpu().clamp_min(1e-5), 0.0)
        self._nearest = soft_encoder()
        self._closeness = torch.zeros(2, dtype=torch.float64)
        self._weight = torch.zeros(2, dtype=torch.float64)
        self._sums = torch.zeros(5, dtype=torch.float64)
        self._photos: list[Tensor] = []

    def add(self, lightness: Tensor, predicted: Tensor, true: Tensor) -> None:
        """Add photos: L ``(N, 1, H, W)`` in [0, 100], predicted and true ab ``(N, 2, H, W)``, all float32."""
        self.add_drawn(Comparison.of(lightness, predicted, true))

    def add_drawn(self, photos: Comparison) -> None:
        """Add photos that are drawn already.

        AuC with thresholds 0..150 is 1 - E[min(d, 150)] / 150, where d is the distance of predicted to true ab.
        """
        distance = (photos.predicted - photos.true).square().sum(1).sqrt().clamp_max(FARTHEST).double().cpu()
        closeness = 1 - distance / FARTHEST
        weights = self._weights[self._nearest.nearest(photos.true.cpu())].double()
        self._closeness += torch.stack((closeness.sum(), (closeness * weights).sum()))
        self._weight += torch.tensor([closeness.numel(), float(weights.sum())], dtype=torch.float64)
        colors = colorfulness(photos.drawn)
        each = (
            psnr(photos.drawn, photos.original),
            ssim(photos.drawn, photos.original),
            colors,
            (colors - colorfulness(photos.original)).abs(),
            photos.predicted.square().sum(1).sqrt().mean((1, 2)),
        )
        self._sums += torch.stack(each, 1).double().sum(0).cpu()
        self._photos.append(closeness.mean((1, 2)) * 100)

    def auc_of_each(self) -> Tensor:
        """Return the AuC of every photo by itself, in percent: float64 ``(N,)``."""
        return torch.cat(self._photos)

    def scores(self) -> Scores:
        """Return the means over everything added so far.

        Raises:
            ValueError: nothing was added.

        """
        count = sum(map(len, self._photos))
        if not count:
            raise ValueError("no photos were scored")
        auc = (self._closeness / self._weight * 100).tolist()
        return Scores(count, *auc, *(self._sums / count).tolist())


def psnr(drawn: Tensor, truth: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each sRGB photo ``(N, 3, H, W)`` in [0, 1]: dB, at most 60, ``(N,)``."""
    error = (drawn - truth).square().mean((1, 2, 3)).clamp_min(1e-6)
    return -10 * error.log10()


def ssim(drawn: Tensor, truth: Tensor) -> Tensor:
    """Return the structural similarity of each sRGB photo ``(N, 3, H, W)`` in [0, 1], averaged over channels: ``(N,)``.

    Wang et al. 2004: Gaussian windows of 11 pixels with σ 1.5, those wholly inside the photo.
    """
    drawn_mean, true_mean = _windowed(drawn), _windowed(truth)
    drawn_variance = _windowed(drawn.square()) - drawn_mean.square()
    true_variance = _windowed(truth.square()) - true_mean.square()
    covariance = _windowed(drawn * truth) - drawn_mean * true_mean
    means = (2 * drawn_mean * true_mean + _STABLE_MEAN) / (drawn_mean.square() + true_mean.square() + _STABLE_MEAN)
    spreads = (2 * covariance + _STABLE_SPREAD) / (drawn_variance + true_variance + _STABLE_SPREAD)
    return (means * spreads).mean((1, 2, 3))


def _windowed(planes: Tensor) -> Tensor:
    """Average ``(..., H, W)`` over Gaussian windows: ``(..., H - 10, W - 10)``."""
    height, width = planes.shape[-2:]
    # As products with banded matrices: several times faster on CPUs than a convolution with one channel.
    return _bands(height, planes.device).T @ (planes @ _bands(width, planes.device))


@functools.lru_cache(maxsize=16)
@torch.inference_mode(False)  # a cached tensor must do for training too, whoever asks first
def _bands(size: int, device: torch.device) -> Tensor:
    """Return the windows' weights, each a column: ``(size, size - 10)``; smaller photos get one of their own size."""
    window = min(_WINDOW, size)
    offsets = torch.arange(window, dtype=torch.float32) - (window - 1) / 2
    weights = torch.exp(-offsets.square() / (2 * _WINDOW_SIGMA**2))
    bands = torch.zeros(size, size - window + 1)
    for column in range(bands.shape[1]):
        bands[column : column + window, column] = weights / weights.sum()
    return bands.to(device)


def colorfulness(srgb: Tensor) -> Tensor:
    """Return M^(3) of Hasler & Süsstrunk 2003 of each sRGB photo ``(N, 3, H, W)`` in [0, 1]: 8-bit scale, ``(N,)``."""
    red, green, blue = (srgb * 255).unbind(1)
    opponents = torch.stack((red - green, (red + green) / 2 - blue), 1).flatten(2)
    spread = opponents.var(-1, correction=0).sum(1).sqrt()
    offset = opponents.mean(-1).square().sum(1).sqrt()
    return spread + 0.3 * offset
