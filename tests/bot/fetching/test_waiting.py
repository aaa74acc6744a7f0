"""Sites that take their time, and who waits for them."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator

import pytest

from bot.fetching import Fetcher, resolver
from tests.bot.fetching.asking import picture, refusal, settings
from tests.bot.fetching.site import JPEG, KnownNames, Site, redirect


class TestSlowSites:
    @pytest.fixture
    async def hasty(self, site: Site) -> AsyncIterator[Fetcher]:
        async with Fetcher(settings(site, timeout_seconds=1), resolver=KnownNames({})) as running:
            yield running

    @pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", picture(Content_Length="90000")])
    async def test_a_drip_of_bytes_is_given_up(self, start: bytes, site: Site, hasty: Fetcher) -> None:
        async def drip(writer: asyncio.StreamWriter) -> None:
            writer.write(start)
            while True:
                writer.write(b"x" if start else b"")
                await writer.drain()
                await asyncio.sleep(0.02)

        site.answers["/a"] = drip
        started = asyncio.get_running_loop().time()
        assert (await refusal(hasty, site.url("/a"))).reason == "link_timeout"
        assert asyncio.get_running_loop().time() - started < 3

    async def test_the_deadline_spans_all_hops(self, site: Site, hasty: Fetcher) -> None:
        async def hesitate(writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.4)
            writer.write(redirect(f"/{len(site.requests)}"))

        site.answers.update({f"/{n}": hesitate for n in range(5)})
        assert (await refusal(hasty, site.url("/0"))).reason == "link_timeout"
        assert 1 < len(site.requests) <= 3


class TestTurns:
    async def _most_open(self, site: Site, hosts: list[str]) -> int:
        """Fetch from all `hosts` at once, letting the answers go only when no more connections come."""

        async def slow(writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.8)
            writer.write(picture())

        site.answers["/a"] = slow
        names = KnownNames({host: ["127.0.0.1"] for host in hosts})
        allowed = settings(site, allow_private=[f"{host}:{site.port}" for host in hosts], timeout_seconds=2.2)
        async with Fetcher(allowed, resolver=names) as fetcher:
            fetched = await asyncio.gather(*(fetcher.fetch(site.url("/a", host=host)) for host in hosts))
        assert all(one.data == JPEG for one in fetched)
        return site.most_open

    async def test_few_at_a_time_of_one_host_and_waiting_is_no_time_out(self, site: Site) -> None:
        assert await self._most_open(site, ["photos.test"] * 12) == 4

    async def test_few_at_a_time_of_all(self, site: Site) -> None:
        assert await self._most_open(site, [f"photos{n}.test" for n in range(20)]) == 8

    async def test_a_slow_host_holds_up_only_itself(self, site: Site) -> None:
        async def stuck(writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(10)

        site.answers = {"/stuck": stuck, "/a": picture()}
        async with Fetcher(settings(site), resolver=KnownNames({"photos.test": ["127.0.0.1"]})) as fetcher:
            stuck_links = [asyncio.create_task(fetcher.fetch(site.url("/stuck"))) for _ in range(20)]
            async with asyncio.timeout(2):
                while site.open_now < 4:
                    await asyncio.sleep(0.01)
                assert (await fetcher.fetch(site.url("/a", host="photos.test"))).data == JPEG
            for task in stuck_links:
                task.cancel()
            await asyncio.gather(*stuck_links, return_exceptions=True)
            assert (await fetcher.fetch(site.url("/a"))).data == JPEG

    async def test_a_dead_address_of_a_name_is_overtaken(
        self, site: Site, dialled: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect = asyncio.selector_events.BaseSelectorEventLoop.sock_connect

        async def black_hole(
            self: asyncio.selector_events.BaseSelectorEventLoop, sock: object, address: object
        ) -> None:
            if address[0] == "127.0.0.3":  # type: ignore[index]
                await asyncio.sleep(60)
            await connect(self, sock, address)  # type: ignore[arg-type]

        monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", black_hole)
        monkeypatch.setattr("bot.fetching.addresses.is_public", lambda address: str(address) != "127.0.0.1")
        names = KnownNames({"eyeballs.test": ["127.0.0.3", "127.0.0.1", "127.0.0.2"]})
        site.answers["/a"] = picture()
        async with Fetcher(settings(site, allow_private=[]), resolver=names) as fetcher, asyncio.timeout(2):
            assert (await fetcher.fetch(site.url("/a", host="eyeballs.test"))).data == JPEG
        assert dialled == ["127.0.0.2"]


async def test_names_that_take_for_ever_hold_up_nobody_else(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def look_up(host: str, port: int, family: socket.AddressFamily) -> list[tuple[socket.AddressFamily, int, str]]:
        if host != "photos.test":
            answered.wait()
        return [(socket.AF_INET, socket.IPPROTO_TCP, "127.0.0.1")]

    monkeypatch.setattr(resolver, "_look_up", look_up)
    site.answers["/a.jpg"] = picture()
    async with Fetcher(settings(site, timeout_seconds=0.5)) as fetcher:
        try:
            slow = await asyncio.gather(*(refusal(fetcher, f"http://{index}.slow.test/") for index in range(8)))
            assert {refused.reason for refused in slow} == {"link_timeout"}
            assert (await fetcher.fetch(site.url("/a.jpg", "photos.test"))).data == JPEG
        finally:
            answered.set()
