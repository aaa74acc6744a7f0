"""The cluster as its ingress sees it: it takes requests in as a worker does, and has replicas do the work."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge
from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RayServeException,
    ReplicaUnavailableError,
)
from ray.serve.handle import DeploymentHandle

from inference import request_id
from inference.cluster.totals import Measured, Totals
from inference.imaging import Limits
from inference.problems import Busy, NotReady, Problem
from inference.settings import WorkerSettings
from inference.vocabulary import Recolored, RecolorOptions
from inference.worker import log
from inference.worker.admission import RETRY_WHILE_LOADING, Admission, Phase
from inference.worker.batching import DeviceFailed
from inference.worker.limits import limits_of
from inference.worker.metrics import Metrics
from inference.worker.profiling import Profiler
from inference.worker.stages import Stages

_ATTEMPTS = 2
_OPEN_PAUSE_SECONDS = 2.0
_MEASURE_SECONDS = 5.0
_LOST = (RayActorError, ReplicaUnavailableError, DeviceFailed)
"""How it shows that a replica went away over a photo, or has to."""


class Cluster:
    """What the application serves: the replicas as if they were one worker."""

    def __init__(
        self, settings: WorkerSettings, replicas: DeploymentHandle[Any], ingresses: DeploymentHandle[Any] | None
    ) -> None:
        """Call ``replicas``; ``ingresses`` are this one and its peers, if there are others."""
        self.settings = settings
        self.metrics = Metrics()
        self.profiler: Profiler | None = None
        self.admission = Admission(settings.queue_size, settings.queue_bytes)
        self._replicas = replicas
        self._ingresses = ingresses
        self._name = uuid.uuid4().hex
        self._totals = Totals()
        own = self._own = CollectorRegistry()
        self._retries = Counter(
            "colorizebot_cluster_retries", "Photos given to another replica because theirs was lost.", registry=own
        )
        self._present = Gauge("colorizebot_cluster_replicas", "Replicas that have a model loaded.", registry=own)
        self.metrics.requests_in_progress.set_function(lambda: self.admission.in_house)
        self.metrics.requests_limit.set(settings.queue_size)
        self.metrics.ready.set_function(lambda: self.admission.phase is Phase.READY)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the door as soon as there is a replica."""
        opening = asyncio.create_task(self._open())
        try:
            yield
        finally:
            opening.cancel()

    @cached_property
    def limits(self) -> Limits:
        """What is taken at most."""
        return limits_of(self.settings)

    async def recolor(self, data: bytes, options: RecolorOptions, stages: Stages) -> Recolored:
        """Return the photo recolored; raises ``Problem``.

        A photo whose replica is lost is given to another, once: that changes nothing, for a photo recolored twice is
        the same photo. One that loses two may be what kills them.
        """
        asked = time.perf_counter()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                recolored = await self._on_some_replica(data, options)
            except _LOST as loss:
                log.event("replica_lost", attempt=attempt, reason=type(loss).__name__)
                if attempt < _ATTEMPTS:
                    self._retries.inc()
            else:
                stages.include(recolored.timings)
                # The ways to the replica and back, and the wait for one, are counted with the other turns.
                elsewhere = sum(recolored.timings.values()) / 1000
                stages.add("turn", max(0.0, time.perf_counter() - asked - elsewhere))
                return recolored
        raise Problem

    async def describe(self) -> dict[str, Any]:
        """Return a replica's model, its device and the limits; raises ``NotReady`` while there is no replica."""
        if self.admission.phase is Phase.LOADING:
            raise NotReady(retry_after=RETRY_WHILE_LOADING)
        description: dict[str, Any] = await self._replicas.describe.remote()
        return description

    async def render_metrics(self) -> bytes:
        """Return the sums over all processes of the cluster, in Prometheus' text format."""
        replicas = [] if self.admission.phase is Phase.LOADING else await _measured(self._replicas)
        peers = [] if self._ingresses is None else await _measured(self._ingresses)
        self._present.set(len(replicas))
        others = [each for each in peers if each.name != self._name]
        return self._totals.render([self.measure(), *others, *replicas])

    def measure(self) -> Measured:
        """Return this ingress' own metrics."""
        return Measured(self._name, [*self.metrics.families(), *self._own.collect()])

    async def drain(self) -> None:
        """Take no new requests, and let those in progress finish, as long as the settings allow."""
        self.admission.phase = Phase.DRAINING
        log.event("draining", requests=self.admission.in_house, longest_seconds=self.settings.drain_seconds)
        try:
            async with asyncio.timeout(self.settings.drain_seconds):
                await self.admission.wait_empty()
        except TimeoutError:
            log.event("drained_too_long", requests=self.admission.in_house)
            self.admission.turn_out()

    async def _open(self) -> None:
        while (description := await self._told_by_replica()) is None:  # noqa: ASYNC110 - nobody sets an event here
            await asyncio.sleep(_OPEN_PAUSE_SECONDS)
        self.metrics.model_info.labels(description["name"], description["device"]).set(1)
        if self.admission.phase is Phase.LOADING:
            self.admission.phase = Phase.READY
            log.event("ready", model=description["name"], device=description["device"])

    async def _told_by_replica(self) -> dict[str, Any] | None:
        """Return a replica's description; None where the one asked was lost, or there is none to ask."""
        try:
            description: dict[str, Any] = await self._replicas.describe.remote()
        except (RayError, RayServeException) as loss:
            log.event("replica_lost", reason=type(loss).__name__)
            return None
        return description

    async def _on_some_replica(self, data: bytes, options: RecolorOptions) -> Recolored:
        answer = self._replicas.recolor.remote(data, options, request_id.current() or "")
        try:
            result = await answer
        except asyncio.CancelledError:
            answer.cancel()  # type: ignore[no-untyped-call]  # the client is gone: its photo goes no further
            raise
        except BackPressureError:
            raise Busy(retry_after=self.admission.retry_after()) from None
        except DeploymentUnavailableError:
            raise NotReady(retry_after=RETRY_WHILE_LOADING) from None
        if isinstance(result, Problem):
            raise result
        recolored: Recolored = result
        return recolored


async def _measured(processes: DeploymentHandle[Any]) -> list[Measured]:
    answers = processes.broadcast("measure")
    try:
        # One that is just being lost has no figures; its last ones stay in the totals.
        results = await answers.results_async(timeout_s=_MEASURE_SECONDS, return_exceptions=True)
    except (DeploymentUnavailableError, TimeoutError):
        return []
    return [each for each in results if isinstance(each, Measured)]
