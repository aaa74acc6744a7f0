import torch

from inference.model.color import lab_from_srgb
from training.views import plain_view, random_view


def _photos(count: int = 4, side: int = 64) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_a_plain_view_is_lab_with_ab_averaged_down() -> None:
    photos = _photos()
    view = plain_view(photos)
    lab = lab_from_srgb(photos.float() / 255)
    torch.testing.assert_close(view.lightness, lab[:, :1])
    assert view.ab.shape == (4, 2, 16, 16)
    torch.testing.assert_close(view.ab[:, :, 0, 0], lab[:, 1:, :4, :4].mean((2, 3)))


def test_the_same_chance_gives_the_same_view() -> None:
    photos = _photos()
    views = [
        random_view(photos, torch.Generator().manual_seed(seed), smallest_crop=0.5, augment=True) for seed in (1, 1, 2)
    ]
    torch.testing.assert_close(views[0].lightness, views[1].lightness)
    torch.testing.assert_close(views[0].ab, views[1].ab)
    assert not torch.allclose(views[0].lightness, views[2].lightness)


def test_augmentation_never_touches_the_colour() -> None:
    photos = _photos()
    plain, augmented = (
        random_view(photos, torch.Generator().manual_seed(5), smallest_crop=0.5, augment=augment)
        for augment in (False, True)
    )
    torch.testing.assert_close(plain.ab, augmented.ab)
    assert not torch.allclose(plain.lightness, augmented.lightness)


def test_flips_move_lightness_and_colour_together() -> None:
    photos = torch.zeros(32, 3, 64, 64, dtype=torch.uint8)
    photos[:, 0, :, :32] = 255  # the left half red
    view = random_view(photos, torch.Generator().manual_seed(9), smallest_crop=1.0, augment=False)
    red_is_left = view.ab[:, 0, 8, 2] > 40
    bright_is_left = view.lightness[:, 0, 32, 4] > 40
    assert torch.equal(red_is_left, bright_is_left)
    assert 0 < red_is_left.sum() < 32
