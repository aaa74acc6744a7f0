"""What the cores do without a server: ``python -m inference.bench.fixed_batches photo.jpg ...``.

Prints JSON: ``batches``, by batch size, and ``pillow``, for decoding and encoding on all cores without a network: each
photos a second, and milliseconds of processor time a photo; ``device``, the network's.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from inference.bench.family import processor_seconds
from inference.settings import WorkerSettings
from inference.vocabulary import RecolorOptions
from inference.worker.command_line import parse_settings
from inference.worker.engine import Engine
from inference.worker.heap import keep_what_the_network_frees, use_few_arenas
from inference.worker.photo_processes.fork_server import ForkServer
from inference.worker.photo_processes.pool import PhotoProcesses
from inference.worker.photo_processes.process import Bounds

_SIZES = (1, 2, 4, 8, 16)
_PHOTOS = 64
_QUALITY = 90


async def main(photos: Sequence[bytes]) -> None:
    """Measure and print."""
    settings = parse_settings([])
    engine = Engine.load(settings)
    fork_server = ForkServer()
    processes = PhotoProcesses(settings.photo_processes, fork_server, _bounds(engine, settings))
    batches = {size: await _pace(size, photos, lambda batch: _recolor(batch, engine, processes)) for size in _SIZES}
    fork_server.close()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:

        async def reencode(batch: Sequence[bytes]) -> None:
            list(threads.map(_reencode, batch))

        pillow = await _pace(16, photos, reencode)
    device = str(engine.colorizer.device)
    sys.stdout.write(json.dumps({"batches": batches, "pillow": pillow, "device": device}) + "\n")


def _bounds(engine: Engine, settings: WorkerSettings) -> Bounds:
    return Bounds(engine.limits, settings.photo_memory_bytes, settings.photo_seconds)


async def _pace(
    size: int, photos: Sequence[bytes], work: Callable[[Sequence[bytes]], Awaitable[None]]
) -> tuple[float, float]:
    endless = itertools.cycle(photos)
    await work(list(itertools.islice(endless, size)))
    count = _PHOTOS // size * size
    began, used = time.perf_counter(), processor_seconds(os.getpid())
    for _ in range(_PHOTOS // size):
        await work(list(itertools.islice(endless, size)))
    seconds, used = time.perf_counter() - began, processor_seconds(os.getpid()) - used
    return count / seconds, used * 1000 / count


async def _recolor(batch: Sequence[bytes], engine: Engine, processes: PhotoProcesses) -> None:
    photos = await asyncio.gather(*(processes.decode(data, engine.colorizer.shapes) for data in batch))
    planes = engine.forward([lightness for photo in photos for lightness in photo.lightness])
    await asyncio.gather(*(photo.encode([ab], RecolorOptions()) for photo, ab in zip(photos, planes, strict=True)))
    for photo in photos:
        photo.forget()


def _reencode(data: bytes) -> None:
    Image.open(io.BytesIO(data)).save(io.BytesIO(), "JPEG", quality=_QUALITY)


if __name__ == "__main__":
    use_few_arenas()
    keep_what_the_network_frees(max(_SIZES))
    asyncio.run(main([Path(path).read_bytes() for path in sys.argv[1:]]))
