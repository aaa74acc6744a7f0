"""Pictures for people: photos beside what the worker makes of them."""

import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from inference.model.colorizer import Colorizer
from inference.problems import Problem
from inference.recolor import recolor
from inference.vocabulary import Layout, OutputFormat, RecolorOptions
from training.photos import BROKEN, PhotosError, upright
from training.sources import is_image

_Item = TypeVar("_Item")
_GAP = 8
_OPTIONS = RecolorOptions(layout=Layout.SIDE_BY_SIDE, format=OutputFormat.PNG)


@dataclass(frozen=True)
class ImageFile:
    """An image file's name and its bytes."""

    name: str
    data: bytes


def write_gallery(
    sources: Sequence[Path], target: Path, colorizer: Colorizer, *, width: int, height: int, limit: int
) -> None:
    """Recolor photos and lay them out in pairs (as posted | recolored), in rows that fill the width.

    Args:
        sources: image files; of a tar file, up to ``limit`` images spread over it.
        target: the picture to write, in the format of its suffix.
        colorizer: the weights to recolor with.
        width: width of the picture in pixels.
        height: least height of a row in pixels.
        limit: photos taken of each tar file.

    Raises:
        PhotosError: a source does not exist, is no tar file, holds no image, or one that the worker doesn't take.

    """
    pairs = [pair(image, colorizer) for image in _read_all(sources, limit)]
    rows = [_justified(row, width, height) for row in _rows(pairs, width, height)]
    sheet = Image.new("RGB", (width, sum(row.height + _GAP for row in rows) - _GAP), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + _GAP
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target, quality=88, optimize=True)


def pair(image: ImageFile, colorizer: Colorizer) -> Image.Image:
    """Return an image file as posted beside what the worker makes of it, mode RGB.

    Raises:
        PhotosError: the worker doesn't take it.

    """
    try:
        recolored = recolor(image.data, _OPTIONS, colorizer)
    except Problem as problem:
        raise PhotosError(f"{image.name}: {problem}") from problem
    return Image.open(io.BytesIO(recolored.data)).convert("RGB")


def _rows(pairs: Sequence[Image.Image], width: int, height: int) -> list[list[Image.Image]]:
    """Put as many pairs into each row as fit at the least height."""
    rows: list[list[Image.Image]] = []
    room = 0.0
    for pair in pairs:
        needed = pair.width / pair.height * height + _GAP
        if not rows or room < needed:
            rows.append([])
            room = width + _GAP
        rows[-1].append(pair)
        room -= needed
    return rows


def _justified(row: Sequence[Image.Image], width: int, height: int) -> Image.Image:
    """Lay a row out at the height at which it fills the width, at most 1.5 times the least height."""
    ratio = sum(pair.width / pair.height for pair in row)
    tall = round(min(1.5 * height, (width - _GAP * (len(row) - 1)) / ratio))
    strip = Image.new("RGB", (width, tall), "white")
    left = 0
    for pair in row:
        wide = round(pair.width * tall / pair.height)
        strip.paste(pair.resize((wide, tall), Image.Resampling.LANCZOS), (left, 0))
        left += wide + _GAP
    return strip


def read_images(source: Path, limit: int | None = None) -> list[ImageFile]:
    """Read an image file, or at most ``limit`` images, evenly spread, of a tar file or folder.

    Raises:
        PhotosError: the source does not exist or is no tar file.

    """
    if source.is_dir():
        paths = _spread([path for path in sorted(source.rglob("*")) if path.is_file() and is_image(path)], limit)
        return [ImageFile(path.name, path.read_bytes()) for path in paths]
    if not source.is_file():
        raise PhotosError(f"{source} does not exist")
    if source.suffix != ".tar":
        return [ImageFile(source.name, source.read_bytes())]
    try:
        with tarfile.open(source) as tar:
            chosen = _spread([member for member in tar if member.isfile() and is_image(Path(member.name))], limit)
            return [ImageFile(member.name, file.read()) for member in chosen if (file := tar.extractfile(member))]
    except tarfile.TarError as error:
        raise PhotosError(f"{source} is no tar file: {str(error).splitlines()[0]}") from error


def read_squares(sources: Sequence[Path], limit: int | None, side: int) -> Tensor:
    """Read images of several sources, cropped to their centres: uint8 sRGB ``(N, 3, side, side)``.

    Raises:
        PhotosError: a source does not exist, is no tar file, holds no image, or a broken one.

    """
    images = [_decoded(image) for image in _read_all(sources, limit)]
    squares = [ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS) for image in images]
    return torch.from_numpy(np.stack([np.asarray(square) for square in squares])).permute(0, 3, 1, 2)


def _read_all(sources: Sequence[Path], limit: int | None) -> list[ImageFile]:
    images = [image for source in sources for image in read_images(source, limit)]
    if not images:
        raise PhotosError(f"there are no images in {', '.join(map(str, sources))}")
    return images


def _decoded(image: ImageFile) -> Image.Image:
    try:
        return upright(Image.open(io.BytesIO(image.data))).convert("RGB")
    except BROKEN as error:
        raise PhotosError(f"{image.name} is no image: {error}") from error


def _spread(items: Sequence[_Item], limit: int | None) -> list[_Item]:
    count = len(items) if limit is None else min(limit, len(items))
    return [items[index * len(items) // count] for index in range(count)]
