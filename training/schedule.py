"""How the learning rate and the averaged weights move during a run."""

import copy
import math
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def learning_rate(step: int, steps: int, peak: float, warmup: float) -> float:
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
        decay = min(self._decay, (1 + step) / (10 + step))
        for average, current in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if average.dtype.is_floating_point:
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)
