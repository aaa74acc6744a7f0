"""Which bots are alive on a ledger, and whose each unfinished request is.

Every bot has a row in ``bots`` whose lease it keeps renewing, and owns the requests that it took. Another bot that
sees the lease run out strikes the row, and from then on the requests belong to nobody until a bot adopts them. A bot
whose row was struck although it lives (it was suspended, or cut off) finds out before it changes a request or answers
one: its name is gone, and it goes on under a new one.

What makes this safe is the order of locks, not clocks: `Ledger.hold` renews the bot's own row and only then looks at
the request, and whoever strikes a row locks it first. So a request is adopted either before a hold, which then fails,
or a whole lease after it. Leases are measured by the database's clock alone.

A bot whose process has ended is struck without waiting for its lease, by whoever can see that (`bot.ledger.bot_names`).

An SQLite ledger has one bot, which holds the data folder: any other row was left behind by the dead.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Interval,
    delete,
    func,
    inspect,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.ledger import rows
from bot.ledger.bot_names import has_ended, new_name
from bot.ledger.tables import bots, requests
from bot.vocabulary import Entry

_log = logging.getLogger(__name__)

_ROSTER_LOCK = 0x636F6C6F72  # "color"; advisory locks are known by number
_AT_ONCE = 100
"""How many requests are adopted in one go, so that other survivors get some, too."""


class Roster:
    """The place of this bot among the bots on a ledger."""

    def __init__(self, engine: AsyncEngine, lease: timedelta) -> None:
        """Use a database whose schema is up to date; ``join`` comes first."""
        self._engine = engine
        self._lease = lease
        self._me = new_name()
        self._renewed: float | None = None
        self._left = False

    @property
    def me(self) -> str:
        """Under which name this bot owns requests right now."""
        return self._me

    @property
    def shared(self) -> bool:
        """Whether other bots may be on the ledger at the same time."""
        return self._engine.dialect.name != "sqlite"

    @property
    def lease(self) -> timedelta:
        """Return how long after its last sign of life a bot counts as dead."""
        return self._lease

    @property
    def joined(self) -> bool:
        """Whether this bot is on the roster."""
        return self._renewed is not None

    async def join(self) -> None:
        """Begin to live, under a new name if this bot had one before."""
        if self._renewed is not None:
            self._me = new_name()
        async with self._engine.begin() as connection:
            await self._lock(connection)
            if not self.shared:
                await connection.execute(delete(bots))
            await connection.execute(bots.insert().values(id=self._me, joined=self._now(), lease_until=self._end()))
        self._renewed = time.monotonic()

    async def renew(self) -> bool:
        """Give a sign of life; False when it came too late, and this bot goes on under a new name."""
        async with self._engine.begin() as connection:
            alive = await self.renew_within(connection)
        if alive:
            self._renewed = time.monotonic()
        elif not self._left:
            await self.join()
        return alive or self._left

    async def renew_within(self, connection: AsyncConnection) -> bool:
        """Give a sign of life in a transaction; False when it comes too late."""
        renewed = update(bots).where(bots.c.id == self._me).values(lease_until=self._end())
        return (await connection.execute(renewed)).rowcount == 1

    async def adopt(self, platforms: Collection[str]) -> list[Entry]:
        """Take over what bots that are dead left unfinished on these platforms, the oldest first, some at a time."""
        if self._left or not self._on_time():
            return []
        orphaned = (
            select(requests.c.id)
            .where(_is_orphan(), requests.c.platform.in_(platforms))
            .order_by(requests.c.created, requests.c.id)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        # One statement: SQLite lets nobody write who has read before somebody else wrote.
        adopt = update(requests).where(requests.c.id.in_(orphaned)).values(owner=self._me).returning(requests)
        async with self._engine.begin() as connection:
            await self._lock(connection)
            dead = await self._strike(connection)
            entries = [rows.to_entry(row) for row in await connection.execute(adopt)]
        for name in dead:
            _log.warning("bot %s is gone: %s", name, "its process has ended" if has_ended(name) else "no sign of life")
        return sorted(entries, key=lambda entry: entry.request.created)

    async def orphans(self) -> Counter[str]:
        """Count the unfinished requests that are nobody's, by platform."""
        counted = (
            select(requests.c.platform, func.count().label("requests"))
            .where(_is_orphan())
            .group_by(requests.c.platform)
        )
        async with self._engine.connect() as connection:
            return Counter({row.platform: row.requests for row in await connection.execute(counted)})

    async def leave(self) -> None:
        """End in good order: what is unfinished may be adopted at once. Nothing comes after that."""
        self._left = True
        async with self._engine.begin() as connection:
            await connection.execute(delete(bots).where(bots.c.id == self._me))

    def _on_time(self) -> bool:
        """Tell whether this bot has kept its own lease: after an outage, everybody is late, and nobody dead for it."""
        return self._renewed is not None and time.monotonic() - self._renewed < self._lease.total_seconds()

    async def _strike(self, connection: AsyncConnection) -> list[str]:
        if not self.shared:
            return []
        others = await connection.execute(select(bots.c.id).where(bots.c.id != self._me))
        ended = bots.c.id.in_([name for name in others.scalars() if has_ended(name)])
        late = (bots.c.lease_until < self._now()) & (bots.c.id != self._me)
        gone = select(bots.c.id).where(late | ended).with_for_update(skip_locked=True)
        dead = list((await connection.execute(gone)).scalars())
        await connection.execute(delete(bots).where(bots.c.id.in_(dead)))
        return dead

    async def _lock(self, connection: AsyncConnection) -> None:
        # Nobody joins while somebody adopts: the list of the living that adopting looks at is complete.
        if self.shared:
            await connection.execute(select(func.pg_advisory_xact_lock(_ROSTER_LOCK)))

    def _now(self) -> ColumnElement[datetime]:
        if self.shared:
            return func.clock_timestamp(type_=DateTime(timezone=True))
        return literal(datetime.now(UTC), bots.c.lease_until.type)

    def _end(self) -> ColumnElement[Any]:
        if self.shared:
            return self._now() + literal(self._lease, Interval)
        return literal(datetime.now(UTC) + self._lease, bots.c.lease_until.type)


def living_bots(connection: Connection) -> int:
    """Count the bots whose lease hasn't ended; on SQLite, whoever holds the data folder is the only one."""
    if connection.dialect.name == "sqlite" or not inspect(connection).has_table(bots.name):
        return 0
    living = select(func.count()).select_from(bots).where(bots.c.lease_until > func.clock_timestamp())
    return int(connection.execute(living).scalar_one())


def _is_orphan() -> ColumnElement[bool]:
    nobodys = or_(requests.c.owner.is_(None), requests.c.owner.not_in(select(bots.c.id)))
    return requests.c.state.in_(rows.UNFINISHED) & nobodys
