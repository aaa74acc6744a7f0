"""Plots of what grows, as PNG; needs matplotlib, of the extra ``bench``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_INCHES = 4.2
_DOTS_PER_INCH = 110
_MEASURED = "#b5531c"
_LINEAR = "#9a9a9a"


@dataclass(frozen=True, slots=True)
class Curve:
    """One measured quantity over what it may grow with."""

    name: str
    sizes: Sequence[float]
    values: Sequence[float]
    is_cost: bool = True
    """Whether it may grow, and a straight line is to be drawn beside it."""


def draw(file: Path, size: str, *curves: Curve) -> None:
    """Draw the curves side by side over ``size``, costs beside a straight line from nothing to their last point."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_INCHES * len(curves), _INCHES * 0.8), dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    for curve, axes in zip(curves, figure.subplots(1, len(curves), squeeze=False)[0], strict=True):
        if curve.is_cost:
            axes.plot([0, curve.sizes[-1]], [0, curve.values[-1]], color=_LINEAR, linestyle="--", label="linear")
        axes.plot(curve.sizes, curve.values, color=_MEASURED, marker="o", label="measured")
        axes.set_xlabel(size)
        axes.set_title(curve.name)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.savefig(file)
