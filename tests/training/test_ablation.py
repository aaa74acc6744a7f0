import csv
from pathlib import Path

import pytest
import torch
from PIL import Image

from inference.model.colorizer import Configuration, save_weights
from inference.model.topdown import TopDown
from training.__main__ import main


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = TopDown()
    torch.nn.init.normal_(network.logits.weight, std=20)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_weights(path, network, Configuration(shapes=((64, 64),), temperature=0.6, chroma=0.5, shrinkage=1.0))
    return path


def test_a_column_for_each_objective_and_temperature(tmp_path: Path, manifest_folder: Path, weights: Path) -> None:
    named = [f"{objective}={weights}" for objective in ("l2", "classification", "rebalanced")]
    target = tmp_path / "figures" / "ablation.png"
    arguments = ["--photos", str(manifest_folder), "--side", "64", "--rows", "2", "--device", "cpu"]
    assert main(["ablation", *arguments, "--weights", *named, "--out", str(target)]) == 0
    with target.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = {row[""]: row for row in csv.DictReader(file)}
    assert list(rows) == [
        "gray",
        "l2, T = 1 (mean)",
        "classification, T = 0.38",
        "rebalanced, T = 1 (mean)",
        "rebalanced, T = 0.38",
        "rebalanced, T = 0 (mode)",
        "truth",
    ]
    # The same weights three times, so only T tells the columns apart: the mode is the most vivid, the mean the least.
    vivid = [float(rows[f"rebalanced, T = {kind}"]["M"]) for kind in ("1 (mean)", "0.38", "0 (mode)")]
    assert vivid == sorted(vivid)
    assert vivid[0] < vivid[2]
    assert vivid[0] > 3, "the weights' own muting is left out"
    assert rows["l2, T = 1 (mean)"]["M"] == rows["rebalanced, T = 1 (mean)"]["M"]
    with Image.open(target) as figure:
        assert figure.width == 7 * (64 + 4)
        assert figure.height > 2 * (64 + 4)


def test_photos_are_shown_by_name(tmp_path: Path, manifest_folder: Path, weights: Path) -> None:
    target = tmp_path / "one.png"
    arguments = ["--photos", str(manifest_folder), "--side", "64", "--limit", "4", "--device", "cpu"]
    one = ["ablation", *arguments, "--weights", f"l2={weights}", "--out", str(target), "--show"]
    assert main([*one, "made/000"]) == 0
    with Image.open(target) as figure:
        assert figure.width == 3 * (64 + 4)
        assert figure.height < 2 * 64 + 60
    assert main([*one, "nowhere"]) == 2


def test_weights_are_named_after_objectives(
    tmp_path: Path, manifest_folder: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--photos", str(manifest_folder), "--device", "cpu", "--out", str(tmp_path / "figure.png")]
    assert main(["ablation", *arguments, "--weights", f"mine={weights}"]) == 2
    assert "rebalanced; not 'mine'" in capsys.readouterr().err
