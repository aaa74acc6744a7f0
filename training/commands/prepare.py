"""``python -m training prepare``: make shards worth training on from any images."""

import argparse
from pathlib import Path
from typing import Any, get_args

from rich.table import Table

from training.commands.console import console, positive
from training.preparing.packing import Encoding, Format
from training.preparing.prepare import Settings, prepare
from training.preparing.screening import EXPLANATIONS, Reason, Thresholds
from training.preparing.summary import PAGE, Summary

_ENCODING = Encoding()


def add(commands: Any) -> None:
    """Add the subcommand to the parser."""
    command = commands.add_parser(
        "prepare",
        help="make shards worth training on from any images",
        description="Drop gray, sepia, flat, tiny, transparent and duplicate images, and write the others as tar "
        "shards with a manifest.csv. Killed, the same call goes on where it stopped; summary.html shows what was "
        "dropped.",
    )
    command.add_argument(
        "sources",
        type=Path,
        nargs="+",
        metavar="SOURCE",
        help="tar file, folder of images, or folder of tar files; a manifest.csv in the folder says sets and splits",
    )
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")
    command.add_argument(
        "--side", type=positive, default=_ENCODING.side, help="largest short side, pixels (default: %(default)s)"
    )
    command.add_argument(
        "--square", action="store_true", help="keep only the square that training sees: a quarter smaller"
    )
    command.add_argument(
        "--format", choices=get_args(Format), default=_ENCODING.format, help="of the photos (default: %(default)s)"
    )
    command.add_argument(
        "--quality", type=int, default=_ENCODING.quality, help="of the photos, 1..100 (default: %(default)s)"
    )
    command.add_argument(
        "--shard-mib", type=float, default=Settings().shard_mib, help="largest shard (default: %(default)s MiB)"
    )
    command.add_argument(
        "--smallest",
        type=positive,
        default=Thresholds().side,
        help="images with a shorter side are dropped, pixels (default: %(default)s)",
    )
    command.add_argument("--limit", type=positive, metavar="N", help="look at N images only, spread over all")
    command.set_defaults(run_command=_prepare, to_go_on="; the same call goes on from there")


def _prepare(options: argparse.Namespace) -> None:
    if options.side < 16 or not 1 <= options.quality <= 100 or options.shard_mib < 0.1:
        raise ValueError("--side wants at least 16 pixels, --quality 1 to 100, --shard-mib at least 0.1")
    settings = Settings(
        encoding=Encoding(options.side, options.format, options.quality, options.square),
        thresholds=Thresholds(side=options.smallest),
        shard_mib=options.shard_mib,
        limit=options.limit,
    )
    summary = prepare(options.sources, options.out, settings)
    console.print(_table(summary))
    sizes = ", ".join(f"{shard} {mib} MiB" for shard, mib in summary.shards.items())
    console.print(f"{sizes}; pictures of what was dropped: {options.out / PAGE}")


def _table(summary: Summary) -> Table:
    table = Table("", "images", "", title=f"{sum(summary.images.values())} images")
    table.add_row("kept", str(summary.images["kept"]), ", ".join(f"{n} {split}" for split, n in summary.splits.items()))
    for reason in Reason:
        if reason in summary.images:
            table.add_row(reason.value, str(summary.images[reason]), EXPLANATIONS[reason])
    return table
