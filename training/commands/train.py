"""``python -m training train``: train a network by a recipe."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.model.colorizer import choose_device
from training.checkpoint import load_checkpoint
from training.commands.console import PHOTOS_HELP, console
from training.photos import load_photos
from training.recipe import Recipe, RecipeError, load_recipe
from training.train import train


def add(commands: Any) -> None:
    """Add the subcommand to the parser."""
    names = "\n".join(f"  {name:24} {field.description or ''}" for name, field in Recipe.model_fields.items())
    command = commands.add_parser(
        "train",
        help="train a network by a recipe",
        description="Train a network by a recipe. A run's folder gets checkpoint.pt, log.jsonl, TensorBoard events and "
        "sample sheets (gray | recolored | truth); a run that was stopped goes on with --resume.",
        epilog=f"values that --set can change:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--photos", type=Path, required=True, metavar="PATH", help=PHOTOS_HELP)
    command.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="where the run is kept")
    command.add_argument("--recipe", default="default", help="name of a bundled recipe, or path of a TOML file")
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="override one value of the recipe; repeatable"
    )
    command.add_argument("--resume", action="store_true", help="go on from the run's checkpoint, with its recipe")
    command.add_argument("--cache", type=Path, metavar="FOLDER", help="keep the decoded photos for the next run")
    command.add_argument("--limit", type=int, metavar="N", help="train on N photos only, spread over all")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ... (default: %(default)s)")
    command.set_defaults(run_command=_train)


def _train(options: argparse.Namespace) -> None:
    start = load_checkpoint(options.run) if options.resume else None
    overrides = _overrides(options.set)
    if start:
        recipe = Recipe.model_validate({**start.recipe.model_dump(), **overrides})
    else:
        recipe = load_recipe(options.recipe, overrides)
    device = choose_device(options.device)
    photos = load_photos(options.photos, "train", recipe.side, cache=options.cache, limit=options.limit)
    validation = load_photos(options.photos, "val", recipe.side, cache=options.cache)
    console.print(
        f"{len(photos)} photos to train on, {len(validation)} to validate, {recipe.visits} visits on {device}"
    )
    train(recipe, photos, validation, options.run, device, start)


def _overrides(assignments: Sequence[str]) -> dict[str, str]:
    """Split ``NAME=VALUE``; pydantic turns the values into numbers and booleans."""
    pairs = [assignment.partition("=") for assignment in assignments]
    for name, separator, _ in pairs:
        if not separator or name not in Recipe.model_fields:
            raise RecipeError(f"--set wants NAME=VALUE with a name that --help lists, not {name!r}")
    return {name: value for name, _, value in pairs}
