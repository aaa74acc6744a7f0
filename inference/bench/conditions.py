"""What every section is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

THREADS = 2
"""Processor cores that the comparisons run on: so many has the smallest machine worth serving from."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which conditions to measure."""

    folder: Path
    """For files of the sections' own; gone after the run."""
    photos: Path | None = None
    """A folder of real photos; None where the operator gave none."""
    plots: Path | None = None
    """A folder for plots as PNG; None: draw none."""
