"""The metrics of many processes, added up as if they were one's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import add
from typing import TypeAlias

from prometheus_client import Metric, generate_latest
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

_COUNTED = ("counter", "histogram")
_NOT_ADDED = frozenset(
    {
        "colorizebot_worker_ready",
        "colorizebot_cluster_replicas",
        "process_start_time_seconds",
        "process_max_fds",
    }
)
"""Of these the sum means nothing; the largest is told."""
_KEPT_SECONDS = 3600.0

_Key: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One process' metrics at one moment."""

    name: str
    """Of the process; no other ever has it."""
    families: Sequence[Metric]


@dataclass(frozen=True, slots=True)
class _Seen:
    measured: Measured
    at: float


class Totals:
    """Adds up what processes have measured.

    What one that is gone has counted stays in the sum: Prometheus takes a counter that falls for one that began anew.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._folded: list[Metric] = []

    def render(self, present: Sequence[Measured]) -> bytes:
        """Return the sums over the processes that are ``present`` and those that were, in Prometheus' text format."""
        now = self._clock()
        self._seen |= {each.name: _Seen(each, now) for each in present}
        names = {each.name for each in present}
        self._forget([seen for seen in self._seen.values() if now - seen.at > _KEPT_SECONDS])
        gone = [seen for name, seen in self._seen.items() if name not in names]
        families = [family for each in present for family in each.families]
        families += [family for seen in gone for family in seen.measured.families if family.type in _COUNTED]
        return generate_latest(_Families(_added([*families, *self._folded])))

    def _forget(self, gone: Sequence[_Seen]) -> None:
        """Keep no more than the sums of those that won't come back."""
        counted = [family for seen in gone for family in seen.measured.families if family.type in _COUNTED]
        self._folded = _added([*self._folded, *counted])
        for seen in gone:
            del self._seen[seen.measured.name]


class _Families(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _added(families: Sequence[Metric]) -> list[Metric]:
    """Return one family for each name, its samples added up."""
    sums: dict[str, tuple[Metric, dict[_Key, Sample]]] = {}
    for family in families:
        empty = Metric(family.name, family.documentation, family.type, family.unit)
        samples = sums.setdefault(family.name, (empty, {}))[1]
        join = max if family.name in _NOT_ADDED or family.name.endswith("_info") else add
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            value = join(samples[key].value, sample.value) if key in samples else sample.value
            samples[key] = Sample(sample.name, sample.labels, value)
    for total, samples in sums.values():
        total.samples = list(samples.values())
    return [total for total, _ in sums.values()]
