"""Joins a photo's luma with the predicted colors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.imaging.chroma import Float, chroma_from_ab
from inference.imaging.guided import ChromaLines, Spreader, cell_means, fit_lines, spread
from inference.imaging.jpeg_strips import STRIP_UNIT
from inference.imaging.photo import Photo
from inference.imaging.timeline import steady

_CELL = 4
"""Pixels of the network's input to one cell of its output, in each direction."""
_STRIP_PIXELS = 2**18
"""What is joined and coded at a time: little enough to stay in the processor's cache."""


def chroma_lines(photo: Photo, ab: Sequence[Float], vividness: float) -> list[ChromaLines]:
    """Return how chroma follows from luma in each key frame.

    ``ab`` holds the network's answer for each key frame: (2, h, w) in Lab units, from an input of (4h, 4w).
    """
    rows, columns = ab[0].shape[1:]
    lumas = [frame.luma_at((rows * _CELL, columns * _CELL)) for frame in photo.key_frames]
    cell_lumas = [cell_means(luma, (rows, columns)) for luma in lumas]
    colors = steady(ab, cell_lumas, photo.timeline.scenes)
    return [
        fit_lines(luma, chroma_from_ab(cell_luma, color * np.float32(vividness)))
        for luma, cell_luma, color in zip(lumas, cell_lumas, colors, strict=True)
    ]


def join(luma: Image.Image, lines: ChromaLines) -> Image.Image:
    """Return the picture in mode YCbCr: the luma (mode L) as it is, and a chroma of its own for every pixel."""
    return _merged(luma, spread(lines, np.asarray(luma)))


def join_by_strips(luma: Image.Image, lines: ChromaLines, *, halve: bool) -> Iterator[Image.Image]:
    """Yield the picture in strips of mode YCbCr, from top to bottom, of as many rows as ``join_strips`` takes.

    With ``halve``, there is one chroma for every 2 x 2 pixels, as 4:2:0 files keep it.
    """
    width, height = luma.size
    step = 2 if halve else 1
    spreader = Spreader(lines, (-(-height // step), -(-width // step)))
    rows = max(1, _STRIP_PIXELS // (width * STRIP_UNIT)) * STRIP_UNIT
    for top in range(0, height, rows):
        strip = luma.crop((0, top, width, min(top + rows, height)))
        chroma = spreader.rows(top // step, np.asarray(strip.reduce(step)))
        yield _merged(strip, [_doubled(plane) for plane in chroma] if halve else chroma)


def _merged(luma: Image.Image, chroma: Iterable[NDArray[np.uint8]]) -> Image.Image:
    """Put the planes together; those of chroma may be larger than luma."""
    width, height = luma.size
    return Image.merge("YCbCr", (luma, *(Image.fromarray(plane[:height, :width]) for plane in chroma)))


def _doubled(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat every row and every column."""
    pairs = (plane.astype(np.uint16) * 0x0101).view(np.uint8)
    doubled = np.empty((2 * pairs.shape[0], pairs.shape[1]), dtype=np.uint8)
    doubled[0::2] = pairs
    doubled[1::2] = pairs
    return doubled
