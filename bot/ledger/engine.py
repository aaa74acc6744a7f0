"""The database behind the ledger: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import inspect
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from bot.ledger import outage
from bot.problems import OperatorError

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_LOCK_PATIENCE_SECONDS = 30
_CONNECT_SECONDS = 5.0
_COMMAND_SECONDS = 10.0
_CONNECTIONS = 10
_MORE_CONNECTIONS = 10
"""How many more there may be for a moment; other bots and pg_dump want some of PostgreSQL's hundred, too."""


def parse_url(text: str | URL) -> URL:
    """Read a database URL, filling in the asynchronous driver. Raises ``OperatorError``."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise OperatorError(
            "COLORIZEBOT_DATABASE_URL is no SQLAlchemy URL; "
            "it looks like sqlite:////srv/colorizebot.sqlite3 or postgresql://user:password@host/database."
        ) from None
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise OperatorError(f"COLORIZEBOT_DATABASE_URL names {backend}; use sqlite or postgresql.")
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise OperatorError("COLORIZEBOT_DATABASE_URL has to name a file: in memory, a restart would lose requests.")
    url = url.set(drivername=_DRIVERS[backend])
    return url if backend == "sqlite" else _with_ssl(url)


def _with_ssl(url: URL) -> URL:
    """Call the option ``ssl`` that hosts of databases, and PostgreSQL's own tools, call ``sslmode``."""
    if "sslmode" not in url.query:
        return url
    return url.difference_update_query(["sslmode"]).update_query_dict({"ssl": url.query["sslmode"]})


def is_shared(url: str | URL) -> bool:
    """Return whether several bots may use the database at the same time. Raises ``OperatorError``."""
    return parse_url(url).get_backend_name() != "sqlite"


def shown(url: str | URL) -> str:
    """Return a database URL as operators may see it: without the password, and without our driver."""
    url = make_url(url)
    return url.set(drivername=url.get_backend_name()).render_as_string()


def make_engine(url: URL, *, patient: bool = False) -> AsyncEngine:
    """Make the engine for a URL of `parse_url`; nothing is connected yet. Raises ``OperatorError``.

    A ``patient`` one lets a statement take as long as it takes: changing the schema of a large ledger does.
    """
    try:
        if url.get_backend_name() == "sqlite":
            engine = _sqlite(url)
        else:
            engine = _postgresql(url, None if patient else _COMMAND_SECONDS)
    except ModuleNotFoundError as missing:
        raise OperatorError(
            f"COLORIZEBOT_DATABASE_URL needs the package {missing.name}; please install it beside the bot."
        ) from missing
    event.listen(engine.sync_engine, "handle_error", outage.tell)
    return engine


def _postgresql(url: URL, command_seconds: float | None) -> AsyncEngine:
    import asyncpg

    known = {*inspect.signature(asyncpg.connect).parameters, "prepared_statement_cache_size"}
    if unknown := set(url.query) - known:
        raise OperatorError(
            f"COLORIZEBOT_DATABASE_URL has the option {min(unknown)}, which its driver doesn't know; please drop it."
        )
    return create_async_engine(
        url,
        hide_parameters=True,  # what people sent stays out of the log
        pool_pre_ping=True,  # connections that a restart of PostgreSQL cut are made anew
        poolclass=outage.Pool,
        pool_size=_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        pool_timeout=_COMMAND_SECONDS,
        connect_args={
            "async_creator_fn": outage.connect,
            "timeout": _CONNECT_SECONDS,
            "command_timeout": command_seconds,
            "server_settings": {"application_name": "colorizebot"},
        },
    )


def _sqlite(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url,
        hide_parameters=True,
        poolclass=outage.Pool,
        pool_timeout=_LOCK_PATIENCE_SECONDS,
        connect_args={"timeout": _LOCK_PATIENCE_SECONDS},
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    event.listen(engine.sync_engine, "invalidate", _roll_back_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver opens no transactions of its own, so that ours hold from the first statement on, migrations included:
    # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#serializable-isolation-savepoints-transactional-ddl
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # what is committed survives a power cut, too
    cursor.close()


def _roll_back_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _error: BaseException | None) -> None:
    # A task was cancelled in mid-transaction. With a statement unfinished, SQLite would put off the closing that comes
    # next, and keep everybody else from writing.
    connection.rollback()


def _begin_sqlite(connection: Connection) -> Any:
    connection.exec_driver_sql("BEGIN")
