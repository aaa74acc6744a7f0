"""Real runs, small enough for a test: they learn, resume after SIGKILL, export and evaluate."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from inference.model.colorizer import load_colorizer, read_configuration, read_prior
from training.__main__ import main
from training.checkpoint import CheckpointError, load_checkpoint
from training.learner import Learner, TrainingError
from training.order import Order
from training.photos import load_photos
from training.recipe import Recipe, RecipeError, load_recipe

_STUCK_AFTER_30_STEPS = """
import signal, sys
from training.__main__ import main
from training.learner import Learner

def learn(self, lots, step, learn=Learner.learn):
    return learn(self, lots, step) if step < 30 else signal.pause()

Learner.learn = learn
main(sys.argv[1:])
"""

SMALL = {"side": 64, "visits": 96, "batch": 8, "positions": 64, "bf16": False}


def _sets(**values: Any) -> list[str]:
    return [part for name, value in {**SMALL, **values}.items() for part in ("--set", f"{name}={value}")]


def _log(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, manifest_folder: Path) -> Path:
    """A finished run of 12 steps."""
    folder = tmp_path_factory.mktemp("run")
    assert main(["train", "--photos", str(manifest_folder), "--run", str(folder), "--device", "cpu", *_sets()]) == 0
    return folder


def test_a_run_leaves_checkpoint_log_board_and_sheets(run: Path) -> None:
    checkpoint = load_checkpoint(run)
    assert checkpoint.step == 12
    assert checkpoint.prior.sum().item() == pytest.approx(1, abs=1e-4)
    last = [line for line in _log(run) if "validation/auc" in line][-1]
    assert last["photos"] == 96
    assert 0 < last["validation/auc"] <= 100
    assert list(run.glob("events.out.tfevents.*"))
    with Image.open(run / "sheets" / "0000012.png") as sheet:
        assert sheet.width == 3 * (64 + 4)


def test_the_loss_falls(manifest_folder: Path) -> None:
    recipe = Recipe.model_validate({**SMALL, "freeze": "encoder", "augment": False, "visits": 480, "warmup": 0})
    photos = load_photos(manifest_folder, "train", 64)
    learner = Learner(recipe, torch.full((313,), 1 / 313), torch.device("cpu"))
    losses = [learner.step(photos.pixels[:8], step)[0].item() for step in range(60)]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_a_frozen_trunk_keeps_its_weights(manifest_folder: Path) -> None:
    recipe = Recipe.model_validate({**SMALL, "freeze": "trunk"})
    learner = Learner(recipe, torch.full((313,), 1 / 313), torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in learner.network.state_dict().items()}
    learner.step(load_photos(manifest_folder, "train", 64).pixels[:8], 0)
    changed = {name for name, tensor in learner.network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert "encoder._conv_stem.weight" not in changed
    assert "encoder._blocks.4._project_conv.weight" not in changed
    assert "encoder._blocks.15._project_conv.weight" in changed
    assert "logits.weight" in changed
    assert not any("running_mean" in name for name in changed if name.startswith("encoder."))


def test_a_killed_run_resumes_on_the_same_curve(tmp_path: Path, manifest_folder: Path) -> None:
    options = ["--photos", str(manifest_folder), "--device", "cpu", *_sets(visits=480, save_every=20, freeze="encoder")]
    through, killed = tmp_path / "through", tmp_path / "killed"
    assert main(["train", *options, "--run", str(through)]) == 0

    command = [sys.executable, "-c", _STUCK_AFTER_30_STEPS, "train", *options, "--run", str(killed)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (killed / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < load_checkpoint(killed).step < 60

    assert main(["train", *options[:4], "--run", str(killed), "--resume"]) == 0
    expected = {line["step"]: line["loss"] for line in _log(through) if "loss" in line}
    resumed = {line["step"]: line["loss"] for line in _log(killed) if "loss" in line}
    assert resumed.keys() == expected.keys()
    for step, loss in expected.items():
        assert resumed[step] == pytest.approx(loss, rel=1e-3), step


def test_a_resumed_run_takes_what_is_set_anew(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start, cpu = load_checkpoint(run), torch.device("cpu")

    def resumed(**values: Any) -> Learner:
        recipe = Recipe.model_validate({**start.recipe.model_dump(), **values})
        return Learner(recipe, start.prior, cpu, start=start)

    slower = resumed(learning_rate=1e-4, weight_decay=0.5)
    slower.step(torch.zeros(8, 3, 64, 64, dtype=torch.uint8), start.step // 2)
    groups = slower.optimizer.param_groups
    assert max(group["lr"] for group in groups) <= 2e-4
    assert {group["weight_decay"] for group in groups} == {0, 0.5}
    assert slower.optimizer.state_dict()["state"][0]["step"] == start.step + 1
    again = ["--photos", "photos", "--run", str(run), "--resume"]
    assert main(["train", *again, "--set", "batch=16"]) == 2
    assert "stay at 8 photos" in capsys.readouterr().err
    for other in ({"widths": (32, 32, 32, 32)}, {"freeze": "none"}):
        with pytest.raises(CheckpointError, match="start_from"):
            resumed(**other)


def test_a_run_is_not_begun_over_another(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "checkpoint.pt").read_bytes()
    assert main(["train", "--photos", "photos", "--run", str(run)]) == 2
    assert "--resume goes on" in capsys.readouterr().err
    assert (run / "checkpoint.pt").read_bytes() == before


def test_ctrl_c_says_how_to_go_on(tmp_path: Path, manifest_folder: Path) -> None:
    options = ["--photos", str(manifest_folder), "--run", str(tmp_path), "--device", "cpu", *_sets(visits=10**6)]
    process = subprocess.Popen(
        [sys.executable, "-m", "training", "train", *options, "--set", "save_every=1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "checkpoint.pt").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert said.splitlines()[-1] == "train: stopped; --resume goes on from the last checkpoint"
    assert "Traceback" not in said
    assert process.returncode == 130


def test_gradients_that_are_not_finite_stop_the_run() -> None:
    recipe = Recipe.model_validate({**SMALL, "freeze": "encoder"})
    learner = Learner(recipe, torch.full((313,), 1 / 313), torch.device("cpu"))
    with torch.no_grad():
        next(learner.network.parameters())[:] = float("nan")
    photos = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    for step in range(19):
        learner.step(photos, step)
    with pytest.raises(TrainingError, match="learning_rate"):
        learner.step(photos, 19)


def test_a_step_that_is_not_finite_changes_nothing(manifest_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe.model_validate({**SMALL, "freeze": "encoder", "ema": 0})
    learner = Learner(recipe, torch.full((313,), 1 / 313), torch.device("cpu"))
    photos = load_photos(manifest_folder, "train", 64).pixels[:8]
    learner.step(photos, 0)
    before = [tensor.clone() for tensor in learner.network.state_dict().values() if tensor.is_floating_point()]
    count = learner.optimizer.state_dict()["state"][0]["step"].clone()
    with monkeypatch.context() as patch:
        patch.setattr("training.learner.Learner._loss", lambda self, lot: self.network.logits.weight.sum() * torch.inf)
        _, norm = learner.step(photos, 1)
    assert not torch.isfinite(norm)
    after = [tensor for tensor in learner.network.state_dict().values() if tensor.is_floating_point()]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert torch.equal(learner.optimizer.state_dict()["state"][0]["step"], count)
    learner.step(photos, 2)
    assert all(torch.isfinite(tensor).all() for tensor in learner.network.state_dict().values())


def test_checkpoints_come_by_the_clock_too(
    tmp_path: Path, manifest_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    monkeypatch.setattr("training.keeper.Keeper.save", lambda self, done: saved.append(done))
    sets = _sets(freeze="encoder", visits=32, save_every=1000, save_seconds=1e-6)
    assert main(["train", "--photos", str(manifest_folder), "--run", str(tmp_path), "--device", "cpu", *sets]) == 0
    assert saved == [1, 2, 3, 4]


def test_export_and_evaluate(run: Path, manifest_folder: Path, tmp_path: Path) -> None:
    weights, out = tmp_path / "weights.safetensors", tmp_path / "report"
    assert main(["export", "--run", str(run), "--out", str(weights), "--temperature", "0.7", "--chroma", "0.9"]) == 0
    configuration = read_configuration(weights)
    assert (configuration.temperature, configuration.chroma) == (0.7, 0.9)
    assert configuration.training["photos_seen"] == 96
    assert configuration.training["recipe"]["side"] == 64
    assert read_prior(weights).max() < 1
    assert load_colorizer(weights, "cpu").name.startswith("topdown-lite0-")

    arguments = ["--photos", str(manifest_folder), "--weights", str(weights), "--side", "64", "--device", "cpu"]
    assert main(["evaluate", *arguments, "--out", str(out)]) == 0
    table = (out / "table.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[0].partition("-")[0] for row in table[1:]] == [
        "gray", "mean colour", "ceiling at 192", "topdown", "truth"
    ]  # fmt: skip
    assert (out / "index.html").exists()


def test_every_bundled_recipe_is_valid() -> None:
    for name in ("default", "gpu", "eccv16", "ablation-l2", "ablation-classification", "ablation-rebalanced"):
        assert load_recipe(name).steps > 0


def test_mistakes_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RecipeError, match=r"bundled ones: .*default, eccv16"):
        load_recipe("nonsense")
    with pytest.raises(RecipeError, match="batch"):
        load_recipe("default", {"batch": 0})
    for name, wrong in (("rebalancing", 0), ("set_weights", {"made": -1}), ("widths", [0, 1, 1, 1]), ("colour", 1)):
        with pytest.raises(RecipeError, match=name):
            load_recipe("default", {name: wrong})
    with pytest.raises(ValueError, match="set_weights"):
        Order(torch.zeros(3), 1)
    assert set(Order(torch.tensor([1.0, 0.0, 0.5]), 1).batch(0, 100).tolist()) <= {0, 2}
    with pytest.raises(CheckpointError, match="without --resume"):
        load_checkpoint(tmp_path)
    assert main(["train", "--photos", str(tmp_path / "nowhere"), "--run", str(tmp_path)]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert main(["train", "--photos", str(tmp_path), "--run", str(tmp_path), "--set", "side=65"]) == 2
    assert capsys.readouterr().err == "train: side: Input should be a multiple of 32, not 65\n"
    assert main(["train", "--photos", str(tmp_path), "--run", str(tmp_path), "--set", "colour=red"]) == 2
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "--run", "r", "--photos", "p", "--limit", "0"], "'0' is no whole number above 0"),
        (["evaluate", "--photos", "p", "--hints", "5", "-1"], "'-1' is no whole number above 0"),
        (["evaluate", "--photos", "p", "--limit", "many"], "'many' is no whole number above 0"),
        (["ablation", "--photos", "p", "--weights", "w", "--out", "figure"], "'figure' has to end in .png or .jpg"),
        (["sheet", "p", "--out", "sheet.gif"], "'sheet.gif' has to end in .png or .jpg"),
    ],
)
def test_arguments_are_checked_before_the_work(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate", "export", "sheet"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 300
