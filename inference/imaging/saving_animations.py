"""Writes animations to the bytes of a file."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.imaging.file_types import FileType
from inference.imaging.saving import WEBP_QUALITY

_COLORS = 255
_TRANSPARENT = 255
"""The palette's last index, left for what is transparent."""
_OTHER_TRANSPARENT = 0
"""Takes its place in a frame that shows no color at all."""
_SAMPLES_PER_SCENE = 6
_SAMPLE_SIDE = 128
_DITHER_LEVELS = 8
_RESTORE_BACKGROUND = 2
_LONGEST_PAUSE = {FileType.GIF: 655_350, FileType.WEBP: 2**24 - 1}
"""Milliseconds that one frame can be shown; an animated PNG knows no bound."""
_MOST_REPEATS = 65_535


@dataclass(frozen=True, slots=True)
class Playback:
    """How an animation is played."""

    durations: tuple[int, ...]
    """Milliseconds of each frame."""
    loop: int | None
    """How often it repeats: 0 is for ever, None once."""
    scenes: tuple[int, ...]
    """For each frame the number of its scene, from 0."""


def save_animation(
    pictures: Callable[[], Iterator[Image.Image]], playback: Playback, file_type: FileType, *, lossless: bool
) -> bytes:
    """Write an animated GIF, WebP or PNG; ``pictures`` begins anew with the first frame (RGB or RGBA) at each call."""
    options: dict[str, Any] = {"save_all": True, "duration": _pauses(playback, file_type)}
    others: Iterable[Image.Image]
    if file_type is FileType.GIF:
        indexed = _indexed(pictures, playback.scenes)
        first, others = next(indexed), indexed
        options |= {"disposal": _RESTORE_BACKGROUND, "optimize": False}
        if playback.loop is not None:
            options["loop"] = min(playback.loop, _MOST_REPEATS)
    else:
        first, others = next(pictures()), _Others(pictures)
        options["loop"] = 1 if playback.loop is None else min(playback.loop, _MOST_REPEATS)
    if file_type is FileType.WEBP:
        options |= {"lossless": True} if lossless else {"quality": WEBP_QUALITY}
    buffer = io.BytesIO()
    first.save(buffer, format=file_type, append_images=others, **options)
    return buffer.getvalue()


def _pauses(playback: Playback, file_type: FileType) -> list[int]:
    """Return the frames' durations, shortened where the file could not hold them.

    Pillow makes one frame of those that are alike, within a scene, which then has the durations of all.
    """
    longest = _LONGEST_PAUSE.get(file_type, sum(playback.durations))
    lengths = Counter(playback.scenes)
    totals: Counter[int] = Counter()
    for duration, scene in zip(playback.durations, playback.scenes, strict=True):
        totals[scene] += duration
    return [
        duration if totals[scene] <= longest else min(duration, longest // lengths[scene])
        for duration, scene in zip(playback.durations, playback.scenes, strict=True)
    ]


class _Others:
    """The pictures after the first, made anew each time they are gone through, rather than all kept at once."""

    def __init__(self, pictures: Callable[[], Iterator[Image.Image]]) -> None:
        self._pictures = pictures

    def __iter__(self) -> Iterator[Image.Image]:
        return islice(self._pictures(), 1, None)


def _indexed(pictures: Callable[[], Iterator[Image.Image]], scenes: Sequence[int]) -> Iterator[Image.Image]:
    """Yield the frames in 255 colors, the same ones all through a scene, so that nothing flickers."""
    palettes = _scene_palettes(pictures(), scenes)
    for number, (picture, scene) in enumerate(zip(pictures(), scenes, strict=True)):
        indexed = _dithered(picture.convert("RGB")).quantize(palette=palettes[scene], dither=Image.Dither.NONE)
        if picture.mode == "RGBA":
            alpha = picture.getchannel("A")
            # Of a later frame that is all like the first one's transparency, Pillow makes a second header.
            nothing_shown = number > 0 and not any(alpha.histogram()[128:])
            transparent = _OTHER_TRANSPARENT if nothing_shown else _TRANSPARENT
            indexed.paste(transparent, mask=alpha.point([255] * 128 + [0] * 128))
            indexed.info["transparency"] = transparent
        yield indexed


def _scene_palettes(pictures: Iterator[Image.Image], scenes: Sequence[int]) -> list[Image.Image]:
    """Return for each scene a picture with the palette that suits it best, judged by a few small copies of frames."""
    lengths = np.bincount(scenes)
    strips: list[list[Image.Image]] = [[] for _ in lengths]
    seen = [0] * len(lengths)
    for picture, scene in zip(pictures, scenes, strict=True):
        if seen[scene] % -(-int(lengths[scene]) // _SAMPLES_PER_SCENE) == 0:
            small = picture.convert("RGB")
            small.thumbnail((_SAMPLE_SIDE, _SAMPLE_SIDE))
            strips[scene].append(small)
        seen[scene] += 1
    return [_side_by_side(strip).quantize(_COLORS, Image.Quantize.MEDIANCUT, kmeans=1) for strip in strips]


def _side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    width, height = pictures[0].size
    joined = Image.new("RGB", (width * len(pictures), height))
    for index, picture in enumerate(pictures):
        joined.paste(picture, (index * width, 0))
    return joined


def _dithered(picture: Image.Image) -> Image.Image:
    """Add an ordered pattern, which stays in place from frame to frame; error diffusion would crawl."""
    levels = np.asarray(picture).astype(np.int16)
    height, width = levels.shape[:2]
    rows, columns = -(-height // 8), -(-width // 8)
    pattern = np.tile(_BAYER, (rows, columns))[:height, :width, None]
    return Image.fromarray(np.clip(levels + pattern, 0, 255).astype(np.uint8))


def _bayer_pattern() -> NDArray[np.int16]:
    """Return Bayer's 8 x 8 threshold pattern, centred on 0 (B. E. Bayer, ICC 1973)."""
    ranks = np.zeros((1, 1))
    for _ in range(3):
        ranks = np.block([[4 * ranks, 4 * ranks + 2], [4 * ranks + 3, 4 * ranks + 1]])
    return np.rint((ranks / 63 - 0.5) * _DITHER_LEVELS).astype(np.int16)


_BAYER = _bayer_pattern()
