import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inference.bench.network_runtimes import RUNTIMES, SIDE


@pytest.mark.parametrize("name", ["eager", "served"])
def test_a_runtime_is_measured_in_a_process_of_its_own(name: str, tmp_path: Path) -> None:
    prediction = tmp_path / "ab.npy"
    command = [sys.executable, "-m", "inference.bench.network_process", name, "1", "unused.onnx", str(prediction)]
    figures = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert figures["ms"].keys() == {"1", "8"}
    assert min(figures["ms"].values()) > 0
    assert figures["start_seconds"] > 0
    assert figures["resident_bytes"] > 50e6
    ab = np.load(prediction)
    assert ab.shape == (1, 2, SIDE // 4, SIDE // 4)
    assert np.abs(ab).mean() > 1


def test_runtimes_of_other_packages_say_which() -> None:
    assert {runtime.package for runtime in RUNTIMES.values()} == {"torch", "onnxruntime", "openvino"}
