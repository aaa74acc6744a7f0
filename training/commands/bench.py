"""``python -m training bench``: how fast training is here, and what the photos cost of it."""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.table import Table

from inference.model.colorizer import choose_device
from training.bench import Rates, bench, made_up_photos
from training.commands.console import PHOTOS_HELP, console, positive
from training.photos import load_all
from training.recipe import load_recipe, overrides_of
from training.sources import parse_source
from training.train import tune

_MADE_UP = 2048


def add(commands: Any) -> None:
    """Add the subcommand to the parser."""
    command = commands.add_parser(
        "bench",
        help="time training on photos beside training on random tensors",
        description="Time steps of a recipe on photos, and the same steps on random tensors that lie on the device "
        "already: the share of the speed that is left when photos have to be cropped, aged and converted on the way. "
        "Nothing is kept of what was learnt.",
    )
    command.add_argument(
        "--photos", nargs="+", metavar="PATH[=WEIGHT]", help=f"{PHOTOS_HELP}; made-up photos without it"
    )
    command.add_argument("--recipe", default="default", help="name of a bundled recipe, or path of a TOML file")
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="override one value of the recipe; repeatable"
    )
    command.add_argument("--cache", type=Path, metavar="FOLDER", help="keep the decoded photos for the next time")
    command.add_argument("--limit", type=positive, metavar="N", help="use N photos only, spread over all")
    command.add_argument("--rounds", type=positive, default=5, help="how often all is timed (default: %(default)s)")
    command.add_argument("--steps", type=positive, help="steps a round (default: 20 on a GPU, 1 on a CPU)")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ... (default: %(default)s)")
    command.set_defaults(run_command=_bench)


def _bench(options: argparse.Namespace) -> None:
    device = choose_device(options.device)
    steps = options.steps or (20 if device.type == "cuda" else 1)
    recipe = load_recipe(options.recipe, overrides_of(options.set))
    tune(device)
    if options.photos:
        sources = [parse_source(text) for text in options.photos]
        photos = load_all(sources, "train", recipe.side, cache=options.cache, limit=options.limit)
    else:
        photos = made_up_photos(options.limit or _MADE_UP, recipe.side)
    rates = bench(recipe, photos, device, rounds=options.rounds, steps=steps)
    console.print(_table(rates, recipe.side))
    if options.json:
        options.json.write_text(json.dumps(rates.as_json(), indent=1) + "\n", encoding="utf-8")


def _table(rates: Rates, side: int) -> Table:
    table = Table(
        "", "photos/s", "ms/batch", title=f"batch {rates.batch} at {side} px on {rates.device}", title_justify="left"
    )
    for name, rate in (
        ("steps on photos", rates.real),
        ("steps on random tensors", rates.synthetic),
        ("views alone", rates.views),
        ("network forward alone", rates.forward),
    ):
        table.add_row(name, f"{rate:.0f}", f"{1000 * rates.batch / rate:.1f}")
    table.add_section()
    table.add_row("on photos / on random tensors", f"{rates.share:.1%}", "")
    return table
