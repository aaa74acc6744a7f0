"""Commands, the Apps menu and buttons: whoever is told to wait has a request that is on the disk."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import discord

from bot.adapters.discord import buttons, photos, wording
from bot.adapters.discord.acknowledging import acknowledge, whisper
from bot.adapters.discord.buttons import Action
from bot.adapters.discord.locating import linked_message
from bot.adapters.discord.manners import Manners
from bot.adapters.discord.notes import MAX_FILES, PLATFORM, Notes, Photo, Source, Ticket
from bot.adapters.discord.rest import Rest, insist
from bot.adapters.discord.waiting import WaitingRoom
from bot.assembly import Parts
from bot.intake import Intake
from bot.summons import links_in
from bot.vocabulary import Entry, Refusal, Request, State
from inference.vocabulary import RecolorOptions

_ACKNOWLEDGE_SECONDS = 0.5
_MESSAGE_GONE = 10008


class Interactions:
    """Sees to the interactions of one connection."""

    def __init__(self, parts: Parts, intake: Intake, waiting: WaitingRoom, rest: Rest) -> None:
        """Hand requests to ``intake``; ``waiting`` keeps people company until their answer comes."""
        self._parts = parts
        self._intake = intake
        self._waiting = waiting
        self._rest = rest
        self._manners = Manners(parts)

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
            await acknowledge(lambda: interaction.response.defer(thinking=True, ephemeral=ephemeral))
        finally:
            self._waiting.acknowledged(request.id)
            entry = await taking
            if entry.request.id != request.id:
                self._waiting.forget(request.id)
        if entry.request.id == request.id:
            self._waiting.keep_company(request)

    async def _turned_away(self, interaction: discord.Interaction) -> bool:
        if self._manners.blocked(interaction.user.id, interaction.guild_id):
            await whisper(interaction, wording.NOT_HERE)
        elif await self._manners.has_opted_out(interaction.user.id):
            await whisper(interaction, wording.OPTED_OUT)
        else:
            return False
        return True

    async def settings_asked(self, interaction: discord.Interaction, answers: bool | None) -> None:
        """See to ``/colorize-settings``."""
        if answers is None:
            await whisper(interaction, wording.help_text(self._parts.settings.triggers[0]))
        elif answers:
            await self._manners.opt_in(interaction.user.id)
            await whisper(interaction, wording.WELCOME_BACK)
        else:
            await self._manners.opt_out(interaction.user.id)
            await whisper(interaction, wording.LEFT_ALONE)

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
            await whisper(interaction, wording.PHOTO_GONE)
            return
        options = buttons.after(action, entry.request.options)
        if options is None:
            await whisper(interaction, wording.NO_STEP)
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
        if not _may_delete(interaction, entry):
            await whisper(interaction, wording.NOT_YOURS)
            return
        await acknowledge(lambda: interaction.response.defer())
        if entry is not None:
            await self._intake.withdraw(entry.request.id)
        ticket = _ticket(interaction)
        try:
            # By the interaction, so that it works where the bot itself isn't a member.
            await insist(lambda: self._rest.delete_response(ticket))
        except discord.HTTPException as error:
            if error.code != _MESSAGE_GONE:
                raise


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


def _is_ephemeral(interaction: discord.Interaction, older: Notes) -> bool:
    return older.ephemeral or (interaction.message is not None and interaction.message.flags.ephemeral)


def _may_delete(interaction: discord.Interaction, entry: Entry | None) -> bool:
    if interaction.permissions.manage_messages:
        return True
    if entry is not None:
        return entry.request.requester == str(interaction.user.id)
    # The ledger has forgotten the request for its age; Discord remembers who used a command.
    asked = None if interaction.message is None else interaction.message.interaction_metadata
    return interaction.guild_id is None if asked is None else asked.user.id == interaction.user.id


def _links(text: str) -> list[str]:
    links = links_in(text, flavour="discord")
    return links or [text.strip()]  # the fetcher says kindly what is wrong with it
