"""Which frames of an animation need a look of their own, and colors that hold still from one to the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from inference.imaging.chroma import Float

_SKETCH_SIZE = (64, 64)
_NEW_KEY_LEVELS = 6.0
"""A frame needs a look of its own where any spot of its luma has changed by this much since the last key frame."""
_CUT_LEVELS = 32.0
"""A scene ends where luma changes by this much on average."""
_INERTIA = 0.92
"""Share of the neighbouring key frame's color where nothing moves."""
_MOTION_LEVELS = 10.0
"""A change of luma by this much counts as motion: there a frame keeps its own color."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The key frames of an animation and its scenes."""

    keys: tuple[int, ...]
    """Indices of the key frames, rising, beginning with 0."""
    scenes: tuple[int, ...]
    """For each key frame the number of its scene, from 0."""
    key_of_frame: tuple[int, ...]
    """For each frame the index into ``keys`` of the key frame that it shares colors with."""


STILL = Timeline(keys=(0,), scenes=(0,), key_of_frame=(0,))


def timeline_of(previews: Iterable[Image.Image]) -> Timeline:
    """Find key frames and scenes from small copies (mode L or YCbCr) of all frames."""
    keys: list[int] = []
    scenes: list[int] = []
    key_of_frame: list[int] = []
    key_sketch: Float | None = None
    for index, preview in enumerate(previews):
        sketch = _sketch(preview)
        if key_sketch is None or np.abs(sketch - key_sketch).max() > _NEW_KEY_LEVELS:
            is_cut = key_sketch is not None and bool(np.abs(sketch - key_sketch).mean() > _CUT_LEVELS)
            scenes.append(scenes[-1] + is_cut if scenes else 0)
            keys.append(index)
            key_sketch = sketch
        key_of_frame.append(len(keys) - 1)
    return Timeline(tuple(keys), tuple(scenes), tuple(key_of_frame))


def steady(ab: Sequence[Float], lumas: Sequence[Float], scenes: Sequence[int]) -> list[Float]:
    """Smooth predicted colors over time within each scene.

    ``ab`` (2, h, w) and ``lumas`` (h, w), in 0..255, are those of the key frames. Each spot's color is drawn towards
    the neighbouring frames' where its luma stays the same, forwards and backwards in time alike, so that colors don't
    lag behind.
    """
    if len(ab) == 1:
        return list(ab)
    forwards = _drawn_along(ab, lumas, scenes)
    backwards = _drawn_along(ab[::-1], lumas[::-1], scenes[::-1])[::-1]
    return [(one + other) * np.float32(0.5) for one, other in zip(forwards, backwards, strict=True)]


def _drawn_along(ab: Sequence[Float], lumas: Sequence[Float], scenes: Sequence[int]) -> list[Float]:
    smoothed = [ab[0]]
    for index in range(1, len(ab)):
        if scenes[index] != scenes[index - 1]:
            smoothed.append(ab[index])
            continue
        motion = np.abs(lumas[index] - lumas[index - 1]) / _MOTION_LEVELS
        share = (_INERTIA * np.exp(-(motion**2))).astype(np.float32)
        smoothed.append(ab[index] + share * (smoothed[-1] - ab[index]))
    return smoothed


def _sketch(preview: Image.Image) -> Float:
    luma = preview.getchannel(0).resize(_SKETCH_SIZE, Image.Resampling.BOX)
    return np.asarray(luma, dtype=np.float32)
