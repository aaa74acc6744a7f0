"""What users see when a photo process dies: nothing, unless their own photo is to blame."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from inference.bench.family import family_of
from tests.inference.conftest import encoded, photograph
from tests.inference.running_worker import RunningWorker, stopped
from tests.inference.worker.test_crowds import Counts, has_done, wait_until
from tests.inference.worker.test_service import assert_problem

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked at the Linux way")


async def test_processes_killed_under_load_cost_no_answer(weights_flags: list[str], tmp_path: Path) -> None:
    photos = [encoded(photograph(500 + number, 300)) for number in range(50)]

    async def recolor(session: aiohttp.ClientSession, photo: bytes) -> int:
        async with session.post("/v1/recolor", data=photo) as response:
            return response.status

    flags = ["--port", "0", "--device", "cpu", "--queue-size", "200", *weights_flags]
    with RunningWorker(*flags, folder=tmp_path) as worker:
        worker.wait_ready()
        async with aiohttp.ClientSession(worker.url) as session:
            for stage in ("check", "decode", "network"):
                before = await Counts.of(worker)
                running = [asyncio.create_task(recolor(session, photo)) for photo in photos]
                await wait_until(worker, has_done(stage, before.stage(stage) + 5))
                # A photo that was hit twice would be refused: so the worker hears of all deaths at once, and others
                # die only when all photos are answered.
                with stopped(worker.process.pid):
                    processes = family_of(worker.process.pid)[2:]
                    for process in processes:
                        os.kill(process, signal.SIGKILL)
                    while any(Path(f"/proc/{process}").exists() for process in processes):
                        await asyncio.sleep(0.01)
                assert await asyncio.gather(*running) == [200] * len(photos)
        worker.wait_for("photo_process_died")


async def test_a_photo_that_never_ends_is_refused_and_the_next_is_served(
    weights_flags: list[str], tmp_path: Path, jpeg: bytes
) -> None:
    first, *others = [Image.new("1", (2000, 2000), number % 2) for number in range(49)]
    endless = encoded(first, "GIF", save_all=True, append_images=others, duration=50)  # half a minute's work
    flags = ["--port", "0", "--device", "cpu", "--photo-seconds", "1", *weights_flags]
    with RunningWorker(*flags, folder=tmp_path) as worker:
        worker.wait_ready()
        async with aiohttp.ClientSession(worker.url) as session:
            async with session.post("/v1/recolor", data=endless) as response:
                await assert_problem(response, 400, "broken_image")
            async with session.get("/metrics") as response:
                deaths = 'colorizebot_worker_photo_process_deaths_total{manner="killed after 1 s"} 2.0'
                assert deaths in await response.text()
            async with session.post("/v1/recolor", data=jpeg) as response:
                assert response.status == 200
