"""``python -m training train``: train a network by a recipe."""

import argparse
from pathlib import Path
from typing import Any

import torch

from inference.model.colorizer import choose_device
from training.checkpoint import Checkpoint, CheckpointError, holds_checkpoint, load_checkpoint
from training.commands.console import PHOTOS_HELP, console, positive
from training.distributed import Processes, joined
from training.photos import Photos, load_all
from training.recipe import Recipe, RecipeError, checked_recipe, load_recipe, overrides_of
from training.rehearsal import Rehearsal, rehearse
from training.sources import parse_source
from training.train import train, tune


def add(commands: Any) -> None:
    """Add the subcommand to the parser."""
    names = "\n".join(f"  {name:24} {field.description or ''}" for name, field in Recipe.model_fields.items())
    command = commands.add_parser(
        "train",
        help="train a network by a recipe",
        description="Train a network by a recipe. A run's folder gets checkpoint.pt, weights.safetensors (the same in "
        "small, for the worker or for start_from), log.jsonl, TensorBoard events and sample sheets (gray | recolored | "
        "truth); a run that was stopped goes on with --resume. Several processes share out each batch when they are "
        "started by: torchrun --nproc-per-node 2 -m -- training train ...",
        epilog=f"values that --set can change:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--photos", nargs="+", required=True, metavar="PATH[=WEIGHT]", help=f"{PHOTOS_HELP}; several places add up"
    )
    command.add_argument("--run", type=Path, required=True, metavar="FOLDER", help="where the run is kept")
    command.add_argument("--recipe", default="default", help="name of a bundled recipe, or path of a TOML file")
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="override one value of the recipe; repeatable"
    )
    command.add_argument("--resume", action="store_true", help="go on from the run's checkpoint, with its recipe")
    command.add_argument(
        "--minutes", type=float, metavar="N", help="time a few steps first, and make a new run as long as fits into N"
    )
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="load everything, take a few steps, validate and save once, and tell how long the run will take",
    )
    command.add_argument("--cache", type=Path, metavar="FOLDER", help="keep the decoded photos for the next run")
    command.add_argument("--limit", type=positive, metavar="N", help="train on N photos only, spread over all")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ... (default: %(default)s)")
    command.set_defaults(run_command=_train, to_go_on="; --resume goes on from the last checkpoint")


def _train(options: argparse.Namespace) -> None:
    with joined(choose_device(options.device)) as (processes, device):
        tune(device)
        if not (options.resume or options.dry_run) and holds_checkpoint(options.run):
            raise CheckpointError(f"{options.run} holds a run already: --resume goes on, another --run begins anew")
        start = load_checkpoint(options.run) if options.resume else None
        recipe = _recipe(options, start, processes)
        with processes.leader_first():  # the others find the photos in the cache
            photos, validation = _load(options, recipe)
        first = start.step if start else 0
        if options.minutes and start is None:
            rehearsal = rehearse(recipe, photos, validation, device, processes=processes)
            visits = int(processes.agree(rehearsal.visits_in(options.minutes, recipe)))
            recipe = recipe.model_copy(update={"visits": visits})
        if processes.leads:
            console.print(
                f"{len(photos)} photos to train on, {len(validation)} to validate, {recipe.visits} visits on {device}"
                + (f" and {processes.count - 1} more" if processes.count > 1 else "")
            )
        if options.dry_run:
            rehearsal = rehearse(recipe, photos, validation, device, start, processes=processes)
            if processes.leads:
                _tell(rehearsal, recipe, first)
            return
        arguments = _without_folders(options)
        train(recipe, photos, validation, options.run, device, start, processes=processes, arguments=arguments)


def _load(options: argparse.Namespace, recipe: Recipe) -> tuple[Photos, Photos]:
    sources = [parse_source(text) for text in options.photos]
    photos = load_all(sources, "train", recipe.side, cache=options.cache, limit=options.limit)
    return photos, load_all(sources, "val", recipe.side, cache=options.cache)


def _recipe(options: argparse.Namespace, start: Checkpoint | None, processes: Processes) -> Recipe:
    """Read the recipe, or that of the checkpoint; each process gets at least one lot."""
    overrides = overrides_of(options.set)
    if start:
        recipe = checked_recipe({**start.recipe.model_dump(), **overrides})
        if recipe.batch != start.recipe.batch:
            raise RecipeError(f"batch: a run's steps are counted in batches, which stay at {start.recipe.batch} photos")
    else:
        recipe = load_recipe(options.recipe, overrides)
    return checked_recipe({**recipe.model_dump(), "lots": max(recipe.lots, processes.count)})


def _without_folders(options: argparse.Namespace) -> tuple[str, ...]:
    """Return what was asked for, as it is kept in the weights: where somebody's files lie is nobody's business."""
    given = [
        *(f"--photos={Path(text).name}" for text in options.photos),
        f"--recipe={Path(options.recipe).name}",
        *(f"--set={name}={_bare(value)}" for name, value in overrides_of(options.set).items()),
    ]
    if options.limit:
        given.append(f"--limit={options.limit}")
    if options.minutes:
        given.append(f"--minutes={options.minutes:g}")
    return (*given, *(("--resume",) if options.resume else ()), f"torch={torch.__version__}")


def _tell(rehearsal: Rehearsal, recipe: Recipe, first: int) -> None:
    minutes = rehearsal.duration(recipe, first) / 60
    console.print(
        f"a step takes {rehearsal.step:.3f} s ({recipe.batch / rehearsal.step:.0f} photos/s), a validation "
        f"{rehearsal.validation:.1f} s, saving {rehearsal.saving:.1f} s\n"
        f"{recipe.steps - first} steps will take about {minutes:.1f} minutes, "
        f"and {rehearsal.memory / 2**30:.1f} GiB of memory\n"
        f"checkpoint {rehearsal.checkpoint / 2**20:.1f} MiB, weights {rehearsal.weights / 2**20:.1f} MiB"
    )


def _bare(value: Any) -> Any:
    return Path(value).name if isinstance(value, str) else value
