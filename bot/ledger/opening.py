"""Opening the ledger: find the database, bring its schema up to date, and say plainly what is in the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from bot.ledger import schema
from bot.ledger.engine import make_engine, parse_url
from bot.ledger.ledger import Ledger
from bot.problems import OperatorError


@asynccontextmanager
async def open_ledger(database_url: str | URL) -> AsyncIterator[Ledger]:
    """Open the ledger for as long as the context lasts. Raises ``OperatorError``."""
    url = parse_url(database_url)
    engine = make_engine(url)
    try:
        try:
            async with engine.begin() as connection:
                await connection.run_sync(schema.upgrade)
        except schema.NewerSchema:
            raise OperatorError(
                f"The database {url.render_as_string()} was used by a newer version of the bot; "
                "please install that one, or let COLORIZEBOT_DATABASE_URL name another database."
            ) from None
        except (DBAPIError, OSError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise OperatorError(
                f"The database {url.render_as_string()} can't be opened ({cause}); see COLORIZEBOT_DATABASE_URL."
            ) from error
        yield Ledger(engine)
    finally:
        await engine.dispose()
