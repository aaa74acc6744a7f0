"""Dynamic batching: what waits for the device goes through the network together, as far as shapes are equal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from inference.problems import OutOfMemory
from inference.worker import log
from inference.worker.metrics import Metrics
from inference.worker.out_of_memory import BatchLimit, forward_halving

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_FAILURES_IN_A_ROW = 3
_PATIENCE_SECONDS = 1.0
"""How long a batch waits for what is expected; a photo may take its decoder minutes, and others' don't wait for it."""

Plane: TypeAlias = "NDArray[np.float32]"
Forward: TypeAlias = Callable[[Sequence[Plane]], Sequence[Plane]]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predicted ab of one photo's frames, and what the wait for it consisted of, in seconds."""

    ab: Sequence[Plane]
    queue_seconds: float
    """All but the network: the wait for the device, and the ways to its thread and back."""
    network_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    lightness: Plane
    answer: asyncio.Future[_Answer]
    since: float


@dataclass(frozen=True, slots=True)
class _Span:
    """When the network began with a batch, and when it was done."""

    started: float
    finished: float


@dataclass(frozen=True, slots=True)
class _Answer:
    ab: Plane
    span: _Span


class DeviceFailed(Exception):  # noqa: N818 - it says what happened
    """The network failed so often in a row that the device has to be taken for broken; only a new process helps."""


class Batcher:
    """Feeds the one device thread; whoever waits for it longest goes first.

    An idle device takes a lone picture at once, and what arrives while it is busy makes up the next batch; only when
    enough is expected to fill the batch, it waits a moment for that. Pictures whose request is gone are dropped when
    their turn comes.
    """

    def __init__(
        self,
        forward: Forward,
        device_thread: Executor,
        limit: BatchLimit,
        metrics: Metrics,
        make_room: Callable[[], None],
    ) -> None:
        """Batch calls of ``forward``: lightness planes (h, w) float32 of one shape in, as many ab planes out."""
        self._forward = forward
        self._device_thread = device_thread
        self._limit = limit
        self._metrics = metrics
        self._make_room = make_room
        self._waiting: list[_Waiting] = []
        self._arrival = asyncio.Event()
        self._expected = 0
        self._failures_in_a_row = 0
        self._failure: DeviceFailed | None = None
        metrics.batch_limit.set(limit.items)
        metrics.queue_items.set_function(lambda: len(self._waiting))

    async def predict(self, frames: Sequence[Plane]) -> Prediction:
        """Return the ab of a photo's frames (one, or many of an animation; all of one shape).

        An animation's frames are put in line a batch at a time, so that other photos get their turn in between.
        Raises ``OutOfMemory`` when a frame does not fit into the device's memory even alone, and ``DeviceFailed``.
        """
        ab: list[Plane] = []
        asked = time.perf_counter()
        network_seconds = 0.0
        for first in range(0, len(frames), self._limit.most):
            answers = await asyncio.gather(*map(self._enqueue, frames[first : first + self._limit.most]))
            ab += [answer.ab for answer in answers]
            spans = {answer.span for answer in answers}
            network_seconds += sum(span.finished - span.started for span in spans)
        return Prediction(ab, time.perf_counter() - asked - network_seconds, network_seconds)

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Expect a picture at the end of the block, and have a batch wait where what is expected will fill it.

        That pays where the network computes on the cores that decode photos, and pictures together cost less.
        """
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1
            if self._waiting:
                self._arrival.set()

    async def run(self) -> None:
        """Serve the waiting until cancelled; raises ``DeviceFailed``, and fails the waiting, when there is no point."""
        while self._failures_in_a_row < _MOST_FAILURES_IN_A_ROW:
            await self._arrival.wait()
            batch = self._next_batch()
            if batch:
                await self._serve(batch)
        self._failure = DeviceFailed(f"the network failed {self._failures_in_a_row} times in a row")
        _fail(self._waiting, self._failure)
        raise self._failure

    def _enqueue(self, lightness: Plane) -> asyncio.Future[_Answer]:
        if self._failure is not None:
            raise self._failure
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Answer] = loop.create_future()
        self._waiting.append(_Waiting(lightness, answer, loop.time()))
        self._arrival.set()
        return answer

    def _next_batch(self) -> list[_Waiting]:
        waiting = [each for each in self._waiting if not each.answer.done()]
        batch = [each for each in waiting if each.lightness.shape == waiting[0].lightness.shape][: self._limit.items]
        loop = asyncio.get_running_loop()
        patience = waiting[0].since + _PATIENCE_SECONDS - loop.time() if waiting else 0.0
        if patience > 0 and len(batch) < self._limit.items <= len(batch) + self._expected:
            self._waiting = waiting
            self._arrival.clear()
            loop.call_later(patience, self._arrival.set)
            return []
        taken = set(map(id, batch))
        self._waiting = [each for each in waiting if id(each) not in taken]
        if not self._waiting:
            self._arrival.clear()
        return batch

    async def _serve(self, batch: Sequence[_Waiting]) -> None:
        self._metrics.batch_items.observe(len(batch))
        loop = asyncio.get_running_loop()
        try:
            results, span = await loop.run_in_executor(
                self._device_thread, self._forward_all, [each.lightness for each in batch]
            )
        except Exception as error:  # noqa: BLE001 - a bug that shows with one batch must not end the queue
            log.failure("network_failed")
            self._failures_in_a_row += 1
            _fail(batch, error)
        else:
            self._failures_in_a_row = 0
            _give(batch, results, span)
        self._metrics.batch_limit.set(self._limit.items)

    def _forward_all(self, planes: Sequence[Plane]) -> tuple[list[Plane | OutOfMemory], _Span]:
        started = time.perf_counter()
        results = forward_halving(self._forward, planes, self._limit, self._after_failure)
        return results, _Span(started, time.perf_counter())

    def _after_failure(self) -> None:
        self._metrics.out_of_memory.labels("network").inc()
        log.event("out_of_memory", stage="network", batch_limit=self._limit.items)
        self._make_room()


def _give(batch: Sequence[_Waiting], results: Sequence[Plane | OutOfMemory], span: _Span) -> None:
    for each, result in zip(batch, results, strict=True):
        if isinstance(result, OutOfMemory):
            _fail([each], result)
        elif not each.answer.done():
            each.answer.set_result(_Answer(result, span))


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for each in batch:
        if not each.answer.done():
            each.answer.set_exception(error)
