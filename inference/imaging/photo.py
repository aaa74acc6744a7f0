"""A decoded photo, as the steps between decoding and encoding see it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.imaging.chroma import LIGHTNESS_OF_LEVEL, Float
from inference.imaging.file_types import FileType
from inference.imaging.timeline import Timeline
from inference.vocabulary import InputKind

PREVIEW_SIDE = 640


@dataclass(frozen=True, slots=True)
class Frame:
    """One upright frame in sRGB."""

    luma: Image.Image
    """The whole luma plane, mode L."""
    alpha: Image.Image | None
    """Opacity, mode L; None where all is opaque."""
    preview: Image.Image
    """The frame at most ``PREVIEW_SIDE`` pixels wide and high; mode L (gray) or YCbCr."""
    duration: int = 0
    """How long an animation shows it, in milliseconds."""
    _lumas: dict[tuple[int, int], NDArray[np.uint8]] = field(default_factory=dict, repr=False, compare=False)

    def luma_at(self, shape: tuple[int, int]) -> Float:
        """Return the luma resized to ``shape`` (rows, columns): float32 in 0..255."""
        if shape not in self._lumas:  # it is wanted before the network and after it
            self._lumas[shape] = _resized(self.preview.getchannel(0), shape)
        return self._lumas[shape].astype(np.float32)

    def shown_luma_at(self, shape: tuple[int, int]) -> Float:
        """Return the luma as it is seen on a white page, resized to ``shape`` (rows, columns): float32 in 0..255."""
        luma = self.luma_at(shape)
        if self.alpha is None:
            return luma
        opacity = _resized(self.alpha, shape).astype(np.float32) / np.float32(255)
        return 255 + opacity * (luma - 255)


@dataclass(frozen=True, slots=True)
class JpegTables:
    """How a JPEG was quantised, so that its recolored copy can be alike."""

    luma: tuple[int, ...]
    """64 quantisation steps in rows, for the picture as decoded (upright)."""
    chroma: tuple[int, ...] | None
    full_chroma: bool
    """Whether chroma had the same resolution as luma (4:4:4)."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photo or animation: luma and opacity of every frame, and what is needed to write it back.

    The original colors aren't kept; ``data``, the file as it came, has them.
    """

    data: bytes
    file_type: FileType
    frames: tuple[Frame, ...]
    timeline: Timeline
    kind: InputKind
    jpeg: JpegTables | None = None
    lossless: bool = True
    loop: int | None = None
    """How often an animation repeats: 0 is for ever, None once."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""
        return self.frames[0].luma.size

    @property
    def pixels(self) -> int:
        """The pixels of all frames together."""
        width, height = self.size
        return len(self.frames) * width * height

    @property
    def key_frames(self) -> tuple[Frame, ...]:
        """The frames that the network is to see; a still has one."""
        return tuple(self.frames[index] for index in self.timeline.keys)

    def network_input(self, shapes: Sequence[tuple[int, int]]) -> list[Float]:
        """Return L* in 0..100, float32 of (rows, columns), for each key frame.

        All have the one of ``shapes`` (rows, columns) that is nearest in aspect ratio. L* is that of the gray with the
        photo's luma, as a black-and-white photo has it.
        """
        width, height = self.size
        shape = min(shapes, key=lambda shape: abs(math.log(shape[0] * width / (shape[1] * height))))
        return [LIGHTNESS_OF_LEVEL[frame.shown_luma_at(shape).astype(np.uint8)] for frame in self.key_frames]


def _resized(plane: Image.Image, shape: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = shape
    return np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0), dtype=np.uint8)
