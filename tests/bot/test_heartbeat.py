"""What blocks the event loop is seen."""

import asyncio
import time

from prometheus_client import CollectorRegistry

from bot.heartbeat import beat
from bot.metrics import Metrics


def late_beats(registry: CollectorRegistry, limit: str) -> float:
    name = "colorizebot_event_loop_lag_seconds"
    within = registry.get_sample_value(f"{name}_bucket", {"le": limit}) or 0.0
    return (registry.get_sample_value(f"{name}_count") or 0.0) - within


async def test_a_blocked_loop_shows_as_a_late_beat_and_tasks_are_counted() -> None:
    metrics = Metrics()
    beating = asyncio.create_task(beat(metrics))
    await asyncio.sleep(0.2)
    time.sleep(0.4)  # as a forgotten blocking call does
    await asyncio.sleep(0.1)
    assert late_beats(metrics.registry, "0.25") == 1
    assert metrics.registry.get_sample_value("colorizebot_tasks") == 2  # itself and this test
    beating.cancel()
