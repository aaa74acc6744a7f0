"""Files made to hurt are refused with the right problem, and the worker lives on."""

from __future__ import annotations

import struct
import time
import zlib

import aiohttp
import pytest

from tests.inference.conftest import encoded, photograph
from tests.inference.running_worker import RunningWorker
from tests.inference.worker.test_service import assert_problem


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of_400_megapixels() -> bytes:
    """48 KB that unfold to 400 megapixels of black."""
    side = 20_000
    rows = zlib.compress(bytes(1 + (side + 7) // 8) * side, 9)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def gif_of_many_frames(count: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 16, 16, 0x80, 0, 0) + b"\x00\x00\x00\xff\xff\xff"
    control = b"\x21\xf9\x04\x00\x05\x00\x00\x00"
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + (control + picture) * count + b"\x3b"


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>'

HOSTILE = {
    "a PNG that declares 400 megapixels": (png_of_400_megapixels, 413, "too_many_pixels"),
    "a truncated JPEG": (lambda: encoded(photograph(800, 600))[:20_000], 400, "broken_image"),
    "a text file named .jpg": (lambda: b"Dear bot, please recolor me.\n" * 40, 400, "not_an_image"),
    "an empty file": (lambda: b"", 400, "empty"),
    "an SVG": (lambda: SVG, 415, "unsupported_type"),
    "a GIF of 10,000 frames": (lambda: gif_of_many_frames(10_000), 413, "too_many_frames"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_files_are_refused(shared_worker: RunningWorker, jpeg: bytes, name: str) -> None:
    make, status, reason = HOSTILE[name]
    data = make()
    async with aiohttp.ClientSession(shared_worker.url) as session:
        began = time.perf_counter()
        async with session.post("/v1/recolor", data=data) as response:
            await assert_problem(response, status, reason)
        print("seconds", round(time.perf_counter() - began, 3))
        async with session.post("/v1/recolor", data=jpeg) as response:
            assert response.status == 200, "the worker has to live on"
