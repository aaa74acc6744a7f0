"""Who wants to be left alone: people who opted out, communities that shut the bot out."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.ledger.tables import opt_outs, shut_outs


class Etiquette:
    """Kept in the ledger's database; each method is one transaction, and saying the same twice changes nothing."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use a database whose schema is up to date."""
        self._engine = engine

    async def opt_out(self, platform: str, person: str) -> None:
        """Remember that a person wants no answer, whoever asks on their behalf."""
        await self._insert(opt_outs, platform=platform, person=person)

    async def opt_in(self, platform: str, person: str) -> None:
        """Forget that a person opted out."""
        await self._delete(opt_outs, (opt_outs.c.platform == platform) & (opt_outs.c.person == person))

    async def has_opted_out(self, platform: str, person: str) -> bool:
        """Return whether a person opted out."""
        return await self._is_there(opt_outs, (opt_outs.c.platform == platform) & (opt_outs.c.person == person))

    async def shut_out(self, platform: str, community: str, why: str) -> None:
        """Remember that the bot may not write in a community; ``why`` is for the operator."""
        await self._insert(shut_outs, platform=platform, community=community, why=why)

    async def let_in(self, platform: str, community: str) -> None:
        """Forget that a community shut the bot out."""
        await self._delete(shut_outs, (shut_outs.c.platform == platform) & (shut_outs.c.community == community))

    async def is_shut_out(self, platform: str, community: str) -> bool:
        """Return whether the bot may not write in a community."""
        return await self._is_there(
            shut_outs, (shut_outs.c.platform == platform) & (shut_outs.c.community == community)
        )

    async def _insert(self, table: Table, **values: str) -> None:
        try:
            async with self._engine.begin() as connection:
                await connection.execute(table.insert().values(since=datetime.now(UTC), **values))
        except IntegrityError:
            return  # it is there already

    async def _delete(self, table: Table, condition: ColumnElement[bool]) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(delete(table).where(condition))

    async def _is_there(self, table: Table, condition: ColumnElement[bool]) -> bool:
        async with self._engine.connect() as connection:
            return (await connection.execute(select(table.c.platform).where(condition))).first() is not None
