"""What the worker and a photo process say to each other, over a UNIX socket.

A message is the length of its header (four bytes, big-endian), the header (JSON), and the blobs whose lengths the
header tells. Nothing is pickled: a process that a hostile photo has taken over must not be able to send code back.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.float32]
Header: TypeAlias = Mapping[str, Any]
Blob: TypeAlias = "bytes | memoryview"

_LENGTH = struct.Struct("!I")
_BLOBS = "blobs"
_LONGEST_HEADER = 2**20
_LONGEST_BLOBS = 2**29


class BadMessage(Exception):  # noqa: N818 - it says what came
    """What came is no message."""


def packed(header: Header, blobs: Sequence[Blob] = ()) -> list[Blob]:
    """Return a message in pieces, to be sent one after the other."""
    text = json.dumps({**header, _BLOBS: [len(blob) for blob in blobs]}).encode()
    return [_LENGTH.pack(len(text)) + text, *blobs]


def send(connection: socket.socket, header: Header, blobs: Sequence[Blob] = ()) -> None:
    """Send a message; raises ``OSError``."""
    for piece in packed(header, blobs):
        connection.sendall(piece)


def receive(connection: socket.socket) -> tuple[Header, list[bytes]]:
    """Wait for a message; raises ``EOFError`` when the other end has closed, ``OSError`` and ``BadMessage``."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    header, lengths = _parsed(length, _exactly(connection, length))
    return header, [_exactly(connection, each) for each in lengths]


async def read(reader: asyncio.StreamReader) -> tuple[Header, list[bytes]]:
    """Wait for a message; raises ``EOFError`` when the other end has closed, ``OSError`` and ``BadMessage``."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > _LONGEST_HEADER:
        raise BadMessage(f"a header of {length} bytes")
    header, lengths = _parsed(length, await reader.readexactly(length))
    return header, [await reader.readexactly(each) for each in lengths]


def plane_blobs(planes: Sequence[Plane]) -> tuple[list[list[int]], list[Blob]]:
    """Return float32 planes as their shapes and their bytes."""
    return [list(plane.shape) for plane in planes], [np.ascontiguousarray(plane).data.cast("B") for plane in planes]


def planes_of(shapes: Sequence[Sequence[int]], blobs: Sequence[bytes]) -> list[Plane]:
    """Return the planes that ``plane_blobs`` took apart; raises ``BadMessage`` where shapes and bytes don't fit."""
    try:
        return [
            np.frombuffer(blob, np.float32).reshape(tuple(shape)) for shape, blob in zip(shapes, blobs, strict=True)
        ]
    except (TypeError, ValueError) as error:
        raise BadMessage(str(error)) from error


def _parsed(length: int, text: bytes) -> tuple[Header, list[int]]:
    try:
        header = json.loads(text)
        lengths = header.pop(_BLOBS)
        fits = all(isinstance(each, int) and each >= 0 for each in lengths) and sum(lengths) <= _LONGEST_BLOBS
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise BadMessage(f"a header of {length} bytes that can't be read") from error
    if not fits:
        raise BadMessage("blobs of impossible lengths")
    return header, lengths


def _exactly(connection: socket.socket, count: int) -> bytes:
    if count == 0:
        return b""
    data = connection.recv(count, socket.MSG_WAITALL)
    if len(data) < count:
        raise EOFError
    return data
