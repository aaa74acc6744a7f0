"""What the worker does with memory, and without."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from tests.inference.conftest import encoded, photograph
from tests.inference.running_worker import RunningWorker
from tests.inference.worker.test_service import assert_problem

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read and limited the Linux way")


async def test_24_megapixels_fit_into_one_and_a_half_gigabytes(shared_worker: RunningWorker) -> None:
    photo = encoded(photograph(6000, 4000, "RGB"), quality=90)
    async with (
        aiohttp.ClientSession(shared_worker.url) as session,
        session.post("/v1/recolor", data=photo) as response,
    ):
        assert response.status == 200
        assert Image.open(io.BytesIO(await response.read())).size == (6000, 4000)
        print("server_timing", response.headers["Server-Timing"])
    print("peak_megabytes", shared_worker.peak_memory() // 10**6)
    assert shared_worker.peak_memory() < 1.5e9


async def test_a_photo_that_does_not_fit_is_told_so_and_the_next_is_served(
    weights_flags: list[str], tmp_path: Path, jpeg: bytes
) -> None:
    flags = ["--port", "0", "--device", "cpu", "--photo-memory-bytes", str(2**27), *weights_flags]
    large = encoded(Image.new("RGB", (9000, 7000)), "PNG")
    with RunningWorker(*flags, folder=tmp_path) as worker:
        await _does_not_fit(worker.wait_ready(), large, jpeg)


async def _does_not_fit(worker: RunningWorker, large: bytes, jpeg: bytes) -> None:
    async with aiohttp.ClientSession(worker.url) as session:
        async with session.post("/v1/recolor", data=large) as response:
            document = await assert_problem(response, 503, "out_of_memory")
            assert int(response.headers["Retry-After"]) >= 1
        assert "memory" in document["detail"]
        async with session.post("/v1/recolor", data=jpeg) as response:
            assert response.status == 200
        async with session.get("/metrics") as response:
            assert 'colorizebot_worker_out_of_memory_total{stage="decode"} 1.0' in await response.text()
