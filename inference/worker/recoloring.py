"""How a photo passes through the worker, from its file's bytes to the recolored file's."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from inference.problems import BrokenImage, Busy, OutOfMemory, Problem
from inference.settings import WorkerSettings
from inference.vocabulary import Recolored, RecolorOptions
from inference.worker import log
from inference.worker.batching import Batcher
from inference.worker.heap import give_back_memory
from inference.worker.metrics import Metrics
from inference.worker.out_of_memory import BatchLimit
from inference.worker.photo_processes import LARGE_PIXELS
from inference.worker.photo_processes.fork_server import ForkServer
from inference.worker.photo_processes.pool import PhotoProcesses
from inference.worker.photo_processes.process import KILLED, Bounds, ProcessDied
from inference.worker.pixel_budget import PixelBudget
from inference.worker.profiling import Place
from inference.worker.stages import Stages

if TYPE_CHECKING:
    from inference.worker.engine import Engine

_NICENESS_OF_LARGE = 10
_DEATHS_OF_ONE_PHOTO = 2
_DEATHS_IN_ALL = 6
_RETRY_AFTER_DEATHS = 5


class Recolorer:
    """The loaded engine with the processes and queues before it."""

    def __init__(
        self,
        engine: Engine,
        device_thread: Executor,
        settings: WorkerSettings,
        metrics: Metrics,
        fork_server: ForkServer,
    ) -> None:
        """Serve ``engine``, with processes from ``fork_server``."""
        self.engine = engine
        self._metrics = metrics
        bounds = Bounds(engine.limits, settings.photo_memory_bytes, settings.photo_seconds, settings.profile)
        self._processes = PhotoProcesses(settings.photo_processes, fork_server, bounds)
        # Large photos have processes of their own, that give way: small ones wait neither behind them nor beside them.
        self._processes_for_large = PhotoProcesses(
            settings.photo_processes, fork_server, bounds, niceness=_NICENESS_OF_LARGE
        )
        self._memory = PixelBudget(settings.pixels_in_memory)
        self._batcher = Batcher(
            engine.forward, device_thread, BatchLimit(settings.batch_size), metrics, engine.make_room
        )
        self._shares_cores = engine.colorizer.device.type == "cpu"

    async def run(self) -> None:
        """Serve the device's queue until cancelled; raises ``DeviceFailed`` when the device works no more."""
        await self._batcher.run()

    async def profile(self) -> Counter[Place]:
        """Return where the photo processes' seconds went, by line of code; for the end, when nothing is in work."""
        return await self._processes.profile() + await self._processes_for_large.profile()

    async def recolor(self, data: bytes, options: RecolorOptions, stages: Stages) -> Recolored:
        """Return the photo recolored; raises ``Problem``. Cancelled at any point, it goes no further.

        A photo that lost its process to another one begins again, and so does, once, one that brought it down itself:
        that may have been chance.
        """
        own_deaths = 0
        for _ in range(_DEATHS_IN_ALL):
            try:
                return await self._recolor(data, options, stages)
            except ProcessDied as death:
                own_deaths += death.of_this_photo
                if death.of_this_photo:
                    self._metrics.photo_process_deaths.labels(death.manner).inc()
                else:
                    log.event("photo_lost_its_process", level=logging.WARNING, reason=death.manner)
                if own_deaths == _DEATHS_OF_ONE_PHOTO:
                    raise _refusal(death) from death
        raise Busy(retry_after=_RETRY_AFTER_DEATHS)  # the photo is not to blame, and others' troubles pass

    async def _recolor(self, data: bytes, options: RecolorOptions, stages: Stages) -> Recolored:
        asked = time.perf_counter()
        pixels, seconds = await self._processes.measure(data)
        _add(stages, "check", seconds, asked)
        large = pixels > LARGE_PIXELS
        arrived = time.perf_counter()
        async with self._memory.reserve(max(0, pixels), large=large):
            stages.add("wait", time.perf_counter() - arrived)
            processes = self._processes_for_large if large else self._processes
            recolored = await self._through(processes, data, options, stages)
        if large:
            asyncio.get_running_loop().run_in_executor(None, give_back_memory)  # the answer need not wait for it
        return recolored

    async def _through(
        self, processes: PhotoProcesses, data: bytes, options: RecolorOptions, stages: Stages
    ) -> Recolored:
        asked = time.perf_counter()
        with self._out_of_memory_counted("decode"), self._expected(processes):
            photo = await processes.decode(data, self.engine.colorizer.shapes)
        try:
            _add(stages, "decode", photo.seconds, asked)
            prediction = await self._batcher.predict(photo.lightness)
            stages.add("queue", prediction.queue_seconds)
            stages.add("network", prediction.network_seconds)
            asked = time.perf_counter()
            with self._out_of_memory_counted("encode"):
                picture, seconds = await photo.encode(prediction.ab, options)
            _add(stages, "encode", seconds, asked)
        finally:
            photo.forget()
        return Recolored(
            data=picture.data,
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
            input=photo.kind,
            model=self.engine.colorizer.name,
            timings=stages.milliseconds,
        )

    def _expected(self, processes: PhotoProcesses) -> AbstractContextManager[None]:
        """Let the network wait for a photo that is being decoded, where that is soon done and worth it."""
        if processes is self._processes and self._shares_cores:
            return self._batcher.expecting()
        return nullcontext()

    @contextmanager
    def _out_of_memory_counted(self, stage: str) -> Iterator[None]:
        try:
            yield
        except OutOfMemory:
            self._metrics.out_of_memory.labels(stage).inc()
            log.event("out_of_memory", stage=stage)
            raise


def _add(stages: Stages, stage: str, seconds: float, asked: float) -> None:
    """Count what a photo process took for ``stage``, and as ``turn`` the wait for it and the ways there and back."""
    elapsed = time.perf_counter() - asked
    seconds = seconds if 0 <= seconds <= elapsed else elapsed  # one that was taken over may say anything, NaN too
    stages.add("turn", elapsed - seconds)
    stages.add(stage, seconds)


def _refusal(death: ProcessDied) -> Problem:
    if death.manner == KILLED:  # as the kernel does where memory runs out
        return OutOfMemory()
    return BrokenImage("That picture can't be worked on: it is damaged, or built in a way that ends the program.")
