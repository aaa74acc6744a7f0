"""JPEGs to measure with, made up so that anybody can make the same."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image

_QUALITY = 88
_OCTAVES = ((256, 1.0), (64, 0.5), (16, 0.3), (4, 0.15), (1, 0.05))
"""Pixels to one spot of noise, and how strongly it is laid over the coarser ones."""
_CHROMA_SPOT = 64


@lru_cache(maxsize=16)
def photograph(width: int, height: int, seed: int = 0) -> bytes:
    """Return a JPEG of about two bits a pixel, with coarse shapes, fine texture and soft colours, as photos have."""
    chance = np.random.default_rng(seed)
    size = (width, height)
    luma = Image.new("L", size, 128)
    for spot, share in _OCTAVES:
        luma = Image.blend(luma, _spots(chance, size, spot), share)
    chroma = [Image.blend(Image.new("L", size, 128), _spots(chance, size, _CHROMA_SPOT), 0.3) for _ in range(2)]
    file = io.BytesIO()
    Image.merge("YCbCr", (luma, *chroma)).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _spots(chance: np.random.Generator, size: tuple[int, int], spot: int) -> Image.Image:
    width, height = (length // spot + 2 for length in size)
    noise = Image.fromarray(chance.integers(0, 256, (height, width), dtype=np.uint8))
    return noise.resize(size, Image.Resampling.BICUBIC)
