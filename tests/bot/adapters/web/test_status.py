"""Where a request stands, asked once or followed as it happens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.ledger import Ledger
from bot.vocabulary import Entry
from tests.bot.adapters.web.photos import a_photo
from tests.bot.adapters.web.site import Site, open_site
from tests.bot.adapters.web.visitor import Visitor


async def test_a_status_has_what_the_contract_says(site: Site, program: Visitor) -> None:
    request_id = await program.sent(a_photo(64, 48))
    waiting = (await program.get(f"/api/requests/{request_id}")).json
    assert {
        "id": request_id,
        "state": "queued",
        "position": 1,
        "results": [],
        "refusal": None,
    }.items() <= waiting.items()
    assert waiting["page_url"] == f"/r/{request_id}"

    site.work()
    answered = await program.finished(request_id)
    assert answered["state"] == "answered"
    assert answered["position"] is None
    [result] = answered["results"]
    assert (result["width"], result["height"], result["input"]) == (64, 48, "gray")
    for url in (result["url"], result["compare_url"]):
        assert (await program.get(url)).status == 200


async def test_a_refusal_has_a_stable_word_and_a_kind_sentence(site: Site, program: Visitor) -> None:
    site.work()
    status = await program.finished(await program.sent(b"this is no photo"))
    assert status["state"] == "refused"
    assert status["refusal"]["reason"] == "not_an_image"
    assert "please" in status["refusal"]["message"]
    assert status["results"] == []


async def test_photos_that_failed_are_named_beside_those_that_did_not(site: Site, program: Visitor) -> None:
    site.work()
    status = await program.finished(await program.sent(a_photo(), b"this is no photo"))
    assert status["state"] == "answered"
    assert len(status["results"]) == 1
    assert [(left_out["index"], left_out["reason"]) for left_out in status["left_out"]] == [(1, "not_an_image")]


async def test_unknown_requests_are_not_found(program: Visitor) -> None:
    for path in ("/api/requests/nope", "/api/requests/nope/events", "/api/requests/nope/again", "/nowhere"):
        told = await program.ask("POST" if path.endswith("again") else "GET", path)
        assert (told.status, told.reason) == (404, "not_found")


async def test_addresses_say_which_methods_they_take(program: Visitor) -> None:
    told = await program.ask("PUT", "/api/requests")
    assert (told.status, told.reason) == (405, "method_not_allowed")
    assert told.headers["Allow"] == "GET,HEAD,POST"


async def test_events_tell_each_step_and_end_with_the_answer(site: Site, program: Visitor) -> None:
    site.worker.gate.clear()
    request_id = await program.sent()
    seen: list[tuple[str, Any]] = []
    async with asyncio.timeout(60):
        async for event, status in program.events(f"/api/requests/{request_id}/events"):
            assert event == "status"
            seen.append((status["state"], status["progress"] and status["progress"]["step"]))
            if seen == [("queued", None)]:
                site.work()
            if seen[-1] == ("working", "recoloring"):
                site.worker.gate.set()
    assert seen[0] == ("queued", None)
    assert ("working", "recoloring") in seen
    assert seen[-1] == ("answered", None)


async def test_events_tell_how_the_queue_moves(site: Site, program: Visitor) -> None:
    first, second = await program.sent(), await program.sent()
    positions = []
    async with asyncio.timeout(60):
        async for _, status in program.events(f"/api/requests/{second}/events"):
            positions.append(status["position"])
            if len(positions) == 1:
                await site.parts.intake.withdraw(first)
            if len(positions) == 2:
                break
    assert positions == [2, 1]


async def test_one_stream_follows_several_requests(site: Site, visitor: Visitor) -> None:
    await visitor.get("/")
    ids = [await visitor.sent() for _ in range(3)]
    deleted = await visitor.sent()
    ended: dict[str, str] = {}
    async with asyncio.timeout(60):
        async for event, status in visitor.events("/api/events?" + "&".join(f"id={one}" for one in [*ids, deleted])):
            if not ended:
                await visitor.ask("DELETE", f"/api/requests/{deleted}")
                site.work()
            ended[status["id"]] = status["state"] if event == "status" else event
    assert ended == {**dict.fromkeys(ids, "answered"), deleted: "deleted"}


async def test_a_page_that_is_closed_is_followed_no_longer(site: Site, program: Visitor) -> None:
    request_id = await program.sent()
    before = len(asyncio.all_tasks())
    async for _ in program.events(f"/api/requests/{request_id}/events"):
        break
    async with asyncio.timeout(60):
        while len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("state", ["queued", "answered", "refused"])
async def test_people_find_their_own_requests_again_the_newest_first(
    site: Site, visitor: Visitor, stranger: Visitor, state: str
) -> None:
    await visitor.get("/")
    if state != "queued":
        site.work()
    ids = [await visitor.sent(b"no photo" if state == "refused" else a_photo()) for _ in range(2)]
    link = (await visitor.post_link("https://example.org/a.jpg")).json["id"]
    if state != "queued":
        for one in ids:
            await visitor.finished(one)

    told = (await visitor.get("/api/requests")).json["requests"]
    assert [one["id"] for one in told] == [link, ids[1], ids[0]]
    assert told[2]["state"] == state
    assert told[0]["images"] == [{"link": "https://example.org/a.jpg", "url": f"/api/requests/{link}/photos/0"}]
    assert told[2]["images"] == [{"link": None, "url": f"/api/requests/{ids[0]}/photos/0"}]
    assert (await stranger.get("/api/requests")).json == {"requests": []}


async def test_a_bot_stops_once_nobody_watches_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = asyncio.Event()
    by_id = Ledger.by_id

    async def slow(ledger: Ledger, request_id: str) -> Entry | None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.5)  # the question has to be taken back
            left.set()
        return await by_id(ledger, request_id)

    async with open_site(tmp_path) as site, aiohttp.ClientSession(site.url) as session:
        request_id = await Visitor(session).sent()
        monkeypatch.setattr(Ledger, "by_id", slow)
        watching = await session.get(f"/api/events?id={request_id}")
    watching.close()
    assert left.is_set()
