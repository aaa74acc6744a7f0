"""The threads that decode and encode photos."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Result = TypeVar("_Result")


class PhotoThreads:
    """A pool of threads; photos under way go before new ones, so that answers leave and memory comes free early."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="photo")
        self._free = count
        self._under_way: deque[asyncio.Future[None]] = deque()
        self._new: deque[asyncio.Future[None]] = deque()

    async def run(self, work: Callable[[], _Result], *, under_way: bool) -> _Result:
        """Return ``work()``, run on one of the threads.

        Cancelled before the work began, it never begins. Begun, it can't be interrupted: cancellation then waits for
        its end, so that memory accounted for by the caller is not given out while the thread still uses it.
        """
        await self._thread(self._under_way if under_way else self._new)
        try:
            running = asyncio.wrap_future(self._pool.submit(work))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                await asyncio.wait([running])
                running.exception()  # nobody else will look at it
                raise
        finally:
            self._free += 1
            self._hand_out()

    async def _thread(self, line: deque[asyncio.Future[None]]) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += 1
            self._hand_out()
            raise

    def _hand_out(self) -> None:
        while self._free and (line := self._under_way or self._new):
            turn = line.popleft()
            if not turn.done():
                self._free -= 1
                turn.set_result(None)
