"""What the worker counts and measures, for Prometheus to collect from ``/metrics``.

Durations are in seconds and sizes in bytes, as Prometheus' naming practices ask
(https://prometheus.io/docs/practices/naming/).
"""

from __future__ import annotations

import platform
from importlib import metadata

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from inference.problems import Busy
from inference.vocabulary import Recolored

_PREFIX = "colorizebot_worker"

# The moment each series began is told by the process's start; a series of its own for that doubles their number.
disable_created_metrics()  # type: ignore[no-untyped-call]

OK = "ok"
CLIENT_GONE = "client_gone"
CUT_OFF = "cut_off"
_STAGES_THAT_FILL_MEMORY = ("decode", "network", "encode")


def geometric(first: float, factor: float, count: int) -> list[float]:
    """Return ``count`` bucket bounds from ``first`` on, each ``factor`` times the one before."""
    return [first * factor**exponent for exponent in range(count)]


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"  # run from a checkout that isn't installed


class Metrics:
    """One worker's metrics, in a registry of their own."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        seconds = geometric(0.001, 2, 17)
        size_bytes = geometric(1024, 4, 10)
        self.requests = Counter(
            f"{_PREFIX}_requests",
            "Recoloring requests, by outcome: ok, client_gone, cut_off (when draining ends), or a problem's reason.",
            ["outcome"],
            registry=registry,
        )
        self.requests_in_progress = Gauge(
            f"{_PREFIX}_requests_in_progress", "Recoloring requests taken in and not yet answered.", registry=registry
        )
        self.requests_limit = Gauge(
            f"{_PREFIX}_requests_limit",
            "Requests that may be in progress before more are answered 429.",
            registry=registry,
        )
        self.request_duration = Histogram(
            f"{_PREFIX}_request_duration_seconds",
            "Time from taking a request in to its answer, for photos that were recolored.",
            buckets=seconds,
            registry=registry,
        )
        self.stage_duration = Histogram(
            f"{_PREFIX}_stage_duration_seconds",
            "Time spent in each stage: receive, check, wait (for memory), thread (each wait for one), decode, queue "
            "(for the network), network, encode.",
            ["stage"],
            buckets=seconds,
            registry=registry,
        )
        self.input_bytes = Histogram(
            f"{_PREFIX}_input_bytes", "Size of the files received.", buckets=size_bytes, registry=registry
        )
        self.output_bytes = Histogram(
            f"{_PREFIX}_output_bytes", "Size of the files returned.", buckets=size_bytes, registry=registry
        )
        self.input_kinds = Counter(
            f"{_PREFIX}_input_kinds", "Photos recolored, by what they were before.", ["input"], registry=registry
        )
        self.batch_items = Histogram(
            f"{_PREFIX}_batch_items",
            "Pictures that went through the network together.",
            buckets=geometric(1, 2, 8),
            registry=registry,
        )
        self.queue_items = Gauge(f"{_PREFIX}_queue_items", "Pictures that wait for the network.", registry=registry)
        self.batch_limit = Gauge(
            f"{_PREFIX}_batch_limit_items", "Most pictures in one batch at present.", registry=registry
        )
        self.photo_process_deaths = Counter(
            f"{_PREFIX}_photo_process_deaths",
            "Processes that died of a photo, by how they died.",
            ["manner"],
            registry=registry,
        )
        self.out_of_memory = Counter(
            f"{_PREFIX}_out_of_memory", "Times that memory ran out, by stage.", ["stage"], registry=registry
        )
        self.gpu_memory = Gauge(
            f"{_PREFIX}_gpu_memory_bytes",
            "Memory of the GPU: total, used (by all programs), reserved (by PyTorch here), tensors (in use of that).",
            ["kind"],
            registry=registry,
        )
        self.ready = Gauge(f"{_PREFIX}_ready", "1 while requests are taken, else 0.", registry=registry)
        self.model_info = Gauge(
            f"{_PREFIX}_model_info", "Always 1; its labels tell the model.", ["model", "device"], registry=registry
        )
        build = Gauge(
            f"{_PREFIX}_build_info",
            "Always 1; its labels tell the build.",
            ["version", "python", "torch"],
            registry=registry,
        )
        build.labels(_version_of("colorizebot"), platform.python_version(), _version_of("torch")).set(1)
        # Shown as zeroes, so that the first of a kind is seen as an increase.
        for outcome in (OK, CLIENT_GONE, CUT_OFF, Busy.slug):
            self.requests.labels(outcome)
        for stage in _STAGES_THAT_FILL_MEMORY:
            self.out_of_memory.labels(stage)

    def count_recolored(self, recolored: Recolored, seconds: float) -> None:
        """Count one photo recolored, ``seconds`` after its request was taken in."""
        self.output_bytes.observe(len(recolored.data))
        self.input_kinds.labels(recolored.input).inc()
        self.request_duration.observe(seconds)

    def families(self) -> list[Metric]:
        """Return all metrics as they are now, to be added to those of other processes."""
        return list(self._registry.collect())

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format, to be sent as ``media_type``."""
        return generate_latest(self._registry)
