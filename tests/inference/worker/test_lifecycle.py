"""How a worker starts, refuses to start, drains and ends."""

from __future__ import annotations

import asyncio
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.inference.running_worker import HeldWorker, RunningWorker
from tests.inference.worker.raw_http import raw_connection
from tests.inference.worker.test_service import assert_problem


@pytest.fixture
def short_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path leaves room for a UNIX socket's 107 bytes."""
    return tmp_path_factory.mktemp("w")


async def test_from_loading_to_the_end(weights_flags: list[str], jpeg: bytes, tmp_path: Path) -> None:
    began = time.perf_counter()
    flags = ["--port", "0", "--socket", "worker.sock", "--device", "cpu", *weights_flags]
    with HeldWorker(*flags, folder=tmp_path) as worker:
        async with aiohttp.ClientSession(worker.url) as session:
            async with session.get("/healthz") as response:
                assert response.status == 200
            print("seconds_to_health", round(time.perf_counter() - began, 2))
            for method, path in (("GET", "/readyz"), ("POST", "/v1/recolor"), ("GET", "/v1/model")):
                async with session.request(method, path, data=jpeg if method == "POST" else None) as response:
                    await assert_problem(response, 503, "loading")
                    assert int(response.headers["Retry-After"]) >= 1
            assert stat.S_IMODE((tmp_path / "worker.sock").stat().st_mode) == 0o600

            worker.let_load()
            worker.wait_ready()
            print("seconds_to_ready", round(time.perf_counter() - began, 2))
            async with raw_connection(worker.port) as under_way:
                await under_way.begin(f"Content-Length: {len(jpeg)}")
                await under_way.send(jpeg[:100])
                await under_way_counted(session)
                worker.terminate()
                worker.wait_for("draining requests=1")
                for method, path in (("GET", "/readyz"), ("POST", "/v1/recolor")):
                    async with session.request(method, path, data=jpeg if method == "POST" else None) as response:
                        await assert_problem(response, 503, "draining")
                        assert int(response.headers["Retry-After"]) >= 1
                async with session.get("/healthz") as response:
                    assert response.status == 200
                await under_way.send(jpeg[100:])
                assert (await under_way.response()).status == 200
        assert worker.wait_end() == 0
        assert not (tmp_path / "worker.sock").exists()
        assert "Traceback" not in worker.output


async def under_way_counted(session: aiohttp.ClientSession) -> None:
    while True:
        async with session.get("/metrics") as response:
            if "colorizebot_worker_requests_in_progress 1.0" in await response.text():
                return


async def test_draining_has_an_end(weights_flags: list[str], tmp_path: Path) -> None:
    flags = ["--port", "0", "--device", "cpu", "--drain-seconds", "0.5", "--exit-with-stdin", *weights_flags]
    with RunningWorker(*flags, folder=tmp_path) as worker:
        worker.wait_ready()
        async with raw_connection(worker.port) as stalled, aiohttp.ClientSession(worker.url) as session:
            await stalled.begin("Content-Length: 5000")
            await stalled.send(b"x")
            await under_way_counted(session)
            worker.close_input()
            worker.wait_for("drained_too_long requests=1")
            assert worker.wait_end() == 0
        assert "Traceback" not in worker.output


def test_it_ends_while_loading_too(weights_flags: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    with HeldWorker("--port", "0", *weights_flags, folder=tmp_path_factory.mktemp("told")) as worker:
        worker.wait_for("listening")
        worker.terminate()
        assert worker.wait_end() == 0
        assert "ready model=" not in worker.output
    flags = ["--port", "0", "--exit-with-stdin", *weights_flags]
    with HeldWorker(*flags, folder=tmp_path_factory.mktemp("left")) as worker:
        worker.wait_for("listening")
        worker.close_input()
        assert worker.wait_end() == 0
        assert "ready model=" not in worker.output


async def test_without_exit_with_stdin_a_closed_input_means_nothing(weights_flags: list[str], tmp_path: Path) -> None:
    with RunningWorker("--port", "0", *weights_flags, folder=tmp_path) as worker:
        worker.close_input()
        await asyncio.sleep(1)
        async with aiohttp.ClientSession(worker.url) as session, session.get("/healthz") as response:
            assert response.status == 200


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def refusal(worker: RunningWorker) -> str:
    """Return the one sentence with which a worker refuses to start."""
    assert worker.wait_end(timeout=120) == 2
    assert "Traceback" not in worker.output
    (sentence,) = [line for line in worker.output.splitlines() if line.startswith("colorizebot worker: ")]
    assert sentence.endswith(".")
    return sentence


def test_a_taken_port(taken_port: int, tmp_path: Path) -> None:
    with RunningWorker("--port", str(taken_port), folder=tmp_path) as worker:
        assert "--port (COLORIZEBOT_WORKER_PORT)" in refusal(worker)


def test_a_host_that_is_not_ours(tmp_path: Path) -> None:
    with RunningWorker("--host", "192.0.2.1", "--port", "0", folder=tmp_path) as worker:
        assert "--host (COLORIZEBOT_WORKER_HOST)" in refusal(worker)


def test_missing_weights(tmp_path: Path) -> None:
    with RunningWorker("--port", "0", "--weights", "nowhere.safetensors", folder=tmp_path) as worker:
        sentence = refusal(worker)
    assert "--weights (COLORIZEBOT_WORKER_WEIGHTS)" in sentence
    assert "nowhere.safetensors" in sentence


def test_broken_weights(tmp_path: Path) -> None:
    name = "broken.safetensors"
    (tmp_path / name).write_bytes(b"These are not weights." * 100)
    with RunningWorker("--port", "0", "--weights", name, folder=tmp_path) as worker:
        sentence = refusal(worker)
    assert "--weights (COLORIZEBOT_WORKER_WEIGHTS)" in sentence
    assert name in sentence


def test_a_device_that_is_not_there(weights_flags: list[str], tmp_path: Path) -> None:
    with RunningWorker("--port", "0", "--device", "cuda:99", *weights_flags, folder=tmp_path) as worker:
        sentence = refusal(worker)
    assert "--device (COLORIZEBOT_WORKER_DEVICE)" in sentence
    assert "cuda:99" in sentence


def test_a_socket_left_behind_is_replaced(short_folder: Path, weights_flags: list[str]) -> None:
    with RunningWorker("--socket", "worker.sock", *weights_flags, folder=short_folder) as worker:
        worker.wait_for("listening address=unix:worker.sock")
        assert "http://" not in worker.output, "a socket alone is meant to be alone"
        worker.kill()
    assert (short_folder / "worker.sock").is_socket()
    with RunningWorker("--socket", "worker.sock", *weights_flags, folder=short_folder) as worker:
        worker.wait_for("listening")
        with RunningWorker("--socket", "worker.sock", folder=short_folder) as another:
            assert "another worker" in refusal(another)
        assert (short_folder / "worker.sock").is_socket(), "the refused one must not take the socket along"
        worker.terminate()
        assert worker.wait_end() == 0
    assert not (short_folder / "worker.sock").exists()


@pytest.mark.parametrize("path", ["a-file", "no-such-folder/worker.sock", "x" * 200, "x" * 300])
def test_a_socket_that_cannot_be(tmp_path: Path, path: str) -> None:
    (tmp_path / "a-file").write_text("precious")
    with RunningWorker("--socket", path, folder=tmp_path) as worker:
        assert "--socket (COLORIZEBOT_WORKER_SOCKET)" in refusal(worker)
    assert (tmp_path / "a-file").read_text() == "precious"
