"""Finding the photos that a message is about: its own, those of the message it replies to, or the nearest before it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

import discord

from bot.adapters.discord.notes import Source
from bot.adapters.discord.photos import Shown, shown_in
from bot.adapters.discord.rest import Rest

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What a message is about."""

    shown: Shown
    source: Source | None = None
    """The message that shows it."""
    author_id: int | None = None
    """Who posted that message."""


NOTHING = Found(Shown())


def at_hand(message: discord.Message, before: Iterable[discord.Message], me: int) -> Found:
    """Return what a message is about as far as that is known without asking Discord.

    ``before`` are messages of its channel that came before it, the nearest first.
    """
    return _first(_places_at_hand(message, before, me))


async def find(message: discord.Message, rest: Rest, *, look_back: int) -> Found:
    """Return what a message is about, asking Discord for the messages around it where the bot may read them.

    ``look_back`` is how many messages before it may be looked at. Raises ``TryLater``.
    """
    best = NOTHING
    async for place in _places(message, rest, look_back):
        found = _found(place)
        if found.shown:
            return found
        best = found if found.shown.video and not best.shown.video else best
    return best


def _found(message: discord.Message) -> Found:
    return Found(shown_in(message), Source(message.channel.id, message.id), message.author.id)


def _first(places: Iterable[discord.Message]) -> Found:
    found = [_found(place) for place in places]
    showing = [each for each in found if each.shown] or [each for each in found if each.shown.video]
    return showing[0] if showing else NOTHING


def _places_at_hand(message: discord.Message, before: Iterable[discord.Message], me: int) -> Iterator[discord.Message]:
    yield message
    reference = message.reference
    if reference is not None and isinstance(reference.resolved, discord.Message):
        yield reference.resolved
    elif reference is None:
        yield from (each for each in before if each.author.id != me)


async def _places(message: discord.Message, rest: Rest, look_back: int) -> AsyncIterator[discord.Message]:
    yield message
    try:
        if _is_reply(message):
            if (target := await _replied_to(message, rest)) is not None:
                yield target
        elif look_back:
            # The bot's own answers don't count: somebody who asks again means the photo before them.
            for each in await rest.before(message.channel.id, message.id, limit=look_back):
                if each.author.id != rest.me:
                    yield each
    except discord.HTTPException as error:
        _log.info("messages around a summons can't be read: status=%d code=%d", error.status, error.code)


def _is_reply(message: discord.Message) -> bool:
    return message.type is discord.MessageType.reply and message.reference is not None


async def _replied_to(message: discord.Message, rest: Rest) -> discord.Message | None:
    reference = message.reference
    if reference is None or reference.message_id is None or reference.channel_id != message.channel.id:
        return None
    if isinstance(reference.resolved, discord.Message):
        return reference.resolved
    if isinstance(reference.resolved, discord.DeletedReferencedMessage):
        return None
    return await rest.message(reference.channel_id, reference.message_id)
