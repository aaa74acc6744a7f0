"""What a run begins with, and what of it learns."""

from pathlib import Path

import pytest
import torch

from inference.model.colorizer import Configuration, load_colorizer, save_weights
from inference.model.topdown import TopDown
from training.networks import Trainee, build_network, configuration_of
from training.recipe import Recipe, RecipeError, load_recipe, overrides_of


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(11)
    path = tmp_path_factory.mktemp("first") / "first.safetensors"
    save_weights(path, TopDown(), Configuration())
    return path


def _lightness() -> torch.Tensor:
    return torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1)) * 100


def test_a_warm_start_predicts_what_the_weights_did(weights: Path) -> None:
    expected = load_colorizer(weights, "cpu").network(_lightness())
    for hints in (0.0, 0.5):
        network = build_network(Recipe(start_from=str(weights), hints=hints)).eval()
        with torch.inference_mode():
            torch.testing.assert_close(network(_lightness()), expected)
        assert (network.hint_stem is not None) == (hints > 0)


def test_bundled_weights_are_a_place_to_start() -> None:
    network = build_network(Recipe(start_from="bundled", hints=0.5))
    assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())
    bundled = load_colorizer(None, "cpu").network.state_dict()
    torch.testing.assert_close(network.state_dict()["logits.weight"], bundled["logits.weight"])


def test_the_decoder_has_the_widths_that_the_recipe_wants(tmp_path: Path) -> None:
    recipe = load_recipe("default", overrides_of(["widths=[16, 24, 24, 32]", "start_from="]))
    assert recipe.start_from == ""
    network = build_network(recipe, pretrained=False)
    assert network.logits.weight.shape[1] == 16
    path = tmp_path / "narrow.safetensors"
    save_weights(path, network, configuration_of(recipe))
    loaded = load_colorizer(path, "cpu")
    assert loaded.configuration.widths == (16, 24, 24, 32)
    torch.testing.assert_close(loaded.network(_lightness()), network.eval()(_lightness()), atol=0.05, rtol=0.05)


def test_weights_of_another_shape_are_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="widths"):
        build_network(Recipe(widths=(16, 24, 24, 32), start_from=str(weights)))
    with pytest.raises(RecipeError, match="eccv16"):
        build_network(Recipe(network="eccv16", start_from=str(weights)))
    with pytest.raises(RecipeError, match=r"missing\.safetensors"):
        build_network(Recipe(start_from=str(tmp_path / "missing.safetensors")))
    hinted = tmp_path / "hinted.safetensors"
    save_weights(hinted, TopDown(hints=True), Configuration(hints=True))
    with pytest.raises(RecipeError, match="set hints above 0"):
        build_network(Recipe(start_from=str(hinted)))


@pytest.mark.parametrize(
    ("freeze", "learns", "keeps"),
    [
        ("none", "encoder._conv_stem.weight", ""),
        ("trunk", "encoder._conv_head.weight", "encoder._conv_stem.weight"),
        ("encoder", "top.weight", "encoder._conv_head.weight"),
        ("all-but-hints", "hint_stem.near.weight", "top.weight"),
    ],
)
def test_freezing_keeps_the_named_part(weights: Path, freeze: str, learns: str, keeps: str) -> None:
    recipe = Recipe.model_validate({"start_from": str(weights), "hints": 0.5, "freeze": freeze})
    trainee = Trainee(build_network(recipe), freeze)
    trainee.set_training()
    parameters = dict(trainee.network.named_parameters())
    assert parameters[learns].requires_grad
    assert not keeps or not parameters[keeps].requires_grad
    held = {id(parameter) for group in trainee.optimizer(recipe).param_groups for parameter in group["params"]}
    assert held == {id(parameter) for parameter in parameters.values() if parameter.requires_grad}


def test_the_papers_solver_is_adam() -> None:
    recipe = Recipe(network="eccv16", solver="adam", learning_rate=3e-5, weight_decay=1e-3)
    optimizer = Trainee(build_network(recipe), "none").optimizer(recipe)
    assert type(optimizer) is torch.optim.Adam
    assert {(group["betas"], group["lr"]) for group in optimizer.param_groups} == {((0.9, 0.99), 3e-5)}
    assert {group["weight_decay"] for group in optimizer.param_groups} == {1e-3, 0.0}


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="topdown"):
        Recipe(network="eccv16", hints=0.5)
    with pytest.raises(ValueError, match="set hints above 0"):
        Recipe(freeze="all-but-hints")
