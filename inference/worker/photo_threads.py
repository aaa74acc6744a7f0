"""The threads that decode and encode photos."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Result = TypeVar("_Result")


class PhotoThreads:
    """A pool of threads; photos under way go before new ones, so that answers leave and memory comes free early."""

    def __init__(self, count: int, niceness: int = 0) -> None:
        """Have ``count`` threads that give way to others by ``niceness`` (0..19, see nice(2); Linux only)."""
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="photo", initializer=_give_way, initargs=(niceness,))
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


def _give_way(niceness: int) -> None:
    # Elsewhere than on Linux, a thread has no niceness of its own.
    if niceness and sys.platform == "linux":
        own = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + niceness)
