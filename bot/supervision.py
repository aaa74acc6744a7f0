"""Keeping an adapter running, whatever its platform does to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bot.adapters import Adapter
from bot.intake import Intake
from bot.problems import OperatorError

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 300.0
_STEADY_SECONDS = 600.0


async def keep_running(
    adapter: Adapter,
    intake: Intake,
    announce: Callable[[str], None],
    *,
    on_end: Callable[[str], None] = lambda _name: None,
) -> None:
    """Run an adapter until cancelled, starting it again after a pause when it fails.

    ``on_end`` is told its name each time. Raises its ``OperatorError``: only the operator can put that right.
    """
    clock = asyncio.get_running_loop().time
    pause = _FIRST_PAUSE_SECONDS
    while True:
        began = clock()
        error = await _run(adapter, intake, announce)
        if isinstance(error, OperatorError):
            raise error
        if clock() - began > _STEADY_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        _log.error("the %s adapter ended and is started again in %g s", adapter.name, pause, exc_info=error)
        on_end(adapter.name)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def _run(adapter: Adapter, intake: Intake, announce: Callable[[str], None]) -> BaseException | None:
    running = asyncio.create_task(adapter.run(intake, announce))
    try:
        await asyncio.wait([running])
    finally:
        running.cancel()
        await asyncio.wait([running])
    if running.cancelled():  # not by us: something that it waited for was, and nobody caught it
        return asyncio.CancelledError("it was cancelled from within")
    return running.exception()
