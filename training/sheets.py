"""Sample sheets: photos in rows of gray | recolored | truth, to look at beside every figure."""

from pathlib import Path

import torch
from PIL import Image
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


def save_sheet(sheet: Tensor, path: Path) -> None:
    """Write a sheet, uint8 ``(3, H, W)``, as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet.permute(1, 2, 0).numpy()).save(path, optimize=True)
