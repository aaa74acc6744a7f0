"""What a JPEG holds, read from its segments without decoding them (ITU-T T.81, annex B)."""

from __future__ import annotations

import re

from inference.problems import BrokenImage

_START_OF_SCAN, _END = 0xDA, 0xD9
# Between segments, and within a scan's coded data: neither a stuffed byte, nor a restart, nor another one without data.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
# A photo has one scan, or about ten when progressive. Each scan walks through the whole picture again, so that a file
# of a few kilobytes with thousands of them keeps a decoder busy for minutes.
_MAX_SCANS = 100
# Cameras write a dozen segments before the first scan, and large color profiles some more.
_MAX_SEGMENTS = 1000


def check_effort(data: bytes) -> None:
    """Raise ``BrokenImage`` for a JPEG that is built to keep decoders busy, or that has no scan.

    What follows the picture's end, as the film of a motion photo does, is no part of it.
    """
    scans = position = 0
    for _ in range(_MAX_SEGMENTS):
        marker = _MARKER.search(data, position)
        if marker is None or marker[1][0] == _END:
            break
        scans += marker[1][0] == _START_OF_SCAN
        position = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    else:
        raise BrokenImage
    if not 0 < scans <= _MAX_SCANS:
        raise BrokenImage
