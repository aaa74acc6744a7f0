"""Every request that the bot ever took.

Each method is one transaction, and what it returns is on the disk. Each changes a request only from a state where the
change makes sense, in a single ``UPDATE ... WHERE``, so that a deletion at any moment wins over the work going on.

    queued --claim--> working --located--> working, with its photos
           --decided--> working, with its outcome --delivered--> answered | refused
    any state but deleted --deleted--> deleted

Only the bot that owns a request works on it (see `bot.ledger.roster`); for any other, the change doesn't make sense.
Deleting is for everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Update, case, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger import rows
from bot.ledger.roster import Roster
from bot.ledger.tables import known_results, requests
from bot.vocabulary import Entry, ImageReference, Outcome, Refusal, Request, State


class Ledger:
    """The requests and what became of them; `open_ledger` makes one."""

    def __init__(self, engine: AsyncEngine, roster: Roster) -> None:
        """Use a database whose schema is up to date, as the bot that ``roster`` says."""
        self._engine = engine
        self._roster = roster

    @property
    def engine(self) -> AsyncEngine:
        """Return the database, for what else is kept in it."""
        return self._engine

    @property
    def roster(self) -> Roster:
        """Return who else is on the ledger."""
        return self._roster

    async def record(self, request: Request, refusal: Refusal | None = None, *, tell: bool = True) -> Entry:
        """Note a request down; when its message was seen before, return the entry of that time (with its own id).

        With a ``refusal``, what is decided is noted along with it, and counts for no photo; unless it is to ``tell``,
        that closes the request. The unique key on (platform, message_id) decides, so no two requests ever come of one
        message.
        """
        values, state = {**rows.of_request(request), "owner": self._roster.me}, State.QUEUED
        if refusal is not None:
            values |= {**rows.of_outcome(refusal), "pictures": 0}
            if not tell:
                state = State.REFUSED
                values |= {"state": state.value, "finished": datetime.now(UTC)}
        try:
            async with self._engine.begin() as connection:
                await connection.execute(requests.insert().values(**values))
        except IntegrityError:
            known = await self.by_message(request.platform, request.message_id)
            if known is None:
                raise
            return known
        return Entry(request, state, attempts=0, outcome=refusal, answer_id=None)

    async def claim(self, request_id: str) -> Entry | None:
        """Begin an attempt, counting it; ``None`` when there is nothing left to do, for this bot at least."""
        statement = (
            update(requests)
            .where(self._is_mine(request_id), requests.c.state.in_(rows.UNFINISHED))
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
            .where(self._is_mine(request_id), requests.c.state == State.WORKING.value)
            .values(state=State.QUEUED.value, attempts=requests.c.attempts - 1)
        )

    async def located(
        self, request_id: str, images: Sequence[ImageReference], context: Mapping[str, Any]
    ) -> Request | None:
        """Note where the photos are, and return the request with them; ``None`` when it was deleted or adopted."""
        values = {"images": rows.of_images(images), "pictures": len(images)}
        return await self._add(request_id, context, requests.c.state == State.WORKING.value, values)

    async def noted(self, request_id: str, context: Mapping[str, Any]) -> Request | None:
        """Add to a request's context, and return it; ``None`` when it was deleted or adopted meanwhile.

        As after `hold`, nobody else answers it for a whole lease.
        """
        return await self._add(request_id, context, requests.c.state != State.DELETED.value, {})

    async def decided(self, request_id: str, outcome: Outcome) -> bool:
        """Fix what the requester will be told, once and for all; False when the request was deleted or adopted."""
        return await self._change(
            update(requests)
            .where(
                self._is_mine(request_id),
                requests.c.state == State.WORKING.value,
                requests.c.results.is_(None),
                requests.c.refusal_reason.is_(None),
            )
            .values(**rows.of_outcome(outcome))
        )

    async def hold(self, request_id: str) -> bool:
        """Make sure that for a whole lease nobody else answers a request; False when it was deleted or adopted.

        To be called right before answering, and before deleting on the platform's word.
        """
        mine = (
            update(requests)
            .where(self._is_mine(request_id), requests.c.state == State.WORKING.value)
            .values(attempts=requests.c.attempts)  # changes nothing, but locks the row
        )
        async with self._engine.begin() as connection:
            # In this order: see the roster.
            return await self._roster.renew_within(connection) and (await connection.execute(mine)).rowcount == 1

    async def delivered(self, request_id: str, answer_id: str) -> bool:
        """Close a request whose answer is on the platform; False when it was deleted or adopted meanwhile."""
        state = case((requests.c.refusal_reason.is_(None), State.ANSWERED.value), else_=State.REFUSED.value)
        return await self._change(
            update(requests)
            .where(self._is_mine(request_id), requests.c.state == State.WORKING.value)
            .values(state=state, answer_id=answer_id, finished=datetime.now(UTC))
        )

    async def undeliverable(self, request_id: str, refusal: Refusal) -> bool:
        """Close a request whose answer nobody will ever see; False when it was deleted or adopted meanwhile."""
        return await self._change(
            update(requests)
            .where(self._is_mine(request_id), requests.c.state == State.WORKING.value)
            .values(state=State.REFUSED.value, finished=datetime.now(UTC), **rows.of_outcome(refusal))
        )

    async def deleted(self, request_id: str) -> bool:
        """Forget a request but for what the limits and the next sighting of its message need.

        Returns False when there is none of that id, or it was deleted before.
        """
        forget_results = delete(known_results).where(known_results.c.request_id == request_id)
        forget = (
            update(requests)
            .where(requests.c.id == request_id, requests.c.state != State.DELETED.value)
            .values(
                state=State.DELETED.value,
                images=[],
                context={},
                results=None,
                left_out=None,
                model=None,
                refusal_reason=None,
                refusal_message=None,
                answer_id=None,
                finished=datetime.now(UTC),
            )
        )
        async with self._engine.begin() as connection:
            forgotten = (await connection.execute(forget)).rowcount == 1
            await connection.execute(forget_results)  # in this order, as whatever else locks both
        return forgotten

    async def by_id(self, request_id: str) -> Entry | None:
        """Return an entry, deleted ones too; ``None`` when there never was one."""
        return await self._one(requests.c.id == request_id)

    async def by_message(self, platform: str, message_id: str) -> Entry | None:
        """Return the entry of a message, deleted ones too; ``None`` when it was never seen."""
        return await self._one((requests.c.platform == platform) & (requests.c.message_id == message_id))

    async def by_answer(self, platform: str, answer_id: str) -> Entry | None:
        """Return the entry that was answered by this; ``None`` when there is none (any more)."""
        found = await self._several(requests.c.platform == platform, requests.c.answer_id == answer_id)
        return found[0] if found else None

    async def in_conversation(self, platform: str, conversation: str, *, since: datetime) -> list[Entry]:
        """Return what was asked in a conversation since then, the oldest first, without the deleted ones."""
        return await self._several(
            requests.c.platform == platform,
            requests.c.conversation == conversation,
            requests.c.created >= since,
            requests.c.state != State.DELETED.value,
        )

    async def was_refused(self, platform: str, requester: str, reason: str, *, since: datetime) -> bool:
        """Return whether a person was refused something for this reason since then."""
        statement = select(requests.c.id).where(
            requests.c.platform == platform,
            requests.c.requester == requester,
            requests.c.created >= since,
            requests.c.refusal_reason == reason,
        )
        async with self._engine.connect() as connection:
            return (await connection.execute(statement.limit(1))).first() is not None

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
        return await self._several(requests.c.state.in_(rows.UNFINISHED))

    async def movements(self, request_ids: Collection[str]) -> dict[str, str]:
        """Return a word for each request that is another one whenever its entry has changed, whoever changed it."""
        columns = (requests.c.id, requests.c.state, requests.c.attempts, requests.c.owner)
        async with self._engine.connect() as connection:
            found = await connection.execute(select(*columns).where(requests.c.id.in_(request_ids)))
            return {row.id: f"{row.state} {row.attempts} {row.owner}" for row in found}

    async def own_unfinished(self) -> list[tuple[str, tuple[str, str]]]:
        """Return the ids of this bot's requests that still need work, each with its platform and requester."""
        statement = (
            select(requests.c.id, requests.c.platform, requests.c.requester)
            .where(requests.c.owner == self._roster.me, requests.c.state.in_(rows.UNFINISHED))
            .order_by(requests.c.created, requests.c.id)
        )
        async with self._engine.connect() as connection:
            return [(row.id, (row.platform, row.requester)) for row in await connection.execute(statement)]

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

    async def photos_from_requester(self, platform: str, requester: str, *, since: datetime) -> int:
        """Return for how many photos a person asked since then, deleted ones too."""
        return await self._photos(requests.c.platform == platform, requests.c.requester == requester, since=since)

    async def photos_from_community(self, platform: str, community: str, *, since: datetime) -> int:
        """Return how many photos were asked for in a community since then, deleted ones too."""
        return await self._photos(requests.c.platform == platform, requests.c.community == community, since=since)

    async def counts(self) -> Mapping[State, int]:
        """Count the entries by state."""
        statement = select(requests.c.state, func.count()).group_by(requests.c.state)
        async with self._engine.connect() as connection:
            counted = {State(state): count for state, count in await connection.execute(statement)}
        return {state: counted.get(state, 0) for state in State}

    def _is_mine(self, request_id: str) -> ColumnElement[bool]:
        return (requests.c.id == request_id) & (requests.c.owner == self._roster.me)

    async def _one(self, condition: ColumnElement[bool]) -> Entry | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(requests).where(condition))).one_or_none()
        return None if row is None else rows.to_entry(row)

    async def _several(self, *conditions: ColumnElement[bool]) -> list[Entry]:
        statement = select(requests).where(*conditions).order_by(requests.c.created, requests.c.id)
        async with self._engine.connect() as connection:
            return [rows.to_entry(row) for row in await connection.execute(statement)]

    async def _add(
        self, request_id: str, context: Mapping[str, Any], condition: ColumnElement[bool], values: Mapping[str, Any]
    ) -> Request | None:
        chosen = self._is_mine(request_id) & condition
        async with self._engine.begin() as connection:
            if not await self._roster.renew_within(connection):
                return None
            # An update that changes nothing locks the row; what is merged below is what another transaction left there.
            # (A read first, and SQLite would refuse to let it write after somebody else had.)
            locking = update(requests).where(chosen).values(attempts=requests.c.attempts)
            row = (await connection.execute(locking.returning(requests))).one_or_none()
            if row is None:
                return None
            changed = update(requests).where(chosen).values(context={**row.context, **context}, **values)
            row = (await connection.execute(changed.returning(requests))).one_or_none()
        return None if row is None else rows.to_entry(row).request

    async def _taken(self, *conditions: ColumnElement[bool], since: datetime) -> list[tuple[datetime, int]]:
        statement = (
            select(requests.c.created, requests.c.pictures)
            .where(*conditions, requests.c.created >= since)
            .order_by(requests.c.created)
        )
        async with self._engine.connect() as connection:
            return [(row.created, row.pictures) for row in await connection.execute(statement)]

    async def _photos(self, *conditions: ColumnElement[bool], since: datetime) -> int:
        statement = select(func.coalesce(func.sum(requests.c.pictures), 0))
        async with self._engine.connect() as connection:
            return int(
                (await connection.execute(statement.where(*conditions, requests.c.created >= since))).scalar_one()
            )

    async def _change(self, statement: Update) -> bool:
        async with self._engine.begin() as connection:
            return (await connection.execute(statement)).rowcount == 1
