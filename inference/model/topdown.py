"""The default network: an ImageNet EfficientNet-lite encoder with a light top-down decoder.

The decoder walks from stride 32 to stride 4 as a feature pyramid does (Lin et al. 2017): a 1×1 lateral at each level,
the level above added bilinearly, one 3×3 convolution. What the whole photo shows (the encoder's pooled head) enters at
the top. Logits over the ab bins come out at 1/4 of the input's resolution.

A user's colour hints may steer it, as in Zhang et al. 2017: planes of ab and a mask, whose features are added to the
encoder's maps at strides 4 and 8, so that they reach all that lies above. No hints add nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.model.bins import BINS
from inference.model.color import gray_from_lightness
from inference.model.efficientnet import EfficientNetLite, Features, normalised

WIDTHS = (64, 128, 128, 128)
"""Decoder channels at strides 4, 8, 16 and 32, unless the weights say otherwise."""

_AB_SCALE = 110.0
_CELL = 4


def pooled_hints(hints: Tensor) -> Tensor:
    """Bring hints to the stride of the logits.

    Args:
        hints: ``(N, 3, H, W)``: a and b in Lab units where the mask, the third plane, is 1; elsewhere it is 0.

    Returns:
        ``(N, 3, H/4, W/4)``: the mean hinted ab of each cell over 110, and 1 where a cell holds a hint, however small.

    """
    ab, mask = hints[:, :2].float(), hints[:, 2:].float()
    share = F.avg_pool2d(mask, _CELL)
    mean = F.avg_pool2d(ab * mask, _CELL) / share.clamp_min(1 / _CELL**2)
    return scaled_hints(mean, (share > 0).float())


def scaled_hints(ab: Tensor, mask: Tensor) -> Tensor:
    """Join hints that are already at the stride of the logits: ab ``(N, 2, h, w)`` and mask ``(N, 1, h, w)``."""
    return torch.cat((ab / _AB_SCALE, mask), 1)


class HintStem(nn.Module):
    """Pooled hints to what is added at strides 4 and 8: zero at first, and always zero where no hint is near.

    Without a single bias, no hints at all give exactly zero, whatever was learned.
    """

    _WIDTHS = (32, 64)

    def __init__(self, quarter: int, eighth: int) -> None:
        """Build for an encoder with so many channels at strides 4 and 8."""
        super().__init__()
        near, far = self._WIDTHS
        self.near = nn.Conv2d(3, near, 3, padding=1, bias=False)
        self.far = nn.Conv2d(near, far, 3, stride=2, padding=1, bias=False)
        self.to_quarter = nn.Conv2d(near, quarter, 1, bias=False)
        self.to_eighth = nn.Conv2d(far, eighth, 1, bias=False)
        nn.init.zeros_(self.to_quarter.weight)
        nn.init.zeros_(self.to_eighth.weight)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Encode ``(N, 3, H/4, W/4)`` from :func:`pooled_hints`."""
        near = F.relu(self.near(pooled))
        return self.to_quarter(near), self.to_eighth(F.relu(self.far(near)))


class _Level(nn.Module):
    """One step down the pyramid: lateral + upsampled level above, then a 3×3 convolution."""

    def __init__(self, lateral: int, above: int, width: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(lateral, width, 1)
        self.reduce = nn.Conv2d(above, width, 1, bias=False) if above != width else nn.Identity()
        self.smooth = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, features: Tensor, above: Tensor) -> Tensor:
        """Merge the encoder's map with the decoder's map of half its size."""
        merged = self.lateral(features) + F.interpolate(
            self.reduce(above), size=features.shape[-2:], mode="bilinear", align_corners=False
        )
        smoothed: Tensor = self.norm(self.smooth(F.relu(merged)))
        return F.relu(smoothed)


class TopDown(nn.Module):
    """L ``(N, 1, H, W)`` in [0, 100] to logits ``(N, 313, H/4, W/4)``; H and W are multiples of 32."""

    def __init__(self, encoder: str = "lite0", widths: Sequence[int] = WIDTHS, *, hints: bool = False) -> None:
        """Build with random weights.

        Args:
            encoder: name of the EfficientNet variant.
            widths: the decoder's channels at strides 4, 8, 16 and 32.
            hints: whether to add the stem for colour hints.

        """
        super().__init__()
        self.encoder = EfficientNetLite(encoder)
        *_, top = self.encoder.channels
        self.context = nn.Linear(1280, widths[-1])
        self.top = nn.Conv2d(top, widths[-1], 1)
        # Without it, activations at the top grow until float16 can't hold their variance any more.
        self.top_norm = nn.BatchNorm2d(widths[-1])
        above = (*widths[1:], widths[-1])
        self.levels = nn.ModuleList(
            _Level(lateral, up, width) for lateral, up, width in zip(self.encoder.channels, above, widths, strict=True)
        )
        self.logits = nn.Conv2d(widths[0], BINS, 1)
        quarter, eighth, *_ = self.encoder.channels
        self.hint_stem = HintStem(quarter, eighth) if hints else None

    def trunk(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """Run the encoder's lower half on the photo turned gray: maps at strides 4 and 8."""
        return self.encoder.trunk_gray(normalised(gray_from_lightness(lightness)))

    def hinted(self, trunk: tuple[Tensor, Tensor], pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Add hints, ``(N, 3, H/4, W/4)`` from :func:`pooled_hints`, to the trunk's maps.

        Raises:
            ValueError: this network was built without hints.

        """
        if self.hint_stem is None:
            raise ValueError("this network was not trained to take colour hints")
        quarter, eighth = self.hint_stem(pooled)
        return trunk[0] + quarter, trunk[1] + eighth

    def crown(self, trunk: tuple[Tensor, Tensor]) -> Tensor:
        """Run the rest on the trunk's maps: the last map, ``(N, 64, H/4, W/4)``, from which :attr:`logits` reads."""
        return self.decode(self.encoder.crown(*trunk))

    def decode(self, features: Features) -> Tensor:
        """Return the decoder's last map, ``(N, 64, H/4, W/4)``."""
        seen = self.top(features.maps[-1]) + self.context(features.pooled)[:, :, None, None]
        x: Tensor = self.top_norm(seen)
        for level, lateral in zip(reversed(self.levels), reversed(features.maps), strict=True):
            x = level(lateral, x)
        return x

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """Predict the logits of the ab distribution; ``hints`` as :func:`pooled_hints` takes them."""
        trunk = self.trunk(lightness)
        if hints is not None:
            trunk = self.hinted(trunk, pooled_hints(hints))
        logits: Tensor = self.logits(self.crown(trunk))
        return logits
