"""The quantised ab plane: 313 bins of grid size 10 that hold every sRGB colour (Zhang et al. 2016, section 2.1)."""

import functools

import torch
from torch import Tensor

from inference.model.color import lab_from_srgb

GRID = 10
"""Distance between neighbouring bin centres, in ab units."""

BINS = 313
"""Number of bins, written Q in the paper."""

_Point = tuple[float, float]


@functools.cache
@torch.inference_mode(False)  # a cached tensor must do for training too, whoever asks first
def ab_bins() -> Tensor:
    """Return the bin centres, float32 ``(313, 2)``, sorted by (a, b).

    The centres are the points of the grid that lie inside the convex hull of all sRGB colours grown by one grid step in
    a and in b, which gives exactly the table of the authors' release.
    """
    hull = _convex_hull([(a + da, b + db) for a, b in _gamut_outline() for da in (-GRID, GRID) for db in (-GRID, GRID)])
    steps = range(-120, 121, GRID)
    centres = [(float(a), float(b)) for a in steps for b in steps if _inside(hull, (a, b))]
    return torch.tensor(centres, dtype=torch.float32)


def _gamut_outline() -> list[_Point]:
    """Return the ab of the colours on the edges of the sRGB cube, which hold the extremes of the gamut."""
    levels = torch.linspace(0, 1, 256)
    edges = []
    for axis in range(3):
        for corner in range(4):
            edge = torch.empty(3, 1, 256)
            edge[axis, 0] = levels
            edge[(axis + 1) % 3, 0] = float(corner & 1)
            edge[(axis + 2) % 3, 0] = float(corner >> 1)
            edges.append(edge)
    ab = lab_from_srgb(torch.cat(edges, dim=-1))[1:, 0]
    return [(a, b) for a, b in ab.T.tolist()]


def _cross(origin: _Point, p: _Point, q: _Point) -> float:
    return (p[0] - origin[0]) * (q[1] - origin[1]) - (p[1] - origin[1]) * (q[0] - origin[0])


def _convex_hull(points: list[_Point]) -> list[_Point]:
    """Return the hull's corners counter-clockwise (Andrew's monotone chain)."""

    def chain(ordered: list[_Point]) -> list[_Point]:
        corners: list[_Point] = []
        for point in ordered:
            while len(corners) >= 2 and _cross(corners[-2], corners[-1], point) <= 0:
                corners.pop()
            corners.append(point)
        return corners[:-1]

    ordered = sorted(set(points))
    return chain(ordered) + chain(ordered[::-1])


def _inside(hull: list[_Point], point: _Point) -> bool:
    return all(_cross(p, q, point) >= 0 for p, q in zip(hull, hull[1:] + hull[:1], strict=True))
