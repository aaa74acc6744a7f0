"""What people do on this Discord: they write, forward, use commands and press buttons."""

from __future__ import annotations

import io
import re
import secrets
import time
from collections.abc import Sequence
from typing import Any

from PIL import Image

from tests.platforms.discord.interactions import Interactions
from tests.platforms.discord.permissions import NOTHING
from tests.platforms.discord.posting import make_attachment, mentioned
from tests.platforms.discord.rendering import (
    channel_document,
    member_document,
    owners_of,
    permissions_of,
    user_document,
)
from tests.platforms.discord.state import (
    DM,
    REPLY,
    Channel,
    File,
    Interaction,
    Message,
    Sticker,
    User,
)
from tests.platforms.discord.world import World

_SUB_COMMAND, _STRING, _INTEGER, _BOOLEAN, _ATTACHMENT, _NUMBER = 1, 3, 4, 5, 11, 10
_SLASH, _MENU = 1, 3
_LINK = re.compile(r"https?://[^\s<>]+")


class NotOffered(AssertionError):  # noqa: N818 - says what happened
    """What somebody wanted to use is not there for them."""


class People:
    """Acts on behalf of everybody but the bot; to be called on the double's own thread."""

    def __init__(self, world: World, interactions: Interactions) -> None:
        self._world = world
        self._interactions = interactions

    def says(
        self,
        user: User,
        channel: Channel,
        content: str = "",
        *,
        attachments: Sequence[File] = (),
        reply_to: Message | None = None,
        ping: bool = True,
        embeds: Sequence[dict[str, Any]] = (),
        stickers: Sequence[tuple[Sticker, bytes]] = (),
        nonce: str | None = None,
    ) -> Message:
        """Write a message."""
        world = self._world
        message = Message(world.snowflakes.new(), channel, user, content, nonce=nonce or secrets.token_hex(8))
        message.attachments = [make_attachment(world, file, channel.id) for file in attachments]
        message.embeds = [dict(embed) for embed in embeds]
        message.stickers = tuple(sticker for sticker, _ in stickers)
        for sticker, data in stickers:
            world.cdn.keep_sticker(sticker, data)
        pinged = list(mentioned(world, content))
        if reply_to is not None:
            message.reply_to, message.replied, message.kind = reply_to, True, REPLY
            if ping:
                pinged.append(reply_to.author)
        message.mentions = message.pinged = tuple(dict.fromkeys(pinged))
        self._join(user, channel)
        world.add(message)
        return message

    def unfurls(self, message: Message, pictures: dict[str, bytes]) -> None:
        """Add the embeds of a message's links, as Discord does a moment after it was written."""
        for link in _LINK.findall(message.content):
            if link not in pictures:
                continue
            with Image.open(io.BytesIO(pictures[link])) as image:
                width, height = image.size
            shown = {"url": link, "proxy_url": link, "width": width, "height": height}
            message.embeds.append({"type": "image", "url": link, "thumbnail": shown})
        self._world.message_event("MESSAGE_UPDATE", message)

    def forwards(self, user: User, channel: Channel, original: Message) -> Message:
        """Forward a message; its content travels along as a snapshot."""
        message = Message(self._world.snowflakes.new(), channel, user, forwarded=original)
        self._join(user, channel)
        self._world.add(message)
        return message

    def edits(self, message: Message, content: str) -> None:
        message.revisions.append(message.content)
        message.content = content
        message.mentions = message.pinged = mentioned(self._world, content)
        self._world.message_event("MESSAGE_UPDATE", message)

    def deletes(self, message: Message) -> None:
        self._world.remove(message)

    def slash(
        self, user: User, channel: Channel, name: str, options: dict[str, Any], *, user_installed: bool
    ) -> Interaction:
        """Use a slash command; files become attachments, choices may be given by their name or value."""
        command = self._command(name, _SLASH, channel, user_installed)
        resolved: dict[str, Any] = {}
        given = [self._option(command, option, value, resolved) for option, value in options.items()]
        missing = [o["name"] for o in command.get("options", []) if o.get("required") and o["name"] not in options]
        if missing:
            raise NotOffered(f"/{name} needs {missing}")
        data: dict[str, Any] = {"id": command["id"], "name": command["name"], "type": _SLASH}
        if given:
            data["options"] = given
        if resolved:
            data["resolved"] = resolved
        return self._interact(user, channel, 2, data, user_installed=user_installed)

    def menu(self, user: User, name: str | None, message: Message, *, user_installed: bool) -> Interaction:
        """Use a message command (Apps > ...) on a message; ``None`` takes the only one there is."""
        command = self._command(name, _MENU, message.channel, user_installed)
        shown = self._world.renderer.message(message, readable=True)
        data = {
            "id": command["id"],
            "name": command["name"],
            "type": _MENU,
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): shown}},
        }
        return self._interact(user, message.channel, 2, data, user_installed=user_installed, message=message)

    def press(self, user: User, message: Message, button: str) -> Interaction:
        """Press a button, by its label or custom id."""
        if message.id not in message.channel.messages:
            raise NotOffered("the message is gone")
        if message.ephemeral and message.interaction is not None and message.interaction.user is not user:
            raise NotOffered("nobody else sees the message")
        buttons = message.buttons()
        custom_id = buttons.get(button, button)
        if custom_id not in buttons.values():
            raise NotOffered(f"there is no {button} among {sorted(buttons)}")
        data = {"component_type": 2, "custom_id": custom_id, "id": 1}
        by_user = message.interaction is not None and message.interaction.user_installed
        return self._interact(user, message.channel, 3, data, user_installed=by_user, message=message)

    def _option(self, command: dict[str, Any], name: str, value: Any, resolved: dict[str, Any]) -> dict[str, Any]:
        offered = {option["name"]: option for option in command.get("options", [])}
        if name not in offered:
            raise NotOffered(f"/{command['name']} has no {name}, but {sorted(offered)}")
        option = offered[name]
        kind = option["type"]
        if kind == _ATTACHMENT:
            attachment = make_attachment(self._world, value, self._world.bot.id, ephemeral=True)
            shown = self._world.renderer.attachment(attachment)
            resolved.setdefault("attachments", {})[str(attachment.id)] = shown
            return {"name": name, "type": kind, "value": str(attachment.id)}
        if option.get("choices"):
            value = _choice(option, value)
        right = {_STRING: str, _INTEGER: int, _BOOLEAN: bool, _NUMBER: (int, float)}[kind]
        if not isinstance(value, right):
            raise NotOffered(f"{name} takes no {value!r}")
        return {"name": name, "type": kind, "value": value}

    def _command(self, name: str | None, kind: int, channel: Channel, user_installed: bool) -> dict[str, Any]:
        known = list(self._world.commands.values())
        found = [command for command in known if command["type"] == kind and name in (None, command["name"])]
        if not found:
            raise NotOffered(f"there is no {name} among {[command['name'] for command in known]}")
        command = found[0]
        if int(user_installed) not in command["integration_types"]:
            raise NotOffered(f"{name} can't be installed like that")
        context = self._context(channel)
        if command["contexts"] is not None and context not in command["contexts"]:
            raise NotOffered(f"{name} is not offered in context {context}")
        return command

    def _context(self, channel: Channel) -> int:
        if channel.guild is not None:
            return 0
        return 1 if channel.kind == DM and self._world.bot in channel.recipients else 2

    def _interact(
        self,
        user: User,
        channel: Channel,
        kind: int,
        data: dict[str, Any],
        *,
        user_installed: bool,
        message: Message | None = None,
    ) -> Interaction:
        world = self._world
        self._join(user, channel)
        token = secrets.token_urlsafe(120)
        interaction = Interaction(
            id=world.snowflakes.new(),
            token=token,
            kind=kind,
            user=user,
            channel=channel,
            began=time.monotonic(),
            data=data,
            command=data.get("name", ""),
            message=message,
            user_installed=user_installed,
        )
        world.interactions[token] = interaction
        document = self._document(interaction)
        world.gateway.publish("INTERACTION_CREATE", channel.guild.id if channel.guild else None, lambda _: document)
        return interaction

    def _document(self, interaction: Interaction) -> dict[str, Any]:
        channel, user, guild = interaction.channel, interaction.user, interaction.channel.guild
        world = self._world
        theirs = permissions_of(user, channel)
        document: dict[str, Any] = {
            "id": str(interaction.id),
            "application_id": str(world.bot.id),
            "type": interaction.kind,
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel_id": str(channel.id),
            "channel": {**channel_document(channel), "permissions": theirs},
            "locale": "en-US",
            "entitlements": [],
            "entitlement_sku_ids": [],
            "app_permissions": permissions_of(world.bot if guild is None or guild.has_bot else user, channel),
            "authorizing_integration_owners": owners_of(user, channel, interaction.user_installed),
            "context": self._context(channel),
            "attachment_size_limit": self._interactions.filesize_limit(interaction),
        }
        if interaction.kind == 3 and interaction.message is not None:
            document["message"] = world.renderer.message(interaction.message, readable=True)
        if guild is None:
            document["user"] = user_document(user)
        else:
            document["guild_id"] = str(guild.id)
            document["guild"] = {"id": str(guild.id), "locale": "en-US", "features": []}
            document["guild_locale"] = "en-US"
            document["member"] = {**member_document(guild, user, with_user=True), "permissions": theirs}
        return document

    def _join(self, user: User, channel: Channel) -> None:
        if channel.guild is not None:
            channel.guild.members.setdefault(user.id, NOTHING)


def _choice(option: dict[str, Any], value: Any) -> Any:
    for choice in option["choices"]:
        if value in (choice["value"], choice["name"]):
            return choice["value"]
    raise NotOffered(f"{option['name']} offers {[choice['name'] for choice in option['choices']]}, not {value!r}")
