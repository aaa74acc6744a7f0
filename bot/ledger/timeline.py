"""What the ledger tells by hour, day or month, in UTC."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger.statistics import asked
from bot.ledger.tables import requests
from bot.vocabulary import State

MEASURED_ANSWERS = 100_000


class Period(StrEnum):
    """What is counted together; the value is as on the command line."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


_FORMATS = {
    # As strftime writes it in Python and SQLite, and to_char in PostgreSQL.
    Period.HOUR: ("%Y-%m-%d %H:00", "YYYY-MM-DD HH24:00"),
    Period.DAY: ("%Y-%m-%d", "YYYY-MM-DD"),
    Period.MONTH: ("%Y-%m", "YYYY-MM"),
}


@dataclass(slots=True)
class Span:
    """What was asked in one hour, day or month."""

    name: str
    """Such as ``2026-03-01``; names sort as the spans follow each other."""
    states: Counter[State] = field(default_factory=Counter)
    answer_seconds: list[float] = field(default_factory=list)
    """From asking to the answer, in ascending order, of the newest `MEASURED_ANSWERS` answers in all."""


async def timeline(engine: AsyncEngine, period: Period, *, since: datetime, platform: str | None = None) -> list[Span]:
    """Return the spans in which anything was asked since then, the oldest first."""
    name = _name(engine.dialect.name, period)
    counted = (
        select(name, requests.c.state, func.count()).where(asked(platform, since)).group_by(name, requests.c.state)
    )
    answered = (
        select(requests.c.created, requests.c.finished)
        .where(asked(platform, since), requests.c.state == State.ANSWERED.value)
        .order_by(requests.c.created.desc())
        .limit(MEASURED_ANSWERS)
    )
    async with engine.connect() as connection:
        counts = (await connection.execute(counted)).all()
        times = (await connection.execute(answered)).all()
    spans: defaultdict[str, Span] = defaultdict(lambda: Span(""))
    for span, state, count in counts:
        spans[span].states[State(state)] += count
    for created, finished in times:
        spans[f"{created.astimezone(UTC):{_FORMATS[period][0]}}"].answer_seconds.append(
            (finished - created).total_seconds()
        )
    for span_name, found in spans.items():
        found.name = span_name
        found.answer_seconds.sort()
    return sorted(spans.values(), key=lambda span: span.name)


def _name(dialect: str, period: Period) -> ColumnElement[str]:
    for_sqlite, for_postgresql = _FORMATS[period]
    if dialect == "sqlite":
        return func.strftime(for_sqlite, requests.c.created, type_=requests.c.id.type)
    return func.to_char(func.timezone("UTC", requests.c.created), for_postgresql, type_=requests.c.id.type)
