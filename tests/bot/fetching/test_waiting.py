"""Sites that take their time, and who waits for them."""

import asyncio
import socket
import threading
from collections.abc import Callable

import pytest

from bot.fetching import Fetcher, resolver
from tests.bot.fetching.asking import SECONDS, picture, refusal, settings
from tests.bot.fetching.site import JPEG, KnownNames, Site, redirect


class TestSlowSites:
    @pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", picture(Content_Length="90000")])
    async def test_a_drip_of_bytes_is_given_up(self, start: bytes, site: Site) -> None:
        drops = 0

        async def drip(writer: asyncio.StreamWriter) -> None:
            nonlocal drops
            writer.write(start)
            while True:
                writer.write(b"x" if start else b"")
                await writer.drain()
                await asyncio.sleep(0.02)
                drops += 1

        site.answers["/a"] = drip
        async with Fetcher(settings(site, timeout_seconds=1), resolver=KnownNames({})) as hasty, asyncio.timeout(60):
            assert (await refusal(hasty, site.url("/a"))).reason == "link_timeout"
        assert drops < 150  # three times the deadline's worth: seconds that the whole machine pauses don't count

    async def test_the_deadline_spans_all_hops(
        self, site: Site, fetcher: Fetcher, let_pass: Callable[[float], None]
    ) -> None:
        async def hesitate(writer: asyncio.StreamWriter) -> None:
            let_pass(0.4 * SECONDS)
            writer.write(redirect(f"/{len(site.requests)}"))

        site.answers.update({f"/{n}": hesitate for n in range(5)})
        assert (await refusal(fetcher, site.url("/0"))).reason == "link_timeout"
        assert 1 < len(site.requests) <= 3


class TestTurns:
    async def _most_open(self, site: Site, let_pass: Callable[[float], None], hosts: list[str], *, at_once: int) -> int:
        """Fetch from all `hosts` at once, letting the answers go only when no more connections come."""
        held: list[asyncio.Event] = []

        async def slow(writer: asyncio.StreamWriter) -> None:
            held.append(let_go := asyncio.Event())
            await let_go.wait()
            writer.write(picture())

        site.answers["/a"] = slow
        names = KnownNames({host: ["127.0.0.1"] for host in hosts})
        allowed = settings(site, allow_private=[f"{host}:{site.port}" for host in hosts])
        async with (
            Fetcher(allowed, resolver=names) as fetcher,
            asyncio.timeout(3 * SECONDS),
            asyncio.TaskGroup() as group,
        ):
            fetching = [group.create_task(fetcher.fetch(site.url("/a", host=host))) for host in hosts]
            for answered in range(0, len(hosts), at_once):
                while len(held) < min(at_once, len(hosts) - answered):
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.2)
                let_pass(0.4 * SECONDS)  # three times that is more than the patience
                while held:
                    held.pop().set()
        assert all(task.result().data == JPEG for task in fetching)
        return site.most_open

    async def test_few_at_a_time_of_one_host_and_waiting_is_no_time_out(
        self, site: Site, let_pass: Callable[[float], None]
    ) -> None:
        assert await self._most_open(site, let_pass, ["photos.test"] * 12, at_once=4) == 4

    async def test_few_at_a_time_of_all(self, site: Site, let_pass: Callable[[float], None]) -> None:
        assert await self._most_open(site, let_pass, [f"photos{n}.test" for n in range(20)], at_once=8) == 8

    async def test_a_slow_host_holds_up_only_itself(self, site: Site) -> None:
        async def stuck(writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        site.answers = {"/stuck": stuck, "/a": picture()}
        async with Fetcher(settings(site), resolver=KnownNames({"photos.test": ["127.0.0.1"]})) as fetcher:
            stuck_links = [asyncio.create_task(fetcher.fetch(site.url("/stuck"))) for _ in range(20)]
            async with asyncio.timeout(SECONDS * 2 / 3):
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
        impatient = asyncio.timeout(SECONDS * 2 / 3)
        async with Fetcher(settings(site, allow_private=[]), resolver=names) as fetcher, impatient:
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
    names = resolver.SystemResolver()
    async with (
        Fetcher(settings(site, timeout_seconds=0.5), resolver=names) as hasty,
        Fetcher(settings(site), resolver=names) as patient,
    ):
        try:
            slow = await asyncio.gather(*(refusal(hasty, f"http://{index}.slow.test/") for index in range(8)))
            assert {refused.reason for refused in slow} == {"link_timeout"}
            assert (await patient.fetch(site.url("/a.jpg", "photos.test"))).data == JPEG
        finally:
            answered.set()
            await names.close()
