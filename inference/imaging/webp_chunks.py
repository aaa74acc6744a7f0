"""The size of a WebP and how it was compressed, read from its chunks (RFC 9649) without opening a decoder.

libwebp allocates the whole canvas, twice over, as soon as a file is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from inference.problems import BrokenImage

_RIFF_HEADER_BYTES = 12
_CHUNK_HEADER_BYTES = 8
_FRAME_HEADER_BYTES = 16
_SIDE_BITS = 0x3FFF
# Before the picture come at most a header, a color profile and the animation's settings.
_MAX_LEADING_CHUNKS = 100


@dataclass(frozen=True, slots=True)
class WebpTraits:
    """What a WebP would decode to."""

    width: int
    height: int
    lossless: bool
    """Whether its (first) picture is compressed without loss."""


def inspect(data: bytes) -> WebpTraits:
    """Return the traits of a WebP file; raises ``BrokenImage`` where its chunks don't hold together."""
    canvas: tuple[int, int] | None = None
    for name, start in islice(_chunks(data, _RIFF_HEADER_BYTES), _MAX_LEADING_CHUNKS):
        if name == b"VP8X":
            canvas = _unsigned(data, start + 4, 3) + 1, _unsigned(data, start + 7, 3) + 1
        elif name == b"VP8L":
            bits = _unsigned(data, start + 1, 4)
            width, height = canvas or ((bits & _SIDE_BITS) + 1, (bits >> 14 & _SIDE_BITS) + 1)
            return WebpTraits(width, height, lossless=True)
        elif name == b"VP8 ":
            width, height = canvas or (
                _unsigned(data, start + 6, 2) & _SIDE_BITS,
                _unsigned(data, start + 8, 2) & _SIDE_BITS,
            )
            return WebpTraits(width, height, lossless=False)
    raise BrokenImage


def _chunks(data: bytes, position: int) -> Iterator[tuple[bytes, int]]:
    """Yield the name and the start of the payload of each chunk, descending into animation frames."""
    while position + _CHUNK_HEADER_BYTES <= len(data):
        name = data[position : position + 4]
        payload = position + _CHUNK_HEADER_BYTES
        yield name, payload
        if name == b"ANMF":
            position = payload + _FRAME_HEADER_BYTES
        else:
            length = _unsigned(data, position + 4, 4)
            position = payload + length + length % 2


def _unsigned(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(data[start : start + length], "little")
