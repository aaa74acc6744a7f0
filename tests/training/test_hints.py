from typing import Any

import pytest
import torch

from inference.model.color import srgb_from_lab
from inference.model.colorizer import Colorizer, Configuration
from training.hints import simulated_hints
from training.learner import Learner
from training.recipe import Recipe


def _ab(count: int, value: float | None = None) -> torch.Tensor:
    chance = torch.Generator().manual_seed(3)
    ab = torch.rand(count, 2, 16, 16, generator=chance) * 100 - 50
    return ab if value is None else torch.full_like(ab, value)


def _draw(ab: torch.Tensor, share: float, seed: int = 1) -> torch.Tensor:
    return simulated_hints(ab, share, torch.Generator().manual_seed(seed))


def test_hints_reveal_the_mean_colour_where_the_mask_says() -> None:
    hints = _draw(_ab(200, 22.0), 1.0)
    ab, mask = hints[:, :2], hints[:, 2:]
    assert hints.shape == (200, 3, 16, 16)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(ab, 22 / 110 * mask.expand(-1, 2, -1, -1))


def test_a_hint_lies_near_the_colours_that_it_reveals() -> None:
    ab = _ab(300)
    hints = _draw(ab, 1.0)
    shown = hints[:, 2] > 0
    single = hints[:, :2].permute(0, 2, 3, 1)[shown] * 110
    truth = ab.permute(0, 2, 3, 1)[shown]
    assert (single.abs() <= 50).all()
    # Means of patches keep some of each colour in them, not of any other.
    assert torch.corrcoef(torch.stack((single.flatten(), truth.flatten())))[0, 1] > 0.4


def test_only_a_share_of_the_photos_gets_hints() -> None:
    hinted = (_draw(_ab(2000), 0.3)[:, 2].amax((1, 2)) > 0).float().mean().item()
    assert hinted == pytest.approx(0.3, abs=0.03)
    assert _draw(_ab(50), 0.0).count_nonzero() == 0


def test_points_are_few_central_and_now_and_then_everywhere() -> None:
    covered = _draw(_ab(3000), 1.0)[:, 2]
    share = covered.mean((1, 2))
    everywhere = (share == 1).float().mean().item()
    assert 0.004 < everywhere < 0.02
    local = covered[share < 1]
    assert 0.02 < local.mean() < 0.2  # at most 9 of 64 pixels a side, eight points in the mean
    assert local[:, 4:12, 4:12].mean() > 2 * local[:, [0, 1, 14, 15]].mean()


def test_the_same_chance_gives_the_same_hints() -> None:
    assert torch.equal(_draw(_ab(8), 1.0, 5), _draw(_ab(8), 1.0, 5))
    assert not torch.equal(_draw(_ab(8), 1.0, 5), _draw(_ab(8), 1.0, 6))


def _learner(**values: Any) -> Learner:
    settled = {"side": 64, "batch": 4, "positions": 256, "visits": 400, "bf16": False, "warmup": 0, "ema": 0}
    recipe = Recipe.model_validate({**settled, "hints": 1.0, "augment": False, "learning_rate": 1e-2, **values})
    return Learner(recipe, torch.full((313,), 1 / 313), torch.device("cpu"))


def _lightness() -> torch.Tensor:
    """Lights and shades: a flat plane is no photo, and norms have nothing to measure on it."""
    coarse = 40 + 20 * torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(6))
    return torch.nn.functional.interpolate(coarse, size=64, mode="bilinear")


def _alike_in_gray() -> torch.Tensor:
    """Two orange photos and two blue ones of the same lightness: nobody could tell them apart in gray."""
    ab = torch.tensor([[40.0, 40.0], [40.0, 40.0], [0.0, -40.0], [0.0, -40.0]])
    lab = torch.cat((_lightness().expand(4, -1, -1, -1), ab[:, :, None, None].expand(-1, -1, 64, 64)), 1)
    return (srgb_from_lab(lab) * 255).round().to(torch.uint8)


def test_a_network_learns_to_follow_hints() -> None:
    learner = _learner(freeze="encoder", objective="l2")
    photos = _alike_in_gray()
    for step in range(40):
        learner.step(photos, step)
    network = Colorizer(learner.average.network, Configuration(hints=True), "0" * 64, torch.device("cpu"))
    network = network.decoding(temperature=1.0)
    lightness, hints = _lightness(), torch.zeros(2, 3, 64, 64)
    for photo, ab in enumerate([(40.0, 40.0), (0.0, -40.0)]):
        hints[photo, :, 28:36, 28:36] = torch.tensor([*ab, 1.0])[:, None, None]
    orange, blue = (network.predict(lightness, hint[None]).mean((0, 2, 3)) for hint in hints)
    assert (orange - blue)[1] > 30
    assert (orange - blue)[0] > 10


def test_the_stem_can_learn_alone() -> None:
    learner = _learner(freeze="all-but-hints")
    before = {name: tensor.clone() for name, tensor in learner.network.state_dict().items()}
    for step in range(2):
        learner.step(_alike_in_gray(), step)
    changed = {name for name, tensor in learner.network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {f"hint_stem.{part}.weight" for part in ("near", "far", "to_quarter", "to_eighth")}
