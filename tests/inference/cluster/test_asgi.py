"""An aiohttp application behind an ASGI server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from inference.cluster.asgi import AsgiApplication, Message


class Server:
    """As much of an ASGI server as one request needs."""

    def __init__(self, application: AsgiApplication) -> None:
        self.cancelled = asyncio.Event()
        self.pieces: asyncio.Queue[Message] = asyncio.Queue()
        self.taken = 0
        self._application = application

    def send_body(self, *pieces: bytes) -> None:
        for number, piece in enumerate(pieces, 1):
            self.pieces.put_nowait({"type": "http.request", "body": piece, "more_body": number < len(pieces)})

    def disconnect(self) -> None:
        self.pieces.put_nowait({"type": "http.disconnect"})

    async def ask(self, method: str, path: str, *headers: tuple[bytes, bytes]) -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            message = await self.pieces.get()
            self.taken += len(message.get("body", b""))
            return message

        async def send(message: Message) -> None:
            sent.append(message)

        path, _, query = path.partition("?")
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode()}
        scope |= {"headers": [(b"host", b"here"), *headers]}
        await self._application(scope, receive, send)
        return sent


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    cancelled = asyncio.Event()

    async def double(request: web.Request) -> web.Response:
        return web.Response(body=await request.read() * int(request.query["times"]))

    async def refuse(request: web.Request) -> web.Response:
        raise web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2)

    async def dawdle(request: web.Request) -> web.Response:
        try:
            await request.content.read(1)
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return web.Response()

    routes = [web.post("/double", double), web.post("/refuse", refuse), web.post("/dawdle", dawdle)]
    application = web.Application(client_max_size=2**30)
    application.add_routes([*routes, web.get("/here", dawdle)])
    begun: list[str] = []

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        begun.append("begun")
        yield
        begun.append("ended")

    asgi = AsgiApplication(application, running())
    lifespan: asyncio.Queue[Message] = asyncio.Queue()
    told: asyncio.Queue[Message] = asyncio.Queue()
    living = asyncio.create_task(asgi({"type": "lifespan"}, lifespan.get, told.put))
    lifespan.put_nowait({"type": "lifespan.startup"})
    assert (await told.get())["type"] == "lifespan.startup.complete"
    assert begun == ["begun"]
    server = Server(asgi)
    server.cancelled = cancelled
    yield server
    lifespan.put_nowait({"type": "lifespan.shutdown"})
    await living
    assert (await told.get())["type"] == "lifespan.shutdown.complete"
    assert begun == ["begun", "ended"]


def answer_of(messages: list[Message]) -> tuple[int, bytes, dict[bytes, bytes]]:
    start, body = messages
    headers: dict[bytes, Any] = dict(start["headers"])
    return start["status"], body["body"], headers


async def test_bodies_go_in_and_out_whole(server: Server) -> None:
    pieces = [bytes([number]) * 100_000 for number in range(20)]
    server.send_body(*pieces)
    length = str(sum(map(len, pieces))).encode()
    status, body, headers = answer_of(await server.ask("POST", "/double?times=2", (b"content-length", length)))
    assert (status, body) == (200, b"".join(pieces) * 2)
    assert headers[b"content-length"] == str(len(body)).encode()
    assert b"connection" not in headers


async def test_bodies_without_a_length_are_taken(server: Server) -> None:
    server.send_body(b"abc", b"", b"def")
    status, body, _ = answer_of(await server.ask("POST", "/double?times=1", (b"transfer-encoding", b"chunked")))
    assert (status, body) == (200, b"abcdef")


async def test_a_refusal_waits_for_no_body(server: Server) -> None:
    async with asyncio.timeout(30):
        status, _, _ = answer_of(await server.ask("POST", "/refuse", (b"content-length", b"1000000")))
    assert status == 413


async def test_a_body_that_nobody_reads_is_not_taken(server: Server) -> None:
    for _ in range(1000):
        server.pieces.put_nowait({"type": "http.request", "body": bytes(10_000), "more_body": True})
    asking = asyncio.create_task(server.ask("POST", "/dawdle", (b"content-length", b"10000000")))
    await asyncio.sleep(0.2)
    assert server.taken < 1_000_000
    asking.cancel()
    await asyncio.wait_for(server.cancelled.wait(), 30)


async def test_a_client_that_leaves_cancels_the_handler(server: Server) -> None:
    server.send_body(b"x")
    server.disconnect()
    assert await server.ask("POST", "/dawdle", (b"content-length", b"1")) == []
    await asyncio.wait_for(server.cancelled.wait(), 30)


async def test_unknown_addresses_and_methods(server: Server) -> None:
    server.send_body(b"")
    status, _, _ = answer_of(await server.ask("GET", "/nowhere"))
    assert status == 404
    server.send_body(b"")
    status, body, _ = answer_of(await server.ask("HEAD", "/nowhere"))
    assert (status, body) == (404, b"")
