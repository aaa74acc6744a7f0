"""Ours beside rz-colorization 1.0.5, the authors' PyTorch release as a package, file to file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated

from inference.bench.conditions import THREADS, Conditions
from inference.bench.photographs import photograph
from inference.bench.processes import figures_of
from inference.bench.tables import Goal, Table

_SIZE = (1920, 1080)
_OURS = "ours"
_TIMES_FASTER = {"eccv16": 10.0, "siggraph17": 15.0}
_SHARE_OF_MEMORY = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One colorizer in a process of its own, warm."""

    colorizer: str
    ms: Annotated[float, "file to file, ms"]
    peak_mb: Annotated[float, "peak memory, MB"]
    times_slower: Annotated[float, "× our time"]
    times_memory: Annotated[float, "× our memory"]


def measure(conditions: Conditions) -> Iterator[Table]:
    """Measure both networks of the peer and ours on one photo."""
    title = f"One {_SIZE[0]} × {_SIZE[1]} JPEG from file to file, {THREADS} threads"
    if find_spec("colorizers") is None:
        yield Table(title, [], note="The peer is not installed: pip install 'colorizebot[bench]'.")
        return
    photo = conditions.folder / "peer.jpg"
    photo.write_bytes(photograph(*_SIZE))
    measured = {name: _measured(name, photo) for name in (_OURS, *_TIMES_FASTER)}
    ms, peak = measured[_OURS]
    rows = [Row(name, *figures, figures[0] / ms, figures[1] / peak) for name, figures in measured.items()]
    goals = [
        goal
        for row in rows[1:]
        for goal in (
            Goal(f"times as fast as {row.colorizer}", row.times_slower, at_least=_TIMES_FASTER[row.colorizer]),
            Goal(f"of the memory of {row.colorizer}", 1 / row.times_memory, at_most=_SHARE_OF_MEMORY),
        )
    ]
    yield Table(
        title,
        rows,
        goals,
        "Medians of warm runs, each in a process of its own; the memory is the process's whole, with interpreter and "
        "libraries. The peer's weights are random, which costs as much.",
    )


def _measured(name: str, photo: os.PathLike[str]) -> tuple[float, float]:
    """Return milliseconds and peak memory in MB."""
    figures = figures_of("peer_process", name, os.fspath(photo), threads=THREADS)
    return figures["ms"], figures["peak_bytes"] / 1e6
