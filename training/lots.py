"""A lot: what the network is shown in one pass, and what the loss compares its answer with."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training.hints import simulated_hints
from training.objectives import Places, patches_at, random_places
from training.recipe import Recipe
from training.views import View


@dataclass(frozen=True)
class Lot:
    """A part of a batch, ready on the device; every random choice in it is made."""

    lightness: Tensor
    """L ``(N, 1, S, S)`` in [0, 100], channels last."""
    hints: Tensor | None
    """``(N, 3, S/4, S/4)`` of :func:`training.hints.simulated_hints`."""
    Y: Tensor
    """True ab of the patches that the loss reads, ``(K, p, p, 2)``."""
    places: Places | None
    """Where these patches lie; None where they are the whole map."""

    def tensors(self) -> Iterator[Tensor]:
        """Yield every tensor on the device."""
        yield self.lightness
        yield self.Y
        if self.hints is not None:
            yield self.hints
        yield from self.places or ()


def lot_of(view: View, recipe: Recipe, chance: torch.Generator) -> Lot:
    """Draw the hints and patches of a view."""
    ab = view.ab * recipe.target_chroma
    hints = simulated_hints(ab, recipe.hints, chance) if recipe.hints else None
    places = random_places(ab, recipe.positions, recipe.patch, chance)
    lightness = view.lightness.contiguous(memory_format=torch.channels_last)
    return Lot(lightness, hints, patches_at(ab, places), places)
