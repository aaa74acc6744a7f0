"""The sections of the benchmark, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from inference.bench.conditions import Conditions
from inference.bench.tables import Table


@dataclass(frozen=True, slots=True)
class Section:
    """One module with a function ``measure``."""

    name: str
    about: str

    def measure(self, conditions: Conditions) -> Iterator[Table]:
        """Import the section's module, which may take a while, and measure."""
        tables: Iterator[Table] = import_module(f"inference.bench.{self.name}").measure(conditions)
        yield from tables


SECTIONS = (
    Section("peer", "file to file beside rz-colorization 1.0.5, the authors' release (extra “bench”)"),
    Section("files", "JPEG to JPEG without the network, beside Pillow decoding and encoding the same file"),
    Section("upsampling", "chroma brought to full size with luma as guide, and bilinearly; on real --photos"),
    Section("network", "the network alone, in every runtime that could serve it on a CPU (extra “runtimes”)"),
    Section("serving", "a real worker over HTTP: throughput, latency, and fairness to small photos"),
    Section("growth", "time and memory by megapixels, clients and length of the queue; --plots draws them"),
    Section("profile", "where a worker's time goes under load, by stage and line of code"),
    Section("start", "from the command to the first photo, and what the imports take"),
)
