"""Puts a JPEG together from strips that were coded one by one.

Between restart markers a JPEG is coded independently of what came before (ITU-T T.81, annexes B.2 and F.1.1.5.1): the
coded data of strips, with such a marker between each and the next, are those of the whole picture. So it never has to
stand in memory in color all at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

STRIP_UNIT: Final = 16
"""Strips, save the last, have a multiple of this many rows, so that each is whole blocks of 4:2:0 chroma."""

_BASELINE_FRAME, _RESTART_INTERVAL, _SCAN = 0xC0, 0xDD, 0xDA
_END = b"\xff\xd9"
_RESTARTS = tuple(bytes((0xFF, 0xD0 + number)) for number in range(8))


def join_strips(strips: Sequence[bytes], height: int) -> bytes:
    """Return the baseline JPEG, ``height`` rows high, of the strips from top to bottom, coded alike as baseline JPEGs.

    All but the last have the same number of rows, a multiple of ``STRIP_UNIT``.
    """
    first = strips[0]
    if len(strips) == 1:
        return first
    starts = dict(_segments(first))
    frame, scan = starts[_BASELINE_FRAME], starts[_SCAN]
    data = scan + 2 + _number(first, scan + 2)
    parts: list[bytes | memoryview] = [
        first[: frame + 5],
        height.to_bytes(2, "big"),
        first[frame + 7 : scan],
        bytes((0xFF, _RESTART_INTERVAL, 0, 4)) + _units(first, frame).to_bytes(2, "big"),
        first[scan:data],
    ]
    for index, strip in enumerate(strips):
        parts += (memoryview(strip)[data : -len(_END)], _RESTARTS[index % len(_RESTARTS)])
    parts[-1] = _END
    return b"".join(parts)


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each marker and where it is, up to the start of the scan."""
    position = 2
    while True:
        marker = data[position + 1]
        yield marker, position
        if marker == _SCAN:
            return
        position += 2 + _number(data, position + 2)


def _units(data: bytes, frame: int) -> int:
    """Return how many units (MCUs) of blocks the picture has, from its frame's header."""
    sampling = data[frame + 11]
    height, width = _number(data, frame + 5), _number(data, frame + 7)
    return -(-height // (8 * (sampling & 15))) * -(-width // (8 * (sampling >> 4)))


def _number(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 2], "big")
