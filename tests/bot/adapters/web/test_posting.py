"""What may be posted, and what is said to the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.settings import LimitSettings
from tests.bot.adapters.web.photos import a_photo
from tests.bot.adapters.web.site import Site, open_site
from tests.bot.adapters.web.visitor import Visitor


async def test_a_posted_photo_is_accepted_with_the_address_of_its_status(program: Visitor) -> None:
    told = await program.post_photos()
    assert told.status == 202
    assert set(told.json) == {"id", "status_url", "token"}
    assert told.json["status_url"] == f"/api/requests/{told.json['id']}" == told.headers["Location"]
    status = await program.get(told.json["status_url"])
    assert status.json["state"] == "queued"


async def test_several_photos_make_one_request_with_a_result_each(site: Site, program: Visitor) -> None:
    site.work()
    told = await program.post_photos(a_photo(64, 48), a_photo(32, 80), a_photo(20, 20))
    status = await program.finished(told.json["id"])
    assert [(result["width"], result["height"]) for result in status["results"]] == [(64, 48), (32, 80), (20, 20)]


async def test_options_travel_with_the_photo(site: Site, program: Visitor) -> None:
    request_id = await program.sent(options={"vividness": "1.4", "layout": "side_by_side"})
    entry = await site.parts.ledger.by_id(request_id)
    assert entry is not None
    assert (entry.request.options.vividness, entry.request.options.layout) == (1.4, "side_by_side")


async def test_a_link_is_accepted_as_json(site: Site, program: Visitor) -> None:
    told = await program.post_link("https://example.org/grandmother.jpg", vividness=0.5)
    assert told.status == 202
    entry = await site.parts.ledger.by_id(told.json["id"])
    assert entry is not None
    assert entry.request.images[0].location == "https://example.org/grandmother.jpg"
    assert entry.request.options.vividness == 0.5


@pytest.mark.parametrize(
    ("document", "status", "reason"),
    [
        ({"url": "not a link"}, 422, "bad_link"),
        ({"url": "ftp://example.org/photo.jpg"}, 422, "bad_link"),
        ({"url": "http://127.0.0.1/photo.jpg"}, 422, "private_address"),
        ({"url": "https://example.org/a.jpg", "vividness": 7}, 422, "invalid_option"),
        ({"url": "https://example.org/a.jpg", "vividness": "much"}, 422, "invalid_option"),
        ({"url": "https://example.org/a.jpg", "vividness": True}, 422, "invalid_option"),
        ({"url": "https://example.org/a.jpg", "vividness": float("nan")}, 422, "invalid_option"),
        ({"url": "https://example.org/a.jpg", "layout": "round"}, 422, "invalid_option"),
        ({"url": "https://example.org/a.jpg", "color": "red"}, 422, "invalid_option"),
        ({"url": 5}, 400, "malformed_body"),
        ({}, 400, "malformed_body"),
        (["https://example.org/a.jpg"], 400, "malformed_body"),
    ],
)
async def test_links_and_options_that_cannot_be_are_refused(
    program: Visitor, document: Any, status: int, reason: str
) -> None:
    told = await program.ask("POST", "/api/requests", json=document)
    assert (told.status, told.reason) == (status, reason)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "reason"),
    [
        (b"{", "application/json", 400, "malformed_body"),
        (b"\xff\xfe", "application/json", 400, "malformed_body"),
        (b"[" * 100_000, "application/json", 413, "request_entity_too_large"),
        (b"\xff\xd8\xff", "image/jpeg", 415, "unsupported_body"),
        (b"url=https://example.org", "application/x-www-form-urlencoded", 415, "unsupported_body"),
        (b"no form at all", "multipart/form-data; boundary=x", 400, "malformed_body"),
        (b"no boundary", "multipart/form-data", 400, "malformed_body"),
        (b"--x\r\n\r\nno name\r\n--x--\r\n", "multipart/form-data; boundary=x", 400, "malformed_body"),
        (b"--x--\r\n", "multipart/form-data; boundary=x", 422, "no_pictures"),
    ],
)
async def test_bodies_that_cannot_be_read_are_refused(
    site: Site, program: Visitor, body: bytes, content_type: str, status: int, reason: str
) -> None:
    told = await program.ask("POST", "/api/requests", data=body, headers={"Content-Type": content_type})
    assert (told.status, told.reason) == (status, reason)
    assert site.folders() == []


async def test_a_form_that_breaks_off_leaves_nothing_behind(site: Site, program: Visitor) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + a_photo()
    told = await program.ask(
        "POST", "/api/requests", data=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert told.reason == "malformed_body"
    assert site.folders() == []


async def test_an_empty_file_is_refused(site: Site, program: Visitor) -> None:
    told = await program.post_photos(b"")
    assert (told.status, told.reason) == (400, "empty")
    assert site.folders() == []


async def test_a_bad_option_of_a_form_leaves_no_photo_behind(site: Site, program: Visitor) -> None:
    told = await program.post_photos(options={"vividness": "3"})
    assert (told.status, told.reason) == (422, "invalid_option")
    assert site.folders() == []


@pytest.mark.parametrize("says_its_size", [True, False])
async def test_a_photo_beyond_the_limit_is_refused_while_it_streams_in(tmp_path: Path, says_its_size: bool) -> None:
    limits = LimitSettings(max_upload_bytes=2**20, max_pictures=1)
    async with open_site(tmp_path, limits=limits) as site, aiohttp.ClientSession(site.url) as session:
        head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        body = head + b"\xff" * (2**21 if says_its_size else 2**20 + 1) + b"\r\n--x--\r\n"

        async def stream() -> Any:
            for start in range(0, len(body), 2**16):
                yield body[start : start + 2**16]

        told = await Visitor(session).ask(
            "POST",
            "/api/requests",
            data=body if says_its_size else stream(),
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
        assert (told.status, told.reason) == (413, "too_many_bytes")
        assert "1 MB" in told.json["detail"]
        assert site.folders() == []


async def test_too_many_photos_at_once_are_refused(tmp_path: Path) -> None:
    async with open_site(tmp_path, limits=LimitSettings(max_pictures=2)) as site:
        async with aiohttp.ClientSession(site.url) as session:
            told = await Visitor(session).post_photos(a_photo(), a_photo(), a_photo())
        assert (told.status, told.reason) == (413, "too_many_pictures")
        assert site.folders() == []


async def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    async with (
        open_site(tmp_path, limits=LimitSettings(queue_size=1)) as site,
        aiohttp.ClientSession(site.url) as session,
    ):
        visitor = Visitor(session)
        await visitor.sent()
        told = await visitor.post_photos()
        assert (told.status, told.reason) == (429, "queue_full")
        assert int(told.headers["Retry-After"]) > 0


async def test_somebody_who_sent_very_much_is_told_when_to_go_on(tmp_path: Path) -> None:
    limits = LimitSettings(max_pictures=2, requester_per_hour=2)
    async with open_site(tmp_path, limits=limits) as site:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(site.url, cookie_jar=jar) as session:
            visitor = Visitor(session)
            await visitor.sent(a_photo(), a_photo())
            told = await visitor.post_photos()
        assert (told.status, told.reason) == (429, "too_many_requests")
        assert 0 < int(told.headers["Retry-After"]) <= 3600


async def test_an_address_has_its_limit_too_however_many_cookies_it_throws_away(tmp_path: Path) -> None:
    limits = LimitSettings(max_pictures=2, community_per_hour=2)
    async with open_site(tmp_path, limits=limits) as site:
        async with aiohttp.ClientSession(site.url, cookie_jar=aiohttp.DummyCookieJar()) as session:
            program = Visitor(session)
            await program.sent(a_photo(), a_photo())
            told = await program.post_photos()
        assert (told.status, told.reason) == (429, "crowded_community")


@pytest.mark.parametrize("with_cookie", [True, False])
async def test_the_same_post_with_the_same_key_is_one_request(
    visitor: Visitor, program: Visitor, site: Site, with_cookie: bool
) -> None:
    client = visitor if with_cookie else program
    await client.get("/")
    key = {"Idempotency-Key": "5a1c52c8-4c65-4f3c-8d2c-6b2f7e1a0b11"}
    first = await client.post_photos(headers=key)
    second = await client.post_photos(headers=key)
    assert (first.status, second.status) == (202, 202)
    assert first.json == second.json
    assert site.folders() == [first.json["id"]]


async def test_keys_of_others_and_other_photos_make_other_requests(visitor: Visitor, stranger: Visitor) -> None:
    key = {"Idempotency-Key": "1"}
    await visitor.get("/")
    await stranger.get("/")
    told = [
        await visitor.post_photos(a_photo(ink=10), headers=key),
        await visitor.post_photos(a_photo(ink=90), headers=key),
        await visitor.post_photos(a_photo(ink=10), options={"vividness": "1.5"}, headers=key),
        await stranger.post_photos(a_photo(ink=10), headers=key),
    ]
    assert len({one.json["id"] for one in told}) == 4


async def test_ids_are_unguessable(program: Visitor) -> None:
    ids = [await program.sent() for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(len(one) >= 22 for one in ids)
