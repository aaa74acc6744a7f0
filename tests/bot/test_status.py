"""What watchers see: every change, nothing twice, and an end."""

import asyncio
from itertools import pairwise
from pathlib import Path

from bot.vocabulary import Progress, State, Status, Step, new_request_id
from tests.bot.stand_ins import House, open_house


async def collect(house: House, request_id: str) -> list[Status]:
    return [status async for status in house.parts.board.watch(request_id)]


async def test_an_unknown_request_has_no_status(house: House) -> None:
    assert await house.parts.board.status(new_request_id()) is None
    assert await collect(house, new_request_id()) == []


async def test_a_whole_life_is_seen(house: House) -> None:
    before = await house.upload("photo", requester="ben")
    request = await house.upload("slow")
    await house.parts.intake.submit(before)
    await house.parts.intake.submit(request)
    seen: list[Status] = []

    async def watch() -> None:
        async for status in house.parts.board.watch(request.id):
            seen.append(status)

    async with asyncio.timeout(30):
        watching = asyncio.create_task(watch())
        while not seen:
            await asyncio.sleep(0.01)
        working = asyncio.create_task(house.dispatcher.run())
        while Progress(Step.RECOLORING, picture=1, pictures=1) not in [status.progress for status in seen]:
            await asyncio.sleep(0.01)
        house.worker.gate.set()
        await watching
    working.cancel()
    assert (seen[0].entry.state, seen[0].position) == (State.QUEUED, 2)
    assert [status.entry.state for status in seen] == sorted(
        (status.entry.state for status in seen), key=[State.QUEUED, State.WORKING, State.ANSWERED].index
    )
    assert (seen[-1].entry.state, seen[-1].position, seen[-1].progress) == (State.ANSWERED, None, None)
    assert all(one != other for one, other in pairwise(seen))


async def test_positions_move_up_for_those_who_wait(house: House) -> None:
    requests = [await house.upload("photo", requester=person) for person in ("ann", "ben", "cleo")]
    for request in requests:
        await house.parts.intake.submit(request)
    positions: asyncio.Queue[int | None] = asyncio.Queue()

    async def watch() -> None:
        async for status in house.parts.board.watch(requests[2].id):
            await positions.put(status.position)

    watching = asyncio.create_task(watch())
    assert await asyncio.wait_for(positions.get(), 30) == 3
    await house.parts.intake.withdraw(requests[0].id)
    assert await asyncio.wait_for(positions.get(), 30) == 2
    await house.parts.intake.withdraw(requests[2].id)
    await asyncio.wait_for(watching, 30)


async def test_many_may_watch_and_one_may_leave(house: House) -> None:
    request = await house.upload("photo")
    await house.parts.intake.submit(request)
    watching = [asyncio.create_task(collect(house, request.id)) for _ in range(3)]
    await asyncio.sleep(0.05)
    watching[0].cancel()
    working = asyncio.create_task(house.dispatcher.run())
    for watcher in watching[1:]:
        assert (await asyncio.wait_for(watcher, 30))[-1].entry.state is State.ANSWERED
    working.cancel()


async def test_a_request_in_work_when_the_bot_died_is_shown_as_waiting_again(tmp_path: Path, database_url: str) -> None:
    async with open_house(tmp_path, database_url=database_url) as house:
        request = await house.upload("photo")
        await house.parts.ledger.record(request)
        await house.parts.ledger.claim(request.id)
    async with open_house(tmp_path, database_url=database_url) as house:
        await house.dispatcher.resume({"mail"})
        status = await house.parts.board.status(request.id)
    assert status is not None
    assert (status.entry.state, status.position) == (State.QUEUED, 1)


async def test_a_finished_request_is_told_once(house: House) -> None:
    request = await house.upload("photo")
    await house.parts.intake.submit(request)
    _, taken = await house.parts.queue.take()
    await house.pipeline.live(taken)
    assert [status.entry.state for status in await collect(house, request.id)] == [State.ANSWERED]
