"""``python -m training train|evaluate|export|sheet``: the steps from photos to weights, each with its ``--help``."""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from inference.model.colorizer import (
    BUNDLED_WEIGHTS,
    WeightsError,
    choose_device,
    load_colorizer,
    read_prior,
)
from training.checkpoint import CheckpointError, load_checkpoint
from training.evaluate import COLUMNS, evaluate, full_size, gray, rich_table, table_rows
from training.export import export
from training.gallery import write_gallery
from training.learner import TrainingError
from training.networks import parameter_count
from training.photos import PhotosError, load_photos
from training.recipe import Recipe, RecipeError, load_recipe
from training.sheets import save_sheet
from training.train import train

_console = Console(soft_wrap=True)
_PHOTOS_HELP = "tar file, folder of images, or folder of tar files; a manifest.csv in the folder says the splits"
_SHEET_PHOTOS = 12


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
    _add_train(commands)
    _add_evaluate(commands)
    _add_export(commands)
    _add_sheet(commands)
    return parser


def _add_train(commands: Any) -> None:
    names = "\n".join(f"  {name:24} {field.description or ''}" for name, field in Recipe.model_fields.items())
    command = commands.add_parser(
        "train",
        help="train a network by a recipe",
        description="Train a network by a recipe. A run's folder gets checkpoint.pt, log.jsonl, TensorBoard events and "
        "sample sheets (gray | recolored | truth); a run that was stopped goes on with --resume.",
        epilog=f"values that --set can change:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--photos", type=Path, required=True, metavar="PATH", help=_PHOTOS_HELP)
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
    _console.print(
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


def _add_evaluate(commands: Any) -> None:
    command = commands.add_parser(
        "evaluate",
        help="score weights on photos that training never saw",
        description="Score weights beside the gray photo: AuC and class-rebalanced AuC (thresholds 0..150), PSNR, and "
        "colourfulness and chroma as ratios to the truth.",
    )
    command.add_argument("--photos", type=Path, required=True, metavar="PATH", help=_PHOTOS_HELP)
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
    _console.print(rich_table(f"{len(photos)} photos of {options.photos.name}, split {options.split}", rows))
    if options.out:
        save_sheet(evaluation.sheet, options.out / "sheet.png")
        with (options.out / "table.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("", *COLUMNS), *rows])


def _add_export(commands: Any) -> None:
    command = commands.add_parser(
        "export",
        help="turn a run's checkpoint into weights for the worker",
        description="Write a run's averaged weights as .safetensors (float16), with recipe and decoding inside.",
    )
    command.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="folder of the run")
    command.add_argument(
        "--out", type=Path, default=BUNDLED_WEIGHTS, metavar="FILE", help="default: the bundled weights"
    )
    command.add_argument(
        "--temperature", type=float, default=0.38, help="T of the annealed mean (default: %(default)s)"
    )
    command.add_argument("--chroma", type=float, default=1.0, help="factor on the decoded ab (default: %(default)s)")
    command.set_defaults(run_command=_export)


def _export(options: argparse.Namespace) -> None:
    configuration = export(options.run, options.out, temperature=options.temperature, chroma=options.chroma)
    seen = configuration.training["photos_seen"]
    parameters = parameter_count(configuration.build()) / 1e6
    size = options.out.stat().st_size / 1e6
    _console.print(f"{options.out}: {parameters:.1f} M parameters after {seen} photos, {size:.1f} MB")


def _add_sheet(commands: Any) -> None:
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


if __name__ == "__main__":
    sys.exit(main())
