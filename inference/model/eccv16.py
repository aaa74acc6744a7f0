"""The paper's network: dilated, VGG-styled, layer for layer (Zhang et al. 2016, figure 2).

Parameter names and shapes are those of the authors' PyTorch release, so that its state dict loads unchanged. The
release carries the bin centres as the weights of ``model_out``; they are kept for that reason, and decoding does not
use them.
"""

import torch
from torch import Tensor, nn

from inference.model.bins import BINS, ab_bins


def _block(inputs: int, outputs: int, layers: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """``layers`` 3×3 convolutions with ReLU, the last of them with ``stride``, then a batch norm."""
    modules: list[nn.Module] = []
    for layer in range(layers):
        modules += [
            nn.Conv2d(
                inputs if layer == 0 else outputs,
                outputs,
                kernel_size=3,
                stride=stride if layer == layers - 1 else 1,
                padding=dilation,
                dilation=dilation,
            ),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*modules, nn.BatchNorm2d(outputs))


class Eccv16(nn.Module):
    """L ``(N, 1, H, W)`` in [0, 100] to logits ``(N, 313, H/4, W/4)``; H and W are multiples of 8."""

    def __init__(self) -> None:
        super().__init__()
        self.model1 = _block(1, 64, 2, stride=2)
        self.model2 = _block(64, 128, 2, stride=2)
        self.model3 = _block(128, 256, 3, stride=2)
        self.model4 = _block(256, 512, 3)
        self.model5 = _block(512, 512, 3, dilation=2)
        self.model6 = _block(512, 512, 3, dilation=2)
        self.model7 = _block(512, 512, 3)
        self.model8 = nn.Sequential(
            nn.ConvTranspose2d(512, 256, kernel_size=4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, BINS, kernel_size=1),
        )
        self.model_out = nn.Conv2d(BINS, 2, kernel_size=1, bias=False)
        with torch.no_grad():
            # The release scales ab by 1/110 here.
            self.model_out.weight.copy_(ab_bins().T[:, :, None, None] / 110)
        self.model_out.weight.requires_grad_(False)

    @property
    def head(self) -> nn.Conv2d:
        """The 1×1 convolution that reads the logits."""
        head = self.model8[-1]
        assert isinstance(head, nn.Conv2d)  # noqa: S101 - for the type checker
        return head

    def last_map(self, lightness: Tensor) -> Tensor:
        """Return conv8_3, ``(N, 256, H/4, W/4)``, from which :attr:`head` reads."""
        x = (lightness - 50) / 100
        for block in (self.model1, self.model2, self.model3, self.model4, self.model5, self.model6, self.model7):
            x = block(x)
        last: Tensor = self.model8[:-1](x)
        return last

    def forward(self, lightness: Tensor) -> Tensor:
        """Predict the logits of the ab distribution."""
        logits: Tensor = self.head(self.last_map(lightness))
        return logits
