"""The pictures of an evaluation's report: photos in strips, old photos in pairs, each with its caption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from rich.progress import track
from torch import Tensor

from inference.model.color import srgb_from_lab
from inference.model.colorizer import Colorizer
from training.baselines import Colored, Predictor, gray, truth
from training.evaluate import Evaluation
from training.features import Verdicts
from training.gallery import ImageFile, pair
from training.photos import Photos
from training.recognition import misled, own_answer
from training.sheets import strip

_QUALITY = 88
_OLD_HEIGHT = 300
_PICTURES = "pictures"


@dataclass(frozen=True)
class Plate:
    """A picture of the report: its path inside the folder, its size in pixels and what is written under it."""

    path: str
    width: int
    height: int
    caption: str
    details: tuple[str, ...] = ()


class Plates:
    """Draws plates into the folder of a report."""

    def __init__(self, folder: Path, photos: Photos, predictors: Mapping[str, Predictor]) -> None:
        """Draw ``photos`` in strips: gray, as each of ``predictors`` has them, and the truth."""
        self._folder = folder
        self._photos = photos
        self._predictors = (gray, *predictors.values(), truth)
        (folder / _PICTURES).mkdir(parents=True, exist_ok=True)

    def strips(self, name: str, indices: Sequence[int], captions: Sequence[str]) -> list[Plate]:
        """Draw photos by their indices."""
        return [
            self._save(f"{name}-{number:02}", self._strip(index), caption, self._source(index))
            for number, (index, caption) in enumerate(zip(indices, captions, strict=True), 1)
        ]

    def failures(self, indices: Sequence[int], answers: Sequence[tuple[str, ...]]) -> list[Plate]:
        """Draw photos with the judge's answers under them."""
        return [
            self._save(f"failure-{number:02}", self._strip(index), self._source(index)[0], lines)
            for number, (index, lines) in enumerate(zip(indices, answers, strict=True), 1)
        ]

    def old_photos(self, images: Sequence[ImageFile], colorizer: Colorizer) -> list[Plate]:
        """Draw old photos as posted beside what the worker makes of them."""
        plates = []
        for number, image in enumerate(track(images, "old photos"), 1):
            picture = pair(image, colorizer)
            picture.thumbnail((3 * _OLD_HEIGHT, _OLD_HEIGHT), Image.Resampling.LANCZOS)
            plates.append(self._save(f"old-{number:02}", picture, Path(image.name).name))
        return plates

    def _source(self, index: int) -> tuple[str, ...]:
        return (self._photos.names[index],)

    @torch.inference_mode()
    def _strip(self, index: int) -> Image.Image:
        photo = Colored.from_pixels(self._photos.pixels[index : index + 1])
        versions = [predict(photo) for predict in self._predictors]
        return strip([srgb_from_lab(torch.cat((photo.lightness, ab), 1))[0] for ab in versions])

    def _save(self, name: str, picture: Image.Image, caption: str, details: tuple[str, ...] = ()) -> Plate:
        path = f"{_PICTURES}/{name}.jpg"
        picture.save(self._folder / path, quality=_QUALITY, subsampling=0, optimize=True)
        return Plate(path, *picture.size, caption, details)


def ranked(evaluation: Evaluation, name: str, count: int) -> dict[str, list[tuple[int, float]]]:
    """Return the photos that gained most, average and least over gray, with their gains in points of AuC."""
    gains = evaluation.outcomes[name].auc_of_each - evaluation.gray.auc_of_each
    order = gains.argsort(descending=True)
    count = min(count, len(order))
    middle = (len(order) - count) // 2
    parts = {
        "best": order[:count],
        "median": order[middle : middle + count],
        "worst": order[len(order) - count :].flip(0),
    }
    return {part: [(index, float(gains[index])) for index in indices.tolist()] for part, indices in parts.items()}


def most_misled(evaluation: Evaluation, name: str, count: int) -> list[int]:
    """Return the photos on which recoloring took most certainty from the judge's own answer, worst first."""
    original, colorless, drawn = _verdicts(evaluation, name)
    by = misled(original.logits, colorless.logits, drawn.logits)
    return [index for index in by.argsort(descending=True)[:count].tolist() if by[index] > 0]


def answers(evaluation: Evaluation, name: str, index: int, classes: Sequence[str]) -> tuple[str, ...]:
    """Say what the judge sees in the original, the gray and the recolored photo, and how certain it is."""
    seen = [verdicts.logits[index : index + 1] for verdicts in _verdicts(evaluation, name)]
    return tuple(f"{version}: {_answer(logits, classes)}" for version, logits in zip(_VERSIONS, seen, strict=True))


_VERSIONS = ("true", "gray", "recolored")


def _answer(logits: Tensor, classes: Sequence[str]) -> str:
    first = logits.argmax(1)
    return f"{classes[int(first)]} {100 * float(own_answer(logits, first)):.0f} %"


def _verdicts(evaluation: Evaluation, name: str) -> tuple[Verdicts, Verdicts, Verdicts]:
    judgements = [outcome.judgement for outcome in (evaluation.truth, evaluation.gray, evaluation.outcomes[name])]
    original, colorless, drawn = (judgement.verdicts for judgement in judgements if judgement)
    return original, colorless, drawn
