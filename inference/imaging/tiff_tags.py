"""What a TIFF says of its first picture, read from its tags without opening a decoder (TIFF 6.0, section 2)."""

from __future__ import annotations

from typing import Literal

from inference.imaging.file_types import refusal
from inference.imaging.limits import Limits

_SUBFILE_TYPE, _TILE_WIDTH, _TILE_LENGTH, _SUB_DIRECTORIES, _DNG_VERSION = 254, 322, 323, 330, 50706
_REDUCED = 1
_BIG = 43
"""Stands where 42 does in others, when counts and offsets have 8 bytes."""
_SIZES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 16: 8, 17: 8}
"""Bytes of each type of whole number."""
_MAX_ENTRIES = 2**16


def check(data: bytes, limits: Limits) -> None:
    """Raise ``UnsupportedType`` for a camera's raw file, and ``TooManyPixels`` for tiles larger than a picture may be.

    Raw files are TIFFs as well, whose first picture is a thumbnail; and one tile may be far larger than its picture.
    """
    tags = _tags(data)
    has_thumbnail_first = bool(tags.get(_SUBFILE_TYPE, 0) & _REDUCED) and _SUB_DIRECTORIES in tags
    if has_thumbnail_first or _DNG_VERSION in tags or data[8:10] == b"CR":
        raise refusal("camera raw files")
    limits.check_size(tags.get(_TILE_WIDTH, 0), tags.get(_TILE_LENGTH, 0))


def _tags(data: bytes) -> dict[int, int]:
    """Return the first directory's tags with what their entries hold: a number, where it is one that fits in there."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(start: int, length: int) -> int:
        return int.from_bytes(data[start : start + length], order)

    is_big = number(2, 2) == _BIG
    word = 8 if is_big else 4
    start = number(8 if is_big else 4, word)
    first = start + (8 if is_big else 2)
    length = 4 + 2 * word
    entries = range(first, first + length * min(number(start, first - start), _MAX_ENTRIES), length)
    return {
        number(entry, 2): number(entry + 4 + word, min(_SIZES.get(number(entry + 2, 2), word), word))
        for entry in reversed(entries)  # of several entries for a tag, the first holds
    }
