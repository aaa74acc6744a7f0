"""Several lives at a time, failed ones again after a pause, and a stop that loses none."""

import asyncio
import logging
from pathlib import Path

import pytest

from bot import dispatcher
from bot.adapters import TryLater
from bot.settings import LimitSettings, Settings
from bot.vocabulary import Request, State
from tests.bot.stand_ins import House, open_house


async def state_of(house: House, request: Request) -> tuple[State, int]:
    entry = await house.parts.ledger.by_id(request.id)
    assert entry is not None
    return entry.state, entry.attempts


async def until_answered(house: House, *requests: Request) -> None:
    async with asyncio.timeout(60):
        for request in requests:
            while request.message_id not in house.mailbox.answers:
                await asyncio.sleep(0.01)


async def submit(house: House, *photos: str, requester: str = "ann") -> Request:
    request = await house.upload(*photos, requester=requester)
    await house.parts.intake.submit(request)
    return request


async def test_only_so_many_requests_are_in_work_at_a_time(tmp_path: Path, database_url: str) -> None:
    async with open_house(tmp_path, Settings(limits=LimitSettings(parallel=2)), database_url=database_url) as house:
        requests = [await submit(house, f"slow-{number}") for number in range(5)]
        working = asyncio.create_task(house.dispatcher.run())
        while len(house.worker.asked) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert len(house.worker.asked) == 2
        house.worker.gate.set()
        await until_answered(house, *requests)
        assert max(house.worker.crowds) == 2
        working.cancel()


async def test_people_take_turns(tmp_path: Path, database_url: str) -> None:
    async with open_house(tmp_path, Settings(limits=LimitSettings(parallel=1)), database_url=database_url) as house:
        of_ann = [await submit(house, f"ann-{number}") for number in range(3)]
        of_ben = await submit(house, "ben-0", requester="ben")
        working = asyncio.create_task(house.dispatcher.run())
        await until_answered(house, *of_ann, of_ben)
        assert [photo for photo, _ in house.worker.asked] == ["ann-0", "ben-0", "ann-1", "ann-2"]
        working.cancel()


async def test_a_request_that_is_picked_up_before_the_intake_lines_it_up_lives_once(house: House) -> None:
    working = asyncio.create_task(house.dispatcher.run())
    request = await house.upload("slow")
    await house.parts.ledger.record(request)
    await house.dispatcher.pick_up()
    while not house.worker.asked:
        await asyncio.sleep(0.01)
    house.parts.queue.put(("mail", "ann"), request.id)
    await asyncio.sleep(0.2)
    assert len(house.worker.asked) == 1
    house.worker.gate.set()
    await until_answered(house, request)
    while len(house.parts.queue):
        await asyncio.sleep(0.01)
    working.cancel()
    await house.dispatcher.stop(grace_seconds=5)
    assert await state_of(house, request) == (State.ANSWERED, 1)


async def test_what_could_not_be_delivered_is_delivered_later(
    busy_house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dispatcher, "_FIRST_PAUSE_SECONDS", 0.05)
    busy_house.mailbox.failures = [TryLater("the platform is down"), TryLater("still down", retry_after=0.2)]
    request = await submit(busy_house, "photo")
    await until_answered(busy_house, request)
    assert [line.levelno for line in caplog.records if "has to wait" in line.message] == [logging.WARNING] * 2
    assert "again in 0.2 s: still down" in caplog.text
    assert busy_house.worker.times_asked("photo") == 1, "it was recolored before the first try already"


async def test_a_failure_that_nobody_foresaw_hurts_nobody_else_and_is_tried_again(
    busy_house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dispatcher, "_FIRST_PAUSE_SECONDS", 0.2)
    busy_house.mailbox.failures = [ZeroDivisionError("a bug")]
    unlucky = await submit(busy_house, "unlucky")
    await until_answered(busy_house, await submit(busy_house, "photo", requester="ben"))
    await until_answered(busy_house, unlucky)
    assert "ZeroDivisionError" in caplog.text


async def test_a_stop_lets_what_is_in_work_finish(house: House) -> None:
    requests = [await submit(house, f"slow-{number}") for number in range(2)]
    working = asyncio.create_task(house.dispatcher.run())
    while len(house.worker.asked) < 2:
        await asyncio.sleep(0.01)
    working.cancel()
    asyncio.get_running_loop().call_later(0.1, house.worker.gate.set)
    await house.dispatcher.stop(grace_seconds=10)
    assert [await state_of(house, request) for request in requests] == [(State.ANSWERED, 1)] * 2


async def test_what_does_not_finish_in_time_goes_on_at_the_next_start(tmp_path: Path, database_url: str) -> None:
    async with open_house(tmp_path, database_url=database_url) as house:
        working = asyncio.create_task(house.dispatcher.run())
        in_work = await submit(house, "slow")
        while not house.worker.asked:
            await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.wait([working])
        waiting = await submit(house, "photo")
        await house.dispatcher.stop(grace_seconds=0.1)
        assert await state_of(house, in_work) == (State.QUEUED, 0), "a stop is nobody's fault"
        assert house.mailbox.answers == {}
    async with open_house(tmp_path, database_url=database_url) as house:
        house.worker.gate.set()
        await house.dispatcher.resume({"mail"})
        working = asyncio.create_task(house.dispatcher.run())
        await until_answered(house, in_work, waiting)
        working.cancel()


async def test_requests_of_a_platform_that_is_off_wait_for_it(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house(tmp_path, database_url=database_url) as house:
        request = await submit(house, "photo")
    async with open_house(tmp_path, database_url=database_url) as house:
        await house.dispatcher.resume({"web"})
        assert len(house.parts.queue) == 0
        assert "1 unfinished requests of mail wait until it is switched on again" in caplog.text
        assert await state_of(house, request) == (State.QUEUED, 0)
