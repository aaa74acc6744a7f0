"""``python -m bot downgrade``: take the ledger's schema back to that of an older version."""

from __future__ import annotations

from rich.console import Console

from bot.assembly import database_url
from bot.commands.ledger_there import ledger_is_there
from bot.data_folder import hold_data_folder
from bot.ledger.engine import is_shared
from bot.ledger.opening import take_back
from bot.orders import Downgrade
from bot.settings import Settings


async def downgrade(settings: Settings, console: Console, wanted: Downgrade) -> int:
    """Undo the migrations after a revision; return 1 when there is no ledger. Raises ``OperatorError``."""
    url = database_url(settings)
    if not await ledger_is_there(settings):
        console.print("There is no ledger yet.")
        return 1
    with hold_data_folder(settings.data_dir, shared=is_shared(url)):
        await take_back(url, wanted.revision)
    console.print(f"The ledger has the schema {wanted.revision}. Start no newer version on it.", highlight=False)
    return 0
