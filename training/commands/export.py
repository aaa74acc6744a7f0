"""``python -m training export``: turn a run's checkpoint into weights for the worker."""

import argparse
from pathlib import Path
from typing import Any

from inference.model.colorizer import BUNDLED_WEIGHTS
from training.checkpoint import load_checkpoint
from training.commands.console import console, positive
from training.export import Decoding, export
from training.networks import parameter_count

_PIECE = 15 * 2**20


def add(commands: Any) -> None:
    """Add the subcommand to the parser."""
    command = commands.add_parser(
        "export",
        help="turn a run's checkpoint into weights for the worker",
        description="Write a run's averaged weights as .safetensors (float16), with recipe and decoding inside.",
    )
    command.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="folder of the run")
    command.add_argument("--out", type=Path, metavar="FILE", help="default: the bundled weights")
    command.add_argument(
        "--pieces",
        type=Path,
        metavar="FOLDER",
        help="instead of weights, write the whole checkpoint there in files of at most 15 MiB: put them into a run's "
        "folder on another machine to --resume it",
    )
    command.add_argument(
        "--temperature", type=float, default=0.38, help="T of the annealed mean (default: %(default)s)"
    )
    command.add_argument("--chroma", type=float, default=1.0, help="factor on the decoded ab (default: %(default)s)")
    command.add_argument(
        "--shrinkage",
        type=float,
        metavar="S",
        help="mute guesses: chroma is halved where the distribution's standard deviation is S, in Lab units (default: "
        "not at all)",
    )
    command.add_argument(
        "--size",
        type=positive,
        metavar="N",
        help="input sizes of about N × N pixels, near the side that it was trained at (default: the usual ones, 192)",
    )
    command.set_defaults(run_command=_export)


def _export(options: argparse.Namespace) -> None:
    if options.pieces:
        pieces = load_checkpoint(options.run).save_pieces(options.pieces, _PIECE)
        console.print(
            f"{options.pieces}: {len(pieces)} pieces, {sum(p.stat().st_size for p in pieces) / 2**20:.1f} MiB"
        )
        return
    target = options.out or BUNDLED_WEIGHTS
    decoding = Decoding(options.temperature, options.chroma, options.shrinkage)
    configuration = export(options.run, target, decoding, size=options.size)
    seen = configuration.training["photos_seen"]
    parameters = parameter_count(configuration.build()) / 1e6
    console.print(f"{target}: {parameters:.1f} M parameters after {seen} photos, {target.stat().st_size / 1e6:.1f} MB")
