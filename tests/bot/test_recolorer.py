"""Patience with a worker that warms up, is full, restarts, or dies over a photo."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.recolorer import Recolorer, WorkerAway, WorkerStumbled
from inference.client import InferenceClient
from inference.problems import BrokenImage, Busy
from inference.vocabulary import RecolorOptions
from tests.bot.stand_ins import StandInWorker

OPTIONS = RecolorOptions()


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[StandInWorker]:
    stand_in = StandInWorker(tmp_path / "worker.sock")
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


@pytest.fixture
async def recolorer(worker: StandInWorker) -> AsyncIterator[Recolorer]:
    async with InferenceClient(socket=worker.socket) as client:
        yield Recolorer(client, patience_seconds=60)


async def test_a_photo_comes_back_recolored(recolorer: Recolorer) -> None:
    assert (await recolorer.recolor(b"photo", OPTIONS)).data == b"recolored photo"


async def test_what_is_wrong_with_a_photo_is_said_at_once(recolorer: Recolorer, worker: StandInWorker) -> None:
    with pytest.raises(BrokenImage):
        await recolorer.recolor(b"broken", OPTIONS)
    assert worker.times_asked("broken") == 1


async def test_a_worker_that_warms_up_is_waited_for_and_that_is_told(
    recolorer: Recolorer, worker: StandInWorker
) -> None:
    worker.ready = False
    waits: asyncio.Queue[bool] = asyncio.Queue()
    photo = asyncio.create_task(recolorer.recolor(b"photo", OPTIONS, on_wait=waits.put_nowait))
    assert await asyncio.wait_for(waits.get(), 30) is True
    assert worker.asked == []
    worker.ready = True
    assert await asyncio.wait_for(waits.get(), 30) is False
    assert (await photo).data == b"recolored photo"


async def test_a_worker_that_is_not_there_yet_is_waited_for(recolorer: Recolorer, worker: StandInWorker) -> None:
    await worker.stop()
    photo = asyncio.create_task(recolorer.recolor(b"photo", OPTIONS))
    await asyncio.sleep(0.3)
    await worker.start()
    assert (await photo).data == b"recolored photo"


async def test_a_full_worker_is_asked_again_when_it_said_so(recolorer: Recolorer, worker: StandInWorker) -> None:
    began = asyncio.get_running_loop().time()
    assert (await recolorer.recolor(b"busy", OPTIONS)).data == b"recolored busy"
    assert asyncio.get_running_loop().time() - began >= 1
    assert worker.times_asked("busy") == 2


async def test_patience_with_a_full_worker_ends(worker: StandInWorker) -> None:
    async with InferenceClient(socket=worker.socket) as client:
        with pytest.raises(Busy):
            await Recolorer(client, patience_seconds=0.5).recolor(b"busy", OPTIONS)


async def test_patience_with_an_absent_worker_ends(worker: StandInWorker) -> None:
    await worker.stop()
    async with InferenceClient(socket=worker.socket) as client:
        with pytest.raises(WorkerAway):
            await Recolorer(client, patience_seconds=0.3).recolor(b"photo", OPTIONS)


async def test_a_photo_that_the_worker_was_lost_over_gets_a_second_chance(
    recolorer: Recolorer, worker: StandInWorker
) -> None:
    assert (await recolorer.recolor(b"shaky", OPTIONS)).data == b"recolored shaky"
    assert worker.times_asked("shaky") == 2


async def test_a_photo_that_the_worker_is_lost_over_twice_is_refused(
    recolorer: Recolorer, worker: StandInWorker
) -> None:
    with pytest.raises(WorkerStumbled):
        await recolorer.recolor(b"fatal", OPTIONS)
    assert worker.times_asked("fatal") == 2


async def test_second_chances_are_given_one_at_a_time(recolorer: Recolorer, worker: StandInWorker) -> None:
    """Photos that only happened to be in work beside a fatal one must not be beside it again."""
    photos = [b"slow-fatal", *(f"slow-{number}".encode() for number in range(4))]
    asking = asyncio.gather(*(recolorer.recolor(photo, OPTIONS) for photo in photos), return_exceptions=True)
    async with asyncio.timeout(30):
        while len(worker.crowds) < len(photos):
            await asyncio.sleep(0.01)
    assert worker.crowds[-1] == len(photos)
    worker.fall()
    worker.gate.set()
    outcomes = await asking
    assert isinstance(outcomes[0], WorkerStumbled)
    assert not any(isinstance(outcome, BaseException) for outcome in outcomes[1:])
    second_chances = worker.asked[len(photos) :]
    assert sorted(name for name, _ in second_chances) == sorted(photo.decode() for photo in photos)
    assert worker.crowds[len(photos) :] == [1] * len(photos)
