"""A cluster under load: what a second replica brings, and what a killed one and new weights cost.

    python -m tests.benchmarks.cluster
    python -m tests.benchmarks.cluster --only killed --seconds 30

Needs the extra ``cluster``. Client, proxy, ingress and replicas share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import torch
from rich.console import Console
from rich.table import Table
from safetensors import safe_open
from safetensors.torch import save_file

from inference.bench.load import percentile
from inference.bench.photographs import photograph
from inference.model.colorizer import BUNDLED_WEIGHTS
from tests.inference.cluster.running_cluster import RunningCluster
from tests.inference.running_worker import RunningWorker

_SIZE = (1280, 800)
_PHOTOS = 6
_WARM = 32
_WEIGHTS = "current.safetensors"
_LONGEST = 90.0


@dataclass(slots=True)
class Seen:
    """What the clients saw."""

    milliseconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Photos answered a second."""
        return len(self.milliseconds) / self.seconds


class Clients:
    """Ask again and again as soon as they are answered, and note everything that is no recolored photo."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.seen = Seen()
        self._session = session
        self._photos = [photograph(*_SIZE, seed) for seed in range(_PHOTOS)]

    async def ask(self, photo: bytes) -> None:
        """Send one photo and wait for the answer."""
        asked = time.perf_counter()
        try:
            async with self._session.post("/v1/recolor", data=photo) as response:
                await response.read()
        except aiohttp.ClientError as error:
            self.seen.failures.append(type(error).__name__)
            return
        if response.status != 200:
            self.seen.failures.append(str(response.status))
            return
        self.seen.milliseconds.append((time.perf_counter() - asked) * 1000)
        self.seen.models.add(response.headers["X-Colorizebot-Model"])

    async def crowd(self, clients: int, until: Callable[[], bool]) -> Seen:
        """Let so many clients ask until ``until`` is true, and what they have begun is answered."""
        self.seen = Seen()
        began = time.perf_counter()

        async def client(number: int) -> None:
            while not until():
                await self.ask(self._photos[number % _PHOTOS])
                number += 1

        await asyncio.gather(*map(client, range(clients)))
        self.seen.seconds = time.perf_counter() - began
        return self.seen


@asynccontextmanager
async def _clients_of(server: RunningWorker) -> AsyncIterator[Clients]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(server.url, connector=connector) as session:
        clients = Clients(session)
        await clients.crowd(4, lambda: len(clients.seen.milliseconds) >= _WARM)
        yield clients


def _for_seconds(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def _cluster(folder: Path, replicas: int) -> RunningCluster:
    shutil.copy(BUNDLED_WEIGHTS, folder / _WEIGHTS)
    count = str(replicas)
    return RunningCluster(
        "--port", "0", "--weights", _WEIGHTS, "--replicas", count, "--max-replicas", count, folder=folder
    )  # fmt: skip


async def throughput(folder: Path, clients: int, seconds: float) -> list[tuple[str, Seen]]:
    """Compare one worker and clusters of one and of two replicas."""
    rows = []
    with RunningWorker("--port", "0", folder=folder) as worker:
        async with _clients_of(worker.wait_ready()) as crowd:
            rows.append(("a worker", await crowd.crowd(clients, _for_seconds(seconds))))
    for replicas in (1, 2):
        with _cluster(folder, replicas) as cluster:
            async with _clients_of(cluster.wait_ready()) as crowd:
                name = f"a cluster, replicas: {replicas}"
                rows.append((name, await crowd.crowd(clients, _for_seconds(seconds))))
    return rows


async def killed(folder: Path, clients: int, seconds: float) -> list[tuple[str, Seen]]:
    """Kill one of two replicas every few seconds."""

    async def kill(cluster: RunningCluster) -> None:
        for _ in range(3):
            known = len(cluster.pids("Replica"))
            os.kill(cluster.pids("Replica")[-1], signal.SIGKILL)
            while len(cluster.pids("Replica")) == known:
                await asyncio.sleep(0.2)
            await asyncio.sleep(seconds / 4)

    return [("3 times, one of two replicas killed", await _during(folder, clients, kill))]


async def updated(folder: Path, clients: int, seconds: float) -> list[tuple[str, Seen]]:
    """Change the weights of two replicas, twice."""

    async def update(cluster: RunningCluster) -> None:
        for number in (1, 2):
            _write_other_weights(folder / "new.safetensors", 1 + number / 100)
            (folder / "new.safetensors").replace(folder / _WEIGHTS)
            told = cluster.output.count(" updated")
            cluster.process.send_signal(signal.SIGHUP)
            while cluster.output.count(" updated") == told:
                await asyncio.sleep(0.2)
            await asyncio.sleep(seconds / 4)

    return [("twice, new weights for two replicas", await _during(folder, clients, update))]


async def _during(folder: Path, clients: int, events: Callable[[RunningCluster], Awaitable[None]]) -> Seen:
    with _cluster(folder, replicas=2) as cluster:
        async with _clients_of(cluster.wait_ready()) as crowd:
            happening = asyncio.ensure_future(asyncio.wait_for(events(cluster), _LONGEST))
            seen = await crowd.crowd(clients, happening.done)
            await happening
    return seen


def _write_other_weights(path: Path, factor: float) -> None:
    with safe_open(BUNDLED_WEIGHTS, "pt") as bundled:
        tensors: dict[str, torch.Tensor] = {name: bundled.get_tensor(name) for name in bundled.keys()}  # noqa: SIM118
        first = min(tensors)
        tensors[first] = tensors[first] * factor
        save_file(tensors, path, bundled.metadata())


def _table(title: str, rows: Sequence[tuple[str, Seen]]) -> Table:
    table = Table(title=title)
    for column in ("", "photos", "failed", "photos/s", "p50 ms", "p95 ms", "longest ms", "models"):
        table.add_column(column, justify="right" if column else "left")
    for name, seen in rows:
        times = [*(percentile(seen.milliseconds, share) for share in (50, 95)), max(seen.milliseconds)]
        shown = [f"{seen.per_second:.1f}", *(f"{each:.0f}" for each in times), str(len(seen.models))]
        table.add_row(name, str(len(seen.milliseconds)), ", ".join(seen.failures) or "0", *shown)
    return table


_SECTIONS = {"throughput": throughput, "killed": killed, "updated": updated}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cluster")
    parser.add_argument("--only", choices=_SECTIONS, action="append", help="measure this alone; may come several times")
    parser.add_argument("--clients", type=int, default=16, help="how many ask at a time")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each lasts, or its pauses together")
    options = parser.parse_args()
    console = Console(width=120)
    for name in options.only or _SECTIONS:
        with tempfile.TemporaryDirectory() as folder:
            rows = asyncio.run(_SECTIONS[name](Path(folder), options.clients, options.seconds))
        title = f"{name}: {options.clients} clients, {_SIZE[0]} × {_SIZE[1]} JPEGs, {os.cpu_count()} cores"
        console.print(_table(title, rows))


if __name__ == "__main__":
    main()
