"""Bringing predicted chroma to a photo's size with its luma as guide, against doing so bilinearly.

Real photos, half as large, so that their own chroma is as sharp as their luma, give the truth; its averages over the
network's cells stand for a perfect network.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inference.bench.conditions import Conditions
from inference.bench.photographs import photograph
from inference.bench.tables import Goal, Table
from inference.bench.timing import median_ms
from inference.imaging.chroma import Float, chroma_from_ab
from inference.imaging.guided import ChromaLines, cell_means, fit_lines, spread
from inference.model.color import lab_from_srgb

_MOST_PHOTOS = 40
_LEAST_SIDE = 200
_SHORT_SIDE = 192
_LONG_SIDE = 288
_CELL = 4
_TIMED = (4000, 3000)

Luma = NDArray[np.uint8]
Method = Callable[[Luma, Float, Float], NDArray[np.uint8]]


def _bilinear(luma: Luma, _: Float, chroma: Float) -> NDArray[np.uint8]:
    return spread(ChromaLines(np.zeros_like(chroma), chroma), luma)


def _guided(luma: Luma, fine: Float, chroma: Float) -> NDArray[np.uint8]:
    return spread(fit_lines(fine, chroma), luma)


def _guided_halved(luma: Luma, fine: Float, chroma: Float) -> NDArray[np.uint8]:
    return _guided(np.asarray(Image.fromarray(luma).reduce(2)), fine, chroma)


_METHODS: dict[str, Method] = {
    "bilinear": _bilinear,
    "guided": _guided,
    "guided, at half size as in 4:2:0 JPEGs": _guided_halved,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One method."""

    method: str
    ab_error: Annotated[float, "ab error at full size"]
    edge_error: Annotated[float, "the same at edges"]
    ms: Annotated[float, "12 megapixels, ms"]


def measure(conditions: Conditions) -> Iterator[Table]:
    """Compare the methods on the operator's photos."""
    photos = [] if conditions.photos is None else list(_photos(conditions.photos))
    if not photos:
        yield Table("Upsampling chroma", [], note="Give a folder of real color photos: --photos FOLDER.")
        return
    rows = [_row(name, method, photos) for name, method in _METHODS.items()]
    better = rows[1].ab_error / rows[0].ab_error
    goals = [Goal("of the bilinear error is left with the guide", better, at_most=1.0)]
    note = (
        f"{len(photos)} photos, true ab averaged over the network's cells, then brought back to full size. Errors are "
        "mean distances in the ab plane, edges the tenth of the pixels where luma changes most."
    )
    yield Table("Upsampling chroma", rows, goals, note)


def _photos(folder: Path) -> Iterator[Image.Image]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    count = 0
    for path in paths[:: max(1, len(paths) // _MOST_PHOTOS)]:
        try:
            photo = Image.open(path).convert("RGB").reduce(2)
        except (UnidentifiedImageError, OSError):
            continue
        if min(photo.size) * 2 >= _LEAST_SIDE:
            count += 1
            yield photo
        if count == _MOST_PHOTOS:
            return


def _row(name: str, method: Method, photos: Sequence[Image.Image]) -> Row:
    errors = np.array([_errors(method, photo) for photo in photos])
    everywhere, at_edges = errors.mean(axis=0)
    large = _prepared(Image.open(io.BytesIO(photograph(*_TIMED))))
    return Row(name, float(everywhere), float(at_edges), median_ms(partial(method, *large)))


def _errors(method: Method, photo: Image.Image) -> tuple[float, float]:
    """Return the mean ab error of all pixels, and of those at edges."""
    luma, fine, chroma = _prepared(photo)
    spread_chroma = (Image.fromarray(plane) for plane in method(luma, fine, chroma))
    shown = (plane.resize(photo.size, Image.Resampling.BILINEAR) for plane in spread_chroma)
    planes = [Image.fromarray(luma), *shown]
    result = Image.merge("YCbCr", planes).convert("RGB")
    distance = np.hypot(*(_lab(result)[1:] - _lab(photo)[1:]))
    slope = np.hypot(*np.gradient(luma.astype(np.float32)))
    return float(distance.mean()), float(distance[slope >= np.quantile(slope, 0.9)].mean())


def _prepared(photo: Image.Image) -> tuple[Luma, Float, Float]:
    """Return luma, luma as the network sees it, and the true ab's chroma in each cell."""
    height, width = (_LONG_SIDE, _SHORT_SIDE) if photo.height > photo.width else (_SHORT_SIDE, _LONG_SIDE)
    luma = photo.convert("L")
    fine = np.asarray(luma.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0), dtype=np.float32)
    cells = width // _CELL, height // _CELL
    ab = np.stack([np.asarray(Image.fromarray(p).resize(cells, Image.Resampling.BOX)) for p in _lab(photo)[1:]])
    return np.asarray(luma), fine, chroma_from_ab(cell_means(fine, ab.shape[1:]), ab)


def _lab(photo: Image.Image) -> Float:
    planes = np.asarray(photo).transpose(2, 0, 1) / np.float32(255)
    lab: Float = lab_from_srgb(torch.from_numpy(planes)).numpy()
    return lab
