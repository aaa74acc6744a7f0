"""Time and memory of one photo, beside what Pillow needs to decode and encode the same file.

    python -m tests.benchmarks.one_photo              # 1920 × 1080
    python -m tests.benchmarks.one_photo 6000 4000    # 24 megapixels

Times are medians of warm runs in one process. Memory is the peak of the process above what it held when idle, with
weights loaded and warmed up on a small photo.
"""

import io
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from rich.console import Console
from rich.table import Table

from inference.model.colorizer import load_colorizer
from inference.recolor import recolor
from inference.vocabulary import RecolorOptions

_RUNS = 5


def made_photo(width: int, height: int) -> bytes:
    """Return a JPEG with the frequencies of a photo: soft shapes with grain, in gray."""
    chance = np.random.default_rng(7)
    small = chance.integers(0, 256, (height // 32, width // 32), dtype=np.uint8)
    shapes = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    detail = Image.fromarray(chance.integers(96, 160, (height, width), dtype=np.uint8)).filter(ImageFilter.BoxBlur(1))
    buffer = io.BytesIO()
    Image.blend(shapes, detail, 0.3).convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def reencode(data: bytes) -> None:
    """Decode and encode with Pillow alone: the least that any recoloring has to do."""
    photo = Image.open(io.BytesIO(data))
    photo.load()
    photo.save(io.BytesIO(), "JPEG", quality=90)


def median_ms(run: Callable[[], object]) -> float:
    """Return the median of some runs in milliseconds, after one to warm up."""
    run()
    times = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def forget_peak() -> float:
    """Start measuring the peak anew (Linux); return the memory that this process holds now, in MB."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_mb()


def peak_mb() -> float:
    """Return the most memory that this process has held since :func:`forget_peak`, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


def main(width: int, height: int) -> None:
    """Measure and print the table."""
    data = made_photo(width, height)
    colorizer = load_colorizer()
    recolor(made_photo(320, 240), RecolorOptions(), colorizer)
    idle = forget_peak()
    stages: dict[str, list[float]] = {}

    def run() -> None:
        for stage, milliseconds in recolor(data, RecolorOptions(), colorizer).timings.items():
            stages.setdefault(stage, []).append(milliseconds)

    run()
    memory = peak_mb() - idle
    total, bound = median_ms(run), median_ms(lambda: reencode(data))
    network = statistics.median(stages["network"])

    table = Table("", "ms", "× Pillow", title=f"{width} × {height} JPEG, {colorizer.name} on {colorizer.device}")
    table.add_row("Pillow decodes and encodes", f"{bound:.0f}", "1.0")
    for stage, values in stages.items():
        table.add_row(f"  {stage}", f"{statistics.median(values):.0f}", "")
    table.add_row("recolor, file to file", f"{total:.0f}", f"{total / bound:.1f}")
    table.add_row("recolor without the network", f"{total - network:.0f}", f"{(total - network) / bound:.1f}")
    console = Console()
    console.print(table)
    bytes_per_pixel = memory * 1e6 / (width * height)
    console.print(f"peak memory {memory:.0f} MB above the idle {idle:.0f} MB, {bytes_per_pixel:.0f} bytes a pixel")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3] or ("1920", "1080")))
