"""The state that all endpoints share, and what makes the gateway speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.platforms.discord import errors
from tests.platforms.discord.cdn import Cdn
from tests.platforms.discord.gateway import Gateway
from tests.platforms.discord.permissions import EVERYTHING, NOTHING, Permission
from tests.platforms.discord.rendering import Renderer, channel_document, guild_document, message_event
from tests.platforms.discord.snowflakes import Snowflakes
from tests.platforms.discord.state import (
    DM,
    GROUP,
    MESSAGE_CONTENT,
    MIB,
    TEXT,
    THREAD,
    Channel,
    Guild,
    Interaction,
    Message,
    User,
)


@dataclass
class Rules:
    """What a test may bend: durations in seconds, sizes in bytes."""

    token: str = "double.of-a.token"
    message_content: bool = True
    """Whether the developer portal's switch for the privileged intent is on."""
    acknowledge_seconds: float = 3.0
    token_seconds: float = 900.0
    link_seconds: float = 86400.0
    nonce_seconds: float = 300.0
    calls_per_bucket: int = 50
    bucket_seconds: float = 1.0
    shards: int = 1
    heartbeat_seconds: float = 41.25
    user_filesize_limit: int = 10 * MIB
    check_own_answers: bool = False
    """Whether the double's answers are held against the description too, which takes time."""


@dataclass(eq=False)
class World:
    """One Discord with one application, whose bot it serves."""

    rules: Rules
    cdn: Cdn
    gateway: Gateway
    snowflakes: Snowflakes = field(default_factory=Snowflakes)
    users: dict[int, User] = field(default_factory=dict)
    guilds: dict[int, Guild] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    commands: dict[int, dict[str, Any]] = field(default_factory=dict)
    interactions: dict[str, Interaction] = field(default_factory=dict)
    """By their tokens."""
    deleted: list[Message] = field(default_factory=list)
    nonces: dict[tuple[int, str], tuple[float, Message]] = field(default_factory=dict)
    """When a channel and nonce were last used, and for which message."""
    api_base: str = ""
    bot: User = field(init=False)
    owner: User = field(init=False)
    renderer: Renderer = field(init=False)

    def __post_init__(self) -> None:
        self.owner = self.new_user("owner")
        self.bot = self.new_user("colorizebot", bot=True)
        self.renderer = Renderer(self.cdn, self.bot)

    @property
    def application_flags(self) -> int:
        return 1 << 23 | (MESSAGE_CONTENT | 1 << 19 if self.rules.message_content else 0)

    # Making things

    def new_user(self, name: str, *, bot: bool = False) -> User:
        user = User(self.snowflakes.new(), name, bot)
        self.users[user.id] = user
        return user

    def new_guild(self, name: str, everyone: Permission, filesize_limit: int, has_bot: bool) -> Guild:
        guild = Guild(self.snowflakes.new(), name, self.owner, everyone, filesize_limit, has_bot)
        guild.members[self.owner.id] = EVERYTHING
        if has_bot:
            guild.members[self.bot.id] = NOTHING
        self.guilds[guild.id] = guild
        if has_bot:
            self.gateway.publish("GUILD_CREATE", guild.id, lambda _: guild_document(guild, self.bot))
        return guild

    def new_channel(self, guild: Guild, name: str, *, nsfw: bool = False) -> Channel:
        channel = Channel(self.snowflakes.new(), TEXT, name, guild, nsfw=nsfw)
        guild.channels[channel.id] = self.channels[channel.id] = channel
        self.channel_event("CHANNEL_CREATE", channel)
        return channel

    def new_thread(self, parent: Channel, name: str) -> Channel:
        assert parent.guild is not None
        thread = Channel(self.snowflakes.new(), THREAD, name, parent.guild, parent=parent, denied=parent.denied)
        parent.guild.channels[thread.id] = self.channels[thread.id] = thread
        self.channel_event("THREAD_CREATE", thread)
        return thread

    def direct_channel(self, user: User) -> Channel:
        """Return the direct messages between somebody and the bot."""
        for channel in self.channels.values():
            if channel.kind == DM and set(channel.recipients) == {user, self.bot}:
                return channel
        channel = Channel(self.snowflakes.new(), DM, recipients=(user, self.bot))
        self.channels[channel.id] = channel
        return channel

    def group_channel(self, *users: User) -> Channel:
        """Return a new channel between people, without the bot."""
        channel = Channel(self.snowflakes.new(), DM if len(users) == 2 else GROUP, recipients=users)
        self.channels[channel.id] = channel
        return channel

    # Looking things up as the bot

    def channel_for_bot(self, channel_id: int, *needed: Permission) -> Channel:
        """Return a channel where the bot has the permissions. Raises ``ApiError``."""
        channel = self.channels.get(channel_id)
        if channel is None or channel.gone:
            raise errors.unknown_channel()
        allowed = channel.allows(self.bot)
        if not allowed & Permission.VIEW_CHANNEL:
            raise errors.missing_access()
        for permission in needed:
            if not allowed & permission:
                raise errors.missing_permissions()
        return channel

    # Telling the gateway

    def add(self, message: Message) -> None:
        """Put a new message into its channel, where all can see it."""
        message.channel.messages[message.id] = message
        self.message_event("MESSAGE_CREATE", message)

    def remove(self, message: Message) -> None:
        """Delete a message."""
        message.channel.messages.pop(message.id, None)
        for attachment in message.attachments:
            self.cdn.forget(attachment)
        self.deleted.append(message)
        if message.ephemeral:
            return
        channel = message.channel
        document = {"id": str(message.id), "channel_id": str(channel.id)}
        if channel.guild:
            document["guild_id"] = str(channel.guild.id)
        self._tell(channel, "MESSAGE_DELETE", lambda _: document)

    def message_event(self, name: str, message: Message) -> None:
        if not message.ephemeral:
            self._tell(message.channel, name, lambda readable: message_event(self.renderer, message, readable=readable))

    def channel_event(self, name: str, channel: Channel) -> None:
        if channel.guild is not None:
            self._tell(channel, name, lambda _: channel_document(channel))

    def _tell(self, channel: Channel, name: str, document: Callable[[bool], dict[str, Any]]) -> None:
        if channel.allows(self.bot) & Permission.VIEW_CHANNEL:
            self.gateway.publish(name, channel.guild.id if channel.guild else None, document)
