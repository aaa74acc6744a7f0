"""Photographs made in code, and what a perfect network would say of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from inference.imaging import Limits, Photo, Picture, decode, encode
from inference.model.color import lab_from_srgb
from inference.vocabulary import RecolorOptions

SHAPES = ((224, 224), (192, 288), (288, 192))


def scene(width: int = 240, height: int = 160, seed: int = 0) -> Image.Image:
    """Return something like a photo (RGB): a sky, ground, discs and bars of many colors, shading and grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    rgb = np.stack([0.45 + 0.3 * y, 0.6 + 0.15 * y, 0.95 - 0.2 * y])
    rgb[:, y > 0.55 + 0.08 * np.sin(5 * x)] = np.array([[0.35], [0.5], [0.2]])
    for _ in range(14):
        color = rng.uniform(0.05, 0.95, 3)
        column, row, radius = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.04, 0.16)
        distance = np.hypot((x - column) * width / height, y - row)
        inside = distance < radius if rng.random() < 0.7 else (abs(x - column) < radius / 3) & (abs(y - row) < radius)
        rgb[:, inside] = color[:, None] * (1.1 - 0.4 * distance[inside] / radius).clip(0.4, 1)
    rgb *= 0.85 + 0.15 * np.sin(40 * x + 25 * y)
    rgb += rng.normal(0, 0.012, (height, width))
    return Image.fromarray((rgb.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0))


def file_of(image: Image.Image, file_type: str, **options: Any) -> bytes:
    """Return the picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, format=file_type, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    """Return the decoded picture."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def lab_of(image: Image.Image) -> NDArray[np.float32]:
    """Return Lab (3, h, w) of a picture."""
    planes = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    lab: NDArray[np.float32] = lab_from_srgb(torch.from_numpy(planes / np.float32(255))).numpy()
    return lab


def true_ab(image: Image.Image, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the true ab as a network with an input of ``shape`` would give it: means over its cells."""
    rows, columns = shape[0] // 4, shape[1] // 4
    planes = [Image.fromarray(plane) for plane in lab_of(image)[1:]]
    return np.stack([np.asarray(plane.resize((columns, rows), Image.Resampling.BOX)) for plane in planes])


def recolor_as(colors: Image.Image, data: bytes, options: RecolorOptions | None = None) -> tuple[Photo, Picture]:
    """Recolor the still in ``data`` with the true colors of another picture."""
    photo = decode(data, Limits())
    lightness = photo.network_input(SHAPES)
    ab = true_ab(colors, lightness[0].shape)  # type: ignore[arg-type]
    return photo, encode(photo, [ab] * len(lightness), options or RecolorOptions())


def luma_of(image: Image.Image) -> NDArray[np.int16]:
    """Return the luma of a picture, 0..255."""
    return np.asarray(image.convert("RGB").convert("L")).astype(np.int16)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures' colors (CIE76)."""
    return float(np.sqrt(((lab_of(one) - lab_of(other)) ** 2).sum(axis=0)).mean())
