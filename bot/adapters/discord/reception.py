"""Where people's calls arrive: each becomes a request that is on the disk before anybody is told so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import aiohttp
import discord

from bot.adapters import TryLater
from bot.adapters.discord import buttons, photos, wording
from bot.adapters.discord.buttons import Action
from bot.adapters.discord.calls import Ear, is_direct
from bot.adapters.discord.locating import linked_message
from bot.adapters.discord.manners import Manners
from bot.adapters.discord.notes import DEFAULT_SIZE_LIMIT, MAX_FILES, PLATFORM, Notes, Photo, Source, Ticket
from bot.adapters.discord.rest import Rest
from bot.adapters.discord.waiting import WaitingRoom
from bot.adapters.discord.walk import Found, at_hand
from bot.assembly import Parts
from bot.intake import Intake
from bot.summons import Command, links_in
from bot.vocabulary import Entry, Refusal, Request, State, new_request_id
from inference.vocabulary import RecolorOptions

_log = logging.getLogger(__name__)

_ACKNOWLEDGE_SECONDS = 1.0
_ACKNOWLEDGE_PAUSES = (0.2, 1.0, 0.0)
_ALREADY_ACKNOWLEDGED = 40060
_MESSAGE_GONE = 10008


class Reception:
    """Sees to messages, commands and buttons of one connection."""

    def __init__(self, parts: Parts, intake: Intake, waiting: WaitingRoom, client: discord.Client) -> None:
        """Hand requests to ``intake``; ``waiting`` keeps people company until their answer comes."""
        self._parts = parts
        self._intake = intake
        self._waiting = waiting
        self._client = client
        self._manners = Manners(parts)

    @property
    def ear(self) -> Ear:
        """What hears when the bot is called; only once it has logged in."""
        if self._client.user is None:
            raise TryLater("not logged in to Discord yet")
        return Ear(self._parts.settings.triggers, self._client.user)

    # Messages

    async def heard(self, message: discord.Message, *, late: bool = False) -> None:
        """See to a message that was posted somewhere; ``late`` when it is found after the bot was away."""
        ear = self.ear
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
        return self.ear.call(message, direct=is_direct(message)) is not None

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
        except discord.HTTPException as error:
            _log.info("can't confirm an opt-out or opt-in: code=%d", error.code)

    async def _delete_replied_to(self, message: discord.Message) -> None:
        reference = message.reference
        if reference is None or reference.message_id is None or not self.ear.is_reply_to_me(message):
            return
        request_id = buttons.request_id(reference.resolved)
        entry = None if request_id is None else await self._parts.ledger.by_id(request_id)
        if entry is None or not (entry.request.requester == str(message.author.id) or _is_moderator(message)):
            return
        await self._intake.withdraw(entry.request.id)
        await self._rest.delete(message.channel.id, reference.message_id)

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

    # Commands

    async def commanded(
        self,
        interaction: discord.Interaction,
        *,
        attachment: discord.Attachment | None,
        link: str | None,
        options: RecolorOptions,
        private: bool,
    ) -> None:
        """See to ``/colorize``."""
        shown = photos.of_attachment(attachment) if attachment is not None else photos.Shown()
        links = _links(link) if link is not None else []
        sources = [source for each in links if (source := linked_message(each, interaction.channel_id))]
        if sources:
            links = []  # the photo is located in that message
        found = shown.photos + tuple(photos.of_link(each) for each in links)
        refusal = None if found or sources else wording.video() if shown.video else wording.no_photo()
        source = sources[0] if sources and not found else None
        await self._take(interaction, found, options, refusal=refusal, ephemeral=private, source=source)

    async def pointed_at(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """See to *Apps > Colorize* on a message."""
        shown = photos.shown_in(message)
        refusal = None if shown else wording.video() if shown.video else wording.no_photo()
        if message.author.id != interaction.user.id and await self._manners.has_opted_out(message.author.id):
            refusal = wording.not_theirs()
        source = Source(message.channel.id, message.id) if message.channel is not None else None
        await self._take(interaction, shown.photos, RecolorOptions(), refusal=refusal, source=source)

    async def _take(
        self,
        interaction: discord.Interaction,
        found: tuple[Photo, ...],
        options: RecolorOptions,
        *,
        refusal: Refusal | None,
        ephemeral: bool = False,
        source: Source | None = None,
    ) -> None:
        if await self._turned_away(interaction):
            return
        most = min(MAX_FILES, self._parts.settings.limits.max_pictures)
        notes = replace(
            _notes_of(interaction, ephemeral=ephemeral),
            photos=found[:most],
            too_many=len(found[most:]),
            source=source,
        )
        await self._accept(interaction, _request_for(interaction, notes, options), refusal=refusal)

    async def _accept(
        self, interaction: discord.Interaction, request: Request, *, refusal: Refusal | None = None
    ) -> None:
        """Record a request, then acknowledge the interaction: whoever is told to wait will get an answer.

        A database that is slow must not make the acknowledgement late, so the wait for it is short.
        """
        ephemeral = Notes.of(request.context).ephemeral
        self._waiting.expect(request.id)
        taking = asyncio.create_task(self._intake.take(request, refusal=refusal, always_tell=True))
        await asyncio.wait([taking], timeout=_ACKNOWLEDGE_SECONDS)
        try:
            await _acknowledge(lambda: interaction.response.defer(thinking=True, ephemeral=ephemeral))
        finally:
            self._waiting.acknowledged(request.id)
            entry = await taking
            if entry.request.id != request.id:
                self._waiting.forget(request.id)
        if entry.request.id == request.id:
            self._waiting.keep_company(request)

    async def _turned_away(self, interaction: discord.Interaction) -> bool:
        if self._manners.blocked(interaction.user.id, interaction.guild_id):
            await _whisper(interaction, wording.NOT_HERE)
        elif await self._manners.has_opted_out(interaction.user.id):
            await _whisper(interaction, wording.OPTED_OUT)
        else:
            return False
        return True

    async def settings_asked(self, interaction: discord.Interaction, answers: bool | None) -> None:
        """See to ``/colorize-settings``."""
        if answers is None:
            await _whisper(interaction, wording.help_text(self._parts.settings.triggers[0]))
        elif answers:
            await self._manners.opt_in(interaction.user.id)
            await _whisper(interaction, wording.WELCOME_BACK)
        else:
            await self._manners.opt_out(interaction.user.id)
            await _whisper(interaction, wording.LEFT_ALONE)

    # Buttons

    async def pressed(self, interaction: discord.Interaction, action: Action, request_id: str) -> None:
        """See to a button below an answer."""
        entry = await self._parts.ledger.by_id(request_id)
        if action is Action.DELETE:
            await self._delete(interaction, entry)
            return
        if await self._turned_away(interaction):
            return
        if entry is None or entry.state is State.DELETED:
            await _whisper(interaction, wording.PHOTO_GONE)
            return
        options = buttons.after(action, entry.request.options)
        if options is None:
            await _whisper(interaction, wording.NO_STEP)
            return
        older = Notes.of(entry.request.context)
        notes = replace(
            _notes_of(interaction, ephemeral=_is_ephemeral(interaction, older)),
            photos=older.photos,
            too_many=older.too_many,
            source=older.source,
        )
        copied = await self._intake.copied(
            entry,
            options,
            requester=str(interaction.user.id),
            message_id=str(interaction.id),
            context=notes.to_json(),
        )
        await self._accept(
            interaction, replace(copied, conversation=str(notes.channel_id), community=_community(interaction))
        )

    async def _delete(self, interaction: discord.Interaction, entry: Entry | None) -> None:
        if entry is not None and not _may_delete(interaction, entry):
            await _whisper(interaction, wording.NOT_YOURS)
            return
        await _acknowledge(lambda: interaction.response.defer())
        if entry is not None:
            await self._intake.withdraw(entry.request.id)
        try:
            # By the interaction, so that it works where the bot itself isn't a member.
            await self._rest.delete_response(_ticket(interaction))
        except discord.HTTPException as error:
            if error.code != _MESSAGE_GONE:
                raise

    @property
    def _rest(self) -> Rest:
        return Rest(self._client)


def _request_for(interaction: discord.Interaction, notes: Notes, options: RecolorOptions) -> Request:
    return Request(
        platform=PLATFORM,
        message_id=str(interaction.id),
        conversation=str(notes.channel_id or interaction.id),
        requester=str(interaction.user.id),
        community=_community(interaction),
        images=tuple(photo.reference() for photo in notes.photos),
        options=options,
        context=notes.to_json(),
        id=new_request_id(),
    )


def _notes_of(interaction: discord.Interaction, *, ephemeral: bool) -> Notes:
    return Notes(
        channel_id=interaction.channel_id,
        guild_id=interaction.guild_id,
        ticket=_ticket(interaction),
        ephemeral=ephemeral,
        size_limit=interaction.filesize_limit,
    )


def _ticket(interaction: discord.Interaction) -> Ticket:
    return Ticket.issued(interaction.application_id, interaction.token, interaction.created_at)


def _community(interaction: discord.Interaction) -> str | None:
    return None if interaction.guild_id is None else str(interaction.guild_id)


def _guild_id(message: discord.Message) -> int | None:
    return message.guild.id if message.guild is not None else getattr(message.channel, "guild_id", None)


def _is_ephemeral(interaction: discord.Interaction, older: Notes) -> bool:
    return older.ephemeral or (interaction.message is not None and interaction.message.flags.ephemeral)


def _may_delete(interaction: discord.Interaction, entry: Entry) -> bool:
    return entry.request.requester == str(interaction.user.id) or interaction.permissions.manage_messages


def _is_moderator(message: discord.Message) -> bool:
    author = message.author
    return isinstance(author, discord.Member) and message.channel.permissions_for(author).manage_messages


def _links(text: str) -> list[str]:
    links = links_in(text, flavour="discord")
    return links or [text.strip()]  # the fetcher says kindly what is wrong with it


async def _acknowledge(answer: Callable[[], Awaitable[object]]) -> None:
    """Answer an interaction for the first time; where that fails, the real answer finds another way."""
    for pause in _ACKNOWLEDGE_PAUSES:
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


async def _whisper(interaction: discord.Interaction, text: str) -> None:
    await _acknowledge(lambda: interaction.response.send_message(text, ephemeral=True))
