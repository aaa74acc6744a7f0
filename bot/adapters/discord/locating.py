"""Which photos a request is about, under links that are good right now."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

import discord

from bot.adapters import Located, Refused, TakenBack
from bot.adapters.discord import wording
from bot.adapters.discord.calls import Ear
from bot.adapters.discord.manners import Manners
from bot.adapters.discord.notes import MAX_FILES, Notes, Source
from bot.adapters.discord.photos import Shown, shown_in
from bot.adapters.discord.rest import Rest
from bot.adapters.discord.walk import Found, find
from bot.settings import Settings
from bot.vocabulary import Request

_log = logging.getLogger(__name__)

_LINK_TO_MESSAGE = re.compile(
    r"https?://(?:\w+\.)?discord(?:app)?\.com/channels/(?:@me|\d+)/(?P<channel>\d+)/(?P<message>\d+)/?"
)


def linked_message(link: str, channel_id: int | None) -> Source | None:
    """Return the message that a link leads to, if it is in the channel where the link was given.

    Messages elsewhere aren't read: whoever gives the link may not be allowed to.
    """
    match = _LINK_TO_MESSAGE.fullmatch(link)
    if match is None or channel_id is None or int(match["channel"]) != channel_id:
        return None
    return Source(channel_id, int(match["message"]))


class Locating:
    """Reads messages again: the links to their files are signed and run out."""

    def __init__(self, rest: Rest, settings: Settings, manners: Manners) -> None:
        """Read through ``rest``, as far back as the settings say."""
        self._rest = rest
        self._manners = manners
        self._settings = settings

    async def locate(self, request: Request) -> Located:
        """Return the photos. Raises ``TryLater``, ``Refused`` or ``TakenBack``."""
        notes = Notes.of(request.context)
        found = await (self._around_summons(notes) if notes.summons_id is not None else self._of_interaction(notes))
        if not found.shown:
            raise Refused(wording.video() if found.shown.video else wording.no_photo())
        if await self._is_left_alone(found, request):
            raise Refused(wording.not_theirs())
        most = min(MAX_FILES, self._settings.limits.max_pictures)
        photos = found.shown.photos[:most]
        noted = replace(notes, photos=photos, too_many=len(found.shown.photos) - len(photos), source=found.source)
        context = {name: noted.to_json()[name] for name in ("photos", "too_many", "source")}
        return Located(tuple(photo.reference() for photo in photos), context)

    async def _around_summons(self, notes: Notes) -> Found:
        message = await self._summons(notes)
        if message is None:
            return Found(Shown(notes.photos), notes.source)
        call = self._ear.call(message, direct=notes.guild_id is None)
        # Without the message content intent, text comes as empty; only an edit can have taken the call away.
        if call is None and (message.content or message.edited_at is not None):
            raise TakenBack
        by_name = call is None or call.by_name
        look_back = self._settings.discord.look_back_messages if by_name else 0
        found = await find(message, self._rest, look_back=look_back)
        if found.shown or found.shown.video:
            return found
        return Found(Shown(notes.photos), notes.source)

    async def _is_left_alone(self, found: Found, request: Request) -> bool:
        poster = found.author_id
        return poster is not None and str(poster) != request.requester and await self._manners.has_opted_out(poster)

    async def _summons(self, notes: Notes) -> discord.Message | None:
        if notes.channel_id is None or notes.summons_id is None:
            return None
        try:
            return await self._rest.message(notes.channel_id, notes.summons_id, guild_id=notes.guild_id)
        except discord.NotFound:
            raise TakenBack from None
        except discord.HTTPException as error:
            _log.info("a summons can't be read again: status=%d code=%d", error.status, error.code)
            return None

    async def _of_interaction(self, notes: Notes) -> Found:
        at_hand = Found(Shown(notes.photos), notes.source)
        if notes.source is None:
            return at_hand
        try:
            message = await self._rest.message(notes.source.channel_id, notes.source.message_id)
        except discord.HTTPException as error:
            _log.info("the message with the photo can't be read again: status=%d code=%d", error.status, error.code)
            return at_hand
        shown = shown_in(message)
        return Found(shown, notes.source, message.author.id) if shown or not at_hand.shown else at_hand

    @property
    def _ear(self) -> Ear:
        return Ear(self._settings.triggers, discord.Object(self._rest.me))
