"""The way of a photo, from file to file, with a real network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inference.imaging import Limits
from inference.model.colorizer import BUNDLED_WEIGHTS, Colorizer, Configuration, load_colorizer
from inference.problems import NotAnImage, TooManyPixels
from inference.recolor import predict_ab, recolor
from inference.vocabulary import InputKind, RecolorOptions
from tests.inference.imaging.pictures import difference, file_of, luma_of, opened, scene

PHOTO = scene(300, 200)


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    """The bundled colorizer, or one with random weights where none is bundled yet."""
    if BUNDLED_WEIGHTS.is_file():
        return load_colorizer(device="cpu")
    torch.manual_seed(0)
    configuration = Configuration()
    return Colorizer(configuration.build(), configuration, "0" * 64, torch.device("cpu"))


def test_a_gray_photo_comes_back_in_color(colorizer: Colorizer) -> None:
    recolored = recolor(file_of(PHOTO.convert("L"), "PNG"), RecolorOptions(), colorizer)
    result = opened(recolored.data)
    assert (recolored.media_type, recolored.width, recolored.height) == ("image/png", 300, 200)
    assert recolored.input is InputKind.GRAY
    assert recolored.model == colorizer.name
    assert set(recolored.timings) == {"decode", "network", "encode"}
    assert all(milliseconds > 0 for milliseconds in recolored.timings.values())
    assert result.size == PHOTO.size
    assert np.abs(luma_of(result) - luma_of(PHOTO)).max() <= 1
    assert np.ptp(np.asarray(result).astype(int), axis=2).mean() > 1


def test_the_photos_own_colors_play_no_part(colorizer: Colorizer) -> None:
    of_gray = recolor(file_of(PHOTO.convert("L"), "PNG"), RecolorOptions(), colorizer)
    of_color = recolor(file_of(PHOTO, "PNG"), RecolorOptions(), colorizer)
    assert of_color.input is InputKind.COLOR
    assert difference(opened(of_gray.data), opened(of_color.data)) < 1


def test_every_frame_of_an_animation_is_recolored(colorizer: Colorizer) -> None:
    frames = [scene(120, 80, seed).convert("L") for seed in range(11)]  # more than one batch
    data = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    recolored = recolor(data, RecolorOptions(), colorizer)
    result = opened(recolored.data)
    assert result.n_frames == 11  # type: ignore[attr-defined]


def test_batches_change_nothing(colorizer: Colorizer) -> None:
    rng = np.random.default_rng(0)
    shape = colorizer.shapes[0]
    lightness = [rng.uniform(0, 100, shape).astype(np.float32) for _ in range(9)]
    together = predict_ab(lightness, colorizer)
    alone = predict_ab(lightness[8:], colorizer)[0]
    assert len(together) == 9
    assert together[0].shape == (2, shape[0] // 4, shape[1] // 4)
    assert np.abs(together[8] - alone).max() < 0.05


def test_limits_and_refusals_hold(colorizer: Colorizer) -> None:
    with pytest.raises(NotAnImage):
        recolor(b"no photo", RecolorOptions(), colorizer)
    with pytest.raises(TooManyPixels):
        recolor(file_of(PHOTO, "PNG"), RecolorOptions(), colorizer, Limits(max_pixels=1000))
