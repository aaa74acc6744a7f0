"""Who calls the bot in messages, and how: by a trigger word, by a mention, or by writing to it alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import discord

from bot.summons import Command, Flavour, parse_command, parse_summons
from inference.vocabulary import RecolorOptions

_PEOPLES_MESSAGES = frozenset({discord.MessageType.default, discord.MessageType.reply})


@dataclass(frozen=True, slots=True)
class Call:
    """What a message asks for."""

    options: RecolorOptions
    by_name: bool
    """Whether the bot was named; else somebody just wrote to it in a direct message."""


class Ear:
    """Hears what is said to the bot."""

    def __init__(self, triggers: Sequence[str], me: discord.abc.Snowflake) -> None:
        """``me`` is the bot's own user."""
        self._triggers = tuple(triggers)
        self.me = me.id
        self._mention = re.compile(rf"<@!?{me.id}>")

    def from_a_person(self, message: discord.Message) -> bool:
        """Return whether a person wrote it, rather than a bot, a webhook or Discord itself."""
        return not (message.author.bot or message.webhook_id) and message.type in _PEOPLES_MESSAGES

    def call(self, message: discord.Message, *, direct: bool) -> Call | None:
        """Return what a message asks for; ``None`` when it doesn't call the bot. ``direct`` ones always do."""
        summons = parse_summons(self._plain(message), self._triggers, flavour=Flavour.DISCORD)
        if summons is not None:
            return Call(summons.options, by_name=True)
        return Call(RecolorOptions(), by_name=False) if direct else None

    def command(self, message: discord.Message) -> Command | None:
        """Return the command that a message is; a bare one counts only where it is clear that it is for the bot."""
        words = self._plain(message)
        command = parse_command(words, self._triggers)
        if command is None:
            return None
        named = parse_summons(words, self._triggers, flavour=Flavour.DISCORD) is not None
        return command if named or is_direct(message) or self.is_reply_to_me(message) else None

    def is_reply_to_me(self, message: discord.Message) -> bool:
        """Return whether a message replies to one of the bot's own."""
        replied = message.reference and message.reference.resolved
        return isinstance(replied, discord.Message) and replied.author.id == self.me

    def _plain(self, message: discord.Message) -> str:
        """Return the text with mentions of the bot as its trigger word."""
        text = self._mention.sub(f" {self._triggers[0]} ", message.content)
        role = message.guild.self_role if message.guild is not None else None  # its name is the bot's, easily mixed up
        return text if role is None else text.replace(role.mention, f" {self._triggers[0]} ")


def is_direct(message: discord.Message) -> bool:
    """Return whether a message was written to the bot alone."""
    channel = message.channel
    return isinstance(channel, discord.DMChannel) or (
        isinstance(channel, discord.PartialMessageable) and channel.guild_id is None
    )
