"""The API's documents about what there is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.platforms.discord.cdn import Cdn
from tests.platforms.discord.permissions import EVERYTHING
from tests.platforms.discord.snowflakes import moment_of
from tests.platforms.discord.state import HAS_SNAPSHOT, Attachment, Channel, Guild, Message, User


def user_document(user: User) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": str(user.id),
        "username": user.name,
        "global_name": None if user.bot else user.name.title(),
        "avatar": None,
        "discriminator": "0001" if user.bot else "0",
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
        "avatar_decoration_data": None,
        "collectibles": None,
    }
    if user.bot:
        document["bot"] = True
    return document


def member_document(guild: Guild, user: User, *, with_user: bool = False) -> dict[str, Any]:
    """Return the part of a member that messages carry, or the whole one."""
    document: dict[str, Any] = {
        "roles": [str(_own_role(guild, user))] if guild.members.get(user.id) else [],
        "nick": None,
        "avatar": None,
        "banner": None,
        "joined_at": _written(moment_of(guild.id)),
        "premium_since": None,
        "communication_disabled_until": None,
        "flags": 0,
        "pending": False,
        "deaf": False,
        "mute": False,
    }
    if with_user:
        document["user"] = user_document(user)
    return document


def guild_document(guild: Guild, bot: User) -> dict[str, Any]:
    """Return the guild as GUILD_CREATE does."""
    roles = [_role(guild.id, "@everyone", int(guild.everyone), 0)]
    roles += [
        _role(guild.id ^ member, f"role-of-{member}", int(allowed), place)
        for place, (member, allowed) in enumerate(guild.members.items(), 1)
        if allowed
    ]
    there = [channel for channel in guild.channels.values() if not channel.gone]
    tier = 3 if guild.filesize_limit >= 100 * 2**20 else 2 if guild.filesize_limit >= 50 * 2**20 else 0
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "owner_id": str(guild.owner.id),
        "region": "us-west",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": roles,
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "vanity_url_code": None,
        "description": None,
        "banner": None,
        "premium_tier": tier,
        "preferred_locale": "en-US",
        "public_updates_channel_id": None,
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
        "joined_at": _written(moment_of(guild.id)),
        "large": False,
        "unavailable": False,
        "member_count": len(guild.members),
        "voice_states": [],
        "members": [member_document(guild, bot, with_user=True)],
        "channels": [channel_document(channel) for channel in there if channel.parent is None],
        "threads": [channel_document(channel) for channel in there if channel.parent is not None],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def channel_document(channel: Channel) -> dict[str, Any]:
    last = max(channel.messages, default=None)
    document: dict[str, Any] = {
        "id": str(channel.id),
        "type": channel.kind,
        "flags": 0,
        "last_message_id": None if last is None else str(last),
    }
    if channel.guild is None:
        document["recipients"] = [user_document(user) for user in channel.recipients if not user.bot]
        return document
    document |= {
        "guild_id": str(channel.guild.id),
        "name": channel.name,
        "position": 0,
        "topic": None,
        "nsfw": channel.nsfw,
        "parent_id": None if channel.parent is None else str(channel.parent.id),
        "rate_limit_per_user": 0,
        "permission_overwrites": [
            {"id": str(user), "type": 1, "allow": "0", "deny": str(int(denied))}
            for user, denied in channel.denied.items()
        ],
    }
    if channel.parent is not None:
        document |= {
            "owner_id": str(channel.guild.owner.id),
            "message_count": len(channel.messages),
            "member_count": 1,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": 1440,
                "archive_timestamp": _written(moment_of(channel.id)),
                "locked": False,
            },
        }
    return document


class Renderer:
    """Writes messages as the bot gets to see them."""

    def __init__(self, cdn: Cdn, bot: User) -> None:
        self._cdn = cdn
        self._bot = bot

    def message(self, message: Message, *, readable: bool) -> dict[str, Any]:
        """Return a message; without the privileged intent its content is empty, with Discord's exceptions.

        ``readable`` says whether the intent is there, or the message is handed over by an interaction.
        """
        document = self._skeleton(message)
        may_read = readable or self._may_read(message)
        if may_read:
            document |= self._content(message)
        if message.replied:
            document["message_reference"] = self._reference(message)
            original = message.reply_to
            there = original is not None and original.id in original.channel.messages
            document["referenced_message"] = (
                self.message(original, readable=readable) if there and original is not None else None
            )
        if message.forwarded is not None:
            document["message_reference"] = {
                "type": 1,
                "channel_id": str(message.forwarded.channel.id),
                "message_id": str(message.forwarded.id),
            }
            document["flags"] |= HAS_SNAPSHOT
            if may_read:
                document["message_snapshots"] = [{"message": self._snapshot(message.forwarded)}]
        if message.interaction is not None:
            document |= _by_interaction(message)
        return document

    def attachment(self, attachment: Attachment) -> dict[str, Any]:
        link = self._cdn.link(attachment)
        document: dict[str, Any] = {
            "id": str(attachment.id),
            "filename": attachment.filename,
            "size": len(attachment.data),
            "url": link,
            "proxy_url": link,
        }
        if attachment.content_type:
            document["content_type"] = attachment.content_type
        if attachment.description:
            document["description"] = attachment.description
        if attachment.ephemeral:
            document["ephemeral"] = True
        if attachment.spoiler:
            document["flags"] = 1 << 3
        if attachment.size:
            document["width"], document["height"] = attachment.size
            document["placeholder"], document["placeholder_version"] = "4/cBDYJdeIh3d4eAd4iJd3eXBg==", 1
        return document

    def _may_read(self, message: Message) -> bool:
        private = message.channel.guild is None and self._bot in message.channel.recipients
        return message.author is self._bot or private or self._bot in message.mentions

    def _skeleton(self, message: Message) -> dict[str, Any]:
        document: dict[str, Any] = {
            "id": str(message.id),
            "type": message.kind,
            "channel_id": str(message.channel.id),
            "author": user_document(message.author),
            "content": "",
            "attachments": [],
            "embeds": [],
            "components": [],
            "mentions": [user_document(user) for user in message.mentions],
            "mention_roles": [],
            "mention_everyone": False,
            "pinned": False,
            "tts": False,
            "flags": message.flags,
            "timestamp": _written(moment_of(message.id)),
            "edited_timestamp": _written(message.edited) if message.edited else None,
        }
        if message.nonce is not None:
            document["nonce"] = message.nonce
        return document

    def _content(self, message: Message) -> dict[str, Any]:
        embedded = [file for file in message.attachments if f"attachment://{file.filename}" in str(message.embeds)]
        content: dict[str, Any] = {
            "content": message.content,
            "attachments": [self.attachment(file) for file in message.attachments if file not in embedded],
            "embeds": [self._with_links(embed, message) for embed in message.embeds],
            "components": [self._with_links(component, message) for component in message.components],
        }
        if message.stickers:
            content["sticker_items"] = [
                {"id": str(sticker.id), "name": sticker.name, "format_type": sticker.kind}
                for sticker in message.stickers
            ]
        return content

    def _with_links(self, part: Any, message: Message) -> Any:
        """Put the files' links in the place of ``attachment://name``, and write each picture as Discord does."""
        if isinstance(part, list):
            return [self._with_links(inner, message) for inner in part]
        if not isinstance(part, dict):
            return part
        url = part.get("url")
        if isinstance(url, str) and url.startswith("attachment://"):
            for file in message.attachments:
                if f"attachment://{file.filename}" == url:
                    shown = self.attachment(file)
                    kept = {name: shown[name] for name in ("url", "proxy_url", "width", "height") if name in shown}
                    return {**part, **kept}
        return {name: self._with_links(inner, message) for name, inner in part.items()}

    def _snapshot(self, message: Message) -> dict[str, Any]:
        whole = {**self._skeleton(message), **self._content(message)}
        kept = ("type", "content", "mentions", "mention_roles", "attachments", "embeds", "timestamp")
        kept += ("edited_timestamp", "flags", "components", "sticker_items")
        return {name: whole[name] for name in kept if name in whole}

    def _reference(self, message: Message) -> dict[str, Any]:
        original = message.reply_to
        assert original is not None
        reference = {"type": 0, "channel_id": str(original.channel.id), "message_id": str(original.id)}
        if original.channel.guild is not None:
            reference["guild_id"] = str(original.channel.guild.id)
        return reference


def _by_interaction(message: Message) -> dict[str, Any]:
    interaction = message.interaction
    assert interaction is not None
    metadata: dict[str, Any] = {
        "id": str(interaction.id),
        "type": interaction.kind,
        "user": user_document(interaction.user),
        "authorizing_integration_owners": owners_of(interaction.user, interaction.channel, interaction.user_installed),
    }
    if interaction.kind == 3 and interaction.message is not None:
        metadata["interacted_message_id"] = str(interaction.message.id)
    if interaction.kind == 2 and interaction.message is not None:
        metadata["target_message_id"] = str(interaction.message.id)
    if message is not interaction.original and interaction.original is not None:
        metadata["original_response_message_id"] = str(interaction.original.id)
    return {
        "interaction_metadata": metadata,
        "application_id": str(message.author.id),
        "webhook_id": str(message.author.id),
    }


def owners_of(user: User, channel: Channel, user_installed: bool) -> dict[str, str]:
    """Return who installed the app: a person (1), or the guild (0, which is "0" in the bot's direct messages)."""
    if user_installed:
        return {"1": str(user.id)}
    return {"0": str(channel.guild.id) if channel.guild else "0"}


def message_event(renderer: Renderer, message: Message, *, readable: bool) -> dict[str, Any]:
    """Return the message as MESSAGE_CREATE and MESSAGE_UPDATE do."""
    document = renderer.message(message, readable=readable)
    guild = message.channel.guild
    document["channel_type"] = message.channel.kind
    if guild is not None:
        document["guild_id"] = str(guild.id)
        if message.author.id in guild.members:
            document["member"] = member_document(guild, message.author)
        document["mentions"] = [
            {**user_document(user), "member": member_document(guild, user)} for user in message.mentions
        ]
    return document


def permissions_of(user: User, channel: Channel) -> str:
    """Return a member's permissions as an interaction tells them."""
    if channel.guild is None:
        return str(int(EVERYTHING))
    return str(int(channel.allows(user)))


def _own_role(guild: Guild, user: User) -> int:
    return guild.id ^ user.id


def _role(role_id: int, name: str, permissions: int, position: int) -> dict[str, Any]:
    return {
        "id": str(role_id),
        "name": name,
        "description": None,
        "permissions": str(permissions),
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
