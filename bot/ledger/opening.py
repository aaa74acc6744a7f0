"""Opening the ledger: find the database, bring its schema up to date, and say plainly what is in the way."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from bot.ledger import schema
from bot.ledger.engine import make_engine, parse_url, shown
from bot.ledger.ledger import Ledger
from bot.ledger.roster import Roster, living_bots
from bot.problems import OperatorError


class Condition(StrEnum):
    """How a database stands to this version of the bot."""

    NEW = "new, made at the first start"
    OLDER = "made by an older version, brought up to date at the next start"
    CURRENT = "up to date"


DEFAULT_LEASE = timedelta(seconds=30)


@asynccontextmanager
async def open_ledger(database_url: str | URL, *, lease: timedelta = DEFAULT_LEASE) -> AsyncIterator[Ledger]:
    """Open the ledger for as long as the context lasts. Raises ``OperatorError``.

    Whoever works on requests, rather than only looking, joins the ledger's roster first.
    """
    url = parse_url(database_url)
    engine = make_engine(url)
    try:
        with _explaining(url):
            await _knock(url)
            async with engine.connect() as connection:
                missing = await connection.run_sync(schema.missing_revisions)
            if missing:
                await _upgrade(url)
        yield Ledger(engine, Roster(engine, lease))
    finally:
        await engine.dispose()


async def examine(database_url: str | URL) -> Condition:
    """Return the condition of a database without changing it. Raises ``OperatorError`` for one that can't be used."""
    url = parse_url(database_url)
    engine = make_engine(url)
    try:
        with _explaining(url):
            if url.get_backend_name() == "sqlite" and not await asyncio.to_thread(_is_there, Path(str(url.database))):
                return Condition.NEW  # connecting would make the file
            async with engine.connect() as connection:
                missing = await connection.run_sync(schema.missing_revisions)
                return Condition.CURRENT if not missing else Condition.OLDER
    finally:
        await engine.dispose()


async def take_back(database_url: str | URL, revision: str) -> None:
    """Take a database back to an older schema, unless a bot is using it. Raises ``OperatorError``."""
    url = parse_url(database_url)
    engine = make_engine(url, patient=True)
    try:
        with _explaining(url):
            async with engine.begin() as connection:
                if await connection.run_sync(living_bots):
                    raise OperatorError("A bot is running on this ledger; stop every bot, then try again.")
                await connection.run_sync(schema.downgrade, revision)
    except ValueError:
        raise OperatorError(
            f"There is no way back to a schema {revision!r}; "
            f"those of this version are {', '.join(reversed(schema.known_revisions()))}."
        ) from None
    finally:
        await engine.dispose()


async def _upgrade(url: URL) -> None:
    engine = make_engine(url, patient=True)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(schema.upgrade)
    finally:
        await engine.dispose()


def _is_there(file: Path) -> bool:
    """Return whether a file is there. Raises ``OSError`` when it could not even be made, for want of its folder."""
    os.scandir(file.parent).close()
    return file.exists()


async def _knock(url: URL) -> None:
    """Let SQLite itself say what is in the way: aiosqlite leaves a thread with a broken event loop behind then."""
    if url.get_backend_name() == "sqlite":
        await asyncio.to_thread(lambda: sqlite3.connect(str(url.database)).close())


@contextmanager
def _explaining(url: URL) -> Iterator[None]:
    try:
        yield
    except schema.NewerSchema as newer:
        raise OperatorError(
            f"The database {shown(url)} was made by a newer version of the bot "
            f"(its schema is {newer}, this version knows up to {schema.known_revisions()[0]}); "
            "install that version, or let COLORIZEBOT_DATABASE_URL name another database."
        ) from None
    except (DBAPIError, sqlite3.Error, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise OperatorError(
            f"The database {shown(url)} can't be opened ({cause}); see COLORIZEBOT_DATABASE_URL."
        ) from error
