"""Who may come in: a bounded number of requests and bytes, and none while loading or draining."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from inference.problems import Busy, Draining, NotReady

RETRY_WHILE_LOADING = 3
_RETRY_AFTER_DRAINING = 5
_LONGEST_RETRY_AFTER = 120
_INTERVALS_KEPT = 64
_ASSUMED_SECONDS_PER_REQUEST = 1.0


class Phase(StrEnum):
    """The three parts of a worker's life."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"


class Admission:
    """Hands out the places in the house, and knows how fast they come free again."""

    def __init__(self, places: int, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.phase = Phase.LOADING
        self.in_house = 0
        self.is_cleared = False
        self._places = places
        self._bytes_free = max_bytes
        self._clock = clock
        self._empty = asyncio.Event()
        self._empty.set()
        self._last_exit = 0.0
        self._intervals: deque[float] = deque(maxlen=_INTERVALS_KEPT)
        self._tasks: set[asyncio.Task[object]] = set()

    def check_open(self) -> None:
        """Raise ``NotReady`` while the model loads, and ``Draining`` at shutdown."""
        if self.phase is Phase.LOADING:
            raise NotReady(retry_after=RETRY_WHILE_LOADING)
        if self.phase is Phase.DRAINING:
            raise Draining(retry_after=_RETRY_AFTER_DRAINING)

    @contextmanager
    def enter(self) -> Iterator[Place]:
        """Take a place for the duration of the ``with`` block.

        Raises ``NotReady`` while the model loads, ``Draining`` at shutdown, and ``Busy`` when every place is taken.
        """
        self.check_open()
        if self.in_house >= self._places:
            raise Busy(retry_after=self.retry_after())
        if self.in_house == 0:
            self._last_exit = self._clock()
        self.in_house += 1
        self._empty.clear()
        place, task = Place(self), asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        try:
            yield place
        finally:
            self._tasks.discard(task)
            self._leave(place)

    def retry_after(self) -> int:
        """Return in how many seconds those now in the house will be done, at the pace measured of late.

        The pace is the mean time between two exits while the house was not empty, whatever stage held them up.
        """
        seconds_each = statistics.fmean(self._intervals) if self._intervals else _ASSUMED_SECONDS_PER_REQUEST
        return min(max(1, math.ceil(seconds_each * self.in_house)), _LONGEST_RETRY_AFTER)

    async def wait_empty(self) -> None:
        """Wait until every request has left."""
        await self._empty.wait()

    def turn_out(self) -> None:
        """Cancel every request that is in the house; for the end of draining."""
        self.is_cleared = True
        for task in self._tasks:
            task.cancel()

    def take_bytes(self, count: int) -> None:
        """Count an upload's bytes as held; raises ``Busy`` when they don't fit."""
        if count > self._bytes_free:
            raise Busy(retry_after=self.retry_after())
        self._bytes_free -= count

    def _leave(self, place: Place) -> None:
        now = self._clock()
        self._intervals.append(now - self._last_exit)
        self._last_exit = now
        self._bytes_free += place.bytes_held
        self.in_house -= 1
        if self.in_house == 0:
            self._empty.set()


class Place:
    """One request's place in the house."""

    def __init__(self, admission: Admission) -> None:
        self.bytes_held = 0
        self._admission = admission

    def hold_bytes(self, total: int) -> None:
        """Hold ``total`` bytes altogether until the request leaves; raises ``Busy`` when they don't fit."""
        if total > self.bytes_held:
            self._admission.take_bytes(total - self.bytes_held)
            self.bytes_held = total
