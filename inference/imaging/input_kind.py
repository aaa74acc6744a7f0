"""Tells gray photos, toned prints and color photos apart.

The thresholds, in levels of 255, leave 99 % of 5,200 color photographs as color, haze, snow and black cats among the
other 1 %; and they take 78 of 80 historic prints for gray or tinted, the other two being stained or colored by hand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.imaging.chroma import Float
from inference.vocabulary import InputKind

_LUMA_BINS = 16
_GRAY_LEVELS = 5.0
"""99 % of a gray photo's chroma stays below this: cameras and scanners leave a little, JPEG adds some."""
_TONED_RESIDUAL = 3.0
"""How far chroma strays from what luma explains, in a print toned evenly."""
_UNEVEN_RESIDUAL = 0.26
"""The same in a print that has faded unevenly, as a share of its chroma; its hue must then be one."""
_ONE_HUE = 1.8
"""How far the chroma of one hue strays to its sides."""
_OPPOSITE_HUE = 0.3
"""How far it reaches into the complementary hue."""


def input_kind(luma: NDArray[np.uint8], chroma: Float) -> InputKind:
    """Tell what color a photo has from a small copy: luma (h, w) in 0..255, chroma (2, h, w) centred on 0.

    A toned print (sepia, cyanotype, selenium) has a chroma that its luma explains; a color photo's depends on what is
    shown.
    """
    flat = chroma.reshape(2, -1)
    if np.percentile(np.hypot(*flat), 99) < _GRAY_LEVELS:
        return InputKind.GRAY
    residual = _spread(flat - _explained_by(luma.ravel(), flat))
    if residual < _TONED_RESIDUAL:
        return InputKind.TINTED
    along, across = _principal_components(flat)
    one_hue = _spread(across) < _ONE_HUE and _spread(np.minimum(along, 0)) < _OPPOSITE_HUE
    if one_hue and residual < _UNEVEN_RESIDUAL * _spread(flat):
        return InputKind.TINTED
    return InputKind.COLOR


def _explained_by(luma: NDArray[np.uint8], chroma: Float) -> Float:
    """Return for each pixel the mean chroma of all pixels of about its luma."""
    bins = luma // (256 // _LUMA_BINS)
    counts = np.maximum(np.bincount(bins, minlength=_LUMA_BINS), 1)
    means = np.stack([np.bincount(bins, plane, _LUMA_BINS) / counts for plane in chroma])
    return means[:, bins].astype(np.float32)


def _principal_components(chroma: Float) -> tuple[Float, Float]:
    """Return chroma along and across its main direction through gray; along is positive on average."""
    _, directions = np.linalg.eigh(chroma @ chroma.T)
    across, along = directions.T.astype(np.float32) @ chroma
    return (along if along.mean() >= 0 else -along), across


def _spread(values: Float) -> float:
    """Root mean square over pixels."""
    return float(np.sqrt((values**2).sum() / values.shape[-1]))
