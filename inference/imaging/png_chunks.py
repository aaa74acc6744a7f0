"""What a PNG holds, read from its chunks without decoding them (PNG specification, third edition, section 5)."""

from __future__ import annotations

from inference.problems import BrokenImage

_SIGNATURE_BYTES = 8
_CHUNK_FRAME_BYTES = 12
# Writers cut the picture into chunks of 4 KiB or more: the largest file that is taken makes some ten thousand.
_MAX_CHUNKS = 50_000


def check_effort(data: bytes) -> None:
    """Raise ``BrokenImage`` for a PNG that is cut into absurdly many chunks, which Pillow reads one by one."""
    position = _SIGNATURE_BYTES
    for _ in range(_MAX_CHUNKS):
        if position >= len(data):
            return
        position += _CHUNK_FRAME_BYTES + int.from_bytes(data[position : position + 4], "big")
    raise BrokenImage
