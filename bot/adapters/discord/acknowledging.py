"""First answers to interactions, which have to come within three seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp
import discord

_log = logging.getLogger(__name__)

_PAUSES_SECONDS = (0.2, 1.0, 0.0)
_ALREADY_ACKNOWLEDGED = 40060


async def acknowledge(answer: Callable[[], Awaitable[object]]) -> None:
    """Answer an interaction for the first time; where that fails, the real answer finds another way."""
    for pause in _PAUSES_SECONDS:
        try:
            await answer()
        except discord.InteractionResponded:
            return
        except discord.HTTPException as error:
            if error.code == _ALREADY_ACKNOWLEDGED:
                return
            _log.warning("an interaction can't be acknowledged: status=%d code=%d", error.status, error.code)
            if error.status != 429 and error.status < 500:
                return
        except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError) as error:
            # It may have got through all the same; Discord says so when it is told again.
            _log.warning("an interaction may not be acknowledged (%s)", type(error).__name__)
        else:
            return
        await asyncio.sleep(pause)


async def whisper(interaction: discord.Interaction, text: str) -> None:
    """Answer in a sentence that only the person sees."""
    await acknowledge(lambda: interaction.response.send_message(text, ephemeral=True))
