"""What a cluster can that a worker can't: grow, lose a part, change its weights, all under load."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from inference.model.colorizer import BUNDLED_WEIGHTS
from tests.inference.cluster.running_cluster import RunningCluster
from tests.inference.conftest import encoded, photograph
from tests.inference.worker.raw_http import raw_connection

pytest.importorskip("ray", reason="needs the extra “cluster”")
pytestmark = pytest.mark.timeout(600)  # clusters start slowly

TOKEN = "a-token-that-only-the-tests-know"
WEIGHTS = "current.safetensors"
CLIENTS = 8

FLAGS = ["--port", "0", "--device", "cpu", "--weights", WEIGHTS, "--cpus-per-replica", "0.5"]
GROWTH = ["--replicas", "1", "--max-replicas", "2", "--target-requests", "2", "--upscale-seconds", "0"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """A ready cluster of one replica that may grow to two, with a token and weights of its own."""
    if not BUNDLED_WEIGHTS.is_file():
        pytest.skip("needs the bundled weights")
    folder = tmp_path_factory.mktemp("growing-cluster")
    shutil.copy(BUNDLED_WEIGHTS, folder / WEIGHTS)
    (folder / ".env").write_text(f"COLORIZEBOT_WORKER_TOKEN={TOKEN}\n")
    with RunningCluster(*FLAGS, *GROWTH, folder=folder) as cluster:
        yield cluster.wait_ready()


class Load:
    """Clients that send one photo after another, and what they were told."""

    def __init__(self, session: aiohttp.ClientSession, pause: float) -> None:
        self.statuses: Counter[int] = Counter()
        self.models: list[str] = []
        self._session = session
        self._pause = pause
        self._photo = encoded(photograph(480, 360))

    async def ask_on_and_on(self) -> None:
        while True:
            async with self._session.post("/v1/recolor", data=self._photo) as response:
                await response.read()
                self.statuses[response.status] += 1
                self.models.append(response.headers.get("X-Colorizebot-Model", "none"))
            await asyncio.sleep(self._pause)

    async def wait_for(self, more: int) -> None:
        """Wait until so many more photos are answered."""
        goal = self.statuses.total() + more
        async with asyncio.timeout(180):
            while self.statuses.total() < goal:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def under_load(cluster: RunningCluster, pause: float = 0.2) -> AsyncIterator[Load]:
    """Have clients ask during the block; raises what they met with, such as a connection that was cut.

    Each makes a ``pause`` in seconds between its photos, so that the machine has time left for a new replica's start.
    """
    async with session_with(cluster) as session, asyncio.TaskGroup() as clients:
        load = Load(session, pause)
        tasks = [clients.create_task(load.ask_on_and_on()) for _ in range(CLIENTS)]
        yield load
        for task in tasks:
            task.cancel()


def session_with(cluster: RunningCluster) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cluster.url, headers={"Authorization": f"Bearer {TOKEN}"})


async def metric(cluster: RunningCluster, name: str) -> float:
    async with session_with(cluster) as session, session.get("/metrics") as response:
        match = re.search(rf"^{name} (\S+)$", await response.text(), re.MULTILINE)
    assert match, name
    return float(match[1])


async def wait_for_metric(cluster: RunningCluster, name: str, fits: Callable[[float], bool]) -> None:
    async with asyncio.timeout(180):
        while not fits(await metric(cluster, name)):
            await asyncio.sleep(0.5)


async def test_who_does_not_know_the_token_stays_out(cluster: RunningCluster, jpeg: bytes) -> None:
    async with aiohttp.ClientSession(cluster.url) as session:
        async with session.post("/v1/recolor", data=jpeg) as response:
            assert response.status == 401
        async with session.get("/readyz") as response:
            assert response.status == 200


async def test_it_grows_while_photos_wait(cluster: RunningCluster) -> None:
    assert await metric(cluster, "colorizebot_cluster_replicas") == 1
    async with under_load(cluster, pause=0) as load:
        await wait_for_metric(cluster, "colorizebot_cluster_replicas", lambda replicas: replicas == 2)
    assert set(load.statuses) == {200}


async def kill_a_replica(cluster: RunningCluster) -> None:
    known = len(cluster.pids("Replica"))
    os.kill(cluster.pids("Replica")[-1], signal.SIGSTOP)  # so that it has photos in hand when it dies
    await asyncio.sleep(0.5)
    os.kill(cluster.pids("Replica")[-1], signal.SIGKILL)
    async with asyncio.timeout(180):
        while len(cluster.pids("Replica")) == known:  # until another has taken its place
            await asyncio.sleep(0.1)


async def test_a_replica_that_is_killed_loses_no_photo(cluster: RunningCluster) -> None:
    await wait_for_metric(cluster, "colorizebot_cluster_replicas", lambda replicas: replicas >= 1)
    before = await metric(cluster, "colorizebot_cluster_retries_total")
    counted = await metric(cluster, "colorizebot_worker_batch_items_sum")
    async with under_load(cluster) as load:
        await load.wait_for(10)
        for _ in range(3):  # whether it has photos in hand is chance, where others get them
            await kill_a_replica(cluster)
            await load.wait_for(20)
            if await metric(cluster, "colorizebot_cluster_retries_total") > before:
                break
    assert set(load.statuses) == {200}
    assert await metric(cluster, "colorizebot_cluster_retries_total") > before
    assert await metric(cluster, "colorizebot_worker_batch_items_sum") > counted, "what it had counted is gone with it"


def other_weights(path: Path) -> None:
    """Write the bundled weights, one of them a little changed."""
    with safe_open(BUNDLED_WEIGHTS, "pt") as bundled:
        tensors = {name: bundled.get_tensor(name) for name in bundled.keys()}  # noqa: SIM118 - it is no dict
        name = sorted(tensors)[0]
        tensors[name] = tensors[name] * 1.01
        save_file(tensors, path, bundled.metadata())


async def test_new_weights_cost_no_request(cluster: RunningCluster) -> None:
    async with under_load(cluster) as load:
        await load.wait_for(5)
        other_weights(cluster.folder / "new.safetensors")
        (cluster.folder / "new.safetensors").replace(cluster.folder / WEIGHTS)
        cluster.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(cluster.wait_for, r"INFO +updated")
        await load.wait_for(10)
    assert set(load.statuses) == {200}
    assert len(set(load.models)) == 2
    assert load.models[-1] != load.models[0]


async def test_weights_that_are_none_change_nothing(cluster: RunningCluster, jpeg: bytes) -> None:
    (cluster.folder / WEIGHTS).write_bytes(b"These are not weights." * 100)
    cluster.process.send_signal(signal.SIGHUP)
    refusal = await asyncio.to_thread(cluster.wait_for, r"ERROR +not_updated reason=(.*)")
    assert "COLORIZEBOT_WORKER_WEIGHTS" in refusal[1]
    async with session_with(cluster) as session, session.post("/v1/recolor", data=jpeg) as response:
        assert response.status == 200


async def test_it_drains(cluster: RunningCluster, jpeg: bytes) -> None:
    """The last test of this cluster, for it ends it."""
    async with raw_connection(cluster.port) as under_way, session_with(cluster) as session:
        await under_way.begin(f"Content-Length: {len(jpeg)}", f"Authorization: Bearer {TOKEN}")
        await under_way.send(jpeg[:100])
        await wait_for_metric(cluster, "colorizebot_worker_requests_in_progress", lambda requests: requests == 1)
        cluster.terminate()
        cluster.wait_for("draining requests=1")
        for method, path in (("GET", "/readyz"), ("POST", "/v1/recolor")):
            async with session.request(method, path, data=jpeg if method == "POST" else None) as response:
                assert (response.status, (await response.json())["reason"]) == (503, "draining")
                assert int(response.headers["Retry-After"]) >= 1
        await under_way.send(jpeg[100:])
        assert (await under_way.response()).status == 200
    assert cluster.wait_end(120) == 0
    # Before, there may be what Ray says of the replica that was killed.
    assert "Traceback" not in cluster.output.partition("draining requests=1")[2]
    async with asyncio.timeout(60):
        while any(Path(f"/proc/{pid}").exists() for part in ("Ingress", "Replica") for pid in cluster.pids(part)):
            await asyncio.sleep(0.1)
