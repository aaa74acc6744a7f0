"""``python -m training ablation``: compare objectives and temperatures in a figure like the paper's."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.ablation import ablation_figure, ways_of
from training.commands.console import PHOTOS_HELP, console, picture, positive
from training.commands.weights import add_weights, load_named, prior_of
from training.evaluate import chosen, evaluate
from training.photos import Photos, PhotosError, load_photos
from training.tables import COLOR_COLUMNS, rich_table, write_csv

_ROWS = 8
_COLUMNS = [column for column in COLOR_COLUMNS if column.heading not in ("M", "chroma")]


def add(commands: Any) -> None:
    """Add the subcommand to the parser."""
    command = commands.add_parser(
        "ablation",
        help="compare objectives and temperatures in a figure like the paper's",
        description="Draw photos as weights of the same network and budget recolor them, trained with each objective: "
        "l2, classification, and rebalanced classification decoded with T = 1 (the mean of the distribution), T = 0.38 "
        "(the paper's annealed mean) and T = 0 (its mode). The figures below the columns are of all photos.",
    )
    command.add_argument("--photos", type=Path, required=True, metavar="PATH", help=PHOTOS_HELP)
    add_weights(command, required=True)
    command.add_argument(
        "--out", type=picture, required=True, metavar="FILE", help="the .png or .jpg to write; a .csv goes beside it"
    )
    command.add_argument("--show", nargs="+", metavar="NAME", help="photos of the figure, by (part of) their names")
    command.add_argument(
        "--rows", type=positive, default=_ROWS, help="photos of the figure, spread over all (default: %(default)s)"
    )
    command.add_argument("--split", default="val", help="split of the photos (default: %(default)s)")
    command.add_argument(
        "--side", type=positive, default=192, help="photos are shown at this side (default: %(default)s)"
    )
    command.add_argument("--limit", type=positive, metavar="N", help="score N photos only, spread over the split")
    command.add_argument("--cache", type=Path, metavar="FOLDER", help="keep the decoded photos for the next time")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda ... (default: %(default)s)")
    command.set_defaults(run_command=_ablation)


def _ablation(options: argparse.Namespace) -> None:
    ways = ways_of(load_named(options))
    photos = load_photos(options.photos, options.split, options.side, cache=options.cache, limit=options.limit)
    shown = _shown(photos, options.show, options.rows)
    evaluation = evaluate(photos, {way.name: predict for way, predict in ways.items()}, prior_of(options.weights))
    figure = ablation_figure(chosen(photos, shown), ways, evaluation)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.draw().save(options.out, optimize=True, quality=90)
    write_csv(evaluation, options.out.with_suffix(".csv"))
    console.print(rich_table(f"{len(photos):,} photos of {options.photos.name}", evaluation, _COLUMNS))
    console.print(options.out)


def _shown(photos: Photos, names: Sequence[str] | None, rows: int) -> list[int]:
    if names is None:
        count = min(rows, len(photos))
        return [index * len(photos) // count for index in range(count)]
    return [_find(photos, name) for name in names]


def _find(photos: Photos, name: str) -> int:
    found = [index for index, known in enumerate(photos.names) if name in known]
    if not found:
        raise PhotosError(f"no photo's name has {name!r} in it")
    return found[0]
