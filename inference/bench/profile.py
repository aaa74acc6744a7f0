"""What a worker under load does with its time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence

from inference.bench.conditions import Conditions
from inference.bench.load import clients_of
from inference.bench.photographs import photograph
from inference.bench.running_worker import running_worker
from inference.bench.tables import Table

_SIZE = (1280, 800)
_CLIENTS = 16
_PHOTOS = 200
_REPORT = "where the time went"


def measure(conditions: Conditions) -> Iterator[Table]:
    """Let a worker tell, by its flag ``--profile``, where the time goes while some clients ask."""
    photos = [photograph(*_SIZE, seed) for seed in range(4)]
    with running_worker("--profile") as worker:
        asyncio.run(_ask(worker.url, photos))
    report = "".join(itertools.dropwhile(lambda line: not line.startswith(_REPORT), worker.last_words))
    if not report:
        raise RuntimeError("the worker ended without its report: " + "".join(worker.last_words[-5:]))
    title = f"{_CLIENTS} clients, {_SIZE[0]} × {_SIZE[1]} JPEGs: what “python -m inference --profile” tells at its end"
    yield Table(title, [], note=f"```\n{report}```")


async def _ask(url: str, photos: Sequence[bytes]) -> None:
    async with clients_of(url) as clients:
        await clients.closed(photos, _CLIENTS, _PHOTOS)
