"""``python -m training sheet``: recolor photos into one picture to look at."""

import argparse
from pathlib import Path
from typing import Any

import torch

from inference.model.colorizer import BUNDLED_WEIGHTS, load_colorizer
from training.aging import aged_sheet
from training.commands.console import picture, positive
from training.gallery import read_squares, write_gallery
from training.sheets import save_sheet

_SHEET_PHOTOS = 12
_AGED_VERSIONS = 5
_GAP = 4


def add(commands: Any) -> None:
    """Add the subcommand to the parser."""
    command = commands.add_parser(
        "sheet",
        help="recolor photos into one picture to look at",
        description="Recolor photos as the worker does and lay them out in pairs, as posted | recolored. With --aged, "
        "show the network's view of photos in training instead: made to look old in several ways.",
    )
    command.add_argument(
        "photos", type=Path, nargs="+", metavar="PHOTO", help="image files, folders, or tar files of images"
    )
    command.add_argument("--out", type=picture, required=True, metavar="FILE", help="the .png or .jpg to write")
    command.add_argument(
        "--weights", type=Path, default=BUNDLED_WEIGHTS, metavar="FILE", help="default: the bundled ones"
    )
    command.add_argument("--width", type=positive, default=1200, help="width of the picture (default: %(default)s)")
    command.add_argument("--height", type=positive, default=200, help="least height of a row (default: %(default)s)")
    command.add_argument(
        "--limit",
        type=positive,
        default=_SHEET_PHOTOS,
        help="photos of each folder or tar file, spread over it (default: %(default)s)",
    )
    command.add_argument("--aged", action="store_true", help="show how training ages photos; each row is one photo")
    command.set_defaults(run_command=_sheet)


def _sheet(options: argparse.Namespace) -> None:
    if options.aged:
        side = max(options.height, options.width // (_AGED_VERSIONS + 1) - _GAP)
        pixels = read_squares(options.photos, options.limit, side)
        save_sheet(aged_sheet(pixels, torch.Generator().manual_seed(0), _AGED_VERSIONS), options.out)
        return
    write_gallery(
        options.photos,
        options.out,
        load_colorizer(options.weights),
        width=options.width,
        height=options.height,
        limit=options.limit,
    )
