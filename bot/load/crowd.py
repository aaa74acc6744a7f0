"""Many visitors at a time: each sends its next photo as soon as it has the answer to the last one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import cycle

import aiohttp

from bot.load.photos import varied
from bot.load.report import Report
from bot.load.visitor import Declined, Taken, Visitor, Wrong

LAST_ANSWER_SECONDS = 300.0
"""How long the last answers may take after the last photo was sent; what takes longer counts as lost."""
_AFTER_TROUBLE_SECONDS = 1.0
_CONNECT_SECONDS = 15.0


async def crowd(
    url: str, photos: Sequence[bytes], *, clients: int, per_second: float | None, seconds: float, report: Report
) -> None:
    """Send photos for so many seconds, then wait for the last answers; everything is counted in ``report``.

    With ``per_second`` they are sent at that steady pace, or slower when all clients wait for answers.
    All requests are deleted again, also when this is cancelled.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
    async with aiohttp.ClientSession(
        url, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        crowd = _Crowd(Visitor(session), cycle(photos), seconds, 1 / per_second if per_second else 0.0, report)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(clients):
                tasks.create_task(crowd.visit())
    report.seconds = crowd.lasted


class _Crowd:
    def __init__(self, visitor: Visitor, photos: Iterator[bytes], seconds: float, pause: float, report: Report) -> None:
        self._visitor = visitor
        self._photos = photos
        self._report = report
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._ends = self._began + seconds
        self._pause = pause
        self._next = self._began
        self.lasted = 0.0
        """Until the last result was here, in seconds."""

    async def visit(self) -> None:
        while await self._turn():
            try:
                await self._ask()
            except Declined as declined:
                self._report.declined[declined.reason] += 1
                await self._rest(declined.retry_after)
            except Wrong as wrong:
                self._report.errors[str(wrong)] += 1
                await self._rest(_AFTER_TROUBLE_SECONDS)

    async def _turn(self) -> bool:
        """Wait until the next photo may be sent; return whether that is still to be."""
        moment = max(self._next, self._clock())
        self._next = moment + self._pause
        await asyncio.sleep(max(0.0, min(moment, self._ends) - self._clock()))
        return self._clock() < self._ends

    async def _ask(self) -> None:
        photo, began = varied(next(self._photos)), self._clock()
        taken = await self._visitor.send(photo)
        self._report.accepted += 1
        self._report.bytes_sent += len(photo)
        self._report.taking_seconds.append(self._clock() - began)
        try:
            await self._see_through(taken, began)
        finally:
            if not await self._visitor.delete(taken):
                self._report.left_behind.append(taken.id)

    async def _see_through(self, taken: Taken, began: float) -> None:
        try:
            async with asyncio.timeout(self._ends - self._clock() + LAST_ANSWER_SECONDS):
                status = await self._visitor.wait(taken)
        except (TimeoutError, Wrong):
            self._report.lost.append(taken.id)
            return
        answered = self._clock()
        if status["state"] == "refused":
            self._report.refused[str(status["refusal"]["reason"])] += 1
            return
        self._report.answered += 1
        self._report.answer_seconds.append(answered - began)
        for result in status["results"]:
            self._report.bytes_fetched += await self._visitor.fetch(result["url"])
        self._report.fetch_seconds.append(self._clock() - answered)
        self.lasted = self._clock() - self._began

    async def _rest(self, seconds: float) -> None:
        """Wait as long as the bot asks, but no longer than there is anything to be sent."""
        await asyncio.sleep(max(0.0, min(seconds, self._ends - self._clock())))
