"""Whom the bot leaves alone on Discord."""

from __future__ import annotations

from bot.adapters.discord.notes import PLATFORM
from bot.assembly import Parts


class Manners:
    """Knows whom the operator has blocked and who has opted out."""

    def __init__(self, parts: Parts) -> None:
        """Ask the settings and the ledger's opt-outs."""
        self._parts = parts
        self._etiquette = parts.etiquette

    def blocked(self, user_id: int, guild_id: int | None) -> bool:
        """Return whether the operator wants nothing to do with a person or a guild."""
        settings = self._parts.settings.discord
        return user_id in settings.blocked_users or guild_id in settings.blocked_guilds

    async def has_opted_out(self, user_id: int) -> bool:
        """Return whether a person wants to be left alone."""
        return await self._etiquette.has_opted_out(PLATFORM, str(user_id))

    async def opt_out(self, user_id: int) -> None:
        """Leave a person alone from now on."""
        await self._etiquette.opt_out(PLATFORM, str(user_id))

    async def opt_in(self, user_id: int) -> None:
        """Answer a person again."""
        await self._etiquette.opt_in(PLATFORM, str(user_id))
