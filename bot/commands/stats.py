"""``python -m bot stats``: what was asked for, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from bot.assembly import database_url
from bot.ledger import open_ledger
from bot.ledger.opening import Condition, examine
from bot.ledger.statistics import PlatformStatistics, percentile, statistics
from bot.settings import Settings
from bot.vocabulary import State

_PLAIN_WIDTH = 160


async def stats(settings: Settings, console: Console) -> int:
    """Print totals from the ledger; return 0. Raises ``OperatorError`` when there is no ledger to read."""
    platforms = await _statistics(settings)
    if not platforms:
        console.print("Nothing was asked yet.")
        return 0
    wide = console if console.is_terminal else Console(width=_PLAIN_WIDTH)
    wide.print(_totals(platforms))
    if any(platform.refusals for platform in platforms):
        wide.print(_refusals(platforms))
    return 0


async def _statistics(settings: Settings) -> list[PlatformStatistics]:
    url = database_url(settings)
    new_folder = settings.database_url is None and not await asyncio.to_thread(settings.data_dir.exists)
    if new_folder or await examine(url) is Condition.NEW:
        return []  # opening it would make it
    async with open_ledger(url) as ledger:
        return await statistics(ledger.engine)


def _totals(platforms: Iterable[PlatformStatistics]) -> Table:
    table = Table(title="requests", title_justify="left")
    table.add_column("platform")
    for heading in ("asked", "photos", "answered", "refused", "deleted", "open", "median time", "95 % within"):
        table.add_column(heading, justify="right")
    for platform in platforms:
        states = platform.states
        table.add_row(
            platform.platform,
            str(platform.requests),
            str(platform.pictures),
            str(states[State.ANSWERED]),
            str(states[State.REFUSED]),
            str(states[State.DELETED]),
            str(states[State.QUEUED] + states[State.WORKING]),
            _seconds(percentile(platform.answer_seconds, 0.5)),
            _seconds(percentile(platform.answer_seconds, 0.95)),
        )
    return table


def _refusals(platforms: Iterable[PlatformStatistics]) -> Table:
    table = Table("platform", "reason", title="refused", title_justify="left")
    table.add_column("requests", justify="right")
    for platform in platforms:
        for reason, count in platform.refusals.most_common():
            table.add_row(platform.platform, reason, str(count))
    return table


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"
