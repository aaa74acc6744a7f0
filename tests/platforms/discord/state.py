"""What there is on this Discord: people, guilds, channels, messages, commands and interactions."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from PIL import Image, UnidentifiedImageError

from tests.platforms.discord.permissions import NOTHING, ORDINARY, Permission

MIB = 2**20
EPHEMERAL = 1 << 6
LOADING = 1 << 7
HAS_SNAPSHOT = 1 << 14
MESSAGE_CONTENT = 1 << 18
MESSAGE_CONTENT_LIMITED = 1 << 19

TEXT, DM, GROUP, THREAD = 0, 1, 3, 11
REPLY, SLASH_ANSWER, MENU_ANSWER = 19, 20, 23


@dataclass(eq=False)
class User:
    """Somebody, or the bot."""

    id: int
    name: str
    bot: bool = False
    closed_to_bots: bool = False
    """Whether direct messages from the bot are refused."""

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(eq=False)
class Guild:
    """A server."""

    id: int
    name: str
    owner: User
    everyone: Permission
    """What everybody may do, the bot included."""
    filesize_limit: int
    has_bot: bool
    """False for a guild where only a person has installed the app."""
    members: dict[int, Permission] = field(default_factory=dict)
    """Members by their id, with what their roles allow beyond everybody's."""
    channels: dict[int, Channel] = field(default_factory=dict)


@dataclass(eq=False)
class Channel:
    """Where messages are."""

    id: int
    kind: int
    name: str = ""
    guild: Guild | None = None
    recipients: tuple[User, ...] = ()
    parent: Channel | None = None
    """The channel that a thread is in."""
    nsfw: bool = False
    gone: bool = False
    denied: dict[int, Permission] = field(default_factory=dict)
    """What is denied here, by user."""
    messages: dict[int, Message] = field(default_factory=dict)

    def allows(self, user: User) -> Permission:
        """Return what somebody may do here."""
        if self.guild is None:
            return ORDINARY if user in self.recipients else NOTHING
        if user.id not in self.guild.members:
            return NOTHING
        allowed = (self.guild.everyone | self.guild.members[user.id]) & ~self.denied.get(user.id, NOTHING)
        return allowed if allowed & Permission.VIEW_CHANNEL else NOTHING

    @property
    def filesize_limit(self) -> int:
        return self.guild.filesize_limit if self.guild else 10 * MIB


@dataclass(frozen=True)
class File:
    """A file that somebody posts."""

    name: str
    data: bytes
    content_type: str | None = None


@dataclass(eq=False)
class Attachment:
    """A file at the CDN."""

    id: int
    filename: str
    data: bytes
    channel_id: int
    content_type: str | None
    description: str | None = None
    ephemeral: bool = False
    size: tuple[int, int] | None = None

    @property
    def spoiler(self) -> bool:
        return self.filename.startswith("SPOILER_")


@dataclass(frozen=True)
class Sticker:
    """A sticker in a message; ``kind`` is 1 for PNG, 2 for APNG, 3 for Lottie, 4 for GIF."""

    id: int
    name: str
    kind: int


@dataclass(eq=False, repr=False)
class Message:
    """A message, by a person or by the bot."""

    id: int
    channel: Channel
    author: User
    content: str = ""
    kind: int = 0
    flags: int = 0
    attachments: list[Attachment] = field(default_factory=list)
    embeds: list[dict[str, Any]] = field(default_factory=list)
    stickers: tuple[Sticker, ...] = ()
    components: list[dict[str, Any]] = field(default_factory=list)
    mentions: tuple[User, ...] = ()
    pinged: tuple[User, ...] = ()
    """Who hears a sound: the mentions that ``allowed_mentions`` lets through."""
    reply_to: Message | None = None
    replied: bool = False
    """Whether it was a reply, even when the other message is gone."""
    forwarded: Message | None = None
    nonce: str | int | None = None
    interaction: Interaction | None = None
    edited: datetime | None = None
    revisions: list[str] = field(default_factory=list)
    """What its content was before each edit."""
    reactions: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        return f"<message {self.id} by {self.author.name}: {self.content[:60]!r}, {len(self.attachments)} files>"

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether it still says that the app is thinking."""
        return bool(self.flags & LOADING)

    @property
    def spoken(self) -> bool:
        """Whether it tells anything yet: a deferred response that was never edited does not."""
        return not self.loading

    def buttons(self) -> dict[str, str]:
        """Return the custom ids (or links) of its buttons by their labels, at whatever depth."""
        found: dict[str, str] = {}

        def look(component: dict[str, Any]) -> None:
            if component["type"] == 2:
                name = component.get("label") or (component.get("emoji") or {}).get("name") or ""
                found[name] = component.get("custom_id") or component.get("url") or ""
            for inner in [*component.get("components", []), *filter(None, [component.get("accessory")])]:
                look(inner)

        for component in self.components:
            look(component)
        return found


@dataclass(eq=False, repr=False)
class Interaction:
    """Somebody used a command or pressed a button."""

    id: int
    token: str
    kind: int
    user: User
    channel: Channel
    began: float
    """On the monotonic clock, in seconds."""
    data: dict[str, Any]
    command: str = ""
    message: Message | None = None
    user_installed: bool = False
    acknowledged: float | None = None
    """How many seconds after it began; ``None`` while it is not."""
    callback: int | None = None
    original: Message | None = None
    follow_ups: list[Message] = field(default_factory=list)
    ended: bool = False
    """Set by a test whose token has run out."""

    def __repr__(self) -> str:
        return f"<interaction {self.id} of {self.user.name}: {self.command or self.data.get('custom_id')}>"


def measured(data: bytes) -> tuple[tuple[int, int] | None, str | None]:
    """Return the size in pixels and the media type of a picture; ``(None, None)`` when it is none."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size, Image.MIME.get(image.format or "")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return None, None
