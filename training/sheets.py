"""Sample sheets: photos in rows of gray | recolored | truth, to look at beside every figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from inference.model.color import srgb_from_lab

_GAP = 4


def lab_sheet(lightness: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
    """Lay L ``(N, 1, S, S)``, predicted and true ab ``(N, 2, S, S)`` out in N rows: uint8 ``(3, N·(S+4), 3·(S+4))``."""
    gray = torch.zeros_like(predicted)
    columns = [srgb_from_lab(torch.cat((lightness, ab), 1)) for ab in (gray, predicted, true)]
    return tile(torch.stack(columns, 1).flatten(0, 1), columns=3)


def tile(photos: Tensor, columns: int) -> Tensor:
    """Lay sRGB photos ``(N, 3, S, S)`` in [0, 1] out on white: uint8 ``(3, rows·(S+4), columns·(S+4))``."""
    count, _, height, width = photos.shape
    rows = -(-count // columns)
    sheet = torch.ones(3, rows * (height + _GAP), columns * (width + _GAP))
    for index, photo in enumerate(photos.cpu()):
        top, left = index // columns * (height + _GAP), index % columns * (width + _GAP)
        sheet[:, top : top + height, left : left + width] = photo
    return (sheet.clamp(0, 1) * 255).round().to(torch.uint8)


def strip(photos: Sequence[Tensor]) -> Image.Image:
    """Lay the versions of one photo, sRGB ``(3, S, S)`` in [0, 1], side by side."""
    return Image.fromarray(tile(torch.stack(list(photos)), len(photos))[:, :-_GAP, :-_GAP].permute(1, 2, 0).numpy())


@dataclass(frozen=True)
class Figure:
    """Rows of photos under named columns, as in a paper."""

    headings: Sequence[str]
    """One a column; a line break begins a second line."""
    captions: Sequence[str]
    """One a column, under the last row; empty for none."""
    rows: Sequence[Sequence[Tensor]]
    """Each row's photos, sRGB ``(3, S, S)`` in [0, 1]."""

    def draw(self) -> Image.Image:
        """Draw the figure, mode RGB."""
        side = self.rows[0][0].shape[-1]
        size = max(11, side // 12)
        font = ImageFont.load_default(size)
        above, below = (
            _GAP + round(1.35 * size) * max((text.count("\n") + 1 if text else 0 for text in texts), default=0)
            for texts in (self.headings, self.captions)
        )
        columns = len(self.headings)
        photos = tile(torch.stack([photo for row in self.rows for photo in row]), columns)
        picture = Image.new("RGB", (columns * (side + _GAP), above + photos.shape[1] + below), "white")
        picture.paste(Image.fromarray(photos.permute(1, 2, 0).numpy()), (0, above))
        pen = ImageDraw.Draw(picture)
        for texts, top in ((self.headings, 1), (self.captions, above + photos.shape[1])):
            for column, text in enumerate(texts):
                centre = column * (side + _GAP) + side / 2
                pen.multiline_text((centre, top), text, fill="black", font=font, anchor="ma", align="center")
        return picture


def save_sheet(sheet: Tensor, path: Path) -> None:
    """Write a sheet, uint8 ``(3, H, W)``, as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet.permute(1, 2, 0).numpy()).save(path, optimize=True)
