"""A stranger's web site on loopback, and a resolver that knows only what a test tells it."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Self

from aiohttp.abc import AbstractResolver, ResolveResult

JPEG = b"\xff\xd8\xff\xe0" + b"not decoded here" * 10

LOOPBACK = ("127.0.0.1", "127.0.0.2", "::1")

Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]


def raw(status: str, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP response; header names are written with underscores."""
    fields = {"Content_Length": str(len(body)), "Connection": "close", **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return raw(status, Location=location)


def page(picture: str) -> bytes:
    return raw("200 OK", f'<meta property="og:image" content="{picture}">'.encode(), Content_Type="text/html")


@dataclass
class Site:
    """Answers `answers[path]` (bytes, or a handler that writes them) and counts connections."""

    answers: dict[str, bytes | Handler] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    connections: int = 0
    open_now: int = 0
    most_open: int = 0
    requests: list[str] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        listeners = _listeners_on_one_port()
        self.port = listeners[0].getsockname()[1]
        self._servers = [await asyncio.start_server(self._serve, sock=each, ssl=self.tls) for each in listeners]
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            answer = self.answers.get(head.split(" ")[1], raw("404 Not Found"))
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                await answer(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the fetcher has hung up, as it should where it has read enough
        finally:
            self.open_now -= 1
            writer.close()


def _listeners_on_one_port() -> list[socket.socket]:
    """Take a port of the first loopback address that is free on the others too."""
    while True:
        with ExitStack() as taken:
            listeners = [taken.enter_context(socket.create_server((LOOPBACK[0], 0)))]
            port = listeners[0].getsockname()[1]
            try:
                listeners.append(taken.enter_context(socket.create_server((LOOPBACK[1], port))))
                if _has_ipv6_loopback():
                    ipv6 = socket.create_server((LOOPBACK[2], port), family=socket.AF_INET6)
                    listeners.append(taken.enter_context(ipv6))
            except OSError:
                continue
            taken.pop_all()
            return listeners


def _has_ipv6_loopback() -> bool:
    try:
        with socket.create_server((LOOPBACK[2], 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


class KnownNames(AbstractResolver):
    """Resolves the given names; asked for another, it fails as DNS does, without asking anybody."""

    def __init__(self, names: Mapping[str, list[str]]) -> None:
        self.names = dict(names)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        name = host.rstrip(".")
        if name not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.names[name]
        ]

    async def close(self) -> None:
        pass
