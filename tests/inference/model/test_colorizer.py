from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from inference.model.colorizer import (
    Colorizer,
    Configuration,
    WeightsError,
    choose_device,
    load_colorizer,
    read_configuration,
    read_prior,
    save_weights,
)
from inference.model.eccv16 import Eccv16
from inference.model.topdown import TopDown


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_weights(path, TopDown(), Configuration(temperature=0.5, training={"photos": 7}), torch.full((313,), 1 / 313))
    return path


def test_weights_carry_their_configuration_and_prior(weights: Path) -> None:
    configuration = read_configuration(weights)
    assert configuration == Configuration(temperature=0.5, training={"photos": 7})
    assert read_prior(weights).sum().item() == pytest.approx(1, abs=1e-5)


def test_prediction_is_ab_at_a_quarter_of_the_size(weights: Path) -> None:
    colorizer = load_colorizer(weights, "cpu")
    assert colorizer.name.startswith("topdown-lite0-")
    assert len(colorizer.digest) == 64
    ab = colorizer.predict(torch.rand(2, 1, 64, 96) * 100)
    assert ab.shape == (2, 2, 16, 24)
    assert ab.dtype == torch.float32
    assert ab.abs().max() < 128


def test_a_batch_predicts_what_each_photo_alone_does(weights: Path) -> None:
    colorizer = load_colorizer(weights, "cpu")
    photos = torch.rand(3, 1, 64, 64) * 100
    together = colorizer.predict(photos)
    alone = torch.cat([colorizer.predict(photo[None]) for photo in photos])
    torch.testing.assert_close(together, alone, atol=1e-2, rtol=0)


def test_chroma_scales_the_prediction() -> None:
    network = TopDown()
    lightness = torch.rand(1, 1, 64, 64) * 100
    plain = Colorizer(network, Configuration(), "0" * 64, torch.device("cpu")).predict(lightness)
    half = Colorizer(network, Configuration(chroma=0.5), "0" * 64, torch.device("cpu")).predict(lightness)
    torch.testing.assert_close(half, plain / 2)


def test_the_authors_release_loads_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "colorization_release_v2.pth"
    torch.save(Eccv16().state_dict(), path)
    colorizer = load_colorizer(path, "cpu")
    assert colorizer.name.startswith("eccv16-")
    assert colorizer.predict(torch.rand(1, 1, 64, 64) * 100).shape == (1, 2, 16, 16)


def test_large_variances_survive_saving(tmp_path: Path) -> None:
    network = TopDown()
    network.levels[3].norm.running_var.fill_(3e5)
    save_weights(tmp_path / "large.safetensors", network, Configuration())
    loaded = load_colorizer(tmp_path / "large.safetensors", "cpu")
    torch.testing.assert_close(loaded.network.state_dict()["levels.3.norm.running_var"], torch.full((128,), 3e5))


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    network = TopDown()
    torch.nn.init.constant_(network.logits.weight, 1e6)
    with pytest.raises(WeightsError, match=r"logits\.weight"):
        save_weights(tmp_path / "broken.safetensors", network, Configuration())
    assert not (tmp_path / "broken.safetensors").exists()


def test_what_is_no_weights_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights file"):
        load_colorizer(tmp_path / "missing.safetensors")
    for name in ("garbage.safetensors", "garbage.pth"):
        garbage = tmp_path / name
        garbage.write_bytes(b"not weights at all")
        with pytest.raises(WeightsError, match=name):
            load_colorizer(garbage)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"x": torch.zeros(1)}, foreign)
    with pytest.raises(WeightsError, match="no colorizebot weights"):
        load_colorizer(foreign)


@pytest.mark.parametrize(
    "text", ["<!doctype html><title>Sign in</title>", "hello\n", "version https://git-lfs.example"]
)
def test_a_page_saved_as_weights_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.pth"
    path.write_text(text)
    with pytest.raises(WeightsError, match=r"page\.pth holds no PyTorch state dict"):
        load_colorizer(path)


@pytest.mark.parametrize("content", [torch.zeros(3), [1, 2], {"epoch": 3, "state_dict": {"x": torch.zeros(1)}}])
def test_other_pytorch_files_are_named(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "checkpoint.pth")
    with pytest.raises(WeightsError, match=r"checkpoint\.pth holds no PyTorch state dict"):
        load_colorizer(tmp_path / "checkpoint.pth")


def test_weights_of_another_network_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.safetensors"
    save_weights(path, Eccv16(), Configuration(network="topdown"))
    with pytest.raises(
        WeightsError, match=r"does not fit .* weights are missing, unknown or of another shape"
    ) as error:
        load_colorizer(path)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("unknown", [{"encoder": "lite9"}, {"widths": (64, 64)}, {"network": "vgg"}])
def test_weights_of_a_later_version_are_refused(tmp_path: Path, unknown: dict[str, Any]) -> None:
    save_weights(tmp_path / "later.safetensors", TopDown(), Configuration(**unknown))
    with pytest.raises(WeightsError, match="this version does not know"):
        load_colorizer(tmp_path / "later.safetensors")


def test_devices_are_named_or_refused() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in {"cpu", "cuda"}
    with pytest.raises(ValueError, match="no device"):
        choose_device("abacus")


def test_weights_say_how_far_guesses_are_muted(tmp_path: Path) -> None:
    torch.manual_seed(3)
    save_weights(tmp_path / "muted.safetensors", TopDown(), Configuration(shrinkage=15.0))
    muted = load_colorizer(tmp_path / "muted.safetensors", "cpu")
    assert muted.configuration.shrinkage == 15
    lightness = torch.rand(1, 1, 64, 64) * 100
    wary, bold = muted.predict(lightness), muted.decoding(shrinkage=1e6).predict(lightness)
    # Random weights know nothing.
    assert wary.norm() < 0.3 * bold.norm()
