"""The metrics of many processes, added up."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from inference.cluster.totals import Measured, Totals


class Process:
    """A process with metrics like a replica's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._registry = CollectorRegistry()
        self.photos = Counter("photos", "Counted.", ["outcome"], registry=self._registry)
        self.size = Histogram("size_bytes", "Put into buckets.", buckets=[10, 100], registry=self._registry)
        self.waiting = Gauge("waiting", "A number.", registry=self._registry)
        self.ready = Gauge("colorizebot_worker_ready", "1 or 0.", registry=self._registry)
        self.info = Gauge("model_info", "Always 1.", ["model"], registry=self._registry)

    def measured(self) -> Measured:
        return Measured(self._name, list(self._registry.collect()))


def value(text: bytes, sample: str) -> float | None:
    match = re.search(rf"^{re.escape(sample)} (\S+)$", text.decode(), re.MULTILINE)
    return float(match[1]) if match else None


def test_what_processes_count_is_added_up() -> None:
    first, second = Process("first"), Process("second")
    for process, count in ((first, 3), (second, 4)):
        process.photos.labels("ok").inc(count)
        process.size.observe(50)
        process.waiting.set(count)
        process.ready.set(1)
        process.info.labels("lite").set(1)
    second.photos.labels("busy").inc()
    text = Totals().render([first.measured(), second.measured()])
    assert value(text, 'photos_total{outcome="ok"}') == 7
    assert value(text, 'photos_total{outcome="busy"}') == 1
    assert value(text, 'size_bytes_bucket{le="100.0"}') == 2
    assert value(text, 'size_bytes_bucket{le="10.0"}') == 0
    assert value(text, "size_bytes_sum") == 100
    assert value(text, "waiting") == 7
    assert value(text, "colorizebot_worker_ready") == 1
    assert value(text, 'model_info{model="lite"}') == 1


def test_counters_never_fall_when_a_process_goes_or_comes_back() -> None:
    now = 0.0
    totals = Totals(lambda: now)
    stays, goes = Process("stays"), Process("goes")
    stays.photos.labels("ok").inc(1)
    goes.photos.labels("ok").inc(10)
    goes.waiting.set(5)
    both = totals.render([stays.measured(), goes.measured()])
    assert (value(both, 'photos_total{outcome="ok"}'), value(both, "waiting")) == (11, 5)
    alone = totals.render([stays.measured()])
    assert (value(alone, 'photos_total{outcome="ok"}'), value(alone, "waiting")) == (11, 0)
    again = totals.render([stays.measured(), goes.measured()])
    assert value(again, 'photos_total{outcome="ok"}') == 11
    totals.render([stays.measured()])
    now = 100_000.0
    for _ in range(2):  # the first folds what has long been gone into one sum, the second shows it
        later = totals.render([stays.measured()])
        assert value(later, 'photos_total{outcome="ok"}') == 11
