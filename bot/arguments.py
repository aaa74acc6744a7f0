"""The arguments of ``python -m bot``, and its help, which names every setting."""

from __future__ import annotations

import argparse
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.configuration import describe_settings
from inference.problems import InvalidOption
from inference.vocabulary import VIVIDNESS_MAX, VIVIDNESS_MIN, Layout, OutputFormat, RecolorOptions

_SETTINGS_INTRODUCTION = """\
Settings are environment variables, or lines in .env, or keys in colorizebot.toml (such as port under [web]) in the
working directory; the first that is there counts. A secret may lie in a file: where two variables are named, the
second, with _FILE behind its name, names that file. The worker has its own settings: python -m inference --help.
"""


@dataclass(frozen=True, slots=True)
class Serve:
    """Serve all platforms that are configured."""


@dataclass(frozen=True, slots=True)
class Check:
    """Look whether everything is in order."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Print what was asked for, and what became of it."""


@dataclass(frozen=True, slots=True)
class LetIn:
    """Go back to a community that once shut the bot out."""

    platform: str
    community: str


@dataclass(frozen=True, slots=True)
class RecolorPhotos:
    """Recolor photos on this machine."""

    photos: tuple[Path, ...]
    out: Path | None
    """Where the results go; ``None`` puts each beside its photo."""
    out_is_folder: bool
    force: bool
    """Whether to overwrite files that are there."""
    options: RecolorOptions


Command = Serve | Check | Stats | LetIn | RecolorPhotos


def parse_arguments(arguments: Sequence[str]) -> Command:
    """Read the command line; leaves the program with a usage message when it can't be understood."""
    parser, recolor = _parsers()
    parsed = parser.parse_args(arguments)
    if parsed.command == "check":
        return Check()
    if parsed.command == "stats":
        return Stats()
    if parsed.command == "let-in":
        return LetIn(parsed.platform, parsed.community.removeprefix("r/").lower())
    if parsed.command != "recolor":
        return Serve()
    try:
        options = RecolorOptions(parsed.vividness, Layout(parsed.layout), OutputFormat(parsed.format))
    except InvalidOption as problem:
        recolor.error(problem.detail)
    return RecolorPhotos(
        photos=tuple(parsed.photos),
        out=None if parsed.out is None else Path(parsed.out),
        out_is_folder=parsed.out is not None and _means_folder(parsed.out, parsed.photos),
        force=parsed.force,
        options=options,
    )


def _means_folder(out: str, photos: Sequence[Path]) -> bool:
    return len(photos) > 1 or out.endswith(os.sep) or Path(out).is_dir()


def _parsers() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser(
        prog="python -m bot",
        description="Recolors posted photographs. Without a command, it serves all platforms that are configured.",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="serve all platforms that are configured (the same as no command)")
    commands.add_parser("check", help="look whether everything is in order, and what to set next")
    commands.add_parser("stats", help="print what was asked for, what became of it, and how long it took")
    let_in = commands.add_parser(
        "let-in",
        help="go back to a community that had banned the bot",
        description="The bot leaves a community alone after it was banned there. This makes it answer there again.",
    )
    # Discord tells nobody of a ban: the bot is just no member any more.
    let_in.add_argument("platform", choices=["reddit"])
    let_in.add_argument("community", metavar="COMMUNITY", help="a subreddit's name")
    recolor = commands.add_parser(
        "recolor", help="recolor photos on this machine", description="Recolors photos on this machine."
    )
    recolor.add_argument("photos", metavar="PHOTO", type=Path, nargs="+", help="a photo to recolor")
    recolor.add_argument(
        "-o", dest="out", metavar="OUT", help="a folder, or a file for one photo; without it, beside each photo"
    )
    recolor.add_argument("--force", action="store_true", help="overwrite files that are there")
    recolor.add_argument(
        "--vividness",
        metavar="NUMBER",
        type=float,
        default=1.0,
        help=f"{VIVIDNESS_MIN:g} to {VIVIDNESS_MAX:g}, default 1",
    )
    recolor.add_argument("--layout", choices=[layout.value for layout in Layout], default=Layout.RECOLORED.value)
    recolor.add_argument(
        "--format", choices=[format_.value for format_ in OutputFormat], default=OutputFormat.AUTO.value
    )
    return parser, recolor


def _settings_help() -> str:
    lines = [_SETTINGS_INTRODUCTION]
    for setting in describe_settings():
        lines += [
            f"{' or '.join(setting.variables)} (default {setting.default})",
            textwrap.indent(setting.meaning, "    "),
        ]
    return "\n".join(lines)
