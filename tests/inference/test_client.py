"""The worker's client, against real workers and against what else may sit at their address."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from PIL import Image

import inference.client
from inference.client import InferenceClient, WorkerLost
from inference.problems import Busy, NotAnImage, NotReady, TooManyBytes
from inference.vocabulary import (
    HEIGHT_HEADER,
    INPUT_HEADER,
    MODEL_HEADER,
    WIDTH_HEADER,
    InputKind,
    Layout,
    OutputFormat,
    RecolorOptions,
)
from tests.inference.running_worker import HeldWorker, RunningWorker, stopped
from tests.inference.worker.raw_http import raw_connection
from tests.inference.worker.test_crowds import large_photo, wait_empty, wait_until

RECOLORED = {WIDTH_HEADER: "5", HEIGHT_HEADER: "5", INPUT_HEADER: "gray", MODEL_HEADER: "a model"}


@pytest.fixture(params=["tcp", "unix"])
async def client(request: pytest.FixtureRequest, shared_worker: RunningWorker) -> AsyncIterator[InferenceClient]:
    if request.param == "unix":
        async with InferenceClient(socket=shared_worker.folder / "worker.sock") as client:
            yield client
    else:
        async with InferenceClient(shared_worker.url + "/") as client:
            yield client


async def test_a_photo_comes_back_with_all_that_is_known_of_it(client: InferenceClient, jpeg: bytes) -> None:
    recolored = await client.recolor(jpeg)
    assert Image.open(io.BytesIO(recolored.data)).size == (320, 240)
    assert (recolored.media_type, recolored.width, recolored.height) == ("image/jpeg", 320, 240)
    assert recolored.input is InputKind.GRAY
    assert recolored.model == (await client.model())["name"]
    stages = {"receive", "check", "wait", "turn", "decode", "queue", "network", "encode"}
    assert set(recolored.timings) == stages | {"total"}
    assert recolored.timings["network"] > 0


async def test_options_reach_the_worker(client: InferenceClient, jpeg: bytes) -> None:
    options = RecolorOptions(vividness=0.5, layout=Layout.SIDE_BY_SIDE, format=OutputFormat.WEBP)
    recolored = await client.recolor(jpeg, options)
    assert recolored.media_type == "image/webp"
    assert Image.open(io.BytesIO(recolored.data)).width > recolored.width == 320


async def test_problems_come_back_as_themselves(client: InferenceClient) -> None:
    with pytest.raises(NotAnImage, match="picture") as problem:
        await client.recolor(b"Hello, bot!")
    assert problem.value.retry_after is None
    with pytest.raises(TooManyBytes):
        await client.recolor(bytes(51 * 2**20))


async def test_a_busy_worker_says_when_to_come_back(small_worker: RunningWorker, jpeg: bytes) -> None:
    async with (
        raw_connection(small_worker.port) as first,
        raw_connection(small_worker.port) as second,
        InferenceClient(small_worker.url) as client,
    ):
        for holder in (first, second):
            await holder.begin("Content-Length: 5000", "Expect: 100-continue")
            assert (await holder.response()).status == 100
        with pytest.raises(Busy) as busy:
            await client.recolor(jpeg)
        assert busy.value.retry_after
    async with InferenceClient(small_worker.url) as client:
        await client.wait_ready(60)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at the Linux way")
async def test_from_loading_to_loss(
    weights_flags: list[str], tmp_path: Path, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference.client, "_LOOK_SECONDS", 60)
    with HeldWorker("--socket", "worker.sock", "--port", "0", *weights_flags, folder=tmp_path) as worker:
        worker.wait_for("listening address=http")
        async with InferenceClient(socket=tmp_path / "worker.sock") as client:
            assert not await client.ready()
            with pytest.raises(NotReady) as loading:
                await client.recolor(jpeg)
            assert loading.value.retry_after
            with pytest.raises(WorkerLost, match=r"within 0\.2 seconds"):
                await client.wait_ready(0.2)
            worker.let_load()
            await client.wait_ready(120)
            assert await client.ready()

            # Killed in the middle of a photo, it is lost, and stays so.
            with stopped(*worker.photo_processes()):  # so that the photo can't be done before
                under_way = asyncio.create_task(client.recolor(jpeg))
                await wait_until(worker, lambda counts: counts.stage("receive") == 1)
                assert not under_way.done()
                os.kill(worker.process.pid, signal.SIGKILL)
                with pytest.raises(WorkerLost):
                    await under_way
            assert not await client.ready()
            with pytest.raises(WorkerLost, match="can't be reached"):
                await client.recolor(jpeg)


async def test_giving_up_tells_the_worker(small_worker: RunningWorker) -> None:
    photo, takes_seconds = large_photo(), RecolorOptions(format=OutputFormat.PNG)
    before = await wait_empty(small_worker)
    for timeout in (0.1, 0.2, 0.4, 0.8):
        async with InferenceClient(small_worker.url, timeout=timeout) as client:
            with pytest.raises(WorkerLost, match="too long"):
                await client.recolor(photo, takes_seconds)
        after = await wait_empty(small_worker)
        if after.gone > before.gone:
            break  # else it was held up, and gave up before the worker had heard of the photo
    assert after.gone > before.gone
    small_worker.wait_for("client_gone")


async def test_nobody_there() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # so that no other program listens there meanwhile
        async with InferenceClient(f"http://127.0.0.1:{nobody.getsockname()[1]}") as client:
            assert not await client.ready()
            with pytest.raises(WorkerLost):
                await client.recolor(b"x")
            with pytest.raises(WorkerLost):
                await client.model()


@asynccontextmanager
async def something_else(answer: Callable[[web.BaseRequest], web.Response]) -> AsyncIterator[str]:
    """Serve something that is no worker."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return answer(request)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: web.Response(status=502, text="<h1>Bad Gateway</h1>", content_type="text/html"),
        lambda request: web.Response(text="It works!"),
        lambda request: web.Response(status=400, body=b"{", content_type="application/problem+json"),
        lambda request: web.Response(status=400, body=b"[" * 100_000, content_type="application/problem+json"),
        lambda request: web.Response(body=b"<script>", content_type="text/html", headers=RECOLORED),
        lambda request: web.Response(body=b"x", content_type="image/png", headers=RECOLORED | {WIDTH_HEADER: "-1"}),
        lambda request: web.Response(body=b"x", content_type="image/png", headers=RECOLORED | {WIDTH_HEADER: "9" * 20}),
    ],
    ids=["a proxy without a worker", "a web site", "half a problem", "a pit", "a page", "less than none", "too wide"],
)
async def test_something_else_is_no_worker(answer: Callable[[web.BaseRequest], web.Response]) -> None:
    async with something_else(answer) as url, InferenceClient(url) as client:
        with pytest.raises(WorkerLost):
            await client.recolor(b"x")
        with pytest.raises(WorkerLost):
            await client.model()


@pytest.mark.parametrize("seconds", ["²", "9" * 400, "9" * 5000, "soon", "-1"])
async def test_what_is_no_time_to_come_back_is_none(seconds: str) -> None:
    headers = {"Retry-After": seconds, "Content-Type": "application/problem+json"}
    async with (
        something_else(lambda request: web.Response(status=429, body=b'{"reason": "busy"}', headers=headers)) as url,
        InferenceClient(url) as client,
    ):
        with pytest.raises(Busy) as busy:
            await client.recolor(b"x")
    assert busy.value.retry_after is None


async def test_a_worker_that_hangs_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference.client, "_LOOK_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as takes_calls_and_says_nothing:
        async with InferenceClient(f"http://127.0.0.1:{takes_calls_and_says_nothing.getsockname()[1]}") as client:
            async with asyncio.timeout(60):
                assert not await client.ready()
            with pytest.raises(WorkerLost, match="ready within"):
                await client.wait_ready(0.5)
            monkeypatch.setattr(inference.client, "_CONNECT_SECONDS", 0.2)
            with pytest.raises(WorkerLost, match="too long"):
                await client.model()


def test_either_url_or_socket() -> None:
    with pytest.raises(ValueError, match="either"):
        InferenceClient()
    with pytest.raises(ValueError, match="either"):
        InferenceClient("http://127.0.0.1", Path("worker.sock"))


def test_the_client_needs_none_of_the_models_dependencies() -> None:
    code = "import sys, inference.client; print({'torch', 'numpy', 'PIL', 'pydantic'} & set(sys.modules))"
    began = time.perf_counter()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()", result.stdout
    print("import seconds", round(time.perf_counter() - began, 2))
