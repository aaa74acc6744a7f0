"""Who may do what with a request."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from yarl import URL

from bot.adapters.web.owners import COOKIE
from bot.vocabulary import ImageKind, ImageReference, Request
from tests.bot.adapters.web.photos import a_photo
from tests.bot.adapters.web.site import Site
from tests.bot.adapters.web.visitor import Visitor


async def test_the_first_page_brings_a_cookie_that_scripts_cannot_read(site: Site, visitor: Visitor) -> None:
    told = await visitor.get("/")
    cookie = told.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert "Set-Cookie" not in (await visitor.get("/")).headers


async def test_what_the_ledger_holds_is_not_the_cookie(site: Site, visitor: Visitor) -> None:
    await visitor.get("/")
    entry = await site.parts.ledger.by_id(await visitor.sent())
    cookie = visitor.session.cookie_jar.filter_cookies(URL(site.url))[COOKIE].value
    assert entry is not None
    assert cookie not in repr(entry)


async def test_owners_delete_by_their_cookie(site: Site, visitor: Visitor) -> None:
    site.work()
    request_id = await visitor.sent()
    status = await visitor.finished(request_id)
    told = await visitor.ask("DELETE", f"/api/requests/{request_id}")
    assert told.status == 204
    assert site.folders() == []
    for path in (f"/api/requests/{request_id}", f"/r/{request_id}", status["results"][0]["url"]):
        assert (await visitor.get(path)).status == 404
    assert (await visitor.ask("DELETE", f"/api/requests/{request_id}")).status == 404


async def test_programs_delete_by_the_token_of_the_request(site: Site, program: Visitor) -> None:
    told, other = (await program.post_photos()).json, (await program.post_photos()).json
    wrong = await program.ask(
        "DELETE", f"/api/requests/{told['id']}", headers={"Authorization": f"Bearer {other['token']}"}
    )
    assert (wrong.status, wrong.reason) == (403, "not_yours")
    right = await program.ask(
        "DELETE", f"/api/requests/{told['id']}", headers={"Authorization": f"Bearer {told['token']}"}
    )
    assert right.status == 204
    assert site.folders() == [other["id"]]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer ü"}])
async def test_strangers_may_look_but_neither_delete_nor_ask_again(
    site: Site, visitor: Visitor, stranger: Visitor, headers: dict[str, str]
) -> None:
    await stranger.get("/")
    request_id = await visitor.sent()
    address = f"/api/requests/{request_id}"
    assert (await stranger.get(address)).status == 200
    for method, path in (("DELETE", address), ("POST", f"{address}/again"), ("GET", f"{address}/photos/0")):
        told = await stranger.ask(method, path, headers=headers)
        assert (told.status, told.reason) == (403, "not_yours")
    assert site.folders() == [request_id]


async def test_what_was_asked_on_another_platform_is_shown_but_belongs_to_nobody_here(
    site: Site, visitor: Visitor
) -> None:
    entry = await site.parts.intake.submit(
        Request(
            platform="reddit",
            message_id="t1_abc",
            conversation="t3_def",
            requester="somebody",
            community=None,
            images=(ImageReference(ImageKind.URL, "https://example.org/a.jpg"),),
        )
    )
    address = f"/api/requests/{entry.request.id}"
    assert (await visitor.get(address)).status == 200
    assert (await visitor.ask("DELETE", address)).reason == "not_yours"


async def test_again_makes_a_new_request_for_the_same_photo(site: Site, visitor: Visitor) -> None:
    site.work()
    first = await visitor.sent(a_photo(40, 30))
    await visitor.finished(first)
    told = await visitor.ask("POST", f"/api/requests/{first}/again", json={"vividness": 1.3})
    assert told.status == 202
    second = await visitor.finished(told.json["id"])
    assert (second["vividness"], second["results"][0]["width"]) == (1.3, 40)
    listed = (await visitor.get("/api/requests")).json["requests"]
    assert [one["id"] for one in listed] == [second["id"], first]

    await visitor.ask("DELETE", f"/api/requests/{first}")
    assert (await visitor.get(second["results"][0]["url"])).status == 200


@pytest.mark.parametrize("body", [{"vividness": 9}, {"layout": "round"}, {"url": "https://example.org"}])
async def test_again_takes_nothing_but_options(site: Site, visitor: Visitor, body: dict[str, object]) -> None:
    request_id = await visitor.sent()
    told = await visitor.ask("POST", f"/api/requests/{request_id}/again", json=body)
    assert (told.status, told.reason) == (422, "invalid_option")
    assert site.folders() == [request_id]


async def test_a_cookie_that_no_page_gave_is_replaced(site: Site) -> None:
    async with aiohttp.ClientSession(site.url, cookies={COOKIE: "x"}) as session, session.get("/") as response:
        assert len(response.cookies[COOKIE].value) == 43


async def test_again_sent_twice_with_the_same_key_is_one_request(site: Site, visitor: Visitor) -> None:
    site.work()
    first = await visitor.sent()
    await visitor.finished(first)

    async def again(key: str, vividness: float) -> str:
        headers, options = {"Idempotency-Key": key}, {"vividness": vividness}
        told = await visitor.ask("POST", f"/api/requests/{first}/again", headers=headers, json=options)
        assert told.status == 202, told.body
        return str(told.json["id"])

    second = await again("a", 1.3)
    assert await again("a", 1.3) == second, "as after a connection that broke"
    third, fourth = await again("b", 1.3), await again("a", 1.4)
    assert len({first, second, third, fourth}) == 4
    assert site.folders() == sorted([first, second, third, fourth]), "no copy of the photo is left behind"


async def test_no_copy_of_a_photo_is_left_when_the_browser_leaves(
    site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.work()
    request_id = await visitor.sent()
    await visitor.finished(request_id)
    copied, copy_inputs = asyncio.Event(), site.parts.storage.copy_inputs

    async def copy_slowly(source_id: str, target_id: str) -> None:
        await copy_inputs(source_id, target_id)
        copied.set()
        await asyncio.sleep(0.3)

    monkeypatch.setattr(site.parts.storage, "copy_inputs", copy_slowly)
    again = asyncio.create_task(visitor.ask("POST", f"/api/requests/{request_id}/again", json={}))
    await copied.wait()
    again.cancel()
    async with asyncio.timeout(60):
        while len(known := (await visitor.get("/api/requests")).json["requests"]) < 2:
            await asyncio.sleep(0.05)
    assert site.folders() == sorted(request["id"] for request in known)
