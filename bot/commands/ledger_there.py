"""Whether there is a ledger to look into: opening one that isn't there would make it."""

from __future__ import annotations

import asyncio

from bot.assembly import database_url
from bot.ledger.opening import Condition, examine
from bot.settings import Settings


async def ledger_is_there(settings: Settings) -> bool:
    """Return whether a bot has ever made its ledger. Raises ``OperatorError`` for one that can't be used."""
    new_folder = settings.database_url is None and not await asyncio.to_thread(settings.data_dir.exists)
    return not new_folder and await examine(database_url(settings)) is not Condition.NEW
