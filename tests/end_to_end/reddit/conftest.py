from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inference.running_worker import RunningWorker


@pytest.fixture(scope="session")
def worker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One real worker with the bundled weights for all of these tests."""
    with RunningWorker("--port", "0", folder=tmp_path_factory.mktemp("worker")) as worker:
        worker.wait_ready()
        yield worker.url
