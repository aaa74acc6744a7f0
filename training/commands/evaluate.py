"""``python -m training evaluate``: score weights on photos that training never saw."""

import argparse
import csv
from pathlib import Path
from typing import Any

from inference.model.colorizer import BUNDLED_WEIGHTS, load_colorizer, read_prior
from training.commands.console import PHOTOS_HELP, console
from training.evaluate import COLUMNS, evaluate, full_size, gray, rich_table, table_rows
from training.photos import load_photos
from training.sheets import save_sheet


def add(commands: Any) -> None:
    """Add the subcommand to the parser."""
    command = commands.add_parser(
        "evaluate",
        help="score weights on photos that training never saw",
        description="Score weights beside the gray photo: AuC and class-rebalanced AuC (thresholds 0..150), PSNR, and "
        "colourfulness and chroma as ratios to the truth.",
    )
    command.add_argument("--photos", type=Path, required=True, metavar="PATH", help=PHOTOS_HELP)
    command.add_argument(
        "--weights",
        type=Path,
        nargs="*",
        default=[BUNDLED_WEIGHTS],
        metavar="FILE",
        help="default: the bundled weights",
    )
    command.add_argument("--split", default="val", help="split of the photos (default: %(default)s)")
    command.add_argument("--side", type=int, default=192, help="photos are scored at this side (default: %(default)s)")
    command.add_argument("--limit", type=int, metavar="N", help="score N photos only, spread over the split")
    command.add_argument("--cache", type=Path, metavar="FOLDER", help="keep the decoded photos for the next time")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="write table.csv and sheet.png there")
    command.add_argument("--temperature", type=float, help="decode with this T instead of the weights' own")
    command.add_argument("--chroma", type=float, help="multiply ab by this instead of the weights' own factor")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda ... (default: %(default)s)")
    command.set_defaults(run_command=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    photos = load_photos(options.photos, options.split, options.side, cache=options.cache, limit=options.limit)
    colorizers = [
        load_colorizer(path, options.device).decoding(temperature=options.temperature, chroma=options.chroma)
        for path in options.weights
    ]
    predictors = {"gray": gray, **{colorizer.name: full_size(colorizer) for colorizer in colorizers}}
    safetensors = [path for path in options.weights if path.suffix == ".safetensors"]
    evaluation = evaluate(photos, predictors, read_prior(safetensors[0] if safetensors else BUNDLED_WEIGHTS))
    rows = table_rows(evaluation)
    console.print(rich_table(f"{len(photos)} photos of {options.photos.name}, split {options.split}", rows))
    if options.out:
        save_sheet(evaluation.sheet, options.out / "sheet.png")
        with (options.out / "table.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("", *COLUMNS), *rows])
