"""How time and memory grow: with a photo's size, with the number of clients, and with the length of the queue."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from inference.bench import family
from inference.bench.conditions import Conditions
from inference.bench.load import Clients, clients_of
from inference.bench.photographs import photograph
from inference.bench.plots import Curve, draw
from inference.bench.running_worker import RunningWorker, running_worker
from inference.bench.tables import Goal, Table

_MEGAPIXELS = (1, 2, 4, 8, 12, 16, 24)
_CLIENTS = (1, 4, 16, 64, 256)
_QUEUED = (16, 64, 128, 256)
_SMALL = (640, 480)
_RUNS = 3
_PHOTOS_AT_LEAST = 64
_NEAR_LINEAR = 1.15
"""Largest exponent of growth that still counts as near-linear."""
_LARGE = 8
"""Megapixels from which on growth is judged: what every photo costs, however small, would hide how large ones grow."""
_ROOM = 256


@dataclass(frozen=True, slots=True)
class Size:
    """One photo, alone in the worker."""

    megapixels: float
    ms: Annotated[float, "median ms"]
    ms_each: Annotated[float, "ms a megapixel"]
    peak_mb: Annotated[float, "peak MB above idle"]
    bytes_each: Annotated[float, "bytes a pixel"]


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many clients, each asking again as soon as it is answered."""

    clients: int
    per_second: Annotated[float, "photos/s"]
    p50: Annotated[float, "p50, ms"]
    p99: Annotated[float, "p99, ms"]
    peak_mb: Annotated[float, "peak MB above idle"]


@dataclass(frozen=True, slots=True)
class Queue:
    """So many photos asked for at the same moment."""

    queued: int
    seconds: Annotated[float, "all answered after, s"]
    ms_each: Annotated[float, "ms a photo"]
    peak_mb: Annotated[float, "peak MB above idle"]


def measure(conditions: Conditions) -> Iterator[Table]:
    """Measure one worker from its idle state on, and draw what grows."""
    with running_worker("--queue-size", str(_ROOM)) as worker:
        meter = _Meter(worker)
        sizes = asyncio.run(meter.by_size())
        yield table_of_sizes(sizes)
        crowds = asyncio.run(meter.by_clients())
        yield _table_of_crowds(crowds)
        queues = asyncio.run(meter.by_queue())
        yield _table_of_queues(queues)
    if conditions.plots is not None:
        _draw(conditions.plots, sizes, crowds, queues)


class _Meter:
    """Measures a worker that is idle and warm at first."""

    def __init__(self, worker: RunningWorker) -> None:
        self._worker = worker
        self._small = [photograph(*_SMALL, seed) for seed in range(4)]
        asyncio.run(self._warm())
        self._idle = family.held(worker.pid)

    async def by_size(self) -> list[Size]:
        async with clients_of(self._worker.url) as clients:
            return [await self._size(clients, megapixels) for megapixels in _MEGAPIXELS]

    async def by_clients(self) -> list[Crowd]:
        async with clients_of(self._worker.url) as clients:
            return [await self._crowd(clients, count) for count in _CLIENTS]

    async def by_queue(self) -> list[Queue]:
        async with clients_of(self._worker.url) as clients:
            return [await self._queue(clients, count) for count in _QUEUED]

    async def _warm(self) -> None:
        async with clients_of(self._worker.url) as clients:
            await clients.closed(self._small, 4, 16)

    async def _size(self, clients: Clients, megapixels: float) -> Size:
        height = round((megapixels * 1e6 / 1.5) ** 0.5)
        width = round(height * 1.5)
        photo = photograph(width, height)
        family.forget_peaks(self._worker.pid)
        ms = statistics.median([(await clients.ask(photo)).ms for _ in range(_RUNS)])
        peak = self._peak()
        return Size(megapixels, ms, ms / megapixels, peak / 1e6, peak / (width * height))

    async def _crowd(self, clients: Clients, count: int) -> Crowd:
        family.forget_peaks(self._worker.pid)
        load = await clients.closed(self._small, count, max(_PHOTOS_AT_LEAST, 2 * count))
        return Crowd(count, load.per_second, load.percentile(50), load.percentile(99), self._peak() / 1e6)

    async def _queue(self, clients: Clients, count: int) -> Queue:
        family.forget_peaks(self._worker.pid)
        load = await clients.closed(self._small, count, count)
        return Queue(count, load.seconds, load.seconds * 1000 / count, self._peak() / 1e6)

    def _peak(self) -> int:
        return family.peak_above(self._idle, self._worker.pid)


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the power of the size with which the cost grows: 1 is linear; the slope over logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def table_of_sizes(sizes: Sequence[Size]) -> Table:
    """Return the table of one worker's times and memory, smallest photo first, with its goals."""
    large = [each for each in sizes if each.megapixels >= _LARGE]
    growth = exponent([each.megapixels for each in large], [each.ms for each in large])
    goals = [
        Goal(f"power of the megapixels with which time grows, from {_LARGE} on", growth, at_most=_NEAR_LINEAR),
        Goal("bytes a pixel above idle, of the largest photo", sizes[-1].bytes_each, at_most=12.0),
    ]
    return Table("By megapixels", sizes, goals)


def _table_of_crowds(crowds: Sequence[Crowd]) -> Table:
    growth = exponent([each.clients for each in crowds[1:]], [each.p50 for each in crowds[1:]])
    held = crowds[-1].per_second / max(each.per_second for each in crowds)
    goals = [
        Goal("power of the clients with which the median wait grows, from 4 on", growth, at_most=_NEAR_LINEAR),
        Goal(f"of the best throughput is left under {crowds[-1].clients} clients", held, at_least=0.85),
    ]
    return Table(f"By clients, {_SMALL[0]} × {_SMALL[1]} JPEGs", crowds, goals)


def _table_of_queues(queues: Sequence[Queue]) -> Table:
    growth = exponent([each.queued for each in queues], [each.seconds for each in queues])
    goals = [Goal("power of the queue's length with which time grows", growth, at_most=_NEAR_LINEAR)]
    return Table(f"By the length of the queue, {_SMALL[0]} × {_SMALL[1]} JPEGs", queues, goals)


def _draw(folder: Path, sizes: Sequence[Size], crowds: Sequence[Crowd], queues: Sequence[Queue]) -> None:
    megapixels = [each.megapixels for each in sizes]
    draw(
        folder / "growth-megapixels.png",
        "megapixels",
        Curve("ms", megapixels, [each.ms for each in sizes]),
        Curve("peak MB above idle", megapixels, [each.peak_mb for each in sizes]),
    )
    clients = [each.clients for each in crowds]
    draw(
        folder / "growth-clients.png",
        "clients",
        Curve("median wait, ms", clients, [each.p50 for each in crowds]),
        Curve("photos/s", clients, [each.per_second for each in crowds], is_cost=False),
        Curve("peak MB above idle", clients, [each.peak_mb for each in crowds]),
    )
    queued = [each.queued for each in queues]
    draw(
        folder / "growth-queue.png",
        "photos asked for at once",
        Curve("all answered after, s", queued, [each.seconds for each in queues]),
        Curve("peak MB above idle", queued, [each.peak_mb for each in queues]),
    )
