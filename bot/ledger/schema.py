"""Brings a database to the schema that this version of the bot knows, before anything else touches it."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


class NewerSchema(Exception):  # noqa: N818 - says what was found
    """The database was last used by a newer version of the bot."""


def upgrade(connection: Connection) -> None:
    """Apply the migrations that are missing. Raises ``NewerSchema`` and changes nothing if there are unknown ones."""
    if missing_revisions(connection):
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def missing_revisions(connection: Connection) -> list[str]:
    """Return the migrations that a database lacks, the newest first. Raises ``NewerSchema``."""
    known = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return known
    if current not in known:
        raise NewerSchema
    return known[: known.index(current)]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "bot.ledger:migrations")
    return config
