"""Forgetting with age: first a request's photos, later all that the ledger knows of it.

A finished request *expires*: its row says so, its results are used for nobody any more, and its photos may be removed.
A row is *dropped* some time after that, so that every bot on the ledger has had the time to remove photos of its own.
What isn't finished never gets old. Each method is one transaction over a few rows; call it until nothing is left.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger.tables import known_results, requests
from bot.vocabulary import State

NOBODY = ""
"""The requester of a request that was purged."""
PURGED_KEPT = timedelta(days=2)
"""How long the ids of purged messages are kept, so that they aren't taken for new ones."""


class Retention:
    """Kept in the ledger's database; several bots may forget at the same time, each row is one's alone."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use a database whose schema is up to date."""
        self._engine = engine

    async def expire(self, platform: str, *, finished_before: datetime, limit: int) -> list[str]:
        """Let the oldest requests expire that ended before then; return their ids, at most ``limit``."""
        due = _oldest(
            requests.c.platform == platform,
            requests.c.expired.is_(None),
            requests.c.finished <= finished_before,
            limit=limit,
        )
        # It writes before it reads anything: SQLite lets nobody write who has read before somebody else wrote.
        expire = update(requests).where(requests.c.id.in_(due)).values(expired=datetime.now(UTC))
        async with self._engine.begin() as connection:
            ids = list((await connection.execute(expire.returning(requests.c.id))).scalars())
            await connection.execute(delete(known_results).where(known_results.c.request_id.in_(ids)))
        return ids

    async def drop(self, platform: str, *, finished_before: datetime, expired_before: datetime, limit: int) -> int:
        """Drop the oldest requests that ended, and expired, before then; return how many, at most ``limit``."""
        return await self._drop(
            requests.c.platform == platform,
            requests.c.finished <= finished_before,
            requests.c.expired <= expired_before,
            limit=limit,
        )

    async def drop_purged(self, platform: str, *, limit: int) -> int:
        """Drop requests that were purged longer than `PURGED_KEPT` ago; return how many, at most ``limit``."""
        return await self._drop(
            requests.c.platform == platform,
            requests.c.requester == NOBODY,
            requests.c.finished <= datetime.now(UTC) - PURGED_KEPT,
            limit=limit,
        )

    async def without_photos(self, ids: Collection[str]) -> set[str]:
        """Return which of these requests should have no photos left: those expired or deleted."""
        gone = or_(requests.c.expired.is_not(None), requests.c.state == State.DELETED.value)
        async with self._engine.connect() as connection:
            return set((await connection.execute(select(requests.c.id).where(requests.c.id.in_(ids), gone))).scalars())

    async def _drop(self, *conditions: ColumnElement[bool], limit: int) -> int:
        drop = delete(requests).where(requests.c.id.in_(_oldest(*conditions, limit=limit)))
        async with self._engine.begin() as connection:
            return (await connection.execute(drop)).rowcount


def _oldest(*conditions: ColumnElement[bool], limit: int) -> Select[tuple[str]]:
    chosen = select(requests.c.id).where(*conditions).order_by(requests.c.finished).limit(limit)
    return chosen.with_for_update(skip_locked=True)  # which SQLite leaves out: it has one writer at a time
