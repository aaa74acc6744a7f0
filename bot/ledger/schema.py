"""Brings a database to the schema that this version of the bot knows, before anything else touches it."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

_MIGRATION_LOCK = 0x736368656D61  # "schema"; advisory locks are known by number


class NewerSchema(Exception):  # noqa: N818 - says what was found
    """The database was last used by a newer version of the bot; the argument is its revision."""


def upgrade(connection: Connection) -> None:
    """Apply the migrations that are missing. Raises ``NewerSchema`` and changes nothing if there are unknown ones."""
    if missing_revisions(connection):
        if connection.dialect.name == "postgresql":
            # Of several bots that start at the same time, one migrates; the others find it done.
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        command.upgrade(_config(connection), "head")


def downgrade(connection: Connection, revision: str) -> None:
    """Undo the migrations after ``revision``, for an older version of the bot; what only they can keep is lost.

    Raises ``NewerSchema``, or ``ValueError`` for a revision that the database isn't beyond.
    """
    missing = missing_revisions(connection)
    if revision not in known_revisions() or revision in missing:
        raise ValueError(revision)
    command.downgrade(_config(connection), revision)


def current_revision(connection: Connection) -> str | None:
    """Return the last migration that a database has had; ``None`` for a new one."""
    return MigrationContext.configure(connection).get_current_revision()


def missing_revisions(connection: Connection) -> list[str]:
    """Return the migrations that a database lacks, the newest first. Raises ``NewerSchema``."""
    known = known_revisions()
    current = current_revision(connection)
    if current is None:
        return known
    if current not in known:
        raise NewerSchema(current)
    return known[: known.index(current)]


def known_revisions() -> list[str]:
    """Return all migrations that this version of the bot knows, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "bot.ledger:migrations")
    config.attributes["connection"] = connection
    return config
