"""Deleting on request: all that is known of a person, of a community, of single requests, or of a time.

A purged request keeps nothing that leads to anybody. Its row stays for `PURGED_KEPT`, so that every bot on the ledger
notices that its photos are to go, and so that a message of these days isn't taken for a new one; `Retention` drops it
after that. Work on it that is going on ends by itself, as after any deletion.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger.retention import NOBODY, PURGED_KEPT
from bot.ledger.tables import known_results, requests
from bot.vocabulary import State


@dataclass(frozen=True, slots=True)
class Selection:
    """The requests for which all that is given holds."""

    platform: str | None = None
    person: str | None = None
    """As in ``Request.requester``."""
    community: str | None = None
    ids: tuple[str, ...] = ()
    """``()`` for any id."""
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """How many requests of one state on one platform a selection holds."""

    platform: str
    state: State
    requests: int
    photos: int
    answers: int
    """How many have an answer on the platform, which no purge takes back."""
    oldest: datetime
    newest: datetime


class Purging:
    """Kept in the ledger's database; may be used while bots work on it."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use a database whose schema is up to date."""
        self._engine = engine

    async def count(self, selection: Selection) -> list[Chosen]:
        """Return what a selection holds, by platform and state."""
        groups = (requests.c.platform, requests.c.state)
        statement = (
            select(
                *groups,
                func.count(),
                func.sum(requests.c.pictures),
                func.count(requests.c.answer_id),
                func.min(requests.c.created),
                func.max(requests.c.created),
            )
            .where(_condition(selection))
            .group_by(*groups)
            .order_by(*groups)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return [Chosen(row[0], State(row[1]), row[2], row[3], row[4], row[5], row[6]) for row in rows]

    async def requester_of(self, request_id: str) -> tuple[str, str] | None:
        """Return the platform and the person of a request; ``None`` when it isn't known (any more)."""
        statement = select(requests.c.platform, requests.c.requester).where(
            requests.c.id == request_id, requests.c.requester != NOBODY
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else (row.platform, row.requester)

    async def purge(self, selection: Selection, *, limit: int) -> list[str]:
        """Purge some requests of a selection; return their ids, at most ``limit``, and none when none are left."""
        some = select(requests.c.id).where(_condition(selection)).limit(limit).with_for_update()
        now = datetime.now(UTC)
        nothing = dict.fromkeys(
            ("community", "results", "left_out", "model", "refusal_reason", "refusal_message", "answer_id")
        )
        message = case((requests.c.created < now - PURGED_KEPT, requests.c.id), else_=requests.c.message_id)
        purge = (
            update(requests)
            .where(requests.c.id.in_(some))
            .values(
                state=State.DELETED.value,
                message_id=message,
                requester=NOBODY,
                conversation="",
                images=[],
                options={},
                context={},
                finished=now,
                **nothing,
            )
        )
        async with self._engine.begin() as connection:
            ids = list((await connection.execute(purge.returning(requests.c.id))).scalars())
            await connection.execute(delete(known_results).where(known_results.c.request_id.in_(ids)))
        return ids


def _condition(selection: Selection) -> ColumnElement[bool]:
    conditions = [requests.c.requester != NOBODY]
    if selection.platform is not None:
        conditions.append(requests.c.platform == selection.platform)
    if selection.person is not None:
        conditions.append(requests.c.requester == selection.person)
    if selection.community is not None:
        conditions.append(requests.c.community == selection.community)
    if selection.ids:
        conditions.append(requests.c.id.in_(selection.ids))
    if selection.created_before is not None:
        conditions.append(requests.c.created < selection.created_before)
    return and_(*conditions)
