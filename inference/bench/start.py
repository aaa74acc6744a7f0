"""From the command to the first photo."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from inference.bench.conditions import Conditions
from inference.bench.photographs import photograph
from inference.bench.running_worker import RunningWorker, running_worker
from inference.bench.tables import Goal, Table

_STARTS = 3
_READY_SECONDS = 4.0
_SHOWN_IMPORTS = 8
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)(\S+)")
# What the worker imports while it loads, beside what it imports at once.
_IMPORTS = "import inference.__main__, inference.worker.engine"


@dataclass(frozen=True, slots=True)
class Start:
    """One start, in seconds from the command."""

    start: int
    listening: float
    ready: float
    first_photo: Annotated[float, "first photo answered"]


@dataclass(frozen=True, slots=True)
class Import:
    """What one package's import took altogether, in milliseconds."""

    package: str
    ms: float
    of_its_own: Annotated[float, "ms without what it imports"]


def measure(conditions: Conditions) -> Iterator[Table]:
    """Start the worker a few times, and list its slowest imports."""
    starts = [_start(number) for number in range(1, _STARTS + 1)]
    ready = statistics.median(start.ready for start in starts)
    goal = Goal("seconds from “python -m inference” to ready, median", ready, at_most=_READY_SECONDS)
    yield Table("From the command to ready, in seconds", starts, [goal])
    yield Table("The slowest imports", _imports()[:_SHOWN_IMPORTS])


def _start(number: int) -> Start:
    began = time.perf_counter()
    with running_worker() as worker:
        _first_photo(worker)
        return Start(number, worker.listening_after, worker.ready_after, time.perf_counter() - began)


def _first_photo(worker: RunningWorker) -> None:
    request = urllib.request.Request(f"{worker.url}/v1/recolor", photograph(1280, 800))  # noqa: S310 - our worker
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        answer.read()


def _imports() -> list[Import]:
    """Return what packages' imports take, those directly below our own modules, slowest first."""
    command = [sys.executable, "-X", "importtime", "-c", _IMPORTS]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr  # noqa: S603
    own: dict[str, float] = {}
    whole: dict[str, float] = {}
    for alone, altogether, _, module in _IMPORT.findall(report):
        package = module.partition(".")[0]
        own[package] = own.get(package, 0) + int(alone) / 1000
        if module == package:
            whole[package] = int(altogether) / 1000
    rows = [Import(package, whole[package], own[package]) for package in whole if package != "inference"]
    return sorted(rows, key=lambda row: row.of_its_own, reverse=True)
