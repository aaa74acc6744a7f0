"""Discord: slash commands, the Apps menu, trigger words and mentions; answers are edits or replies."""

from bot.adapters.discord.adapter import DiscordAdapter

__all__ = ["DiscordAdapter"]
