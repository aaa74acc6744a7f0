"""The processes in which a running worker opens strangers' files."""

from __future__ import annotations

import sys
from pathlib import Path

import aiohttp
import pytest

from tests.inference.running_worker import RunningWorker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

PROC = Path("/proc")


def status(process: int) -> dict[str, str]:
    lines = (PROC / str(process) / "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def children(parent: int) -> list[int]:
    listed = [Path(f"{task}/children").read_text().split() for task in (PROC / str(parent) / "task").iterdir()]
    return [int(child) for some in listed for child in some]


async def test_photos_are_decoded_where_nothing_else_can_be_done(shared_worker: RunningWorker, jpeg: bytes) -> None:
    url = shared_worker.url
    async with aiohttp.ClientSession(url) as session, session.post("/v1/recolor", data=jpeg) as response:
        assert response.status == 200
    [fork_server] = children(shared_worker.process.pid)
    photo_processes = children(fork_server)
    assert photo_processes
    filtered = "2"
    for process in photo_processes:
        shared_worker.wait_for(rf"photo_process_started pid={process} ")  # one may have been forked just now
        shown = status(process)
        assert shown["Seccomp"] == filtered
        assert shown["NoNewPrivs"] == "1"
        assert int(shown["CapEff"], 16) == int(shown["CapPrm"], 16) == 0
        # One thread, or Landlock would not hold for the others; and no tokens to be found.
        assert shown["Threads"] == "1"
        assert b"COLORIZEBOT_" not in (PROC / str(process) / "environ").read_bytes()
    assert status(shared_worker.process.pid)["Seccomp"] != filtered
