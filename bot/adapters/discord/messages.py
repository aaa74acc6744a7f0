"""Messages that call the bot, tell it to stop, or take a call back."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import aiohttp
import discord

from bot.adapters import TryLater
from bot.adapters.discord import buttons, wording
from bot.adapters.discord.calls import Ear, is_direct
from bot.adapters.discord.manners import Manners
from bot.adapters.discord.notes import DEFAULT_SIZE_LIMIT, PLATFORM, Notes
from bot.adapters.discord.rest import Rest, insist
from bot.adapters.discord.waiting import WaitingRoom
from bot.adapters.discord.walk import Found, at_hand
from bot.assembly import Parts
from bot.intake import Intake
from bot.summons import Command
from bot.vocabulary import Request
from inference.vocabulary import RecolorOptions

_log = logging.getLogger(__name__)


class Messages:
    """Sees to the messages of one connection; each call becomes a request that is on the disk."""

    def __init__(self, parts: Parts, intake: Intake, waiting: WaitingRoom, client: discord.Client) -> None:
        """Hand requests to ``intake``; ``waiting`` keeps people company until their answer comes."""
        self._parts = parts
        self._intake = intake
        self._waiting = waiting
        self._client = client
        self._manners = Manners(parts)

    async def heard(self, message: discord.Message, *, late: bool = False) -> None:
        """See to a message that was posted somewhere; ``late`` when it is found after the bot was away."""
        ear = self._ear
        if not ear.from_a_person(message) or self._manners.blocked(message.author.id, _guild_id(message)):
            return
        if command := ear.command(message):
            if not late:
                await self._told(message, command)
            return
        call = ear.call(message, direct=is_direct(message))
        if call is None or await self._manners.has_opted_out(message.author.id):
            return
        found = at_hand(message, self._cached_before(message), ear.me) if call.by_name else at_hand(message, (), ear.me)
        request = self._request_of(message, call.options, found)
        entry = await self._intake.take(request)
        if entry.request.id == request.id and not entry.state.finished:
            self._waiting.keep_company(request)

    async def heard_late(self, message: discord.Message) -> None:
        """See to a message that was posted while the bot was away."""
        await self.heard(message, late=True)

    async def changed(self, message: discord.Message) -> None:
        """See to a message that was edited, or got its previews: it may call no longer."""
        if self._waiting.waits_for(message.id) and message.content and not self._still_calls(message):
            await self.gone(message.id)

    def _still_calls(self, message: discord.Message) -> bool:
        return self._ear.call(message, direct=is_direct(message)) is not None

    async def gone(self, message_id: int) -> None:
        """See to a message that was deleted: if it was a summons that isn't answered yet, it needs no answer."""
        entry = await self._parts.ledger.by_message(PLATFORM, str(message_id))
        if entry is not None and not entry.state.finished:
            await self._intake.withdraw(entry.request.id)

    async def _told(self, message: discord.Message, command: Command) -> None:
        if command is Command.DELETE:
            await self._delete_replied_to(message)
            return
        if command is Command.OPT_OUT:
            await self._manners.opt_out(message.author.id)
        else:
            await self._manners.opt_in(message.author.id)
        try:
            await message.reply(wording.LEFT_ALONE if command is Command.OPT_OUT else wording.WELCOME_BACK)
        except (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError) as error:
            _log.info("can't confirm an opt-out or opt-in (%s)", error)

    async def _delete_replied_to(self, message: discord.Message) -> None:
        reference = message.reference
        if reference is None or reference.message_id is None or not self._ear.is_reply_to_me(message):
            return
        request_id = buttons.request_id(reference.resolved)
        entry = None if request_id is None else await self._parts.ledger.by_id(request_id)
        if entry is None or not (entry.request.requester == str(message.author.id) or _is_moderator(message)):
            return
        await self._intake.withdraw(entry.request.id)
        channel_id, answer_id = message.channel.id, reference.message_id
        try:
            await insist(lambda: self._rest.delete(channel_id, answer_id))
        except (discord.NotFound, TryLater) as error:
            _log.info("request %s: its answer can't be deleted (%s)", entry.request.id, error)

    def _request_of(self, message: discord.Message, options: RecolorOptions, found: Found) -> Request:
        guild_id = _guild_id(message)
        notes = Notes(
            channel_id=message.channel.id,
            guild_id=guild_id,
            summons_id=message.id,
            size_limit=message.guild.filesize_limit if message.guild is not None else DEFAULT_SIZE_LIMIT,
            photos=found.shown.photos,
            source=found.source,
        )
        return Request(
            platform=PLATFORM,
            message_id=str(message.id),
            conversation=str(message.channel.id),
            requester=str(message.author.id),
            community=None if guild_id is None else str(guild_id),
            images=(),
            options=options,
            context=notes.to_json(),
        )

    def _cached_before(self, message: discord.Message) -> Iterable[discord.Message]:
        limit = self._parts.settings.discord.look_back_messages
        before = [
            each
            for each in self._client.cached_messages
            if each.channel.id == message.channel.id and each.id < message.id
        ]
        return before[::-1][:limit]

    @property
    def _ear(self) -> Ear:
        """What hears when the bot is called; only once it has logged in."""
        if self._client.user is None:
            raise TryLater("not logged in to Discord yet")
        return Ear(self._parts.settings.triggers, self._client.user)

    @property
    def _rest(self) -> Rest:
        return Rest(self._client)


def _guild_id(message: discord.Message) -> int | None:
    return message.guild.id if message.guild is not None else getattr(message.channel, "guild_id", None)


def _is_moderator(message: discord.Message) -> bool:
    author = message.author
    return isinstance(author, discord.Member) and message.channel.permissions_for(author).manage_messages
