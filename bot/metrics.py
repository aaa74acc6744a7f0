"""What the bot counts and measures, for Prometheus.

Durations are in seconds, as Prometheus' naming practices ask (https://prometheus.io/docs/practices/naming/). What the
worker measures is in `inference.worker.metrics`; its names begin with ``colorizebot_worker_``, those here never do.
"""

from __future__ import annotations

import platform as machine
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from bot.version import version

# The moment each series began is told by the process's start; a series of its own for that doubles their number.
disable_created_metrics()  # type: ignore[no-untyped-call]

_LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
_STAGE_SECONDS = (0.01, 0.03, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 900)
_ANSWER_SECONDS = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 900, 3600)
_WAIT_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900)

ANSWERED = "answered"
UNDELIVERABLE = "undeliverable"
_OUTCOMES = (ANSWERED, "refused", "failed", UNDELIVERABLE)

_OUR_FAULT = frozenset(
    {"gave_up", "worker_away", "worker_stumbled", "internal_error", "out_of_memory", "busy", "loading", "draining"}
)
"""Reasons of refusals that the requester can do nothing about: the bot or its worker failed."""

_CALLS = ("ok", "rate_limited", "refused", "failed", "unreachable")
_STAGES = ("queue", "locate", "fetch", "recolor", "answer")
_PHOTOS = ("recolored", "known", "left_out")


class Metrics:
    """The bot's metrics, in a registry of their own."""

    def __init__(self) -> None:
        """Begin at zero."""
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        build = Gauge(
            "colorizebot_build_info", "Always 1; its labels tell the build.", ["version", "python"], registry=registry
        )
        build.labels(version(), machine.python_version()).set(1)

        # Requests
        self._taken = Counter(
            "colorizebot_requests_taken", "Requests that were taken.", ["platform"], registry=registry
        )
        self._finished = Counter(
            "colorizebot_requests_finished",
            "Requests that ended: answered, refused, failed (refused, by the bot's own fault), or undeliverable.",
            ["platform", "outcome"],
            registry=registry,
        )
        self._refusals = Counter(
            "colorizebot_refusals",
            "Requests that were refused, at the door or after work on them, by the reason.",
            ["platform", "reason"],
            registry=registry,
        )
        self._photos = Counter(
            "colorizebot_photos",
            "Photos of requests: recolored, known (the result of an earlier request was used), or left_out.",
            ["outcome"],
            registry=registry,
        )
        self._failed = Counter(
            "colorizebot_attempts_failed", "Attempts at a request that will be repeated.", ["why"], registry=registry
        )
        self._queue = Gauge("colorizebot_queue_requests", "Requests that wait for their turn.", registry=registry)
        self._queue_limit = Gauge(
            "colorizebot_queue_limit_requests", "Requests that may wait before more are refused.", registry=registry
        )
        self._in_work = Gauge("colorizebot_requests_in_work", "Requests in work.", registry=registry)

        # How long it takes
        self._answer_seconds = Histogram(
            "colorizebot_answer_seconds",
            "Time from asking to the answer or refusal.",
            ["platform"],
            registry=registry,
            buckets=_ANSWER_SECONDS,
        )
        self._stage_seconds = Histogram(
            "colorizebot_stage_seconds",
            "Time spent in each stage of a request: queue (until its first turn), locate (its photos, on the "
            "platform), fetch (a photo), recolor (a photo, the wait for the worker included), answer.",
            ["platform", "stage"],
            registry=registry,
            buckets=_STAGE_SECONDS,
        )
        self._work_seconds = Histogram(
            "colorizebot_work_seconds",
            "Time from a request's turn to the end of the attempt.",
            registry=registry,
            buckets=_STAGE_SECONDS,
        )

        # The platforms
        self._calls = Counter(
            "colorizebot_platform_calls",
            "Calls of platforms' APIs: ok, rate_limited (429), refused (other 4xx), failed (5xx), or unreachable.",
            ["platform", "outcome"],
            registry=registry,
        )
        self._rate_limit_seconds = Histogram(
            "colorizebot_rate_limit_wait_seconds",
            "Times waited because of a platform's rate limit.",
            ["platform"],
            registry=registry,
            buckets=_WAIT_SECONDS,
        )
        self._heartbeat = Gauge(
            "colorizebot_stream_heartbeat_timestamp_seconds",
            "When a platform's stream of events was last heard, since the epoch; of several shards, the quietest.",
            ["platform", "stream"],
            registry=registry,
        )
        self._streams: set[tuple[str, str]] = set()
        self._adapter_restarts = Counter(
            "colorizebot_adapter_restarts",
            "Times that a platform's adapter ended and was started again.",
            ["platform"],
            registry=registry,
        )

        # What the bot leans on
        self._inference_ready = Gauge(
            "colorizebot_inference_ready",
            "1 while the worker takes photos, as the bot sees it, else 0.",
            registry=registry,
        )
        self._inference_restarts = Counter(
            "colorizebot_inference_restarts", "Deaths of the bot's own worker.", registry=registry
        )
        self._ledger_up = Gauge(
            "colorizebot_ledger_up", "1 while the ledger's database answers, else 0.", registry=registry
        )
        self._ledger_seconds = Gauge(
            "colorizebot_ledger_ping_seconds", "How long the database took to answer last time.", registry=registry
        )

        # The process
        self._loop_lag = Histogram(
            "colorizebot_event_loop_lag_seconds",
            "How late the event loop wakes those who sleep.",
            registry=registry,
            buckets=_LAG_SECONDS,
        )
        self._tasks = Gauge("colorizebot_tasks", "Tasks on the event loop.", registry=registry)

        for outcome in _PHOTOS:
            self._photos.labels(outcome)

    def expect(self, platforms: Iterable[str]) -> None:
        """Show zeroes for these platforms, so that the first of a kind is seen as an increase."""
        for platform in platforms:
            self._taken.labels(platform)
            self._answer_seconds.labels(platform)
            self._rate_limit_seconds.labels(platform)
            self._adapter_restarts.labels(platform)
            for outcome in _OUTCOMES:
                self._finished.labels(platform, outcome)
            for reason in sorted(_OUR_FAULT):
                self._refusals.labels(platform, reason)
            for stage in _STAGES:
                self._stage_seconds.labels(platform, stage)
            for call in _CALLS:
                self._calls.labels(platform, call)

    # Requests

    def taken(self, platform: str) -> None:
        """Count a request that was taken."""
        self._taken.labels(platform).inc()

    def refused(self, platform: str, reason: str) -> None:
        """Count a request that was refused, once, when that was decided."""
        self._refusals.labels(platform, reason).inc()

    def finished(self, platform: str, word: str, seconds: float) -> None:
        """Count a request that has its end, ``seconds`` after it was made.

        ``word`` is ``"answered"`` or a refusal's reason.
        """
        outcome = word if word in (ANSWERED, UNDELIVERABLE) else "failed" if word in _OUR_FAULT else "refused"
        self._finished.labels(platform, outcome).inc()
        self._answer_seconds.labels(platform).observe(seconds)

    def photo(self, outcome: str) -> None:
        """Count a photo: ``"recolored"``, ``"known"`` or ``"left_out"``."""
        self._photos.labels(outcome).inc()

    def failed(self, why: str) -> None:
        """Count an attempt that will be repeated."""
        self._failed.labels(why).inc()

    def observe_queue(self, length: Callable[[], int], limit: int) -> None:
        """Ask ``length`` for the number of waiting requests whenever somebody looks."""
        self._queue.set_function(length)
        self._queue_limit.set(limit)

    @contextmanager
    def work(self) -> Iterator[None]:
        """Time an attempt at a request."""
        with self._in_work.track_inprogress(), self._work_seconds.time():
            yield

    def queued(self, platform: str, seconds: float) -> None:
        """Note how long a request waited for its first turn."""
        self._stage_seconds.labels(platform, "queue").observe(seconds)

    @contextmanager
    def stage(self, platform: str, stage: str) -> Iterator[None]:
        """Time a stage of a request, whether it goes well or not."""
        with self._stage_seconds.labels(platform, stage).time():
            yield

    # Platforms; these may be called from any thread

    def called(self, platform: str, status: int | None) -> None:
        """Count a call of a platform's API by the status of its answer; ``None`` when there was none."""
        self._calls.labels(platform, _call_outcome(status)).inc()

    def rate_limited(self, platform: str, seconds: float) -> None:
        """Note a wait because of a platform's rate limit."""
        self._rate_limit_seconds.labels(platform).observe(seconds)

    def listening(self, platform: str, stream: str) -> None:
        """Note that a stream is to be heard from now on; one that never is shows as silent since then."""
        if (platform, stream) not in self._streams:
            self.heard(platform, stream)

    def heard(self, platform: str, stream: str, *, seconds_ago: float = 0.0) -> None:
        """Note that a platform's stream was heard ``seconds_ago``."""
        self._streams.add((platform, stream))
        self._heartbeat.labels(platform, stream).set(time.time() - seconds_ago)

    def adapter_ended(self, platform: str) -> None:
        """Count an end of a platform's adapter."""
        self._adapter_restarts.labels(platform).inc()

    # What the bot leans on

    def worker_restarted(self) -> None:
        """Count a death of the bot's own worker."""
        self._inference_restarts.inc()

    def worker_seen(self, *, ready: bool) -> None:
        """Note whether the worker takes photos."""
        self._inference_ready.set(ready)

    def ledger_seen(self, seconds: float | None) -> None:
        """Note how long the ledger's database took to answer; ``None`` when it didn't."""
        self._ledger_up.set(seconds is not None)
        if seconds is not None:
            self._ledger_seconds.set(seconds)

    def beat(self, *, late_seconds: float, tasks: int) -> None:
        """Note how late the event loop is, and how many tasks it has."""
        self._loop_lag.observe(late_seconds)
        self._tasks.set(tasks)


def _call_outcome(status: int | None) -> str:
    if status is None:
        return "unreachable"
    if status == 429:
        return "rate_limited"
    if status >= 500:
        return "failed"
    return "refused" if status >= 400 else "ok"
