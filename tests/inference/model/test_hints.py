from pathlib import Path

import pytest
import torch

from inference.model.colorizer import Colorizer, Configuration, load_colorizer, read_configuration, save_weights
from inference.model.eccv16 import Eccv16
from inference.model.topdown import TopDown, pooled_hints


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _lightness() -> torch.Tensor:
    return torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(1)) * 100


def _one_hint() -> torch.Tensor:
    hints = torch.zeros(2, 3, 64, 96)
    hints[0, :, 30, 50] = torch.tensor([55.0, -22.0, 1.0])
    return hints


def _trained_stem() -> TopDown:
    """A network whose stem is no longer zero."""
    torch.manual_seed(2)
    network = TopDown(hints=True).eval()
    assert network.hint_stem is not None
    torch.nn.init.normal_(network.hint_stem.to_quarter.weight, std=0.5)
    torch.nn.init.normal_(network.hint_stem.to_eighth.weight, std=0.5)
    return network


def test_pooling_keeps_a_single_pixel_at_full_strength() -> None:
    pooled = pooled_hints(_one_hint())
    assert pooled.shape == (2, 3, 16, 24)
    torch.testing.assert_close(pooled[0, :, 7, 12], torch.tensor([0.5, -0.2, 1.0]))
    assert pooled.count_nonzero() == 3


def test_colour_outside_the_mask_is_no_hint() -> None:
    hints = _one_hint()
    hints[1, :2] = 80
    assert pooled_hints(hints)[1].count_nonzero() == 0


def test_an_untrained_stem_changes_nothing() -> None:
    torch.manual_seed(2)
    plain = TopDown().eval()
    torch.manual_seed(2)
    network = TopDown(hints=True).eval()
    with torch.inference_mode():
        assert torch.equal(plain(_lightness()), network(_lightness()))
        torch.testing.assert_close(network(_lightness(), _one_hint()), network(_lightness()))


def test_no_hints_and_empty_hints_are_the_same_after_training_too() -> None:
    colorizer = Colorizer(_trained_stem(), Configuration(hints=True), "0" * 64, torch.device("cpu"))
    without = colorizer.predict(_lightness())
    torch.testing.assert_close(colorizer.predict(_lightness(), torch.zeros(2, 3, 64, 96)), without)
    hinted = colorizer.predict(_lightness(), _one_hint())
    assert not torch.allclose(hinted[0], without[0], atol=0.1)
    torch.testing.assert_close(hinted[1], without[1])


def test_weights_say_whether_they_take_hints(tmp_path: Path) -> None:
    path = tmp_path / "hinted.safetensors"
    network = _trained_stem()
    save_weights(path, network, Configuration(hints=True))
    assert read_configuration(path).hints
    colorizer = load_colorizer(path, "cpu")
    expected = Colorizer(network, Configuration(hints=True), "0" * 64, torch.device("cpu"))
    torch.testing.assert_close(
        colorizer.predict(_lightness(), _one_hint()), expected.predict(_lightness(), _one_hint()), atol=0.5, rtol=0
    )


@pytest.mark.parametrize(
    ("network", "name"), [(TopDown, "topdown"), (Eccv16, "eccv16")], ids=["without the stem", "the paper's network"]
)
def test_weights_without_hints_refuse_them(network: type[TopDown] | type[Eccv16], name: str) -> None:
    colorizer = Colorizer(network(), Configuration(network=name), "0" * 64, torch.device("cpu"))
    with pytest.raises(ValueError, match="no colour hints"):
        colorizer.predict(_lightness(), _one_hint())


def test_the_bundled_weights_load_as_ever() -> None:
    colorizer = load_colorizer(None, "cpu")
    ab = colorizer.predict(_lightness())
    assert ab.shape == (2, 2, 16, 24)
    assert torch.isfinite(ab).all()
