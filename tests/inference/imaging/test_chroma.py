"""Luma, chroma and Lab agree with each other and with the model's own Lab."""

from __future__ import annotations

import numpy as np
import torch

from inference.imaging.chroma import LUMA_WEIGHTS, chroma_from_ab, lightness
from inference.model.color import lab_from_srgb

STEPS = np.linspace(0, 1, 18, dtype=np.float32)
CUBE = np.stack(np.meshgrid(STEPS, STEPS, STEPS)).reshape(3, 18, -1)
LUMA = 255 * np.tensordot(LUMA_WEIGHTS, CUBE, 1)


def test_lightness_of_grays_is_labs() -> None:
    levels = np.arange(256, dtype=np.float32)[None]
    grays = torch.from_numpy(levels / 255).expand(3, 1, 256)
    assert np.abs(lightness(levels) - lab_from_srgb(grays)[0].numpy()).max() < 0.01


def test_a_color_gets_its_own_chroma_back() -> None:
    ab = lab_from_srgb(torch.from_numpy(CUBE))[1:].numpy()
    red, _, blue = 255 * CUBE
    expected = np.stack([(blue - LUMA) / 1.772, (red - LUMA) / 1.402])
    assert np.abs(chroma_from_ab(LUMA, ab) - expected).max() < 0.25


def test_no_color_has_no_chroma() -> None:
    levels = np.arange(256, dtype=np.float32)[None]
    assert np.abs(chroma_from_ab(levels, np.zeros((2, 1, 256), np.float32))).max() < 0.05


def test_hue_survives_where_there_is_no_such_color() -> None:
    """Colors beyond the gamut keep finite chroma of about the right hue, for the caller to scale in."""
    turns = np.linspace(0, 2 * np.pi, 36, endpoint=False, dtype=np.float32)
    ab = 110 * np.stack([np.cos(turns), np.sin(turns)])[:, None]
    for level in (0, 3, 20, 128, 240, 255):
        chroma = chroma_from_ab(np.full((1, 36), level, np.float32), ab)
        assert np.isfinite(chroma).all()
        warm = np.sin(turns) > 0.9
        assert (chroma[0, 0][warm] <= 0).all()  # yellows have less blue
