"""``python -m training COMMAND``: the steps from photos to weights, each with its ``--help``."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from rich.console import Console

from inference.model.colorizer import WeightsError
from training.checkpoint import CheckpointError
from training.features import JudgeError
from training.learner import TrainingError
from training.photos import PhotosError
from training.recipe import RecipeError

_EXPLAINED = (
    RecipeError,
    PhotosError,
    CheckpointError,
    TrainingError,
    JudgeError,
    WeightsError,
    ValueError,
    OSError,
)
"""What is raised with a message for people."""
_COMMANDS = ("prepare", "bench", "train", "evaluate", "export", "sheet", "ablation")
"""Modules of :mod:`training.commands`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit status: 0, 2 for an error that the caller can mend, 130 for Ctrl-C."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser(given).parse_args(given)
    try:
        options.run_command(options)
    except _EXPLAINED as error:
        return _ended(f"{options.command}: {error}", 2)
    except KeyboardInterrupt:
        return _ended(f"{options.command}: stopped{options.to_go_on}", 130)
    return 0


def _ended(message: str, status: int) -> int:
    Console(stderr=True, soft_wrap=True, markup=False, highlight=False).print(message)
    return status


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train the colorization model, evaluate it, and export weights for the worker.",
    )
    parser.set_defaults(to_go_on="")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # Only what is asked for is imported: training has to run where the other commands' libraries are missing.
    for name in [name for name in _COMMANDS if arguments[:1] == [name]] or _COMMANDS:
        importlib.import_module(f"training.commands.{name}").add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
