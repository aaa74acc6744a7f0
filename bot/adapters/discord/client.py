"""The connection to Discord: discord.py's client with the bot's intents, and what its events lead to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import discord
import yarl
from discord.gateway import DiscordWebSocket

from bot.adapters.discord import commands
from bot.adapters.discord.buttons import AnswerButton
from bot.adapters.discord.calls import is_direct
from bot.adapters.discord.catching_up import LastSeen, catch_up
from bot.adapters.discord.interactions import Interactions
from bot.adapters.discord.messages import Messages
from bot.adapters.discord.rest import Rest
from bot.adapters.discord.syncing import keep_commands
from bot.adapters.discord.waiting import WaitingRoom
from bot.adapters.discord.watching import watch_gateway, watched_calls
from bot.assembly import Parts
from bot.intake import Intake
from bot.ledger import patiently
from bot.settings import DiscordSettings

_log = logging.getLogger(__name__)

_REMEMBERED_MESSAGES = 200
_LONGEST_LIMIT_SECONDS = 30.0
_CONNECT_SECONDS = 30.0
_GUILDS_SECONDS = 1.0
_CLOSE_SECONDS = 5.0


class GatewayUnreachable(Exception):  # noqa: N818 - says what happened
    """The gateway doesn't take a connection."""


class ColorizeClient(discord.AutoShardedClient):
    """One connection with all its shards; after it has failed, a new one is made."""

    def __init__(
        self, parts: Parts, intake: Intake, *, message_content: bool, seen: LastSeen, online: Callable[[], None]
    ) -> None:
        """``message_content`` asks for the privileged intent; ``online`` is called whenever it is ready."""
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # it never speaks
        super().__init__(
            intents=intents(message_content=message_content),
            allowed_mentions=discord.AllowedMentions(everyone=False, users=False, roles=False, replied_user=True),
            **_sharding(parts.settings.discord),
            max_messages=_REMEMBERED_MESSAGES,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_ratelimit_timeout=_LONGEST_LIMIT_SECONDS,
            shard_connect_timeout=_CONNECT_SECONDS,
            guild_ready_timeout=_GUILDS_SECONDS,
            http_trace=watched_calls(parts.metrics),
        )
        self._parts = parts
        self._gateway = parts.settings.discord.gateway_url
        self._seen = seen
        self._online = online
        self._launching: set[int] = set()
        self._chores: set[asyncio.Task[None]] = set()
        self.rest = Rest(self)
        self.waiting = WaitingRoom(parts.board, lambda: self.rest)
        self.messages = Messages(parts, intake, self.waiting, self)
        self.interactions = Interactions(parts, intake, self.waiting, self.rest)
        self.tree = commands.Tree(self)
        commands.add_to(self.tree)
        self.add_dynamic_items(AnswerButton)

    async def setup_hook(self) -> None:
        """Begin what doesn't need the gateway."""
        self._start(self._seen.keep())
        self._start(watch_gateway(self, self._parts.metrics))
        if self.application_id is not None and self._parts.settings.discord.has_first_shard:
            self._start(keep_commands(self.tree, self.application_id, self.rest, self._parts.settings.data_dir))

    # The gateway

    async def launch_shards(self) -> None:
        """Connect to where the operator says, else to where Discord says."""
        if self.is_closed():
            return
        shards, discords, _limits = await self.http.get_bot_gateway()
        self.shard_count = self._parts.settings.discord.shard_count or shards
        # discord.py takes the default for connections after the first, so that is to be the same place.
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self._gateway or discords)
        await super().launch_shards()

    async def launch_shard(self, gateway: yarl.URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect a shard. Raises ``GatewayUnreachable`` rather than trying for ever, ever deeper in the stack."""
        if shard_id in self._launching:
            raise GatewayUnreachable
        self._launching.add(shard_id)
        try:
            await super().launch_shard(gateway, shard_id, initial=initial)
        finally:
            self._launching.discard(shard_id)

    async def close(self) -> None:
        """Close the connection and end everything that was begun on it."""
        self._seen.breaks_off()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self.waiting.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await super().close()
        except TimeoutError:
            _log.info("Discord didn't confirm the end of the connection")
            await self.http.close()

    # Events

    async def on_shard_connect(self, shard_id: int) -> None:
        """Take note that a session begins; keep to the operator's gateway where Discord names another for resuming."""
        if self._gateway:
            self._get_websocket(shard_id=shard_id).gateway = yarl.URL(self._gateway)
        self._seen.begins(shard_id)
        await self._seen.save()

    async def on_ready(self) -> None:
        """Tell the operator; it comes again only when every shard has begun another session."""
        _log.info(
            "online on Discord: servers=%d shards=%d of %d", len(self.guilds), len(self.shards), self.shard_count or 1
        )
        self._seen.all_there()
        self._online()

    async def on_shard_ready(self, shard_id: int) -> None:
        """See to what was missed; it comes again after a session that couldn't be resumed."""
        self._start(catch_up(shard_id, self.guilds, self._seen, self.rest, self._heard_late))

    async def on_shard_disconnect(self, shard_id: int) -> None:
        """Take note that messages may be missed from now on."""
        self._seen.breaks_off(shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        """Take note that Discord has sent what was missed."""
        self._seen.goes_on(shard_id)

    async def on_message(self, message: discord.Message) -> None:
        """See to a message."""
        await patiently(lambda: self.messages.heard(message), what="a message")
        self._seen.saw(message.id, direct_channel=message.channel.id if is_direct(message) else None)

    async def _heard_late(self, message: discord.Message) -> None:
        await patiently(lambda: self.messages.heard_late(message), what="a message")

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """See to a message that was changed."""
        await patiently(lambda: self.messages.changed(payload.message), what="a changed message")

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """See to a message that is gone."""
        await patiently(lambda: self.messages.gone(payload.message_id), what="a deleted message")

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """See to messages that are gone."""
        for message_id in payload.message_ids:
            await patiently(partial(self.messages.gone, message_id), what="a deleted message")

    async def on_error(self, event_method: str, /, *args: object, **kwargs: object) -> None:
        """Log what nobody foresaw; the next event is seen to all the same."""
        _log.exception("an event of Discord failed: event=%s", event_method)

    def _start(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._chores.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("a chore on Discord failed", exc_info=error)


def _sharding(settings: DiscordSettings) -> dict[str, Any]:
    """Return which shards to connect, where the operator says; discord.py asks Discord otherwise."""
    if settings.shard_count is None:
        return {}
    return {"shard_count": settings.shard_count, "shard_ids": list(settings.shard_ids or range(settings.shard_count))}


def intents(*, message_content: bool) -> discord.Intents:
    """Return what the bot wants to hear about, and no more."""
    return discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=message_content)
