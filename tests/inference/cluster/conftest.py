"""Clusters in place of workers, for the tests of the worker's contract and for those of the cluster's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from inference.client import InferenceClient
from tests.inference.cluster.running_cluster import RunningCluster

ONE_REPLICA = ["--port", "0", "--device", "cpu", "--replicas", "1", "--max-replicas", "1"]


@pytest.fixture(scope="module")
def shared_worker(weights_flags: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """One ready cluster for all tests that leave it as it was."""
    with RunningCluster(*ONE_REPLICA, *weights_flags, folder=tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster.wait_ready()


@pytest.fixture(scope="module")
def small_worker(weights_flags: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """A ready cluster that is soon full, with the limits of the worker of this name."""
    limits = ["--queue-size", "2", "--photo-processes", "1", "--max-bytes", "1000000", "--body-timeout-seconds", "5"]
    folder = tmp_path_factory.mktemp("small-cluster")
    with RunningCluster(*ONE_REPLICA, *limits, *weights_flags, folder=folder) as cluster:
        yield cluster.wait_ready()


@pytest.fixture
async def session(shared_worker: RunningCluster) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(shared_worker.url) as session:
        yield session


@pytest.fixture
async def client(shared_worker: RunningCluster) -> AsyncIterator[InferenceClient]:
    async with InferenceClient(shared_worker.url) as client:
        yield client
