"""``python -m bot let-in``: go back to a community that once shut the bot out."""

from __future__ import annotations

from rich.console import Console

from bot.commands.ledger_there import existing_ledger, ledger_is_there
from bot.ledger import Etiquette
from bot.orders import LetIn
from bot.settings import Settings


async def let_in(settings: Settings, console: Console, wanted: LetIn) -> int:
    """Forget that a community banned the bot; return 1 when it never did. Raises ``OperatorError``."""
    if not (await ledger_is_there(settings) and await _forget(settings, wanted)):
        console.print(f"{wanted.community} on {wanted.platform} has not shut the bot out.", highlight=False)
        return 1
    console.print(f"The bot answers in {wanted.community} on {wanted.platform} again.", highlight=False)
    return 0


async def _forget(settings: Settings, wanted: LetIn) -> bool:
    async with existing_ledger(settings) as ledger:
        etiquette = Etiquette(ledger.engine)
        if not await etiquette.is_shut_out(wanted.platform, wanted.community):
            return False
        await etiquette.let_in(wanted.platform, wanted.community)
        return True
