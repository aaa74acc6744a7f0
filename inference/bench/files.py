"""What recoloring costs besides the network, against the least it could: decoding and encoding the same file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from inference.bench.conditions import THREADS, Conditions
from inference.bench.photographs import photograph
from inference.bench.processes import figures_of
from inference.bench.tables import Goal, Table

_SIZES = ((1920, 1080), (4000, 3000), (6000, 4000))
_TIMES_PILLOW = 1.6
_BYTES_A_PIXEL = 12.0


@dataclass(frozen=True, slots=True)
class Row:
    """One JPEG."""

    megapixels: float
    pillow_ms: Annotated[float, "Pillow decodes and encodes, ms"]
    ours_ms: Annotated[float, "ours without the network, ms"]
    ratio: Annotated[float, "× Pillow"]
    network_ms: Annotated[float, "network, ms"]
    bytes_per_pixel: Annotated[float, "bytes/pixel above idle"]
    pillow_bytes_per_pixel: Annotated[float, "Pillow's bytes/pixel"]


def measure(conditions: Conditions) -> Iterator[Table]:
    """Measure JPEGs of 2, 12 and 24 megapixels."""
    rows = [_row(conditions, width, height) for width, height in _SIZES]
    goals = [
        goal
        for row in rows
        for goal in (
            Goal(f"times Pillow's time at {row.megapixels:.0f} megapixels", row.ratio, at_most=_TIMES_PILLOW),
            Goal(f"bytes a pixel at {row.megapixels:.0f} megapixels", row.bytes_per_pixel, at_most=_BYTES_A_PIXEL),
        )
    ]
    yield Table(
        "JPEG to JPEG, without the network",
        rows,
        goals,
        "Medians of warm runs, Pillow and ours each in a process of its own; both quantise as the file was. Memory is "
        "the first run's peak above the warm process.",
    )


def _row(conditions: Conditions, width: int, height: int) -> Row:
    photo = conditions.folder / f"{width}x{height}.jpg"
    photo.write_bytes(photograph(width, height))
    pillow, ours = (figures_of("files_process", way, str(photo), threads=THREADS) for way in ("pillow", "ours"))
    pixels = width * height
    return Row(
        megapixels=pixels / 1e6,
        pillow_ms=pillow["ms"],
        ours_ms=ours["ms"],
        ratio=ours["ms"] / pillow["ms"],
        network_ms=ours["network_ms"],
        bytes_per_pixel=ours["bytes"] / pixels,
        pillow_bytes_per_pixel=pillow["bytes"] / pixels,
    )
