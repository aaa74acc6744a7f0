"""PostgreSQL goes away under a running bot, and comes back: nothing is lost, and people are told kindly meanwhile."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ledger import Ledger, LedgerAway, engine, outage, patiently, rows
from bot.ledger.tables import requests
from bot.vocabulary import State, new_request_id
from tests.bot.adapters.web.site import Site, open_site
from tests.bot.adapters.web.visitor import Visitor
from tests.bot.stand_ins import House, asking, open_house
from tests.postgresql import PostgresqlServer, running_postgresql

LEASE_SECONDS = 1.2


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """A server that no other test needs."""
    with running_postgresql() as running:
        yield running


@pytest.fixture(autouse=True)
def _there_at_the_end(server: PostgresqlServer) -> Iterator[None]:
    yield
    server.start()


@pytest.fixture
async def site(tmp_path: Path, server: PostgresqlServer) -> AsyncIterator[Site]:
    async with open_site(tmp_path, database_url=server.new_database(), lease_seconds=LEASE_SECONDS) as opened:
        yield opened


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[Visitor]:
    async with aiohttp.ClientSession(site.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Visitor(session)


async def test_people_are_told_kindly_and_can_go_on_once_it_is_back(
    site: Site, visitor: Visitor, server: PostgresqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    site.work()
    before = await visitor.sent()
    await visitor.finished(before)
    server.stop()
    for told in (
        await visitor.post_photos(),
        await visitor.post_link("https://example.org/photo.jpg"),
        await visitor.get(f"/api/requests/{before}"),
        await visitor.get("/api/requests"),
        await visitor.ask("DELETE", f"/api/requests/{before}"),
    ):
        assert (told.status, told.json["reason"], told.headers["Retry-After"]) == (503, "ledger_away", "10")
        assert told.json["detail"] == "I can't reach my notes right now; please try again in a minute."
    page = await visitor.get(f"/r/{before}", headers={"Accept": "text/html"})
    assert (page.status, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert "Your photos are safe" in page.body.decode()
    assert (await visitor.get("/healthz")).status == 200, "restarting the bot would bring no database back"
    server.start()
    assert (await visitor.get(f"/api/requests/{before}")).json["state"] == "answered"
    assert (await visitor.finished(await visitor.sent()))["state"] == "answered"
    assert "Traceback" not in caplog.text


async def test_a_request_in_work_is_finished_and_its_watcher_sees_the_end(
    site: Site, visitor: Visitor, server: PostgresqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    site.worker.gate.clear()
    site.work()
    requests = [await visitor.sent() for _ in range(3)]
    seen: dict[str, list[str]] = {request_id: [] for request_id in requests}
    watching = [asyncio.create_task(watch(visitor, request_id, seen[request_id])) for request_id in requests]
    while not (site.worker.asked and all(seen.values())):
        await asyncio.sleep(0.01)
    server.stop()
    site.worker.gate.set()
    await until_said(caplog, "the ledger is away, work stands still until it is back")
    await asyncio.sleep(2 * LEASE_SECONDS)
    assert not any(watcher.done() for watcher in watching)
    server.start()
    await asyncio.wait_for(asyncio.gather(*watching), 60)
    assert {states[-1] for states in seen.values()} == {"answered"}
    await until_said(caplog, "the ledger is back")
    assert caplog.text.count("work stands still") == 1


async def until_said(caplog: pytest.LogCaptureFixture, words: str) -> None:
    async with asyncio.timeout(30):
        while words not in caplog.text:
            await asyncio.sleep(0.01)


async def watch(visitor: Visitor, request_id: str, states: list[str]) -> None:
    async for event, status in visitor.events(f"/api/requests/{request_id}/events"):
        if event == "status":
            states.append(status["state"])


async def test_photos_that_could_not_be_noted_down_are_not_kept(tmp_path: Path, server: PostgresqlServer) -> None:
    async with open_house(tmp_path, database_url=server.new_database()) as house:
        request = await house.upload("photo")
        server.stop()
        with pytest.raises(LedgerAway):
            await house.parts.intake.submit(request)
        assert await house.parts.storage.holdings() == []
        server.start()


async def test_what_is_asked_in_a_chat_meanwhile_is_answered_afterwards(
    tmp_path: Path, server: PostgresqlServer
) -> None:
    async with open_house(tmp_path, database_url=server.new_database()) as house:
        server.stop()
        asked = [asking(request_id=new_request_id(), message_id=f"m{number}") for number in range(3)]
        taking = [asyncio.create_task(house.parts.intake.take(request)) for request in asked]
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in taking)
        server.start()
        entries = await asyncio.wait_for(asyncio.gather(*taking), 60)
        assert [entry.state for entry in entries] == [State.QUEUED] * 3
        assert len(house.parts.queue) == 3


async def test_a_request_whose_recording_was_never_confirmed_is_picked_up(house: House) -> None:
    """It is in the ledger, but the bot never heard that it is."""
    request = await house.upload("photo")
    await house.parts.ledger.record(request)
    assert len(house.parts.queue) == 0
    await house.dispatcher.pick_up()
    assert house.parts.queue.position(request.id) == 1
    await house.dispatcher.pick_up()
    assert len(house.parts.queue) == 1


async def test_a_database_that_hangs_is_away_too(
    tmp_path: Path, server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.new_database()
    async with open_house(tmp_path, database_url=url) as house:
        monkeypatch.setattr(engine, "_COMMAND_SECONDS", 0.5)
        monkeypatch.setattr(engine, "_CONNECT_SECONDS", 0.5)
        database = engine.make_engine(engine.parse_url(url))
        hasty = Ledger(database, house.parts.ledger.roster)
        await patiently(hasty.counts, what="a busy machine")
        server.pause()
        try:
            began = time.monotonic()
            with pytest.raises(LedgerAway):
                await hasty.counts()
            assert time.monotonic() - began < 5
        finally:
            server.go_on()
        assert sum((await patiently(hasty.counts, what="a busy machine")).values()) == 0
        await database.dispose()


async def test_a_deadlock_passes(tmp_path: Path, server: PostgresqlServer) -> None:
    async with open_house(tmp_path, database_url=server.new_database()) as house:
        database = house.parts.ledger.engine
        tables = [text(f"LOCK TABLE {name}") for name in ("opt_outs", "shut_outs")]
        both_locked = asyncio.Barrier(2)

        async def lock(first: TextClause, second: TextClause) -> None:
            async with database.begin() as connection:
                await connection.execute(first)
                await both_locked.wait()
                await connection.execute(second)

        told = await asyncio.gather(lock(*tables), lock(*reversed(tables)), return_exceptions=True)
        assert {type(error) for error in told} == {LedgerAway, type(None)}


async def test_a_bot_that_freezes_in_mid_transaction_holds_nobody_up(
    tmp_path: Path, server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.new_database()
    async with open_house(tmp_path, database_url=url) as house, AsyncExitStack() as stack:
        request, again = (asking(request_id=new_request_id(), message_id="heard by two") for _ in range(2))
        monkeypatch.setattr(outage, "_IDLE_SECONDS", 0.3)
        another_bot = engine.make_engine(engine.parse_url(url))
        stack.push_async_callback(another_bot.dispose)

        async def freeze() -> AsyncConnection:
            connection = await stack.enter_async_context(another_bot.connect())
            await connection.execute(requests.insert().values(**rows.of_request(request)))
            return connection

        frozen = await patiently(freeze, what="a busy machine")
        entry = await asyncio.wait_for(house.parts.intake.take(again), 30)
        with pytest.raises(LedgerAway):
            await frozen.execute(text("SELECT 1"))
        assert entry.request.id == again.id
