"""``python -m training COMMAND``: the steps from photos to weights, each with its ``--help``."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from inference.model.colorizer import WeightsError
from training.checkpoint import CheckpointError
from training.commands import evaluate, export, sheet, train
from training.learner import TrainingError
from training.photos import PhotosError
from training.recipe import RecipeError

_COMMANDS = (train, evaluate, export, sheet)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit status: 0, or 2 for an error that the caller can mend."""
    options = _parser().parse_args(arguments)
    try:
        options.run_command(options)
    except (RecipeError, PhotosError, CheckpointError, TrainingError, WeightsError, ValueError) as error:
        Console(stderr=True, soft_wrap=True, markup=False, highlight=False).print(f"{options.command}: {error}")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train the colorization model, evaluate it, and export weights for the worker.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
