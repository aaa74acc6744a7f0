"""Spreads low-resolution chroma over a full-size photo, with the photo's own luma as the guide.

A guided filter (He, Sun & Tang, "Guided Image Filtering", ECCV 2010; "Fast Guided Filter", arXiv:1505.00996): around
each low-resolution cell, chroma is taken as a line over luma, ``chroma = slope * luma + offset``; the coefficients are
interpolated to full size and meet the full-size luma there, so that colors change where the photo has its edges.
Unlike the paper's, a line passes through its own cell's value rather than its window's mean, and the offsets are then
corrected once so that the result's cell averages agree with the prediction: both keep the chroma crisper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.imaging.chroma import CB_TO_BLUE, CB_TO_GREEN, CR_TO_GREEN, CR_TO_RED, Float

_REGULARISATION = 1e-2 * 255**2
_STRIP_PIXELS = 2**15
"""What is worked on at a time: few enough for the processor's cache."""
_STRIP_CELLS = 4
_ROOM = 1e-3


@dataclass(frozen=True, slots=True)
class ChromaLines:
    """Chroma as a line over luma in each low-resolution cell; both arrays are (2, h, w) float32, for Cb and Cr."""

    slope: Float
    offset: Float


def fit_lines(luma: Float, chroma: Float) -> ChromaLines:
    """Fit the lines to chroma of (2, h, w), centred on 0, and luma of (h*n, w*n), both in 0..255 units.

    The finer luma lets the correction see how the lines act within each cell.
    """
    cells = chroma.shape[1:]
    cell_luma = cell_means(luma, cells)
    mean_luma = _window_means(cell_luma)
    covariance = _window_means(cell_luma * chroma) - mean_luma * _window_means(chroma)
    variance = _window_means(cell_luma**2) - mean_luma**2
    slope = covariance / (variance + _REGULARISATION)
    offset = chroma - slope * cell_luma
    fine = _enlarge(slope, luma.shape) * luma + _enlarge(offset, luma.shape)
    return ChromaLines(slope, offset + chroma - cell_means(fine, cells))


class Spreader:
    """Spreads chroma over a photo of a given size, (height, width), as many of its rows at a time as one likes."""

    def __init__(self, lines: ChromaLines, size: tuple[int, int]) -> None:
        height, width = size
        self._wide = _interpolate(np.stack([lines.slope, lines.offset]), width)
        self._shares = _shares(height, lines.slope.shape[1])
        self._strip_rows = max(1, min(_STRIP_PIXELS // width, _STRIP_CELLS * height // lines.slope.shape[1]))

    def rows(self, top: int, luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the chroma (2, h, W), Cb and Cr as JPEG stores them, of the rows from ``top`` on, with their luma.

        Each pixel's chroma is scaled into the RGB gamut at the pixel's own luma, keeping its hue. Besides the result,
        memory is a few strips of rows.
        """
        chroma = np.empty((2, *luma.shape), dtype=np.uint8)
        for start in range(0, len(luma), self._strip_rows):
            levels = luma[start : start + self._strip_rows].astype(np.float32)
            stop = start + len(levels)
            shares = self._shares[top + start : top + stop]
            cells = np.flatnonzero(shares.any(axis=0))
            near = slice(cells[0], cells[-1] + 1)
            values, offset = np.matmul(shares[:, near], self._wide[:, :, near])
            values *= levels
            values += offset
            _scale_into_gamut(values, levels, *offset)
            values += 128.5  # the cast below truncates
            chroma[:, start:stop] = values
        return chroma


def spread(lines: ChromaLines, luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the chroma (2, H, W), Cb and Cr as JPEG stores them, of a photo with ``luma`` (H, W)."""
    height, width = luma.shape
    return Spreader(lines, (height, width)).rows(0, luma)


def _scale_into_gamut(chroma: Float, luma: Float, green: Float, spare: Float) -> None:
    """Scale chroma (2, n, w) in place so that red, green and blue stay within 0..255 at the given luma (n, w).

    ``green`` and ``spare`` (n, w) are overwritten; so is ``luma``.
    """
    cb, cr = chroma
    np.multiply(cb, CB_TO_GREEN, out=green)
    np.multiply(cr, CR_TO_GREEN, out=spare)
    green += spare
    red, blue = np.multiply(cr, CR_TO_RED, out=spare), cb * CB_TO_BLUE
    highest = np.maximum(red, blue)
    np.maximum(highest, green, out=highest)
    lowest = np.minimum(red, blue, out=red)
    np.minimum(lowest, green, out=lowest)
    # How many times as far as it may does each color go? A little more room than there is spares black and white 0 / 0.
    lowest /= np.subtract(-_ROOM, luma, out=green)
    highest /= np.subtract(255 + _ROOM, luma, out=luma)
    np.maximum(highest, lowest, out=highest)
    np.maximum(highest, 1, out=highest)
    chroma /= highest


def _taps(size: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Float]:
    """Return for each of ``size`` pixels the two cells to interpolate between, and the second one's share.

    Centres of cells and of pixels are half a step in; beyond the outermost centres the outermost cell holds.
    """
    centre = (np.arange(size, dtype=np.float32) + 0.5) * (cells / size) - 0.5
    centre = np.clip(centre, 0, cells - 1)
    first = np.minimum(centre.astype(np.intp), max(cells - 2, 0))
    return first, np.minimum(first + 1, cells - 1), (centre - first).astype(np.float32)


def _shares(size: int, cells: int) -> Float:
    """Return the shares (size, cells) that each of ``size`` pixels has of the cells."""
    first, second, share = _taps(size, cells)
    shares = np.zeros((size, cells), dtype=np.float32)
    pixels = np.arange(size)
    shares[pixels, first] = 1 - share
    shares[pixels, second] += share
    return shares


def _interpolate(planes: Float, size: int) -> Float:
    """Interpolate linearly along the last axis to ``size`` pixels."""
    first, second, share = _taps(size, planes.shape[-1])
    start = np.take(planes, first, axis=-1)
    change = np.take(planes, second, axis=-1)
    change -= start
    change *= share
    start += change
    return start


def _enlarge(planes: Float, shape: tuple[int, ...]) -> Float:
    height, width = shape
    wide = _interpolate(planes, width)
    return _interpolate(wide.swapaxes(-1, -2), height).swapaxes(-1, -2)


def cell_means(planes: Float, cells: tuple[int, ...]) -> Float:
    """Average over the blocks of pixels that make up each cell; the size must be a multiple of the cells."""
    height, width = cells
    rows, columns = planes.shape[-2] // height, planes.shape[-1] // width
    bands = planes.reshape(*planes.shape[:-2], height, rows, -1).sum(axis=-2)
    means: Float = sum(bands[..., column::columns] for column in range(columns)) / np.float32(rows * columns)
    return means


def _window_means(planes: Float) -> Float:
    """Average over 3 x 3 cells, repeating the outermost ones."""
    padding = [(0, 0)] * (planes.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(planes, padding, mode="edge")
    rows = padded[..., :-2, :] + padded[..., 1:-1, :] + padded[..., 2:, :]
    means: Float = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / np.float32(9)
    return means
