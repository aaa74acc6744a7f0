"""The dress rehearsal of a run: a few steps, one validation and one checkpoint, timed, before hours are spent."""

import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from training.ahead import lots_ahead
from training.checkpoint import NAME, Checkpoint
from training.distributed import ALONE, Processes
from training.keeper import VALIDATIONS, WEIGHTS, Keeper
from training.learner import Learner
from training.lots import Lot
from training.order import Order
from training.photos import Photos
from training.recipe import Recipe
from training.train import measure_prior, own_share, settle

_SLACK = 0.95
"""Share of the time that a run fitted into it may plan with."""


@dataclass(frozen=True)
class Rehearsal:
    """What a run takes: seconds for its parts, and bytes."""

    step: float
    validation: float
    saving: float
    memory: int
    """The device's at the peak; on a CPU this process's."""
    checkpoint: int
    weights: int

    def duration(self, recipe: Recipe, first: int = 0) -> float:
        """Return the seconds that a run of the recipe from step ``first`` on takes."""
        steps = recipe.steps - first
        training = steps * self.step
        saves = max(steps / recipe.save_every, training / recipe.save_seconds)
        return training + saves * self.saving + VALIDATIONS * steps / recipe.steps * self.validation

    def visits_in(self, minutes: float, recipe: Recipe) -> int:
        """Return how many visits a run of the recipe can make in so many minutes, a twentieth of them kept back."""
        seconds = _SLACK * 60 * minutes - VALIDATIONS * self.validation
        per_step = self.step + self.saving * max(1 / recipe.save_every, self.step / recipe.save_seconds)
        return max(1, int(seconds / per_step)) * recipe.batch


def rehearse(
    recipe: Recipe,
    photos: Photos,
    validation: Photos,
    device: torch.device,
    start: Checkpoint | None = None,
    *,
    processes: Processes = ALONE,
) -> Rehearsal:
    """Take the first steps of a run and throw them away; all processes call this together.

    Raises:
        RecipeError: the recipe's network can't be built, or its lots can't be shared out.

    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    photos, validation = settle(photos, device), settle(validation, device)
    prior = start.prior if start else measure_prior(photos)
    learner = Learner(recipe, prior, device, processes=processes, start=start)
    order = Order(photos.weights(recipe.set_weights), recipe.seed)
    # The first steps find convolutions and compile; a CPU's second is like its others.
    warmup, timed = (10, 30) if device.type == "cuda" else (1, 1)
    clock = 0.0

    def look(step: int) -> list[Lot]:
        return learner.look(photos.pixels[own_share(order.batch(step, recipe.batch), recipe, processes)], step)

    for step, lots in lots_ahead(look, range(warmup + timed), device):
        if step == warmup:
            _finish(device)
            clock = time.monotonic()
        learner.learn(lots, step)
    _finish(device)
    seconds = (time.monotonic() - clock) / timed
    if not processes.leads:
        return Rehearsal(seconds, 0.0, 0.0, 0, 0, 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Keeper(recipe, learner, prior, validation, folder) as keeper:
            clock = time.monotonic()
            keeper.validate(1)
            validated = time.monotonic()
            keeper.save(1)
            saved = time.monotonic()
        sizes = [(folder / file).stat().st_size for file in (NAME, WEIGHTS)]
    return Rehearsal(seconds, validated - clock, saved - validated, _peak_memory(device), *sizes)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
