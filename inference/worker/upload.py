"""Reading a request's body: within its limit, whatever the headers say, and never for a request that is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from inference.worker.admission import Place

if TYPE_CHECKING:
    from inference.imaging import Limits

_PIECE = 64 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def expect_later(request: web.Request) -> None:
    """Put off the answer to ``Expect: 100-continue`` until ``read_body``, when it is known that the body is wanted."""


async def read_body(request: web.Request, place: Place, limits: Limits, pause_seconds: float) -> bytes:
    """Return the body, read as it streams in.

    Raises ``TooManyBytes`` (before reading when Content-Length tells), ``Busy`` when the house holds too many bytes
    already, ``web.HTTPExpectationFailed``, ``web.HTTPBadRequest`` for a body that isn't built as its headers say, and
    ``web.HTTPRequestTimeout`` after a pause longer than ``pause_seconds``.
    """
    announced = request.content_length or 0
    if announced:
        limits.check_bytes(announced)
    place.hold_bytes(announced)
    await _continue(request)
    body = bytearray()
    while piece := await _next_piece(request, pause_seconds):
        body += piece
        limits.check_bytes(len(body))
        place.hold_bytes(len(body))
    return bytes(body)


async def _continue(request: web.Request) -> None:
    expectation = request.headers.get(hdrs.EXPECT)
    if expectation is None or request.version < HttpVersion11:
        return
    if expectation.lower() != "100-continue":
        raise web.HTTPExpectationFailed
    transport = request.transport
    if transport is not None:
        transport.write(_CONTINUE)


async def _next_piece(request: web.Request, pause_seconds: float) -> bytes:
    try:
        async with asyncio.timeout(pause_seconds):
            return await request.content.read(_PIECE)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except web.RequestPayloadError:
        raise web.HTTPBadRequest from None
