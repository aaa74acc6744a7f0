"""The networks as training sees them: where the loss reads, what is frozen, and which rate each part learns at."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.model.colorizer import BUNDLED_WEIGHTS, Configuration, Network, WeightsError, read_weights
from inference.model.eccv16 import Eccv16
from inference.model.efficientnet import encoder_state
from inference.model.topdown import TopDown
from training import imagenet
from training.checkpoint import load_checkpoint
from training.recipe import Recipe, RecipeError

_HINT_STEM = "hint_stem."


def configuration_of(recipe: Recipe) -> Configuration:
    """Return the configuration that builds the recipe's network."""
    encoder = recipe.encoder if recipe.network == "topdown" else ""
    return Configuration(network=recipe.network, encoder=encoder, widths=recipe.widths, hints=recipe.hints > 0)


def build_network(recipe: Recipe, *, pretrained: bool = True) -> Network:
    """Build the recipe's network with its first weights.

    Args:
        recipe: the run's settings.
        pretrained: whether to start from the recipe's weights, or else the encoder's ImageNet ones; a run that goes on
            from a checkpoint needs neither.

    Raises:
        RecipeError: these weights are not there, or don't fit.

    """
    torch.manual_seed(recipe.seed)
    network = configuration_of(recipe).build()
    if not pretrained:
        return network
    if recipe.start_from:
        _warm_start(network, recipe)
    elif isinstance(network, TopDown):
        published = torch.load(_imagenet_weights(recipe.encoder), weights_only=True)
        network.encoder.load_state_dict(encoder_state(published))
    return network


def _warm_start(network: Network, recipe: Recipe) -> None:
    """Take over weights of the same network; a stem for hints that they lack stays at zero."""
    configuration, state = _first_weights(recipe.start_from)
    wanted = configuration_of(recipe)
    for part in ("network", "encoder", "widths"):
        held, asked = getattr(configuration, part), getattr(wanted, part)
        if held != asked:
            raise RecipeError(f"start_from: {recipe.start_from} has {part} = {held!r}, the recipe {asked!r}")
    if configuration.hints and not wanted.hints:
        raise RecipeError(f"start_from: {recipe.start_from} takes colour hints; set hints above 0 to keep that")
    if wanted.hints and not configuration.hints:
        state |= {name: tensor for name, tensor in network.state_dict().items() if name.startswith(_HINT_STEM)}
    broken = sorted(name for name, tensor in state.items() if not torch.isfinite(tensor).all())
    if broken:
        raise RecipeError(f"start_from: {recipe.start_from} is not finite in {', '.join(broken)}; export it anew")
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise RecipeError(f"start_from: {recipe.start_from} does not fit: {error}") from error


def _first_weights(source: str) -> tuple[Configuration, dict[str, Tensor]]:
    path = BUNDLED_WEIGHTS if source == "bundled" else Path(source)
    if path.is_dir():
        checkpoint = load_checkpoint(path)
        return configuration_of(checkpoint.recipe), checkpoint.average
    try:
        return read_weights(path)
    except WeightsError as error:
        raise RecipeError(f"start_from: {error}") from error


def _imagenet_weights(variant: str) -> str:
    if variant not in imagenet.VARIANTS:
        known = " or ".join(imagenet.VARIANTS)
        raise RecipeError(f"encoder: no ImageNet weights are known for {variant!r}; use {known}")
    try:
        return imagenet.published_weights(variant)
    except ImportError:
        raise RecipeError(
            f"the encoder's ImageNet weights are missing; install them with: {imagenet.INSTALL}"
        ) from None


@dataclass(frozen=True)
class Trainee:
    """A network with its frozen part set apart."""

    network: Network
    freeze: str

    def set_training(self) -> None:
        """Switch to training mode; a pretrained encoder keeps its batch norms' statistics."""
        self.network.train()
        if not isinstance(self.network, TopDown):
            return
        self.network.encoder.eval()
        if self.freeze == "encoder":
            self.network.encoder.requires_grad_(False)
        if self.freeze == "trunk":
            for module in self.network.encoder.trunk_modules():
                module.requires_grad_(False)
        if self.freeze == "all-but-hints" and self.network.hint_stem is not None:
            self.network.eval().requires_grad_(False)
            self.network.hint_stem.requires_grad_(True)

    def last_map(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """Return the map from which the logits are read, ``(N, C, H/4, W/4)``.

        Args:
            lightness: L ``(N, 1, H, W)``.
            hints: ``(N, 3, H/4, W/4)`` of :func:`training.hints.simulated_hints`, for a network that takes them.

        """
        if isinstance(self.network, Eccv16):
            return self.network.last_map(lightness)
        if self.freeze == "none":
            trunk = self.network.trunk(lightness)
        else:
            with torch.no_grad():
                trunk = self.network.trunk(lightness)
        return self.network.crown(trunk if hints is None else self.network.hinted(trunk, hints))

    def logits_at(self, rows: Tensor) -> Tensor:
        """Read the logits ``(..., 313)`` at rows ``(..., C)`` of the last map."""
        head = self.network.logits if isinstance(self.network, TopDown) else self.network.head
        return F.linear(rows, head.weight.flatten(1), head.bias)

    def optimizer(self, recipe: Recipe) -> torch.optim.Optimizer:
        """Build the solver with two groups, everything new and the pretrained encoder; norms and biases don't decay."""
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
        if not groups:
            raise RecipeError("freeze: nothing is left to learn")
        solver = torch.optim.AdamW if recipe.solver == "adamw" else torch.optim.Adam
        return solver(groups, betas=(0.9, 0.99), fused=True)


def parameter_count(network: nn.Module) -> int:
    """Count the network's parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
