"""Telling that the database is away, in one word for all the ways in which drivers say so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

T = TypeVar("T")
_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
_IDLE_SECONDS = 10.0
"""How long a bot that was suspended in mid-transaction may keep others from what it has locked."""
_PASSING = ("08", "53", "57P", "25006", "25P03", "40P01")
"""SQLSTATEs that pass: no connection, no resources, shutting down or starting up, read-only for a while, idle for too
long in mid-transaction, a deadlock.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""
_SQLITE_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN")


class LedgerAway(OSError):  # noqa: N818 - says what happened
    """The ledger's database can't be used at the moment; the same may be tried again.

    Whether the last transaction was committed is not known.
    """


async def patiently(call: Callable[[], Awaitable[T]], *, what: str) -> T:
    """Make a call that may be made twice, until the ledger is there; ``what`` it is about is for the log."""
    waiting = False
    while True:
        try:
            result = await call()
        except LedgerAway as away:
            if not waiting:
                _log.warning("%s waits for the ledger, which is away: %s", what, away)
            waiting = True
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            if waiting:
                _log.info("%s waits no longer: the ledger is back", what)
            return result


class Pool(AsyncAdaptedQueuePool):
    """A pool that says ``LedgerAway`` when its connections wait for a database that doesn't answer."""

    def connect(self) -> PoolProxiedConnection:
        """Return a connection that answers. Raises ``LedgerAway``."""
        try:
            return super().connect()
        except (PoolTimeout, TimeoutError) as error:
            raise LedgerAway("no answer") from error


async def connect(*arguments: Any, **options: Any) -> Any:
    """Connect to PostgreSQL. Raises ``LedgerAway``."""
    import asyncpg

    try:
        connection = await asyncpg.connect(*arguments, **options)
        await connection.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_SECONDS * 1000:.0f}")
        return connection
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise LedgerAway(str(error) or type(error).__name__) from error


def tell(context: ExceptionContext) -> None:
    """Raise ``LedgerAway`` in place of an error that says just that (an event handler of SQLAlchemy)."""
    error = context.original_exception
    if context.is_pre_ping or not isinstance(error, Exception):  # a cancellation, for one, cuts connections too
        return
    if isinstance(error, TimeoutError):
        context.is_disconnect, context.invalidate_pool_on_disconnect = True, False  # it wouldn't roll back either
    if context.is_disconnect or _passes(error):
        raise LedgerAway(str(error) or type(error).__name__) from error


def _passes(error: BaseException) -> bool:
    if isinstance(error, OSError):  # TimeoutError among them
        return True
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith(_PASSING) or getattr(error, "sqlite_errorname", "").startswith(_SQLITE_PASSING)
