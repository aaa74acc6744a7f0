"""One worker process's life: loading, serving, draining."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from inference.problems import NotReady
from inference.service_manager import ServiceManager
from inference.settings import WorkerSettings
from inference.vocabulary import Recolored, RecolorOptions
from inference.worker import gpu_memory, log
from inference.worker.admission import RETRY_WHILE_LOADING, Admission, Phase
from inference.worker.metrics import Metrics
from inference.worker.photo_processes.fork_server import ForkServer
from inference.worker.profiling import Profiler
from inference.worker.recoloring import Recolorer
from inference.worker.stages import Stages

if TYPE_CHECKING:
    from inference.imaging import Limits


class Worker:
    """What a worker holds from its start; ``recolorer`` comes with the loaded model."""

    def __init__(self, settings: WorkerSettings, manager: ServiceManager) -> None:
        self.settings = settings
        self._manager = manager
        self.metrics = Metrics()
        self.profiler = Profiler() if settings.profile else None
        self.admission = Admission(settings.queue_size, settings.queue_bytes)
        self.recolorer: Recolorer | None = None
        self._ready = asyncio.Event()
        # Its imports run on another core while the model is loaded.
        self._fork_server = ForkServer()
        self._device_thread = ThreadPoolExecutor(1, thread_name_prefix="device")
        self.metrics.requests_in_progress.set_function(lambda: self.admission.in_house)
        self.metrics.requests_limit.set(settings.queue_size)
        self.metrics.ready.set_function(lambda: self.admission.phase is Phase.READY)

    async def run(self) -> None:
        """Load the model, open the door, and serve until cancelled.

        Raises ``UnusableSettings`` for weights or a device that can't be used, and ``DeviceFailed`` when the device
        fails later.
        """
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        self.recolorer = await loop.run_in_executor(self._device_thread, self._load)
        colorizer = self.recolorer.engine.colorizer
        self.metrics.model_info.labels(colorizer.name, str(colorizer.device)).set(1)
        gpu_memory.observe(self.metrics, colorizer.device)
        if self.admission.phase is Phase.LOADING:
            self.admission.phase = Phase.READY
            self._ready.set()
            self._manager.ready(f"{colorizer.name} on {colorizer.device}")
            if self.profiler is not None:
                self.profiler.start()
            log.event("ready", model=colorizer.name, device=colorizer.device, seconds=time.perf_counter() - began)
        await self.recolorer.run()

    async def wait_ready(self) -> None:
        """Wait until photos are taken."""
        await self._ready.wait()

    @property
    def limits(self) -> Limits:
        """What is taken at most; raises ``NotReady`` while the model loads."""
        return self._loaded().engine.limits

    async def recolor(self, data: bytes, options: RecolorOptions, stages: Stages) -> Recolored:
        """Return the photo recolored; raises ``Problem``, ``NotReady`` while the model loads."""
        return await self._loaded().recolor(data, options, stages)

    async def describe(self) -> dict[str, Any]:
        """Return the model, its device and the limits; raises ``NotReady`` while the model loads."""
        return self._loaded().engine.describe() | {"batch_size": self.settings.batch_size}

    async def render_metrics(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return self.metrics.render()

    async def close(self) -> None:
        """End the photo processes; before that, write where the time went to standard error, if that was asked for."""
        if self.profiler is not None and self.profiler.is_running and self.recolorer is not None:
            sys.stderr.write(self.profiler.stop(await self.recolorer.profile()) + "\n")
        self._fork_server.close()

    async def drain(self) -> None:
        """Let the requests in progress finish, as long as the settings allow, and take no new ones."""
        self.admission.phase = Phase.DRAINING
        self._manager.stopping()
        log.event("draining", requests=self.admission.in_house, longest_seconds=self.settings.drain_seconds)
        try:
            async with asyncio.timeout(self.settings.drain_seconds):
                await self.admission.wait_empty()
        except TimeoutError:
            log.event("drained_too_long", requests=self.admission.in_house)
            self.admission.turn_out()

    def _loaded(self) -> Recolorer:
        if self.recolorer is None:
            raise NotReady(retry_after=RETRY_WHILE_LOADING)
        return self.recolorer

    def _load(self) -> Recolorer:
        # PyTorch's threads spin while they wait for each other; beside processes that decode photos, or others,
        # that makes the network many times slower. GNU OpenMP reads this when it is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        # Imports PyTorch, which takes seconds: not at the top, and not on the event loop's thread.
        from inference.worker.engine import Engine

        return Recolorer(
            Engine.load(self.settings), self._device_thread, self.settings, self.metrics, self._fork_server
        )
