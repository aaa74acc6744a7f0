"""What is believed of the times that photo processes tell."""

from __future__ import annotations

import math
import time

import pytest

from inference.worker.metrics import Metrics
from inference.worker.recoloring import _add
from inference.worker.stages import Stages


@pytest.mark.parametrize("told", [math.nan, math.inf, -math.inf, -1.0, 1e300])
def test_a_process_that_lies_spoils_no_sums(told: float) -> None:
    metrics = Metrics()
    stages = Stages(metrics)
    _add(stages, "decode", told, time.perf_counter() - 0.5)
    assert 0.5 <= sum(stages.milliseconds.values()) / 1000 < 60
    assert all(0 <= duration < 60_000 for duration in stages.milliseconds.values())
