"""What users see when a photo process dies: nothing, unless their own photo is to blame."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from inference.bench.family import family_of
from tests.inference.conftest import encoded, photograph
from tests.inference.running_worker import RunningWorker
from tests.inference.worker.test_service import assert_problem

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked at the Linux way")


async def test_processes_killed_under_load_cost_no_answer(weights_flags: list[str], tmp_path: Path) -> None:
    photos = [
        encoded(photograph(500 + number, 300)) for number in range(150)
    ]  # one that was hit goes to their end, and is not hit again

    async def recolor(session: aiohttp.ClientSession, photo: bytes) -> int:
        async with session.post("/v1/recolor", data=photo) as response:
            return response.status

    flags = ["--port", "0", "--device", "cpu", "--queue-size", "200", *weights_flags]
    with RunningWorker(*flags, folder=tmp_path) as worker:
        worker.wait_ready()
        async with aiohttp.ClientSession(worker.url) as session:
            running = [asyncio.create_task(recolor(session, photo)) for photo in photos]
            for _ in range(3):
                await asyncio.sleep(0.15)
                for process in family_of(worker.process.pid)[2:]:
                    os.kill(process, signal.SIGKILL)
            assert await asyncio.gather(*running) == [200] * len(photos)
        assert "photo_process_died" in worker.output


async def test_a_photo_that_never_ends_is_refused_and_the_next_is_served(
    weights_flags: list[str], tmp_path: Path, jpeg: bytes
) -> None:
    endless = encoded(photograph(7000, 5000, "RGB"), quality=5, progressive=True)
    flags = ["--port", "0", "--device", "cpu", "--photo-seconds", "0.25", *weights_flags]
    with RunningWorker(*flags, folder=tmp_path) as worker:
        worker.wait_ready()
        async with aiohttp.ClientSession(worker.url) as session:
            async with session.post("/v1/recolor", data=endless) as response:
                await assert_problem(response, 400, "broken_image")
            async with session.post("/v1/recolor", data=jpeg) as response:
                assert response.status == 200
            async with session.get("/metrics") as response:
                deaths = 'colorizebot_worker_photo_process_deaths_total{manner="killed after 0.25 s"} 2.0'
                assert deaths in await response.text()
