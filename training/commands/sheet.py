"""``python -m training sheet``: recolor photos into one picture to look at."""

import argparse
from pathlib import Path
from typing import Any

from inference.model.colorizer import BUNDLED_WEIGHTS, load_colorizer
from training.gallery import write_gallery

_SHEET_PHOTOS = 12


def add(commands: Any) -> None:
    """Add the subcommand to the parser."""
    command = commands.add_parser(
        "sheet",
        help="recolor photos into one picture to look at",
        description="Recolor photos as the worker does and lay them out in pairs, as posted | recolored.",
    )
    command.add_argument("photos", type=Path, nargs="+", metavar="PHOTO", help="image files, or a tar file of images")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .png or .jpg to write")
    command.add_argument(
        "--weights", type=Path, default=BUNDLED_WEIGHTS, metavar="FILE", help="default: the bundled ones"
    )
    command.add_argument("--width", type=int, default=1200, help="width of the picture (default: %(default)s)")
    command.add_argument("--height", type=int, default=200, help="least height of a row (default: %(default)s)")
    command.add_argument(
        "--limit", type=int, default=_SHEET_PHOTOS, help="photos of a tar file, spread over it (default: %(default)s)"
    )
    command.set_defaults(run_command=_sheet)


def _sheet(options: argparse.Namespace) -> None:
    write_gallery(
        options.photos,
        options.out,
        load_colorizer(options.weights),
        width=options.width,
        height=options.height,
        limit=options.limit,
    )
