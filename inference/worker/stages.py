"""How long each stage of a request took: for its Server-Timing header, the metrics and the log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from inference.worker.metrics import Metrics


class Stages:
    """The stages of one request, in order; together they make up nearly all of its time.

    ``receive`` the file, ``check`` its header, ``wait`` for memory, ``turn`` for a photo process (several times),
    ``decode``, ``queue`` for the network, ``network``, ``encode``.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._began = time.perf_counter()
        self._milliseconds: dict[str, float] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Time the block as ``stage``; a block that raises is not counted."""
        began = time.perf_counter()
        yield
        self.add(stage, time.perf_counter() - began)

    def add(self, stage: str, seconds: float) -> None:
        """Count a stage that was timed elsewhere; one that comes again is added to."""
        self._milliseconds[stage] = self._milliseconds.get(stage, 0.0) + seconds * 1000
        self._metrics.stage_duration.labels(stage).observe(seconds)

    def include(self, milliseconds: Mapping[str, float]) -> None:
        """Take over stages that another process has measured, and counted in its own metrics."""
        for stage, duration in milliseconds.items():
            self._milliseconds[stage] = self._milliseconds.get(stage, 0.0) + duration

    @property
    def total_seconds(self) -> float:
        """Seconds since the request began."""
        return time.perf_counter() - self._began

    @property
    def milliseconds(self) -> Mapping[str, float]:
        """Milliseconds by stage, in the order in which the stages ended."""
        return self._milliseconds

    def server_timing(self) -> str:
        """Return the header's value, ``decode;dur=12.3, network;dur=45.6``, with the ``total`` so far at its end.

        See https://www.w3.org/TR/server-timing/.
        """
        durations = {**self._milliseconds, "total": self.total_seconds * 1000}
        return ", ".join(f"{stage};dur={duration:.2f}" for stage, duration in durations.items())
