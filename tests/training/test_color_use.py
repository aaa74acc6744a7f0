import pytest
import torch

from training.color_use import REGIONS, ColorUse, region_of_bins

GRAY, RED, ORANGE, YELLOW, GREEN, TEAL, BLUE, VIOLET = range(len(REGIONS))


def _plane(*colors: tuple[float, float]) -> torch.Tensor:
    """One row of 2 × 2 blocks, so that each colour is counted once."""
    return torch.tensor(colors).T[None, :, None].repeat_interleave(2, -1).repeat_interleave(2, -2)


def test_every_bin_has_a_region_and_every_region_bins() -> None:
    assert region_of_bins().unique().tolist() == list(range(len(REGIONS)))


def test_regions_say_what_became_of_each_colour() -> None:
    use = ColorUse()
    red, sky, grass, skin = (50.0, 30.0), (-5.0, -40.0), (-40.0, 35.0), (15.0, 25.0)
    use.add(_plane((0.0, 0.0), sky, grass, skin), _plane(red, sky, grass, skin))
    use.add(_plane(skin, sky, grass, skin), _plane(red, sky, grass, skin))
    regions = use.regions()
    assert [round(region.true_share, 3) for region in regions] == [0, 0.25, 0.25, 0, 0.25, 0, 0.25, 0]
    assert regions[GRAY].drawn_share == pytest.approx(1 / 8)
    assert regions[ORANGE].drawn_share == pytest.approx(3 / 8)
    assert regions[RED].drawn_as[GRAY] == regions[RED].drawn_as[ORANGE] == pytest.approx(0.5)
    assert regions[BLUE].drawn_as[BLUE] == regions[GREEN].drawn_as[GREEN] == 1
    assert use.true_shares.sum() == use.drawn_shares.sum() == pytest.approx(1)
