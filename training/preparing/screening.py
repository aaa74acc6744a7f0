"""Which images are worth learning colour from: what is measured of each, and why it is dropped."""

import io
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from PIL import Image

from inference.imaging.profiles import conversion_to_srgb
from inference.model.color import lab_from_srgb
from training.photos import BROKEN, upright

_MEASURED_SIDE = 48
"""Measures are taken on the photo scaled to at most so many pixels a side, which averages the noise of JPEG away."""


class Reason(StrEnum):
    """Why an image is dropped; the value is what people read."""

    UNREADABLE = "unreadable"
    TINY = "tiny"
    TRANSPARENT = "transparent"
    GRAY = "gray"
    SEPIA = "sepia"
    FLAT = "flat"
    DUPLICATE = "duplicate"


EXPLANATIONS = {
    Reason.UNREADABLE: "no picture, or a broken one",
    Reason.TINY: "too small",
    Reason.TRANSPARENT: "partly transparent: a cut-out or a drawing",
    Reason.GRAY: "hardly any colour anywhere",
    Reason.SEPIA: "or toned otherwise: colour follows from lightness alone",
    Reason.FLAT: "hardly any difference in lightness",
    Reason.DUPLICATE: "shown beside the larger one that was kept",
}


@dataclass(frozen=True)
class Thresholds:
    """Below these an image is dropped; each stands for the field of :class:`Measures` of its name.

    Of 1,694 varied colour photos, 0.5 of ``untoned`` drops three (of one colour throughout); of 400 of them printed in
    sepia tones of many kinds, 93 %.
    """

    side: int = 96
    opaque: float = 0.99
    colorful: float = 8.0
    untoned: float = 0.5
    contrast: float = 4.0


@dataclass(frozen=True)
class Measures:
    """What :func:`drop_reason` judges by, and the mean chroma for the manifest."""

    side: int
    """The shorter side of the original, pixels."""
    opaque: float
    """Share of the pixels that are."""
    mean_chroma: float
    """In Lab."""
    colorful: float
    """The chroma that 2 % of the pixels exceed."""
    untoned: float
    """Deviation of ab among pixels of like lightness, over √(1 + deviation of ab from gray): small, where colour
    follows from lightness as in sepia, cyanotypes and other toned prints, whatever their hues."""
    contrast: float
    """Deviation of L."""


@dataclass(frozen=True)
class Opened:
    """An upright sRGB photo, the share of it that is opaque, and the size of the original in pixels."""

    photo: Image.Image
    opaque: float
    width: int
    height: int


def open_photo(data: bytes, side: int) -> Opened | None:
    """Decode a photo; None for what is none.

    ``side`` lets a large JPEG be decoded at a fraction of its size, but with at least twice that many pixels a side.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(data))
        width, height = image.size
        image.draft("RGB", (2 * side, 2 * side))
        image = upright(image)  # while it still has its EXIF data, which don't survive the conversion of colours
        opaque = _opaque_share(image)
        if image.mode in ("RGB", "CMYK"):
            image = conversion_to_srgb(image.info.get("icc_profile"), image.mode).apply(image)
        return Opened(image.convert("RGB"), opaque, width, height)
    except BROKEN:
        return None


def measure(opened: Opened) -> Measures:
    """Measure a photo."""
    small = opened.photo.copy()
    small.thumbnail((_MEASURED_SIDE, _MEASURED_SIDE), Image.Resampling.BOX)
    pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255
    lab = lab_from_srgb(pixels).flatten(1)
    lightness, ab = lab[0], lab[1:]
    chroma = ab.square().sum(0).sqrt()
    return Measures(
        side=min(opened.width, opened.height),
        opaque=opened.opaque,
        mean_chroma=chroma.mean().item(),
        colorful=chroma.quantile(0.98).item(),
        untoned=_spread_within_lightness(lightness, ab) / (1 + chroma.square().mean().sqrt().item()) ** 0.5,
        contrast=lightness.std().item(),
    )


def drop_reason(measures: Measures, thresholds: Thresholds) -> Reason | None:
    """Judge a photo by its measures; None means that it is kept."""
    verdicts = {
        Reason.TINY: measures.side < thresholds.side,
        Reason.TRANSPARENT: measures.opaque < thresholds.opaque,
        Reason.GRAY: measures.colorful < thresholds.colorful,
        Reason.SEPIA: measures.untoned < thresholds.untoned,
        Reason.FLAT: measures.contrast < thresholds.contrast,
    }
    return next((reason for reason, drops in verdicts.items() if drops), None)


def _opaque_share(image: Image.Image) -> float:
    if not image.has_transparency_data:
        return 1.0
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    return float((alpha > 127).mean())


def _spread_within_lightness(lightness: torch.Tensor, ab: torch.Tensor, groups: int = 32) -> float:
    """Root mean square distance of ab to its mean among the pixels of like lightness, in ``groups`` equal groups."""
    usable = ab.shape[1] // groups * groups
    if not usable:
        return 0.0
    by_lightness = ab[:, lightness.argsort()][:, :usable].reshape(2, groups, -1)
    centred = by_lightness - by_lightness.mean(-1, keepdim=True)
    return centred.square().sum(0).mean().sqrt().item()
