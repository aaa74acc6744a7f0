from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from inference.worker.pixel_budget import PixelBudget


class Photo:
    """Holds pixels from ``enter`` to ``leave``."""

    def __init__(self, budget: PixelBudget, pixels: int, *, large: bool = False) -> None:
        self._budget = budget
        self._pixels = pixels
        self._large = large
        self._done = asyncio.Event()
        self.inside = False
        self.task = asyncio.create_task(self._live())

    async def _live(self) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._budget.reserve(self._pixels, large=self._large))
            self.inside = True
            await self._done.wait()

    async def leave(self) -> None:
        self._done.set()
        await self.task
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_first_come_first_served_within_the_budget() -> None:
    budget = PixelBudget(100)
    photos = [Photo(budget, pixels) for pixels in (60, 40, 50, 10)]
    await settle()
    assert [photo.inside for photo in photos] == [True, True, False, False]
    await photos[1].leave()
    assert [photo.inside for photo in photos] == [True, True, False, False], "the small one must not overtake"
    await photos[0].leave()
    assert photos[2].inside
    assert photos[3].inside
    await photos[2].leave()
    await photos[3].leave()


async def test_no_small_photo_waits_behind_large_ones() -> None:
    budget = PixelBudget(100)
    large = [Photo(budget, 60, large=True) for _ in range(3)]
    small = [Photo(budget, 10) for _ in range(4)]
    await settle()
    assert [photo.inside for photo in large] == [True, False, False]
    assert [photo.inside for photo in small] == [True] * 4
    for photo in [*large, *small]:
        await photo.leave()


async def test_small_photos_leave_room_for_a_large_one_that_waits() -> None:
    budget = PixelBudget(100)
    before = [Photo(budget, 50), Photo(budget, 50)]
    large, after = Photo(budget, 70, large=True), [Photo(budget, 30), Photo(budget, 30)]
    await settle()
    await before[0].leave()
    assert not large.inside
    assert not after[0].inside, "it would take what the large one waits for"
    await before[1].leave()
    assert [large.inside, after[0].inside, after[1].inside] == [True, True, False]
    await large.leave()
    assert after[1].inside
    for photo in after:
        await photo.leave()


async def test_a_photo_beyond_the_budget_gets_all_that_large_ones_may_have() -> None:
    budget = PixelBudget(100)
    large, huge, next_one, small = (Photo(budget, pixels, large=pixels > 30) for pixels in (40, 1000, 40, 25))
    await settle()
    assert [large.inside, huge.inside, next_one.inside, small.inside] == [True, False, False, True]
    await large.leave()
    assert [huge.inside, next_one.inside] == [True, False]
    await huge.leave()
    assert next_one.inside
    for photo in (next_one, small):
        await photo.leave()


async def test_one_who_gives_up_waiting_leaves_nothing_behind() -> None:
    budget = PixelBudget(100)
    inside, gone, behind = (Photo(budget, pixels) for pixels in (90, 100, 10))
    await settle()
    gone.task.cancel()
    await asyncio.wait([gone.task])
    await settle()
    assert behind.inside
    await inside.leave()
    await behind.leave()
    last = Photo(budget, 100)
    await settle()
    assert last.inside
    await last.leave()
