from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from inference.worker.pixel_budget import PixelBudget


class Photo:
    """Holds pixels from ``enter`` to ``leave``."""

    def __init__(self, budget: PixelBudget, pixels: int) -> None:
        self._budget = budget
        self._pixels = pixels
        self._done = asyncio.Event()
        self.inside = False
        self.task = asyncio.create_task(self._live())

    async def _live(self) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._budget.reserve(self._pixels))
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


async def test_a_photo_beyond_the_budget_goes_alone() -> None:
    budget = PixelBudget(100)
    small, huge, next_one = (Photo(budget, pixels) for pixels in (10, 1000, 10))
    await settle()
    assert (small.inside, huge.inside) == (True, False)
    await small.leave()
    assert (huge.inside, next_one.inside) == (True, False)
    await huge.leave()
    assert next_one.inside
    await next_one.leave()


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
