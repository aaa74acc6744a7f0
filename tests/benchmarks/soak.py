"""A long day: a bot on PostgreSQL with a cluster of two replicas, at four fifths of what they can carry.

    python -m tests.benchmarks.soak
    python -m tests.benchmarks.soak --minutes 2 --json soak.json

Measures how many requests a second are answered when many clients ask, then has four fifths as many come in at a steady
pace, and looks every few seconds at the memory of the bot and of the cluster, all their processes together. Needs the
extra ``cluster`` and PostgreSQL's programs. Everything shares the machine's cores, the clients too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from inference.bench.family import family_of
from inference.bench.photographs import photograph
from tests.end_to_end.running_bot import running_bot
from tests.inference.cluster.running_cluster import RunningCluster
from tests.postgresql import running_postgresql

_SIZE = (1280, 800)
_PHOTOS = 12
_SHARE = 0.8
_CAPACITY_CLIENTS = 16
_CAPACITY_SECONDS = 60.0
_WARM_SECONDS = 20.0
_STEADY_CLIENTS = 64
_LOOK_SECONDS = 5.0
_MANY = str(10**9)


@dataclass(slots=True)
class Memory:
    """What processes hold over time: proportional set sizes, so that what they share counts once."""

    seconds: list[float] = field(default_factory=list)
    megabytes: dict[str, list[float]] = field(default_factory=dict)

    def growth(self, name: str) -> float:
        """Return by how many MB an hour it grows in the second half, by least squares."""
        half = len(self.seconds) // 2
        slope = np.polyfit(self.seconds[half:], self.megabytes[name][half:], 1)[0]
        return float(slope) * 3600


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak")
    parser.add_argument("--minutes", type=float, default=20.0, help="how long the steady pace lasts")
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = _soak(Path(name), options.minutes * 60)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    _print(found, Console(width=120))
    sys.exit(0 if found["sound"] else 1)


def _soak(folder: Path, seconds: float) -> dict[str, Any]:
    photos = folder / "photos"
    photos.mkdir()
    for seed in range(_PHOTOS):
        (photos / f"{seed}.jpg").write_bytes(photograph(*_SIZE, seed))
    replicas = ("--replicas", "2", "--max-replicas", "2", "--queue-size", "128")
    with (
        running_postgresql() as postgresql,
        RunningCluster("--port", "0", *replicas, folder=folder) as cluster,
        running_bot(
            folder,
            COLORIZEBOT_DATABASE_URL=postgresql.new_database(),
            COLORIZEBOT_INFERENCE_URL=cluster.wait_ready().url,
            COLORIZEBOT_LIMITS__REQUESTER_PER_HOUR=_MANY,
            COLORIZEBOT_LIMITS__COMMUNITY_PER_HOUR=_MANY,
            COLORIZEBOT_LIMITS__PARALLEL="16",
        ) as bot,
    ):
        _load(bot.url, photos, _WARM_SECONDS, clients=_CAPACITY_CLIENTS)
        capacity = _load(bot.url, photos, _CAPACITY_SECONDS, clients=_CAPACITY_CLIENTS)["answered_per_second"]
        pids = {"bot": bot.process.pid, "cluster": cluster.process.pid}
        with _watched(pids) as memory:
            steady = _load(bot.url, photos, seconds, clients=_STEADY_CLIENTS, per_second=_SHARE * capacity)
        status = bot.stop()
    return {
        "capacity_per_second": capacity,
        "steady": steady,
        "seconds": memory.seconds,
        "megabytes": memory.megabytes,
        "growth_mb_an_hour": {name: memory.growth(name) for name in pids},
        "bot_status": status,
        "sound": steady["answered"] == steady["accepted"] and not steady["lost"] and not steady["errors"],
    }


def _load(url: str, photos: Path, seconds: float, *, clients: int, per_second: float | None = None) -> dict[str, Any]:
    """Run ``python -m bot load``; return what it prints."""
    command = [sys.executable, "-m", "bot", "load", url, "--json", "--photos", str(photos), "--seconds", str(seconds)]
    command += ["--clients", str(clients)]
    if per_second is not None:
        command += ["--per-second", f"{per_second:.3f}"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    report: dict[str, Any] = json.loads(answer.stdout)
    return report


@contextmanager
def _watched(pids: dict[str, int]) -> Iterator[Memory]:
    memory = Memory(megabytes={name: [] for name in pids})
    over, began = threading.Event(), time.monotonic()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            memory.seconds.append(time.monotonic() - began)
            for name, pid in pids.items():
                memory.megabytes[name].append(sum(map(_proportional, family_of(pid))) / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield memory
    finally:
        over.set()
        watcher.join()


def _proportional(pid: int) -> int:
    """Return a process's proportional set size in bytes; see proc_pid_smaps(5)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def _print(found: dict[str, Any], console: Console) -> None:
    steady = found["steady"]
    waits = steady["answer_seconds"]
    table = Table(title=f"{steady['seconds'] / 60:.0f} minutes, {os.cpu_count()} cores", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("capacity, requests/s", f"{found['capacity_per_second']:.1f}")
    table.add_row("answered a second at the steady pace", f"{steady['answered_per_second']:.1f}")
    table.add_row("taken, answered, lost", f"{steady['accepted']}, {steady['answered']}, {len(steady['lost'])}")
    table.add_row("told to come later, errors", f"{sum(steady['declined'].values())}, {sum(steady['errors'].values())}")
    table.add_row("p50, p95, p99 to the answer, s", ", ".join(f"{waits[share]:.2f}" for share in ("p50", "p95", "p99")))
    for name, values in found["megabytes"].items():
        third = max(1, len(values) // 3)
        first, last = fmean(values[:third]), fmean(values[-third:])
        growth = found["growth_mb_an_hour"][name]
        table.add_row(f"{name}: MB in the first and last third", f"{first:.0f}, {last:.0f}")
        table.add_row(f"{name}: MB an hour in the second half", f"{growth:+.0f}")
    console.print(table)


if __name__ == "__main__":
    main()
