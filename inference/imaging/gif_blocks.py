"""The size and the number of frames of a GIF, read from its blocks without decoding a frame.

Pillow tells the number of frames only after it has walked through them all, which takes seconds for a file of ten
thousand. Layout: GIF89a specification, sections 17 to 26.
"""

from __future__ import annotations

from dataclasses import dataclass

from inference.imaging.limits import Limits
from inference.problems import BrokenImage

_EXTENSION = 0x21
_IMAGE = 0x2C
_TRAILER = 0x3B
_HEADER_BYTES = 13


@dataclass(frozen=True, slots=True)
class GifExtent:
    """What a GIF would decode to: frames, and pixels a frame."""

    frames: int
    width: int
    height: int


def measure(data: bytes, limits: Limits) -> GifExtent:
    """Walk through the blocks of a GIF and return its extent.

    The width and height take in frames that reach beyond the declared screen. Raises ``TooManyFrames`` or
    ``TooManyPixels`` as soon as a limit is passed, and ``BrokenImage`` where the blocks don't hold together.
    """
    try:
        return _walk(data, limits)
    except IndexError:
        raise BrokenImage from None


def _walk(data: bytes, limits: Limits) -> GifExtent:
    width, height = _word(data, 6), _word(data, 8)
    limits.check_size(width, height)
    frames = 0
    position = _HEADER_BYTES + _colour_table_bytes(data[10])
    while (block := data[position]) != _TRAILER:
        if block == _EXTENSION:
            position = _skip_sub_blocks(data, position + 2)
        elif block == _IMAGE:
            width = max(width, _word(data, position + 1) + _word(data, position + 5))
            height = max(height, _word(data, position + 3) + _word(data, position + 7))
            frames += 1
            limits.check_size(width, height)
            limits.check_frames(frames, width, height)
            position = _skip_sub_blocks(data, position + 11 + _colour_table_bytes(data[position + 9]))
        else:
            raise BrokenImage
        if position == len(data) and frames:
            break  # many writers forget the trailer
    if not frames:
        raise BrokenImage
    return GifExtent(frames, width, height)


def _skip_sub_blocks(data: bytes, position: int) -> int:
    while length := data[position]:
        position += 1 + length
    return position + 1


def _colour_table_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 0x07) + 1) if flags & 0x80 else 0


def _word(data: bytes, position: int) -> int:
    return data[position] | data[position + 1] << 8
