"""What keeps other sites out."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDict

from bot.settings import WebSettings
from tests.bot.adapters.web.site import Site, open_site
from tests.bot.adapters.web.visitor import Visitor
from tests.ports import free_port

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@pytest.mark.parametrize(
    "path", ["/", "/mine", "/r/nope", "/nowhere", "/api/requests", "/api/requests/nope", "/healthz"]
)
async def test_every_answer_carries_the_security_headers(visitor: Visitor, path: str) -> None:
    told = await visitor.get(path, headers={"Accept": "text/html"})
    assert told.headers["Content-Security-Policy"] == POLICY
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert told.headers["Referrer-Policy"] == "same-origin"
    assert told.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Server" not in told.headers
    assert ("X-Robots-Tag" in told.headers) == (path != "/")


async def test_pictures_and_streams_carry_them_too(site: Site, visitor: Visitor) -> None:
    site.work()
    request_id = await visitor.sent()
    [result] = (await visitor.finished(request_id))["results"]
    for path in (result["url"], result["compare_url"], f"/api/requests/{request_id}/events"):
        assert (await visitor.get(path)).headers["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "{own}"}, True),
        ({"Origin": "{own}"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "{own}"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "{own}.evil.example"}, False),
        ({"Origin": "http://127.0.0.1"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, False),
    ],
)
async def test_only_the_bots_own_page_and_programs_may_post(
    site: Site, visitor: Visitor, headers: dict[str, str], accepted: bool
) -> None:
    headers = {name: value.replace("{own}", site.url) for name, value in headers.items()}
    told = await visitor.post_photos(headers=headers)
    assert told.status == (202 if accepted else 403)
    if not accepted:
        assert told.reason == "cross_site"
        assert site.folders() == []


async def test_another_sites_page_may_not_delete(site: Site, visitor: Visitor) -> None:
    request_id = await visitor.sent()
    told = await visitor.ask("DELETE", f"/api/requests/{request_id}", headers={"Origin": "https://evil.example"})
    assert told.reason == "cross_site"
    assert site.folders() == [request_id]


async def test_behind_a_proxy_the_public_address_counts_as_ones_own(tmp_path: Path) -> None:
    web = WebSettings.model_validate({"port": free_port(), "public_url": "https://photos.example.org/"})
    async with open_site(tmp_path, web=web) as site:
        assert site.url == "https://photos.example.org"
        async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as session:
            visitor = Visitor(session)
            told = await visitor.post_photos(headers={"Origin": "https://photos.example.org"})
            assert told.status == 202
            assert "Secure" in told.headers["Set-Cookie"]
            assert (await visitor.post_photos(headers={"Origin": "https://example.org"})).status == 403


@pytest.mark.parametrize(
    ("public_url", "forwarded", "networks"),
    [
        ("https://photos.example.org/", ["198.51.100.7", "203.0.113.9, 198.51.100.7"], 1),
        ("https://photos.example.org/", ["198.51.100.7", "198.51.100.8"], 2),
        ("https://photos.example.org/", ["2001:db8:1:2::3", "2001:db8:1:2:ffff::4"], 1),
        ("https://photos.example.org/", ["2001:db8:1:2::3", "2001:db8:1:3::3"], 2),
        ("https://photos.example.org/", ["198.51.100.7", ("203.0.113.9", "198.51.100.7")], 1),
        (None, ["198.51.100.7", "198.51.100.8"], 1),
    ],
)
async def test_networks_are_told_apart_behind_a_proxy_that_is_known_and_never_noted_down(
    tmp_path: Path, public_url: str | None, forwarded: list[str | tuple[str, ...]], networks: int
) -> None:
    web = WebSettings.model_validate({"port": free_port(), "public_url": public_url})
    async with (
        open_site(tmp_path, web=web) as site,
        aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as session,
    ):
        communities = set()
        for addresses in forwarded:
            lines = (addresses,) if isinstance(addresses, str) else addresses
            headers = CIMultiDict([("X-Forwarded-For", line) for line in lines])
            told = await Visitor(session).post_photos(headers=headers)
            entry = await site.parts.ledger.by_id(told.json["id"])
            assert entry is not None
            communities.add(entry.request.community)
            assert "198.51" not in repr(entry)
    assert len(communities) == networks
