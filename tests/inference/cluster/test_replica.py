"""A replica by itself, without Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inference.model.colorizer import BUNDLED_WEIGHTS

ROOT = Path(__file__).parents[3]

CHANGING = """
import asyncio, gc, json, os, sys
from pathlib import Path
from inference.cluster.replica import Replica
from inference.settings import WorkerSettings
from inference.vocabulary import RecolorOptions

async def change():
    replica, held = Replica(WorkerSettings(device="cpu", photo_processes=1)), []
    for _ in range(3):
        await replica.reconfigure({"weights": None})
        recolored = await replica.recolor(Path("photo.jpg").read_bytes(), RecolorOptions(), "")
        assert recolored.width == 320
        held.append(len(os.listdir("/proc/self/fd")))
    print(json.dumps(held), flush=True)
    os._exit(0)

gc.disable()  # what is left to chance does not happen
asyncio.run(change())
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted the Linux way")
@pytest.mark.skipif(not BUNDLED_WEIGHTS.is_file(), reason="needs the bundled weights")
def test_a_model_that_was_replaced_leaves_nothing_behind(jpeg: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    own = {name: value for name, value in os.environ.items() if not name.startswith("COLORIZEBOT_")}
    answer = subprocess.run(
        [sys.executable, "-c", CHANGING],
        cwd=tmp_path,
        env=own | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    first, second, third = json.loads(answer.stdout)
    assert first == second == third
