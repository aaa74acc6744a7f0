"""Chroma spread at full size: crisper than bilinear, in gamut, and the same as the plain formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from inference.imaging.chroma import chroma_from_ab, lightness
from inference.imaging.guided import ChromaLines, cell_means, fit_lines, spread
from inference.model.color import lab_from_srgb
from tests.inference.imaging.pictures import scene, true_ab

Float = NDArray[np.float32]


def planes(image: Image.Image) -> tuple[NDArray[np.uint8], Float]:
    """Return luma (h, w) and chroma (2, h, w) centred on 0."""
    ycc = np.asarray(image.convert("YCbCr"))
    return ycc[..., 0], ycc[..., 1:].transpose(2, 0, 1).astype(np.float32) - 128


def resized(plane: NDArray[np.generic], shape: tuple[int, int], how: Image.Resampling) -> Float:
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), how))


def errors(image: Image.Image, cells: tuple[int, int]) -> tuple[float, float]:
    """Return the mean chroma error of guided and of bilinear upsampling of the true chroma, averaged down to cells."""
    luma, chroma = planes(image)
    fine = (cells[0] * 4, cells[1] * 4)
    coarse = np.stack([resized(plane, cells, Image.Resampling.BOX) for plane in chroma])
    lines = fit_lines(resized(luma, fine, Image.Resampling.BOX), coarse)
    guided = spread(lines, luma).astype(np.float32) - 128
    bilinear = np.stack([resized(plane, luma.shape, Image.Resampling.BILINEAR) for plane in coarse])
    return float(np.abs(guided - chroma).mean()), float(np.abs(bilinear - chroma).mean())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cells", [(40, 60), (20, 30)])
def test_guided_beats_bilinear(seed: int, cells: tuple[int, int]) -> None:
    guided, bilinear = errors(scene(480, 320, seed), cells)
    assert guided < 0.9 * bilinear


def test_cells_keep_their_mean() -> None:
    luma, chroma = planes(scene(480, 320))
    coarse = np.stack([cell_means(plane, (40, 60)) for plane in chroma])
    lines = fit_lines(luma[::2, ::2].astype(np.float32), coarse)
    result = np.stack([cell_means(plane.astype(np.float32) - 128, (40, 60)) for plane in spread(lines, luma)])
    bilinear = np.stack([resized(plane, luma.shape, Image.Resampling.BILINEAR) for plane in coarse])
    blurred = np.stack([cell_means(plane, (40, 60)) for plane in bilinear])
    assert np.abs(result - coarse).mean() < 0.5 * np.abs(blurred - coarse).mean()


def test_flat_chroma_stays_flat_over_any_luma() -> None:
    luma = np.random.default_rng(0).integers(90, 160, (200, 300)).astype(np.uint8)
    chroma = np.broadcast_to(np.array([[[20.0]], [[-12.0]]], np.float32), (2, 16, 24)).copy()
    lines = fit_lines(resized(luma, (64, 96), Image.Resampling.BOX), chroma)
    cb, cr = spread(lines, luma)
    assert set(np.unique(cb)) == {148}
    assert set(np.unique(cr)) == {116}


def test_strips_and_rounding_change_nothing_of_the_formula() -> None:
    """The whole in float64 and without strips, against the real thing; odd sizes, fewer and more rows than cells."""
    rng = np.random.default_rng(0)
    for height, width in ((97, 131), (9, 7), (400, 33), (1, 1)):
        slope = rng.normal(0, 0.2, (2, 12, 17)).astype(np.float32)
        offset = rng.normal(0, 30, (2, 12, 17)).astype(np.float32)
        luma = rng.integers(0, 256, (height, width)).astype(np.uint8)
        expected = plainly_spread(slope, offset, luma)
        assert np.abs(spread(ChromaLines(slope, offset), luma) - expected).max() <= 0.51


def plainly_spread(slope: Float, offset: Float, luma: NDArray[np.uint8]) -> NDArray[np.float64]:
    def interpolated(low: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = np.clip((np.arange(luma.shape[0]) + 0.5) * low.shape[0] / luma.shape[0] - 0.5, 0, low.shape[0] - 1)
        columns = np.clip((np.arange(luma.shape[1]) + 0.5) * low.shape[1] / luma.shape[1] - 0.5, 0, low.shape[1] - 1)
        wide = np.stack([np.interp(columns, np.arange(low.shape[1]), row) for row in low])
        return np.stack([np.interp(rows, np.arange(low.shape[0]), column) for column in wide.T], axis=1)

    levels = luma.astype(np.float64)
    cb, cr = (
        interpolated(a.astype(float)) * levels + interpolated(b.astype(float))
        for a, b in zip(slope, offset, strict=True)
    )
    shifts = np.stack([1.402 * cr, -0.344136 * cb - 0.714136 * cr, 1.772 * cb])
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(shifts > 0, (255 - levels) / shifts, np.where(shifts < 0, -levels / shifts, np.inf))
    scale = np.minimum(1, room.min(axis=0))
    return np.stack([cb * scale + 128, cr * scale + 128])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    strength=st.floats(0, 400),
)
def test_any_chroma_leaves_the_luma_alone(seed: int, height: int, width: int, strength: float) -> None:
    """However wild the prediction, red, green and blue stay in range, so that luma is what it was, to rounding."""
    rng = np.random.default_rng(seed)
    luma = rng.integers(0, 256, (height, width)).astype(np.uint8)
    chroma = rng.normal(0, strength, (2, 8, 12)).astype(np.float32)
    lines = fit_lines(rng.uniform(0, 255, (32, 48)).astype(np.float32), chroma)
    cb, cr = spread(lines, luma)
    merged = Image.merge("YCbCr", [Image.fromarray(plane) for plane in (luma, cb, cr)])
    after = np.asarray(merged.convert("RGB").convert("L")).astype(int)
    assert np.abs(after - luma).max() <= 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("halved", [False, True])
def test_hard_to_tell_from_the_exact_path_in_lab(seed: int, halved: bool) -> None:
    """Guided by L* at full size, in Lab and in floats all the way, against planes of 8 bits."""
    image = scene(480, 320, seed)
    luma, _ = planes(image)
    ab = true_ab(image, (192, 288))
    fine = resized(luma, (192, 288), Image.Resampling.BOX)
    lines = fit_lines(fine, chroma_from_ab(cell_means(fine, (48, 72)), ab))
    guide = np.asarray(Image.fromarray(luma).reduce(2)) if halved else luma
    ours = np.stack([resized(plane, luma.shape, Image.Resampling.BILINEAR) for plane in spread(lines, guide)]) - 128
    exact = chroma_from_ab(luma.astype(np.float32), guided_by_lightness(luma, fine, ab))
    distance = np.sqrt(((to_lab(luma, ours) - to_lab(luma, exact)) ** 2).sum(axis=0))
    assert distance.mean() < 1


def guided_by_lightness(luma: NDArray[np.uint8], fine: Float, ab: Float) -> Float:
    """Return ab at full size, by the same lines as ours, but of ab over L*."""
    scale = np.float32(2.55)  # L* reaches as far as luma then, so that the same regularisation suits it
    lines = fit_lines(lightness(fine) * scale, ab)
    levels = lightness(luma.astype(np.float32)) * scale
    slope, offset = (
        np.stack([resized(plane, luma.shape, Image.Resampling.BILINEAR) for plane in planes])
        for planes in (lines.slope, lines.offset)
    )
    full: Float = slope * levels + offset
    return full


def to_lab(luma: NDArray[np.uint8], chroma: Float) -> Float:
    cb, cr = chroma
    rgb = np.stack([luma + 1.402 * cr, luma - 0.344136 * cb - 0.714136 * cr, luma + 1.772 * cb]) / 255
    lab: Float = lab_from_srgb(torch.from_numpy(rgb.clip(0, 1).astype(np.float32))).numpy()
    return lab
