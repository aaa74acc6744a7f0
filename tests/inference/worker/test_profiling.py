from __future__ import annotations

import re
import urllib.request
from pathlib import Path

from tests.inference.running_worker import RunningWorker


def test_a_profile_names_the_stages_and_the_lines_of_code(
    weights_flags: list[str], tmp_path: Path, jpeg: bytes
) -> None:
    with RunningWorker("--port", "0", "--device", "cpu", "--profile", *weights_flags, folder=tmp_path) as worker:
        worker.wait_ready()
        for _ in range(10):
            urllib.request.urlopen(f"{worker.url}/v1/recolor", jpeg).read()
        worker.terminate()
        assert worker.wait_end() == 0
        report = worker.output.partition("where the time went: 10 photos")[2]
    stages = re.findall(r"^ +([\d.]+) ms a photo +[\d.]+%  (\w+)$", report, re.MULTILINE)
    assert {"decode", "network", "encode"} < {stage for _, stage in stages}
    assert re.search(r"^ +[\d.]+  photo +imaging/\w+\.py:\d+ \w+", report, re.MULTILINE)
    assert re.search(r"^ +[\d.]+  network +model/\w+\.py:\d+ \w+", report, re.MULTILINE)
    assert "stdin" not in report


def test_a_worker_that_was_not_asked_to_tells_nothing(shared_worker: RunningWorker) -> None:
    assert "where the time went" not in shared_worker.output
