"""Two real processes over gloo against one that works through the same lots."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training.__main__ import main
from training.checkpoint import load_checkpoint
from training.distributed import ALONE, Processes
from training.recipe import Recipe, RecipeError
from training.train import own_share

_VALUES = {
    "side": 64,
    "visits": 48,
    "batch": 8,
    "positions": 64,
    "patch": 2,
    "objective": "default",
    "hints": 0.5,
    "freeze": "encoder",
    "bf16": False,
    "save_every": 3,
}
_SETS = [part for name, value in _VALUES.items() for part in ("--set", f"{name}={value}")]


def _log(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_two_processes_do_what_one_does_with_the_double_batch(tmp_path: Path, manifest_folder: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    options = ["train", "--photos", str(manifest_folder), "--cache", str(tmp_path / "cache"), "--device", "cpu", *_SETS]
    assert main([*options, "--run", str(one), "--set", "lots=2"]) == 0
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "-m",
        "--",
        "training",
    ]
    subprocess.run([*torchrun, *options, "--run", str(two)], check=True, timeout=150)

    expected, shared = load_checkpoint(one), load_checkpoint(two)
    assert shared.recipe == expected.recipe  # the lots too, so that either can go on with the other's
    assert torch.equal(shared.prior, expected.prior)
    for name, tensor in expected.average.items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(shared.average[name], tensor, atol=1e-4, rtol=1e-3, msg=name)
    losses = [[line["loss"] for line in _log(run) if "loss" in line] for run in (one, two)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert len(_log(two)) == len(_log(one))  # only the leader writes
    assert list((two / "sheets").iterdir())


def test_each_process_gets_every_other_lot() -> None:
    recipe, batch = Recipe(batch=8, lots=4), torch.arange(8)
    shares = [own_share(batch, recipe, Processes(rank, 2)).tolist() for rank in range(2)]
    assert shares == [[0, 1, 4, 5], [2, 3, 6, 7]]
    assert own_share(batch, recipe, ALONE).tolist() == list(range(8))


def test_lots_that_cannot_be_shared_out_are_refused() -> None:
    with pytest.raises(RecipeError, match="multiple of the number of processes"):
        own_share(torch.arange(6), Recipe(batch=6, lots=3), Processes(0, 2))
    with pytest.raises(ValueError, match="multiple of lots"):
        Recipe(batch=8, lots=3)
