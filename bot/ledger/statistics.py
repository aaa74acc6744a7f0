"""What the ledger tells in sum: how many asked, how they were answered, and how long they waited."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger.tables import requests
from bot.vocabulary import State

MEASURED_ANSWERS = 10_000


@dataclass(frozen=True, slots=True)
class PlatformStatistics:
    """The requests of one platform."""

    platform: str
    states: Counter[State]
    pictures: int
    """Photos in all of its requests."""
    refusals: Counter[str]
    """Refused requests by reason."""
    answer_seconds: tuple[float, ...]
    """From asking to the answer, in ascending order: the newest `MEASURED_ANSWERS` answered requests."""
    oldest_open: datetime | None
    """When the oldest request was made that waits or is in work."""

    @property
    def requests(self) -> int:
        """How many there were."""
        return self.states.total()


async def statistics(
    engine: AsyncEngine, *, platform: str | None = None, since: datetime | None = None
) -> list[PlatformStatistics]:
    """Return the statistics of each platform that anybody asked on, by name; of what was asked since then."""
    chosen = asked(platform, since)
    platforms = select(requests.c.platform).where(chosen).distinct().order_by(requests.c.platform)
    async with engine.connect() as connection:
        names = list((await connection.execute(platforms)).scalars())
    return [await _of_platform(engine, name, chosen) for name in names]


def asked(platform: str | None, since: datetime | None) -> ColumnElement[bool]:
    """Return the condition for what was asked on a platform since then; ``None`` for any."""
    on_platform = true() if platform is None else requests.c.platform == platform
    return on_platform if since is None else on_platform & (requests.c.created >= since)


def percentile(ascending: Sequence[float], share: float) -> float | None:
    """Return the smallest of the values that at least ``share`` (0 to 1) of them don't exceed; ``None`` for none."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)] if ascending else None


async def _of_platform(engine: AsyncEngine, platform: str, chosen: ColumnElement[bool]) -> PlatformStatistics:
    on_platform = chosen & (requests.c.platform == platform)
    by_state = (
        select(requests.c.state, func.count(), func.sum(requests.c.pictures))
        .where(on_platform)
        .group_by(requests.c.state)
    )
    by_reason = (
        select(requests.c.refusal_reason, func.count())
        .where(on_platform, requests.c.state == State.REFUSED.value)
        .group_by(requests.c.refusal_reason)
    )
    newest = (
        select(requests.c.created, requests.c.finished)
        .where(on_platform, requests.c.state == State.ANSWERED.value)
        .order_by(requests.c.created.desc())
        .limit(MEASURED_ANSWERS)
    )
    oldest_open = select(func.min(requests.c.created)).where(
        on_platform, requests.c.state.in_([state.value for state in State if not state.finished])
    )
    async with engine.connect() as connection:
        counted = (await connection.execute(by_state)).all()
        refusals = (await connection.execute(by_reason)).all()
        times = (await connection.execute(newest)).all()
        oldest = (await connection.execute(oldest_open)).scalar_one()
    return PlatformStatistics(
        platform=platform,
        states=Counter({State(state): count for state, count, _ in counted}),
        pictures=sum(pictures for _, _, pictures in counted),
        refusals=Counter({str(reason): count for reason, count in refusals}),
        answer_seconds=tuple(sorted((finished - created).total_seconds() for created, finished in times)),
        oldest_open=oldest,
    )
