"""Every request that the bot ever took, in one table.

Each method is one transaction, and what it returns is on the disk. Each changes a request only from a state where the
change makes sense, in a single ``UPDATE ... WHERE``, so that a deletion at any moment wins over the work going on.

    queued --claim--> working --decided--> working, with its outcome --delivered--> answered | refused
    any state but deleted --deleted--> deleted
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Update, case, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger import rows
from bot.ledger.tables import requests
from bot.vocabulary import Entry, Outcome, Refusal, Request, State

_UNFINISHED = (State.QUEUED.value, State.WORKING.value)


class Ledger:
    """The requests and what became of them; `open_ledger` makes one."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use a database whose schema is up to date."""
        self._engine = engine

    async def record(self, request: Request) -> Entry:
        """Note a request down; when its message was seen before, return the entry of that time (with its own id).

        The unique key on (platform, message_id) decides, so no two requests ever come of one message.
        """
        try:
            async with self._engine.begin() as connection:
                await connection.execute(requests.insert().values(**rows.of_request(request)))
        except IntegrityError:
            known = await self.by_message(request.platform, request.message_id)
            if known is None:
                raise
            return known
        return Entry(request, State.QUEUED, attempts=0, outcome=None, answer_id=None)

    async def claim(self, request_id: str) -> Entry | None:
        """Begin an attempt, counting it; ``None`` when there is nothing left to do."""
        statement = (
            update(requests)
            .where(requests.c.id == request_id, requests.c.state.in_(_UNFINISHED))
            .values(state=State.WORKING.value, attempts=requests.c.attempts + 1)
            .returning(requests)
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else rows.to_entry(row)

    async def released(self, request_id: str) -> None:
        """Put a claimed request back as if the attempt had never begun: the bot is stopping, nothing went wrong."""
        await self._change(
            update(requests)
            .where(requests.c.id == request_id, requests.c.state == State.WORKING.value)
            .values(state=State.QUEUED.value, attempts=requests.c.attempts - 1)
        )

    async def decided(self, request_id: str, outcome: Outcome) -> bool:
        """Fix what the requester will be told, once and for all; False when the request was deleted meanwhile."""
        return await self._change(
            update(requests)
            .where(
                requests.c.id == request_id,
                requests.c.state == State.WORKING.value,
                requests.c.results.is_(None),
                requests.c.refusal_reason.is_(None),
            )
            .values(**rows.of_outcome(outcome))
        )

    async def delivered(self, request_id: str, answer_id: str) -> bool:
        """Close a request whose answer is on the platform; False when it was deleted meanwhile."""
        state = case((requests.c.refusal_reason.is_(None), State.ANSWERED.value), else_=State.REFUSED.value)
        return await self._change(
            update(requests)
            .where(requests.c.id == request_id, requests.c.state == State.WORKING.value)
            .values(state=state, answer_id=answer_id, finished=datetime.now(UTC))
        )

    async def undeliverable(self, request_id: str, refusal: Refusal) -> bool:
        """Close a request whose answer nobody will ever see; False when it was deleted meanwhile."""
        return await self._change(
            update(requests)
            .where(requests.c.id == request_id, requests.c.state == State.WORKING.value)
            .values(state=State.REFUSED.value, finished=datetime.now(UTC), **rows.of_outcome(refusal))
        )

    async def deleted(self, request_id: str) -> bool:
        """Forget a request but for what the limits and the next sighting of its message need.

        Returns False when there is none of that id, or it was deleted before.
        """
        return await self._change(
            update(requests)
            .where(requests.c.id == request_id, requests.c.state != State.DELETED.value)
            .values(
                state=State.DELETED.value,
                images=[],
                results=None,
                left_out=None,
                model=None,
                refusal_reason=None,
                refusal_message=None,
                answer_id=None,
                finished=datetime.now(UTC),
            )
        )

    async def by_id(self, request_id: str) -> Entry | None:
        """Return an entry, deleted ones too; ``None`` when there never was one."""
        return await self._one(requests.c.id == request_id)

    async def by_message(self, platform: str, message_id: str) -> Entry | None:
        """Return the entry of a message, deleted ones too; ``None`` when it was never seen."""
        return await self._one((requests.c.platform == platform) & (requests.c.message_id == message_id))

    async def of_requester(self, platform: str, requester: str, *, limit: int = 100) -> list[Entry]:
        """Return a person's entries, the newest first, without the deleted ones."""
        statement = (
            select(requests)
            .where(
                requests.c.platform == platform,
                requests.c.requester == requester,
                requests.c.state != State.DELETED.value,
            )
            .order_by(requests.c.created.desc(), requests.c.id)
            .limit(limit)
        )
        async with self._engine.connect() as connection:
            return [rows.to_entry(row) for row in await connection.execute(statement)]

    async def unfinished(self) -> list[Entry]:
        """Return the entries that still need work, the oldest first."""
        statement = (
            select(requests).where(requests.c.state.in_(_UNFINISHED)).order_by(requests.c.created, requests.c.id)
        )
        async with self._engine.connect() as connection:
            return [rows.to_entry(row) for row in await connection.execute(statement)]

    async def ids(self, *, deleted: bool) -> set[str]:
        """Return the ids of all deleted requests, or of all others."""
        is_deleted = requests.c.state == State.DELETED.value
        statement = select(requests.c.id).where(is_deleted if deleted else ~is_deleted)
        async with self._engine.connect() as connection:
            return set((await connection.execute(statement)).scalars())

    async def taken_from_requester(
        self, platform: str, requester: str, *, since: datetime
    ) -> list[tuple[datetime, int]]:
        """Return when a person asked for how many photos since then, oldest first, deleted ones too."""
        return await self._taken(requests.c.platform == platform, requests.c.requester == requester, since=since)

    async def taken_from_community(
        self, platform: str, community: str, *, since: datetime
    ) -> list[tuple[datetime, int]]:
        """Return when how many photos were asked for in a community since then, oldest first, deleted ones too."""
        return await self._taken(requests.c.platform == platform, requests.c.community == community, since=since)

    async def counts(self) -> Mapping[State, int]:
        """Count the entries by state."""
        statement = select(requests.c.state, func.count()).group_by(requests.c.state)
        async with self._engine.connect() as connection:
            counted = {State(state): count for state, count in await connection.execute(statement)}
        return {state: counted.get(state, 0) for state in State}

    async def _one(self, condition: ColumnElement[bool]) -> Entry | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(requests).where(condition))).one_or_none()
        return None if row is None else rows.to_entry(row)

    async def _taken(self, *conditions: ColumnElement[bool], since: datetime) -> list[tuple[datetime, int]]:
        statement = (
            select(requests.c.created, requests.c.pictures)
            .where(*conditions, requests.c.created >= since)
            .order_by(requests.c.created)
        )
        async with self._engine.connect() as connection:
            return [(row.created, row.pictures) for row in await connection.execute(statement)]

    async def _change(self, statement: Update) -> bool:
        async with self._engine.begin() as connection:
            return (await connection.execute(statement)).rowcount == 1
