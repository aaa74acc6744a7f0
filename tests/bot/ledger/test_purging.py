"""Deleting on request: what goes, what stays, and what is left of what goes."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from bot.ledger import KnownResults, Ledger, Retention, open_ledger
from bot.ledger.purging import Purging, Selection
from bot.ledger.tables import requests
from bot.vocabulary import Request, State
from tests.bot.ledger.test_retention import NOW, PICTURE, answered, asked, ledger

__all__ = ["ledger"]


async def belongs(ledger: Ledger, request: Request, **columns: str) -> Request:
    async with ledger.engine.begin() as connection:
        await connection.execute(update(requests).where(requests.c.id == request.id).values(**columns))
    return request


async def everything_but_the_key(ledger: Ledger, request: Request) -> str:
    async with ledger.engine.connect() as connection:
        row = (await connection.execute(select(requests).where(requests.c.id == request.id))).one()
    return repr({name: value for name, value in row._mapping.items() if name != "id"})


async def test_all_that_is_known_of_a_person_goes_and_nobody_elses(ledger: Ledger) -> None:
    old = await answered(ledger, "old-message", days_ago=40, platform="reddit")
    young = await answered(ledger, "young-message", days_ago=1, platform="reddit")
    waiting = await asked(ledger, "waiting", days_ago=0, platform="reddit")
    bobs = await belongs(ledger, await answered(ledger, "bobs", days_ago=1, platform="reddit"), requester="bob")
    elsewhere = await answered(ledger, "elsewhere", days_ago=1, platform="discord")
    known = KnownResults(ledger.engine, timedelta(days=365))
    await known.remember("key", old.id, PICTURE, model="model")

    purging, of_ann = Purging(ledger.engine), Selection(platform="reddit", person="ann")
    counted = {chosen.state: (chosen.requests, chosen.photos, chosen.answers) for chosen in await purging.count(of_ann)}
    assert counted == {State.ANSWERED: (2, 2, 2), State.QUEUED: (1, 1, 0)}
    purged = await purging.purge(of_ann, limit=2)
    purged += await purging.purge(of_ann, limit=2)
    assert set(purged) == {old.id, young.id, waiting.id}
    assert await purging.purge(of_ann, limit=2) == await purging.count(of_ann) == []

    for request in (old, young, waiting):
        left = await everything_but_the_key(ledger, request)
        assert "ann" not in left
        assert "input-0" not in left
    assert await ledger.by_message("reddit", "old-message") is None
    assert await ledger.claim(waiting.id) is None
    seen_again = await ledger.by_message("reddit", "young-message")
    assert seen_again is not None, "a message of these days isn't taken for a new one"
    assert seen_again.state is State.DELETED
    assert await known.find("key") is None
    for other in (bobs, elsewhere):
        entry = await ledger.by_id(other.id)
        assert entry is not None
        assert entry.state is State.ANSWERED


async def test_what_was_purged_is_dropped_two_days_later(ledger: Ledger) -> None:
    request = await answered(ledger, "message", days_ago=40)
    await Purging(ledger.engine).purge(Selection(ids=(request.id,)), limit=9)
    retention = Retention(ledger.engine)
    assert await retention.without_photos([request.id]) == {request.id}, "so bots elsewhere remove their copies"
    assert await retention.drop_purged("web", limit=9) == 0
    async with ledger.engine.begin() as connection:
        await connection.execute(update(requests).values(finished=NOW - timedelta(days=2, minutes=1)))
    assert await retention.drop_purged("web", limit=9) == 1
    assert await ledger.by_id(request.id) is None


async def test_communities_ages_and_single_requests_are_chosen(ledger: Ledger) -> None:
    old = await answered(ledger, "old", days_ago=40)
    young = await belongs(ledger, await answered(ledger, "young", days_ago=1), community="pics")
    purging = Purging(ledger.engine)
    before = datetime.now(UTC) - timedelta(days=30)
    assert [chosen.requests for chosen in await purging.count(Selection(created_before=before))] == [1]
    assert await purging.count(Selection(created_before=before, community="pics")) == [], "all has to hold"
    assert await purging.purge(Selection(community="pics"), limit=9) == [young.id]
    assert await purging.requester_of(young.id) is None
    assert await purging.requester_of(old.id) == ("web", "ann")
    assert await purging.purge(Selection(created_before=before), limit=9) == [old.id]


async def test_a_purge_ends_the_work_that_is_going_on(database_url: str) -> None:
    async with open_ledger(database_url) as ledger:
        request = await asked(ledger, "working", days_ago=0)
        await ledger.claim(request.id)
        await Purging(ledger.engine).purge(Selection(platform="web", person="ann"), limit=9)
        assert not await ledger.delivered(request.id, "answer")
