"""``python -m training evaluate``: score weights on photos that training never saw."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from inference.model.colorizer import Colorizer, choose_device
from training.baselines import Predictor, as_the_worker, ceiling, mean_color, square_side, with_hints
from training.commands.console import PHOTOS_HELP, console, positive
from training.commands.weights import add_decoding, add_weights, decoded, load_named, prior_of
from training.evaluate import evaluate
from training.features import Judge, choose_judge, load_judge
from training.gallery import read_images
from training.photos import load_photos
from training.report import Subject, write_report
from training.tables import COLOR_COLUMNS, JUDGE_COLUMNS, rich_table


def add(commands: Any) -> None:
    """Add the subcommand to the parser."""
    command = commands.add_parser(
        "evaluate",
        help="score weights on photos that training never saw",
        description="Score weights beside gray, the training photos' mean colour, the ceiling of the network's grid "
        "and the truth: AuC and class-rebalanced AuC (thresholds 0..150), PSNR, SSIM, colourfulness, and what a "
        "network that learned from ImageNet recognises.",
    )
    command.add_argument("--photos", type=Path, required=True, metavar="PATH", help=PHOTOS_HELP)
    add_weights(command)
    add_decoding(command)
    command.add_argument(
        "--hints",
        type=positive,
        nargs="+",
        default=[],
        metavar="N",
        help="show as well what the true colour of N places of each photo is worth to weights that take colour hints",
    )
    command.add_argument("--split", default="val", help="split of the photos (default: %(default)s)")
    command.add_argument(
        "--side", type=positive, default=192, help="photos are scored at this side (default: %(default)s)"
    )
    command.add_argument("--limit", type=positive, metavar="N", help="score N photos only, spread over the split")
    command.add_argument("--cache", type=Path, metavar="FOLDER", help="keep the decoded photos for the next time")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="write a report there: index.html, table.csv")
    command.add_argument(
        "--legacy", type=Path, metavar="PATH", help="old photos for the report: image, folder or tar file"
    )
    command.add_argument(
        "--judge",
        choices=("auto", "lite0", "lite2", "none"),
        default="auto",
        help="EfficientNet that recognition is judged by; auto takes one that no weights have as encoder",
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda ... (default: %(default)s)")
    command.set_defaults(run_command=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    colorizers = decoded(load_named(options), options)
    judge = _judge(options, colorizers)
    old_photos = read_images(options.legacy) if options.legacy else []
    photos = load_photos(options.photos, options.split, options.side, cache=options.cache, limit=options.limit)
    title = f"{len(photos):,} photos of {options.photos.name}, split {options.split}, at {options.side} pixels"
    predictors = {name: as_the_worker(colorizer) for name, colorizer in colorizers.items()} | {
        f"{name}, {points} hints": with_hints(colorizer, points)
        for name, colorizer in colorizers.items()
        for points in options.hints
    }
    subject = Subject(title, colorizers, predictors, judge.name if judge else None)
    prior = prior_of(options.weights)
    evaluation = evaluate(photos, {**_baselines(colorizers, prior), **predictors}, prior, judge)
    console.print(rich_table(title, evaluation, COLOR_COLUMNS))
    if judge:
        console.print(rich_table(f"judged by EfficientNet-{judge.name}", evaluation, JUDGE_COLUMNS))
    if options.out:
        console.print(write_report(options.out, evaluation, photos, subject, old_photos))


def _judge(options: argparse.Namespace, colorizers: Mapping[str, Colorizer]) -> Judge | None:
    if options.judge == "none":
        return None
    encoders = [colorizer.configuration.encoder for colorizer in colorizers.values()]
    name = choose_judge(encoders) if options.judge == "auto" else options.judge
    return load_judge(name, choose_device(options.device))


def _baselines(colorizers: Mapping[str, Colorizer], prior: Tensor) -> dict[str, Predictor]:
    sides = sorted({square_side(colorizer) for colorizer in colorizers.values()})
    ceilings = {f"ceiling at {side}": ceiling(side) for side in sides}
    return {"mean colour": mean_color(prior), **ceilings}
