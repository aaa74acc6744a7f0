"""How the faults of `tests.platforms.reddit.faults` look on the wire."""

from __future__ import annotations

import asyncio
import json
import random

from aiohttp import web

from tests.platforms.reddit.calls import JSON, Answer, Call, errors
from tests.platforms.reddit.faults import Fault, Kind
from tests.platforms.reddit.rendering import recorded
from tests.platforms.reddit.rules import RateLimit

_BUSY_PAGE = (
    b"<!doctype html><html><head><title>reddit.com: page error</title></head><body>Our CDN was unable to reach \
our servers</body></html>"
)


class Breakdown(Exception):  # noqa: N818 - says what happened
    """The connection is gone; whatever is answered now, nobody hears it."""


async def before(fault: Fault, call: Call, request: web.Request, rate: RateLimit) -> web.StreamResponse:
    """Fail without having done anything."""
    if fault.kind is Kind.DISCONNECT_BEFORE:
        raise _hang_up(request)
    if fault.kind is Kind.TOO_MANY:
        rate.exhaust(fault.seconds)
        rate.told(call.authorization)
        return _page(json.dumps({"message": "Too Many Requests", "error": 429}), 429, rate.headers())
    if fault.kind is Kind.RATELIMIT:
        pause = f"Take a break for {int(fault.seconds)} seconds before trying again."
        sentence = f"Looks like you've been doing that a lot. {pause}"
        return web.Response(body=errors(("RATELIMIT", sentence, "ratelimit")).body, content_type="application/json")
    plain = {
        Kind.TOO_MANY_BARE: (json.dumps({"message": "Too Many Requests", "error": 429}), 429),
        Kind.SERVER_ERROR: (json.dumps(recorded("server_error_500")), 500),
        Kind.UNAUTHORIZED: (json.dumps(recorded("unauthorized_401")), 401),
        Kind.FORBIDDEN: (json.dumps(recorded("forbidden_403")), 403),
        Kind.BAD_GATEWAY_BEFORE: ("<html><body><h1>502 Bad Gateway</h1></body></html>", 502),
    }
    if fault.kind in plain:
        return _page(*plain[fault.kind])
    if fault.kind is Kind.HTML:
        return web.Response(body=_BUSY_PAGE, status=503, content_type="text/html")
    raise _hang_up(request)


async def broken(fault: Fault, call: Call, request: web.Request, given: Answer) -> web.StreamResponse:
    """Fail at telling what was done."""
    kind = fault.kind
    if kind is Kind.BAD_GATEWAY_AFTER:
        return _page("<html><body><h1>502 Bad Gateway</h1></body></html>", 502, given.headers)
    if kind is Kind.DISCONNECT_AFTER:
        raise _hang_up(request)
    if kind is Kind.TRUNCATED:
        return await _truncated(request, given)
    if kind is Kind.SLOW:
        await asyncio.sleep(fault.seconds)
    body = given.body
    if kind is Kind.MALFORMED:
        body = b"<!doctype html>" + body[: len(body) // 2]
    elif kind in (Kind.SHUFFLED, Kind.REPEATED):
        body = _mixed(body, shuffled=kind is Kind.SHUFFLED)
    return web.Response(body=body, status=given.status, headers={"Content-Type": given.content_type, **given.headers})


async def _truncated(request: web.Request, given: Answer) -> web.StreamResponse:
    answer = web.StreamResponse(status=given.status, headers={"Content-Type": given.content_type, **given.headers})
    answer.content_length = len(given.body) + 100
    await answer.prepare(request)
    await answer.write(given.body[: max(len(given.body) // 2, 1)])
    raise _hang_up(request)


def _mixed(body: bytes, *, shuffled: bool) -> bytes:
    """Put a listing's entries out of order, or say some of them twice."""
    data = json.loads(body)
    if isinstance(data, dict) and data.get("kind") == "Listing":
        children = data["data"]["children"]
        if shuffled:
            random.Random(len(children)).shuffle(children)
        else:
            children.extend(children[: len(children) // 2 + 1])
    return json.dumps(data).encode()


def _hang_up(request: web.Request) -> Breakdown:
    if request.transport is not None:
        request.transport.abort()
    return Breakdown()


def _page(text: str, status: int, headers: dict[str, str] | None = None) -> web.Response:
    kind = JSON if text.startswith("{") else "text/html"
    return web.Response(body=text.encode(), status=status, headers={"Content-Type": kind, **(headers or {})})
