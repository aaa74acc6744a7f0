"""Whether the bot and what it leans on are well: its event loop, its worker, its ledger."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.metrics import Metrics
from inference.client import InferenceClient

_BEAT_SECONDS = 0.05
_LOOK_SECONDS = 5.0
_PATIENCE_SECONDS = 5.0


async def beat(metrics: Metrics) -> None:
    """Measure until cancelled; what blocks the loop for a moment shows as a late beat."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _BEAT_SECONDS
        await asyncio.sleep(_BEAT_SECONDS)
        metrics.beat(late_seconds=max(0.0, loop.time() - due), tasks=len(asyncio.all_tasks(loop)))


async def watch_worker(worker: InferenceClient, metrics: Metrics, *, pause_seconds: float = _LOOK_SECONDS) -> None:
    """Look until cancelled whether the worker takes photos; one that keeps silent for seconds doesn't."""
    while True:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                ready = await worker.ready()
        except TimeoutError:
            ready = False
        metrics.worker_seen(ready=ready)
        await asyncio.sleep(pause_seconds)


async def watch_ledger(engine: AsyncEngine, metrics: Metrics, *, pause_seconds: float = _LOOK_SECONDS) -> None:
    """Look until cancelled whether the ledger's database answers, and how fast."""
    while True:
        metrics.ledger_seen(await _ping(engine))
        await asyncio.sleep(pause_seconds)


async def _ping(engine: AsyncEngine) -> float | None:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError, TimeoutError):
        return None
    return time.perf_counter() - began


async def watch(metrics: Metrics, worker: InferenceClient, ledger: AsyncEngine) -> None:
    """Do all of the above until cancelled."""
    await asyncio.gather(beat(metrics), watch_worker(worker, metrics), watch_ledger(ledger, metrics))
