"""A photo from file to file, in a process of its own: ``python -m inference.bench.files_process ours a.jpg``.

Prints JSON: ``ms``, the median of warm runs without the network's time; ``network_ms``; and ``bytes``, the most memory
held above what the process held before. The ways are ``pillow``, which decodes and encodes, and ``ours``.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from inference.bench import memory
from inference.bench.conditions import THREADS
from inference.bench.photographs import photograph
from inference.bench.timing import timed_ms

_RUNS = 7
_SMALL = (320, 240)


def main(way: str, photo: Path) -> None:
    """Measure and print."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    run = _ours() if way == "ours" else _pillow
    run(photograph(*_SMALL))
    data = photo.read_bytes()
    idle = memory.forget_peak()
    network = [run(data)]
    held = memory.peak() - idle
    rest = []
    for _ in range(_RUNS):
        whole = timed_ms(lambda: network.append(run(data)))
        rest.append(whole - network[-1])
    figures = {"ms": statistics.median(rest), "network_ms": statistics.median(network), "bytes": held}
    sys.stdout.write(json.dumps(figures) + "\n")


def _pillow(data: bytes) -> float:
    Image.open(io.BytesIO(data)).save(io.BytesIO(), "JPEG", quality="keep")
    return 0.0


def _ours() -> Callable[[bytes], float]:
    # Only what the one side needs is imported, so that its memory is its own.
    import torch

    from inference.model.colorizer import load_colorizer
    from inference.recolor import recolor
    from inference.vocabulary import RecolorOptions

    torch.set_num_threads(THREADS)
    colorizer = load_colorizer(device="cpu")
    return lambda data: recolor(data, RecolorOptions(), colorizer).timings["network"]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
