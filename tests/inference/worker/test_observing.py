"""What operators see of the worker: its log as JSON, the ids of requests, its metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from inference.client import InferenceClient
from inference.request_id import following
from inference.worker import gpu_memory
from inference.worker.metrics import Metrics
from tests.inference.running_worker import RunningWorker
from tests.inference.worker.raw_http import raw_connection

REQUESTS = "colorizebot_worker_requests"


@pytest.fixture(scope="module")
def json_worker(weights_flags: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    """A ready worker that logs JSON."""
    flags = ["--port", "0", "--device", "cpu", "--log-format", "json", *weights_flags]
    with RunningWorker(*flags, folder=tmp_path_factory.mktemp("json-worker")) as worker:
        worker.wait_for('"event": "ready"')
        yield worker


def logged(worker: RunningWorker) -> list[dict[str, Any]]:
    return [json.loads(line) for line in worker.output.splitlines()]


async def families(worker: RunningWorker) -> dict[str, Metric]:
    async with aiohttp.ClientSession(worker.url) as session, session.get("/metrics") as response:
        return read(await response.text())


def read(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


async def test_every_line_is_json_and_holds_the_id_that_the_client_sent(
    json_worker: RunningWorker, jpeg: bytes
) -> None:
    async with InferenceClient(json_worker.url) as client:
        with following("summons-1"):
            await client.recolor(jpeg)
    json_worker.wait_for('"event": "recolored"')
    line = next(line for line in logged(json_worker) if line["event"] == "recolored")
    assert (line["request_id"], line["level"], line["width"], line["height"]) == ("summons-1", "info", 320, 240)
    assert isinstance(line["network_ms"], int)
    assert {"listening", "ready"} <= {line["event"] for line in logged(json_worker)}


async def test_refusals_hold_the_id_too_and_it_goes_back(json_worker: RunningWorker) -> None:
    headers = {"X-Request-Id": "summons-2"}
    async with (
        aiohttp.ClientSession(json_worker.url) as session,
        session.post("/v1/recolor", data=b"no photo", headers=headers) as response,
    ):
        assert response.headers["X-Request-Id"] == "summons-2"
    json_worker.wait_for('"event": "refused"')
    line = next(line for line in logged(json_worker) if line["event"] == "refused")
    assert (line["request_id"], line["reason"]) == ("summons-2", "not_an_image")


async def test_what_is_no_http_is_told_without_its_content_and_is_no_error_of_ours(json_worker: RunningWorker) -> None:
    async with raw_connection(json_worker.port) as connection:
        await connection.send(b"GET /secret.jpg HTTP/1.1\r\nHost: worker\r\nContent-Length: secret\r\n\r\n")
        assert (await connection.response()).status == 400
    async with raw_connection(json_worker.port) as connection:
        await connection.begin("Content-Encoding: gzip", "Content-Length: 6")
        await connection.send(b"secret")
        assert (await connection.response()).status == 400
    json_worker.wait_for("no proper HTTP(.|\n)*no proper HTTP")
    assert not [line for line in logged(json_worker) if line["level"] == "error"]
    assert "secret" not in json_worker.output
    assert "127.0.0.1" not in json_worker.output.partition('"ready"')[2]
    outcomes = {sample.labels["outcome"] for sample in (await families(json_worker))[REQUESTS].samples}
    assert "http_400" in outcomes
    assert "internal_error" not in outcomes


async def test_an_id_that_does_not_belong_in_a_log_is_replaced(json_worker: RunningWorker) -> None:
    async with (
        aiohttp.ClientSession(json_worker.url) as session,
        session.get("/healthz", headers={"X-Request-Id": "a photo of grandma"}) as response,
    ):
        assert re.fullmatch(r"[\w-]{22}", response.headers["X-Request-Id"])
    assert "grandma" not in json_worker.output


async def test_limits_queue_and_build_are_told(json_worker: RunningWorker) -> None:
    told = await families(json_worker)
    assert told["colorizebot_worker_requests_limit"].samples[0].value == 64
    assert told["colorizebot_worker_queue_items"].samples[0].value == 0
    build = told["colorizebot_worker_build_info"].samples[0].labels
    assert re.fullmatch(r"3\.\d+\.\d+", build["python"])
    assert re.match(r"\d+\.\d+", build["torch"])
    assert told["colorizebot_worker_gpu_memory_bytes"].samples == [], "there is no GPU to tell of"


@pytest.mark.gpu
def test_the_memory_of_a_gpu_is_told() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    metrics, device = Metrics(), torch.device("cuda")
    gpu_memory.observe(metrics, device)
    held = torch.zeros(2**24, dtype=torch.uint8, device=device)
    family = read(metrics.render().decode())["colorizebot_worker_gpu_memory_bytes"]
    told = {sample.labels["kind"]: sample.value for sample in family.samples}
    assert 2**24 <= told["tensors"] <= told["reserved"] <= told["used"] <= told["total"]
    assert held.sum() == 0
