"""What the worker does with memory, and without."""

from __future__ import annotations

import io
import sys

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
    small_worker: RunningWorker, jpeg: bytes
) -> None:
    large = encoded(Image.new("RGB", (9000, 7000)), "PNG")
    async with aiohttp.ClientSession(small_worker.url) as session:
        small_worker.limit_address_space(headroom=30_000_000)
        try:
            async with session.post("/v1/recolor", data=large) as response:
                document = await assert_problem(response, 503, "out_of_memory")
                assert int(response.headers["Retry-After"]) >= 1
        finally:
            small_worker.limit_address_space(headroom=None)
        assert "memory" in document["detail"]
        async with session.post("/v1/recolor", data=jpeg) as response:
            assert response.status == 200
        async with session.get("/metrics") as response:
            assert 'colorizebot_worker_out_of_memory_total{stage="decode"} 1.0' in await response.text()
