"""The arguments of ``python -m bot``, and its help, which names every setting."""

from __future__ import annotations

import argparse
import math
import os
import re
import textwrap
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.configuration import describe_settings
from bot.orders import Check, Downgrade, LetIn, Load, Order, Purge, RecolorPhotos, Replay, Serve, Stats
from inference.problems import InvalidOption
from inference.vocabulary import VIVIDNESS_MAX, VIVIDNESS_MIN, Layout, OutputFormat, RecolorOptions

_SETTINGS_INTRODUCTION = """\
Settings are environment variables, or lines in .env, or keys in colorizebot.toml (such as port under [web]) in the
working directory; the first that is there counts. A secret may lie in a file, which the variable with _FILE behind its
name then names. The worker has its own settings: python -m inference --help.
"""
_PLATFORMS = ("web", "reddit", "discord")
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=36500)

Parsers = Any  # argparse gives the type of its subparsers no public name


def parse_arguments(arguments: Sequence[str]) -> Order:
    """Read the command line; leaves the program with a usage message when it can't be understood."""
    parser = argparse.ArgumentParser(
        prog="python -m bot",
        description="Recolors posted photographs. Without a command, it serves all platforms that are configured.",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="serve all platforms that are configured (the same as no command)")
    readers = {
        "check": _add_check(commands),
        "stats": _add_stats(commands),
        "replay": _add_replay(commands),
        "purge": _add_purge(commands),
        "let-in": _add_let_in(commands),
        "downgrade": _add_downgrade(commands),
        "load": _add_load(commands),
        "recolor": _add_recolor(commands),
    }
    parsed = parser.parse_args(arguments)
    if parsed.command not in readers:
        return Serve()
    own_parser, read = readers[parsed.command]
    try:
        order: Order = read(parsed)
    except ValueError as error:
        own_parser.error(str(error))
    return order


_Reader = tuple[argparse.ArgumentParser, Any]


def _add_check(commands: Parsers) -> _Reader:
    parser = commands.add_parser(
        "check",
        help="look whether everything is in order, and what to set next",
        description="Looks at the settings, the data folder, the database, the worker and each platform, changing "
        "nothing. Exits with 1 when something has to be put right.",
    )
    _add_json(parser)
    return parser, lambda parsed: Check(parsed.as_json)


def _add_stats(commands: Parsers) -> _Reader:
    parser = commands.add_parser(
        "stats",
        help="print what was asked for, what became of it, and how long it took",
        description="Prints what was asked for, what became of it, and how long people waited.",
    )
    _add_platform(parser)
    _add_last(parser, "count what was asked within that time")
    parser.add_argument("--by", choices=["hour", "day", "month"], default="day", help="periods; default day")
    _add_json(parser)
    return parser, lambda parsed: Stats(parsed.platform, parsed.last, parsed.by, parsed.as_json)


def _add_replay(commands: Parsers) -> _Reader:
    parser = commands.add_parser(
        "replay",
        help="try refused or undelivered requests again",
        description="Takes requests that were refused, given up or not delivered through again; a running bot does so "
        "within seconds, otherwise the next one that starts. The new answer takes the place of the old one.",
    )
    parser.add_argument(
        "requests", metavar="ID", nargs="*", type=_request, help="requests: ids as in the log, or links"
    )
    _add_platform(parser)
    parser.add_argument("--reason", metavar="WORD", help="those refused for this reason, as stats shows it")
    _add_last(parser, "those made within that time")
    _add_caution(parser)
    return parser, _read_replay


def _read_replay(parsed: argparse.Namespace) -> Replay:
    if not (parsed.requests or parsed.reason or parsed.last):
        raise ValueError("say which: by their ids, by --reason or by --last")
    return Replay(tuple(parsed.requests), parsed.platform, parsed.reason, parsed.last, parsed.dry_run, parsed.yes)


def _add_purge(commands: Parsers) -> _Reader:
    parser = commands.add_parser(
        "purge",
        help="delete what is known of a person, a community, some requests, or a time",
        description="Deletes requests with their photos and results, for good: those for which everything holds that "
        "is given. A bot may be running meanwhile.",
    )
    _add_platform(parser)
    parser.add_argument("--person", metavar="NAME", help="a Reddit user's name, a Discord user's id")
    parser.add_argument(
        "--person-of", metavar="ID", type=_request, help="everything of whoever sent this request, on the page too"
    )
    parser.add_argument("--community", metavar="NAME", help="a subreddit's name, a Discord server's id")
    parser.add_argument(
        "--request",
        dest="requests",
        metavar="ID",
        type=_request,
        action="append",
        default=[],
        help="a request: its id as in the log, or the link of its page; may come several times",
    )
    parser.add_argument("--older-than", metavar="TIME", type=_time, help="made longer ago than 90d, 12w, 36h")
    parser.add_argument(
        "--opt-out-too", action="store_true", help="forget, too, that the person wants to be left alone"
    )
    _add_caution(parser)
    return parser, _read_purge


def _read_purge(parsed: argparse.Namespace) -> Purge:
    if not (parsed.person or parsed.person_of or parsed.community or parsed.requests or parsed.older_than):
        raise ValueError("say what: --person, --person-of, --community, --request or --older-than")
    if (parsed.person or parsed.community) and not parsed.platform:
        raise ValueError("a person or a community is known on one platform only: add --platform")
    if parsed.person and parsed.person_of:
        raise ValueError("--person and --person-of both name a person")
    if parsed.opt_out_too and not (parsed.person or parsed.person_of):
        raise ValueError("--opt-out-too needs a person")
    return Purge(
        platform=parsed.platform,
        person=None if parsed.person is None else _person(parsed.platform, parsed.person),
        person_of=parsed.person_of,
        community=None if parsed.community is None else _community(parsed.platform, parsed.community),
        requests=tuple(parsed.requests),
        older_than=parsed.older_than,
        opt_out_too=parsed.opt_out_too,
        dry_run=parsed.dry_run,
        yes=parsed.yes,
    )


def _add_let_in(commands: Parsers) -> _Reader:
    parser = commands.add_parser(
        "let-in",
        help="go back to a community that had banned the bot",
        description="The bot leaves a community alone after it was banned there. This makes it answer there again.",
    )
    # Discord tells nobody of a ban: the bot is just no member any more.
    parser.add_argument("platform", choices=["reddit"])
    parser.add_argument("community", metavar="COMMUNITY", help="a subreddit's name")
    return parser, lambda parsed: LetIn(parsed.platform, _community(parsed.platform, parsed.community))


def _add_downgrade(commands: Parsers) -> _Reader:
    parser = commands.add_parser(
        "downgrade",
        help="take the ledger back to the schema of an older version, before you install that",
        description="Undoes the ledger's migrations after REVISION, and what only they can keep is lost. Stop every "
        "bot and make a backup first. An older version that refuses to start names the revision that it knows.",
    )
    parser.add_argument("revision", metavar="REVISION", help="the schema's number, such as 0003")
    return parser, lambda parsed: Downgrade(parsed.revision)


def _add_load(commands: Parsers) -> _Reader:
    parser = commands.add_parser(
        "load",
        help="put a running bot under load, and print how it fares",
        description="Sends photos to a bot's page as that many people would, waits for each answer, fetches the "
        "results, deletes them again, and prints throughput, waits and refusals. Exits with 1 when anything was lost "
        "or failed. Use it on bots of your own: real people wait meanwhile.",
    )
    parser.add_argument("url", metavar="URL", help="the page, such as http://127.0.0.1:8080")
    parser.add_argument("--clients", metavar="NUMBER", type=_count, default=4, help="people at a time; default 4")
    parser.add_argument(
        "--per-second",
        metavar="NUMBER",
        type=_positive,
        help="photos sent a second; default as many as the clients can",
    )
    parser.add_argument(
        "--seconds", metavar="NUMBER", type=_positive, default=30.0, help="how long they send; default 30"
    )
    parser.add_argument(
        "--photos", metavar="DIR", type=Path, help="photos to send, in turn; default the page's example"
    )
    _add_json(parser)
    return parser, lambda parsed: Load(
        parsed.url, parsed.clients, parsed.per_second, parsed.seconds, parsed.photos, parsed.as_json
    )


def _add_recolor(commands: Parsers) -> _Reader:
    parser = commands.add_parser(
        "recolor", help="recolor photos on this machine", description="Recolors photos on this machine."
    )
    parser.add_argument("photos", metavar="PHOTO", type=Path, nargs="+", help="a photo to recolor")
    parser.add_argument(
        "-o", dest="out", metavar="OUT", help="a folder, or a file for one photo; without it, beside each photo"
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")
    parser.add_argument(
        "--vividness",
        metavar="NUMBER",
        type=float,
        default=1.0,
        help=f"{VIVIDNESS_MIN:g} to {VIVIDNESS_MAX:g}, default 1",
    )
    parser.add_argument("--layout", choices=[layout.value for layout in Layout], default=Layout.RECOLORED.value)
    parser.add_argument(
        "--format", choices=[format_.value for format_ in OutputFormat], default=OutputFormat.AUTO.value
    )
    return parser, _read_recolor


def _read_recolor(parsed: argparse.Namespace) -> RecolorPhotos:
    try:
        options = RecolorOptions(parsed.vividness, Layout(parsed.layout), OutputFormat(parsed.format))
    except InvalidOption as problem:
        raise ValueError(problem.detail) from problem
    return RecolorPhotos(
        photos=tuple(parsed.photos),
        out=None if parsed.out is None else Path(parsed.out),
        out_is_folder=parsed.out is not None and _means_folder(parsed.out, parsed.photos),
        force=parsed.force,
        options=options,
    )


def _means_folder(out: str, photos: Sequence[Path]) -> bool:
    return len(photos) > 1 or out.endswith(os.sep) or Path(out).is_dir()


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", dest="as_json", action="store_true", help="print JSON in place of tables")


def _add_platform(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--platform", choices=_PLATFORMS, help="on this platform only")


def _add_last(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("--last", metavar="TIME", type=_time, help=f"{meaning}: 90m, 24h, 7d, 4w")


def _add_caution(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and do nothing")
    parser.add_argument("--yes", action="store_true", help="don't ask")


def _time(text: str) -> timedelta:
    match = _TIME.fullmatch(text.strip().lower())
    time = timedelta(**{_UNITS[match[2]]: min(float(match[1]), 1e8)}) if match else None
    if time is None or time > _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90m, 24h, 7d or 4w")
    return time


def _request(text: str) -> str:
    """Return the id in an id or in the link of a page."""
    return text.rstrip("/").rpartition("/")[2]


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of people")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def _person(platform: str, name: str) -> str:
    """Return a person as the ledger knows them."""
    if platform == "reddit":
        return name.strip().lower().removeprefix("/").removeprefix("u/")
    return name.strip().strip("<@!>") if platform == "discord" else name.strip()


def _community(platform: str, name: str) -> str:
    """Return a community as the ledger knows it."""
    return name.strip().lower().removeprefix("/").removeprefix("r/") if platform == "reddit" else name.strip()


def _settings_help() -> str:
    lines = [_SETTINGS_INTRODUCTION]
    for setting in describe_settings():
        variable, *file = setting.variables
        default = "; ".join([f"default {setting.default}", *(f"or in a file: {name}" for name in file)])
        lines += [f"{variable} ({default})", textwrap.indent(setting.meaning, "    ")]
    return "\n".join(lines)
