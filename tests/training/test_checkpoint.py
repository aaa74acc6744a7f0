"""Checkpoints that travel."""

import json
import resource
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.model.colorizer import WeightsError
from training.__main__ import main
from training.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from training.export import Decoding, minutes_of, shapes_near, write_weights
from training.journal import Journal
from training.learner import Learner
from training.recipe import Recipe

_PRIOR = torch.full((313,), 1 / 313)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    recipe = Recipe.model_validate(
        {
            "side": 64,
            "batch": 4,
            "positions": 64,
            "bf16": False,
            "start_from": "bundled",
            "freeze": "trunk",
            "hints": 0.5,
        }
    )
    learner = Learner(recipe, _PRIOR, torch.device("cpu"))
    learner.step(torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8), 0)
    values: dict[str, Any] = {
        "recipe": recipe,
        "step": 1,
        "prior": _PRIOR,
        "revision": "v1",
        "arguments": ("--limit=3",),
    }
    states = (learner.network.state_dict(), learner.average.network.state_dict(), learner.optimizer.state_dict())
    return Checkpoint(**values, network=states[0], average=states[1], optimizer=states[2])


def test_pieces_join_to_nearly_the_same_checkpoint(checkpoint: Checkpoint, tmp_path: Path) -> None:
    whole, carried = tmp_path / "run", tmp_path / "carried"
    whole.mkdir()
    checkpoint.save(whole)
    assert main(["export", "--run", str(whole), "--pieces", str(carried)]) == 0
    sizes = [piece.stat().st_size for piece in carried.iterdir()]
    assert len(sizes) > 1
    assert max(sizes) <= 15 * 2**20
    assert sum(sizes) < 0.8 * (whole / "checkpoint.pt").stat().st_size

    joined = load_checkpoint(carried)
    assert (joined.recipe, joined.step, joined.arguments) == (checkpoint.recipe, 1, ("--limit=3",))
    for name, tensor in checkpoint.network.items():
        assert torch.equal(joined.network[name], tensor)
    learner = Learner(joined.recipe, joined.prior, torch.device("cpu"), start=joined)
    for index, state in checkpoint.optimizer["state"].items():
        resumed = learner.optimizer.state_dict()["state"][index]
        assert resumed["step"] == state["step"]
        assert resumed["exp_avg"].dtype == torch.float32
        torch.testing.assert_close(resumed["exp_avg"], state["exp_avg"], rtol=1e-2, atol=1e-8)


def test_a_missing_piece_is_noticed(checkpoint: Checkpoint, tmp_path: Path) -> None:
    pieces = checkpoint.save_pieces(tmp_path, 10 * 2**20)
    pieces[-1].unlink()
    with pytest.raises(CheckpointError, match="not all of its pieces"):
        load_checkpoint(tmp_path)


def test_what_is_no_checkpoint_is_said(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(CheckpointError, match="holds no"):
        load_checkpoint(tmp_path)
    for strange in (
        {"weights": torch.zeros(1)},
        [torch.zeros(1)],
        {**vars(checkpoint), "recipe": {**checkpoint.recipe.model_dump(), "tomorrows": 1}},
    ):
        torch.save(strange, path)
        with pytest.raises(CheckpointError, match="not one of this version"):
            load_checkpoint(tmp_path)


def test_a_full_disk_is_said_and_leaves_the_checkpoint_before(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path)
    write_weights(checkpoint, tmp_path / "w.safetensors", Decoding())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))  # what is longer is refused, as on a full disk
    try:
        with pytest.raises(CheckpointError, match=r"step 1 can't be written .* --resume"):
            checkpoint.save(tmp_path)
        with pytest.raises(WeightsError, match="can't be written"):
            write_weights(checkpoint, tmp_path / "w.safetensors", Decoding())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_new_pieces_replace_old_ones(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save_pieces(tmp_path, 5 * 2**20)
    pieces = checkpoint.save_pieces(tmp_path, 20 * 2**20)
    assert sorted(tmp_path.iterdir()) == pieces
    assert load_checkpoint(tmp_path).step == 1


def test_weights_say_their_decoding_and_sizes(checkpoint: Checkpoint, tmp_path: Path) -> None:
    configuration = write_weights(checkpoint, tmp_path / "w.safetensors", Decoding(0.5, shrinkage=20.0), size=224)
    assert (configuration.temperature, configuration.chroma, configuration.shrinkage) == (0.5, 1, 20)
    assert configuration.shapes[0] == (224, 224)
    assert configuration.shapes == shapes_near(224)
    for height, width in shapes_near(224):
        assert height % 32 == width % 32 == 0
        assert 0.75 < height * width / 224**2 < 1.3
        assert (width, height) in shapes_near(224)


@pytest.mark.parametrize("wrong", [["--temperature", "0"], ["--temperature", "nan"], ["--shrinkage", "0"]])
def test_decodings_that_give_no_colour_are_refused(
    checkpoint: Checkpoint, tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint.save(tmp_path)
    assert main(["export", "--run", str(tmp_path), "--out", str(tmp_path / "w.safetensors"), *wrong]) == 2
    assert "above 0" in capsys.readouterr().err
    assert not (tmp_path / "w.safetensors").exists()


def test_minutes_of_all_starts_add_up(tmp_path: Path) -> None:
    assert minutes_of(tmp_path) == 0
    log = tmp_path / "log.jsonl"
    log.touch()
    assert minutes_of(tmp_path) == 0, "a run may be saved before its first line"
    log.write_text("".join(f'{{"seconds": {seconds}}}\n' for seconds in (60, 120, 30, 90, 150)))
    assert minutes_of(tmp_path) == 4.5
    with log.open("a") as file:
        file.write('{"seconds": 20')  # the disk was full
    assert minutes_of(tmp_path) == 4.5
    with Journal(tmp_path, 10, 5, 8) as journal:
        journal.write(6, loss=1.0)
    assert [json.loads(line).get("step") for line in log.read_text().splitlines()] == [None] * 5 + [6]
