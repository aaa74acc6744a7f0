import pytest
import torch

from training.order import Order, spread
from training.recipe import Recipe, load_recipe
from training.schedule import ExponentialAverage, cosine_rate, scheduled_rate


def test_the_rate_rises_then_falls_to_a_hundredth() -> None:
    rates = [cosine_rate(step, 1000, 2e-3, 0.1) for step in range(1000)]
    peak = max(range(1000), key=rates.__getitem__)
    assert 98 <= peak <= 101
    assert rates[peak] == pytest.approx(2e-3)
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] == pytest.approx(2e-5, rel=0.05)


def test_the_papers_solver_drops_its_rate_twice() -> None:
    recipe = load_recipe("eccv16")
    rates = [scheduled_rate(recipe, step, 3e-5) for step in (0, 199_999, 200_000, 374_999, 375_000, 449_999)]
    assert rates == pytest.approx([3e-5, 3e-5, 1e-5, 1e-5, 3e-6, 3e-6], rel=1e-3)
    assert (recipe.steps, recipe.solver, recipe.batch, recipe.weight_decay) == (450_000, "adam", 40, 1e-3)


def test_each_group_of_weights_has_its_own_peak() -> None:
    recipe = Recipe(visits=6400, batch=64, warmup=0)
    assert scheduled_rate(recipe, 50, 1e-3) == pytest.approx(10 * scheduled_rate(recipe, 50, 1e-4))


def test_without_a_decay_the_average_is_the_network() -> None:
    network = torch.nn.BatchNorm2d(2)
    average = ExponentialAverage(network, 0)
    network(torch.randn(4, 2, 3, 3))
    average.update(network, 500)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(average.network.state_dict()[name], tensor)


def test_the_average_follows_the_weights_slowly() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(network.weight)
    average = ExponentialAverage(network, 0.99)
    torch.nn.init.ones_(network.weight)
    average.update(network, 10_000)
    assert average.network.weight.item() == pytest.approx(0.01)
    average.update(network, 0)  # early on it hardly lingers
    assert average.network.weight.item() > 0.9


def test_an_epoch_shows_every_photo_of_full_weight_once() -> None:
    order = Order(torch.ones(10), seed=1)
    epoch = torch.cat([order.batch(step, 5) for step in range(2)])
    assert sorted(epoch.tolist()) == list(range(10))


def test_the_order_does_not_depend_on_where_a_run_starts() -> None:
    weights = torch.rand(50) + 0.1
    through, resumed = Order(weights, 7), Order(weights, 7)
    steps = [through.batch(step, 8) for step in range(30)]
    assert torch.equal(steps[29], resumed.batch(29, 8))


def test_a_batch_may_reach_over_the_end_of_an_epoch() -> None:
    order = Order(torch.ones(10), seed=1)
    shown = torch.cat([order.batch(step, 7) for step in range(10)])
    assert torch.equal(shown, Order(torch.ones(10), seed=1).batch(0, 70))
    assert all(sorted(epoch.tolist()) == list(range(10)) for epoch in shown.split(10))


def test_a_spread_reaches_from_end_to_end() -> None:
    assert spread(100, 5).tolist() == [0, 24, 49, 74, 99]
    assert spread(3, 5).tolist() == [0, 1, 2]


def test_photos_of_lesser_weight_come_up_less() -> None:
    weights = torch.cat((torch.ones(50), torch.full((50,), 0.2)))
    order = Order(weights, 3)
    shown = torch.cat([order.batch(step, 60) for step in range(50)])
    assert (shown < 50).sum() > 2 * (shown >= 50).sum()
