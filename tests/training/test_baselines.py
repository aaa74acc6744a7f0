import io

import numpy as np
import pytest
import torch
from PIL import Image

from inference.model.color import gray_from_lightness, lab_from_srgb
from inference.model.colorizer import Colorizer, Configuration
from inference.model.topdown import TopDown
from inference.recolor import recolor
from inference.vocabulary import OutputFormat, RecolorOptions
from training.baselines import MODE, Colored, as_the_worker, ceiling, decoding, mean_color, with_hints


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    torch.manual_seed(3)
    network = TopDown()
    torch.nn.init.normal_(network.logits.weight, std=0.5)  # vivid enough to tell ways of drawing apart
    return Colorizer(network, Configuration(shapes=((64, 64),)), "0" * 64, torch.device("cpu"))


@pytest.fixture(scope="module")
def photos() -> Colored:
    chance = torch.Generator().manual_seed(1)
    coarse = torch.randint(0, 256, (2, 3, 6, 6), generator=chance).float()
    return Colored.from_pixels(torch.nn.functional.interpolate(coarse, size=64, mode="bilinear"))


def test_predicted_colours_are_those_that_the_worker_draws(colorizer: Colorizer, photos: Colored) -> None:
    level = (gray_from_lightness(photos.lightness[0, 0]) * 255).round().to(torch.uint8).numpy()
    file = io.BytesIO()
    Image.fromarray(level).save(file, "PNG")
    answer = recolor(file.getvalue(), RecolorOptions(format=OutputFormat.PNG), colorizer).data
    pixels = torch.from_numpy(np.asarray(Image.open(io.BytesIO(answer)).convert("RGB")).copy()).permute(2, 0, 1)
    drawn = lab_from_srgb(pixels.float() / 255)[1:]
    predicted = as_the_worker(colorizer)(photos)[0]
    assert drawn.abs().mean() > 3
    # The worker reads lightness from 8-bit levels; nothing else may differ.
    assert (drawn - predicted).abs().mean() < 0.5


def test_the_ceiling_is_nearer_to_the_truth_the_finer_the_grid(photos: Colored) -> None:
    errors = [(ceiling(side)(photos) - photos.ab).abs().mean().item() for side in (16, 64, 256)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 3


def test_the_mean_colour_is_the_priors(photos: Colored) -> None:
    prior = torch.zeros(313)
    prior[[10, 200]] = torch.tensor([1.0, 3.0])
    predicted = mean_color(prior)(photos)
    assert predicted.shape == photos.ab.shape
    assert predicted.std((0, 2, 3)).max() == 0


def test_temperature_zero_decodes_the_mode(colorizer: Colorizer, photos: Colored) -> None:
    mode = decoding(colorizer, temperature=0)
    assert mode.configuration.temperature == MODE
    predicted = mode.predict(photos.lightness)
    # Bin centres are multiples of ten.
    assert ((predicted - 10 * (predicted / 10).round()).abs() < 1e-3).float().mean() > 0.99
    with pytest.raises(ValueError, match="temperature"):
        decoding(colorizer, temperature=-1)
    with pytest.raises(ValueError, match="shrinkage"):
        decoding(colorizer, shrinkage=0)


def test_hints_are_told_to_weights_that_take_them(colorizer: Colorizer, photos: Colored) -> None:
    with pytest.raises(ValueError, match="takes no colour hints"):
        with_hints(colorizer, 3)
    network = TopDown(hints=True)
    network.load_state_dict(network.state_dict() | colorizer.network.state_dict())
    seen: list[torch.Tensor] = []
    assert network.hint_stem is not None
    network.hint_stem.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    listening = Colorizer(network, Configuration(shapes=((64, 64),), hints=True), "0" * 64, torch.device("cpu"))
    unmoved = with_hints(listening, 4)(photos)  # the stem starts at zero
    torch.testing.assert_close(unmoved, as_the_worker(colorizer)(photos), atol=1.0, rtol=0)
    mask = seen[0][:, 2]
    assert mask.shape == (2, 16, 16)
    assert (mask.sum((1, 2)) >= 4).all()
    assert (mask.sum((1, 2)) <= 4 * 9).all()
    told = seen[0][:, :2].permute(1, 0, 2, 3)[:, mask > 0] * 110
    true = torch.nn.functional.avg_pool2d(photos.ab, 4).permute(1, 0, 2, 3)[:, mask > 0]
    assert (told - true).norm(dim=0).mean() < 0.5 * true.norm(dim=0).mean()
