"""How fast training is, and how much of that the photos cost: the same steps on photos and on random tensors."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from training.learner import Learner
from training.order import Order
from training.photos import Photos
from training.recipe import Recipe
from training.train import settle
from training.views import STRIDE, View

_BINS = 313


@dataclass(frozen=True)
class Rates:
    """Photos a second: each the median over rounds in which all are timed in turn.

    ``real`` are steps as in a run, ``synthetic`` the same steps on random tensors that are on the device already,
    ``views`` the making of views alone, and ``forward`` the network alone, without a gradient.
    """

    device: str
    batch: int
    real: float
    synthetic: float
    views: float
    forward: float
    share: float
    """Real steps a second as a share of synthetic ones: the median over rounds."""

    def as_json(self) -> dict[str, float | int | str]:
        """Return the figures, rounded, for a file."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


class _Blindfolded(Learner):
    """A learner that may be shown one view whatever the photos; None takes the blindfold off."""

    shown: View | None = None

    def view(self, pixels: Tensor, chance: torch.Generator) -> View:
        return self.shown or super().view(pixels, chance)


def bench(recipe: Recipe, photos: Photos, device: torch.device, *, rounds: int, steps: int) -> Rates:
    """Time ``rounds`` rounds of ``steps`` steps of each kind, after one round that does not count.

    Raises:
        RecipeError: the recipe's network can't be built.
        TrainingError: the gradient is not finite for twenty steps in a row.

    """
    photos = settle(photos, device)
    learner = _Blindfolded(recipe, torch.full((_BINS,), 1 / _BINS), device)
    order = Order(photos.weights(recipe.set_weights), recipe.seed)
    noise = _noise(recipe, device)
    some = photos.pixels[: recipe.batch].to(device)
    some = some.repeat(-(-recipe.batch // len(some)), 1, 1, 1)[: recipe.batch]

    def real(step: int) -> None:
        learner.shown = None
        learner.step(photos.pixels[order.batch(step, recipe.batch)], step)

    def synthetic(step: int) -> None:
        learner.shown = noise
        learner.step(some, step)

    def views(step: int) -> None:
        learner.shown = None
        pixels = photos.pixels[order.batch(step, recipe.batch)].to(device)
        learner.view(pixels, torch.Generator().manual_seed(step))

    @torch.inference_mode()
    def forward(step: int) -> None:
        del step
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.bf16):
            learner.average.network(noise.lightness)

    kinds = (real, synthetic, views, forward)
    seconds: dict[Callable[[int], None], list[float]] = {kind: [] for kind in kinds}
    for round_ in range(rounds + 1):
        for kind in kinds:
            taken = _seconds(kind, range(round_ * steps, (round_ + 1) * steps), device)
            if round_:
                seconds[kind].append(taken)
    rates = {kind.__name__: recipe.batch * steps / statistics.median(times) for kind, times in seconds.items()}
    rates["forward"] /= recipe.lots  # it was shown one lot
    share = statistics.median(
        on_noise / on_photos for on_noise, on_photos in zip(seconds[synthetic], seconds[real], strict=True)
    )
    return Rates(device=str(device), batch=recipe.batch, share=share, **rates)


def made_up_photos(count: int, side: int) -> Photos:
    """Return noise in place of photos, for a machine that has none."""
    pixels = torch.randint(
        0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    return Photos(pixels, tuple(map(str, range(count))), ("made up",) * count)


def _noise(recipe: Recipe, device: torch.device) -> View:
    """Make a view of one lot out of random numbers."""
    chance = torch.Generator().manual_seed(recipe.seed)
    count, side = recipe.batch // recipe.lots, recipe.side
    lightness = 100 * torch.rand(count, 1, side, side, generator=chance)
    ab = 20 * torch.randn(count, 2, side // STRIDE, side // STRIDE, generator=chance)
    return View(lightness.to(device, memory_format=torch.channels_last), ab.to(device))


def _seconds(kind: Callable[[int], None], steps: range, device: torch.device) -> float:
    _finish(device)
    start = time.perf_counter()
    for step in steps:
        kind(step)
    _finish(device)
    return time.perf_counter() - start


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
