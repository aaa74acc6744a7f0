"""Side-by-side pictures: made on the first look, once, and kept."""

import asyncio

import pytest

from bot.compare import Comparer
from bot.recolorer import Recolorer
from bot.vocabulary import Entry
from inference.client import InferenceClient
from inference.problems import Problem
from tests.bot.stand_ins import House


async def answered(house: House, *photos: str) -> Entry:
    request = await house.upload(*photos)
    await house.parts.intake.submit(request)
    _, taken = await house.parts.queue.take()
    await house.pipeline.live(taken)
    entry = await house.parts.ledger.by_id(request.id)
    assert entry is not None
    return entry


async def test_the_first_look_makes_the_picture_and_the_second_finds_it(house: House) -> None:
    entry = await answered(house, "photo")
    path = await house.parts.comparer.picture(entry, 0)
    assert path.read_bytes() == b"recolored photo"
    assert path.name == "compare-0.jpg"
    assert house.worker.asked[-1][1] == {"vividness": "1.0", "layout": "side_by_side", "format": "jpeg"}
    assert await house.parts.comparer.picture(entry, 0) == path
    assert len(house.worker.asked) == 2


async def test_ten_looks_at_once_make_one_picture(house: House) -> None:
    entry = await answered(house, "photo")
    await asyncio.gather(*(house.parts.comparer.picture(entry, 0) for _ in range(10)))
    assert len(house.worker.asked) == 2


async def test_many_looks_at_once_hold_few_photos(house: House) -> None:
    house.worker.gate.set()
    entries = [await answered(house, f"slow {index}") for index in range(12)]
    house.worker.gate.clear()
    house.worker.crowds.clear()
    looks = [asyncio.create_task(house.parts.comparer.picture(entry, 0)) for entry in entries]
    async with asyncio.timeout(30):
        while len(house.worker.crowds) < 8:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert len(house.worker.crowds) == 8
    house.worker.gate.set()
    assert all(path.exists() for path in await asyncio.gather(*looks))


async def test_whoever_leaves_takes_nobody_along(house: House) -> None:
    entry = await answered(house, "photo")
    first = asyncio.create_task(house.parts.comparer.picture(entry, 0))
    second = asyncio.create_task(house.parts.comparer.picture(entry, 0))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).exists()


async def test_there_is_a_picture_only_where_there_is_a_result(house: House) -> None:
    entry = await answered(house, "broken", "photo")
    assert (await house.parts.comparer.picture(entry, 1)).exists()
    for index in (0, 2):
        with pytest.raises(FileNotFoundError):
            await house.parts.comparer.picture(entry, index)


async def test_a_refused_or_deleted_request_has_no_picture(house: House) -> None:
    refused = await answered(house, "broken")
    with pytest.raises(FileNotFoundError):
        await house.parts.comparer.picture(refused, 0)
    deleted = await answered(house, "photo")
    await house.parts.intake.withdraw(deleted.request.id)
    with pytest.raises(FileNotFoundError):
        await house.parts.comparer.picture(deleted, 0)


async def test_a_failure_is_told_and_the_next_look_tries_again(house: House) -> None:
    entry = await answered(house, "photo")
    async with InferenceClient(socket=house.worker.socket) as client:
        house.worker.ready = False
        comparer = Comparer(house.parts.storage, Recolorer(client, patience_seconds=0.2))
        with pytest.raises(Problem):
            await comparer.picture(entry, 0)
        house.worker.ready = True
        assert (await comparer.picture(entry, 0)).exists()
