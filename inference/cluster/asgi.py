"""An aiohttp application as an ASGI application (https://asgi.readthedocs.io/en/latest/specs/www.html).

Ray Serve's proxies speak ASGI; the worker's application is aiohttp's. Each request gets a connection to that
application which exists in memory alone, and says on it what a client would: so the cluster answers as the worker does
because it is the same code that answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from aiohttp import web

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_HEAD_END = b"\r\n\r\n"
_CONTINUE = 100
_BODYLESS = (204, 304)
_ONE_HOP = frozenset({b"connection", b"keep-alive"})
_SERVERS_OWN = frozenset({b"date", b"server", b"x-request-id"})
"""Headers of an answer that Serve's proxies add themselves; the request's id is the one that the client sent."""


class AsgiApplication:
    """Serves ``application``; ``running`` is entered when the ASGI server starts, and left when it ends."""

    def __init__(self, application: web.Application, running: AbstractAsyncContextManager[object]) -> None:
        # The proxies log and keep connections alive; what is left of a connection here ends with its request.
        self._runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=0)
        self._running = running

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            raise ValueError(f"there is nothing here that speaks {scope['type']}")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._runner.setup()
        async with self._running:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await self._runner.cleanup()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        server = self._runner.server
        if server is None:
            raise RuntimeError("the lifespan has to begin before the first request")
        protocol = server()
        connection = _Connection(scope["method"])
        protocol.connection_made(connection)
        protocol.data_received(b"".join(_head(scope)))
        upload = asyncio.create_task(_pass_body_on(scope, receive, protocol, connection))
        try:
            await connection.answered.wait()
            for message in connection.messages():
                await send(message)
        finally:
            upload.cancel()
            # Cancels the handler if it is still at work: then the client is gone.
            protocol.connection_lost(None)


class _Connection(asyncio.Transport):
    """The application's side of a connection: what it writes is gathered until an answer is complete."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.answered = asyncio.Event()
        self.wants_more = asyncio.Event()
        self.wants_more.set()
        self._method = method
        self._written = bytearray()
        self._status = _CONTINUE
        self._headers: list[tuple[bytes, bytes]] = []
        self._missing = 0

    def messages(self) -> Iterator[Message]:
        """Return the answer as ASGI messages; none when the application hung up instead."""
        if self._status != _CONTINUE:
            yield {"type": "http.response.start", "status": self._status, "headers": self._headers}
            yield {"type": "http.response.body", "body": bytes(self._written)}

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written += data
        while self._status == _CONTINUE and _HEAD_END in self._written:
            self._take_head()
        if self._status != _CONTINUE and len(self._written) >= self._missing:
            self.answered.set()

    def close(self) -> None:
        self.answered.set()

    def abort(self) -> None:
        self.answered.set()

    def is_closing(self) -> bool:
        return self.answered.is_set()

    def pause_reading(self) -> None:
        self.wants_more.clear()

    def resume_reading(self) -> None:
        self.wants_more.set()

    def _take_head(self) -> None:
        head, _, body = bytes(self._written).partition(_HEAD_END)
        status_line, *lines = head.split(b"\r\n")
        self._status = int(status_line.split(b" ", 2)[1])
        pairs = (line.partition(b": ") for line in lines)
        self._headers = [
            (name.lower(), value) for name, _, value in pairs if name.lower() not in _ONE_HOP | _SERVERS_OWN
        ]
        self._written = bytearray(body)
        has_body = self._method != "HEAD" and self._status not in _BODYLESS
        self._missing = int(dict(self._headers).get(b"content-length", 0)) if has_body else 0


def _head(scope: Message) -> Iterator[bytes]:
    query = scope.get("query_string", b"")
    path = scope.get("raw_path") or scope["path"].encode()
    target = path + b"?" + query if query else path
    yield b"%s %s HTTP/1.1\r\n" % (scope["method"].encode(), target)
    for name, value in scope["headers"]:
        if name not in _ONE_HOP:
            yield b"%s: %s\r\n" % (name, value)
    yield b"connection: close\r\n\r\n"


async def _pass_body_on(scope: Message, receive: Receive, protocol: asyncio.Protocol, connection: _Connection) -> None:
    chunked = b"chunked" in dict(scope["headers"]).get(b"transfer-encoding", b"").lower()
    more = True
    while more:
        await connection.wants_more.wait()
        message = await receive()
        if message["type"] == "http.disconnect":
            connection.abort()
            return
        if piece := message.get("body", b""):
            protocol.data_received(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        more = message.get("more_body", False)
    if chunked:
        protocol.data_received(b"0\r\n\r\n")
    while (await receive())["type"] != "http.disconnect":
        pass
    connection.abort()
