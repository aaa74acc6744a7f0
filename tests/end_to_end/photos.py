"""Photos for the tests, made in code: gray ones with smooth light, edges and grain, as photographs have."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def gray_photo(width: int, height: int, *, seed: int = 0) -> bytes:
    """Return a gray JPEG of that size."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 120 + 70 * np.sin(x / width * 5) * np.cos(y / height * 3)
    light[(x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 4) ** 2] += 40
    grain = random.normal(0, 4, (height, width))
    picture = Image.fromarray(np.clip(light + grain, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def gray_animation(width: int, height: int, frames: int) -> bytes:
    """Return a gray animated GIF: light that wanders from left to right."""
    x = np.mgrid[0:height, 0:width][1]
    pictures = [Image.fromarray(((x + 8 * frame) % 256).astype(np.uint8)) for frame in range(frames)]
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=50)
    return file.getvalue()


def size_of(data: bytes) -> tuple[str | None, tuple[int, int]]:
    """Return a picture's format and size in pixels, having decoded all of it."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture.format, picture.size


def chroma_of(data: bytes) -> float:
    """Return how far a picture is from gray, in levels of Cb and Cr, on average."""
    with Image.open(io.BytesIO(data)) as picture:
        chroma = np.asarray(picture.convert("YCbCr"), dtype=np.float32)[..., 1:] - 128
    return float(np.abs(chroma).mean())
