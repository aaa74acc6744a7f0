"""What a PNG holds, read from its chunks without decoding them (PNG specification, third edition, section 5)."""

from __future__ import annotations

from inference.problems import BrokenImage

_SIGNATURE_BYTES = 8
_CHUNK_FRAME_BYTES = 12
_PROFILE, _END = b"iCCP", b"IEND"
# Writers cut the picture into chunks of 4 KiB or more: the largest file that is taken makes some ten thousand.
_MAX_CHUNKS = 50_000


def check_effort(data: bytes) -> None:
    """Raise ``BrokenImage`` for a PNG that is built to keep Pillow busy.

    That is one cut into absurdly many chunks, which it reads one by one, or with more than the one color profile that
    is allowed, each of which it inflates. What follows the end, nobody reads: programs that write a smaller file over
    a larger one leave something there.
    """
    position, profiles = _SIGNATURE_BYTES, 0
    for _ in range(_MAX_CHUNKS):
        name = data[position + 4 : position + 8]
        profiles += name == _PROFILE
        if profiles > 1:
            break
        if position >= len(data) or name == _END:
            return
        position += _CHUNK_FRAME_BYTES + int.from_bytes(data[position : position + 4], "big")
    raise BrokenImage
