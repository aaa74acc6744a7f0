"""What the cores do without a server: ``python -m inference.bench.fixed_batches photo.jpg ...``.

Prints JSON: ``batches``, by batch size, and ``pillow``, for decoding and encoding on all cores without a network: each
photos a second, and milliseconds of processor time a photo; ``device``, the network's.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from inference.vocabulary import RecolorOptions
from inference.worker.command_line import parse_settings
from inference.worker.engine import Engine

_SIZES = (1, 2, 4, 8, 16)
_PHOTOS = 48
_QUALITY = 90


def main(paths: Sequence[str]) -> None:
    """Measure and print."""
    photos = [Path(path).read_bytes() for path in paths]
    engine = Engine.load(parse_settings([]))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        batches = {size: _pace(size, photos, lambda batch: _recolor(batch, engine, threads)) for size in _SIZES}
        pillow = _pace(16, photos, lambda batch: list(threads.map(_reencode, batch)))
    device = str(engine.colorizer.device)
    sys.stdout.write(json.dumps({"batches": batches, "pillow": pillow, "device": device}) + "\n")


def _pace(size: int, photos: Sequence[bytes], work: Callable[[Sequence[bytes]], object]) -> tuple[float, float]:
    endless = itertools.cycle(photos)
    work(list(itertools.islice(endless, size)))
    count = _PHOTOS // size * size
    began, used = time.perf_counter(), time.process_time()
    for _ in range(_PHOTOS // size):
        work(list(itertools.islice(endless, size)))
    return count / (time.perf_counter() - began), (time.process_time() - used) * 1000 / count


def _recolor(batch: Sequence[bytes], engine: Engine, threads: Executor) -> None:
    decoded = list(threads.map(engine.decode, batch))
    planes = engine.forward([lightness for _, frames in decoded for lightness in frames])
    photos = [photo for photo, _ in decoded]
    list(threads.map(lambda photo, ab: engine.encode(photo, [ab], RecolorOptions()), photos, planes))


def _reencode(data: bytes) -> None:
    Image.open(io.BytesIO(data)).save(io.BytesIO(), "JPEG", quality=_QUALITY)


if __name__ == "__main__":
    main(sys.argv[1:])
