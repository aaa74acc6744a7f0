"""Timing calls."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def median_ms(call: Callable[[], object], runs: int = 5, warm: int = 1) -> float:
    """Return the median time of ``runs`` calls in milliseconds, after ``warm`` calls that don't count."""
    for _ in range(warm):
        call()
    return statistics.median(timed_ms(call) for _ in range(runs))


def timed_ms(call: Callable[[], object]) -> float:
    """Return how long one call takes, in milliseconds."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000
