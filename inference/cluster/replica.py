"""One replica: a worker without its HTTP interface, called by the ingress."""

from __future__ import annotations

import asyncio
import gc
import uuid
from pathlib import Path
from typing import Any, TypedDict

from inference import request_id
from inference.cluster.totals import Measured
from inference.problems import Problem
from inference.service_manager import ServiceManager
from inference.settings import WorkerSettings
from inference.vocabulary import Recolored, RecolorOptions
from inference.worker import log
from inference.worker.heap import give_back_memory, keep_what_the_network_frees, use_few_arenas
from inference.worker.stages import Stages
from inference.worker.worker import Worker

_OF_THE_DOOR = frozenset(f"colorizebot_worker_{name}" for name in ("ready", "requests_in_progress", "requests_limit"))
"""What the ingress, at which requests come in, measures in place of its replicas."""


class UserConfig(TypedDict):
    """What may change in a replica's life."""

    weights: str | None
    """Path of the weights file; the bundled one when None."""


class Replica:
    """Holds one loaded model, and a second one while it changes from one to the other.

    Serve's ``@serve.batch`` would gather whole requests, undecoded, and wait for each other's slowest part. The
    worker's batcher, which is at work here, gathers pictures of one size when they reach the network, an animation's
    frames among them, waits for nobody, and halves a batch that does not fit into the memory.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        log.configure(settings.log_level, settings.log_format)
        use_few_arenas()
        keep_what_the_network_frees(settings.batch_size)
        self._settings = settings
        self._serving: _Serving | None = None

    async def reconfigure(self, user_config: UserConfig) -> None:
        """Load the weights and change to them; photos that have begun are finished with those they began with.

        Serve calls it at the start and when its ``user_config`` changes. Raises ``UnusableSettings``.
        """
        weights = user_config["weights"]
        changed = self._settings.model_copy(update={"weights": Path(weights) if weights else None})
        loaded = await _Serving.load(changed)
        before, self._serving = self._serving, loaded
        if before is not None:
            await before.end()
            del before
            gc.collect()  # its parts refer to each other: left to chance, the old model would stay for long
            give_back_memory()

    def check_health(self) -> None:
        """Raise ``DeviceFailed`` when only a new replica helps; Serve asks every few seconds."""
        if self._serving is not None:
            self._serving.check()

    async def recolor(self, data: bytes, options: RecolorOptions, followed: str) -> Recolored | Problem:
        """Return the photo recolored, or why not; ``followed`` is the request's id in the log."""
        serving = self._loaded()
        with request_id.following(followed):
            try:
                return await serving.recolor(data, options)
            except Problem as problem:
                return problem

    async def describe(self) -> dict[str, Any]:
        """Return the model, its device and the limits."""
        return await self._loaded().worker.describe()

    async def measure(self) -> Measured:
        """Return the metrics of the model in use as they are now."""
        serving = self._loaded()
        families = serving.worker.metrics.families()
        return Measured(serving.name, [family for family in families if family.name not in _OF_THE_DOOR])

    def _loaded(self) -> _Serving:
        if self._serving is None:
            raise RuntimeError("Serve has to call reconfigure first")
        return self._serving


class _Serving:
    """A loaded worker with what it has in hand."""

    def __init__(self, worker: Worker, running: asyncio.Task[None]) -> None:
        self.name = uuid.uuid4().hex
        self.worker = worker
        self._running = running
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    async def load(cls, settings: WorkerSettings) -> _Serving:
        worker = Worker(settings, ServiceManager({}))
        running = asyncio.create_task(worker.run())
        ready = asyncio.create_task(worker.wait_ready())
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            ready.cancel()
            await _close(worker, running)
            await running
        return cls(worker, running)

    async def recolor(self, data: bytes, options: RecolorOptions) -> Recolored:
        self._in_hand += 1
        self._idle.clear()
        try:
            return await self.worker.recolor(data, options, Stages(self.worker.metrics))
        finally:
            self._in_hand -= 1
            if self._in_hand == 0:
                self._idle.set()

    def check(self) -> None:
        if self._running.done():
            self._running.result()

    async def end(self) -> None:
        await self._idle.wait()
        await _close(self.worker, self._running)


async def _close(worker: Worker, running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.wait([running])
    await worker.close()
