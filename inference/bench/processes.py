"""Measurements in processes of their own, whose time and memory are those of one thing alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any


def figures_of(module: str, *arguments: str, threads: int | None = None) -> dict[str, Any]:
    """Run ``inference.bench.<module>`` as a program and return the JSON that it prints.

    With ``threads``, OpenMP has no more; otherwise one for each core. Raises ``subprocess.CalledProcessError``.
    """
    # As in our worker: threads that spin would make everything slower on a machine that isn't idle.
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    command = [sys.executable, "-m", f"inference.bench.{module}", *arguments]
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    figures: dict[str, Any] = json.loads(answer.stdout or "{}")
    return figures
