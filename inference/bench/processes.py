"""Measurements in processes of their own, whose time and memory are those of one thing alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import inference


def figures_of(module: str, *arguments: str, threads: int | None = None) -> dict[str, Any]:
    """Run ``inference.bench.<module>`` as a program and return the JSON that it prints.

    With ``threads``, OpenMP has no more; otherwise one for each core. Raises ``subprocess.CalledProcessError``.
    """
    command = [sys.executable, "-m", f"inference.bench.{module}", *arguments]
    with no_settings() as (folder, environment):
        # As in our worker: threads that spin would make everything slower on a machine that isn't idle.
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        if threads is not None:
            environment["OMP_NUM_THREADS"] = str(threads)
        answer = subprocess.run(  # noqa: S603
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    figures: dict[str, Any] = json.loads(answer.stdout or "{}")
    return figures


@contextmanager
def no_settings() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield a folder and an environment in which a worker finds no settings: the operator's are not measured."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COLORIZEBOT_")}
    places = (str(Path(inference.__file__).parents[1]), environment.get("PYTHONPATH", ""))
    environment["PYTHONPATH"] = os.pathsep.join(place for place in places if place)
    with TemporaryDirectory(prefix="colorizebot-bench-") as folder:
        yield folder, environment
