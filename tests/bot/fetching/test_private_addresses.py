"""Nothing private is ever dialled: by name, by address in any notation, through a redirect or a page's picture."""

from collections.abc import Callable

import pytest

from bot.fetching import Fetcher, FetchRefused
from bot.fetching.resolver import SystemResolver
from bot.settings import FetchSettings
from tests.bot.fetching.site import JPEG, KnownNames, Site, page, raw, redirect

PRIVATE_NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "home.test": ["127.0.0.1"],
    "home6.test": ["::1"],
    "xn--hme-kna.test": ["127.0.0.1"],
    "any.test": ["0.0.0.0"],
    "any6.test": ["::"],
    "router.test": ["192.168.0.1"],
    "database.test": ["10.1.2.3"],
    "office.test": ["172.20.0.1"],
    "carrier.test": ["100.64.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "metadata6.test": ["fd00:ec2::254"],
    "azure.test": ["168.63.129.16"],
    "multicast.test": ["239.255.255.250"],
    "multicast6.test": ["ff02::1"],
    "broadcast.test": ["255.255.255.255"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "compatible.test": ["::127.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "local-nat64.test": ["64:ff9b:1::7f00:1"],
    "6to4.test": ["2002:7f00:1::1"],
    "teredo.test": ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    "site-local.test": ["fec0::1"],
    "link-local.test": ["fe80::1"],
    "several.test": ["127.0.0.1", "10.0.0.1", "::1", "fd00::1"],
}

ADDRESSES = [
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "2130706433",
    "2130706433.",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "0x7f.1",
    "0x7f000001",
    "0X7F.0.0.0x1",
    "127.0x0.1",
    "0",
    "0.0.0.0",
    "00000000000",
    "①②⑦.⓪.⓪.①",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "\uff10ｘ7f.1",
    "127。0。0。1",
    "127｡0｡0｡1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::]",
    "[::1%lo]",
    "[::1%25lo]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[fec0::1]",
    "[fe80::1%25eth0]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "192.168.257",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "100.100.100.200",
    "168.63.129.16",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
]

NAMES = [*PRIVATE_NAMES, "LOCALHOST", "localhost.", "hôme.test", "ｌｏｃａｌｈｏｓｔ", "ⓗⓞⓜⓔ.test"]

TRICKS = [
    "http://good.example@127.0.0.1:{port}/",
    "http://good.example:80@127.0.0.1:{port}/",
    "http://good.example%2f@127.0.0.1:{port}/",
    "http://good.example#@127.0.0.1:{port}/",
    "http://good.example\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@good.example/",
    "http:\\\\127.0.0.1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://127.0.0.1%00.good.example:{port}/",
    "http://0x7f.0.0.1.0:{port}/",
    "http://127.0.0.1:{port}:80/",
    "http://1٢7.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "https://home.test:{port}/",
    "http://127.0.0.1:22/",
    "http://127.0.0.1:{port}\t/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/hostname",
    "ws://127.0.0.1:{port}/",
]

PRIVATE = [f"http://{host}:{{port}}/photo.jpg" for host in [*ADDRESSES, *NAMES]]


def settings(*allowed: str) -> FetchSettings:
    return FetchSettings(allow_private=allowed, timeout_seconds=30)


def test_the_table_is_long_enough() -> None:
    assert len(set(PRIVATE)) >= 40


@pytest.mark.parametrize("link", PRIVATE)
async def test_private_links_are_refused_undialled(link: str, site: Site, dialled: list[str]) -> None:
    async with Fetcher(settings(), resolver=KnownNames(PRIVATE_NAMES)) as fetcher:
        with pytest.raises(FetchRefused) as refused:
            await fetcher.fetch(link.format(port=site.port))
    assert refused.value.reason == "private_address"
    assert dialled == []
    assert site.connections == 0


@pytest.mark.parametrize("link", TRICKS)
async def test_tricks_with_the_notation_reach_nothing(link: str, site: Site, dialled: list[str]) -> None:
    async with Fetcher(settings(), resolver=KnownNames(PRIVATE_NAMES)) as fetcher:
        with pytest.raises(FetchRefused) as refused:
            await fetcher.fetch(link.format(port=site.port))
    # The fragment trick names good.example, which doesn't exist here; that is the host that a browser sees, too.
    assert refused.value.reason in {"private_address", "bad_link"} or "#" in link
    assert dialled == []
    assert site.connections == 0


@pytest.mark.parametrize("way", [redirect, page])
@pytest.mark.parametrize("link", PRIVATE)
async def test_private_links_are_refused_behind_a_redirect_or_a_page(
    link: str, way: Callable[[str], bytes], site: Site, dialled: list[str]
) -> None:
    async with (
        Site({"/": way(link.format(port=site.port))}) as front,
        Fetcher(settings(f"127.0.0.1:{front.port}"), resolver=KnownNames(PRIVATE_NAMES)) as fetcher,
    ):
        with pytest.raises(FetchRefused) as refused:
            await fetcher.fetch(front.url("/"))
    assert refused.value.reason == "private_address"
    assert dialled == ["127.0.0.1"]
    assert (front.connections, site.connections) == (1, 0)


@pytest.mark.parametrize("link", TRICKS)
async def test_tricks_behind_a_redirect_reach_nothing(link: str, site: Site) -> None:
    async with (
        Site({"/": redirect(link.format(port=site.port))}) as front,
        Fetcher(settings(f"127.0.0.1:{front.port}"), resolver=KnownNames(PRIVATE_NAMES)) as fetcher,
    ):
        with pytest.raises(FetchRefused):
            await fetcher.fetch(front.url("/"))
    assert site.connections == 0


async def test_the_systems_own_localhost_is_refused(site: Site, dialled: list[str]) -> None:
    async with Fetcher(settings()) as fetcher:
        with pytest.raises(FetchRefused) as refused:
            await fetcher.fetch(site.url("/", host="localhost"))
    assert refused.value.reason == "private_address"
    assert (dialled, site.connections) == ([], 0)


async def test_the_system_resolver_gives_numeric_addresses() -> None:
    resolver = SystemResolver()
    found = await resolver.resolve("localhost", 8000)
    await resolver.close()
    assert {result["host"] for result in found} <= {"127.0.0.1", "::1"}
    assert {result["port"] for result in found} == {8000}


async def test_a_private_host_is_fetched_when_the_operator_allows_it(site: Site) -> None:
    site.answers["/photo.jpg"] = raw("200 OK", JPEG, Content_Type="image/jpeg")
    allowed = settings(f"home.test:{site.port}")
    async with Fetcher(allowed, resolver=KnownNames(PRIVATE_NAMES)) as fetcher:
        fetched = await fetcher.fetch(site.url("/photo.jpg", host="home.test"))
        with pytest.raises(FetchRefused):
            await fetcher.fetch(site.url("/photo.jpg"))
    assert (fetched.data, site.connections) == (JPEG, 1)


async def test_a_redirect_may_lead_to_another_allowed_host(site: Site) -> None:
    site.answers["/photo.jpg"] = raw("200 OK", JPEG, Content_Type="image/jpeg")
    async with Site({"/": redirect(site.url("/photo.jpg"))}) as front:
        allowed = settings(f"127.0.0.1:{front.port}", f"127.0.0.1:{site.port}")
        async with Fetcher(allowed, resolver=KnownNames({})) as fetcher:
            assert (await fetcher.fetch(front.url("/"))).data == JPEG


class TestTheGuardAtTheSocket:
    """With 127.0.0.2 standing in for the public internet."""

    @pytest.fixture(autouse=True)
    def _loopback_two_is_public(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.fetching.addresses.is_public", lambda address: str(address) == "127.0.0.2")

    async def test_public_addresses_are_dialled(self, site: Site, dialled: list[str]) -> None:
        site.answers["/photo.jpg"] = raw("200 OK", JPEG, Content_Type="image/jpeg")
        async with Fetcher(settings(), resolver=KnownNames({"photos.test": ["127.0.0.2"]})) as fetcher:
            fetched = await fetcher.fetch(site.url("/photo.jpg", host="photos.test"))
        assert (fetched.data, dialled) == (JPEG, ["127.0.0.2"])

    async def test_of_a_name_with_both_only_the_public_address_is_dialled(self, site: Site, dialled: list[str]) -> None:
        site.answers["/photo.jpg"] = raw("200 OK", JPEG, Content_Type="image/jpeg")
        names = KnownNames({"both.test": ["127.0.0.1", "::1", "127.0.0.2", "10.0.0.1"]})
        async with Fetcher(settings(), resolver=names) as fetcher:
            assert (await fetcher.fetch(site.url("/photo.jpg", host="both.test"))).data == JPEG
        assert dialled == ["127.0.0.2"]

    async def test_a_name_that_turns_private_after_its_first_use_is_refused(
        self, site: Site, dialled: list[str]
    ) -> None:
        names = KnownNames({"rebinding.test": ["127.0.0.2"]})
        link = site.url("/photo.jpg", host="rebinding.test")
        site.answers["/photo.jpg"] = redirect(link)
        async with Fetcher(settings(), resolver=names) as fetcher:
            with pytest.raises(FetchRefused, match="too_many_redirects"):
                await fetcher.fetch(link)
            before = list(dialled)
            names.names["rebinding.test"] = ["127.0.0.1"]
            fetcher._guarded.connector.clear_dns_cache()  # type: ignore[union-attr]
            with pytest.raises(FetchRefused, match="private_address"):
                await fetcher.fetch(link)
        assert dialled == before == ["127.0.0.2"] * 4

    async def test_a_public_site_redirects_to_a_private_one(self, site: Site, dialled: list[str]) -> None:
        site.answers["/"] = redirect(site.url("/photo.jpg", host="inside.test"))
        names = KnownNames({"photos.test": ["127.0.0.2"], "inside.test": ["127.0.0.1"]})
        async with Fetcher(settings(), resolver=names) as fetcher:
            with pytest.raises(FetchRefused, match="private_address"):
                await fetcher.fetch(site.url("/", host="photos.test"))
        assert dialled == ["127.0.0.2"]
        assert site.connections == 1
