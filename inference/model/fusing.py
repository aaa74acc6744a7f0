"""The default network rearranged for serving: same predictions, a fraction of the time.

Batch norms are folded into the convolutions before them, activations and skips become part of the convolution that they
follow, and weights are packed once for the kernels that will read them. On CPUs these kernels are oneDNN's, as
``torch.compile`` would call them, without its minute of compiling; elsewhere they are PyTorch's ordinary ones.
"""

import copy
import platform
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from inference.model.efficientnet import InvertedResidual, SameConv2d
from inference.model.topdown import TopDown

Activation = Literal["none", "relu", "relu6"]


def serving_type(device: torch.device) -> torch.dtype:
    """Return the type in which the fused network is fastest on ``device`` without visible loss.

    That is bfloat16 where the hardware multiplies it, and float32 elsewhere: emulated, it is slower than float32.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu" and has_fused_kernels(device) and torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16
    return torch.float32


def has_fused_kernels(device: torch.device) -> bool:
    """Say whether PyTorch has oneDNN's fused convolutions for ``device``: on x86 CPUs, in ordinary builds."""
    return (
        device.type == "cpu"
        and platform.machine() in {"x86_64", "AMD64"}
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    )


def fused(network: TopDown, device: torch.device, dtype: torch.dtype, *, kernels: bool | None = None) -> TopDown:
    """Return a copy of ``network``, in eval mode, on ``device``, that computes in ``dtype`` and can't be trained.

    Inputs stay float32, and their sides multiples of 32. ``kernels`` says whether to use oneDNN's fused convolutions;
    None uses them where there are any.
    """
    wanted = has_fused_kernels(device) if kernels is None else kernels
    build = _FusedConvolution if wanted else _Convolution
    result = copy.deepcopy(network).eval().requires_grad_(False).to(device)

    encoder = result.encoder
    # Each part brings what it is given to its own type. Stem and first block in bfloat16 would save no
    # time, and cost most: 0.38 units of ab in the mean over photographs, instead of 0.14.
    encoder.add_module("_conv_stem", _folded(encoder._conv_stem, encoder._bn0))
    encoder.gray_stem = build(_of_one_plane(encoder._conv_stem), "relu6", torch.float32)
    encoder.add_module("_bn0", nn.Identity())
    encoder._blocks = nn.ModuleList(
        _FusedResidual(block, build, torch.float32 if index == 0 else dtype)
        for index, block in enumerate(encoder._blocks)
    )
    encoder.add_module("_conv_head", build(_folded(encoder._conv_head, encoder._bn1), "relu6", dtype))
    encoder.add_module("_bn1", nn.Identity())

    _fold_into_sum(result)
    result.context.to(dtype)
    result.add_module("top", build(result.top, "none", dtype))
    result.levels = nn.ModuleList(_FusedLevel(level, build, dtype) for level in result.levels)
    # Logits decide between bins; rounded to bfloat16 some of them tie.
    result.add_module("logits", build(result.logits, "none", torch.float32))
    return result


class _Convolution(nn.Module):
    """A convolution and what follows it: a map added, an activation."""

    def __init__(self, conv: nn.Conv2d, activation: Activation, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.activation = activation
        self.stride = list(conv.stride)
        self.groups = conv.groups
        weight, self.padding = _evenly_padded(conv)
        self.weight = self._packed(weight.detach().to(dtype, memory_format=torch.channels_last))
        self.bias = None if conv.bias is None else conv.bias.detach().to(dtype)

    def _packed(self, weight: Tensor) -> Tensor:
        return weight

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """Return activation(convolution(x) + added)."""
        y = F.conv2d(x.to(self.dtype), self.weight, self.bias, self.stride, self.padding, groups=self.groups)
        if added is not None:
            y = y.add_(added)
        if self.activation == "relu":
            return y.relu_()
        return y.clamp_(0, 6) if self.activation == "relu6" else y


class _FusedConvolution(_Convolution):
    """The same as one oneDNN primitive."""

    def _packed(self, weight: Tensor) -> Tensor:
        packed: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
            weight, self.padding, self.stride, [1, 1], self.groups, None
        )
        return packed

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """Return activation(convolution(x) + added)."""
        x = x.to(self.dtype, memory_format=torch.channels_last)
        how = (self.weight, self.bias, self.padding, self.stride, [1, 1], self.groups)
        y: Tensor
        if added is None:
            name, bounds = ("hardtanh", [0.0, 6.0]) if self.activation == "relu6" else (self.activation, [])
            y = torch.ops.mkldnn._convolution_pointwise(x, *how, name, bounds, "")
        else:
            # Sums take no activation but relu, and none of ours has another.
            after = None if self.activation == "none" else self.activation
            added = added.to(self.dtype, memory_format=torch.channels_last)
            y = torch.ops.mkldnn._convolution_pointwise.binary(x, added, *how, "add", 1.0, after, [], None)
        return y


class _FusedResidual(nn.Module):
    """An inverted residual as two or three convolutions with nothing in between."""

    def __init__(self, block: nn.Module, build: type[_Convolution], dtype: torch.dtype) -> None:
        super().__init__()
        assert isinstance(block, InvertedResidual)  # noqa: S101 - for the type checker
        self.skips = block.skips
        self.expand: nn.Module = nn.Identity()
        if block.expands:
            self.expand = build(_folded(block._expand_conv, block._bn0), "relu6", dtype)
        self.depthwise = build(_folded(block._depthwise_conv, block._bn1), "relu6", dtype)
        self.project = build(_folded(block._project_conv, block._bn2), "none", dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Map as the block does."""
        y: Tensor = self.project(self.depthwise(self.expand(x)), x if self.skips else None)
        return y


class _FusedLevel(nn.Module):
    """One step down the pyramid, with the sum and both activations inside the convolutions."""

    def __init__(self, level: nn.Module, build: type[_Convolution], dtype: torch.dtype) -> None:
        super().__init__()
        self.lateral = build(_conv(level, "lateral"), "relu", dtype)
        reduce = level.get_submodule("reduce")
        self.reduce = build(reduce, "none", dtype) if isinstance(reduce, nn.Conv2d) else nn.Identity()
        self.smooth = build(_folded(_conv(level, "smooth"), level.get_submodule("norm")), "relu", dtype)

    def forward(self, features: Tensor, above: Tensor) -> Tensor:
        """Merge the encoder's map with the decoder's map of half its size."""
        upsampled = F.interpolate(self.reduce(above), size=features.shape[-2:], mode="bilinear", align_corners=False)
        smoothed: Tensor = self.smooth(self.lateral(features, upsampled))
        return smoothed


def _conv(parent: nn.Module, name: str) -> nn.Conv2d:
    conv = parent.get_submodule(name)
    assert isinstance(conv, nn.Conv2d)  # noqa: S101 - for the type checker
    return conv


def _folded(conv: nn.Conv2d, norm: nn.Module) -> nn.Conv2d:
    assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101 - for the type checker
    return fuse_conv_bn_eval(conv, norm)


def _of_one_plane(stem: SameConv2d) -> SameConv2d:
    """Return the convolution that does to one plane what ``stem`` does to three equal ones."""
    single = SameConv2d(1, stem.out_channels, stem.kernel_size[0], stem.stride[0])
    single.weight = nn.Parameter(stem.weight.sum(1, keepdim=True), requires_grad=False)
    single.bias = stem.bias
    return single


def _fold_into_sum(network: TopDown) -> None:
    """Fold the norm at the decoder's top into both parts of the sum that it follows."""
    norm = network.top_norm
    assert norm.running_var is not None  # noqa: S101 - for the type checker
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    network.context.weight.mul_(scale[:, None])
    network.context.bias.mul_(scale)
    network.add_module("top", _folded(network.top, norm))
    network.add_module("top_norm", nn.Identity())


def _evenly_padded(conv: nn.Conv2d) -> tuple[Tensor, list[int]]:
    """Return weights and padding of a convolution that pads both ends alike.

    Where the end needs one more than the start, as TensorFlow's SAME does for even sizes at stride 2, weights with a
    leading row and column of zeros do the same, and spare the copy into a padded map.
    """
    if not isinstance(conv, SameConv2d):
        assert not isinstance(conv.padding, str)  # noqa: S101 - for the type checker
        return conv.weight, list(conv.padding)
    leading, trailing = [], []
    for kernel, stride in zip(conv.kernel_size, conv.stride, strict=True):
        total = max(kernel - stride, 0)
        leading.append(total // 2)
        trailing.append(total - total // 2)
    zeros = [end - start for start, end in zip(leading, trailing, strict=True)]
    return F.pad(conv.weight, (zeros[1], 0, zeros[0], 0)), trailing
