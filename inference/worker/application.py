"""The worker's HTTP interface."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from inference.problems import OutOfMemory, Problem
from inference.settings import WorkerSettings
from inference.vocabulary import HEIGHT_HEADER, INPUT_HEADER, MODEL_HEADER, WIDTH_HEADER, Recolored, RecolorOptions
from inference.worker import log
from inference.worker.access import know_clients
from inference.worker.admission import Admission, Place
from inference.worker.following import follow_request
from inference.worker.metrics import CLIENT_GONE, CUT_OFF, OK, Metrics
from inference.worker.problem_answers import answer_problems
from inference.worker.profiling import Profiler
from inference.worker.stages import Stages
from inference.worker.upload import expect_later, read_body

if TYPE_CHECKING:
    from inference.imaging import Limits


class Service(Protocol):
    """What the application makes known over HTTP: a worker, or a cluster of them seen from its ingress."""

    settings: WorkerSettings
    metrics: Metrics
    admission: Admission
    profiler: Profiler | None

    @property
    def limits(self) -> Limits:
        """What is taken at most; raises ``NotReady`` while the model loads."""

    async def recolor(self, data: bytes, options: RecolorOptions, stages: Stages) -> Recolored:
        """Return the photo recolored; raises ``Problem``, ``NotReady`` while the model loads."""

    async def describe(self) -> dict[str, Any]:
        """Return the model, its device and the limits; raises ``NotReady`` while the model loads."""

    async def render_metrics(self) -> bytes:
        """Return all metrics in Prometheus' text format."""


WORKER: web.AppKey[Service] = web.AppKey("worker")


def build_application(worker: Service) -> web.Application:
    """Return the application that serves ``worker``; run it with ``handler_cancellation``."""
    application = web.Application(middlewares=[follow_request, answer_problems, know_clients(worker.settings, worker)])
    application[WORKER] = worker
    application.router.add_post("/v1/recolor", recolor, expect_handler=expect_later)
    application.router.add_get("/v1/model", describe_model)
    application.router.add_get("/healthz", tell_health)
    application.router.add_get("/readyz", tell_readiness)
    application.router.add_get("/metrics", tell_metrics)
    return application


async def recolor(request: web.Request) -> web.Response:
    """``POST /v1/recolor?vividness=&layout=&format=``: the photo in the body, recolored."""
    worker = request.app[WORKER]
    with _outcome_counted(worker):
        options = RecolorOptions.from_query(request.query)
        with worker.admission.enter() as place:
            return await _recolor(request, worker, place, options)


async def describe_model(request: web.Request) -> web.Response:
    """``GET /v1/model``: the model, its device and the limits, as JSON."""
    return web.json_response(await request.app[WORKER].describe())


async def tell_health(request: web.Request) -> web.Response:
    """``GET /healthz``: 200 as long as the process serves at all."""
    return web.json_response({"status": "alive", "phase": request.app[WORKER].admission.phase})


async def tell_readiness(request: web.Request) -> web.Response:
    """``GET /readyz``: 200 while photos are taken, else 503 and why."""
    request.app[WORKER].admission.check_open()
    return web.json_response({"status": "ready"})


async def tell_metrics(request: web.Request) -> web.Response:
    """``GET /metrics``: for Prometheus."""
    worker = request.app[WORKER]
    return web.Response(body=await worker.render_metrics(), headers={"Content-Type": worker.metrics.media_type})


async def _recolor(request: web.Request, worker: Service, place: Place, options: RecolorOptions) -> web.Response:
    metrics = worker.metrics
    stages = Stages(metrics)
    with stages.timed("receive"):
        pause = worker.settings.body_timeout_seconds
        data = await read_body(request, place, worker.limits, pause)
    metrics.input_bytes.observe(len(data))
    recolored = await worker.recolor(data, options, stages)
    metrics.count_recolored(recolored, stages.total_seconds)
    if worker.profiler is not None:
        worker.profiler.count(stages.milliseconds)
    _log_recolored(recolored, len(data), stages.total_seconds)
    headers = {
        MODEL_HEADER: recolored.model,
        INPUT_HEADER: recolored.input,
        WIDTH_HEADER: str(recolored.width),
        HEIGHT_HEADER: str(recolored.height),
        "Server-Timing": stages.server_timing(),
        "Cache-Control": "no-store",
    }
    return web.Response(body=recolored.data, content_type=recolored.media_type, headers=headers)


def _log_recolored(recolored: Recolored, bytes_in: int, seconds: float) -> None:
    log.event(
        "recolored",
        type=recolored.media_type,
        input=recolored.input,
        width=recolored.width,
        height=recolored.height,
        bytes_in=bytes_in,
        bytes_out=len(recolored.data),
        ms=round(seconds * 1000),
        **{f"{stage}_ms": round(duration) for stage, duration in recolored.timings.items()},
    )


@contextmanager
def _outcome_counted(worker: Service) -> Iterator[None]:
    requests = worker.metrics.requests
    try:
        yield
    except Problem as problem:
        if isinstance(problem, OutOfMemory):
            problem.retry_after = worker.admission.retry_after()  # when those that hold the memory are gone
        requests.labels(problem.slug).inc()
        log.event("refused", status=problem.status, reason=problem.slug)
        raise
    except web.HTTPException as error:
        requests.labels(f"http_{error.status}").inc()
        log.event("refused", status=error.status)
        raise
    except (asyncio.CancelledError, ConnectionError):
        outcome = CUT_OFF if worker.admission.is_cleared else CLIENT_GONE
        requests.labels(outcome).inc()
        log.event(outcome)
        raise
    except Exception:
        requests.labels(Problem.slug).inc()
        raise
    else:
        requests.labels(OK).inc()
