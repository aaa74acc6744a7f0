"""Every test here records what is dialled, and fails if anything but loopback was."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest

from bot.fetching import Fetcher
from tests.bot.fetching.asking import settings
from tests.bot.fetching.site import KnownNames, Site


@pytest.fixture(autouse=True)
def dialled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The addresses that the event loop was asked to connect to, in order."""
    addresses: list[str] = []
    connect = asyncio.selector_events.BaseSelectorEventLoop.sock_connect

    async def recording(self: Any, sock: socket.socket, address: Any) -> None:
        addresses.append(address[0])
        if not ip_address(address[0]).is_loopback:
            raise ConnectionRefusedError("tests stay on loopback")
        await connect(self, sock, address)

    monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", recording)
    yield addresses
    assert all(ip_address(address).is_loopback for address in addresses)


@pytest.fixture
async def let_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass at once, for the event loop and the fetcher, so that only what a test lets pass counts."""
    loop, skipped = asyncio.get_running_loop(), 0.0
    real = loop.time

    def clock() -> float:
        return real() + skipped

    def skip(seconds: float) -> None:
        nonlocal skipped
        skipped += seconds

    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr("bot.fetching.fetcher.time", SimpleNamespace(monotonic=clock))
    return skip


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as running:
        yield running


@pytest.fixture
async def fetcher(site: Site) -> AsyncIterator[Fetcher]:
    names = KnownNames({"photos.test": ["127.0.0.1"], "two.test": ["127.0.0.1"]})
    async with Fetcher(settings(site), resolver=names) as running:
        yield running
