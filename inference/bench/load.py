"""Clients of a running worker, and what they saw."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import numpy as np

_PATIENCE = aiohttp.ClientTimeout(total=120)
_STAGE = re.compile(r"\s*([\w-]+);dur=([\d.]+)")


@dataclass(frozen=True, slots=True)
class Answer:
    """One photo's way, as its client saw it; moments are those of ``time.perf_counter``."""

    asked: float
    answered: float
    stages: dict[str, float]
    """Milliseconds by stage, as the worker's Server-Timing header tells."""

    @property
    def ms(self) -> float:
        """Milliseconds from asking to the answer's last byte."""
        return (self.answered - self.asked) * 1000


@dataclass(slots=True)
class Load:
    """What a number of clients saw."""

    answers: list[Answer] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """From the first question to the last answer."""
        return max(each.answered for each in self.answers) - min(each.asked for each in self.answers)

    @property
    def per_second(self) -> float:
        """Photos answered a second."""
        return len(self.answers) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency in milliseconds that ``share`` (0..100) percent did not exceed."""
        return percentile([each.ms for each in self.answers], share)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` (0..100) percent of ``values`` do not exceed."""
    return float(np.percentile(values, share))


class Clients:
    """Sends photos to one worker."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(self, photo: bytes) -> Answer:
        """Send one photo and read the answer; raises ``aiohttp.ClientError`` unless it was recolored."""
        asked = time.perf_counter()
        async with self._session.post("/v1/recolor", data=photo) as response:
            response.raise_for_status()
            await response.read()
            stages = _STAGE.findall(response.headers.get("Server-Timing", ""))
        return Answer(asked, time.perf_counter(), {name: float(ms) for name, ms in stages})

    async def closed(self, photos: Sequence[bytes], clients: int, count: int) -> Load:
        """Let ``clients`` ask again and again as soon as they are answered, ``count`` photos altogether."""
        load, turns = Load(), iter(range(count))

        async def client() -> None:
            for turn in turns:
                load.answers.append(await self.ask(photos[turn % len(photos)]))

        await asyncio.gather(*(client() for _ in range(clients)))
        return load

    async def at_random(self, photos: Sequence[bytes], per_second: float, seconds: float, seed: int = 0) -> Load:
        """Ask at random moments (a Poisson process), whether earlier ones are answered or not."""
        load, tasks = Load(), list[asyncio.Task[None]]()

        async def one(photo: bytes) -> None:
            load.answers.append(await self.ask(photo))

        began = time.perf_counter()
        for moment, photo in zip(moments(per_second, seconds, seed), itertools.cycle(photos), strict=False):
            await asyncio.sleep(began + moment - time.perf_counter())
            tasks.append(asyncio.create_task(one(photo)))
        await asyncio.gather(*tasks)
        return load


def moments(per_second: float, seconds: float, seed: int = 0) -> list[float]:
    """Return the moments of a Poisson process within so many seconds."""
    chance = np.random.default_rng(seed)
    pauses = chance.exponential(1 / per_second, int(per_second * seconds * 2) + 10)
    return [float(moment) for moment in np.cumsum(pauses) if moment < seconds]


@asynccontextmanager
async def clients_of(url: str) -> AsyncIterator[Clients]:
    """Open as many connections as are needed to the worker at ``url``."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector, timeout=_PATIENCE) as session:
        yield Clients(session)
