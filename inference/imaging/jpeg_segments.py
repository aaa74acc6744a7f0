"""What a JPEG holds, read from its segments without decoding them (ITU-T T.81, annex B)."""

from __future__ import annotations

from inference.problems import BrokenImage

_START_OF_SCAN = 0xDA
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
# A photo has one scan, or about ten when progressive. Each scan walks through the whole picture again, so that a file
# of a few kilobytes with thousands of them keeps a decoder busy for minutes.
_MAX_SCANS = 100
# Cameras write a dozen segments before the first scan, and large color profiles some more.
_MAX_SEGMENTS = 1000


def check_effort(data: bytes) -> None:
    """Raise ``BrokenImage`` for a JPEG that is built to keep decoders busy, or that has no scan."""
    if data.count(bytes([0xFF, _START_OF_SCAN])) > _MAX_SCANS:
        raise BrokenImage
    position = 2
    for _ in range(_MAX_SEGMENTS):
        position = data.find(b"\xff", position) + 1
        if not 0 < position < len(data) - 2:
            raise BrokenImage
        marker = data[position]
        if marker == _START_OF_SCAN:
            return
        if marker not in _BARE_MARKERS and marker != 0xFF and marker != 0x00:
            position += 1 + int.from_bytes(data[position + 1 : position + 3], "big")
    raise BrokenImage
