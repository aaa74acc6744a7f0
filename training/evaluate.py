"""How good weights are, on photos that training never saw, always beside the gray photo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from rich.progress import track
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from inference.model.color import lab_from_srgb
from inference.model.colorizer import Colorizer
from training.metrics import Scorer, Scores
from training.photos import Photos
from training.sheets import lab_sheet

Predictor = Callable[[Tensor], Tensor]
"""L ``(N, 1, S, S)`` in [0, 100] to ab ``(N, 2, S, S)``, float32."""

_BATCH = 16
_SHEET_ROWS = 24


@dataclass(frozen=True)
class Evaluation:
    """The scores of each predictor by its name, and a sheet of the last one: uint8 ``(3, H, W)``."""

    scores: dict[str, Scores]
    truth: Scores
    sheet: Tensor


def gray(lightness: Tensor) -> Tensor:
    """Predict no colour at all, the baseline of every table."""
    return torch.zeros_like(lightness).expand(-1, 2, -1, -1)


def full_size(colorizer: Colorizer) -> Predictor:
    """Predict as the worker does: the network at its own square size, its ab brought back to the photo's."""
    height, width = min(colorizer.shapes, key=lambda shape: abs(shape[0] - shape[1]))

    def predict(lightness: Tensor) -> Tensor:
        small = F.interpolate(lightness, size=(height, width), mode="bilinear", antialias=True, align_corners=False)
        ab = colorizer.predict(small)
        return F.interpolate(ab, size=lightness.shape[-2:], mode="bilinear", align_corners=False)

    return predict


@torch.inference_mode()
def evaluate(photos: Photos, predictors: dict[str, Predictor], prior: Tensor) -> Evaluation:
    """Score predictors on photos.

    Args:
        photos: square photos, uint8 ``(N, 3, S, S)``.
        predictors: what to compare, by the name it has in the table.
        prior: p̃ ``(313,)`` of the training photos, for the rebalanced AuC.

    """
    scorers = {name: Scorer(prior) for name in ("truth", *predictors)}
    shown = set(torch.linspace(0, len(photos) - 1, min(_SHEET_ROWS, len(photos))).long().tolist())
    rows = []
    for start in track(range(0, len(photos), _BATCH), "evaluating"):
        lab = lab_from_srgb(photos.pixels[start : start + _BATCH].float() / 255)
        lightness, true = lab[:, :1], lab[:, 1:]
        scorers["truth"].add(lightness, true, true)
        for name, predict in predictors.items():
            predicted = predict(lightness)
            scorers[name].add(lightness, predicted, true)
        chosen = [index - start for index in range(start, start + len(lab)) if index in shown]
        if chosen:
            rows.append(lab_sheet(lightness[chosen], predicted[chosen], true[chosen]))
    scores = {name: scorer.scores() for name, scorer in scorers.items()}
    truth = scores.pop("truth")
    return Evaluation(scores, truth, torch.cat(rows, dim=1))


COLUMNS = ("AuC %", "rebalanced AuC %", "PSNR dB", "colourfulness", "chroma")


def table_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Return one row a predictor: its name and the values of :data:`COLUMNS`, the last two as ratios to the truth."""
    rows: list[tuple[str, ...]] = []
    for name, scores in evaluation.scores.items():
        ratio = scores.colorfulness / evaluation.truth.colorfulness
        chroma = scores.chroma / evaluation.truth.chroma
        values = (
            f"{scores.auc:.2f}",
            f"{scores.rebalanced_auc:.2f}",
            f"{scores.psnr:.2f}",
            f"{ratio:.2f}",
            f"{chroma:.2f}",
        )
        rows.append((name, *values))
    return rows


def rich_table(title: str, rows: Sequence[Sequence[str]]) -> Table:
    """Lay rows of :func:`table_rows` out for the terminal."""
    table = Table("", *COLUMNS, title=title)
    for row in rows:
        table.add_row(*row)
    return table
