"""``python -m bot stats``: what was asked for, what became of it, and how long people waited."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.commands.ledger_there import existing_ledger, ledger_is_there
from bot.ledger.statistics import PlatformStatistics, percentile, statistics
from bot.ledger.timeline import Period, Span, timeline
from bot.orders import Stats
from bot.settings import Settings
from bot.vocabulary import State

_PLAIN_WIDTH = 160
_SHOWN_BY_DEFAULT = {
    Period.HOUR: timedelta(hours=24),
    Period.DAY: timedelta(days=14),
    Period.MONTH: timedelta(days=366),
}
"""How far back the periods go when nobody says how far."""
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


async def stats(settings: Settings, console: Console, wanted: Stats) -> int:
    """Print totals from the ledger; return 0. Raises ``OperatorError`` when there is no ledger to read."""
    platforms, spans = await _read(settings, wanted)
    if wanted.as_json:
        console.print_json(json.dumps(_document(platforms, spans)))
        return 0
    if not platforms:
        console.print("Nothing was asked yet." if wanted.last is None else "Nothing was asked in that time.")
        return 0
    wide = console if console.is_terminal else Console(width=_PLAIN_WIDTH, markup=False, emoji=False)
    wide.print(_totals(platforms))
    if any(platform.refusals for platform in platforms):
        wide.print(_refusals(platforms))
    if spans:
        wide.print(_times(spans, Period(wanted.by)))
    return 0


async def _read(settings: Settings, wanted: Stats) -> tuple[list[PlatformStatistics], list[Span]]:
    if not await ledger_is_there(settings):
        return [], []
    now, period = datetime.now(UTC), Period(wanted.by)
    since = None if wanted.last is None else now - wanted.last
    async with existing_ledger(settings) as ledger:
        return (
            await statistics(ledger.engine, platform=wanted.platform, since=since),
            await timeline(
                ledger.engine, period, since=since or now - _SHOWN_BY_DEFAULT[period], platform=wanted.platform
            ),
        )


def _totals(platforms: Sequence[PlatformStatistics]) -> Table:
    table = Table(title="requests", title_justify="left")
    table.add_column("platform")
    headings = ("asked", "photos", "answered", "refused", "deleted", "open", "oldest open")
    for heading in (*headings, "median time", "95 % within", "99 % within"):
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
            str(_open(states)),
            "" if platform.oldest_open is None else _ago(datetime.now(UTC) - platform.oldest_open),
            *(_seconds(percentile(platform.answer_seconds, share)) for share in _SHARES.values()),
        )
    return table


def _refusals(platforms: Sequence[PlatformStatistics]) -> Table:
    table = Table("platform", "reason", title="refused", title_justify="left")
    table.add_column("requests", justify="right")
    for platform in platforms:
        for reason, count in platform.refusals.most_common():
            table.add_row(platform.platform, reason, str(count))
    return table


def _times(spans: Sequence[Span], period: Period) -> Table:
    table = Table(f"{period} (UTC)", title=f"by {period}", title_justify="left")
    for heading in ("asked", "answered", "refused", "deleted", "open", "median time", "95 % within", "99 % within"):
        table.add_column(heading, justify="right")
    for span in spans:
        states = span.states
        counts = (states.total(), states[State.ANSWERED], states[State.REFUSED], states[State.DELETED], _open(states))
        waits = (_seconds(percentile(span.answer_seconds, share)) for share in _SHARES.values())
        table.add_row(span.name, *map(str, counts), *waits)
    return table


def _document(platforms: Sequence[PlatformStatistics], spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "platforms": {
            platform.platform: {
                "asked": platform.requests,
                "photos": platform.pictures,
                **{state.value: platform.states[state] for state in State},
                "oldest_open": None if platform.oldest_open is None else platform.oldest_open.isoformat(),
                "answer_seconds": _percentiles(platform.answer_seconds),
                "refusals": dict(platform.refusals),
            }
            for platform in platforms
        },
        "times": [
            {
                "time": span.name,
                "asked": span.states.total(),
                **{state.value: span.states[state] for state in State},
                "answer_seconds": _percentiles(span.answer_seconds),
            }
            for span in spans
        ],
    }


def _percentiles(ascending: Sequence[float]) -> dict[str, float | None]:
    return {name: percentile(ascending, share) for name, share in _SHARES.items()}


def _open(states: dict[State, int]) -> int:
    return states[State.QUEUED] + states[State.WORKING]


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _ago(time: timedelta) -> str:
    seconds = time.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
