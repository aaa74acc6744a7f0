"""The ledger as commands use it, beside a bot that may be running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.assembly import database_url
from bot.ledger import Ledger, LedgerAway, open_ledger
from bot.ledger.engine import shown
from bot.ledger.opening import Condition, examine
from bot.problems import OperatorError
from bot.settings import Settings


async def ledger_is_there(settings: Settings) -> bool:
    """Return whether a bot has ever made its ledger: opening one that isn't there would make it.

    Raises ``OperatorError`` for one that can't be used.
    """
    return await condition_of_ledger(settings) is not Condition.NEW


async def condition_of_ledger(settings: Settings) -> Condition:
    """Return the condition of the ledger without making it. Raises ``OperatorError`` for one that can't be used."""
    try:
        new_folder = settings.database_url is None and not await asyncio.to_thread(settings.data_dir.exists)
    except OSError as error:
        raise OperatorError(
            f"The data folder {settings.data_dir} can't be looked into ({error.strerror}); please run this as the user "
            "that the bot runs as, or see COLORIZEBOT_DATA_DIR."
        ) from None
    return Condition.NEW if new_folder else await examine(database_url(settings))


@asynccontextmanager
async def existing_ledger(settings: Settings) -> AsyncIterator[Ledger]:
    """Open the ledger for as long as the context lasts. Raises ``OperatorError``, also when it goes away meanwhile."""
    url = database_url(settings)
    try:
        async with open_ledger(url) as ledger:
            yield ledger
    except LedgerAway as away:
        raise OperatorError(
            f"The database {shown(url)} can't be used now ({away}); what was done until here is done. "
            "python -m bot check looks what is wrong."
        ) from away
