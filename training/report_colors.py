"""The bias page: which colours are overused, drawn on the ab plane, and what becomes of each region of it."""

import math
from dataclasses import dataclass

import torch

from inference.model.bins import GRID, ab_bins
from inference.model.color import srgb_from_lab
from training.color_use import REGIONS, ColorUse, RegionUse

_LIGHTNESS = 66.0
_FAINT = 1e-6
"""A bin with a smaller share of the pixels, true and drawn, is left out."""
_DOUBLINGS = 3.0


@dataclass(frozen=True)
class Cell:
    """A square of a plane: its centre (a to the right, b upwards as SVG has it, down), its side and its colour."""

    x: float
    y: float
    side: float
    color: str
    opacity: float
    title: str


@dataclass(frozen=True)
class Plane:
    """One picture of the ab plane."""

    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class RegionRow:
    """A region in the table: its colour and its figures."""

    color: str
    use: RegionUse

    @property
    def ratio(self) -> float:
        """How much more often the region is drawn than it is true."""
        return self.use.drawn_share / max(self.use.true_share, 1e-9)


def planes(use: ColorUse) -> tuple[Plane, Plane, Plane]:
    """Draw how often each colour is true, how often it is drawn, and the ratio of the two."""
    true, drawn = use.true_shares, use.drawn_shares
    largest = float(torch.maximum(true, drawn).max())
    return (
        Plane("in the true photos", tuple(_sized(true, drawn, true, largest))),
        Plane("as drawn", tuple(_sized(true, drawn, drawn, largest))),
        Plane("drawn too often / too rarely", tuple(_ratios(true, drawn))),
    )


def region_rows(use: ColorUse) -> list[RegionRow]:
    """Return the regions with their colours."""
    return [RegionRow(region_color(index), region) for index, region in enumerate(use.regions())]


def region_color(index: int) -> str:
    """Return a colour from the middle of a region, as CSS has it."""
    region = REGIONS[index]
    hue = math.radians((region.begin + region.end) / 2)
    chroma = 45.0 if region.end > region.begin else 0.0
    return _css(chroma * math.cos(hue), chroma * math.sin(hue))


def _css(a: float, b: float) -> str:
    srgb = srgb_from_lab(torch.tensor([_LIGHTNESS, a, b]).view(3, 1, 1)).flatten()
    return "#" + "".join(f"{round(255 * level):02x}" for level in srgb.tolist())


def _title(a: float, b: float, true: float, drawn: float) -> str:
    return f"a {a:.0f}, b {b:.0f}: true {100 * true:.3g} %, drawn {100 * drawn:.3g} %"


def _sized(true: torch.Tensor, drawn: torch.Tensor, shown: torch.Tensor, largest: float) -> list[Cell]:
    """Draw each bin in its colour, the larger the more pixels it has (by the fourth root: shares span five decades)."""
    return [
        Cell(a, -b, 0.96 * GRID * (share / largest) ** 0.25, _css(a, b), 1.0, _title(a, b, p, q))
        for (a, b), p, q, share in zip(ab_bins().tolist(), true.tolist(), drawn.tolist(), shown.tolist(), strict=True)
        if share > _FAINT
    ]


def _ratios(true: torch.Tensor, drawn: torch.Tensor) -> list[Cell]:
    """Draw each bin orange where it is drawn too often, blue where too rarely; fainter where it hardly occurs."""
    cells = []
    for (a, b), p, q in zip(ab_bins().tolist(), true.tolist(), drawn.tolist(), strict=True):
        if max(p, q) > _FAINT:
            doublings = math.log2((q + _FAINT) / (p + _FAINT))
            strength = min(abs(doublings) / _DOUBLINGS, 1.0)
            color = (
                f"color-mix(in oklab, var(--{'over' if doublings > 0 else 'under'}) {100 * strength:.0f}%, var(--even))"
            )
            seen = min(1.0, 0.25 + 0.25 * math.log10(max(p, q) / _FAINT))
            cells.append(Cell(a, -b, 0.96 * GRID, color, seen, f"{_title(a, b, p, q)}, {2**doublings:.2g} times"))
    return cells
