"""The Ray Serve application: ``inference.cluster.serving:application`` builds it."""

from __future__ import annotations

import math
from typing import Any

import ray
from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from inference.cluster.asgi import AsgiApplication
from inference.cluster.ingress import Cluster
from inference.cluster.replica import Replica, UserConfig
from inference.cluster.settings import CLUSTER_PREFIX, ClusterSettings
from inference.cluster.totals import Measured
from inference.settings import ENVIRONMENT_PREFIX, UnusableSettings, WorkerSettings, variable_of
from inference.worker import log
from inference.worker.access import check_access
from inference.worker.application import build_application
from inference.worker.command_line import read_settings

INGRESS = "Ingress"
REPLICA = "Replica"

_PLACES_FOR_REFUSALS = 200
"""Requests beyond the queue's size that an ingress has open at once, to refuse them, or to tell of health."""
_HEALTH_SECONDS = 5.0
_MEASURE_SECONDS = 1.0
_LOOK_BACK_SECONDS = 5.0
_STOP_POLL_SECONDS = 0.5
_STARTS = 3
LOGGING = LoggingConfig(log_level="WARNING", enable_access_log=False)


@serve.ingress()
class Ingress:
    """Serve's side of the ingress."""

    def __init__(self, settings: WorkerSettings, replicas: DeploymentHandle[Any], has_peers: bool) -> None:
        log.configure(settings.log_level, settings.log_format)
        self._cluster = Cluster(settings, replicas, serve.get_deployment_handle(INGRESS) if has_peers else None)

    def __serve_build_asgi_app__(self) -> AsgiApplication:
        return AsgiApplication(build_application(self._cluster), self._cluster.running())

    async def drain(self) -> None:
        """Take no new requests, and return when those in progress have left."""
        await self._cluster.drain()

    async def measure(self) -> Measured:
        """Return this ingress' own metrics."""
        return self._cluster.measure()


def application(arguments: dict[str, Any]) -> Application:
    """Return the application; ``arguments`` are cluster settings that win over those of the environment.

    Raises ``UnusableSettings``.
    """
    worker = read_settings(WorkerSettings, {}, ENVIRONMENT_PREFIX)
    check_access(worker)
    if not (worker.token or worker.open):
        # Where Serve listens is not for these settings to say, nor to see.
        raise UnusableSettings(
            f"Whoever reaches the cluster would be let in: please set {variable_of('token')}, or, on a network that is "
            f"closed to strangers, {variable_of('open')}."
        )
    return build(worker, read_settings(ClusterSettings, arguments, CLUSTER_PREFIX))


def build(worker: WorkerSettings, cluster: ClusterSettings) -> Application:
    """Return the application as the settings say; needs a connection to Ray."""
    gpus = _gpus_per_replica(cluster)
    worker = _for_replicas(worker, cluster)
    drain_seconds = worker.drain_seconds + 2 * _STOP_POLL_SECONDS
    common: dict[str, Any] = {
        "health_check_period_s": _HEALTH_SECONDS,
        "graceful_shutdown_wait_loop_s": _STOP_POLL_SECONDS,
        "graceful_shutdown_timeout_s": drain_seconds,
        "max_constructor_retry_count": _STARTS,
        "logging_config": LOGGING,
    }
    replicas = serve.deployment(
        name=REPLICA,
        **_numbers(cluster, gpus),
        ray_actor_options={"num_cpus": cluster.cpus_per_replica, "num_gpus": gpus},
        max_ongoing_requests=cluster.requests_per_replica,
        max_queued_requests=worker.queue_size,
        user_config=UserConfig(weights=str(worker.weights.absolute()) if worker.weights else None),
        **common,
    )(Replica)
    ingress = serve.deployment(
        name=INGRESS,
        num_replicas=cluster.ingresses,
        ray_actor_options={"num_cpus": 0},
        max_ongoing_requests=worker.queue_size + _PLACES_FOR_REFUSALS,
        **common,
    )(Ingress)
    return ingress.bind(worker, replicas.bind(worker), cluster.ingresses > 1)


def _for_replicas(worker: WorkerSettings, cluster: ClusterSettings) -> WorkerSettings:
    """Return the settings with as many photo processes for each replica as it has CPUs, unless they say how many."""
    if "photo_processes" in worker.model_fields_set:
        return worker
    return worker.model_copy(update={"photo_processes": math.ceil(cluster.cpus_per_replica)})


def _numbers(cluster: ClusterSettings, gpus: float) -> dict[str, Any]:
    most = cluster.max_replicas or max(cluster.replicas, _that_fit(cluster, gpus))
    if most == cluster.replicas:
        return {"num_replicas": cluster.replicas}
    autoscaling = AutoscalingConfig(
        min_replicas=cluster.replicas,
        max_replicas=most,
        target_ongoing_requests=cluster.target_requests,
        metrics_interval_s=_MEASURE_SECONDS,
        look_back_period_s=_LOOK_BACK_SECONDS,
        upscale_delay_s=cluster.upscale_seconds,
        downscale_delay_s=cluster.downscale_seconds,
    )
    return {"autoscaling_config": autoscaling}


def _gpus_per_replica(cluster: ClusterSettings) -> float:
    if cluster.gpus_per_replica is not None:
        return cluster.gpus_per_replica
    return 1.0 if _resources().get("GPU", 0) else 0.0


def _that_fit(cluster: ClusterSettings, gpus: float) -> int:
    resources = _resources()
    by_cpus = resources.get("CPU", 0) / cluster.cpus_per_replica
    return int(min(by_cpus, resources.get("GPU", 0) / gpus) if gpus else by_cpus)


def _resources() -> dict[str, float]:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources
