import pytest
import torch

from inference.model.bins import BINS, ab_bins
from inference.model.encoding import rebalancing_weights, soft_encoder
from training.objectives import build_objective, l2, random_positions

PRIOR = torch.softmax(torch.linspace(0, 5, BINS), 0)
CPU = torch.device("cpu")


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
    torch.testing.assert_close(build_objective("classification", PRIOR, 0.5, CPU)(logits, ab), dense)


def test_rebalancing_weighs_each_pixel_by_its_nearest_bin() -> None:
    logits, ab = _batch()
    nearest = torch.cdist(ab.round(), ab_bins()).argmin(1)
    v = rebalancing_weights(PRIOR, 0.5)[nearest]
    each = torch.nn.functional.cross_entropy(logits, _dense_targets(ab), reduction="none")
    loss = build_objective("rebalanced", PRIOR, 0.5, CPU)(logits, ab)
    torch.testing.assert_close(loss, (v * each).mean(), atol=1e-4, rtol=1e-4)


def test_l2_is_zero_only_at_the_truth() -> None:
    certain = torch.full((1, BINS), -1e4)
    certain[0, 150] = 0
    assert l2(certain, ab_bins()[150:151]).item() == pytest.approx(0, abs=1e-6)
    assert l2(certain, ab_bins()[150:151] + torch.tensor([[10.0, 0.0]])).item() == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("name", ["l2", "classification", "rebalanced"])
def test_following_the_gradient_finds_the_colour(name: str) -> None:
    ab = torch.tensor([[40.0, 20.0], [-30.0, 10.0]])
    logits = torch.zeros(2, BINS, requires_grad=True)
    objective = build_objective(name, PRIOR, 0.5, CPU)  # type: ignore[arg-type]
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(200):
        optimizer.zero_grad()
        objective(logits, ab).backward()
        optimizer.step()
    decoded = torch.softmax(logits, 1) @ ab_bins()
    assert (decoded - ab).norm(dim=1).max() < 4


def test_positions_pair_each_map_with_its_colour() -> None:
    last = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).reshape(2, 3, 4, 4)
    ab = last[:, :2] * 10
    rows, colours = random_positions(last, ab, 5, torch.Generator().manual_seed(0))
    assert rows.shape == (10, 3)
    torch.testing.assert_close(rows[:, :2] * 10, colours)
    assert len({tuple(row) for row in rows.tolist()}) == 10
