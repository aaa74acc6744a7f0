"""What a running cluster makes of SIGHUP, without Ray running."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("ray", reason="needs the extra “cluster”")

from ray.exceptions import OutOfMemoryError

from inference.cluster.server import _update_until
from inference.settings import UnusableSettings


async def test_an_update_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    stop, hang_up = asyncio.Event(), asyncio.Event()
    failures = [
        UnusableSettings("--weights can't be these."),
        RuntimeError("Deploying application colorizebot failed"),
        OutOfMemoryError("a worker was killed"),
    ]
    tried: list[Exception] = []

    async def update() -> None:
        tried.append(failures[len(tried)])
        raise tried[-1]

    updating = asyncio.create_task(_update_until(stop, hang_up, update))
    for count in range(1, len(failures) + 1):
        hang_up.set()
        async with asyncio.timeout(30):
            while len([each for each in caplog.records if "not_updated" in each.getMessage()]) < count:
                await asyncio.sleep(0.01)
    stop.set()
    await updating
