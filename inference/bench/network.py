"""The network alone, from lightness to ab, in every runtime that could serve it on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from inference.bench.conditions import THREADS, Conditions
from inference.bench.network_process import EXPORT
from inference.bench.network_runtimes import RUNTIMES, SIDE
from inference.bench.processes import figures_of
from inference.bench.tables import Goal, Table

_TRAINED = "eager"
_SERVED = "served"
_MOST_DIFFERENCE = 0.5
_MORE_PACKAGES = ("onnx", "onnxruntime", "openvino")


@dataclass(frozen=True, slots=True)
class Row:
    """One runtime; milliseconds are for one photo of a batch."""

    runtime: str
    one: Annotated[float, "1 photo, 1 thread, ms"]
    many: Annotated[float, "of 8, 1 thread, ms"]
    one_shared: Annotated[float, f"1 photo, {THREADS} threads, ms"]
    many_shared: Annotated[float, f"of 8, {THREADS} threads, ms"]
    start: Annotated[float, "import and first photo, s"]
    resident: Annotated[float, "process, MB"]
    difference: Annotated[float, "mean difference in ab"]


def measure(conditions: Conditions) -> Iterator[Table]:
    """Measure each runtime that is installed."""
    missing = [package for package in _MORE_PACKAGES if find_spec(package) is None]
    onnx = conditions.folder / "network.onnx"
    if "onnx" not in missing:
        _process(EXPORT, THREADS, onnx, onnx)
    chosen = [name for name, runtime in RUNTIMES.items() if runtime.package == "torch" or not missing]
    trained = conditions.folder / f"{_TRAINED}.npy"
    rows = {name: _row(name, onnx, conditions.folder / f"{name}.npy", trained) for name in chosen}
    served, eager = rows[_SERVED], rows[_TRAINED]
    goals = [
        Goal("units of ab, what is served from what was trained, mean", served.difference, at_most=_MOST_DIFFERENCE),
        Goal("times as fast as trained, one photo", eager.one_shared / served.one_shared, at_least=1.0),
        Goal("times as fast as trained, a photo of 8", eager.many_shared / served.many_shared, at_least=1.0),
    ]
    note = "Each runtime in a process of its own; the memory is the process's whole, with interpreter and libraries."
    if missing:
        note += f" Not installed (extra “runtimes”): {', '.join(missing)}."
    yield Table(f"Lightness to ab at {SIDE} × {SIDE} on a CPU", list(rows.values()), goals, note)


def _row(name: str, onnx: Path, prediction: Path, trained: Path) -> Row:
    alone, shared = (_process(name, threads, onnx, prediction) for threads in (1, THREADS))
    difference = float(np.abs(np.load(prediction) - np.load(trained)).mean())
    return Row(
        RUNTIMES[name].label,
        alone["ms"]["1"],
        alone["ms"]["8"],
        shared["ms"]["1"],
        shared["ms"]["8"],
        shared["start_seconds"],
        shared["resident_bytes"] / 1e6,
        difference,
    )


def _process(name: str, threads: int, onnx: Path, prediction: Path) -> dict[str, Any]:
    return figures_of("network_process", name, str(threads), str(onnx), str(prediction))
