"""One runtime in a process of its own: ``python -m inference.bench.network_process openvino 2 network.onnx ab.npy``.

Prints JSON: ``start_seconds`` from here to the first prediction, with imports; ``resident_bytes`` of the whole process;
``ms``, by photos in a batch, the time for one of them. Writes the first prediction as an array. With ``export`` for the
runtime, it writes the ONNX file instead.
"""

from __future__ import annotations

import json
import os
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from inference.bench import memory
from inference.bench.network_runtimes import RUNTIMES, SIDE, Batch, export_onnx
from inference.bench.photographs import photograph
from inference.bench.timing import median_ms
from inference.worker.heap import keep_what_the_network_frees, use_few_arenas

EXPORT = "export"
BATCHES = (1, 8)
_RUNS = {1: 15, 8: 7}


def main(name: str, threads: int, onnx: Path, prediction: Path) -> None:
    """Measure and print."""
    if name == EXPORT:
        export_onnx(onnx)
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    use_few_arenas()
    keep_what_the_network_frees(8)
    batches = {size: _lightness(size) for size in BATCHES}
    began = time.perf_counter()
    predict = RUNTIMES[name].prepare(threads, onnx)
    first = predict(batches[1])
    seconds = time.perf_counter() - began
    np.save(prediction, first)
    ms = {
        size: median_ms(lambda batch=batch: predict(batch), _RUNS[size], warm=2) / size  # type: ignore[misc]
        for size, batch in batches.items()
    }
    sys.stdout.write(json.dumps({"start_seconds": seconds, "resident_bytes": memory.resident(), "ms": ms}) + "\n")


def _lightness(photos: int) -> Batch:
    """Return what stands for the lightness of photos: (photos, 1, side, side)."""
    planes = [Image.open(BytesIO(photograph(SIDE, SIDE, seed))).convert("L") for seed in range(photos)]
    return np.stack([np.asarray(plane, np.float32)[np.newaxis] * np.float32(100 / 255) for plane in planes])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
