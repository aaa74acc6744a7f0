"""The default network: an ImageNet EfficientNet-lite encoder with a light top-down decoder.

The decoder walks from stride 32 to stride 4 as a feature pyramid does (Lin et al. 2017): a 1×1 lateral at each level,
the level above added bilinearly, one 3×3 convolution. What the whole photo shows (the encoder's pooled head) enters at
the top. Logits over the ab bins come out at 1/4 of the input's resolution.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from inference.model.bins import BINS
from inference.model.color import gray_from_lightness
from inference.model.efficientnet import EfficientNetLite, Features, normalised

_WIDTHS = (64, 128, 128, 128)
"""Decoder channels at strides 4, 8, 16 and 32."""


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

    def __init__(self, encoder: str = "lite0") -> None:
        """Build with random weights; ``encoder`` names the EfficientNet variant."""
        super().__init__()
        self.encoder = EfficientNetLite(encoder)
        *_, top = self.encoder.channels
        self.context = nn.Linear(1280, _WIDTHS[-1])
        self.top = nn.Conv2d(top, _WIDTHS[-1], 1)
        above = (*_WIDTHS[1:], _WIDTHS[-1])
        self.levels = nn.ModuleList(
            _Level(lateral, up, width) for lateral, up, width in zip(self.encoder.channels, above, _WIDTHS, strict=True)
        )
        self.logits = nn.Conv2d(_WIDTHS[0], BINS, 1)

    def trunk(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """Run the encoder's lower half on the photo turned gray: maps at strides 4 and 8."""
        return self.encoder.trunk_gray(normalised(gray_from_lightness(lightness)))

    def crown(self, trunk: tuple[Tensor, Tensor]) -> Tensor:
        """Run the rest on the trunk's maps: the last map, ``(N, 64, H/4, W/4)``, from which :attr:`logits` reads."""
        return self.decode(self.encoder.crown(*trunk))

    def decode(self, features: Features) -> Tensor:
        """Return the decoder's last map, ``(N, 64, H/4, W/4)``."""
        x: Tensor = self.top(features.maps[-1]) + self.context(features.pooled)[:, :, None, None]
        for level, lateral in zip(reversed(self.levels), reversed(features.maps), strict=True):
            x = level(lateral, x)
        return x

    def forward(self, lightness: Tensor) -> Tensor:
        """Predict the logits of the ab distribution."""
        logits: Tensor = self.logits(self.crown(self.trunk(lightness)))
        return logits
