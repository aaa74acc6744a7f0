"""A network with its decoding, ready to predict: what the worker loads and what training exports."""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.model.bins import BINS
from inference.model.eccv16 import Eccv16
from inference.model.encoding import TEMPERATURE, annealed_mean, shrunk_mean
from inference.model.fusing import fused, serving_type
from inference.model.one_thread_each import Team
from inference.model.topdown import WIDTHS, TopDown

BUNDLED_WEIGHTS = Path(__file__).parent.parent / "weights" / "colorizebot.safetensors"

_METADATA = "colorizebot"
_PRIOR = "prior"

SHAPES = ((192, 192), (160, 224), (224, 160), (160, 256), (256, 160), (160, 288), (288, 160))
"""Input sizes (height, width) of the default network: the common aspect ratios, near the size it was trained at.

On 300 validation photos the bundled weights score 0.7 points of rebalanced AuC less at 160 than at 192 pixels, and 0.2
less at 224.
"""

Network = TopDown | Eccv16


class WeightsError(Exception):
    """The weights can't be loaded; the message says which file and why."""


@dataclass(frozen=True)
class Configuration:
    """What a weights file says of itself: how to build the network, how to decode it, how it came about."""

    network: str = "topdown"
    encoder: str = "lite0"
    temperature: float = TEMPERATURE
    chroma: float = 1.0
    """Factor on the decoded ab."""
    shapes: tuple[tuple[int, int], ...] = SHAPES
    training: dict[str, Any] = field(default_factory=dict)
    """Recipe, revision and figures of the training run."""
    shrinkage: float | None = None
    """S of :func:`inference.model.encoding.shrunk_mean`, in Lab units; None mutes nothing."""
    hints: bool = False
    """Whether the network takes colour hints; files that don't say come from before it could."""
    widths: tuple[int, ...] = WIDTHS
    """Channels of the default network's decoder, finest first."""

    def build(self) -> Network:
        """Build the network with random weights.

        Raises:
            WeightsError: the configuration names an unknown network, or an unknown encoder.

        """
        if self.network == "topdown":
            try:
                return TopDown(self.encoder, self.widths, hints=self.hints)
            except (LookupError, TypeError, ValueError) as error:
                raise WeightsError(
                    f"these weights are for an encoder {self.encoder!r} with a decoder of widths {self.widths} "
                    "that this version does not know"
                ) from error
        if self.network == "eccv16":
            return Eccv16()
        raise WeightsError(f"these weights are for a network {self.network!r} that this version does not know")


PUBLISHED_ECCV16 = Configuration(network="eccv16", encoder="", shapes=((256, 256),))
"""How the authors' release is run."""


class Colorizer:
    """Predicts ab from lightness with one network on one device; not thread-safe."""

    def __init__(self, network: Network, configuration: Configuration, digest: str, device: torch.device) -> None:
        """Move ``network`` to ``device`` in eval mode; ``digest`` is the hash of its weights, in hexadecimal.

        Predictions come from a copy, rearranged for speed (see :mod:`inference.model.fusing`): what becomes of
        ``network`` later does not change them.
        """
        self.configuration = configuration
        self.digest = digest
        self.device = device
        self.network = network.eval().requires_grad_(False)
        # Channels-last is more than twice as fast on CPUs, and what bfloat16 kernels want on GPUs.
        self.network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._serving: Network = network
        self._team: Team | None = None
        if isinstance(network, TopDown):
            self._serving = fused(network, device, serving_type(device))
            self._team = Team() if device.type == "cpu" else None

    @property
    def name(self) -> str:
        """Name of the network with the start of its weights' hash, such as ``topdown-lite0-1a2b3c4d``."""
        parts = (self.configuration.network, self.configuration.encoder, self.digest[:8])
        return "-".join(part for part in parts if part)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Input sizes (height, width) that the network is meant to see."""
        return self.configuration.shapes

    def decoding(
        self, *, temperature: float | None = None, chroma: float | None = None, shrinkage: float | None = None
    ) -> "Colorizer":
        """Return a colorizer with the same network that decodes otherwise; None keeps what is configured."""
        own = self.configuration
        configuration = replace(
            own,
            temperature=own.temperature if temperature is None else temperature,
            chroma=own.chroma if chroma is None else chroma,
            shrinkage=own.shrinkage if shrinkage is None else shrinkage,
        )
        other = copy.copy(self)
        other.configuration = configuration
        return other

    @torch.inference_mode()
    def predict(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """Predict ab.

        Args:
            lightness: L in [0, 100], float32 ``(N, 1, H, W)`` on any device; H and W are multiples of 32.
            hints: colours that the user wants, float32 ``(N, 3, H, W)``: ab in Lab units, and a mask that is 1 where
                they hold and 0 elsewhere. They are wishes, not commands.

        Returns:
            ab in about [-110, 110], float32 ``(N, 2, H/4, W/4)`` on the CPU.

        Raises:
            ValueError: there are hints, and these weights take none (see :attr:`Configuration.hints`).

        """
        if hints is not None and not (isinstance(self.network, TopDown) and self.network.hint_stem is not None):
            raise ValueError(f"{self.name} takes no colour hints")
        if self._team is not None:
            return self._team.map(self._predict, lightness, hints)
        return self._predict(lightness, hints)

    @torch.inference_mode()  # which holds for a single thread
    def _predict(self, lightness: Tensor, hints: Tensor | None) -> Tensor:
        lightness = lightness.to(self.device).contiguous(memory_format=torch.channels_last)
        # The paper's network is served as it is; the default one knows its type itself.
        paper_on_gpu = self.device.type == "cuda" and isinstance(self._serving, Eccv16)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=paper_on_gpu):
            logits = self._serving(lightness) if hints is None else self._serving(lightness, hints.to(self.device))
        return self.decode(logits).cpu()

    def decode(self, logits: Tensor) -> Tensor:
        """Turn the network's logits ``(N, 313, H, W)`` into ab, float32 ``(N, 2, H, W)``, as is configured."""
        own = self.configuration
        if own.shrinkage is None:
            return annealed_mean(logits, own.temperature) * own.chroma
        return shrunk_mean(logits, own.temperature, own.shrinkage) * own.chroma


def choose_device(name: str) -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ... into a device; ``auto`` takes a GPU where there is one.

    Raises:
        ValueError: torch knows no such device, or this machine has none.

    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        raise ValueError(f"there is no device {name!r} on this machine; use auto, cpu or cuda") from error
    return device


def load_colorizer(weights: Path | None = None, device: str = "auto") -> Colorizer:
    """Load a colorizer.

    Args:
        weights: a ``.safetensors`` file that training exported, or the ``.pth`` file of the authors' ECCV16 release;
            None takes the bundled weights.
        device: see :func:`choose_device`.

    Raises:
        WeightsError: there is no such file, or it holds no weights of ours.
        ValueError: there is no such device.

    """
    path = weights or BUNDLED_WEIGHTS
    if not path.is_file():
        raise WeightsError(f"there is no weights file {path}")
    configuration, state = _read_published(path) if path.suffix == ".pth" else read_weights(path)
    network = configuration.build()
    try:
        network.load_state_dict(state)
    except RuntimeError as error:  # whose message goes on about every single weight
        odd = _differences(network.state_dict(), state)
        raise WeightsError(
            f"{path} does not fit the network {configuration.network!r}: {len(odd)} weights are missing, unknown or of "
            f"another shape, such as {odd[0]}"
        ) from error
    return Colorizer(network, configuration, hashlib.sha256(path.read_bytes()).hexdigest(), choose_device(device))


def _differences(own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> list[str]:
    """Return the names of the tensors that only one has, or that have another shape."""
    shapes, other_shapes = ({name: tensor.shape for name, tensor in state.items()} for state in (own, other))
    return sorted(name for name in {*own, *other} if shapes.get(name) != other_shapes.get(name))


def read_weights(path: Path) -> tuple[Configuration, dict[str, Tensor]]:
    """Read a ``.safetensors`` file: what it says of itself, and its state dict, in float32.

    Raises:
        WeightsError: the file is missing or broken, or carries no configuration of ours.

    """
    configuration = read_configuration(path)
    state = load_file(path)
    state.pop(_PRIOR, None)
    return configuration, {name: tensor.float() for name, tensor in state.items()}


def read_configuration(path: Path) -> Configuration:
    """Read what a ``.safetensors`` file says of itself.

    Raises:
        WeightsError: the file is broken, or carries no configuration of ours.

    """
    try:
        with safe_open(path, framework="pt") as file:
            values = json.loads((file.metadata() or {})[_METADATA])
        values["shapes"] = tuple((height, width) for height, width in values["shapes"])
        values["widths"] = tuple(values.get("widths", WIDTHS))
        return Configuration(**values)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} holds no colorizebot weights ({error})") from error


def read_prior(path: Path) -> Tensor:
    """Return p̃ ``(313,)`` of the photos that the weights were trained on; uniform where the file does not say."""
    with safe_open(path, framework="pt") as file:
        if _PRIOR in file.keys():  # noqa: SIM118 - no mapping
            prior: Tensor = file.get_tensor(_PRIOR)
            return prior.float()
    return torch.full((BINS,), 1 / BINS)


def _read_published(path: Path) -> tuple[Configuration, dict[str, Tensor]]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    # What is no pickle at all, such as a saved web page, ends torch's reader in any of these.
    except (RuntimeError, ValueError, TypeError, AttributeError, LookupError, EOFError, UnpicklingError) as error:
        raise WeightsError(f"{path} holds no PyTorch state dict") from error
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise WeightsError(f"{path} holds no PyTorch state dict")
    return PUBLISHED_ECCV16, {str(name): tensor for name, tensor in state.items()}


def save_weights(path: Path, network: Network, configuration: Configuration, prior: Tensor | None = None) -> None:
    """Write weights as ``.safetensors`` in float16 with their configuration; ``prior`` is p̃ ``(313,)``.

    Vectors stay in float32: the variances that batch norms keep can be larger than float16 holds.

    Raises:
        WeightsError: a weight is not finite, or not in float16.

    """
    tensors = {
        name: tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor
        for name, tensor in network.state_dict().items()
    }
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"{path.name}: {name} holds values that float16 can't, or that are not finite")
    if prior is not None:
        tensors[_PRIOR] = prior.float()
    tensors = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {_METADATA: json.dumps(asdict(configuration))})
