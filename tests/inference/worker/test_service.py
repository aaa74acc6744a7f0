"""The HTTP contract, over real sockets."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest
from PIL import Image

from tests.inference.conftest import encoded, photograph
from tests.inference.running_worker import RunningWorker


@pytest.fixture(params=["tcp", "unix"])
async def session(request: pytest.FixtureRequest, shared_worker: RunningWorker) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the shared worker as its base, over either kind of socket."""
    connector = aiohttp.UnixConnector(str(shared_worker.folder / "worker.sock")) if request.param == "unix" else None
    async with aiohttp.ClientSession(shared_worker.url, connector=connector) as session:
        yield session


async def metric(session: aiohttp.ClientSession, sample: str) -> float:
    async with session.get("/metrics") as response:
        match = re.search(rf"^{re.escape(sample)} (\S+)$", await response.text(), re.MULTILINE)
    return float(match[1]) if match else 0.0


async def test_a_photo_comes_back_recolored(session: aiohttp.ClientSession, jpeg: bytes) -> None:
    before = await metric(session, 'colorizebot_worker_requests_total{outcome="ok"}')
    async with session.post("/v1/recolor", data=jpeg) as response:
        body = await response.read()
        assert response.status == 200
        assert response.content_type == "image/jpeg"
        assert re.fullmatch(r"topdown-lite\d-[0-9a-f]{8}", response.headers["X-Colorizebot-Model"])
        assert response.headers["X-Colorizebot-Input"] == "gray"
        assert (response.headers["X-Colorizebot-Width"], response.headers["X-Colorizebot-Height"]) == ("320", "240")
        timing = response.headers["Server-Timing"]
    stages = {name: float(ms) for name, ms in re.findall(r"(\w+);dur=([\d.]+)", timing)}
    assert list(stages) == ["receive", "turn", "check", "wait", "decode", "queue", "network", "encode", "total"]
    total = stages.pop("total")
    assert 0.9 * total - 2 < sum(stages.values()) <= total + 0.1, "stages are missing"
    image = Image.open(io.BytesIO(body))
    assert image.size == (320, 240)
    assert image.mode == "RGB"
    assert await metric(session, 'colorizebot_worker_requests_total{outcome="ok"}') == before + 1


async def test_options_are_honoured(session: aiohttp.ClientSession, jpeg: bytes) -> None:
    async with session.post("/v1/recolor?layout=side_by_side&format=png", data=jpeg) as response:
        assert response.content_type == "image/png"
        assert response.headers["X-Colorizebot-Width"] == "320"
        assert Image.open(io.BytesIO(await response.read())).width >= 640
    async with session.post("/v1/recolor?vividness=0&format=png", data=jpeg) as response:
        pixels = np.asarray(Image.open(io.BytesIO(await response.read())).convert("RGB")).astype(int)
    assert np.ptp(pixels, axis=2).max() <= 1, "vividness 0 has to be gray"


async def test_an_animation_stays_one(session: aiohttp.ClientSession) -> None:
    first, *others = [photograph(96, 64).rotate(30 * turn) for turn in range(12)]
    animation = encoded(first, "GIF", save_all=True, append_images=others, duration=80)
    before = await metric(session, "colorizebot_worker_batch_items_sum")
    async with session.post("/v1/recolor", data=animation) as response:
        assert response.content_type == "image/gif"
        recolored = Image.open(io.BytesIO(await response.read()))
    assert (recolored.size, getattr(recolored, "n_frames", 1)) == ((96, 64), 12)
    assert await metric(session, "colorizebot_worker_batch_items_sum") > before + 1


@pytest.mark.parametrize("query", ["vividness=9", "vividness=red", "layout=upside_down", "format=bmp", "colour=1"])
async def test_bad_options_are_problems(session: aiohttp.ClientSession, jpeg: bytes, query: str) -> None:
    async with session.post("/v1/recolor?" + query, data=jpeg) as response:
        await assert_problem(response, 422, "invalid_option")


async def test_unknown_addresses_and_methods_are_problems(session: aiohttp.ClientSession) -> None:
    async with session.get("/nowhere") as response:
        await assert_problem(response, 404, "not_found")
    async with session.get("/v1/recolor") as response:
        await assert_problem(response, 405, "method_not_allowed")
        assert response.headers["Allow"] == "POST"
    async with session.post("/v1/recolor", data=b"x", headers={"Expect": "a miracle"}) as response:
        await assert_problem(response, 417, "expectation_failed")


async def test_health_and_readiness(session: aiohttp.ClientSession) -> None:
    for path in ("/healthz", "/readyz"):
        async with session.get(path) as response:
            assert response.status == 200


async def test_the_model_describes_itself(session: aiohttp.ClientSession) -> None:
    async with session.get("/v1/model") as response:
        assert response.status == 200
        description = await response.json()
    assert description["name"].endswith(description["weights_sha256"][:8])
    assert description["device"] == "cpu"
    assert description["configuration"]["network"] == "topdown"
    assert all(height % 32 == width % 32 == 0 for height, width in description["shapes"])
    assert description["limits"]["max_pixels"] == 64_000_000


async def test_metrics_are_prometheus_text_with_units(session: aiohttp.ClientSession, jpeg: bytes) -> None:
    async with session.post("/v1/recolor", data=jpeg) as response:
        assert response.status == 200
    async with session.get("/metrics") as response:
        assert response.content_type == "text/plain"
        text = await response.text()
    assert "colorizebot_worker_ready 1.0" in text
    assert "colorizebot_worker_requests_in_progress 0.0" in text
    assert 'colorizebot_worker_stage_duration_seconds_bucket{le="0.001",stage="network"}' in text
    assert re.search(r'colorizebot_worker_model_info\{device="cpu",model="topdown-\S+"\} 1.0', text)
    assert re.search(r"^process_resident_memory_bytes \d", text, re.MULTILINE)


async def test_the_log_has_one_line_per_photo_and_nothing_of_its_content(
    shared_worker: RunningWorker, jpeg: bytes
) -> None:
    odd = encoded(photograph(123, 77))
    async with aiohttp.ClientSession(shared_worker.url) as session:
        async with session.post("/v1/recolor", data=odd) as response:
            assert response.status == 200
        async with session.get("/secret-name.jpg") as response:
            assert response.status == 404
    match = shared_worker.wait_for(r".*\brecolored .*width=123 height=77.*")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO ", match[0])
    assert "secret-name" not in shared_worker.output


async def assert_problem(response: aiohttp.ClientResponse, status: int, reason: str) -> dict[str, Any]:
    assert response.status == status
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = await response.json()
    assert document["status"] == status
    assert document["reason"] == reason
    assert document["title"]
    assert document["detail"].endswith(".")
    return document
