"""One optimiser step: a view of some photos in, the network a little better."""

import math

import torch
from torch import Tensor

from inference.model.colorizer import Network
from training.networks import Trainee, build_network
from training.objectives import build_objective, random_positions
from training.recipe import Recipe
from training.schedule import ExponentialAverage, learning_rate
from training.views import random_view

_MAX_BAD_STEPS = 20


class TrainingError(Exception):
    """The run can't go on; the message says what to change."""


class Learner:
    """A network with what changes it: optimiser, moving average, objective."""

    def __init__(self, recipe: Recipe, prior: Tensor, device: torch.device) -> None:
        """Build the recipe's network on ``device``; ``prior`` is p̃ ``(313,)`` of the training photos."""
        self._recipe = recipe
        self._device = device
        self.network: Network = build_network(recipe)
        self.network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._trainee = Trainee(self.network, recipe.freeze)
        self._trainee.set_training()
        self.optimizer = self._trainee.optimizer(recipe)
        self.average = ExponentialAverage(self.network, recipe.ema)
        self._objective = build_objective(recipe.objective, prior, recipe.rebalancing, device)
        self._bad_steps = 0

    def step(self, pixels: Tensor, step: int) -> tuple[float, float]:
        """Learn from uint8 photos ``(N, 3, S, S)``; return the loss and the norm of its gradient.

        Every random choice follows from the recipe's seed and ``step``, counted from 0. A step whose gradient is not
        finite changes nothing.

        Raises:
            TrainingError: the gradient is not finite for the twentieth step in a row.

        """
        recipe = self._recipe
        chance = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
        loss = self._loss(pixels.to(self._device), chance)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, recipe.steps, group["peak"], recipe.warmup)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip).item()
        if math.isfinite(norm):
            self.optimizer.step()
            self.average.update(self.network, step)
            self._bad_steps = 0
        else:
            self._bad_steps += 1
            if self._bad_steps >= _MAX_BAD_STEPS:
                raise TrainingError(
                    f"the gradient was not finite for {self._bad_steps} steps up to step {step}; "
                    "lower learning_rate or set bf16 = false"
                )
        return loss.item(), norm

    def _loss(self, pixels: Tensor, chance: torch.Generator) -> Tensor:
        recipe = self._recipe
        view = random_view(pixels, chance, smallest_crop=recipe.smallest_crop, augment=recipe.augment)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=recipe.bf16):
            last = self._trainee.last_map(view.lightness.contiguous(memory_format=torch.channels_last))
            rows, ab = random_positions(last, view.ab, recipe.positions, chance)
            logits = self._trainee.logits_at(rows)
        # The softmax and the logarithm want float32.
        return self._objective(logits, ab)
