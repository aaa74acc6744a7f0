"""What the leading process does beside learning: it logs, validates, draws sheets and saves checkpoints."""

import time
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.model.colorizer import Network
from inference.model.encoding import annealed_mean
from training.checkpoint import Checkpoint, git_revision
from training.export import Decoding, minutes_of, write_weights
from training.journal import Journal
from training.learner import Learner
from training.metrics import Scorer, Scores
from training.order import spread
from training.photos import Photos
from training.recipe import Recipe
from training.sheets import lab_sheet, save_sheet
from training.views import plain_view

VALIDATIONS = 12
"""How often a run validates."""
WEIGHTS = "weights.safetensors"
"""What the worker and ``start_from`` can load, beside each checkpoint."""

_LOG_EVERY = 20
_VALIDATION_PHOTOS = 512
_SHEET_PHOTOS = 12


class Keeper:
    """Keeps a run's folder: ``log.jsonl``, TensorBoard, sheets, ``checkpoint.pt`` and ``weights.safetensors``."""

    def __init__(
        self,
        recipe: Recipe,
        learner: Learner,
        prior: Tensor,
        validation: Photos,
        folder: Path,
        *,
        first: int = 0,
        arguments: tuple[str, ...] = (),
    ) -> None:
        """Open the folder for a run that (re)starts at step ``first``; ``arguments`` go into its checkpoints."""
        self._recipe = recipe
        self._learner = learner
        self._prior = prior
        self._validation = validation
        self._folder = folder
        self._arguments = arguments
        self._revision = git_revision()
        self._journal = Journal(folder, recipe.steps, first, recipe.batch)
        self._saved = time.monotonic()

    def __enter__(self) -> Self:
        self._journal.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._journal.__exit__(kind, error, traceback)

    def after_step(self, done: int, loss: Tensor, norm: Tensor) -> None:
        """Do what is due after ``done`` steps, the last of which had this loss and gradient norm."""
        recipe, last = self._recipe, done == self._recipe.steps
        self._journal.advance(done)
        if last or done % _LOG_EVERY == 0:
            rate = self._learner.optimizer.param_groups[0]["lr"]
            self._journal.write(done, loss=loss.item(), gradient=norm.item(), learning_rate=rate)
        if last or done % max(1, recipe.steps // VALIDATIONS) == 0:
            self.validate(done)
        waited = time.monotonic() - self._saved
        if last or done % recipe.save_every == 0 or waited >= recipe.save_seconds:
            self.save(done)

    def validate(self, done: int) -> None:
        """Score the averaged weights, log the scores, and draw a sheet."""
        scores, sheet = validate(
            self._learner.average.network,
            self._validation,
            self._prior,
            temperature=self._recipe.temperature,
            limit=_VALIDATION_PHOTOS,
        )
        self._journal.write(done, **{f"validation/{name}": value for name, value in vars(scores).items()})
        self._journal.picture(done, "validation", sheet)
        save_sheet(sheet, self._folder / "sheets" / f"{done:07d}.png")

    def save(self, done: int) -> None:
        """Write the checkpoint of ``done`` steps, and its averaged weights."""
        checkpoint = Checkpoint(
            recipe=self._recipe,
            step=done,
            network=self._learner.network.state_dict(),
            average=self._learner.average.network.state_dict(),
            optimizer=self._learner.optimizer.state_dict(),
            prior=self._prior,
            revision=self._revision,
            arguments=self._arguments,
        )
        checkpoint.save(self._folder)
        weights = self._folder / WEIGHTS
        write_weights(checkpoint, weights, Decoding(self._recipe.temperature), minutes=minutes_of(self._folder))
        self._saved = time.monotonic()


@torch.inference_mode()
def validate(
    network: Network, photos: Photos, prior: Tensor, *, temperature: float, limit: int
) -> tuple[Scores, Tensor]:
    """Score a network in eval mode at the resolution of its logits.

    Args:
        network: the network.
        photos: photos that training does not see.
        prior: p̃ ``(313,)`` of the training photos.
        temperature: T of the annealed mean that the network is decoded with.
        limit: at most so many photos, spread over all.

    Returns:
        The scores, and a sheet of a dozen photos, uint8 ``(3, H, W)``.

    """
    scorer = Scorer(prior)
    rows: list[Tensor] = []
    device = next(network.parameters()).device
    for indices in torch.split(spread(len(photos), limit), 32):
        view = plain_view(photos.pixels[indices].to(device))
        lightness = F.avg_pool2d(view.lightness, view.lightness.shape[-1] // view.ab.shape[-1])
        predicted = annealed_mean(network(view.lightness), temperature)
        scorer.add(lightness, predicted, view.ab)
        if 2 * len(rows) < _SHEET_PHOTOS:
            enlarged = (
                F.interpolate(ab[:2], view.lightness.shape[-2:], mode="bilinear") for ab in (predicted, view.ab)
            )
            rows.append(lab_sheet(view.lightness[:2], *enlarged))
    return scorer.scores(), torch.cat(rows, dim=1)
