import pytest
import torch

from training.order import Order
from training.schedule import ExponentialAverage, learning_rate


def test_the_rate_rises_then_falls_to_a_hundredth() -> None:
    rates = [learning_rate(step, 1000, 2e-3, 0.1) for step in range(1000)]
    peak = max(range(1000), key=rates.__getitem__)
    assert 98 <= peak <= 101
    assert rates[peak] == pytest.approx(2e-3)
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] == pytest.approx(2e-5, rel=0.05)


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


def test_photos_of_lesser_weight_come_up_less() -> None:
    weights = torch.cat((torch.ones(50), torch.full((50,), 0.2)))
    order = Order(weights, 3)
    shown = torch.cat([order.batch(step, 60) for step in range(50)])
    assert (shown < 50).sum() > 2 * (shown >= 50).sum()
