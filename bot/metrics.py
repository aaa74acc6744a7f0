"""What is counted, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250)


class Metrics:
    """The bot's counters, in a registry of their own."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        self._taken = Counter(
            "colorizebot_requests_taken", "Requests that were taken.", ["platform"], registry=self.registry
        )
        self._declined = Counter(
            "colorizebot_requests_declined", "Requests turned away.", ["platform", "reason"], registry=self.registry
        )
        self._finished = Counter(
            "colorizebot_requests_finished",
            "Requests that ended, by outcome: answered, or the reason of the refusal.",
            ["platform", "outcome"],
            registry=self.registry,
        )
        self._failed = Counter(
            "colorizebot_attempts_failed", "Attempts that will be repeated.", ["why"], registry=self.registry
        )
        self._queue = Gauge("colorizebot_queue_requests", "Requests that wait for their turn.", registry=self.registry)
        self._in_work = Gauge("colorizebot_requests_in_work", "Requests in work.", registry=self.registry)
        self._seconds = Histogram(
            "colorizebot_work_seconds",
            "Time from a request's turn to its answer.",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._answer_seconds = Histogram(
            "colorizebot_answer_seconds",
            "Time from asking to the answer or refusal.",
            ["platform"],
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._worker_restarts = Counter(
            "colorizebot_worker_restarts", "Deaths of the bot's own worker.", registry=self.registry
        )

        self._loop_lag = Histogram(
            "colorizebot_event_loop_lag_seconds",
            "How late the event loop wakes those who sleep.",
            registry=self.registry,
            buckets=_LAG_SECONDS,
        )
        self._tasks = Gauge("colorizebot_tasks", "Tasks on the event loop.", registry=self.registry)

    def beat(self, *, late_seconds: float, tasks: int) -> None:
        """Note how late the event loop is, and how many tasks it has."""
        self._loop_lag.observe(late_seconds)
        self._tasks.set(tasks)

    def taken(self, platform: str) -> None:
        """Count a request that was taken."""
        self._taken.labels(platform).inc()

    def declined(self, platform: str, reason: str) -> None:
        """Count a request that was turned away at the door."""
        self._declined.labels(platform, reason).inc()

    def finished(self, platform: str, outcome: str, seconds: float) -> None:
        """Count a request that has its answer or its refusal, ``seconds`` after it was made."""
        self._finished.labels(platform, outcome).inc()
        self._answer_seconds.labels(platform).observe(seconds)

    def failed(self, why: str) -> None:
        """Count an attempt that will be repeated."""
        self._failed.labels(why).inc()

    def worker_restarted(self) -> None:
        """Count a death of the bot's own worker."""
        self._worker_restarts.inc()

    def observe_queue(self, length: Callable[[], int]) -> None:
        """Ask ``length`` for the number of waiting requests whenever somebody looks."""
        self._queue.set_function(length)

    @contextmanager
    def work(self) -> Iterator[None]:
        """Time the work on a request."""
        with self._in_work.track_inprogress(), self._seconds.time():
            yield
