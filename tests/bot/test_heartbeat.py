"""What blocks the event loop is seen."""

import asyncio
import time

from prometheus_client import CollectorRegistry

from bot.heartbeat import beat
from bot.metrics import Metrics


def beats(registry: CollectorRegistry) -> tuple[float, float]:
    """How many beats there were, and how many of them were late."""
    name = "colorizebot_event_loop_lag_seconds"
    within = registry.get_sample_value(f"{name}_bucket", {"le": "0.25"}) or 0.0
    count = registry.get_sample_value(f"{name}_count") or 0.0
    return count, count - within


async def test_a_blocked_loop_shows_as_a_late_beat_and_tasks_are_counted() -> None:
    metrics = Metrics()
    beating = asyncio.create_task(beat(metrics))
    count, late = beats(metrics.registry)
    while count == late:
        await asyncio.sleep(0.01)
        count, late = beats(metrics.registry)
    time.sleep(0.4)  # as a forgotten blocking call does
    while beats(metrics.registry)[0] == count:
        await asyncio.sleep(0)
    assert beats(metrics.registry) == (count + 1, late + 1)
    assert metrics.registry.get_sample_value("colorizebot_tasks") == 2  # itself and this test
    beating.cancel()
