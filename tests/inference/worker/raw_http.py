"""HTTP by hand, for requests that no decent client sends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RawResponse:
    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"].startswith("application/problem+json")
        document: dict[str, Any] = json.loads(self.body)
        return document


class RawConnection:
    """A TCP connection on which every byte is the test's own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def begin(self, *headers: str, path: str = "/v1/recolor") -> None:
        """Send a request's head."""
        await self.send("\r\n".join([f"POST {path} HTTP/1.1", "Host: worker", *headers, "", ""]).encode())

    async def response(self, timeout: float = 30) -> RawResponse:
        async with asyncio.timeout(timeout):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            status_line, *lines = head.strip().split("\r\n")
            pairs = (line.partition(": ") for line in lines)
            headers = {name.lower(): value for name, _, value in pairs}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return RawResponse(int(status_line.split()[1]), headers, body)

    def hang_up(self) -> None:
        """Reset the connection at once."""
        self._writer.transport.abort()


@contextlib.asynccontextmanager
async def raw_connection(port: int) -> AsyncIterator[RawConnection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
