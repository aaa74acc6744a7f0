"""Which photos each step shows."""

import torch
from torch import Tensor


class Order:
    """Every epoch draws anew, without repeats; photos of lesser weight are left out more often.

    The draw follows from the seed and the number of the epoch alone: a resumed run sees what it would have seen.
    """

    def __init__(self, weights: Tensor, seed: int) -> None:
        """Draw among ``weights``, float32 ``(N,)``, relative; 0 is never drawn.

        Raises:
            ValueError: all are 0.

        """
        if not weights.any():
            raise ValueError("set_weights: every photo has the weight 0")
        self._weights = weights
        self._seed = seed
        self._length = max(1, int(weights.sum() / weights.max()))
        self._epoch = -1
        self._drawn = torch.empty(0, dtype=torch.long)

    def batch(self, step: int, size: int) -> Tensor:
        """Return the indices of the photos of ``step``, int64 ``(size,)``."""
        visit, end = step * size, (step + 1) * size
        pieces = []
        while visit < end:
            epoch, place = divmod(visit, self._length)
            pieces.append(self._draw(epoch)[place : place + end - visit])
            visit += len(pieces[-1])
        return torch.cat(pieces)

    def _draw(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            chance = torch.Generator().manual_seed(self._seed * 7_919 + epoch)
            self._drawn = torch.multinomial(self._weights, self._length, replacement=False, generator=chance)
            self._epoch = epoch
        return self._drawn


def spread(count: int, limit: int) -> Tensor:
    """Return the indices of at most ``limit`` of ``count`` photos, evenly spread, int64."""
    return torch.linspace(0, count - 1, min(limit, count)).long()
