"""Taking refused requests through their lives again: given up, not delivered, or refused for what has passed since.

A replayed request waits in the queue as if it had just been made, and belongs to no bot; the next that looks adopts it.
What was decided is forgotten; the old answer, if there is one, is noted for the adapter, which puts the new one in its
place. Replaying a request that is waiting, in work or answered changes nothing, so doing it twice is doing it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger import rows
from bot.ledger.tables import requests
from bot.vocabulary import REPLACES, Entry, State


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests are to be replayed: those for which all that is given holds."""

    ids: tuple[str, ...] = ()
    """``()`` for any id."""
    platform: str | None = None
    reason: str | None = None
    since: datetime | None = None


class Replaying:
    """Kept in the ledger's database; may be used while bots work on it."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use a database whose schema is up to date."""
        self._engine = engine

    async def find(self, wanted: Wanted) -> list[Entry]:
        """Return what is wanted, the oldest first: all that was named by its id, else what was refused."""
        conditions: list[ColumnElement[bool]] = []
        if wanted.ids:
            conditions.append(requests.c.id.in_(wanted.ids))
        else:
            conditions += [requests.c.state == State.REFUSED.value, requests.c.expired.is_(None)]
        if wanted.platform is not None:
            conditions.append(requests.c.platform == wanted.platform)
        if wanted.reason is not None:
            conditions.append(requests.c.refusal_reason == wanted.reason)
        if wanted.since is not None:
            conditions.append(requests.c.created >= wanted.since)
        statement = select(requests).where(and_(*conditions)).order_by(requests.c.created, requests.c.id)
        async with self._engine.connect() as connection:
            return [rows.to_entry(row) for row in await connection.execute(statement)]

    async def replay(self, request_ids: Sequence[str]) -> int:
        """Let refused requests begin again; return how many did."""
        return sum([await self._replay(request_id) for request_id in request_ids])

    async def _replay(self, request_id: str) -> bool:
        refused = and_(
            requests.c.id == request_id, requests.c.state == State.REFUSED.value, requests.c.expired.is_(None)
        )
        # An update that changes nothing locks the row: SQLite lets nobody write who has read first.
        locking = update(requests).where(refused).values(attempts=requests.c.attempts).returning(requests)
        async with self._engine.begin() as connection:
            row = (await connection.execute(locking)).one_or_none()
            if row is None:
                return False
            replaced = {} if row.answer_id is None else {REPLACES: row.answer_id}
            begun = {"state": State.QUEUED.value, "attempts": 0, "owner": None, "finished": None}
            undecided = {"refusal_reason": None, "refusal_message": None}
            await connection.execute(
                update(requests).where(refused).values(**begun, **undecided, context={**row.context, **replaced})
            )
        return True
