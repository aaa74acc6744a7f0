"""A real worker over HTTP: one client, many, clients that come at random, and giant photos among small ones."""

from __future__ import annotations

import asyncio
import heapq
import os
import statistics
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from inference.bench import family
from inference.bench.conditions import Conditions
from inference.bench.load import Clients, Load, clients_of, moments, percentile
from inference.bench.photographs import photograph
from inference.bench.processes import figures_of
from inference.bench.running_worker import RunningWorker, running_worker
from inference.bench.tables import Goal, Table

_SIZE = (1280, 800)
_GIANT = (6000, 4000)
_PHOTOS = 6
_CLIENTS = 64
_ALONE = 40
_CROWD = 320
_CROWD_WARM = 64
_CROWD_TURN = 128
_TURNS = 3
_SERVED = f"served to {_CLIENTS} clients"
_FIXED = (1, 2, 4, 8, 16)
_NOISE = 0.03
"""By about so much the throughput of two equal runs differs."""
_UTILISATION = 0.6
_RANDOM_SECONDS = 8.0
_BESIDE_SECONDS = 6.0
_BESIDE_UTILISATION = 0.4


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage took of a lone photo's time."""

    stage: str
    ms: Annotated[float, "median ms"]
    share: Annotated[float, "% of the total"]


@dataclass(frozen=True, slots=True)
class Throughput:
    """How many photos a second one way of working gives."""

    way: str
    per_second: Annotated[float, "photos/s"]
    share: Annotated[float, "× served"]
    processor: Annotated[float, "processor time, ms a photo"]


@dataclass(frozen=True, slots=True)
class Latency:
    """How long clients waited, in milliseconds."""

    clients: str
    photos: int
    p50: float
    p95: float
    p99: float


def measure(conditions: Conditions) -> Iterator[Table]:
    """Measure one worker with its defaults, and what the same cores do without it."""
    photos = [photograph(*_SIZE, seed) for seed in range(_PHOTOS)]
    without = _without_a_worker(conditions.folder, photos)
    crowds = _crowds(photos)
    with running_worker() as worker:

        def run(ask: Callable[[Clients], Awaitable[Load]]) -> Load:
            return asyncio.run(_with_clients(worker.url, ask))

        run(lambda clients: clients.closed(photos, 4, _CROWD_WARM))
        alone = run(lambda clients: clients.closed(photos, 1, _ALONE))
        yield _alone(alone)
        crowd, _ = _crowd(worker, photos, _CROWD)
        yield _throughput(crowds, without)
        rate = _UTILISATION * crowd.per_second
        at_random = run(lambda clients: clients.at_random(photos, rate, _RANDOM_SECONDS))
        yield _queueing(alone, crowd, at_random, rate)
        rate = _BESIDE_UTILISATION * crowd.per_second
        before = run(lambda clients: clients.at_random(photos, rate, _BESIDE_SECONDS, seed=1))
        beside = run(lambda clients: _beside_a_giant(clients, photos, rate))
        yield _giants(before, beside)


async def _with_clients(url: str, ask: Callable[[Clients], Awaitable[Load]]) -> Load:
    async with clients_of(url) as clients:
        return await ask(clients)


async def _beside_a_giant(clients: Clients, photos: Sequence[bytes], rate: float) -> Load:
    """Return what clients of small photos see while one client sends giants, one after the other."""
    photo = photograph(*_GIANT)

    async def send_giants() -> None:
        while True:
            await clients.ask(photo)

    giants = asyncio.create_task(send_giants())
    load = await clients.at_random(photos, rate, _BESIDE_SECONDS, seed=1)
    if giants.done():
        giants.result()  # raises what kept it from going on
    giants.cancel()
    return load


def _crowd(worker: RunningWorker, photos: Sequence[bytes], count: int) -> tuple[Load, float]:
    """Return what many clients see, and the worker's processor time in ms a photo."""

    async def ask() -> Load:
        return await _with_clients(worker.url, lambda clients: clients.closed(photos, _CLIENTS, count))

    used = family.processor_seconds(worker.pid)
    load = asyncio.run(ask())
    return load, (family.processor_seconds(worker.pid) - used) * 1000 / count


def _crowds(photos: Sequence[bytes]) -> dict[str, tuple[float, float]]:
    """Return photos a second, and processor time in ms a photo, of the worker and of some with fixed batches.

    They take turns, so that none is measured only while the machine is slow.
    """
    programs: dict[str, Sequence[str]] = {_SERVED: ["inference"]}
    for size in _FIXED:
        programs[f"the same, but the network waits for {size}"] = ["inference.bench.fixed_batch_worker", str(size)]
    loads: dict[str, list[tuple[float, float]]] = {way: [] for way in programs}
    for _ in range(_TURNS):
        for way, program in programs.items():
            with running_worker(program=program) as worker:
                _crowd(worker, photos, _CROWD_WARM)
                load, used = _crowd(worker, photos, _CROWD_TURN)
                loads[way].append((load.per_second, used))
    return {
        way: (statistics.fmean(each[0] for each in turns), statistics.fmean(each[1] for each in turns))
        for way, turns in loads.items()
    }


def _without_a_worker(folder: Path, photos: Sequence[bytes]) -> dict[str, Any]:
    """Return photos a second by the best of fixed batch sizes, and by Pillow alone."""
    paths = [folder / f"serving-{number}.jpg" for number in range(len(photos))]
    for path, photo in zip(paths, photos, strict=True):
        path.write_bytes(photo)
    return figures_of("fixed_batches", *map(str, paths))


def _alone(alone: Load) -> Table:
    stages = list(alone.answers[0].stages)
    ms = {stage: statistics.median(each.stages[stage] for each in alone.answers) for stage in stages}
    ms["HTTP and the client"] = statistics.median(each.ms - each.stages["total"] for each in alone.answers)
    total = ms.pop("total") + ms["HTTP and the client"]
    rows = [Stage(stage, each, 100 * each / total) for stage, each in ms.items()]
    goal = Goal("ms added by the batcher for one client (median of “queue”)", ms["queue"], at_most=1.0)
    return Table(f"One client, {_SIZE[0]} × {_SIZE[1]} JPEGs: where {total:.0f} ms go", rows, [goal])


def _throughput(crowds: dict[str, tuple[float, float]], without: dict[str, Any]) -> Table:
    served = crowds[_SERVED][0]
    ways = crowds | {f"no server, batches of {size}": each for size, each in without["batches"].items()}
    ways["Pillow decodes and encodes"] = without["pillow"]
    rows = [Throughput(way, per_second, per_second / served, ms) for way, (per_second, ms) in ways.items()]
    best = max(per_second for way, (per_second, _) in crowds.items() if way != _SERVED)
    goals = [Goal("of the throughput with the best fixed batch", served / best, at_least=1 - _NOISE)]
    if without["device"] != "cpu":
        share = served / without["pillow"][0]
        goals.append(Goal("of what the cores can decode and encode", share, at_least=0.7))
    return Table(
        f"{_CLIENTS} clients, {_SIZE[0]} × {_SIZE[1]} JPEGs, on {without['device']}",
        rows,
        goals,
        f"Means of {_TURNS} runs, which differ by some {_NOISE:.0%}. With a fixed batch, the network waits until that "
        "many photos are there. Without a server, a batch is decoded on all cores, goes through the network together "
        "and is encoded on all cores; nothing overlaps, and no HTTP is spoken. The clients share the server's cores; "
        "their processor time is not counted.",
    )


def _queueing(alone: Load, crowd: Load, at_random: Load, rate: float) -> Table:
    least = alone.percentile(50)
    cores = len(os.sched_getaffinity(0))
    ideal = ideal_latencies(moments(rate, _RANDOM_SECONDS), least, cores)
    ideal_crowd = _CLIENTS * 1000 / crowd.per_second
    rows = [
        _latency(f"{_CLIENTS} at a time", crowd),
        Latency("the same, ideal", len(crowd.answers), ideal_crowd, ideal_crowd, ideal_crowd),
        _latency(f"{rate:.1f} a second at random", at_random),
        Latency("the same, ideal", len(ideal), *(percentile(ideal, share) for share in (50, 95, 99))),
    ]
    goals = [
        Goal(f"× the ideal queue's p99, {_CLIENTS} at a time", rows[0].p99 / rows[1].p99, at_most=2.0),
        Goal("× the ideal queue's p99, at random", rows[2].p99 / rows[3].p99, at_most=2.0),
    ]
    return Table(
        "Latency under load, in ms",
        rows,
        goals,
        f"The ideal queue is first come, first served: under {_CLIENTS} clients, at the pace that was measured; with "
        f"random arrivals (a Poisson process at {_UTILISATION:.0%} of that pace), on {cores} cores of which each takes "
        f"a lone photo's {least:.0f} ms for every photo, whatever the others do.",
    )


def ideal_latencies(arrivals: Sequence[float], ms_each: float, servers: int) -> list[float]:
    """Return in ms how long each waits who arrives at these moments (s), where a photo takes a server ``ms_each``."""
    latencies, free = [], [0.0] * servers
    for arrival in arrivals:
        done = max(heapq.heappop(free), arrival * 1000) + ms_each
        heapq.heappush(free, done)
        latencies.append(done - arrival * 1000)
    return latencies


def _giants(before: Load, beside: Load) -> Table:
    megapixels = _GIANT[0] * _GIANT[1] / 1e6
    rows = [_latency("small photos alone", before), _latency(f"beside {megapixels:.0f}-megapixel photos", beside)]
    goal = Goal("× p95 of small photos beside giants", rows[1].p95 / rows[0].p95, at_most=1.5)
    note = "One client sends giants one after another, so that every small photo has one beside it."
    return Table("A giant photo among small ones, in ms", rows, [goal], note)


def _latency(clients: str, load: Load) -> Latency:
    return Latency(clients, len(load.answers), *(load.percentile(share) for share in (50, 95, 99)))
