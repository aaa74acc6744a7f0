"""One colorizer on one photo, in a process of its own: ``python -m inference.bench.peer_process eccv16 photo.jpg``.

Prints JSON: ``ms``, the median of warm runs from file to file, and ``peak_bytes`` of the whole process.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from inference.bench import memory
from inference.bench.conditions import THREADS
from inference.bench.timing import median_ms

_RUNS = 5
_QUALITY = 90


def main(name: str, photo: Path) -> None:
    """Measure and print."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    torch.set_num_threads(THREADS)
    written = photo.with_name(f"{name}.jpg")
    recolor = _ours() if name == "ours" else _peers(name)
    ms = median_ms(lambda: recolor(photo, written), runs=_RUNS)
    sys.stdout.write(json.dumps({"ms": ms, "peak_bytes": memory.peak()}) + "\n")


def _ours() -> Callable[[Path, Path], object]:
    """Return a photo's way through our worker, which sets up the heap as here."""
    # Only what the one side needs is imported, so that its memory is its own.
    from inference.model.colorizer import load_colorizer
    from inference.recolor import recolor
    from inference.vocabulary import RecolorOptions
    from inference.worker.heap import give_back_memory, keep_what_the_network_frees, use_few_arenas

    use_few_arenas()
    keep_what_the_network_frees(8)
    colorizer = load_colorizer(device="cpu")
    give_back_memory()

    def run(photo: Path, written: Path) -> None:
        written.write_bytes(recolor(photo.read_bytes(), RecolorOptions(), colorizer).data)

    return run


def _peers(name: str) -> Callable[[Path, Path], object]:
    """Return the steps of the peer's own ``pipeline``, without loading the weights for each photo."""
    import colorizers

    network = getattr(colorizers, name)(pretrained=False).eval()

    def run(photo: Path, written: Path) -> None:
        original, small = colorizers.preprocess_img(colorizers.load_img(str(photo)), HW=(256, 256))
        with torch.inference_mode():
            ab = network(small).cpu()
        picture = colorizers.postprocess_tens(original, ab)
        Image.fromarray((picture * 255).astype(np.uint8)).save(written, quality=_QUALITY)

    return run


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
