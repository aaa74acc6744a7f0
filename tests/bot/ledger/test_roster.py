"""Several bots on one PostgreSQL ledger: each request has one owner, and the dead are inherited from."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from bot.ledger import Ledger, open_ledger
from bot.ledger.tables import bots
from bot.vocabulary import Request, State
from tests.bot.ledger.test_ledger import ANSWER, REFUSAL, asking
from tests.postgresql import PostgresqlServer

LEASE = timedelta(minutes=1)
"""Longer than any test: only `silence` lets one run out."""

PLATFORMS = ("web",)


@pytest.fixture
def shared_url(postgresql: PostgresqlServer) -> str:
    return postgresql.new_database()


@asynccontextmanager
async def bot_on(url: str) -> AsyncIterator[Ledger]:
    """A bot's view of the ledger; at the end it dies, leaving no word."""
    async with open_ledger(url, lease=LEASE) as ledger:
        await ledger.roster.join()
        yield ledger


@pytest.fixture
async def one(shared_url: str) -> AsyncIterator[Ledger]:
    async with bot_on(shared_url) as ledger:
        yield ledger


@pytest.fixture
async def other(shared_url: str, one: Ledger) -> AsyncIterator[Ledger]:
    async with bot_on(shared_url) as ledger:
        yield ledger


async def silence(ledger: Ledger) -> None:
    """Let a bot's last sign of life be older than its lease."""
    late = update(bots).where(bots.c.id == ledger.roster.me).values(lease_until=datetime.now(UTC) - LEASE)
    async with ledger.engine.begin() as connection:
        assert (await connection.execute(late)).rowcount == 1


async def adopted_by(ledger: Ledger) -> list[str]:
    return [entry.request.id for entry in await ledger.roster.adopt(PLATFORMS)]


async def recorded(ledger: Ledger, message_id: str = "message-1", **changes: object) -> Request:
    return (await ledger.record(asking(message_id, **changes))).request


async def test_twenty_bots_that_see_a_message_at_once_make_one_request_that_one_of_them_works_on(
    shared_url: str, one: Ledger, other: Ledger
) -> None:
    entries = await asyncio.gather(*(ledger.record(asking()) for ledger in (one, other) * 10))
    (request_id,) = {entry.request.id for entry in entries}
    claims = [await ledger.claim(request_id) for ledger in (one, other)]
    assert sorted(claim is not None for claim in claims) == [False, True]


async def test_what_a_living_bot_has_in_hand_is_nobody_elses(one: Ledger, other: Ledger) -> None:
    request = await recorded(one)
    await one.claim(request.id)
    assert await adopted_by(other) == []
    assert await other.claim(request.id) is None
    assert await other.located(request.id, (), {}) is None
    assert await other.noted(request.id, {"posting": True}) is None
    assert not await other.decided(request.id, REFUSAL)
    assert not await other.hold(request.id)
    assert not await other.undeliverable(request.id, REFUSAL)
    await other.released(request.id)
    assert await one.decided(request.id, ANSWER)
    assert not await other.delivered(request.id, "theirs")
    assert await one.hold(request.id)
    assert await one.delivered(request.id, "mine")


async def test_everybody_may_delete(one: Ledger, other: Ledger) -> None:
    request = await recorded(one)
    await one.claim(request.id)
    assert await other.deleted(request.id)
    assert not await one.hold(request.id)
    assert not await one.decided(request.id, ANSWER)


async def test_what_a_dead_bot_left_is_adopted_once_its_lease_has_ended(
    one: Ledger, other: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    waiting, in_work, told = [await recorded(one, name) for name in ("waiting", "in work", "decided")]
    for request in (in_work, told):
        await one.claim(request.id)
    await one.decided(told.id, ANSWER)
    assert await adopted_by(other) == []
    await silence(one)
    assert await adopted_by(other) == [waiting.id, in_work.id, told.id]
    assert caplog.messages == [f"bot {one.roster.me} is gone: no sign of life"]
    assert await adopted_by(other) == []
    claimed = await other.claim(told.id)
    assert claimed is not None
    assert (claimed.attempts, claimed.outcome) == (2, ANSWER)


LIVING = """
import asyncio, sys
from bot.ledger import open_ledger
from tests.bot.ledger.test_ledger import asking

async def live(url):
    async with open_ledger(url) as ledger:
        await ledger.roster.join()
        entry = await ledger.record(asking())
        await ledger.claim(entry.request.id)
        print(entry.request.id, flush=True)
        await asyncio.sleep(60)

asyncio.run(live(sys.argv[1]))
"""


async def test_a_bot_killed_on_the_same_machine_is_inherited_from_at_once(
    shared_url: str, one: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIVING, shared_url, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert process.stdout is not None
    request_id = (await process.stdout.readline()).decode().strip()
    await one.roster.renew()
    assert await adopted_by(one) == []
    process.kill()
    await process.wait()
    async with asyncio.timeout(20):
        while not (adopted := await adopted_by(one)):  # PostgreSQL may still be rolling back what was cut off
            await one.roster.renew()
    assert adopted == [request_id]
    assert caplog.messages[0].endswith("is gone: its process has ended")


async def test_of_two_survivors_one_adopts(shared_url: str, one: Ledger, other: Ledger) -> None:
    requests = {(await recorded(one, f"m{number}")).id for number in range(30)}
    async with bot_on(shared_url) as third:
        await silence(one)
        adopted = await asyncio.gather(*(adopted_by(ledger) for ledger in (other, third) * 3))
    found = [request_id for share in adopted for request_id in share]
    assert (len(found), set(found)) == (30, requests)


async def test_a_bot_that_left_is_inherited_from_at_once(one: Ledger, other: Ledger) -> None:
    request = await recorded(one)
    await one.roster.leave()
    assert await one.roster.renew(), "a last sign of life on its way is no reason to come back"
    assert await adopted_by(one) == []
    assert await adopted_by(other) == [request.id]
    assert await other.roster.orphans() == {}


async def test_a_bot_that_was_taken_for_dead_answers_nothing_that_another_has_adopted(
    one: Ledger, other: Ledger
) -> None:
    lost, kept = await recorded(one, "lost"), await recorded(one, "kept", platform="reddit")
    for request in (lost, kept):
        await one.claim(request.id)
        await one.decided(request.id, ANSWER)
    await silence(one)
    assert await adopted_by(other) == [lost.id]
    assert not await one.hold(lost.id), "it was struck from the roster"
    assert not await one.hold(kept.id), "it doesn't know yet which are still its own"
    name = one.roster.me
    assert not await one.roster.renew()
    assert one.roster.me != name
    assert not await one.hold(lost.id)
    assert not await one.delivered(lost.id, "twice")
    assert [entry.request.id for entry in await one.roster.adopt(["web", "reddit"])] == [kept.id]
    assert await one.hold(kept.id)


@pytest.mark.parametrize("note", [False, True])
async def test_to_hold_a_request_is_to_be_left_in_peace_for_a_whole_lease(
    one: Ledger, other: Ledger, *, note: bool
) -> None:
    request = await recorded(one)
    await one.claim(request.id)
    for _ in range(2):
        await silence(one)
        assert await (one.noted(request.id, {"posting": True}) if note else one.hold(request.id))
        async with one.engine.connect() as connection:
            until = (
                await connection.execute(select(bots.c.lease_until).where(bots.c.id == one.roster.me))
            ).scalar_one()
        assert until > datetime.now(UTC) + LEASE / 2
        assert await adopted_by(other) == []


async def test_a_hold_and_an_adoption_at_the_same_time_never_both_succeed(shared_url: str) -> None:
    async with bot_on(shared_url) as slow, bot_on(shared_url) as quick:

        async def hold_after(seconds: float, request_id: str) -> bool:
            await asyncio.sleep(seconds)
            return await slow.hold(request_id)

        async def adopt_after(seconds: float) -> list[str]:
            await asyncio.sleep(seconds)
            return await adopted_by(quick)

        outcomes: set[tuple[bool, bool]] = set()
        step = 0.003
        for number in range(40):
            request = await recorded(slow, f"m{number}")
            await slow.claim(request.id)
            await silence(slow)
            if number % 9 == 0 and len(outcomes) == 1:
                step *= 4  # a busy database needs longer to let the other be first
            ahead = (number % 9 - 4) * step  # now the one is first, now the other
            hold, adoption = await asyncio.gather(hold_after(max(-ahead, 0), request.id), adopt_after(max(ahead, 0)))
            outcomes.add((hold, request.id in adoption))
            await slow.deleted(request.id)
            await slow.roster.renew()
    assert outcomes == {(True, False), (False, True)}


async def test_after_an_outage_nobody_is_taken_for_dead_before_they_could_give_a_sign_of_life(
    one: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await recorded(one)
    for ledger in (one, other):
        await silence(ledger)  # neither could renew
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + LEASE.total_seconds())
    monkeypatch.setattr("bot.ledger.roster.time", later)
    assert await adopted_by(other) == []
    await other.roster.renew()
    await one.roster.renew()
    assert await adopted_by(other) == []
    assert await one.claim(request.id) is not None


async def test_requests_of_platforms_that_are_off_are_left_to_others(one: Ledger, other: Ledger) -> None:
    await recorded(one, platform="reddit")
    await one.roster.leave()
    assert await adopted_by(other) == []
    assert await other.roster.orphans() == {"reddit": 1}


async def test_what_a_command_noted_down_is_adopted(shared_url: str, other: Ledger) -> None:
    """``python -m bot`` with a command is on no roster."""
    async with open_ledger(shared_url) as passing:
        request = await recorded(passing)
    assert await adopted_by(other) == [request.id]


async def test_an_sqlite_ledger_has_one_bot_and_the_one_before_it_is_dead(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    async with bot_on(url) as ledger:
        request = await recorded(ledger)
        await ledger.claim(request.id)
    async with bot_on(url) as ledger:
        assert await adopted_by(ledger) == [request.id]
        assert await ledger.claim(request.id) is not None
        assert await ledger.hold(request.id)


async def test_adopting_on_sqlite_is_not_put_off_by_those_who_write_meanwhile(tmp_path: Path) -> None:
    async with bot_on(f"sqlite:///{tmp_path / 'ledger.sqlite3'}") as ledger:

        async def busy(name: str) -> None:
            for number in range(30):
                await recorded(ledger, f"{name}-{number}")

        writing = asyncio.gather(*(busy(name) for name in ("ann", "ben", "eve")))
        while not writing.done():
            assert await adopted_by(ledger) == []
        await writing


async def test_changes_made_elsewhere_show(one: Ledger, other: Ledger) -> None:
    request = await recorded(one)
    seen = [await other.movements([request.id])]
    await one.claim(request.id)
    seen.append(await other.movements([request.id]))
    await one.decided(request.id, ANSWER)
    await one.delivered(request.id, "answer")
    seen.append(await other.movements([request.id]))
    assert len({state[request.id] for state in seen}) == 3
    entry = await other.by_id(request.id)
    assert entry is not None
    assert entry.state is State.ANSWERED
