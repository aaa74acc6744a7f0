"""Following a request: the id that its client gave it is in all that is logged about it, and goes back with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from inference.request_id import REQUEST_ID_HEADER, accepted, following


@web.middleware
async def follow_request(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Log all that happens within under the id of ``X-Request-Id``, or under a new one."""
    request_id = accepted(request.headers.get(REQUEST_ID_HEADER))
    with following(request_id):
        response = await handler(request)
        response.headers[REQUEST_ID_HEADER] = request_id
        return response
