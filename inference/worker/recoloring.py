"""How a photo passes through the worker, from its file's bytes to the recolored file's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from inference.problems import OutOfMemory
from inference.settings import WorkerSettings
from inference.vocabulary import Recolored, RecolorOptions
from inference.worker import log
from inference.worker.batching import Batcher
from inference.worker.heap import give_back_memory
from inference.worker.metrics import Metrics
from inference.worker.out_of_memory import BatchLimit, is_out_of_memory
from inference.worker.photo_threads import PhotoThreads
from inference.worker.pixel_budget import PixelBudget
from inference.worker.stages import Stages

if TYPE_CHECKING:
    from inference.worker.engine import Engine

_Result = TypeVar("_Result")

_LARGE_PIXELS = 4_000_000
_NICENESS_OF_LARGE = 10


class Recolorer:
    """The loaded engine with the threads and queues before it."""

    def __init__(self, engine: Engine, device_thread: Executor, settings: WorkerSettings, metrics: Metrics) -> None:
        self.engine = engine
        self._metrics = metrics
        self._threads = PhotoThreads(settings.threads)
        # Large photos have threads of their own, that give way: a small one waits neither behind them nor beside them.
        self._threads_for_large = PhotoThreads(settings.threads, _NICENESS_OF_LARGE)
        self._memory = PixelBudget(settings.pixels_in_memory)
        self._batcher = Batcher(
            engine.forward, device_thread, BatchLimit(settings.batch_size), metrics, engine.make_room
        )

    async def run(self) -> None:
        """Serve the device's queue until cancelled; raises ``DeviceFailed`` when the device works no more."""
        await self._batcher.run()

    async def recolor(self, data: bytes, options: RecolorOptions, stages: Stages) -> Recolored:
        """Return the photo recolored; raises ``Problem``. Cancelled at any point, it goes no further."""
        check = partial(self.engine.measure, data)
        pixels = await _staged("check", check, self._threads, stages, under_way=True)
        large = pixels > _LARGE_PIXELS
        threads = self._threads_for_large if large else self._threads
        arrived = time.perf_counter()
        async with self._memory.reserve(pixels, large=large):
            stages.add("wait", time.perf_counter() - arrived)
            recolored = await self._recolor(data, options, stages, threads)
        if large:
            asyncio.get_running_loop().run_in_executor(None, give_back_memory)  # the answer need not wait for it
        return recolored

    async def _recolor(self, data: bytes, options: RecolorOptions, stages: Stages, threads: PhotoThreads) -> Recolored:
        engine = self.engine
        with self._memory_may_run_out("decode"):
            photo, lightness = await _staged("decode", partial(engine.decode, data), threads, stages)
        prediction = await self._batcher.predict(lightness)
        stages.add("queue", prediction.queue_seconds)
        stages.add("network", prediction.network_seconds)
        encode = partial(engine.encode, photo, prediction.ab, options)
        with self._memory_may_run_out("encode"):
            picture = await _staged("encode", encode, threads, stages, under_way=True)
        return Recolored(
            data=picture.data,
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
            input=photo.kind,
            model=engine.colorizer.name,
            timings=stages.milliseconds,
        )

    @contextmanager
    def _memory_may_run_out(self, stage: str) -> Iterator[None]:
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            self._metrics.out_of_memory.labels(stage).inc()
            log.event("out_of_memory", stage=stage)
            raise OutOfMemory from None


async def _staged(
    stage: str, work: Callable[[], _Result], threads: PhotoThreads, stages: Stages, *, under_way: bool = False
) -> _Result:
    """Return ``work()`` from one of the threads, its time counted as ``stage`` and the wait for them as ``thread``."""
    asked = time.perf_counter()
    result, seconds = await threads.run(partial(_timed, work), under_way=under_way)
    stages.add("thread", time.perf_counter() - asked - seconds)
    stages.add(stage, seconds)
    return result


def _timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began
