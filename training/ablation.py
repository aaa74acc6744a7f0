"""The paper's figure on photos of one's own: what each objective, and each temperature, makes of the same photos."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.model.color import srgb_from_lab
from inference.model.colorizer import Colorizer
from inference.model.encoding import TEMPERATURE
from training.baselines import Colored, Predictor, as_the_worker, decoding, gray, truth
from training.evaluate import GRAY, TRUTH, Evaluation
from training.photos import Photos
from training.sheets import Figure

L2, CLASSIFICATION, REBALANCED = "l2", "classification", "rebalanced"
OBJECTIVES = (L2, CLASSIFICATION, REBALANCED)


@dataclass(frozen=True)
class Way:
    """One column: the objective that the weights were trained with, and the temperature T that they are decoded at."""

    objective: str
    temperature: float

    @property
    def name(self) -> str:
        """What tables call it, such as ``rebalanced, T = 0.38``."""
        return f"{self.objective}, {self._decoding}"

    @property
    def heading(self) -> str:
        """The name on two lines."""
        return f"{self.objective}\n{self._decoding}"

    @property
    def _decoding(self) -> str:
        kind = {0.0: " (mode)", 1.0: " (mean)"}.get(self.temperature, "")
        return f"T = {self.temperature:g}{kind}"


# A regression predicts no distribution: its loss reads the mean, so nothing but the mean is its answer.
WAYS = (
    Way(L2, 1.0),
    Way(CLASSIFICATION, TEMPERATURE),
    Way(REBALANCED, 1.0),
    Way(REBALANCED, TEMPERATURE),
    Way(REBALANCED, 0.0),
)


def ways_of(colorizers: Mapping[str, Colorizer]) -> dict[Way, Predictor]:
    """Return how to predict each way that there are weights for, chroma as decoded.

    Args:
        colorizers: weights by the objective that they were trained with, one of :data:`OBJECTIVES`.

    Raises:
        ValueError: weights have another name.

    """
    unknown = sorted(set(colorizers) - set(OBJECTIVES))
    if unknown:
        raise ValueError(f"weights are named after their objective, one of {', '.join(OBJECTIVES)}; not {unknown[0]!r}")
    return {
        way: as_the_worker(
            decoding(colorizers[way.objective], temperature=way.temperature, chroma=1.0, shrinkage=math.inf)
        )
        for way in WAYS
        if way.objective in colorizers
    }


@torch.inference_mode()
def ablation_figure(photos: Photos, ways: Mapping[Way, Predictor], evaluation: Evaluation) -> Figure:
    """Show photos in rows of gray, each of ``ways`` and the truth; each way's figures stand below its column.

    ``evaluation`` has the ways by their names.
    """
    colored = Colored.from_pixels(photos.pixels)
    columns = [_drawn(colored, predict) for predict in (gray, *ways.values(), truth)]
    names = (GRAY, *(way.name for way in ways), TRUTH)
    return Figure(
        headings=("gray", *(way.heading for way in ways), "truth"),
        captions=[_caption(evaluation, name) for name in names],
        rows=list(zip(*columns, strict=True)),
    )


def _drawn(photos: Colored, predict: Predictor) -> Sequence[Tensor]:
    return list(srgb_from_lab(torch.cat((photos.lightness, predict(photos)), 1)).cpu())


def _caption(evaluation: Evaluation, name: str) -> str:
    scores = evaluation.outcomes[name].scores
    vivid = scores.colorfulness / max(evaluation.truth.scores.colorfulness, 1e-6)
    return f"AuC {scores.auc:.1f}\nrebalanced {scores.rebalanced_auc:.1f}\ncolourfulness {vivid:.2f}"
