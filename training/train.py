"""One training run, from photos in memory to a checkpoint: read :func:`train` from top to bottom."""

from pathlib import Path

import torch
from torch import Tensor

from inference.model.encoding import ab_histogram, smoothed_prior
from training.ahead import lots_ahead
from training.checkpoint import Checkpoint
from training.distributed import ALONE, Processes
from training.keeper import Keeper
from training.learner import Learner
from training.lots import Lot
from training.order import Order, spread
from training.photos import Photos
from training.recipe import Recipe, RecipeError
from training.views import plain_view

_PRIOR_PHOTOS = 4096
_MEMORY_SHARE = 0.6
"""Share of a GPU's free memory that the photos may take; else they stay in the machine's own."""


def train(
    recipe: Recipe,
    photos: Photos,
    validation: Photos,
    folder: Path,
    device: torch.device,
    start: Checkpoint | None = None,
    *,
    processes: Processes = ALONE,
    arguments: tuple[str, ...] = (),
) -> None:
    """Train, validate and save checkpoints into ``folder``; a run resumed from ``start`` goes on where it stopped.

    With several processes, all call this with the same recipe and photos; the leader alone writes.

    Raises:
        RecipeError: the recipe's network can't be built, or its lots can't be shared out.
        TrainingError: the gradient is not finite for twenty steps in a row.

    """
    photos, validation = settle(photos, device), settle(validation, device)
    prior = start.prior if start else measure_prior(photos)
    learner = Learner(recipe, prior, device, processes=processes, start=start)
    order = Order(photos.weights(recipe.set_weights), recipe.seed)
    first = start.step if start else 0

    def look(step: int) -> list[Lot]:
        return learner.look(photos.pixels[own_share(order.batch(step, recipe.batch), recipe, processes)], step)

    steps = lots_ahead(look, range(first, recipe.steps), device)
    if not processes.leads:
        for step, lots in steps:
            learner.learn(lots, step)
        return
    with Keeper(recipe, learner, prior, validation, folder, first=first, arguments=arguments) as keeper:
        for step, lots in steps:
            loss, norm = learner.learn(lots, step)
            keeper.after_step(step + 1, loss, norm)


def own_share(batch: Tensor, recipe: Recipe, processes: Processes) -> Tensor:
    """Return the photos of a batch that belong to this process: every ``count``-th lot.

    Raises:
        RecipeError: the lots can't be shared out evenly.

    """
    if recipe.lots % processes.count:
        raise RecipeError(f"lots ({recipe.lots}) must be a multiple of the number of processes ({processes.count})")
    return batch.view(recipe.lots, -1)[processes.rank :: processes.count].flatten()


def settle(photos: Photos, device: torch.device) -> Photos:
    """Keep the photos, uint8 and so small, on the device for the whole run, if it has the room."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if photos.pixels.nbytes > _MEMORY_SHARE * free:
            return photos
    return photos.to(device)


def measure_prior(photos: Photos) -> Tensor:
    """Return p̃ ``(313,)``, the smoothed distribution of ab over up to 4,096 photos spread over the set."""
    histogram = torch.zeros(225, 225, dtype=torch.float64)
    for indices in torch.split(spread(len(photos), _PRIOR_PHOTOS), 64):
        histogram += ab_histogram(plain_view(photos.pixels[indices]).ab).cpu()
    return smoothed_prior(histogram)


def tune(device: torch.device) -> None:
    """Let a GPU find its fastest convolutions, which pays where all batches have one shape."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
