"""A photo's way from a file to its recolored file, told in one place.

    colorizer = load_colorizer()
    recolored = recolor(Path("photo.jpg").read_bytes(), RecolorOptions(), colorizer)
    Path("recolored.jpg").write_bytes(recolored.data)

The worker goes the same three steps, with photos of several people batched in the middle one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from inference.imaging import Limits, decode, encode
from inference.model.colorizer import Colorizer
from inference.vocabulary import Recolored, RecolorOptions

_BATCH = 8


def recolor(data: bytes, options: RecolorOptions, colorizer: Colorizer, limits: Limits | None = None) -> Recolored:
    """Return the photo in ``data`` (an image file) recolored, as an image file.

    Raises a ``Problem`` for files that aren't taken, and ``InvalidOption`` where the photo doesn't fit the format.
    """
    timings: dict[str, float] = {}
    with _timed("decode", timings):
        photo = decode(data, limits or Limits())
        lightness = photo.network_input(colorizer.shapes)
    with _timed("network", timings):
        ab = predict_ab(lightness, colorizer)
    with _timed("encode", timings):
        picture = encode(photo, ab, options)
    return Recolored(
        data=picture.data,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        input=photo.kind,
        model=colorizer.name,
        timings=timings,
    )


def predict_ab(lightness: Sequence[NDArray[np.float32]], colorizer: Colorizer) -> list[NDArray[np.float32]]:
    """Return ab (2, h/4, w/4) for each L* (h, w); all of one shape, float32, in Lab units."""
    planes: list[NDArray[np.float32]] = []
    for start in range(0, len(lightness), _BATCH):
        batch = torch.from_numpy(np.stack(lightness[start : start + _BATCH])[:, None])
        planes.extend(colorizer.predict(batch).numpy())
    return planes


@contextmanager
def _timed(stage: str, timings: dict[str, float]) -> Iterator[None]:
    """Write down how many milliseconds the block took."""
    began = time.perf_counter()
    yield
    timings[stage] = (time.perf_counter() - began) * 1000
