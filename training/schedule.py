"""How the learning rate and the averaged weights move during a run."""

import copy
import math
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from training.recipe import Recipe

Network = TypeVar("Network", bound=nn.Module)


def scheduled_rate(recipe: Recipe, step: int, peak: float) -> float:
    """Return the rate of optimiser step ``step`` (from 0) of a group whose highest is ``peak``."""
    if recipe.schedule == "steps":
        return stepwise_rate(step, peak, recipe.drops)
    return cosine_rate(step, recipe.steps, peak, recipe.warmup)


def stepwise_rate(step: int, peak: float, drops: tuple[tuple[int, float], ...]) -> float:
    """Stay at ``peak``, then at its share that the last of ``drops`` (step, share) up to ``step`` says."""
    passed = [share for start, share in drops if start <= step]
    return peak * (passed[-1] if passed else 1.0)


def cosine_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Rise linearly to ``peak`` over the first ``warmup`` share of the run, then fall as a cosine to a hundredth."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return peak * (step + 1) / rising
    progress = (step - rising) / max(1, steps - rising)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


class ExponentialAverage(Generic[Network]):
    """The exponential moving average of a network's weights, which is what evaluation and export use.

    The decay grows to its value, so that the first steps don't linger.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network)
        self.network.eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, network: Network, step: int) -> None:
        """Move the average towards the network after optimiser step ``step`` (from 0)."""
        decay = min(self._decay, (1 + step) / (10 + step)) if self._decay else 0.0
        averages: list[Tensor] = []
        currents: list[Tensor] = []
        for average, current in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if average.dtype.is_floating_point:
                averages.append(average)
                currents.append(current)
            else:
                average.copy_(current)
        get_ema_multi_avg_fn(decay)(averages, currents, 0)  # type: ignore[no-untyped-call]
