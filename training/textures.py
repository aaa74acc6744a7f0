"""The textures of old photographs as large tiles, the same on every device: film grain, dust and scratches."""

import functools
import math
import random

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F

SIDE = 1024
"""Side of a tile in pixels; tiles go on at their other edge."""

DUST, SCRATCHES = 0, 1
_SEED = 1839  # the year of the first photographs for sale
_OVERSAMPLING = 4
# A photo of 160 pixels shows a fortieth of a tile.
_SPECKS, _HAIRS, _LINES, _CRACKS = 500, 45, 90, 18
_GRAIN_SIZES = (0.0, 0.6, 0.9, 1.3)


@functools.cache
@torch.inference_mode(False)  # a cached tensor must do for training too, whoever asks first
def grain_tiles(device: torch.device) -> Tensor:
    """Noise of mean 0 and deviation 1, ``(4, T, T)``: white, then ever coarser grain (σ of 0.6, 0.9, 1.3 pixels)."""
    white = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(_SEED))
    tiles = [white, *(_smoothed(white.roll(round(97 * size), 0), size) for size in _GRAIN_SIZES[1:])]
    return torch.stack(tiles).to(device)


@functools.cache
@torch.inference_mode(False)
def damage_tiles(device: torch.device) -> Tensor:
    """Masks in [0, 1] of what covers a photo, ``(2, T, T)``: dust and hairs; scratches and cracks."""
    chance = random.Random(_SEED)  # noqa: S311 - a texture, not a secret
    layers = []
    for draw in (_draw_dust, _draw_scratches):
        canvas = Image.new("L", (SIDE * _OVERSAMPLING, SIDE * _OVERSAMPLING))
        draw(ImageDraw.Draw(canvas), chance)
        layers.append(torch.from_numpy(np.asarray(canvas.reduce(_OVERSAMPLING)).copy()))
    return (torch.stack(layers) / 255).to(device)


def _smoothed(white: Tensor, sigma: float) -> Tensor:
    radius = math.ceil(3 * sigma)
    line = torch.exp(-((torch.arange(-radius, radius + 1) / sigma) ** 2) / 2)
    kernel = (line[:, None] * line)[None, None]
    smooth = F.conv2d(F.pad(white[None, None], (radius,) * 4, mode="circular"), kernel)[0, 0]
    return smooth / smooth.std()


def _draw_dust(canvas: ImageDraw.ImageDraw, chance: random.Random) -> None:
    for _ in range(_SPECKS):
        x, y = _somewhere(chance)
        across, down = (_OVERSAMPLING * chance.lognormvariate(-0.35, 0.55) for _ in range(2))
        canvas.ellipse((x - across, y - down, x + across, y + down), fill=chance.randint(110, 255))
    for _ in range(_HAIRS):
        _draw_walk(canvas, chance, steps=chance.randint(6, 22), stride=6, turn=0.35, width=2)


def _draw_scratches(canvas: ImageDraw.ImageDraw, chance: random.Random) -> None:
    for _ in range(_LINES):
        x, y = _somewhere(chance)
        length = _OVERSAMPLING * chance.uniform(20, 400)
        ends = (x, y, x + length * chance.gauss(0, 0.06), y + length)
        if chance.random() < 0.25:
            ends = (y, x, y + length, ends[2])
        canvas.line(ends, fill=chance.randint(90, 230), width=chance.randint(1, _OVERSAMPLING))
    for _ in range(_CRACKS):
        _draw_walk(canvas, chance, steps=chance.randint(15, 60), stride=14, turn=0.6, width=chance.randint(2, 6))


def _draw_walk(
    canvas: ImageDraw.ImageDraw, chance: random.Random, *, steps: int, stride: float, turn: float, width: int
) -> None:
    """Draw a crooked line whose direction wanders about a straight one."""
    x, y = _somewhere(chance)
    main = chance.uniform(0, 2 * math.pi)
    points = [(x, y)]
    bend = 0.0
    for _ in range(steps):
        bend = 0.8 * bend + chance.gauss(0, turn)
        x, y = x + stride * math.cos(main + bend), y + stride * math.sin(main + bend)
        points.append((x, y))
    canvas.line(points, fill=chance.randint(110, 255), width=width, joint="curve")


def _somewhere(chance: random.Random) -> tuple[float, float]:
    side = SIDE * _OVERSAMPLING
    return chance.uniform(0, side), chance.uniform(0, side)
