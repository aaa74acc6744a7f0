"""One training run, from photos in memory to a checkpoint: read :func:`train` from top to bottom."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.model.colorizer import Network
from inference.model.encoding import ab_histogram, annealed_mean, smoothed_prior
from training.checkpoint import Checkpoint, git_revision
from training.journal import Journal
from training.learner import Learner
from training.metrics import Scorer, Scores
from training.order import Order
from training.photos import Photos
from training.recipe import Recipe
from training.sheets import lab_sheet, save_sheet
from training.views import plain_view

_LOG_EVERY = 20
_VALIDATIONS = 12
_VALIDATION_PHOTOS = 512
_SHEET_PHOTOS = 12
_PRIOR_PHOTOS = 4096


def train(
    recipe: Recipe,
    photos: Photos,
    validation: Photos,
    folder: Path,
    device: torch.device,
    start: Checkpoint | None = None,
) -> None:
    """Train, validate and save checkpoints into ``folder``; a run resumed from ``start`` goes on where it stopped.

    Raises:
        RecipeError: the recipe's network can't be built.
        TrainingError: the gradient is not finite for twenty steps in a row.

    """
    # uint8 photos are small enough to stay on the device for the whole run.
    photos, validation = photos.to(device), validation.to(device)
    prior = start.prior if start else measure_prior(photos)
    learner = Learner(recipe, prior, device)
    if start:
        learner.network.load_state_dict(start.network)
        learner.average.network.load_state_dict(start.average)
        learner.optimizer.load_state_dict(start.optimizer)
    order = Order(photos.weights(recipe.set_weights), recipe.seed)
    first = start.step if start else 0

    with Journal(folder, recipe.steps, first, recipe.batch) as journal:
        for step in range(first, recipe.steps):
            loss, norm = learner.step(photos.pixels[order.batch(step, recipe.batch)], step)
            done, last = step + 1, step + 1 == recipe.steps
            journal.advance(done, loss)
            if last or done % _LOG_EVERY == 0:
                rate = learner.optimizer.param_groups[0]["lr"]
                journal.write(done, loss=loss, gradient=norm, learning_rate=rate)
            if last or done % max(1, recipe.steps // _VALIDATIONS) == 0:
                scores, sheet = validate(learner.average.network, validation, prior, _VALIDATION_PHOTOS)
                journal.write(done, **{f"validation/{name}": value for name, value in vars(scores).items()})
                journal.picture(done, "validation", sheet)
                save_sheet(sheet, folder / "sheets" / f"{done:07d}.png")
            if last or done % recipe.save_every == 0:
                _checkpoint(recipe, done, learner, prior).save(folder)


def _checkpoint(recipe: Recipe, done: int, learner: Learner, prior: Tensor) -> Checkpoint:
    return Checkpoint(
        recipe=recipe,
        step=done,
        network=learner.network.state_dict(),
        average=learner.average.network.state_dict(),
        optimizer=learner.optimizer.state_dict(),
        prior=prior,
        revision=git_revision(),
    )


def measure_prior(photos: Photos) -> Tensor:
    """Return p̃ ``(313,)``, the smoothed distribution of ab over up to 4,096 photos spread over the set."""
    chosen = _spread(len(photos), _PRIOR_PHOTOS)
    histogram = torch.zeros(225, 225, dtype=torch.float64)
    for indices in torch.split(chosen, 64):
        histogram += ab_histogram(plain_view(photos.pixels[indices]).ab).cpu()
    return smoothed_prior(histogram)


@torch.inference_mode()
def validate(network: Network, photos: Photos, prior: Tensor, limit: int) -> tuple[Scores, Tensor]:
    """Score a network in eval mode, decoded as in the paper, at the resolution of its logits.

    Args:
        network: the network.
        photos: photos that training does not see, on the network's device.
        prior: p̃ ``(313,)`` of the training photos.
        limit: at most so many photos, spread over all.

    Returns:
        The scores, and a sheet of a dozen photos, uint8 ``(3, H, W)``.

    """
    scorer = Scorer(prior)
    rows: list[Tensor] = []
    for indices in torch.split(_spread(len(photos), limit), 32):
        view = plain_view(photos.pixels[indices])
        lightness = F.avg_pool2d(view.lightness, view.lightness.shape[-1] // view.ab.shape[-1])
        predicted = annealed_mean(network(view.lightness))
        scorer.add(lightness, predicted, view.ab)
        if 2 * len(rows) < _SHEET_PHOTOS:
            enlarged = (
                F.interpolate(ab[:2], view.lightness.shape[-2:], mode="bilinear") for ab in (predicted, view.ab)
            )
            rows.append(lab_sheet(view.lightness[:2], *enlarged))
    return scorer.scores(), torch.cat(rows, dim=1)


def _spread(count: int, limit: int) -> Tensor:
    """Return the indices of at most ``limit`` of ``count`` photos, evenly spread."""
    return torch.linspace(0, count - 1, min(limit, count)).long()
