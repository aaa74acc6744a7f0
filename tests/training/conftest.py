"""Photos made by code, with colours that follow from the lightness, so that a network can learn them."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

COUNT = 40


def _photo(index: int) -> Image.Image:
    """A bright bluish half over a dark greenish half, with some texture."""
    chance = np.random.default_rng(index)
    pixels = np.empty((72, 96, 3))
    horizon = int(chance.integers(24, 48))
    pixels[:horizon] = (120, 170, 235)
    pixels[horizon:] = (60, 110, 40)
    return Image.fromarray((pixels + chance.normal(0, 12, (72, 96, 1))).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for index in range(COUNT):
        _photo(index).save(folder / f"{index:03}.png")
    return folder


@pytest.fixture(scope="session")
def manifest_folder(tmp_path_factory: pytest.TempPathFactory, photo_folder: Path) -> Path:
    """Two tar shards with a manifest that puts every fourth photo into the validation split."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = ["file,shard,set,split"]
    for shard in range(2):
        with tarfile.open(folder / f"shard-{shard}.tar", "w") as tar:
            for index in range(shard, COUNT, 2):
                name = f"made/{index:03}.png"
                tar.add(photo_folder / f"{index:03}.png", name)
                split = "val" if index % 4 == 0 else "train"
                rows.append(f"{name},shard-{shard}.tar,made,{split}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny networks gain nothing from threads, and the order of sums stays the same from run to run."""
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
