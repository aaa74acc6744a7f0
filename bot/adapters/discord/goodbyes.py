"""Keeping what the gateway says when it hangs up: a wrong token, intents that are not granted, or just try again.

discord.py answers the goodbye before it looks at the reason. Where the gateway has cut the connection by then, aiohttp
forgets the reason that it had read, and the bot would try the same again and again without a word to its operator.
"""

from __future__ import annotations

import aiohttp
import discord.http
from discord.gateway import DiscordClientWebSocketResponse


class GatewaySocket(DiscordClientWebSocketResponse):
    """A connection to the gateway that remembers the reason."""

    _said: int | None = None

    async def receive(self, timeout: float | None = None) -> aiohttp.WSMessage:  # noqa: ASYNC109 - as aiohttp has it
        """Receive a message."""
        message = await super().receive(timeout)
        if message.type is aiohttp.WSMsgType.CLOSE:
            self._said = message.data
        return message

    @property
    def close_code(self) -> int | None:
        """The reason; the gateway's own where it gave one."""
        return super().close_code if self._said is None else self._said


def keep_reasons() -> None:
    """Have discord.py connect with such sockets from now on."""
    vars(discord.http)["DiscordClientWebSocketResponse"] = GatewaySocket
