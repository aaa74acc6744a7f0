import io

import numpy as np
import pytest
import torch
from PIL import Image

from inference.model.color import lab_from_srgb
from training import aging
from training.aging import EFFECTS, Chance, age, aged_sheet
from training.textures import damage_tiles, grain_tiles

CPU = torch.device("cpu")


def _chance(seed: int = 1) -> Chance:
    return Chance(torch.Generator().manual_seed(seed), CPU)


def _photos(count: int, side: int = 64) -> torch.Tensor:
    """Smooth gray levels with an edge, neither black nor white: (N, 1, S, S)."""
    ramp = torch.linspace(0.2, 0.8, side).expand(count, 1, side, side).clone()
    ramp[..., side // 2 :, :] *= 0.7
    return ramp


def _aged(seed: int, count: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    srgb = torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    lightness = lab_from_srgb(srgb)[:, :1]
    return lightness, age(lightness, srgb, torch.Generator().manual_seed(seed))


def test_aged_lightness_stays_in_range_and_some_photos_stay_as_they_are() -> None:
    lightness, aged = _aged(3)
    assert aged.shape == lightness.shape
    assert aged.min() >= 0
    assert aged.max() <= 100
    untouched = ((aged - lightness).abs().amax((1, 2, 3)) < 1e-3).float().mean()
    assert 0.1 < untouched < 0.4


def test_the_same_chance_ages_alike() -> None:
    assert torch.equal(_aged(3)[1], _aged(3)[1])
    assert not torch.allclose(_aged(3)[1], _aged(4)[1])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_photos_age_alike_on_every_device() -> None:
    srgb = torch.rand(64, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    lightness = lab_from_srgb(srgb)[:, :1]
    here, there = (
        age(lightness.to(device), srgb.to(device), torch.Generator().manual_seed(5)).cpu() for device in ("cpu", "cuda")
    )
    # A coefficient on the edge between two steps of a JPEG may fall to either side.
    assert ((here - there).abs() > 0.1).float().mean() < 0.01


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)
def test_each_effect_shows_and_differs_from_photo_to_photo(effect: aging.Effect) -> None:
    x = _photos(32, 160)
    y = effect(x, _chance())
    assert y.shape == x.shape
    changed = (y - x).abs().amax((1, 2, 3))
    assert (changed > 0.004).float().mean() > 0.8
    assert changed.std() > 0
    # Nobody takes a photo for another one: on average it is still there.
    assert (y - x).abs().mean() < 0.12


def test_a_jpeg_is_as_wrong_as_a_real_one() -> None:
    chance = np.random.default_rng(0)
    smooth = np.asarray(Image.fromarray(chance.integers(0, 256, (16, 16), dtype=np.uint8)).resize((64, 64)))
    x = torch.from_numpy(smooth / 255.0).float().expand(24, 1, 64, 64)
    qualities = _chance(7).uniform(24, 20, 75).flatten().tolist()
    ours = (aging.jpeg(x, _chance(7)).clamp(0, 1) * 255).round()
    for quality, photo in zip(qualities, ours, strict=True):
        file = io.BytesIO()
        Image.fromarray(smooth).save(file, "JPEG", quality=int(quality))
        real = torch.from_numpy(np.asarray(Image.open(file)).astype(np.float32))
        assert (photo[0] - real).abs().mean() < 1.5


def test_an_old_plate_is_blind_to_red_and_dazzled_by_blue() -> None:
    colours = torch.eye(3)[:, :, None, None].expand(3, 3, 8, 8)
    usual = lab_from_srgb(colours)[:, 0, 0, 0] / 100
    plate = aging.old_plate(colours, _chance())[:, 0, 0, 0]
    assert plate[0] < usual[0]
    assert plate[2] > usual[2]
    white = aging.old_plate(torch.ones(1, 3, 8, 8), _chance())
    assert white.min() > 0.99


def test_blur_keeps_the_mean_and_softens_edges() -> None:
    x = _photos(8)
    y = aging.blur(x, _chance())
    torch.testing.assert_close(y.mean((2, 3)), x.mean((2, 3)), atol=5e-3, rtol=0)
    assert (y.diff(dim=2).abs().amax((2, 3)) < x.diff(dim=2).abs().amax((2, 3))).all()


def test_textures_are_normalised() -> None:
    grain = grain_tiles(CPU)
    assert grain.mean((1, 2)).abs().max() < 0.01
    torch.testing.assert_close(grain.std((1, 2)), torch.ones(4), atol=0.01, rtol=0)
    neighbours = (grain * grain.roll(1, -1)).mean((1, 2))
    assert neighbours.abs()[0] < 0.01
    assert (neighbours.diff() > 0.1).all(), "grain gets coarser from tile to tile"
    covered = (damage_tiles(CPU) > 0.2).float().mean((1, 2))
    assert (covered > 0.002).all()
    assert (covered < 0.03).all()


def test_the_sheet_shows_the_gray_photo_first() -> None:
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    sheet = aged_sheet(pixels, torch.Generator().manual_seed(0), versions=3)
    assert sheet.shape == (3, 2 * 36, 4 * 36)
    first = sheet[:, :32, :32]
    assert torch.equal(first[0], first[1])
    assert torch.equal(first[0], first[2])
