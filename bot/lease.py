"""Keeping this bot alive in the eyes of the others on the ledger, and taking over from those that aren't."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from bot.dispatcher import Dispatcher
from bot.ledger import Ledger, LedgerAway

_log = logging.getLogger(__name__)

_RENEWALS = 6
"""How often the lease is renewed in the time that it lasts."""
_AWAY_SECONDS = 1.0


async def keep_lease(ledger: Ledger, dispatcher: Dispatcher, platforms: Collection[str]) -> None:
    """Renew the lease and adopt orphaned requests of these platforms, until cancelled."""
    pause, away = ledger.roster.lease.total_seconds() / _RENEWALS, False
    while True:
        await asyncio.sleep(_AWAY_SECONDS if away else pause)
        try:
            await _renew_and_adopt(ledger, dispatcher, platforms)
        except LedgerAway as why:
            if not away:
                _log.error("the ledger is away, work stands still until it is back: %s", why)
            away = True
        else:
            if away:
                _log.info("the ledger is back")
            away = False


async def leave(ledger: Ledger) -> None:
    """Let others take over at once what this bot leaves unfinished."""
    try:
        await ledger.roster.leave()
    except LedgerAway as why:
        _log.warning("the ledger is away; others take over when this bot's lease ends: %s", why)


async def _renew_and_adopt(ledger: Ledger, dispatcher: Dispatcher, platforms: Collection[str]) -> None:
    if not await ledger.roster.renew():
        _log.warning("this bot was silent for so long that others took over from it; it goes on under another name")
    dispatcher.ledger_came_back()
    await dispatcher.pick_up()
    if adopted := await ledger.roster.adopt(platforms):
        _log.info("took over what was no living bot's: requests=%d", len(adopted))
        dispatcher.line_up(adopted)
