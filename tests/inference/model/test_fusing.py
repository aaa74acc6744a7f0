"""The rearranged network against the one that was trained."""

import pytest
import torch
from torch import nn

from inference.model.colorizer import Colorizer, Configuration, load_colorizer
from inference.model.encoding import annealed_mean
from inference.model.fusing import fused, has_fused_kernels, serving_type
from inference.model.topdown import TopDown

CPU = torch.device("cpu")
MOST_DIFFERENCE = 0.5
"""Mean difference in ab, in Lab units."""

with_and_without_kernels = pytest.mark.parametrize(
    "kernels",
    [
        pytest.param(True, marks=pytest.mark.skipif(not has_fused_kernels(CPU), reason="this PyTorch has none")),
        False,
    ],
    ids=["fused kernels", "ordinary ones"],
)


def _scene(height: int, width: int) -> torch.Tensor:
    """Lightness with large shapes, gradients and fine grain, as photos have it: ``(2, 1, height, width)``."""
    chance = torch.Generator().manual_seed(5)
    layers = []
    for spot, contrast in ((64, 60), (16, 25), (4, 10), (1, 4)):
        spots = torch.rand(2, 1, height // spot, width // spot, generator=chance) - 0.5
        layers.append(contrast * nn.functional.interpolate(spots, size=(height, width), mode="bilinear"))
    return (50 + sum(layers)).clamp(0, 100)


def _trained_like() -> TopDown:
    """A network whose batch norms all do something, and whose hint stem is not zero."""
    torch.manual_seed(4)
    network = TopDown(hints=True)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for vector, low, high in (
                (module.running_mean, -0.3, 0.3),
                (module.running_var, 0.5, 2.0),
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.3, 0.3),
            ):
                vector.uniform_(low, high)
    assert network.hint_stem is not None
    nn.init.normal_(network.hint_stem.to_quarter.weight, std=0.5)
    nn.init.normal_(network.hint_stem.to_eighth.weight, std=0.5)
    return network.eval()


@with_and_without_kernels
@pytest.mark.parametrize("size", [(64, 64), (96, 160)])
@torch.inference_mode()
def test_folding_changes_no_logit(kernels: bool, size: tuple[int, int]) -> None:
    network = _trained_like()
    lightness = _scene(*size)
    hints = torch.zeros(2, 3, *size)
    hints[1, :, 20, 30] = torch.tensor([40.0, 30.0, 1.0])
    swift = fused(network, CPU, torch.float32, kernels=kernels)
    assert network(lightness).std() > 0.01
    torch.testing.assert_close(swift(lightness), network(lightness), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(swift(lightness, hints), network(lightness, hints), atol=1e-3, rtol=1e-3)


@with_and_without_kernels
@torch.inference_mode()
def test_no_batch_norm_is_left(kernels: bool) -> None:
    swift = fused(TopDown(), CPU, torch.float32, kernels=kernels)
    assert not [name for name, module in swift.named_modules() if isinstance(module, nn.BatchNorm2d)]


@with_and_without_kernels
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@torch.inference_mode()
def test_colours_of_the_bundled_weights_stay(kernels: bool, dtype: torch.dtype) -> None:
    network = load_colorizer(None, "cpu").network
    assert isinstance(network, TopDown)
    lightness = _scene(192, 192)
    expected = annealed_mean(network(lightness))
    assert expected.abs().mean() > 1
    ab = annealed_mean(fused(network, CPU, dtype, kernels=kernels)(lightness))
    assert (ab - expected).abs().mean() < (MOST_DIFFERENCE if dtype == torch.bfloat16 else 1e-3)


def test_what_is_served_is_what_was_trained() -> None:
    colorizer = load_colorizer(None, "cpu")
    lightness = _scene(160, 224)
    with torch.inference_mode():
        expected = annealed_mean(colorizer.network(lightness), temperature=1)
    served = colorizer.decoding(temperature=1, chroma=1, shrinkage=1e6).predict(lightness)
    assert (served - expected).abs().mean() < MOST_DIFFERENCE


def test_the_network_handed_in_stays_as_it_is() -> None:
    network = _trained_like()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    Colorizer(network, Configuration(hints=True), "0" * 64, CPU)
    assert network.state_dict().keys() == before.keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@torch.inference_mode()
def test_a_gpu_predicts_what_a_cpu_does() -> None:
    lightness = _scene(192, 192)
    expected = load_colorizer(None, "cpu").predict(lightness)
    gpu = load_colorizer(None, "cuda")
    assert serving_type(gpu.device) in {torch.bfloat16, torch.float32}
    ab = gpu.predict(lightness)
    assert ab.device == CPU
    assert (ab - expected).abs().mean() < MOST_DIFFERENCE
