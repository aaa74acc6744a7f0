from typing import Any

import pytest
import torch

from inference.model.bins import BINS, ab_bins
from inference.model.encoding import annealed_mean, rebalancing_weights, soft_encoder
from training.objectives import (
    Objective,
    build_objective,
    decoded,
    gradient_difference,
    huber,
    l2,
    patches_at,
    random_places,
)
from training.recipe import Recipe

PRIOR = torch.softmax(torch.linspace(0, 5, BINS), 0)


def _objective(name: str, **values: Any) -> Objective:
    recipe = Recipe.model_validate({"objective": name, "patch": 2, **values})
    return build_objective(recipe, PRIOR, torch.device("cpu"))


def _batch(count: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(4)
    # Off the middle between two bins, where either is the nearest.
    ab = 10 * torch.randint(-4, 5, (count, 2), generator=chance) + torch.randint(-4, 5, (count, 2), generator=chance)
    return torch.randn(count, BINS, generator=chance), ab.float()


def _dense_targets(ab: torch.Tensor) -> torch.Tensor:
    bins, Z = (table[:, 0, 0] for table in soft_encoder()(ab[:, :, None, None]))
    return torch.zeros(len(ab), BINS).scatter(1, bins, Z)


def test_classification_equals_the_dense_cross_entropy() -> None:
    logits, ab = _batch()
    dense = torch.nn.functional.cross_entropy(logits, _dense_targets(ab))
    torch.testing.assert_close(_objective("classification")(logits, ab), dense)


def test_rebalancing_weighs_each_pixel_by_its_nearest_bin() -> None:
    logits, ab = _batch()
    nearest = torch.cdist(ab.round(), ab_bins()).argmin(1)
    v = rebalancing_weights(PRIOR, 0.5)[nearest]
    each = torch.nn.functional.cross_entropy(logits, _dense_targets(ab), reduction="none")
    loss = _objective("rebalanced", rebalancing=0.5)(logits, ab)
    torch.testing.assert_close(loss, (v * each).mean(), atol=1e-4, rtol=1e-4)


def test_patches_and_single_positions_give_the_same_loss() -> None:
    logits, ab = _batch(48)
    for name in ("l2", "classification", "rebalanced"):
        objective = _objective(name)
        in_patches = objective(logits.reshape(3, 4, 4, BINS), ab.reshape(3, 4, 4, 2))
        torch.testing.assert_close(in_patches, objective(logits, ab))


def test_l2_is_zero_only_at_the_truth() -> None:
    certain = torch.full((1, BINS), -1e4)
    certain[0, 150] = 0
    assert l2(certain, ab_bins()[150:151]).item() == pytest.approx(0, abs=1e-6)
    assert l2(certain, ab_bins()[150:151] + torch.tensor([[10.0, 0.0]])).item() == pytest.approx(0.5, rel=1e-4)


def test_the_loss_decodes_as_the_worker_does() -> None:
    logits = torch.randn(2, BINS, 3, 5)
    expected = annealed_mean(logits, 0.38).permute(0, 2, 3, 1)
    torch.testing.assert_close(decoded(logits.permute(0, 2, 3, 1), 0.38), expected, atol=1e-3, rtol=1e-4)


def test_huber_is_quadratic_near_and_linear_far() -> None:
    Y = torch.zeros(1, 2)
    assert huber(Y + 5, Y).item() == pytest.approx(0.125)
    assert huber(Y + 40, Y).item() == pytest.approx(3.5)


def test_gradients_of_a_constant_error_cost_nothing_and_blotches_do() -> None:
    Y = torch.rand(3, 4, 4, 2, generator=torch.Generator().manual_seed(1)) * 60
    assert gradient_difference(Y + 20, Y).item() == pytest.approx(0, abs=1e-5)
    stripes = Y.clone()
    stripes[:, ::2] += 10  # one unit of the grid, from row to row only
    assert gradient_difference(stripes, Y).item() == pytest.approx(0.5, abs=1e-5)


def test_the_default_is_the_weighted_sum_of_its_parts() -> None:
    logits, ab = _batch(48)
    logits, ab = logits.reshape(3, 4, 4, BINS), ab.reshape(3, 4, 4, 2)
    Y_hat = decoded(logits, 0.5)
    expected = _objective("rebalanced")(logits, ab) + 0.7 * huber(Y_hat, ab) + 0.3 * gradient_difference(Y_hat, ab)
    loss = _objective("default", huber=0.7, gradient=0.3, temperature=0.5)(logits, ab)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("name", ["l2", "classification", "rebalanced", "default"])
def test_following_the_gradient_finds_the_colour(name: str) -> None:
    ab = torch.tensor([[40.0, 20.0], [-30.0, 10.0], [0.0, 0.0], [10.0, 50.0]]).reshape(1, 2, 2, 2)
    logits = torch.zeros(1, 2, 2, BINS, requires_grad=True)
    objective = _objective(name)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(200):
        optimizer.zero_grad()
        objective(logits, ab).backward()
        optimizer.step()
    # The default sharpens what it decodes at T = 0.38.
    Y_hat = decoded(logits, 0.38 if name == "default" else 1.0)
    assert (Y_hat - ab).norm(dim=-1).max() < 4


def test_neighbours_are_wanted_for_gradients() -> None:
    with pytest.raises(ValueError, match="patch"):
        Recipe.model_validate({"objective": "default", "patch": 1})


def _patches(last: torch.Tensor, ab: torch.Tensor, positions: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    places = random_places(ab, positions, side, torch.Generator().manual_seed(0))
    return patches_at(last, places), patches_at(ab, places)


def _numbered() -> tuple[torch.Tensor, torch.Tensor]:
    last = torch.arange(2 * 3 * 8 * 8, dtype=torch.float32).reshape(2, 3, 8, 8)
    return last, last[:, :2] * 10


def test_positions_pair_each_map_with_its_colour() -> None:
    rows, colours = _patches(*_numbered(), 5, 1)
    assert rows.shape == (10, 1, 1, 3)
    torch.testing.assert_close(rows[..., :2] * 10, colours)
    assert len({tuple(row) for row in rows.flatten(0, 2).tolist()}) == 10


def test_patches_are_squares_of_neighbours() -> None:
    rows, colours = _patches(*_numbered(), 36, 3)
    assert rows.shape == (8, 3, 3, 3)
    torch.testing.assert_close(rows[..., :2] * 10, colours)
    assert (rows[:, 1:] - rows[:, :-1] == 8).all()
    assert (rows[:, :, 1:] - rows[:, :, :-1] == 1).all()


def test_the_whole_map_is_read_where_it_holds_no_more() -> None:
    last, ab = _numbered()
    rows, colours = _patches(last, ab, 64, 4)
    assert rows.shape == (2, 8, 8, 3)
    assert torch.equal(colours, ab.permute(0, 2, 3, 1))
