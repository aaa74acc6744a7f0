import json
import re
import time
from pathlib import Path

import pytest
import torch

from training import bench as module
from training.__main__ import main
from training.bench import bench, made_up_photos
from training.recipe import load_recipe
from training.views import View, random_view

TINY = {"network": "topdown", "side": "64", "batch": "4", "freeze": "trunk"}


def test_the_photos_cost_shows_in_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, photos = load_recipe("default", TINY), made_up_photos(16, 64)
    fast = bench(recipe, photos, torch.device("cpu"), rounds=3, steps=1)
    assert min(fast.real, fast.synthetic, fast.views, fast.forward) > 0

    def slow_view(pixels: torch.Tensor, chance: torch.Generator, **options: object) -> View:
        time.sleep(1.0)  # many times what a step takes, on a busy machine too
        return random_view(pixels, chance, smallest_crop=1, augment=False)

    monkeypatch.setattr("training.learner.random_view", slow_view)
    slow = bench(recipe, photos, torch.device("cpu"), rounds=3, steps=1)
    assert slow.share < 0.6
    assert slow.share < fast.share


def test_the_command_writes_its_figures(
    manifest_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bench.json"
    settings = [f"--set={name}={value}" for name, value in TINY.items()]
    once = ("--rounds", "1", "--steps", "1", "--device", "cpu")
    assert main(["bench", "--photos", f"{manifest_folder}=0.5", *once, f"--json={path}", *settings]) == 0
    printed = capsys.readouterr().out
    assert "batch 4 at 64 px on cpu" in printed
    figures = json.loads(path.read_text(encoding="utf-8"))
    shown = re.search(r"([\d.]+)%", printed.partition("on photos / on random tensors")[2])
    assert shown is not None
    assert float(shown[1]) == pytest.approx(100 * figures["share"], abs=0.11)  # each rounds in its own way
    assert set(figures) == {"device", "batch", "real", "synthetic", "views", "forward", "share"}


def test_mistakes_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--set", "batsch=4"]) == 2
    assert "batsch" in capsys.readouterr().err
    assert main(["bench", "--set", "batch"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["bench", "--rounds", "0"])
    assert "--rounds" in capsys.readouterr().err


def test_random_tensors_are_as_large_as_a_lot() -> None:
    recipe = load_recipe("default", {**TINY, "lots": "2"})
    view = module._noise(recipe, torch.device("cpu"))
    assert view.lightness.shape == (2, 1, 64, 64)
    assert view.ab.shape == (2, 2, 16, 16)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_photos_cost_at_most_fifteen_percent() -> None:
    recipe = load_recipe("gpu", {"visits": 1})
    rates = bench(recipe, made_up_photos(1024, recipe.side), torch.device("cuda"), rounds=5, steps=20)
    assert rates.share >= 0.85, rates
