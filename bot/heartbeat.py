"""Whether the event loop is well: how late it wakes those who sleep, and how many tasks live on it."""

from __future__ import annotations

import asyncio

from bot.metrics import Metrics

_BEAT_SECONDS = 0.05


async def beat(metrics: Metrics) -> None:
    """Measure until cancelled; what blocks the loop for a moment shows as a late beat."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _BEAT_SECONDS
        await asyncio.sleep(_BEAT_SECONDS)
        metrics.beat(late_seconds=max(0.0, loop.time() - due), tasks=len(asyncio.all_tasks(loop)))
