from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from inference.worker.photo_processes.messages import (
    BadMessage,
    packed,
    plane_blobs,
    planes_of,
    read,
    receive,
    send,
)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_a_message_arrives_as_it_was_sent(ends: tuple[socket.socket, socket.socket]) -> None:
    send(ends[0], {"do": "decode", "photo": 7}, [b"abc", b"", memoryview(b"defg")])
    assert receive(ends[1]) == ({"do": "decode", "photo": 7}, [b"abc", b"", b"defg"])


def test_the_end_is_told(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[0].sendall(packed({"do": "decode"}, [b"abc"])[0])
    ends[0].close()
    with pytest.raises(EOFError):
        receive(ends[1])


async def test_the_worker_reads_what_a_process_sends() -> None:
    reader = asyncio.StreamReader()
    for piece in packed({"pid": 1}, [b"abc"]):
        reader.feed_data(bytes(piece))
    reader.feed_eof()
    assert await read(reader) == ({"pid": 1}, [b"abc"])
    with pytest.raises(EOFError):
        await read(reader)


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x02{}",
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x03\xff\xfe\xfd",
        b'\x00\x00\x00\x0e{"blobs":[-1]}',
        b'\x00\x00\x00\x17{"blobs":[99999999999]}\n',
        b'\x00\x00\x00\x0f{"blobs": "ab"}',
        (100_000).to_bytes(4, "big") + b"[" * 100_000,
    ],
)
async def test_nonsense_is_told_from_messages(said: bytes) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(said)
    with pytest.raises(BadMessage):
        await read(reader)


def test_planes_keep_their_values() -> None:
    planes = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((1, 4), np.float32)[:, ::2]]
    shapes, blobs = plane_blobs(planes)
    for plane, copy in zip(planes, planes_of(shapes, [bytes(blob) for blob in blobs]), strict=True):
        np.testing.assert_array_equal(plane, copy)


def test_planes_of_impossible_shapes_are_refused() -> None:
    for shapes, blobs in (([[2, 2]], [b"abc"]), ([[2, 2]], []), ([["x"]], [b"abcd"])):
        with pytest.raises(BadMessage):
            planes_of(shapes, blobs)  # type: ignore[arg-type]
