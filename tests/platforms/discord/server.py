"""The HTTP side: reads a call, judges it, lets it fail if it has to, and answers."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web

from tests.platforms.discord import errors
from tests.platforms.discord.application import Application
from tests.platforms.discord.channels import Channels
from tests.platforms.discord.description import Description
from tests.platforms.discord.faults import Fault, Faults, Rule
from tests.platforms.discord.interactions import Interactions
from tests.platforms.discord.journal import Call, Journal
from tests.platforms.discord.rate_limits import RateLimits
from tests.platforms.discord.routing import Route, Router
from tests.platforms.discord.state import MIB, File
from tests.platforms.discord.world import World

PREFIX = "/api/v10"
_BODY_LIMIT = 120 * MIB
_BEHIND_PROXY = {"Via": "1.1 google", "Server": "cloudflare", "CF-RAY": "0000000000000000-IAD"}
_CLOUDFLARE_PAGE = (
    "<!DOCTYPE html><html><head><title>Access denied | discord.com</title></head><body>1015</body></html>"
)


class Server:
    """All endpoints of the API behind one door."""

    def __init__(self, world: World, description: Description, faults: Faults, journal: Journal) -> None:
        self._world = world
        self._description = description
        self._faults = faults
        self._journal = journal
        self._limits = RateLimits(world.rules.calls_per_bucket, world.rules.bucket_seconds)
        parts = (Application(world), Channels(world), Interactions(world))
        self._router = Router([route for part in parts for route in part.routes()])

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_BODY_LIMIT)
        app.router.add_route("*", PREFIX + "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            call = await _read(request)
        except (ValueError, KeyError):
            self._journal.complaints.append(f"{request.method} {request.path}: the body can't be read")
            return _json(400, errors.invalid_json().document, {})
        self._journal.calls.append(call)
        complaints = self._description.request_faults(call.method, call.path, call.query, call.body, call.media_type)
        self._journal.complaints += [f"{call.method} {call.path}: {complaint}" for complaint in complaints]
        rule = self._faults.pick(call)
        call.fault = rule.fault if rule else None
        failed = await self._fail_before(request, rule)
        if failed is not None:
            call.status = failed.status
            return failed
        status, document, headers = self._handle(call)
        call.committed = status < 400
        response = await self._fail_after(request, rule, status, document, headers)
        call.status = status if rule is None or rule.fault is Fault.SLOW else response.status
        return response

    def _handle(self, call: Call) -> tuple[int, Any, dict[str, str]]:
        found = self._router.find(call.method, call.path)
        if found is None:
            return 404, errors.not_found().document, {}
        route, parts = found
        wait, headers = self._limits.take(call.method, route.path, call.path)
        if wait:
            return 429, _rate_limited(wait, everything=False), {**headers, "Retry-After": str(int(wait) + 1)}
        try:
            self._check_token(call, route)
            status, document = route.handler(call, *map(unquote, parts))
        except errors.ApiError as error:
            return error.status, error.document, headers
        if self._world.rules.check_own_answers:
            faults = self._description.answer_faults(call.method, call.path, status, document)
            self._journal.own_faults += [f"{call.method} {call.path}: {fault}" for fault in faults]
        return status, document, headers

    def _check_token(self, call: Call, route: Route) -> None:
        if not route.by_token and call.headers.get("Authorization") != f"Bot {self._world.rules.token}":
            raise errors.unauthorized()

    async def _fail_before(self, request: web.Request, rule: Rule | None) -> web.StreamResponse | None:
        if rule is None or rule.fault.commits:
            return None
        if rule.fault in (Fault.RATE_LIMITED, Fault.GLOBALLY_RATE_LIMITED):
            everything = rule.fault is Fault.GLOBALLY_RATE_LIMITED
            headers = {"Retry-After": str(int(rule.seconds) + 1), "X-RateLimit-Scope": "user"}
            if everything:
                headers |= {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
            return _json(429, _rate_limited(rule.seconds, everything=everything), headers)
        if rule.fault is Fault.CLOUDFLARE_BAN:
            return web.Response(
                status=429, text=_CLOUDFLARE_PAGE, content_type="text/html", headers={"Server": "cloudflare"}
            )
        if rule.fault is Fault.ERROR:
            return _json(500, {"message": "500: Internal Server Error", "code": 0}, {})
        if rule.fault is Fault.DISCONNECT:
            return _cut(request)
        return _gateway_error(503 if rule.fault is Fault.UNAVAILABLE else 502)

    async def _fail_after(
        self, request: web.Request, rule: Rule | None, status: int, document: Any, headers: dict[str, str]
    ) -> web.StreamResponse:
        fault = rule.fault if rule else None
        if fault is Fault.SLOW and rule is not None:
            await asyncio.sleep(rule.seconds)
        if fault is Fault.DISCONNECT_AFTER:
            return _cut(request)
        if fault is Fault.BAD_GATEWAY_AFTER:
            return _gateway_error(502)
        if fault is Fault.ERROR_AFTER:
            return _json(500, {"message": "500: Internal Server Error", "code": 0}, headers)
        if fault is Fault.MALFORMED:
            text = json.dumps(document)
            return web.Response(
                text=text[: max(1, len(text) // 2)] + "\x00<!", content_type="application/json", headers=headers
            )
        if fault is Fault.TRUNCATED:
            return await _truncated(request, json.dumps(document).encode())
        return _json(status, document, headers)


async def _read(request: web.Request) -> Call:
    media_type = request.content_type if request.can_read_body else None
    body: Any = None
    files: dict[int, File] = {}
    if media_type == "multipart/form-data":
        body, files = await _read_form(request)
    elif media_type == "application/json":
        body = json.loads(await request.read())
    else:
        await request.read()
    return Call(
        method=request.method,
        path=request.path.removeprefix(PREFIX),
        query=dict(request.query),
        body=body,
        files=files,
        media_type=media_type,
        headers=request.headers,
        began=time.monotonic(),
    )


async def _read_form(request: web.Request) -> tuple[Any, dict[int, File]]:
    """Read a form with ``payload_json`` and ``files[n]``, as Discord does: by the names."""
    body: Any = {}
    files: dict[int, File] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise ValueError("a form within a form")
        data = bytes(await part.read())
        number = re.fullmatch(r"files\[(\d+)\]", part.name or "")
        if part.name == "payload_json":
            body = json.loads(data)
        elif number:
            files[int(number[1])] = File(part.filename or "file", data)
    return body, files


def _json(status: int, document: Any, headers: dict[str, str]) -> web.Response:
    headers = {**_BEHIND_PROXY, **headers}
    if document is None:
        return web.Response(status=status, headers=headers)
    # Exactly this content type: discord.py takes nothing else for JSON.
    return web.Response(
        status=status, body=json.dumps(document).encode(), headers={**headers, "Content-Type": "application/json"}
    )


def _rate_limited(seconds: float, *, everything: bool) -> dict[str, Any]:
    return {"message": "You are being rate limited.", "retry_after": seconds, "global": everything, "code": 0}


def _gateway_error(status: int) -> web.Response:
    return web.Response(status=status, text=f"<html>{status}</html>", content_type="text/html", headers=_BEHIND_PROXY)


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


async def _truncated(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={**_BEHIND_PROXY, "Content-Type": "application/json"})
    response.content_length = len(body) + 10
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
