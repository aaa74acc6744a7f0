"""What a GIF holds, read from its blocks without decoding a frame.

Pillow tells the number of frames only after it has walked through them all, which takes seconds for a file of ten
thousand. Layout: GIF89a specification, sections 17 to 26.
"""

from __future__ import annotations

from collections.abc import Iterator

from inference.imaging.limits import Limits
from inference.problems import BrokenImage

_EXTENSION = 0x21
_COMMENT = 0xFE
_LOOP = b"NETSCAPE2.0"
_IMAGE = 0x2C
_TRAILER = 0x3B
_HEADER_BYTES = 13
_IMAGE_HEADER_BYTES = 10
# Pillow joins comments in a time that grows with the square of their length.
_MAX_COMMENT_BYTES = 2**16


def check_extent(data: bytes, limits: Limits) -> int:
    """Check size and number of frames of a GIF, and return the number.

    Frames that reach beyond the declared screen count in full.

    Raises ``TooManyFrames`` or ``TooManyPixels`` as soon as a limit is passed, and ``BrokenImage`` where the blocks
    don't hold together.
    """
    if len(data) < _HEADER_BYTES:
        raise BrokenImage
    width, height = _word(data, 6), _word(data, 8)
    frames = comment_bytes = 0
    for start, end in _blocks(data):
        if data[start] == _IMAGE:
            frames += 1
            width = max(width, _word(data, start + 1) + _word(data, start + 5))
            height = max(height, _word(data, start + 3) + _word(data, start + 7))
            limits.check_size(width, height)
            limits.check_frames(frames, width, height)
        elif data[start + 1] == _COMMENT:
            comment_bytes += end - start
            if comment_bytes > _MAX_COMMENT_BYTES:
                raise BrokenImage
    if not frames:
        raise BrokenImage
    return frames


def without_gray_ramps(data: bytes) -> bytes:
    """Return the GIF with its global and its first local color table no longer the plain gray ramp.

    Where the first frame's table is exactly that ramp, Pillow 11 to 13 take the whole animation for one without
    tables, and draw later frames that have tables of their own wrongly. One level less of blue in the brightest entry
    keeps Pillow from it, and rounds to the same luma.
    """
    tables = [(_HEADER_BYTES, _table_bytes(data, 10))]
    first = next((start for start, _ in _blocks(data) if data[start] == _IMAGE), None)
    if first is not None:
        tables.append((first + _IMAGE_HEADER_BYTES, _table_bytes(data, first + 9)))
    for start, length in tables:
        table = data[start : start + length]
        if length and table == bytes(level for level in range(length // 3) for _ in range(3)):
            last = start + length - 1
            data = data[:last] + bytes([data[last] - 1]) + data[last + 1 :]
    return data


def _blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each extension and image block."""
    try:
        position = _HEADER_BYTES + _table_bytes(data, 10)
        while position < len(data) and data[position] != _TRAILER:  # many writers forget the trailer
            start = position
            if data[start] == _IMAGE:
                # After the table comes the LZW code size, one byte.
                position = _sub_blocks_end(data, start + _IMAGE_HEADER_BYTES + _table_bytes(data, start + 9) + 1)
            elif data[start] == _EXTENSION and not _misleads_pillow(data, start):
                position = _sub_blocks_end(data, start + 2)
            else:
                raise BrokenImage
            yield start, position
    except IndexError:
        raise BrokenImage from None


def _misleads_pillow(data: bytes, start: int) -> bool:
    """Tell whether Pillow takes what follows the extension for a part of it: where it is empty, or says no loop."""
    length = data[start + 2]
    if data[start + 1] == _COMMENT:
        return False
    return not length or (data.startswith(_LOOP, start + 3) and not data[start + 3 + length])


def _sub_blocks_end(data: bytes, position: int) -> int:
    while length := data[position]:
        position += 1 + length
    return position + 1


def _table_bytes(data: bytes, flags_position: int) -> int:
    """Return the length of a color table, 0 where there is none."""
    flags = data[flags_position]
    return 3 * 2 ** ((flags & 0x07) + 1) if flags & 0x80 else 0


def _word(data: bytes, position: int) -> int:
    return data[position] | data[position + 1] << 8
