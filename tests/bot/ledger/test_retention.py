"""What the ledger forgets with age, and what it never does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update

from bot.ledger import KnownResults, Ledger, Retention, open_ledger
from bot.ledger.tables import known_results, requests
from bot.vocabulary import Answer, ImageKind, ImageReference, Request, ResultPicture, State
from inference.vocabulary import InputKind
from tests.postgresql import PostgresqlServer

PICTURE = ResultPicture(0, "result-0.jpg", "image/jpeg", 4, 3, InputKind.GRAY)
NOW = datetime.now(UTC)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with open_ledger(database_url) as opened:
        yield opened


async def answered(ledger: Ledger, name: str, *, days_ago: float, platform: str = "web") -> Request:
    request = await asked(ledger, name, days_ago=days_ago, platform=platform)
    await ledger.claim(request.id)
    await ledger.decided(request.id, Answer((PICTURE,), "model"))
    await ledger.delivered(request.id, "answer")
    async with ledger.engine.begin() as connection:
        ended = NOW - timedelta(days=days_ago)
        await connection.execute(update(requests).where(requests.c.id == request.id).values(finished=ended))
    return request


async def asked(ledger: Ledger, name: str, *, days_ago: float, platform: str = "web") -> Request:
    request = Request(
        platform=platform,
        message_id=name,
        conversation="c",
        requester="ann",
        community=None,
        images=(ImageReference(ImageKind.UPLOAD, "input-0"),),
        id=name.ljust(16, "x"),
    )
    request = replace(request, created=NOW - timedelta(days=days_ago))
    await ledger.record(request)
    return request


async def state_of(ledger: Ledger, request: Request) -> tuple[State, bool] | None:
    entry = await ledger.by_id(request.id)
    return None if entry is None else (entry.state, entry.expired)


async def test_the_oldest_answers_expire_bit_by_bit_and_nothing_in_work_ever(ledger: Ledger) -> None:
    old = [await answered(ledger, f"old-{number}", days_ago=40 - number) for number in range(3)]
    young = await answered(ledger, "young", days_ago=2)
    elsewhere = await answered(ledger, "elsewhere", days_ago=40, platform="reddit")
    waiting = await asked(ledger, "waiting", days_ago=400)
    working = await asked(ledger, "working", days_ago=400)
    await ledger.claim(working.id)
    known = KnownResults(ledger.engine, timedelta(days=365))
    for request in (old[0], young):
        await known.remember(f"key of {request.id}", request.id, PICTURE, model="model")

    retention, before = Retention(ledger.engine), NOW - timedelta(days=30)
    assert set(await retention.expire("web", finished_before=before, limit=2)) == {old[0].id, old[1].id}
    assert await retention.expire("web", finished_before=before, limit=2) == [old[2].id]
    assert await retention.expire("web", finished_before=before, limit=2) == []

    assert [await state_of(ledger, request) for request in old] == [(State.ANSWERED, True)] * 3
    for untouched in (young, elsewhere):
        assert await state_of(ledger, untouched) == (State.ANSWERED, False)
    assert await state_of(ledger, waiting) == (State.QUEUED, False)
    assert await state_of(ledger, working) == (State.WORKING, False)
    assert await known.find(f"key of {old[0].id}") is None
    assert await known.find(f"key of {young.id}") is not None
    everybody = [request.id for request in (*old, young, waiting, working)]
    assert await retention.without_photos(everybody) == {request.id for request in old}


async def test_a_row_is_dropped_when_it_is_old_and_its_photos_had_the_time_to_go(ledger: Ledger) -> None:
    old, young = await answered(ledger, "old", days_ago=40), await answered(ledger, "young", days_ago=2)
    waiting = await asked(ledger, "waiting", days_ago=400)
    retention, before, soon = Retention(ledger.engine), NOW - timedelta(days=30), NOW + timedelta(days=1)
    assert await retention.drop("web", finished_before=before, expired_before=soon, limit=9) == 0, "it has its photos"
    await retention.expire("web", finished_before=soon, limit=9)
    assert await retention.drop("web", finished_before=before, expired_before=NOW, limit=9) == 0, "it expired just now"
    assert await retention.drop("web", finished_before=before, expired_before=soon, limit=9) == 1
    assert [await state_of(ledger, request) for request in (old, young, waiting)] == [
        None,
        (State.ANSWERED, True),
        (State.QUEUED, False),
    ]


async def test_deleted_requests_go_with_the_others(ledger: Ledger) -> None:
    request = await answered(ledger, "old", days_ago=40)
    await ledger.deleted(request.id)
    retention, soon = Retention(ledger.engine), NOW + timedelta(days=1)
    await retention.expire("web", finished_before=soon, limit=9)
    assert await state_of(ledger, request) == (State.DELETED, True)
    assert await retention.drop("web", finished_before=soon, expired_before=soon, limit=9) == 1


async def test_a_deletion_and_an_expiry_at_once_wait_for_each_other_without_a_deadlock(
    postgresql: PostgresqlServer,
) -> None:
    async with open_ledger(postgresql.new_database()) as ledger:
        request = await answered(ledger, "old", days_ago=40)
        await KnownResults(ledger.engine, timedelta(days=365)).remember("key", request.id, PICTURE, model="model")
        async with ledger.engine.begin() as connection:  # as `Retention.expire` does it
            await connection.execute(update(requests).values(expired=NOW))
            deleting = asyncio.create_task(ledger.deleted(request.id))
            await asyncio.sleep(0.2)
            await connection.execute(delete(known_results))
        assert await deleting
