"""How good weights are, on photos that training never saw, always beside gray and the mean colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from rich.progress import track
from torch import Tensor

from training.baselines import Colored, Predictor, gray, truth
from training.color_use import ColorUse
from training.features import Judge, Record, Verdicts, frechet_distance, kernel_distance
from training.metrics import Comparison, Scorer, Scores
from training.photos import Photos
from training.recognition import Recognition, recognition

GRAY = "gray"
TRUTH = "truth"

_BATCH = 16


@dataclass(frozen=True)
class Judgement:
    """What the judge of recognition makes of one predictor."""

    recognition: Recognition
    frechet: float
    """FD-EffLite to the true photos."""
    kernel: float
    """KD-EffLite to the true photos, times 1000."""
    verdicts: Verdicts


@dataclass(frozen=True)
class Outcome:
    """How one predictor did."""

    scores: Scores
    auc_of_each: Tensor
    """AuC of each photo, percent, float64 ``(N,)``."""
    colors: ColorUse
    judgement: Judgement | None
    """None without a judge."""


@dataclass(frozen=True)
class Evaluation:
    """How each predictor did, by its name, :data:`GRAY` first and :data:`TRUTH` last."""

    outcomes: dict[str, Outcome]

    @property
    def gray(self) -> Outcome:
        """The photos without colour."""
        return self.outcomes[GRAY]

    @property
    def truth(self) -> Outcome:
        """The photos as they are."""
        return self.outcomes[TRUTH]


class _Tally:
    """Everything that is kept of one predictor while photos stream by."""

    def __init__(self, predict: Predictor, prior: Tensor) -> None:
        self.predict = predict
        self.scorer = Scorer(prior)
        self.colors = ColorUse()
        self.record = Record()

    def add(self, photos: Colored, original: Tensor, judge: Judge | None) -> None:
        compared = Comparison.of(photos.lightness, self.predict(photos), photos.ab, original)
        self.scorer.add_drawn(compared)
        self.colors.add(compared.predicted, compared.true)
        if judge:
            self.record.add(judge(compared.drawn))


@torch.inference_mode()
def evaluate(
    photos: Photos, predictors: Mapping[str, Predictor], prior: Tensor, judge: Judge | None = None
) -> Evaluation:
    """Score predictors on photos, beside gray and the true colours.

    Args:
        photos: square photos, uint8 ``(N, 3, S, S)``; they stay where they are, a batch at a time is worked on.
        predictors: what to compare, by the name it has in the tables.
        prior: p̃ ``(313,)`` of the training photos, for the rebalanced AuC.
        judge: the network that recognition is measured with; None leaves it out.

    """
    named = {GRAY: gray, **predictors, TRUTH: truth}
    tallies = {name: _Tally(predict, prior) for name, predict in named.items()}
    for start in track(range(0, len(photos), _BATCH), "evaluating"):
        pixels = photos.pixels[start : start + _BATCH]
        colored, original = Colored.from_pixels(pixels), pixels.float() / 255
        for tally in tallies.values():
            tally.add(colored, original, judge)
    judgements = _judgements(tallies) if judge else {}
    return Evaluation(
        {
            name: Outcome(tally.scorer.scores(), tally.scorer.auc_of_each(), tally.colors, judgements.get(name))
            for name, tally in tallies.items()
        }
    )


def _judgements(tallies: Mapping[str, _Tally]) -> dict[str, Judgement]:
    verdicts = {name: tally.record.all() for name, tally in tallies.items()}
    original, colorless = verdicts[TRUTH], verdicts[GRAY]
    return {
        name: Judgement(
            recognition(original.logits, colorless.logits, drawn.logits),
            frechet_distance(original.features, drawn.features),
            kernel_distance(original.features, drawn.features),
            drawn,
        )
        for name, drawn in track(verdicts.items(), "comparing features")
    }


def chosen(photos: Photos, indices: Sequence[int]) -> Photos:
    """Return some of the photos."""
    names, sets = (tuple(values[index] for index in indices) for values in (photos.names, photos.sets))
    return Photos(photos.pixels[list(indices)], names, sets)
