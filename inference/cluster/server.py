"""A cluster from its start to its end: start Ray, deploy, serve until told to stop, drain."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import ray
from ray import serve as ray_serve
from ray.exceptions import RayError
from ray.serve.config import HTTPOptions, ProxyLocation
from ray.serve.exceptions import RayServeException

from inference.cluster.serving import INGRESS, LOGGING, REPLICA, build
from inference.cluster.settings import CLUSTER_PREFIX, ClusterSettings
from inference.service_manager import ServiceManager
from inference.settings import UnusableSettings, WorkerSettings, names_of
from inference.worker import log
from inference.worker.server import OK, stop_requests

NAME = "colorizebot"

_OBJECT_STORE_BYTES = 512 * 2**20
"""For photos and answers on their way between processes."""
_POLL_SECONDS = 0.1
_BEYOND_DRAINING_SECONDS = 5.0
_SETTLE_SECONDS = 30.0
_COMPLAINT = re.compile(r"UnusableSettings: (.+)")

Settings: TypeAlias = tuple[WorkerSettings, ClusterSettings]


async def serve(settings: Settings, port: int, read_again: Callable[[], Settings]) -> int:
    """Run a cluster until SIGTERM, SIGINT or (when so set) the end of standard input; return the exit status.

    SIGHUP deploys what ``read_again`` returns. Raises ``UnusableSettings`` when it can't start as the settings say.
    """
    worker, cluster = settings
    manager, stop, hang_up = ServiceManager(), stop_requests(worker), asyncio.Event()
    deployment = _Deployment(port)
    async with manager.watched():
        try:
            await asyncio.to_thread(_start, worker, port, cluster)
            _take_signals_back(stop, hang_up)
            if await _unless(stop, deployment.deploy(settings)):
                manager.ready(f"{cluster.replicas} or more replicas")
                await _update_until(stop, hang_up, lambda: deployment.deploy(read_again()))
            manager.stopping()
            if deployment.is_listening:
                await _drain(worker.drain_seconds)
            await deployment.settle()
        finally:
            await asyncio.to_thread(_end, own=cluster.address is None)
    log.event("stopped")
    return OK


class _Deployment:
    """The application on Ray Serve."""

    def __init__(self, port: int) -> None:
        self.is_listening = False
        self._port = port
        self._deploying: asyncio.Task[None] | None = None

    async def deploy(self, settings: Settings) -> None:
        """Deploy, in place of what there is: replicas are replaced one by one, and finish what they have in hand.

        Raises ``UnusableSettings`` when the replicas can't start as the settings say.
        """
        worker, _ = settings
        await asyncio.to_thread(_try_weights, worker)
        announcing = asyncio.create_task(self._announce(worker))
        try:
            self._deploying = asyncio.create_task(asyncio.to_thread(_run, settings))
            await asyncio.shield(self._deploying)
            await announcing
        except RuntimeError as error:
            if complaint := _COMPLAINT.search(_said_by_replicas()):
                raise UnusableSettings(complaint[1]) from error
            raise
        finally:
            announcing.cancel()

    async def settle(self) -> None:
        """Wait until Serve has finished with what it was told last: Ray can't be left in the middle of that."""
        if self._deploying is not None:
            await asyncio.wait([self._deploying], timeout=_SETTLE_SECONDS)

    async def _announce(self, worker: WorkerSettings) -> None:
        """Say where the ingress listens, once it does."""
        if self.is_listening:
            return
        scheme = "http" if worker.tls_certificate is None else "https"
        host = f"[{worker.host}]" if ":" in worker.host else worker.host
        async with aiohttp.ClientSession(f"{scheme}://{host}:{self._port}") as session:
            while not await _is_well(session):  # noqa: ASYNC110 - another process, which can set no event here
                await asyncio.sleep(_POLL_SECONDS)
        self.is_listening = True
        log.event("listening", address=f"{scheme}://{host}:{self._port}")


async def _is_well(session: aiohttp.ClientSession) -> bool:
    with suppress(aiohttp.ClientError):
        # It is this program's own certificate, and nothing is told to whoever listens there.
        async with session.get("/healthz", ssl=False) as response:
            return response.status == HTTPStatus.OK
    return False


async def _update_until(
    stop: asyncio.Event, hang_up: asyncio.Event, update: Callable[[], Coroutine[object, object, None]]
) -> None:
    while await _unless(stop, hang_up.wait()):
        hang_up.clear()
        log.event("updating")
        try:
            if await _unless(stop, update()):
                log.event("updated")
        except UnusableSettings as complaint:
            log.event("not_updated", level=logging.ERROR, reason=complaint)
        except (RayError, RayServeException, RuntimeError):
            # Such as too little memory for it: what there is goes on, as far as Serve can keep it.
            log.failure("not_updated")


async def _unless(stop: asyncio.Event, work: Coroutine[object, object, object]) -> bool:
    """Whether ``work`` was done before ``stop`` was set; raises what it raises."""
    stopped, working = asyncio.create_task(stop.wait()), asyncio.create_task(work)
    try:
        await asyncio.wait([stopped, working], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
        return working.done()
    finally:
        stopped.cancel()
        working.cancel()


def _take_signals_back(stop: asyncio.Event, hang_up: asyncio.Event) -> None:
    """Hear signals again, for which Ray has put handlers of its own in place."""
    loop = asyncio.get_running_loop()
    for number, event in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, hang_up)):
        loop.add_signal_handler(number, event.set)


def _start(worker: WorkerSettings, port: int, cluster: ClusterSettings) -> None:
    own = cluster.address is None
    new: dict[str, Any] = {"object_store_memory": _OBJECT_STORE_BYTES, "dashboard_host": "127.0.0.1"} if own else {}
    try:
        ray.init(
            address=cluster.address or "local",
            include_dashboard=cluster.dashboard if own else None,
            logging_level=logging.ERROR,
            **new,
        )
    except ConnectionError as error:
        names = names_of("address", CLUSTER_PREFIX)
        raise UnusableSettings(f"{names} can't be “{cluster.address}”: no Ray cluster answers there.") from error
    logging.getLogger("ray.serve").addFilter(lambda record: record.levelno >= logging.WARNING)
    options = HTTPOptions(
        host=worker.host,
        port=port,
        ssl_certfile=_path(worker.tls_certificate),
        ssl_keyfile=_path(worker.tls_key or worker.tls_certificate),
    )
    ray_serve.start(proxy_location=ProxyLocation.EveryNode, http_options=options, logging_config=LOGGING)


def _path(file: Path | None) -> str | None:
    return None if file is None else str(file.absolute())


def _try_weights(worker: WorkerSettings) -> None:
    """Raise ``UnusableSettings`` for weights that no replica could load, before the first one is replaced."""
    if worker.weights is None:
        return
    trying = ray.remote(num_cpus=0, max_retries=0)(_complaint_about_weights)
    if complaint := ray.get(trying.remote(worker)):
        raise UnusableSettings(complaint)


def _complaint_about_weights(worker: WorkerSettings) -> str:
    from inference.worker.engine import Engine  # imports PyTorch, which this program itself can do without

    try:
        Engine.load(worker.model_copy(update={"device": "cpu"}))
    except UnusableSettings as complaint:
        return str(complaint)
    return ""


def _run(settings: Settings) -> None:
    ray_serve.run(build(*settings), name=NAME, route_prefix="/")


def _said_by_replicas() -> str:
    application = ray_serve.status().applications.get(NAME)
    return "" if application is None else application.deployments[REPLICA].message


async def _drain(seconds: float) -> None:
    ingresses = ray_serve.get_deployment_handle(INGRESS, NAME)
    try:
        await ingresses.broadcast("drain").results_async(timeout_s=seconds + _BEYOND_DRAINING_SECONDS)
    except (RayError, RayServeException, TimeoutError) as error:
        log.event("not_drained", level=logging.WARNING, reason=type(error).__name__)


def _end(*, own: bool) -> None:
    if not ray.is_initialized():
        return
    if not own:
        ray_serve.delete(NAME)
    ray.shutdown()
